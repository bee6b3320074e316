"""Consent to FHIR and back: what is answered reads as what was meant, and is a valid R4 resource."""

from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.consent.domain.consent import Change, Consent, Revocation, Status
from services.consent.fhir_mapping.inbound import read_consent
from services.consent.fhir_mapping.outbound import write_consent
from services.consent.fhir_mapping.profile import Bases
from shared.fhir.json_text import dump
from shared.fhir.shape import check_shape
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import ConsentMethod, DisclosureCode, PerformerRole, Program
from tests.fakes.world import EHR_BASE
from tests.integration.consent.resources import consent, declined, disclosure, url

ZONE = ZoneInfo("America/New_York")
BASES = Bases(own="https://careledger.example/t/north/fhir/R4", ehr=EHR_BASE, ehr_hosts=("alias.example",), zone=ZONE)
MOVED = Bases(own=BASES.own, ehr="https://new.example/fhir", ehr_hosts=(), zone=ZONE)
IDENT = UUID("01990000-0000-7000-8000-000000000001")

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=20)
_ID = st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True)
_INSTANT = st.integers(0, 600 * 86_400).map(lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@st.composite
def _resources(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a Consent as a client might send it."""
    at = draw(_INSTANT)
    resource = draw(st.sampled_from((consent, declined)))(
        draw(_TEXT), dateTime=at.astimezone(draw(st.sampled_from((UTC, ZONE)))).isoformat()
    )
    patient = draw(_ID)
    resource["patient"] = {
        "reference": draw(st.sampled_from(("", f"{EHR_BASE}/", "http://alias.example/"))) + f"Patient/{patient}"
    }
    resource["performer"] = [{"reference": f"Patient/{patient}"}]
    if draw(st.booleans()):
        authority = {"url": url("representative-authority"), "valueString": draw(_TEXT)}
        resource["performer"] = [{"reference": f"RelatedPerson/{draw(_ID)}", "extension": [authority]}]
    resource["category"][1]["coding"][0]["code"] = draw(st.sampled_from(Program)).value
    if "period" in resource["provision"]:
        local = at.astimezone(ZONE).date()
        starts = draw(st.sampled_from((local.isoformat(), at.isoformat(), (at + timedelta(seconds=1)).isoformat())))
        resource["provision"]["period"] = {"start": starts}
        if draw(st.booleans()):
            resource["provision"]["period"]["end"] = (local + timedelta(days=draw(st.integers(1, 400)))).isoformat()
    resource["extension"] = [one for one in resource["extension"] if one["url"] != url("disclosure")]
    told = draw(st.dictionaries(st.sampled_from(DisclosureCode), st.booleans()))
    resource["extension"] += [disclosure(code.value, given=answer) for code, answer in told.items()]
    if draw(st.booleans()):
        answer = {"url": "answer", "valueCode": draw(st.sampled_from(("yes", "no", "unknown")))}
        name = {"url": "name", "valueString": draw(_TEXT)}
        resource["extension"].append({"url": url("other-practice"), "extension": [answer, name]})
    if draw(st.booleans()):
        resource["extension"][0]["valueCode"] = "written"
        resource["sourceAttachment"] = {"contentType": "application/pdf", "hash": "3q2+7w==", "url": "https://ehr.example/scan"}
    return resource


@given(_resources(), st.one_of(st.none(), st.dates(date(2026, 11, 1), date(2027, 1, 31))), st.booleans(), _TEXT)
def test_what_is_answered_reads_as_what_was_meant(
    resource: dict[str, Any], last_day: date | None, superseded: bool, reason: str
) -> None:
    sent = deepcopy(resource)
    read = read_consent(check_shape("Consent", dump(resource)), BASES)
    said = read.submission.statement
    revocation = Revocation(said.starts_at, "phone", "rn-1", last_day) if last_day and said.agreed else None
    version = Consent(
        id=IDENT,
        version=3,
        change=Change.CORRECTED,
        status=Status.INACTIVE if revocation else read.submission.status,
        statement=said,
        recorded_at=datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC),
        first_recorded_at=datetime(2026, 11, 1, tzinfo=UTC),
        recorded_by="rn-1",
        in_force_until=said.until,
        revocation=revocation,
        superseded_by=UUID(int=7) if superseded else None,
        change_reason=reason,
    )

    answered = write_consent(version, read.resource, BASES)
    again = read_consent(check_shape("Consent", dump(answered)), BASES)

    assert resource == sent
    assert again.submission.statement == said
    assert (again.identifiers, again.categories, again.own_identifier) == (read.identifiers, read.categories, str(IDENT))
    assert (again.submission.status, again.submission.reason) == (version.status, reason)
    assert again.submission.superseded_by == version.superseded_by
    assert (again.submission.stop is None) == (revocation is None)
    if revocation and again.submission.stop:
        assert again.submission.stop.received_at == revocation.received_at
        assert again.submission.stop.effective == revocation.effective
    assert write_consent(version, again.resource, BASES) == answered
    moved = read_consent(check_shape("Consent", dump(write_consent(version, read.resource, MOVED))), MOVED)
    assert moved.submission.statement == said


@given(_resources())
def test_nothing_that_was_sent_is_dropped(resource: dict[str, Any]) -> None:
    read = read_consent(check_shape("Consent", dump(resource)), BASES)
    version = Consent(
        id=IDENT,
        version=1,
        change=Change.GRANTED,
        status=read.submission.status,
        statement=read.submission.statement,
        recorded_at=datetime(2026, 11, 1, tzinfo=UTC),
        first_recorded_at=datetime(2026, 11, 1, tzinfo=UTC),
        recorded_by="rn-1",
        in_force_until=read.submission.statement.until,
    )

    answered = write_consent(version, read.resource, BASES)

    assert _without_references(answered | {"id": 0, "meta": 0, "identifier": answered["identifier"][1:]}) == _without_references(
        resource | {"id": 0, "meta": 0}
    )


def _without_references(value: Any) -> Any:
    """Return the value with references reduced to type and id, since ours are answered absolute and with their type."""
    if isinstance(value, list):
        return [_without_references(one) for one in value]
    if not isinstance(value, dict):
        return value
    reduced = {name: _without_references(one) for name, one in value.items()}
    if isinstance(value.get("reference"), str):
        reduced["reference"] = "/".join(value["reference"].split("/")[-2:])
        reduced.pop("type", None)
    return reduced


def test_the_domain_gets_every_field() -> None:
    resource = consent(performer=[{"reference": "RelatedPerson/rp-1"}])
    resource["performer"][0]["extension"] = [{"url": url("representative-authority"), "valueString": "guardian"}]
    resource["provision"]["period"]["end"] = "2027-10-04"
    resource["extension"].append({"url": url("other-practice"), "extension": [{"url": "answer", "valueCode": "no"}]})

    said = read_consent(resource, BASES).submission.statement

    assert (said.patient, said.program, said.agreed, said.method) == ("p-1", Program.CCM, True, ConsentMethod.VERBAL)
    assert (said.given_at, said.starts_at) == (datetime(2026, 10, 5, 14, tzinfo=UTC),) * 2
    assert (said.by_representative, said.authority, said.until) == (True, "guardian", date(2027, 10, 4))
    assert (said.practitioner.id, said.practitioner.npi, said.practitioner.name) == ("dr-1", "1234567893", "Dr Priya Raman")
    assert (said.obtained_by.id, said.obtained_by.credential) == ("rn-1", PerformerRole.REGISTERED_NURSE)
    assert said.disclosures == dict.fromkeys(list(DisclosureCode)[:4], True)
    assert (said.script.uri, said.script.version, said.script.language) == (
        "https://ehr.example/scripts/ccm-en|2025-02",
        "2025-02",
        "en",
    )
    assert said.other_practice == "no"


def test_one_of_our_own_scripts_tells_its_version_and_language() -> None:
    resource = consent()
    resource["policy"][0]["uri"] = "https://careledger.example/t/north/app/consent/scripts/1/es"
    resource["extension"] = [one for one in resource["extension"] if one["url"] != url("communication")]

    script = read_consent(resource, BASES).submission.statement.script

    assert (script.version, script.language) == ("1", "es")


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-10-05", datetime(2026, 10, 5, 14, tzinfo=UTC)),
        ("2026-10-06", datetime(2026, 10, 6, 4, tzinfo=UTC)),
        ("2026-10-05T11:00:00-04:00", datetime(2026, 10, 5, 15, tzinfo=UTC)),
        ("2026-10-04", datetime(2026, 10, 4, 4, tzinfo=UTC)),
    ],
)
def test_a_start_by_day_is_the_practices_day_and_begins_with_the_consent(start: str, expected: datetime) -> None:
    resource = consent()
    resource["provision"]["period"]["start"] = start

    assert read_consent(resource, BASES).submission.statement.starts_at == expected


_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.just(""),
    st.just({}),
    st.just([]),
    _TEXT,
    st.sampled_from(("active", "2026-10-05")),
)


@given(st.data())
def test_whatever_comes_is_read_or_refused(data: st.DataObject) -> None:
    resource = data.draw(_resources())
    for _ in range(data.draw(st.integers(1, 3))):
        element: Any = resource
        while True:
            key = data.draw(st.sampled_from(sorted(element) if isinstance(element, dict) else range(len(element))))
            if not isinstance(element[key], dict | list) or not element[key] or data.draw(st.booleans()):
                break
            element = element[key]
        if data.draw(st.booleans()):
            element[key] = data.draw(_ODD)
        elif len(element) > 1:
            del element[key]

    try:
        read = read_consent(check_shape("Consent", dump(resource)), BASES)
    except Invalid as refusal:
        assert all(issue.rule and issue.text and issue.expression for issue in refusal.issues)
    else:
        assert read.identifiers
        assert read.submission.statement.patient
