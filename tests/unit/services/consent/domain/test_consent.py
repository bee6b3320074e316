"""How a consent begins and goes on: every transition, and what each refuses (ccm-rules C1-C8, R10)."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from services.consent.domain.consent import Change, Consent, Person, Status, Stop, Submission, begin, follow
from tests.unit.services.consent.domain.making import BY, GIVEN, NOW, ZONE, Book, refusal, refused_as, statement, submission

IDENT = UUID("01990000-0000-7000-8000-000000000001")
STATUSES = tuple(Status)


def _begin(wanted: Submission) -> Consent:
    return begin(wanted, consent_id=IDENT, at=NOW, by=BY)


def _follow(current: Consent, wanted: Submission, at: datetime = NOW) -> Consent:
    return follow(current, wanted, zone=ZONE, at=at, by="lead")


def _at(status: Status) -> Consent:
    """Return a consent that has come to `status`."""
    book = Book()
    consent = book.record(refusal() if status is Status.REJECTED else statement(), NOW)
    if status is Status.INACTIVE:
        return book.stop(consent, NOW, NOW)
    if status is Status.ENTERED_IN_ERROR:
        return book.void(consent, NOW)
    return consent


@pytest.mark.parametrize(
    ("said", "status", "change"),
    [(statement(), Status.ACTIVE, Change.GRANTED), (refusal(), Status.REJECTED, Change.DECLINED)],
)
def test_it_begins_with_what_the_patient_said(said: object, status: Status, change: Change) -> None:
    consent = _begin(submission(said))  # type: ignore[arg-type]

    assert (consent.version, consent.status, consent.change) == (1, status, change)
    assert (consent.recorded_at, consent.first_recorded_at, consent.recorded_by) == (NOW, NOW, BY)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.INACTIVE, Status.ENTERED_IN_ERROR])
def test_a_grant_begins_active_only(status: Status) -> None:
    refused_as("consent-status", _begin, submission(statement(), status=status))


def test_it_does_not_begin_stopped() -> None:
    refused_as("consent-transition", _begin, submission(statement(), stop=Stop(NOW, "phone", BY)))


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (statement(given_at=NOW + timedelta(microseconds=1)), "consent-future"),
        (statement(starts_at=GIVEN - timedelta(microseconds=1)), "consent-start"),
        (statement(starts_at=NOW + timedelta(microseconds=1)), "consent-start"),
        (statement(agreed=False), "decline-reason"),
    ],
)
def test_what_cannot_be_said(said: object, rule: str) -> None:
    refused_as(rule, _begin, submission(said))  # type: ignore[arg-type]


def test_the_present_instant_is_no_future() -> None:
    assert _begin(submission(statement(given_at=NOW))).statement.given_at == NOW


@pytest.mark.parametrize("current", STATUSES)
@pytest.mark.parametrize("wanted", STATUSES)
def test_every_transition(current: Status, wanted: Status) -> None:
    consent = _at(current)
    stop = Stop(NOW, "phone", BY) if wanted is Status.INACTIVE else None
    asked = submission(consent.statement, status=wanted, stop=stop, reason="because")
    allowed = {
        (Status.ACTIVE, Status.ACTIVE): Change.CORRECTED,
        (Status.ACTIVE, Status.INACTIVE): Change.REVOKED,
        (Status.ACTIVE, Status.ENTERED_IN_ERROR): Change.CORRECTED,
        (Status.REJECTED, Status.REJECTED): Change.CORRECTED,
        (Status.REJECTED, Status.ENTERED_IN_ERROR): Change.CORRECTED,
        (Status.INACTIVE, Status.INACTIVE): Change.CORRECTED,
        (Status.INACTIVE, Status.ENTERED_IN_ERROR): Change.CORRECTED,
    }
    change = allowed.get((current, wanted))

    if change is None:
        refused_as("consent-transition", _follow, consent, asked)
    else:
        following = _follow(consent, asked)
        assert (following.status, following.change, following.version) == (wanted, change, consent.version + 1)
        assert (following.recorded_by, following.first_recorded_at) == ("lead", consent.first_recorded_at)


@pytest.mark.parametrize(
    ("received_at", "last_day"),
    [
        (datetime(2026, 11, 1, 3, 59, 59, tzinfo=UTC), date(2026, 10, 31)),
        (datetime(2026, 11, 1, 4, 0, tzinfo=UTC), date(2026, 11, 30)),
        (datetime(2027, 2, 10, tzinfo=UTC), date(2027, 2, 28)),
        (datetime(2028, 2, 10, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
    ],
)
def test_a_stop_ends_with_its_month_in_the_practices_zone(received_at: datetime, last_day: date) -> None:
    """C6, R10."""
    book = Book()
    stopped = book.stop(book.record(statement(), NOW), received_at, received_at)

    assert stopped.revocation is not None
    assert (stopped.revocation.effective, stopped.in_force_until) == (last_day, last_day)


def test_a_stop_does_not_lengthen_what_ends_before() -> None:
    book = Book()
    consent = book.record(statement(until=date(2026, 10, 12)), NOW)

    assert book.stop(consent, NOW, NOW).in_force_until == date(2026, 10, 12)


@pytest.mark.parametrize(
    ("stop", "rule"),
    [
        (Stop(GIVEN - timedelta(seconds=1), "phone", BY), "revocation-time"),
        (Stop(NOW + timedelta(seconds=1), "phone", BY), "revocation-time"),
        (Stop(NOW, "phone", BY, effective=date(2026, 10, 5)), "revocation-effective"),
        (None, "revocation-required"),
    ],
)
def test_a_stop_that_cannot_be(stop: Stop | None, rule: str) -> None:
    consent = _at(Status.ACTIVE)

    refused_as(rule, _follow, consent, submission(consent.statement, status=Status.INACTIVE, stop=stop))


@pytest.mark.parametrize("status", [Status.INACTIVE, Status.ENTERED_IN_ERROR])
def test_a_change_of_status_changes_nothing_else(status: Status) -> None:
    consent = _at(Status.ACTIVE)
    asked = submission(statement(document_hash="x"), status=status, stop=Stop(NOW, "phone", BY), reason="x")

    refused_as("consent-unchanged", _follow, consent, asked)


@pytest.mark.parametrize("reason", [None, ""])
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.ENTERED_IN_ERROR])
def test_a_correction_says_why(status: Status, reason: str | None) -> None:
    consent = _at(Status.ACTIVE)

    refused_as("change-reason", _follow, consent, submission(consent.statement, status=status, reason=reason))


@pytest.mark.parametrize("change", [{"patient": "p-2"}, {"practitioner": Person("dr-2")}, {"program": "rpm"}, {"agreed": False}])
def test_a_correction_keeps_who_agreed_to_what(change: dict[str, object]) -> None:
    asked = Submission(Status.ACTIVE, statement(**change), reason="x")

    refused_as("consent-identity", _follow, _at(Status.ACTIVE), asked)


def test_a_correction_neither_takes_a_stop_back_nor_adds_one() -> None:
    stopped, active = _at(Status.INACTIVE), _at(Status.ACTIVE)
    stop = Stop(NOW, "letter", BY)

    refused_as("consent-transition", _follow, stopped, submission(stopped.statement, status=Status.INACTIVE, reason="x"))
    refused_as("consent-transition", _follow, active, submission(active.statement, stop=stop, reason="x"))
    corrected = _follow(stopped, submission(stopped.statement, status=Status.INACTIVE, stop=stop, reason="it was a letter"))
    assert corrected.revocation is not None
    assert corrected.revocation.channel == "letter"


def test_the_last_day_comes_back_as_it_was_given() -> None:
    """A client that reads a stopped consent sends back our last day, which is no statement of its own."""
    book = Book()
    stopped = book.stop(book.record(statement(), NOW), NOW, NOW)
    read = statement(until=stopped.in_force_until)
    stop = Stop(NOW, "phone", BY)

    corrected = _follow(stopped, submission(read, status=Status.INACTIVE, stop=stop, reason="x"))
    other = submission(statement(until=date(2026, 10, 30)), status=Status.INACTIVE, stop=stop, reason="x")

    assert (corrected.statement.until, corrected.in_force_until) == (None, date(2026, 10, 31))
    refused_as("consent-end", _follow, stopped, other)


def test_a_client_does_not_say_what_superseded_it() -> None:
    consent = _at(Status.ACTIVE)

    refused_as("consent-transition", _follow, consent, submission(consent.statement, superseded_by=IDENT, reason="x"))
