"""Other people's Bundles: references resolved, dates moved into the quarter before the month, what is missing added and said."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import deploy
from deploy.sandbox.clinic import generate, write_clinic
from deploy.sandbox.clinic.people import with_check_digit
from deploy.sandbox.load import load_bundles
from deploy.sandbox.store import Store

SYNTHEA = Path(deploy.__file__).parents[2] / "shared" / "data" / "synthea"
PATIENT, DOCTOR, VISIT, PROBLEM = (f"0000000{number}-0000-4000-8000-000000000000" for number in range(1, 5))


def foreign_bundle() -> dict[str, Any]:
    """A patient as a generator of records writes one: urn:uuid references, SNOMED CT only, an NPI that is none."""
    patient = {"reference": f"urn:uuid:{PATIENT}"}
    snomed = [{"system": "http://snomed.info/sct", "code": code} for code in ("38341003",)]
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": PATIENT, "birthDate": "1950-02-03"},
        {
            "resourceType": "Practitioner",
            "id": DOCTOR,
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "30"}],
        },
        {
            "resourceType": "Encounter",
            "id": VISIT,
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": patient,
            "participant": [{"individual": {"reference": f"urn:uuid:{DOCTOR}"}}],
            "period": {"start": "2020-11-06T09:00:00-05:00", "end": "2020-11-06T09:15:00-05:00"},
        },
        {
            "resourceType": "Condition",
            "subject": patient,
            "encounter": {"reference": f"urn:uuid:{VISIT}"},
            "code": {"coding": snomed},
            "onsetDateTime": "1999",
            "recordedDate": "2020-11-06",
        },
        {"resourceType": "Goal", "id": "g", "subject": patient},
    ]
    keys = [PATIENT, DOCTOR, VISIT, PROBLEM, "g"]
    entries = [
        {"fullUrl": f"urn:uuid:{key}", "resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
        for key, one in zip(keys, resources, strict=True)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def load(folder: Path, month: str | None = None) -> tuple[Store, list[str]]:
    store = Store()
    return store, load_bundles(folder, store, month).lines()


def one(store: Store, kind: str, key: str) -> dict[str, Any]:
    found = store.read(kind, key)
    assert found is not None
    return found.resource


def test_a_bundle_is_loaded_as_it_is_without_a_month(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(foreign_bundle()))
    store, lines = load(tmp_path)
    condition = one(store, "Condition", PROBLEM)
    assert condition["subject"] == {"reference": f"Patient/{PATIENT}"}
    assert condition["encounter"] == {"reference": f"Encounter/{VISIT}"}
    assert one(store, "Encounter", VISIT)["period"]["start"] == "2020-11-06T09:00:00-05:00"
    assert store.counts() == {"Patient": 1, "Practitioner": 1, "Condition": 1, "Encounter": 1}
    assert lines == ["1 bundles read: 1 Condition, 1 Encounter, 1 Patient, 1 Practitioner", "not kept here: 1 Goal"]


def test_with_a_month_it_is_moved_and_completed(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(foreign_bundle()))
    store, lines = load(tmp_path, "2026-10")
    start = one(store, "Encounter", VISIT)["period"]["start"]
    seen = date.fromisoformat(start[:10])
    assert date(2026, 7, 1) <= seen < date(2026, 10, 1)
    assert seen.weekday() == date(2020, 11, 6).weekday()
    assert start[10:] == "T09:00:00-05:00"
    assert one(store, "Patient", PATIENT)["birthDate"] == "1950-02-03"
    condition = one(store, "Condition", PROBLEM)
    assert (condition["onsetDateTime"], condition["recordedDate"]) == ("1999", seen.isoformat())
    assert {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"} in condition["code"]["coding"]
    episode = one(store, "EpisodeOfCare", f"episode-{PATIENT}")
    assert (episode["status"], episode["period"]["start"]) == ("active", start)
    assert episode["careManager"] == {"reference": f"Practitioner/{DOCTOR}"}
    assert one(store, "Coverage", f"coverage-{PATIENT}")["beneficiary"] == {"reference": f"Patient/{PATIENT}"}
    assert store.read("Organization", "medicare-part-b") is not None
    assert one(store, "CareTeam", f"team-{PATIENT}")["participant"][0]["member"] == {"reference": f"Practitioner/{DOCTOR}"}
    npi, former = sorted(one(store, "Practitioner", DOCTOR)["identifier"], key=lambda each: len(each["value"]), reverse=True)
    assert with_check_digit(npi["value"][:9]) == npi["value"]
    assert former["value"] == "30"
    assert lines[-1] == "added: 1 CareTeam, 1 Coverage, 1 EpisodeOfCare, 1 ICD-10-CM code, 1 valid NPI"


def test_a_patient_without_visits_is_said_to_lack_a_practitioner(tmp_path: Path) -> None:
    bundle = foreign_bundle()
    bundle["entry"] = bundle["entry"][:1]
    (tmp_path / "one.json").write_text(json.dumps(bundle))
    store, lines = load(tmp_path, "2026-10")
    assert lines[-1] == "one.json: no visit with a practitioner: no CareTeam and no EpisodeOfCare added"
    assert store.counts() == {"Patient": 1, "Coverage": 1, "Organization": 1}


@pytest.mark.parametrize("text", ["{", "[]", '{"resourceType":"Bundle","type":"batch"}', '{"resourceType":"Patient"}'])
def test_what_is_no_transaction_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.json").write_text(text)
    with pytest.raises(ValueError):
        load(tmp_path)


def test_the_clinics_own_folder_loads_the_same_way_and_twice_without_new_versions(tmp_path: Path) -> None:
    write_clinic(generate(patients=5), tmp_path)
    store, _ = load(tmp_path / "fhir")
    counts = store.counts()
    assert counts["Patient"] == counts["EpisodeOfCare"] == 5
    again = load_bundles(tmp_path / "fhir", store)
    assert again.bundles == 6
    assert store.counts() == counts
    assert all(version.number == 1 for kind in counts for version in store.current(kind))


def test_the_shared_records_load_whole() -> None:
    """Real input where it lies beside the checkout; the handmade Bundle above stands for it elsewhere."""
    if not SYNTHEA.is_dir():
        return
    store, lines = load(SYNTHEA, "2026-10")
    counts = store.counts()
    assert (counts["Patient"], counts["Coverage"], counts["EpisodeOfCare"], counts["CareTeam"]) == (60, 60, 60, 60)
    last: dict[str, str] = {}
    for version in store.current("Encounter"):
        who = version.resource["subject"]["reference"]
        last[who] = max(last.get(who, ""), version.resource["period"]["start"][:10])
    assert len(last) == 60
    assert all("2026-07-01" <= day < "2026-10-01" for day in last.values())
    assert "60 bundles read" in lines[0]
