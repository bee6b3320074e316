"""A Consent as a client sends it, read into the domain. Its shape has been checked before (`shared.fhir.shape`)."""

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.consent.domain.consent import Answer, Person, Script, Statement, Status, Stop, Submission
from services.consent.fhir_mapping import profile
from services.consent.fhir_mapping.parts import Parts, missing
from services.consent.fhir_mapping.profile import Bases
from shared.fhir import times
from shared.fhir.json_text import place, walk
from shared.fhir.profile import (
    code_of,
    extension,
    extension_code,
    extension_place,
    extensions,
    member,
    refuse_unknown,
    required,
)
from shared.fhir.references import NPI_SYSTEM, ehr_id, identifier_value, own_id, parse_reference, patient_id
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import CANONICAL, ConsentMethod, DisclosureCode, PerformerRole, Program

_OWN_SCRIPT = re.compile(r".*/app/consent/scripts/(?P<version>[^/]+)/(?P<language>[A-Za-z-]+)\Z")


@dataclass(frozen=True)
class Inbound:
    """What was read: the submission, the sender's identifiers and what searches need, and the resource as it is kept.

    `own_identifier` is the value of our own system, if the client sent it back; `resource` has the EHR's references relative.
    """

    submission: Submission
    identifiers: tuple[tuple[str, str], ...]
    own_identifier: str | None
    categories: tuple[str, ...]
    patient_identifiers: tuple[str, ...]
    resource: dict[str, Any]


def read_consent(resource: dict[str, Any], bases: Bases) -> Inbound:
    """Read a Consent by the profile; Invalid (422) names rule and place of what does not keep to it."""
    refuse_unknown(resource, profile.ALLOWED)
    status = _status(resource)
    _fixed(resource)
    categories = _categories(resource)
    identifiers, own = _identifiers(resource)
    submission = Submission(
        status=status,
        statement=_statement(resource, bases),
        stop=_stop(resource, bases),
        superseded_by=_superseded_by(resource, bases),
        reason=_value(extension(resource, profile.CHANGE_REASON, expression="Consent"), "valueString"),
    )
    patient = resource["patient"].get("identifier")
    return Inbound(
        submission=submission,
        identifiers=identifiers,
        own_identifier=own,
        categories=categories,
        patient_identifiers=(f"{patient.get('system', '')}|{patient.get('value', '')}",) if patient else (),
        resource=_relative(resource, bases),
    )


def _status(resource: dict[str, Any]) -> Status:
    if resource["status"] in ("draft", "proposed"):
        raise Invalid("only what was said is recorded here, no draft", rule="consent-status", expression="Consent.status")
    return member(resource["status"], Status, expression="Consent.status")


def _fixed(resource: dict[str, Any]) -> None:
    if code_of(resource["scope"], profile.SCOPE, expression="Consent.scope") != "treatment":
        raise Invalid("the scope is treatment", rule="profile-code", expression="Consent.scope")
    profiles = resource.get("meta", {}).get("profile", ())
    if any(url.startswith(f"{CANONICAL}/") and url.partition("|")[0] != profile.PROFILE for url in profiles):
        raise Invalid("claims another profile of ours", rule="profile-claim", expression="Consent.meta.profile")


def _categories(resource: dict[str, Any]) -> tuple[str, ...]:
    codings = [coding for concept in resource["category"] for coding in concept.get("coding", ())]
    found = tuple(f"{coding.get('system', '')}|{coding.get('code', '')}" for coding in codings)
    if f"{profile.LOINC}|{profile.CONSENT_DOCUMENT}" not in found:
        raise Invalid(f"needs LOINC {profile.CONSENT_DOCUMENT}", rule="consent-category", expression="Consent.category")
    return tuple(dict.fromkeys(found))


def _program(resource: dict[str, Any]) -> Program:
    codes = {
        coding.get("code")
        for concept in resource["category"]
        for coding in concept.get("coding", ())
        if coding.get("system") == profile.PROGRAM
    }
    if len(codes) != 1:
        raise Invalid(f"needs one code of {profile.PROGRAM}", rule="consent-program", expression="Consent.category")
    return member(codes.pop(), Program, expression="Consent.category.coding.code")


def _identifiers(resource: dict[str, Any]) -> tuple[tuple[tuple[str, str], ...], str | None]:
    own: str | None = None
    found: dict[tuple[str, str], None] = {}
    for index, identifier in enumerate(required(resource, "identifier", expression="Consent")):
        where = f"Consent.identifier[{index}]"
        system, value = required(identifier, "system", expression=where), required(identifier, "value", expression=where)
        if system == profile.IDENTIFIER_SYSTEM:
            own = value
        else:
            found[system, value] = None
    if not found:
        raise Invalid("needs an identifier of the sender's", rule="identifier-required", expression="Consent.identifier")
    return tuple(found), own


def _statement(resource: dict[str, Any], bases: Bases) -> Statement:
    patient = patient_id(
        required(resource, "patient", expression="Consent"),
        ehr_base=bases.ehr,
        aliases=bases.ehr_hosts,
        expression="Consent.patient",
    )
    given_at = times.instant(required(resource, "dateTime", expression="Consent"), expression="Consent.dateTime")
    method = extension_code(resource, profile.METHOD, ConsentMethod, expression="Consent")
    if method is None:
        raise missing(profile.METHOD)
    _evidence(resource, method)
    provision = required(resource, "provision", expression="Consent")
    agreed = _agreed(provision)
    starts_at, until = _period(provision, given_at, bases) if agreed else (given_at, None)
    by_representative, authority = _performer(resource, patient, bases)
    reason, practice = Parts.of(resource, profile.DECLINE_REASON), Parts.of(resource, profile.OTHER_PRACTICE)
    return Statement(
        patient=patient,
        program=_program(resource),
        practitioner=_practitioner(provision, bases),
        agreed=agreed,
        method=method,
        given_at=given_at,
        starts_at=starts_at,
        obtained_by=_obtained_by(resource, bases),
        script=_script(resource),
        until=until,
        by_representative=by_representative,
        authority=authority,
        disclosures=_disclosures(resource),
        decline_reason=(reason.get("text", "valueString") or reason.get("code", "valueCode")) if reason else None,
        other_practice=_answer(practice) if practice else None,
        other_practice_name=practice.get("name", "valueString") if practice else None,
        document_hash=resource.get("sourceAttachment", {}).get("hash"),
    )


def _agreed(provision: dict[str, Any]) -> bool:
    kind = required(provision, "type", expression="Consent.provision")
    return bool(kind == "permit")


def _period(provision: dict[str, Any], given_at: datetime, bases: Bases) -> tuple[datetime, date | None]:
    """Return when it takes effect and the last day; a start known by its day only begins with the consent on that day."""
    where = "Consent.provision.period"
    period = required(provision, "period", expression="Consent.provision")
    start = times.fhir_time(required(period, "start", expression=where), expression=f"{where}.start", zone=bases.zone)
    starts_at = given_at if start.start < given_at < start.end else start.start
    return starts_at, times.day(period["end"], expression=f"{where}.end") if "end" in period else None


def _practitioner(provision: dict[str, Any], bases: Bases) -> Person:
    where = "Consent.provision.actor"
    actors = required(provision, "actor", expression="Consent.provision")
    if len(actors) != 1:
        raise Invalid("names one actor, the billing practitioner", rule="profile-cardinality", expression=where)
    if code_of(actors[0].get("role"), profile.PARTICIPATION, expression=f"{where}.role") != profile.PERFORMER:
        raise Invalid(f"has the role {profile.PERFORMER}", rule="profile-code", expression=f"{where}.role")
    return _person(actors[0]["reference"], bases, f"{where}.reference")


def _person(
    reference: dict[str, Any], bases: Bases, where: str, *, name: str | None = None, credential: str | None = None
) -> Person:
    _, ident = ehr_id(reference, ("Practitioner",), ehr_base=bases.ehr, aliases=bases.ehr_hosts, expression=where)
    identifier = reference.get("identifier")
    npi = identifier_value([identifier], NPI_SYSTEM) if identifier else None
    return Person(id=ident, npi=npi, name=name or reference.get("display"), credential=credential)


def _obtained_by(resource: dict[str, Any], bases: Bases) -> Person:
    parts = Parts.of(resource, profile.OBTAINED_BY)
    if parts is None:
        raise missing(profile.OBTAINED_BY)
    credential = member(parts.need("credential", "valueCode"), PerformerRole, expression=parts.where("credential", "valueCode"))
    return _person(
        parts.need("who", "valueReference"),
        bases,
        parts.where("who", "valueReference"),
        name=parts.get("name", "valueString"),
        credential=credential,
    )


def _performer(resource: dict[str, Any], patient: str, bases: Bases) -> tuple[bool, str | None]:
    """Return whether a representative answered, and by which authority."""
    performers = resource.get("performer", ())
    if len(performers) != 1:
        raise Invalid("names the one who answered", rule="profile-cardinality", expression="Consent.performer")
    where = "Consent.performer[0]"
    kinds = ("Patient", "RelatedPerson")
    if "reference" not in performers[0] and performers[0].get("type") == "RelatedPerson" and performers[0].get("display"):
        # a representative whom the EHR does not know: by name and authority
        authority = _value(extension(performers[0], profile.AUTHORITY, expression=where), "valueString")
        if authority:
            return True, authority
    kind, ident = ehr_id(performers[0], kinds, ehr_base=bases.ehr, aliases=bases.ehr_hosts, expression=where)
    authority = _value(extension(performers[0], profile.AUTHORITY, expression=where), "valueString")
    if kind == "Patient" and ident != patient:
        raise Invalid("is another patient than Consent.patient", rule="consent-performer", expression=f"{where}.reference")
    if kind == "RelatedPerson" and not authority:
        text = "a representative answers by an authority"
        raise Invalid(text, rule="representative-authority", expression=extension_place(where, profile.AUTHORITY, "valueString"))
    return kind == "RelatedPerson", authority


def _evidence(resource: dict[str, Any], method: ConsentMethod) -> None:
    """Ask for what the method needs: a document if written, a verification if verbal."""
    if method is ConsentMethod.WRITTEN and "sourceAttachment" not in resource and "sourceReference" not in resource:
        raise Invalid("a written consent has its document", rule="consent-source", expression="Consent.sourceAttachment")
    verifications = resource.get("verification", ())
    if method is ConsentMethod.VERBAL and len(verifications) != 1:
        raise Invalid("a verbal consent has one verification", rule="consent-verification", expression="Consent.verification")
    for index, found in enumerate(verifications):
        if found.get("verified") is not True or "verificationDate" not in found:
            where = f"Consent.verification[{index}]"
            raise Invalid("is verified and says when", rule="consent-verification", expression=where)


def _script(resource: dict[str, Any]) -> Script:
    """Read which words were said: `uri|version`, or the address of one of our own scripts."""
    policies = resource.get("policy", ())
    if len(policies) != 1 or "uri" not in policies[0]:
        raise Invalid("names the one script that was read, by its uri", rule="consent-script", expression="Consent.policy")
    uri, _, version = policies[0]["uri"].partition("|")
    own = _OWN_SCRIPT.match(uri)
    told = Parts.of(resource, profile.COMMUNICATION)
    language = told.get("language", "valueCode") if told else None
    return Script(
        uri=policies[0]["uri"],
        version=version or (own["version"] if own else None),
        language=language or (own["language"] if own else None),
        interpreter=told.get("interpreter", "valueString") if told else None,
    )


def _disclosures(resource: dict[str, Any]) -> dict[DisclosureCode, bool]:
    found: dict[DisclosureCode, bool] = {}
    for one in extensions(resource, profile.DISCLOSURE):
        parts = Parts(profile.DISCLOSURE, one)
        code = member(parts.need("code", "valueCode"), DisclosureCode, expression=parts.where("code", "valueCode"))
        if code in found:
            raise Invalid(f"{code} is there twice", rule="profile-cardinality", expression=parts.where("code", "valueCode"))
        found[code] = parts.need("given", "valueBoolean")
    return found


def _answer(parts: Parts) -> Answer:
    return member(parts.need("answer", "valueCode"), Answer, expression=parts.where("answer", "valueCode"))


def _stop(resource: dict[str, Any], bases: Bases) -> Stop | None:
    parts = Parts.of(resource, profile.REVOCATION)
    if parts is None:
        return None
    effective = parts.get("effective", "valueDate")
    who = _person(parts.need("recorded-by", "valueReference"), bases, parts.where("recorded-by", "valueReference"))
    return Stop(
        received_at=times.instant(
            parts.need("received-at", "valueDateTime"), expression=parts.where("received-at", "valueDateTime")
        ),
        channel=parts.need("channel", "valueString"),
        recorded_by=who.id,
        effective=times.day(effective, expression=parts.where("effective", "valueDate")) if effective else None,
    )


def _superseded_by(resource: dict[str, Any], bases: Bases) -> UUID | None:
    found = extension(resource, profile.SUPERSEDED_BY, expression="Consent")
    if found is None:
        return None
    where = extension_place("Consent", profile.SUPERSEDED_BY, "valueReference")
    try:
        return UUID(own_id(found.get("valueReference"), "Consent", own_base=bases.own, expression=where))
    except ValueError as error:
        raise Invalid("is no consent of ours", rule="reference-form", expression=where) from error


def _relative(resource: dict[str, Any], bases: Bases) -> dict[str, Any]:
    """Return a copy in which references into the EHR are relative, so that the EHR may move to another address."""
    kept = deepcopy(resource)
    for keys, value in walk(kept):
        if not isinstance(value, dict) or not isinstance(value.get("reference"), str):
            continue
        where = place("Consent", keys)
        ref = parse_reference(value["reference"])
        kind = ref.type if ref else "Resource"
        if kind in profile.OWN_TYPES:
            value["reference"] = f"{kind}/{own_id(value, kind, own_base=bases.own, expression=where)}"
        else:
            _, ident = ehr_id(value, (kind,), ehr_base=bases.ehr, aliases=bases.ehr_hosts, expression=where)
            value["reference"] = f"{kind}/{ident}"
    return kept


def _value(found: dict[str, Any] | None, name: str) -> str | None:
    return found.get(name) if found else None
