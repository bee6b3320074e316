"""The profile `careledger-consent` (`integration.md` 13.1): elements and extensions that a Consent may hold here."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from shared.fhir.profile import ANY, extension_place, extension_url, system_url
from shared.kernel.errors import CareledgerError, Issue
from shared.kernel.vocabulary import CANONICAL

PROFILE = f"{CANONICAL}/StructureDefinition/careledger-consent"
IDENTIFIER_SYSTEM = f"{CANONICAL}/sid/consent"
PROGRAM = system_url("program")

LOINC, CONSENT_DOCUMENT = "http://loinc.org", "59284-0"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
PARTICIPATION, PERFORMER = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PPRF"

OWN_TYPES = ("Consent", "Task", "ChargeItem")

METHOD = "consent-method"
OBTAINED_BY = "obtained-by"
DISCLOSURE = "disclosure"
COMMUNICATION = "communication"
DECLINE_REASON = "decline-reason"
OTHER_PRACTICE = "other-practice"
REVOCATION = "revocation"
SUPERSEDED_BY = "superseded-by"
CHANGE_REASON = "change-reason"
AUTHORITY = "representative-authority"
IDENTITY_CHECK = "identity-check"

OURS_TO_WRITE = tuple(extension_url(name) for name in (REVOCATION, SUPERSEDED_BY, CHANGE_REASON))
"""Extensions that an answer holds as the domain has them, whatever was sent."""

_REFERENCE = {"reference": ANY, "type": ANY, "identifier": ANY, "display": ANY}

ALLOWED = {
    "id": ANY,
    "meta": ANY,
    "language": ANY,
    "text": ANY,
    "extension": {
        extension_url(name)
        for name in (
            METHOD,
            OBTAINED_BY,
            DISCLOSURE,
            COMMUNICATION,
            DECLINE_REASON,
            OTHER_PRACTICE,
            REVOCATION,
            SUPERSEDED_BY,
            IDENTITY_CHECK,
        )
    }
    | {extension_url(CHANGE_REASON)},
    "identifier": ANY,
    "status": ANY,
    "scope": ANY,
    "category": ANY,
    "patient": _REFERENCE,
    "dateTime": ANY,
    "performer": {**_REFERENCE, "extension": {extension_url(AUTHORITY)}},
    "organization": _REFERENCE,
    "sourceAttachment": dict.fromkeys(("contentType", "language", "url", "size", "hash", "title", "creation"), ANY),
    "sourceReference": _REFERENCE,
    "policy": {"authority": ANY, "uri": ANY},
    "verification": {"verified": ANY, "verifiedWith": _REFERENCE, "verificationDate": ANY},
    "provision": {"type": ANY, "period": {"start": ANY, "end": ANY}, "actor": {"role": ANY, "reference": _REFERENCE}},
}
"""Kept and returned; everything else is refused, never dropped."""

_PLACES = {
    "status": "Consent.status",
    "given_at": "Consent.dateTime",
    "starts_at": "Consent.provision.period.start",
    "until": "Consent.provision.period.end",
    "decline_reason": extension_place("Consent", DECLINE_REASON, "extension"),
    "stop": extension_place("Consent", REVOCATION, "extension"),
    "stop.received_at": extension_place("Consent", REVOCATION, "extension('received-at').valueDateTime"),
    "stop.effective": extension_place("Consent", REVOCATION, "extension('effective').valueDate"),
    "superseded_by": extension_place("Consent", SUPERSEDED_BY, "valueReference"),
    "reason": extension_place("Consent", CHANGE_REASON, "valueString"),
    "patient": "Consent.patient",
    "identifier": "Consent.identifier",
}


@dataclass(frozen=True)
class Bases:
    """Where the things lie that a Consent refers to: our own base, the EHR's, and further hosts of the EHR."""

    own: str
    ehr: str
    ehr_hosts: tuple[str, ...]
    zone: ZoneInfo


def at_consent(error: CareledgerError) -> CareledgerError:
    """Return `error` with the domain's field names turned into places in a Consent."""
    error.issues = tuple(
        Issue(issue.rule, issue.text, _PLACES.get(issue.expression or "", issue.expression)) for issue in error.issues
    )
    return error
