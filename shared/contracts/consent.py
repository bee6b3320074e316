"""Owner: consent. `ccm.consent.{granted|declined|revoked|corrected|superseded}.v1`"""

from datetime import date
from typing import Literal

from pydantic import Field

from shared.contracts.base import Instant, Payload, Person

TYPES = tuple(f"ccm.consent.{fact}.v1" for fact in ("granted", "declined", "revoked", "corrected", "superseded"))


class Revocation(Payload):
    """The patient's stop: when it was received, how, by whom it was recorded, and the last billable day."""

    received_at: Instant
    channel: str
    recorded_by: str
    effective: date


class Script(Payload):
    """The exact wording that was read: address, version and language (BCP 47)."""

    uri: str
    version: str | None = None
    language: str | None = None
    interpreter: str | None = None


class ConsentState(Payload):
    """One consent of a patient for one program with one billing practitioner, whole, at a version.

    Instants are aware UTC. `given_at` is when the patient agreed or declined; `recorded_at` when this version was written,
    `first_recorded_at` when the first was. `in_force_until` is the last billable day. A disclosure that is absent from
    `disclosures` was not recorded.
    """

    consent_id: str
    version: int
    patient: str
    program: str
    practitioner: Person
    status: Literal["active", "rejected", "inactive", "entered-in-error"]
    change: Literal["granted", "declined", "revoked", "corrected", "superseded"]
    method: Literal["verbal", "written", "electronic"]
    given_at: Instant
    recorded_at: Instant
    first_recorded_at: Instant
    recorded_by: str
    obtained_by: Person
    consenting_party: Literal["patient", "representative"] = "patient"
    authority: str | None = None
    disclosures: dict[str, bool] = Field(default_factory=dict)
    script: Script | None = None
    in_force_from: Instant
    in_force_until: date | None = None
    decline_reason: str | None = None
    other_practice: Literal["yes", "no", "unknown"] | None = None
    other_practice_name: str | None = None
    revocation: Revocation | None = None
    superseded_by: str | None = None
    document_hash: str | None = None
    change_reason: str | None = None
