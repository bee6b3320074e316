"""Statements and histories for the tests of consent's domain."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.consent.domain.consent import Consent, Person, Script, Statement, Status, Stop, Submission, begin, follow
from services.consent.domain.standing import consequences
from shared.kernel.errors import Invalid
from shared.kernel.ids import uuid7
from shared.kernel.vocabulary import ConsentMethod, DisclosureCode, Program

ZONE = ZoneInfo("America/New_York")
GIVEN = datetime(2026, 10, 5, 14, 0, tzinfo=UTC)
NOW = GIVEN + timedelta(minutes=5)
BY = "rn-1"


def statement(**changes: Any) -> Statement:
    """Return a verbal grant for CCM to dr-1; `changes` replace fields, `starts_at` follows `given_at`."""
    given_at = changes.get("given_at", GIVEN)
    fields: dict[str, Any] = {
        "patient": "p-1",
        "program": Program.CCM,
        "practitioner": Person("dr-1"),
        "agreed": True,
        "method": ConsentMethod.VERBAL,
        "given_at": given_at,
        "starts_at": given_at,
        "obtained_by": Person(BY, credential="registered-nurse"),
        "script": Script("https://ehr.example/script"),
        "disclosures": dict.fromkeys(DisclosureCode, True),
    }
    return Statement(**(fields | changes))


def refusal(**changes: Any) -> Statement:
    """Return a refusal."""
    return statement(agreed=False, decline_reason="no", **changes)


def submission(said: Statement, **changes: Any) -> Submission:
    """Return what a client submits to say this."""
    fields: dict[str, Any] = {"status": Status.ACTIVE if said.agreed else Status.REJECTED, "statement": said}
    return Submission(**(fields | changes))


class Book:
    """All versions of one patient's consents to one program, written as the use cases write them."""

    def __init__(self) -> None:
        self.history: list[Consent] = []

    @property
    def current(self) -> dict[UUID, Consent]:
        """The newest version of each."""
        return {consent.id: consent for consent in sorted(self.history, key=lambda consent: consent.version)}

    def record(self, said: Statement, at: datetime) -> Consent:
        """Record what the patient said."""
        return self._write(begin(submission(said), consent_id=uuid7(at), at=at, by=BY))

    def change(self, consent: Consent, wanted: Submission, at: datetime) -> Consent:
        """Write the next version."""
        return self._write(follow(self.current[consent.id], wanted, zone=ZONE, at=at, by=BY))

    def stop(self, consent: Consent, received_at: datetime, at: datetime) -> Consent:
        """Record the patient's stop."""
        stop = Stop(received_at, "phone", BY)
        return self.change(consent, Submission(Status.INACTIVE, self._said(consent), stop), at)

    def void(self, consent: Consent, at: datetime) -> Consent:
        """Take a consent back."""
        return self.change(consent, Submission(Status.ENTERED_IN_ERROR, self._said(consent), reason="wrong"), at)

    def _said(self, consent: Consent) -> Statement:
        return self.current[consent.id].statement

    def _write(self, consent: Consent) -> Consent:
        others = [other for other in self.current.values() if other.id != consent.id]
        settled, followed = consequences(consent, others, zone=ZONE)
        self.history += [settled, *followed]
        return settled


def refused_as(rule: str, act: Any, *args: Any, **options: Any) -> None:
    """Assert that a call is refused by that rule."""
    try:
        act(*args, **options)
    except Invalid as refusal_:
        assert refusal_.issues[0].rule == rule, refusal_.issues
    else:
        raise AssertionError(f"not refused as {rule}")
