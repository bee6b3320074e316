"""A month for other people's patients, over HTTP: consents in, ten or more entries a patient, assembled, pulled, acknowledged.

The charges are held against an oracle that looks whole minutes up in printed tables.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from deploy.demo.closing import assemble, attest, results
from deploy.demo.month_work import MonthWork
from deploy.demo.progress import Progress
from deploy.demo.resources import CLAIM_IDS, EXTENSION, extension_of, seconds_of, time_entry
from deploy.demo.script import read_script
from deploy.demo.timeline import Action, timeline
from tests.e2e.chart import load
from tests.e2e.oracle import expected_charges, why_not
from tests.e2e.scripted_month import MONTH, NURSES, WORKDAYS, Done, Patient, aside, at, script
from tests.e2e.stack import Stack, stack

PRACTICE = {
    "name": "Harrow Family Medicine",
    "npi": "1234567893",
    "tin": "12-3456789",
    "zone": "America/New_York",
    "effective_from": date(2026, 9, 1),
}
AFTERWARDS = at(date(2026, 11, 2), 9)


@dataclass
class Month:
    """The month after everything was done, before anything is pulled."""

    stack: Stack
    patients: list[Patient]
    results: dict[str, dict[str, Any]]
    released: int


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """Work the month for every patient and let their practitioners sign."""
    folder = tmp_path_factory.mktemp("m")
    patients, actions = script(load(folder / "charts", MONTH))
    with stack(folder, folder / "charts", practice=PRACTICE, begins=at(date(2026, 9, 20), 8)) as running:
        work = MonthWork(running.ehr, running.staff, running.clock, Progress(folder / "progress"), lambda _: None)
        work.run(timeline(actions), lambda action: action["at"][:10])
        logged = {patient: dict(seconds) for patient, seconds in read_script(actions, []).logged.items()}
        for turn, patient in enumerate(one for one in patients if one.case.name == "one entry amended, one void"):
            _amend_and_void(running, patient, at(WORKDAYS[10], 15) + turn * timedelta(minutes=12))
            logged[patient.chart.patient] = {"ccm": sum(done.seconds for done in patient.done)}
        running.clock.set(AFTERWARDS)
        assemble(running.staff, MONTH, logged)
        _look_at_totals(running, {patient.chart.patient: patient.chart.practitioner for patient in patients})
        assemble(running.staff, MONTH, logged)
        released = attest(running.staff, MONTH, sorted({patient.chart.practitioner for patient in patients}))
        yield Month(running, patients, {one["patient"]: one for one in results(running.staff, MONTH)}, released)


def _look_at_totals(running: Stack, practitioners: dict[str, str]) -> None:
    """Answer what is asked of totals just past a threshold: the script puts them there, and timers measured them."""
    for one in list(results(running.staff, MONTH)):
        asked = {finding["key"] for finding in one["assembly"]["findings"] if finding["situation"] == "17"}
        body = {"decision": "bill", "reason": "the timers measured it", "by": practitioners[one["patient"]]}
        for key in asked & set(one["reviews"]):
            running.staff.call("POST", f"billing/reviews/{one['reviews'][key]}", json=body)


def test_every_patient_has_at_least_ten_entries(month: Month) -> None:
    """Each is found by search, with the seconds that were worked."""
    for patient in month.patients:
        tasks = list(month.stack.ehr.search("Task", patient=patient.chart.patient, status="completed"))
        assert len(tasks) == len(patient.done) >= 10
        assert sum(map(seconds_of, tasks)) == sum(done.seconds for done in patient.done)


def test_charges_pulled_are_those_of_the_oracle(month: Month) -> None:
    """Code by code and unit by unit, for every patient; who earned nothing has nothing on the queue."""
    pulled: dict[str, dict[str, int]] = {patient.chart.patient: {} for patient in month.patients}
    charges = list(month.stack.biller.search("ChargeItem", status="billable,billed", _count="7"))
    for charge in charges:
        units = pulled[charge["subject"]["reference"].rpartition("/")[2]]
        units[charge["code"]["coding"][0]["code"]] = int(charge["quantity"]["value"])
    assert pulled == {patient.chart.patient: expected_charges(patient) for patient in month.patients}
    assert len(charges) == month.released == len({charge["id"] for charge in charges})


def test_who_gets_no_charge_is_told_why(month: Month) -> None:
    """Held where a fact is missing, denied where the time is: by the gravest finding, with its rule and an action."""
    for patient in (one for one in month.patients if why_not(one)):
        assembly = month.results[patient.chart.patient]["assembly"]
        assert (patient.case.name, assembly["severity"]) == (patient.case.name, why_not(patient))
        gravest = [finding for finding in assembly["findings"] if finding["severity"] == assembly["severity"]]
        assert all(finding["rule"] and finding["text"] and finding["action"] for finding in gravest)


def test_acknowledged_charges_leave_the_queue(month: Month) -> None:
    """Billed under a claim number once; the same again changes nothing; the manifest adds up."""
    biller = month.stack.biller
    charges = list(biller.search("ChargeItem", status="billable"))
    body = {"resourceType": "Parameters", "parameter": [_billed(charge) for charge in charges]}
    for wanted in ("applied", "already"):
        answer = biller.call("POST", "fhir/R4/ChargeItem/$acknowledge", json=body).json()
        said = [part["valueCode"] for item in answer["parameter"] for part in item.get("part", []) if part["name"] == "result"]
        assert said == [wanted] * len(charges)
    assert list(biller.search("ChargeItem", status="billable")) == []
    manifest = biller.get(f"billing/months/{MONTH}/manifest")
    assert manifest["charges"] == len(charges)
    assert manifest["units"] == sum(sum(expected_charges(patient).values()) for patient in month.patients)
    assert {total["status"] for total in manifest["totals"]} == {"billed"}


def _billed(charge: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "item",
        "part": [
            {"name": "charge", "valueReference": {"reference": f"ChargeItem/{charge['id']}"}},
            {"name": "outcome", "valueCode": "billed"},
            {"name": "claim", "valueIdentifier": {"system": CLAIM_IDS, "value": charge["id"]}},
        ],
    }


def _amend_and_void(running: Stack, patient: Patient, start: datetime) -> None:
    """Log two stretches by hand; lengthen the one from one minute to two, and void the other."""
    running.clock.set(start + timedelta(minutes=30))
    kept = _log(running, patient, "kept", start, 60)
    wrong = _log(running, patient, "wrong", start + timedelta(minutes=5), 300)
    longer = {**kept["executionPeriod"], "end": (start + timedelta(seconds=120)).isoformat()}
    why = {"url": EXTENSION + "change-reason", "valueString": "the call went on for another minute"}
    outputs = [output for output in kept["output"] if "valueDuration" not in output]
    _put(running, {**kept, "executionPeriod": longer, "output": outputs, "extension": [*kept["extension"], why]})
    _put(running, {**wrong, "status": "entered-in-error", "statusReason": {"text": "another patient's"}})
    patient.done.append(Done(start, 120, NURSES[0]))


def _log(running: Stack, patient: Patient, name: str, start: datetime, seconds: int) -> dict[str, Any]:
    own = random.Random(f"{name}-{patient.chart.patient}")
    action: Action = {
        "entry": f"{name}-{patient.chart.patient}",
        "performer": NURSES[0],
        "role": "registered-nurse",
        "patient": patient.chart.patient,
        "program": "ccm",
        "activity": "patient-contact",
        "directed_by": patient.chart.practitioner,
        "start": start.isoformat(),
        "end": (start + timedelta(seconds=seconds)).isoformat(),
        "asserted_reason": "taken on the way out",
        "note": f"BP 152/88 this morning, took amlodipine at noon. Moved the reminder to 8 am; reading tomorrow. {aside(own)}",
        "action_taken": "Moved the amlodipine reminder to 8 am",
        "clinical_relevance": "BP 152/88 after a dose at noon; reading tomorrow",
        "problem": next(iter(patient.chart.conditions.values()), "unknown"),
    }
    task: dict[str, Any] = running.ehr.call("POST", "fhir/R4/Task", json=time_entry(action), expect=(201,)).json()
    assert extension_of(task, "time-basis")["valueCode"] == "asserted"
    return task


def _put(running: Stack, task: dict[str, Any]) -> None:
    path, seen = f"fhir/R4/Task/{task['id']}", {"If-Match": f'W/"{task["meta"]["versionId"]}"'}
    running.ehr.call("PUT", path, json=task, headers=seen)
