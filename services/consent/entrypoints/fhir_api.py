"""Consent at the FHIR base: create, change by rule, read, history, search (`integration.md` 4 and 13.1)."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request, Response

from services.consent.entrypoints.answers import read_answer, resource_of, uuid_of, write_answer
from services.consent.entrypoints.dependencies import Call, call_of
from services.consent.fhir_mapping.inbound import Inbound, read_consent
from services.consent.fhir_mapping.outbound import write_provenance
from services.consent.fhir_mapping.profile import at_consent
from services.consent.usecases.capture_consent import capture_consent
from services.consent.usecases.change_consent import change_consent
from services.consent.usecases.ports import Accepted, Recorded
from shared.fhir.bundle import Version, searchset
from shared.fhir.json_text import dump
from shared.fhir.outcome import operation_outcome
from shared.fhir.provenance import REVINCLUDE
from shared.fhir.search import Key, Search, SearchParameter, Sort, parse_search
from shared.fhir.search_values import token_value
from shared.fhir.shape import check_shape
from shared.kernel.errors import CareledgerError, Forbidden, Invalid, Issue, Malformed, NotFound
from shared.smart.scopes import covers
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import FhirRoute, fhir_response, history_response, not_modified, preference, required_version
from shared.web.routes import FHIR_BASE

SEARCH_PARAMETERS = (
    SearchParameter("identifier", "token"),
    SearchParameter("patient", "reference", targets=("Patient",), modifiers=frozenset(("identifier",))),
    SearchParameter("status", "token"),
    SearchParameter("category", "token"),
    SearchParameter("date", "date", sortable=True),
    SearchParameter("period", "date"),
    SearchParameter("actor", "reference", targets=("Practitioner",)),
)

_CANONICAL = msgspec.json.Encoder(decimal_format="number", order="deterministic")

router = APIRouter(prefix=f"{FHIR_BASE}/Consent", route_class=FhirRoute, tags=["Consent"])


@router.post(
    "",
    status_code=201,
    response_class=Response,
    summary="Record a consent",
)
async def create_consent(request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.c"))]) -> Response:
    """Record what a patient granted or declined; the sender's identifier makes it repeatable. `If-None-Exist` needs `s` too."""
    call = await call_of(request, principal)
    resource, inbound = await _inbound(request, call)
    try:
        if inbound.own_identifier is not None:
            raise Invalid("our own identifier is ours to give", rule="identifier-own", expression="identifier")
        captured = await capture_consent(
            submission=inbound.submission,
            accepted=await _accepted(request, inbound),
            identifiers=inbound.identifiers,
            body_hash=hashlib.sha256(_CANONICAL.encode(resource)).digest(),
            if_none_exist=_if_none_exist(request, principal, inbound.identifiers),
            patient=principal.patient,
            world=call.world,
            practice=call.practice,
            author=call.author,
        )
    except CareledgerError as refusal:
        raise at_consent(refusal) from refusal
    return write_answer(call, request, captured.recorded, status=201 if captured.created else 200)


@router.post("/_search", response_class=Response, summary="Search consents by a form")
async def search_consents_by_form(
    request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.s"))]
) -> Response:
    """Search as by GET, with the parameters in the body, so that no address holds them."""
    if any(name != "_format" for name in request.query_params):
        raise Malformed("give the parameters in the body or in the address, not in both", rule="search-mixed")
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError as error:
        raise Malformed("the form cannot be read", rule="search-form") from error
    return await _search(await call_of(request, principal), request, pairs)


@router.get("", response_class=Response, summary="Search consents")
async def search_consents(request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.s"))]) -> Response:
    """Search the newest versions of consents."""
    return await _search(await call_of(request, principal), request, request.query_params.multi_items())


@router.get("/{consent_id}", response_class=Response, summary="Read a consent")
async def read_consent_now(
    consent_id: str, request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.r"))]
) -> Response:
    """Read the newest version; 304 if the caller holds it already."""
    call = await call_of(request, principal)
    recorded = await _find(call, consent_id)
    same = not_modified(request, version=recorded.consent.version, updated=recorded.consent.recorded_at)
    return same or read_answer(call, recorded)


@router.put("/{consent_id}", response_class=Response, summary="Change a consent")
async def update_consent(
    consent_id: str, request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.u"))]
) -> Response:
    """Correct, revoke or mark as entered in error, by rule; `If-Match` says which version was seen."""
    call = await call_of(request, principal)
    seen = required_version(request)
    resource, inbound = await _inbound(request, call)
    if resource.get("id") != consent_id or inbound.own_identifier not in (None, consent_id):
        raise Malformed("the resource's id is not that of the address", rule="id-mismatch", expression="Consent.id")
    try:
        recorded = await change_consent(
            consent_id=uuid_of(consent_id),
            seen_version=seen,
            submission=inbound.submission,
            accepted=await _accepted(request, inbound),
            identifiers=set(inbound.identifiers),
            patient=principal.patient,
            world=call.world,
            practice=call.practice,
            author=call.author,
        )
    except NotFound as error:
        raise HTTPException(405, "there is no such consent, and none is created by an update", {"Allow": "GET, HEAD"}) from error
    except CareledgerError as refusal:
        raise at_consent(refusal) from refusal
    return write_answer(call, request, recorded, status=200)


@router.get("/{consent_id}/_history", response_class=Response, summary="All versions of a consent")
async def consent_history(
    consent_id: str, request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.r"))]
) -> Response:
    """Return every version, the newest first."""
    call = await call_of(request, principal)
    async with call.read(call.practice) as uow:
        found = await uow.consents.versions(uuid_of(consent_id), patient=principal.patient)
    if not found:
        raise NotFound("there is no such consent")
    versions = [Version(resource_of(call, one), one.consent.version, one.consent.recorded_at) for one in found]
    return history_response(request, call.bases.own, f"{call.bases.own}/Consent/{consent_id}", versions)


@router.get("/{consent_id}/_history/{version}", response_class=Response, summary="One version of a consent")
async def consent_version(
    consent_id: str, version: str, request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.r"))]
) -> Response:
    """Read one version."""
    if not (version.isascii() and version.isdigit()) or len(version) > 9:
        raise NotFound("there is no such version")
    call = await call_of(request, principal)
    return read_answer(call, await _find(call, consent_id, int(version)))


async def _inbound(request: Request, call: Call) -> tuple[dict[str, Any], Inbound]:
    resource = check_shape("Consent", await request.body())
    return resource, read_consent(resource, call.bases)


async def _accepted(request: Request, inbound: Inbound) -> Accepted:
    kept = dump(inbound.resource).decode()
    return Accepted(kept, inbound.categories, inbound.patient_identifiers, (await request.body()).decode())


def _if_none_exist(request: Request, principal: Principal, identifiers: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """Read `If-None-Exist: identifier=system|value`, which must be one of the body's, since its key decides."""
    given = request.headers.get("if-none-exist")
    if given is None:
        return None
    if not covers(principal.scopes, "system/Consent.s"):
        raise Forbidden("a conditional create needs the scope system/Consent.s too")
    pairs = parse_qsl(given.removeprefix("?"), keep_blank_values=True)
    token = token_value(pairs[0][1]) if len(pairs) == 1 and pairs[0][0] == "identifier" else None
    if token is None or not token.system or not token.code:
        raise Malformed("If-None-Exist is identifier=system|value", rule="if-none-exist")
    if (token.system, token.code) not in identifiers:
        raise Invalid("If-None-Exist names no identifier of the resource", rule="if-none-exist", expression="identifier")
    return token.system, token.code


async def _find(call: Call, consent_id: str, version: int | None = None) -> Recorded:
    async with call.read(call.practice) as uow:
        found = await uow.consents.get(uuid_of(consent_id), version=version, patient=call.principal.patient)
    if found is None:
        raise NotFound("there is no such consent")
    return found


async def _search(call: Call, request: Request, pairs: Sequence[tuple[str, str]]) -> Response:
    search = parse_search(
        SEARCH_PARAMETERS,
        pairs,
        handling=preference(request, "handling") or "lenient",
        bases=(call.bases.ehr, *call.bases.ehr_hosts),
        revincludes=(REVINCLUDE,),
        zone=call.practice.zone,
    )
    if search.revincludes and not covers(call.principal.scopes, "system/Consent.r"):
        raise Forbidden("Provenance along with a search needs the scope system/Consent.r too")
    included: list[Recorded] = []
    async with call.read(call.practice) as uow:
        found, total = await uow.consents.search(search, patient=call.principal.patient)
        if search.revincludes:
            included = await uow.consents.versions(*(one.consent.id for one in found[: search.count]))
    path = f"{call.bases.own}/Consent"
    links = {"self": search.link(path)}
    if len(found) > search.count > 0:
        last = found[search.count - 1].consent
        links["next"] = search.link(path, [_sort_key(key, found[search.count - 1]) for key in search.sort], last.id)
    matches = [resource_of(call, one) for one in found[: search.count]]
    tellings = [write_provenance(one.consent, call.bases) for one in included]
    return fhir_response(
        searchset(call.bases.own, matches, links=links, total=total, included=tellings, outcome=_ignored(search))
    )


def _sort_key(sort: Sort, recorded: Recorded) -> Key:
    return recorded.consent.statement.given_at if sort.parameter.name == "date" else recorded.consent.recorded_at


def _ignored(search: Search) -> dict[str, Any] | None:
    if not search.ignored:
        return None
    issues = [Issue("search-unknown", "this parameter is not known and was not used", name[:80]) for name in search.ignored]
    return operation_outcome(issues, code="not-supported", severity="warning")
