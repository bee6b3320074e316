"""The EHR's resources as facts: what is said is read, what is not said stays unsaid."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.billing.adapters.ehr_facts import (
    care_plan_fact,
    condition_fact,
    coverage_fact,
    encounter_fact,
    enrollment_facts,
    medical_record_number,
    patient_fact,
    reference_id,
)
from services.billing.domain.ledger import EncounterKind

EASTERN = ZoneInfo("America/New_York")
READ = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
ROW = ("ehr/x@1", "digest", READ)


@pytest.mark.parametrize(
    ("said", "instant", "day"),
    [
        ({}, None, None),
        ({"deceasedBoolean": False}, None, None),
        ({"deceasedBoolean": True}, None, date(2026, 11, 2)),
        ({"deceasedDateTime": "2026-10-12"}, None, date(2026, 10, 12)),
        ({"deceasedDateTime": "2026-10-12T23:30:00-04:00"}, datetime(2026, 10, 13, 3, 30, tzinfo=UTC), None),
    ],
)
def test_a_death_is_an_instant_or_a_day(said: dict[str, Any], instant: datetime | None, day: date | None) -> None:
    fact = patient_fact({"birthDate": "1950-03", **said}, "p1", "s", "d", READ, EASTERN)
    assert (fact.died_at, fact.died_on, fact.birth) == (instant, day, date(1950, 3, 1))


def test_the_record_number_is_that_of_type_mr() -> None:
    other = {"type": {"coding": [{"code": "MC"}]}, "system": "mbi", "value": "1"}
    mine = {"type": {"coding": [{"code": "MR"}]}, "system": "mrn", "value": "7"}
    found = medical_record_number({"identifier": [other, mine]})
    assert found is not None and (found.system, found.value) == ("mrn", "7")
    assert medical_record_number({"identifier": [other]}) is None


@pytest.mark.parametrize(
    ("clinical", "verification", "active"),
    [
        (None, None, True),
        ("active", "confirmed", True),
        ("relapse", None, True),
        ("resolved", "confirmed", False),
        ("remission", None, False),
        ("active", "refuted", None),
        ("active", "entered-in-error", None),
    ],
)
def test_a_condition_is_active_unless_said_otherwise(clinical: str | None, verification: str | None, active: bool | None) -> None:
    resource: dict[str, Any] = {"id": "c1", "code": {"coding": [{"system": "s", "code": "1"}, {"system": ICD, "code": "I10"}]}}
    if clinical:
        resource["clinicalStatus"] = {"coding": [{"code": clinical}]}
    if verification:
        resource["verificationStatus"] = {"coding": [{"code": verification}]}
    fact = condition_fact(resource, *ROW)
    assert (fact and fact.active) == active
    if fact is not None:
        assert (fact.icd10, fact.codes, fact.chronic) == ("I10", ("s|1", f"{ICD}|I10"), None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("121", "medicare_ffs"),
        ("12", "medicare_ffs"),
        ("111", "medicare_advantage"),
        ("22", "medicaid"),
        ("512", "commercial"),
        ("61", "commercial"),
        ("1", "unknown"),
        ("81", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_kind_of_payer_is_never_guessed(code: str | None, kind: str) -> None:
    coding = [{"system": "https://nahdo.org/sopt", "code": code}] if code else [{"system": "other", "code": "121"}]
    fact = coverage_fact({"id": "v1", "status": "active", "type": {"coding": coding}}, *ROW)
    assert fact is not None and fact.kind == kind


def test_a_coverage_tells_payer_plan_member_and_days() -> None:
    plan = {"type": {"coding": [{"code": "plan"}]}, "value": "GOLD"}
    resource = {
        "id": "v1",
        "status": "active",
        "payor": [{"reference": "Organization/pay", "display": "Pay"}],
        "class": [plan],
        "subscriberId": "M1",
        "period": {"start": "2026-01", "end": "2026-10"},
        "order": 2,
    }
    fact = coverage_fact(resource, *ROW)
    assert fact is not None
    assert (fact.payer, fact.payer_name, fact.plan, fact.member_id, fact.rank, fact.qmb) == ("pay", "Pay", "GOLD", "M1", 2, False)
    assert (fact.start, fact.end) == (date(2026, 1, 1), date(2026, 10, 31))
    dual = coverage_fact({**resource, "class": [{**plan, "value": "QMB"}], "status": "cancelled"}, *ROW)
    assert dual is not None and (dual.qmb, dual.plan, dual.active) == (True, None, False)
    assert coverage_fact({**resource, "status": "entered-in-error"}, *ROW) is None


@pytest.mark.parametrize(
    ("code", "place", "kind"),
    [
        ("AMB", None, EncounterKind.VISIT),
        ("HH", None, EncounterKind.VISIT),
        ("VR", None, EncounterKind.VIRTUAL),
        ("IMP", None, EncounterKind.INPATIENT),
        ("OBSENC", None, EncounterKind.OBSERVATION),
        ("EMER", None, EncounterKind.EMERGENCY),
        ("IMP", "31", EncounterKind.SNF_PART_A),
        ("IMP", "32", EncounterKind.NURSING_FACILITY),
        ("new", None, EncounterKind.OTHER),
    ],
)
def test_an_encounter_is_of_a_kind(code: str, place: str | None, kind: EncounterKind) -> None:
    types = [{"coding": [{"system": POS, "code": place}]}] if place else []
    resource = {"id": "e", "status": "finished", "class": {"code": code}, "type": types, "period": {"start": "2026-10-03"}}
    fact = encounter_fact(resource, {}, *ROW, EASTERN)
    assert fact is not None and fact.kind is kind


def test_hours_are_known_or_not() -> None:
    day = encounter_fact({"id": "e", "status": "finished", "period": {"start": "2026-10-03"}}, {}, *ROW, EASTERN)
    assert day is not None and (day.start, day.start_day, day.end_day) == (None, date(2026, 10, 3), None)
    period = {"start": "2026-10-03T23:30:00-04:00", "end": "2026-10-04T04:30:00Z"}
    hours = encounter_fact({"id": "e", "status": "finished", "period": period}, {}, *ROW, EASTERN)
    assert hours is not None and hours.start == datetime(2026, 10, 4, 3, 30, tzinfo=UTC)
    assert (hours.start_day, hours.end_day) == (date(2026, 10, 3), date(2026, 10, 4))


@pytest.mark.parametrize(("people", "own"), [([], True), (["ours"], True), (["theirs"], False), (["theirs", "ours"], True)])
def test_a_visit_to_strangers_only_is_not_the_practices(people: list[str], own: bool) -> None:
    parts = [{"individual": {"reference": f"https://ehr.example/fhir/Practitioner/{who}"}} for who in people]
    resource = {"id": "e", "status": "finished", "period": {"start": "2026-10-03"}, "participant": parts}
    fact = encounter_fact(resource, {"ours"}, *ROW, EASTERN)
    assert fact is not None and (fact.own_practice, fact.practitioners) == (own, tuple(people))


@pytest.mark.parametrize("resource", [{"status": "cancelled", "period": {"start": "2026-10-03"}}, {"status": "finished"}])
def test_what_did_not_happen_is_no_encounter(resource: dict[str, Any]) -> None:
    assert encounter_fact({"id": "e", **resource}, {}, *ROW, EASTERN) is None


def test_a_care_plan_is_dated_by_its_last_day_and_signed_by_its_author() -> None:
    author = {"author": {"reference": "Practitioner/dr"}}
    plan = {"id": "cp", "status": "active", "created": "2026-02-01", "period": {"start": "2026-01-01"}, **author}
    fact = care_plan_fact(plan, *ROW)
    assert fact is not None and (fact.dated, fact.signed_by, fact.active) == (date(2026, 2, 1), "dr", True)
    assert care_plan_fact({"id": "cp", "status": "active", **author}, *ROW) is None
    by_team = care_plan_fact({**plan, "author": {"reference": "CareTeam/t"}, "status": "revoked"}, *ROW)
    assert by_team is not None and (by_team.signed_by, by_team.active) == (None, False)


def test_an_episode_enrols_in_each_program_that_it_names() -> None:
    system = "https://careledger.example/fhir/CodeSystem/program"
    types = [{"coding": [{"system": system, "code": code}, {"system": "x", "code": "y"}]} for code in ("ccm", "rpm")]
    resource = {"id": "e", "status": "active", "type": types, "careManager": {"reference": "Practitioner/dr"}}
    assert [(one.program, one.practitioner, one.status) for one in enrollment_facts(resource, *ROW)] == [
        ("ccm", "dr", "active"),
        ("rpm", "dr", "active"),
    ]
    assert list(enrollment_facts({**resource, "status": "entered-in-error"}, *ROW)) == []


@pytest.mark.parametrize(
    ("text", "kind", "ident"),
    [
        ("Patient/p1", None, "p1"),
        ("https://ehr.example/fhir/Patient/p1/_history/3", "Patient", "p1"),
        ("Patient/p1", "Practitioner", None),
        ("p1", None, None),
        ("", None, None),
    ],
)
def test_the_id_at_the_end_of_a_reference(text: str, kind: str | None, ident: str | None) -> None:
    assert reference_id({"reference": text}, kind) == ident
