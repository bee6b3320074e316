"""Assembling again supersedes, never adds; one set of charges, whoever assembles, in whatever order the facts came."""

import asyncio
import random
from uuid import uuid4

import psycopg
import pytest

from tests.fakes.world import tenant_id
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic


@pytest.mark.requirement("standards-16")
async def test_a_hundred_assemblies_at_once_give_one_set(clinic: Clinic) -> None:
    """Issue 7: superseding, not adding, under concurrency."""
    await clinic.enrol("p1", "p2", minutes=45)
    answers = await asyncio.gather(*(clinic.ask("POST", "/billing/months/2026-10/assemble") for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["changed"] for answer in answers) == 2
    rows = clinic.rows("SELECT patient, code, status FROM charge ORDER BY patient, code")
    assert [tuple(row.values()) for row in rows] == [
        ("p1", "99439", "planned"),
        ("p1", "99490", "planned"),
        ("p2", "99439", "planned"),
        ("p2", "99490", "planned"),
    ]
    assert clinic.rows("SELECT count(*) AS n FROM assembly") == [{"n": 2}]


async def test_a_changed_fact_takes_back_what_was_planned(clinic: Clinic) -> None:
    await clinic.enrol("p1", minutes=45)
    await clinic.assemble()
    void = small.entry("p1", small.at(1, 9), 45, version=2, status="entered-in-error", change="voided", reason="wrong patient")
    await clinic.tell([void, small.entry("p1", small.at(2), 21, number=2)])
    done = await clinic.assemble()
    assert done["changed"] == 1
    rows = clinic.rows("SELECT code, units, status, assembly_version FROM charge")
    assert rows == [{"code": "99490", "units": 1, "status": "planned", "assembly_version": 2}]
    assert clinic.rows("SELECT version, outcome FROM assembly ORDER BY version") == [
        {"version": 1, "outcome": "planned"},
        {"version": 2, "outcome": "planned"},
    ]


async def test_the_same_facts_change_nothing(clinic: Clinic) -> None:
    await clinic.enrol("p1")
    first = await clinic.assemble()
    before = clinic.rows("SELECT * FROM charge")
    again = await clinic.assemble()
    assert (first["changed"], again["changed"]) == (1, 0)
    assert clinic.rows("SELECT * FROM charge") == before


async def test_order_and_repetition_of_events_do_not_matter(clinic: Clinic) -> None:
    """House 3.18: any order, any number of deliveries, the same ledger and the same month."""
    events = [
        small.consent("p1"),
        small.entry("p1", small.at(1), 12, number=1),
        small.entry("p1", small.at(1), 14, number=1, version=2, change="amended", reason="end corrected"),
        small.entry("p1", small.at(2), 11, number=2),
        small.entry("p1", small.at(3), 30, number=3),
        small.entry("p1", small.at(3), 30, number=3, version=2, status="entered-in-error", change="voided", reason="twice"),
    ]
    clinic.ehr.charts["p1"] = small.chart("p1")
    await clinic.tell(events)
    for body in small.statements("p1"):
        await clinic.state(body)
    await clinic.assemble()
    expected = await clinic.result("p1")
    ledger = "SELECT aggregate, version, digest FROM ledger_entry WHERE kind IN ('consent', 'time-entry') ORDER BY 1, 2"
    rows = clinic.rows(ledger)
    assert expected["assembly"]["seconds"] == [["clinical_staff", 25 * 60]]
    shuffler = random.Random(7)
    for _ in range(10):
        with psycopg.connect(clinic.admin_url, autocommit=True) as connection:
            connection.execute("DELETE FROM ledger_entry WHERE kind IN ('consent', 'time-entry')")
        order = events + shuffler.sample(events, 3)
        shuffler.shuffle(order)
        for one in order:
            await clinic.tell([one])
        assert clinic.rows(ledger) == rows
        assert (await clinic.assemble())["changed"] == 0


async def test_everybody_enrolled_gets_a_result_with_findings(clinic: Clinic) -> None:
    """An episode of the program, or a consent in force; nobody else."""
    clinic.ehr.charts["episode-only"] = small.chart("episode-only")
    consented = [one for one in small.chart("consent-only") if one["resourceType"] != "EpisodeOfCare"]
    clinic.ehr.charts["consent-only"] = consented
    await clinic.tell([small.consent("consent-only"), small.consent("left", in_force_until="2026-08-31", status="inactive")])
    clinic.ehr.charts["left"] = [one for one in small.chart("left") if one["resourceType"] != "EpisodeOfCare"]
    assert (await clinic.assemble())["results"] == 2
    for patient, rule in (("episode-only", "C3"), ("consent-only", "T1")):
        result = await clinic.result(patient)
        assert result["assembly"]["outcome"] == "not-billable"
        assert rule in {finding["rule"] for finding in result["assembly"]["findings"]}, result["assembly"]["findings"]


async def test_an_ehr_that_does_not_answer_holds_release_until_it_does(clinic: Clinic) -> None:
    await clinic.enrol("p1")
    await clinic.assemble()
    clinic.ehr.down = True
    done = await clinic.assemble()
    assert (done["charts_unanswered"], done["enrolment_read"]) == (1, False)
    result = await clinic.result("p1")
    assert not result["releasable"]
    assert [f["severity"] for f in result["assembly"]["findings"] if f["rule"] == "EHR"] == ["hold"]
    assert (await clinic.attest())["waiting"] == ["p1"]
    clinic.ehr.down = False
    await clinic.assemble()
    assert (await clinic.result("p1"))["releasable"]
    assert (await clinic.attest())["released"] == ["p1"]


async def test_each_version_of_a_resource_is_an_entry_and_a_lost_one_is_gone(clinic: Clinic) -> None:
    await clinic.enrol("p1")
    await clinic.assemble()
    query = "SELECT version, source, data FROM ledger_entry WHERE aggregate = 'ehr/Condition/p1-htn' ORDER BY version"
    assert [row["source"] for row in clinic.rows(query)] == ["Condition/p1-htn/_history/1"]
    await clinic.assemble()
    assert len(clinic.rows(query)) == 1
    clinic.ehr.charts["p1"] = [one for one in clinic.ehr.charts["p1"] if one["id"] != "p1-htn"]
    await clinic.assemble()
    assert [row["version"] for row in clinic.rows(query)] == [1, 2]
    assert '"gone":true' in clinic.rows(query)[1]["data"]
    assert (await clinic.result("p1"))["version"] == 2


async def test_what_was_signed_is_what_was_seen(clinic: Clinic) -> None:
    """A fact that came between assembly and signature sends the patient back for a second look."""
    await clinic.enrol("p1", "p2")
    await clinic.assemble()
    void = small.entry("p1", small.at(1, 9), 25, version=2, status="entered-in-error", change="voided", reason="wrong patient")
    await clinic.tell([void])
    signed = await clinic.attest()
    assert (signed["changed"], signed["released"]) == (["p1"], ["p2"])
    assert (await clinic.result("p1"))["assembly"]["outcome"] == "not-billable"


async def test_two_practitioners_end_in_a_hold_that_names_both(clinic: Clinic) -> None:
    """Issue 7, S31: one CCM lane for a patient and month, whatever the practitioner."""
    await clinic.enrol("p1", minutes=25)
    seen = next(one for one in clinic.ehr.charts["p1"] if one["resourceType"] == "Encounter")
    period = {"start": "2026-09-01T09:00:00-04:00", "end": "2026-09-01T09:30:00-04:00"}
    by_cy = [{"individual": {"reference": f"Practitioner/{small.CY}"}}]
    clinic.ehr.charts["p1"].append({**seen, "id": "visit-cy", "participant": by_cy, "period": period})
    moved = small.at(15)
    second = small.consent(
        "p1",
        consent_id="second",
        practitioner={"id": small.CY, "npi": "1568435994"},
        given_at=moved,
        recorded_at=moved,
        first_recorded_at=moved,
        in_force_from=moved,
    )
    await clinic.tell([second, small.entry("p1", small.at(20), 25, number=2, directed_by=small.CY)])
    await clinic.assemble()
    result = await clinic.result("p1")
    assert result["charges"] == []
    held = [f["text"] for f in result["assembly"]["findings"] if f["rule"] == "X1" and f["severity"] == "hold"]
    assert small.ADA in held[0] and small.CY in held[0]


@pytest.mark.parametrize(
    ("lane", "code", "constraint"),
    [("clinical_staff", "99491", "charge_one_lane"), (None, "99490", "charge_one_of_a_code")],
)
async def test_the_database_refuses_a_second_lane_and_a_second_charge_of_a_code(
    clinic: Clinic, lane: str | None, code: str, constraint: str
) -> None:
    await clinic.enrol("p1")
    await clinic.assemble()
    values = (tenant_id("north"), uuid4(), lane, code)
    with psycopg.connect(clinic.admin_url) as connection, pytest.raises(psycopg.errors.UniqueViolation, match=constraint):
        connection.execute(
            "INSERT INTO charge (tenant_id, id, version, status, patient, practitioner, month, lane, code_id, code, units,"
            " date_of_service, attempt, assembly_version, updated_at)"
            " VALUES (%s, %s, 1, 'billable', 'p1', 'dr-cy', '2026-10-01', %s, 'other', %s, 1, '2026-10-31', 1, 1, now())",
            values,
        )
