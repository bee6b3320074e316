"""What a launch reads in the EHR with the user's token: who it is, and the chart; each part only if it was granted."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import httpx

from shared.access.domain.launch import LaunchContext, is_fhir_id, may_read
from shared.access.domain.launch_refusals import LaunchRefused
from shared.access.usecases.launch_ports import Observation
from shared.contracts.base import Person
from shared.contracts.ehr_context import ChartCoverage, ChartProblem, EhrContextState
from shared.contracts.tenant import EhrConnection
from shared.fhir.client import EhrUnavailable, FhirClient
from shared.fhir.person import Resource, codes_of, face_of, items_of, name_of, written
from shared.ops.egress import EgressRefused

T = TypeVar("T")

_SECONDS = 8.0
_NPI = "http://hl7.org/fhir/sid/us-npi"
_ACTIVE = {"active", "recurrence", "relapse"}
_WRONG = {"refuted", "entered-in-error"}


class FhirEhrReader:
    """See `usecases.launch_ports.EhrReader`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def observe(self, ehr: EhrConnection, context: LaunchContext, access_token: str, at: datetime) -> Observation:
        """Return the person and the chart, each part only if it was granted.

        LaunchRefused if the patient of a chart cannot be read: nobody may work in a chart without a name on it. A list that
        the EHR does not answer is None: not known.
        """

        async def token() -> str:
            return access_token

        client = FhirClient(self._http, context.base, token, aliases=ehr.hosts, seconds=_SECONDS)
        practitioner = await _practitioner_of(client, context)
        patient = context.patient
        person, codes, resource, problems, coverages = await asyncio.gather(
            _person(client, context, practitioner),
            _role_codes(client, context, practitioner),
            _patient(client, context),
            _listed(client, context, "Condition", {"patient": patient or ""}),
            _listed(client, context, "Coverage", {"beneficiary": f"Patient/{patient}"}),
        )
        chart = None
        if patient is not None and resource is not None:
            chart = chart_of(patient, resource, problems, coverages, observed_by=person, at=at)
        return Observation(person, codes, chart)


async def _practitioner_of(client: FhirClient, context: LaunchContext) -> str:
    """Return the Practitioner behind `fhirUser`; of a PractitionerRole, the one it names."""
    kind, _, ident = context.fhir_user.partition("/")
    if kind == "Practitioner":
        return ident
    role = await _tried(client.read(kind, ident), "the signed-in person's role")
    steps = str(_dig(role.resource if role else {}, "practitioner", "reference")).split("/")[-2:]
    if len(steps) != 2 or steps[0] != "Practitioner" or not is_fhir_id(steps[1]):
        raise LaunchRefused("sign-in-not-proved", "PractitionerRole without Practitioner")
    return steps[1]


async def _person(client: FhirClient, context: LaunchContext, practitioner: str) -> Person:
    if not may_read(context.scopes, "Practitioner", "r"):
        return Person(id=practitioner)
    found = await _optional(client.read("Practitioner", practitioner))
    return person_of(practitioner, found.resource) if found else Person(id=practitioner)


async def _role_codes(client: FhirClient, context: LaunchContext, practitioner: str) -> frozenset[str]:
    if not may_read(context.scopes, "PractitionerRole", "s"):
        return frozenset()
    found = await _optional(client.search("PractitionerRole", {"practitioner": f"Practitioner/{practitioner}"}))
    active = [one.resource for one in found or () if one.resource.get("active") is not False]
    return frozenset(code for role in active for concept in items_of(role, "code") for code in _codes(concept))


async def _patient(client: FhirClient, context: LaunchContext) -> Resource | None:
    if context.patient is None:
        return None
    if not may_read(context.scopes, "Patient", "r"):
        raise LaunchRefused("ehr-set-up", "Patient not granted")
    found = await _tried(client.read("Patient", context.patient, patient=context.patient), "the patient")
    if found is None:
        raise LaunchRefused("ehr-not-answering", "no such Patient")
    return found.resource


async def _listed(client: FhirClient, context: LaunchContext, kind: str, query: dict[str, str]) -> list[Resource] | None:
    if context.patient is None or not may_read(context.scopes, kind, "s"):
        return None
    found = await _optional(client.search(kind, query, patient=context.patient))
    return [one.resource for one in found] if found is not None else None


async def _tried(reading: Coroutine[Any, Any, T], what: str) -> T:
    try:
        return await reading
    except (EhrUnavailable, EgressRefused) as error:
        raise LaunchRefused("ehr-not-answering", f"{what}: {error}") from error


async def _optional(reading: Coroutine[Any, Any, T]) -> T | None:
    try:
        return await reading
    except (EhrUnavailable, EgressRefused):
        return None


def person_of(practitioner: str, resource: Resource) -> Person:
    """Read a Practitioner: name, NPI, and the suffix of the name as the credential to show."""
    name = name_of(resource)
    npi = next((str(i.get("value")) for i in items_of(resource, "identifier") if i.get("system") == _NPI), None)
    credential = ", ".join(str(part) for part in name.get("suffix", ())) or None
    return Person(id=practitioner, npi=npi, name=written(name, family_first=False) or None, credential=credential)


def chart_of(
    patient: str,
    resource: Resource,
    problems: Iterable[Resource] | None,
    coverages: Iterable[Resource] | None,
    *,
    observed_by: Person,
    at: datetime,
) -> EhrContextState:
    """Read a Patient with its problems and coverages; None for a list that is not known."""
    face = face_of(resource)
    dead = True if resource.get("deceasedDateTime") else resource.get("deceasedBoolean")
    spoken = items_of(resource, "communication")
    languages = [one for one in spoken if one.get("preferred")] or spoken
    return EhrContextState(
        patient=patient,
        version=1,
        observed_at=at,
        observed_by=observed_by,
        name=face.name or f"Patient {patient}",
        birth_date=face.birth_date,
        identifier=face.number,
        identifier_system=face.number_system,
        language=next((code for one in languages for code in sorted(codes_of(one.get("language")))), None),
        deceased=dead if isinstance(dead, bool) else None,
        problems=None if problems is None else tuple(_problem(one) for one in problems if not _is_wrong(one)),
        coverages=None if coverages is None else tuple(_coverage(one) for one in coverages if not _is_wrong(one)),
    )


def _problem(resource: Resource) -> ChartProblem:
    code = resource.get("code") or {}
    codings = items_of(code, "coding")
    text = code.get("text") or next((c["display"] for c in codings if c.get("display")), None) or "without a name"
    clinical = codes_of(resource.get("clinicalStatus"))
    codes = tuple(f"{c.get('system', '')}|{c['code']}" for c in codings if c.get("code"))
    return ChartProblem(condition=resource["id"], codes=codes, text=str(text), active=not clinical or bool(clinical & _ACTIVE))


def _coverage(resource: Resource) -> ChartCoverage:
    payor: Resource = next(iter(items_of(resource, "payor")), {})
    payer = payor.get("display") or _dig(payor, "identifier", "value")
    kind = next(iter(_codes(resource.get("type"))), None)
    return ChartCoverage(
        coverage=resource["id"], payer=str(payer) if payer else None, type=kind, active=resource.get("status") == "active"
    )


def _is_wrong(resource: Resource) -> bool:
    return resource.get("status") == "entered-in-error" or bool(codes_of(resource.get("verificationStatus")) & _WRONG)


def _codes(concept: object) -> list[str]:
    return [f"{c.get('system', '')}|{c['code']}" for c in items_of(concept, "coding") if c.get("code")]


def _dig(resource: Resource, *names: str) -> object:
    value: object = resource
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
