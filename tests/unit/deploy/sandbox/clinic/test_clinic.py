"""The clinic is the same for the same seed, valid FHIR, and a month that people could have worked."""

import importlib
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from deploy.sandbox.clinic import Clinic, generate, write_clinic
from deploy.sandbox.clinic.people import with_check_digit

ZONE = ZoneInfo("America/New_York")
Span = tuple[datetime, datetime]

PROGRAMS = {"ccm", "pcm", "rpm", "tcm"}
ACTIVITIES = {
    "patient-contact", "caregiver-contact", "care-plan", "medication-management", "care-coordination", "care-transition",
    "result-review", "chart-review", "education", "community-resources", "outreach-attempt", "scheduling",
}  # fmt: skip
CREDENTIALS = {
    "physician", "nurse-practitioner", "registered-nurse", "licensed-practical-nurse", "medical-assistant", "non-clinical",
}  # fmt: skip
DISCLOSURES = {"availability", "cost-sharing", "one-practitioner", "right-to-stop", "scope-of-services"}


@pytest.fixture(scope="module")
def clinic() -> Clinic:
    return generate()


def measured(clinic: Clinic) -> dict[str, list[tuple[str, str, Span]]]:
    """The stretches that timers ran, by performer: patient, program, interval; pauses cut out."""
    running: dict[str, tuple[dict[str, Any], datetime]] = {}
    found = defaultdict(list)
    for action in clinic.work:
        if "timer" not in action or action.get("expect") == "refused":
            continue
        at, key = datetime.fromisoformat(action["at"]), action["timer"]
        if action["do"] == "timer.start":
            running[key] = (action, at)
        elif action["do"] == "timer.resume":
            running[key] = (running[key][0], at)
        else:
            begun, since = running[key]
            if since < at:
                found[begun["performer"]].append((begun["patient"], begun["program"], (since, at)))
            running[key] = (begun, at)
    return found


def logged(clinic: Clinic) -> list[dict[str, Any]]:
    return [action for action in clinic.work if action["do"] == "time.log" and action.get("expect") != "refused"]


def seconds_of(entry: dict[str, Any]) -> int:
    if "seconds" in entry:
        return int(entry["seconds"])
    return int((datetime.fromisoformat(entry["end"]) - datetime.fromisoformat(entry["start"])).total_seconds())


def test_the_same_seed_gives_the_same_hash_and_another_seed_another(clinic: Clinic, tmp_path: Path) -> None:
    first = write_clinic(clinic, tmp_path / "a")
    (tmp_path / "a" / "fhir" / "patient-99999.json").write_text("{}")
    assert write_clinic(generate(2026), tmp_path / "a") == first
    assert write_clinic(generate(2027), tmp_path / "b") != first
    assert len(list((tmp_path / "a" / "fhir").iterdir())) == 91
    assert orjson.loads((tmp_path / "a" / "work.json").read_bytes()) == clinic.work


@pytest.mark.parametrize(("month", "patients"), [("2026-02", 90), ("2027-11", 25), ("2024-12", 200)])
def test_other_months_and_sizes_hold_together(month: str, patients: int) -> None:
    made = generate(7, month, patients)
    assert len(made.expected) == patients
    for spans in measured(made).values():
        assert_apart(spans)
        assert all(f"{start.astimezone(ZONE):%Y-%m}" == month for _, _, (start, _) in spans)


def assert_apart(spans: list[tuple[str, str, Span]]) -> None:
    in_order = sorted(span for _, _, span in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(in_order))


def test_nobody_runs_two_timers_and_all_within_the_shift(clinic: Clinic) -> None:
    by_performer = measured(clinic)
    assert len(by_performer) >= 8
    for spans in by_performer.values():
        assert_apart(spans)
        for _, _, (start, end) in spans:
            local, until = start.astimezone(ZONE), end.astimezone(ZONE)
            assert local.weekday() < 5
            assert local.hour >= 8
            assert until.date() == local.date()
            assert (until - local.replace(hour=8, minute=0, second=0)) <= timedelta(hours=9)
            assert timedelta(seconds=60) <= end - start <= timedelta(minutes=15)


def test_entries_by_hand_clash_with_nothing_but_the_overlaps_that_are_tried(clinic: Clinic) -> None:
    by_performer = measured(clinic)
    for entry in logged(clinic):
        if "start" in entry:
            span = datetime.fromisoformat(entry["start"]), datetime.fromisoformat(entry["end"])
            by_performer[entry["performer"]].append((entry["patient"], entry["program"], span))
            assert datetime.fromisoformat(entry["at"]) > span[1]
    for spans in by_performer.values():
        assert_apart(spans)
    tried = [action for action in clinic.work if action.get("expect") == "refused"]
    assert Counter(action["do"] for action in tried) == {"timer.start": 1, "time.log": 1}


def test_the_minutes_are_those_intended_and_about_an_eighth_is_asserted(clinic: Clinic) -> None:
    total: Counter[tuple[str, str]] = Counter()
    for spans in measured(clinic).values():
        for patient, program, (start, end) in spans:
            total[patient, program] += int((end - start).total_seconds())
    asserted = sum(seconds_of(entry) for entry in logged(clinic))
    for entry in logged(clinic):
        total[entry["patient"], entry["program"]] += seconds_of(entry)
    for row in clinic.expected:
        for program, text in row["minutes"].items():
            minutes, seconds = text.split(":")
            assert total[row["patient"], program] == int(minutes) * 60 + int(seconds)
    assert 0.09 < asserted / total.total() < 0.15
    assert {program for _, program in total} == PROGRAMS


def test_every_situation_occurs_and_says_what_it_is(clinic: Clinic) -> None:
    labels = Counter(row["label"] for row in clinic.expected)
    assert labels.total() == 90
    assert labels["plain-20"] > 20
    ccm = {row["label"]: row["minutes"].get("ccm") for row in clinic.expected}
    assert ccm["exactly-20"] == "20:00"
    assert ccm["exactly-40"] == "40:00"
    assert ccm["nineteen"].startswith("19:")
    assert ccm["thirty-nine"].startswith("39:")
    patient = {row["label"]: row["patient"] for row in clinic.expected}
    consents = {action["patient"] for action in clinic.work if action["do"] == "consent.grant" and action["program"] == "ccm"}
    assert patient["no-consent"] not in consents
    assert patient["declined"] not in consents
    assert len(consents) == 87
    revoked = [action for action in clinic.work if action["do"] == "consent.revoke"]
    assert len(revoked) == labels["revoked"] + labels["revoked-short"]
    late = next(one for one in clinic.work if one["do"] == "consent.grant" and one["patient"] == patient["late-consent"])
    assert late["given_at"].startswith("2026-10")
    gap = next(one for one in clinic.work if one["do"] == "consent.grant" and one["patient"] == patient["missing-disclosure"])
    assert gap["disclosures"]["right-to-stop"] is False


def test_actions_are_in_order_and_speak_the_public_vocabulary(clinic: Clinic) -> None:
    assert [action["at"] for action in clinic.work] == sorted(action["at"] for action in clinic.work)
    people = {one["id"]: one for one in clinic.practice["people"]}
    conditions = {one["id"]: one["subject"]["reference"] for one in resources(clinic) if one["resourceType"] == "Condition"}
    for action in clinic.work:
        if "program" in action:
            assert action["program"] in PROGRAMS
        if "activity" in action:
            assert action["activity"] in ACTIVITIES
            assert people[action["performer"]]["credential"] == action["role"]
        if "problem" in action and action["do"] == "time.log":
            assert conditions[action["problem"]] == f"Patient/{action['patient']}"
        if action["do"] in ("consent.grant", "consent.decline"):
            assert set(action["disclosures"]) == DISCLOSURES
        if action["do"] == "roster.record":
            assert {one["credential"] for one in action["credentials"]} <= CREDENTIALS
            assert max(action["exclusion_checks"]) <= action["at"][:10]


def test_what_the_ehr_cannot_say_is_stated_by_the_billing_practitioner(clinic: Clinic) -> None:
    stated: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for action in clinic.work:
        if action["do"] == "attest":
            stated[action.get("patient", "practice")][action["kind"]] = action["value"]
    assert len(stated["practice"]) == 7
    assert all(value == {"given": True} for value in stated["practice"].values())
    for row in clinic.expected:
        kinds = set(stated[row["patient"]])
        assert ("risk" in kinds) == (row["label"] != "no-risk-statement")
        assert ("initiating-visit" in kinds) == (row["label"] != "no-initiating-visit")
        assert ("plan-copy" in kinds) == (row["label"] != "no-plan")
        assert ("lane" in kinds) == row["label"].startswith(("complex", "practitioner"))
        assert ("complexity" in kinds) == (row["label"] in ("complex-60", "complex-90"))
        assert ("other-service" in kinds) == row["label"].endswith("-beside")
    signed = [action for action in clinic.work if action.get("kind") in ("lane", "complexity")]
    assert all(datetime.fromisoformat(action["at"]).astimezone(ZONE).month == 10 for action in signed)


def test_good_notes_are_filled_in_and_never_repeat(clinic: Clinic) -> None:
    notes = [action for action in clinic.work if "note" in action and action.get("expect") != "refused"]
    assert all("{" not in action["note"] for action in notes)
    specific = [action["note"] for action in notes if "action_taken" in action]
    assert len(specific) > 400
    assert len(specific) == len(set(specific))


def test_the_lapsed_license_had_ended_when_its_holder_worked(clinic: Clinic) -> None:
    roster = {action["practitioner"]: action for action in clinic.work if action["do"] == "roster.record"}
    lapsed = {key: one["credentials"][0]["until"] for key, one in roster.items() if "until" in one["credentials"][0]}
    assert len(lapsed) == 1
    spans = [(key, span) for key, spans in measured(clinic).items() if key in lapsed for _, _, span in spans]
    assert spans
    assert all(f"{start:%Y-%m-%d}" > lapsed[key] for key, (start, _) in spans)


def resources(clinic: Clinic) -> list[dict[str, Any]]:
    return [entry["resource"] for content in clinic.bundles.values() for entry in content["entry"]]


def test_every_resource_is_valid_fhir_and_refers_to_what_exists(clinic: Clinic) -> None:
    known = {f"{one['resourceType']}/{one['id']}" for one in resources(clinic)}
    models = {
        kind: getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        for kind in {one["resourceType"] for one in resources(clinic)}
    }
    assert len(models) == 10
    for resource in resources(clinic):
        assert models[resource["resourceType"]].model_validate_json(orjson.dumps(resource)).id == resource["id"]
        assert set(references(resource)) <= known
    bundle = importlib.import_module("fhir.resources.R4B.bundle").Bundle
    assert len(bundle.model_validate_json(orjson.dumps(clinic.bundles["practice"])).entry) == 28


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [found for one in value.values() for found in references(one)]
    if isinstance(value, list):
        return [found for one in value for found in references(one)]
    return []


def test_numbers_pass_their_check_digits(clinic: Clinic) -> None:
    assert with_check_digit("123456789") == "1234567893"
    npis = [one["value"] for each in resources(clinic) for one in each.get("identifier", []) if one["system"].endswith("us-npi")]
    assert len(npis) == len(set(npis)) == 13
    assert all(with_check_digit(one[:9]) == one for one in npis)


def test_most_patients_have_two_conditions_and_one_has_one(clinic: Clinic) -> None:
    count = Counter(one["subject"]["reference"] for one in resources(clinic) if one["resourceType"] == "Condition")
    assert Counter(number >= 2 for number in count.values()) == {True: 89, False: 1}
