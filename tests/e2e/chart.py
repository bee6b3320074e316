"""The patients of a folder of transaction Bundles, as the sandbox's loader leaves them; and a stand-in for Synthea's."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.stack import ROOT

SYNTHEA = ROOT.parent / "shared" / "data" / "synthea"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
_STAND_INS = 14
_PROBLEMS = (("59621000", "Hypertension"), ("44054006", "Diabetes"), ("55822004", "Hyperlipidemia"))


@dataclass(frozen=True)
class Chart:
    """What the month needs to know of a patient: whose they are, the last visit, Condition ids by ICD-10-CM code."""

    patient: str
    practitioner: str
    last_visit: str
    conditions: dict[str, str]


def load(folder: Path, month: str) -> list[Chart]:
    """Let the sandbox load Synthea's patients (or the stand-ins) into `folder`, moved to `month`, and read their charts."""
    source = SYNTHEA
    if not source.is_dir():
        source = folder / "stand-ins"
        source.mkdir(parents=True)
        for number in range(_STAND_INS):
            (source / f"{number:02d}.json").write_text(json.dumps(_stand_in(number)))
    words = ["-m", "deploy.sandbox", "load", str(source), "--month", month, "--out", str(folder)]
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    loaded = json.loads((folder / "fhir" / "loaded.json").read_bytes())
    return _charts([entry["resource"] for entry in loaded["entry"]])


def _charts(resources: list[dict[str, Any]]) -> list[Chart]:
    of_patient: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        subject = resource.get("subject") or resource.get("patient") or {}
        of_patient.setdefault(subject.get("reference", "").removeprefix("Patient/"), []).append(resource)
    return [_chart(patient, of_patient[patient]) for patient in sorted(of_patient) if patient]


def _chart(patient: str, resources: list[dict[str, Any]]) -> Chart:
    episode = next(one for one in resources if one["resourceType"] == "EpisodeOfCare")
    visits = [one["period"]["start"][:10] for one in resources if one["resourceType"] == "Encounter"]
    conditions = {
        coding["code"]: one["id"]
        for one in resources
        if one["resourceType"] == "Condition" and one["clinicalStatus"]["coding"][0]["code"] == "active"
        for coding in one["code"]["coding"]
        if coding["system"] == ICD10
    }
    return Chart(patient, episode["careManager"]["reference"].removeprefix("Practitioner/"), max(visits), conditions)


def _stand_in(number: int) -> dict[str, Any]:
    """Return a patient in Synthea's manner: SNOMED codes, dates of 2021, references by urn; the last has one problem only."""
    person, doctor = f"00000000-0000-4000-8000-0000000001{number:02d}", f"00000000-0000-4000-8000-0000000002{number % 2:02d}"
    subject, seen = {"reference": f"urn:uuid:{person}"}, {"reference": f"urn:uuid:{doctor}"}
    problems = _PROBLEMS[: 1 if number == _STAND_INS - 1 else 3]
    resources: list[dict[str, Any]] = [
        {
            "resourceType": "Patient",
            "id": person,
            "name": [{"family": f"Standin{number}", "given": ["Ada"]}],
            "gender": "female",
            "birthDate": f"19{40 + number}-03-01",
        },
        {"resourceType": "Practitioner", "id": doctor, "name": [{"family": f"Doctor{number % 2}"}]},
        {
            "resourceType": "Encounter",
            "id": f"visit-{number}",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "type": [{"coding": [{"system": SNOMED, "code": "185349003"}]}],
            "subject": subject,
            "participant": [{"individual": seen}],
            "period": {"start": "2021-04-06T10:00:00-04:00", "end": "2021-04-06T10:30:00-04:00"},
        },
        *(_problem(number, code, text, subject) for code, text in problems),
    ]
    entries = [
        {"fullUrl": f"urn:uuid:{one['id']}", "resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _problem(number: int, code: str, text: str, subject: dict[str, str]) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"problem-{number}-{code}",
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
        "verificationStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]
        },
        "code": {"coding": [{"system": SNOMED, "code": code, "display": text}], "text": text},
        "subject": subject,
        "onsetDateTime": "2015-05-01",
    }
