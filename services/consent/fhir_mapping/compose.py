"""A Consent that a page makes or changes: the same resource that a client would send, so that it is read and judged as one."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.consent.domain.consent import Answer, Person, Statement, Stop
from services.consent.fhir_mapping import profile
from shared.fhir.profile import extension_url
from shared.fhir.references import mrn, npi
from shared.fhir.times import local_text
from shared.kernel.vocabulary import ConsentMethod, DisclosureCode

Json = dict[str, Any]


@dataclass(frozen=True)
class Attached:
    """A document that belongs to a consent: where it is read, its media type, size in bytes and SHA-1 (as R4 asks), base64."""

    url: str
    content_type: str
    size: int
    hash: str
    created: datetime


@dataclass(frozen=True)
class Circumstances:
    """What a page knows beside the statement: form, practice, chart number, representative's name, checks, document."""

    identifier: tuple[str, str]
    practice: tuple[str, str]
    zone: ZoneInfo
    patient_identifier: tuple[str | None, str] | None = None
    representative: str | None = None
    identity_checks: tuple[str, ...] = ()
    attached: Attached | None = None


def compose_consent(said: Statement, around: Circumstances) -> Json:
    """Return the resource of a first version; references are relative to the EHR."""
    given = local_text(said.given_at, around.zone)
    system, value = around.identifier
    name, practice_npi = around.practice
    resource: Json = {
        "resourceType": "Consent",
        "extension": _extensions(said, around),
        "identifier": [{"system": system, "value": value}],
        "status": "active" if said.agreed else "rejected",
        "scope": {"coding": [{"system": profile.SCOPE, "code": "treatment"}]},
        "category": [
            {"coding": [{"system": profile.LOINC, "code": profile.CONSENT_DOCUMENT}]},
            {"coding": [{"system": profile.PROGRAM, "code": said.program.value}]},
        ],
        "patient": _patient(said.patient, around),
        "dateTime": given,
        "performer": [_performer(said.patient, said.authority if said.by_representative else None, around.representative)],
        "organization": [{"identifier": npi(practice_npi), "display": name}],
        "policy": [{"uri": said.script.uri}],
        "provision": _provision(said, given),
    }
    if said.method is ConsentMethod.VERBAL:
        resource["verification"] = [{"verified": True, "verificationDate": given}]
    if around.attached:
        found = around.attached
        resource["sourceAttachment"] = {
            "contentType": found.content_type,
            "url": found.url,
            "size": found.size,
            "hash": found.hash,
            "creation": local_text(found.created, around.zone),
        }
    return resource


@dataclass(frozen=True)
class Correction:
    """What a record should say instead; what is not named stays."""

    given_at: datetime
    disclosures: dict[DisclosureCode, bool]
    other_practice: Answer | None
    other_practice_name: str | None
    representative: tuple[str, str] | None
    """Name and authority; None: the patient answered."""
    until: date | None


def corrected(resource: Json, said: Statement, change: Correction, *, reason: str, zone: ZoneInfo) -> Json:
    """Return the resource of the next version, a correction."""
    changed = _with_reason(resource, reason)
    given = local_text(change.given_at, zone)
    changed["dateTime"] = given
    name, authority = change.representative or (None, None)
    if said.by_representative or change.representative:
        changed["performer"] = [_performer(said.patient, authority, name)]
    replaced = tuple(extension_url(name) for name in (profile.DISCLOSURE, profile.OTHER_PRACTICE))
    changed["extension"] = [
        *(one for one in changed["extension"] if one["url"] not in replaced),
        *_disclosures(change.disclosures),
        *_other_practice(change.other_practice, change.other_practice_name),
    ]
    period = changed["provision"].get("period")
    if said.agreed and period is not None:
        if change.given_at != said.given_at:
            period["start"] = given
        period.pop("end", None)
        if change.until:
            period["end"] = change.until.isoformat()
    return changed


def stopped(resource: Json, stop: Stop, *, zone: ZoneInfo) -> Json:
    """Return the resource of the next version, in which the patient has said stop."""
    changed = deepcopy(resource)
    changed["status"] = "inactive"
    parts = [
        {"url": "received-at", "valueDateTime": local_text(stop.received_at, zone)},
        {"url": "channel", "valueString": stop.channel},
        {"url": "recorded-by", "valueReference": {"reference": f"Practitioner/{stop.recorded_by}"}},
    ]
    own = (extension_url(profile.CHANGE_REASON), extension_url(profile.REVOCATION))
    changed["extension"] = [one for one in changed["extension"] if one["url"] not in own]
    changed["extension"].append({"url": extension_url(profile.REVOCATION), "extension": parts})
    return changed


def voided(resource: Json, *, reason: str) -> Json:
    """Return the resource of the next version: entered in error."""
    return _with_reason(resource, reason) | {"status": "entered-in-error"}


def _with_reason(resource: Json, reason: str) -> Json:
    changed = deepcopy(resource)
    url = extension_url(profile.CHANGE_REASON)
    changed["extension"] = [*(one for one in changed["extension"] if one["url"] != url), {"url": url, "valueString": reason}]
    return changed


def _patient(patient: str, around: Circumstances) -> Json:
    reference: Json = {"reference": f"Patient/{patient}"}
    if around.patient_identifier:
        system, value = around.patient_identifier
        reference["identifier"] = mrn(value, system)
    return reference


def _performer(patient: str, authority: str | None, name: str | None) -> Json:
    if authority is None:
        return {"reference": f"Patient/{patient}"}
    url = extension_url(profile.AUTHORITY)
    return {"extension": [{"url": url, "valueString": authority}], "type": "RelatedPerson", "display": name}


def _provision(said: Statement, given: str) -> Json:
    role = {"coding": [{"system": profile.PARTICIPATION, "code": profile.PERFORMER}]}
    actors = [{"role": role, "reference": _practitioner(said.practitioner)}]
    if not said.agreed:
        return {"type": "deny", "actor": actors}
    return {"type": "permit", "period": {"start": given}, "actor": actors}


def _practitioner(person: Person) -> Json:
    reference: Json = {"reference": f"Practitioner/{person.id}"}
    if person.npi:
        reference["identifier"] = npi(person.npi)
    if person.name:
        reference["display"] = person.name
    return reference


def _extensions(said: Statement, around: Circumstances) -> list[Json]:
    by = said.obtained_by
    found: list[Json] = [
        {"url": extension_url(profile.METHOD), "valueCode": said.method.value},
        _complex(
            profile.OBTAINED_BY,
            ("who", "valueReference", {"reference": f"Practitioner/{by.id}"}),
            ("credential", "valueCode", by.credential),
            ("name", "valueString", by.name),
        ),
        *_disclosures(said.disclosures),
        _complex(
            profile.COMMUNICATION,
            ("language", "valueCode", said.script.language),
            ("interpreter", "valueString", said.script.interpreter),
        ),
        *_other_practice(said.other_practice, said.other_practice_name),
        *({"url": extension_url(profile.IDENTITY_CHECK), "valueCode": check} for check in around.identity_checks),
    ]
    if said.decline_reason:
        found.append(_complex(profile.DECLINE_REASON, ("text", "valueString", said.decline_reason)))
    return found


def _disclosures(told: dict[DisclosureCode, bool]) -> list[Json]:
    return [
        _complex(profile.DISCLOSURE, ("code", "valueCode", code.value), ("given", "valueBoolean", given))
        for code, given in told.items()
    ]


def _other_practice(answer: Answer | None, name: str | None) -> list[Json]:
    if answer is None:
        return []
    return [_complex(profile.OTHER_PRACTICE, ("answer", "valueCode", answer.value), ("name", "valueString", name))]


def _complex(name: str, *parts: tuple[str, str, Any]) -> Json:
    told = [{"url": part, kind: value} for part, kind, value in parts if value is not None]
    return {"url": extension_url(name), "extension": told}
