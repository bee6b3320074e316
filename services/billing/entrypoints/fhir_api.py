"""ChargeItem at the FHIR base: read, history, search, the change feed and `$acknowledge` (integration.md 4, 5, 6)."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.billing.domain.charge import ChargeItem
from services.billing.domain.feed_position import number_of
from services.billing.entrypoints.dependencies import Call, call_of
from services.billing.fhir_mapping import read_acknowledgements, write_charge, write_provenance, write_results
from services.billing.usecases.acknowledge_charges import acknowledge_charges
from shared.fhir.bundle import Version, searchset
from shared.fhir.provenance import REVINCLUDE
from shared.fhir.search import DEFAULT_COUNT, MOST_COUNT, Key, SearchParameter, Sort, parse_search
from shared.fhir.shape import check_shape
from shared.kernel.errors import Forbidden, Malformed, NotFound
from shared.smart.scopes import covers
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import FhirRoute, fhir_response, history_response, not_modified, resource_response
from shared.web.rate_limit import take_more
from shared.web.routes import FHIR_BASE

AFTER = "-after"
SEARCH_PARAMETERS = (
    SearchParameter("identifier", "token"),
    SearchParameter("patient", "reference", targets=("Patient",), modifiers=frozenset(("identifier",))),
    SearchParameter("status", "token", ours=True),
    SearchParameter("code", "token"),
    SearchParameter("occurrence", "date"),
    SearchParameter("entered-date", "date", sortable=True),
    SearchParameter("service-month", "date", ours=True),
    SearchParameter("account", "reference", targets=("Account",)),
    SearchParameter("context", "reference", targets=("Encounter", "EpisodeOfCare")),
)
FEED_PARAMETER = SearchParameter(AFTER, "special", ours=True)


router = APIRouter(prefix=f"{FHIR_BASE}/ChargeItem", route_class=FhirRoute, tags=["ChargeItem"])

Searcher = Annotated[Principal, Depends(needs("system/ChargeItem.s"))]
Reader = Annotated[Principal, Depends(needs("system/ChargeItem.r"))]


@router.post("/$acknowledge", response_class=Response, summary="Say what became of charges")
async def acknowledge(request: Request, principal: Annotated[Principal, Depends(needs("system/ChargeItem.u"))]) -> Response:
    """Take 1 to 500 items: billed, rejected, returned or voided. Answers each in its place; a bad envelope applies nothing."""
    call = await call_of(request, principal)
    resource = check_shape("Parameters", await request.body())
    items = read_acknowledgements(resource, call.bases)
    take_more(request, principal.tenant, principal.client_id, len(items) - 1)
    results = await acknowledge_charges(
        items=items, patient=principal.patient, begin=call.begin, author=call.author, clock=call.world.clock
    )
    await call.world.publish(principal.tenant_id)
    return fhir_response(write_results(items, results, resource["parameter"]))


@router.post("/_search", response_class=Response, summary="Search charges by a form")
async def search_charges_by_form(request: Request, principal: Searcher) -> Response:
    """Search as by GET, with the parameters in the body, so that no address holds them."""
    if any(name != "_format" for name in request.query_params):
        raise Malformed("give the parameters in the body or in the address, not in both", rule="search-mixed")
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError as error:
        raise Malformed("the form cannot be read", rule="search-form") from error
    return await _answer(await call_of(request, principal), pairs)


@router.get("", response_class=Response, summary="Search charges, or follow their changes")
async def search_charges(request: Request, principal: Searcher) -> Response:
    """Search the published charges; with `-after=<position>` (0: from the start) read the change feed.

    An unknown parameter is always a 400: an ignored filter on money is a wrong bill.
    """
    return await _answer(await call_of(request, principal), request.query_params.multi_items())


@router.get("/{charge_id}", response_class=Response, summary="Read a charge")
async def read_charge(charge_id: str, request: Request, principal: Reader) -> Response:
    """Read the current version; 304 if the caller holds it already."""
    call = await call_of(request, principal)
    charge = (await charge_versions(call, charge_id))[0]
    return not_modified(request, version=charge.version, updated=charge.updated_at) or _one(call, charge)


@router.get("/{charge_id}/_history", response_class=Response, summary="All versions of a charge")
async def charge_history(charge_id: str, request: Request, principal: Reader) -> Response:
    """Return every published version, the newest first."""
    call = await call_of(request, principal)
    found = await charge_versions(call, charge_id)
    versions = [Version(write_charge(charge, call.bases), charge.version, charge.updated_at) for charge in found]
    return history_response(request, call.bases.own, f"{call.bases.own}/ChargeItem/{charge_id}", versions)


@router.get("/{charge_id}/_history/{version}", response_class=Response, summary="One version of a charge")
async def charge_version(charge_id: str, version: str, request: Request, principal: Reader) -> Response:
    """Read one version: what was billed."""
    call = await call_of(request, principal)
    found = next((charge for charge in await charge_versions(call, charge_id) if str(charge.version) == version), None)
    if found is None:
        raise NotFound("there is no such version")
    return _one(call, found)


def _one(call: Call, charge: ChargeItem) -> Response:
    return resource_response(write_charge(charge, call.bases), version=charge.version, updated=charge.updated_at)


async def charge_versions(call: Call, charge_id: str) -> list[ChargeItem]:
    """Return the published versions of a charge, newest first; NotFound if this caller sees none."""
    try:
        ident = UUID(charge_id)
    except ValueError as error:
        raise NotFound("there is no such charge") from error
    async with call.read() as uow:
        found = await uow.catalog.versions(ident, patient=call.principal.patient) if str(ident) == charge_id else []
    if not found:
        raise NotFound("there is no such charge")
    return found


async def _answer(call: Call, pairs: Sequence[tuple[str, str]]) -> Response:
    if any(name == AFTER for name, _ in pairs):
        return await _feed(call, pairs)
    search = parse_search(
        SEARCH_PARAMETERS,
        pairs,
        strict_unknown=True,
        bases=(call.bases.ehr, *call.bases.ehr_hosts),
        revincludes=(REVINCLUDE,),
        zone=call.bases.zone,
    )
    if search.revincludes and not covers(call.principal.scopes, "system/ChargeItem.r"):
        raise Forbidden("Provenance along with a search needs the scope system/ChargeItem.r too")
    included: list[ChargeItem] = []
    async with call.read() as uow:
        found, total = await uow.catalog.search(search, patient=call.principal.patient, zone=call.bases.zone)
        if search.revincludes:
            ids = [charge.id for charge in found[: search.count]]
            included = await uow.catalog.versions(*ids, patient=call.principal.patient)
    path = f"{call.bases.own}/ChargeItem"
    links = {"self": search.link(path)}
    if len(found) > search.count > 0:
        last = found[search.count - 1]
        links["next"] = search.link(path, [_sort_key(key, last) for key in search.sort], last.id)
    matches = [write_charge(charge, call.bases) for charge in found[: search.count]]
    tellings = [write_provenance(charge, call.bases) for charge in included]
    return fhir_response(searchset(call.bases.own, matches, links=links, total=total, included=tellings))


def _sort_key(sort: Sort, charge: ChargeItem) -> Key:
    return charge.entered_at if sort.parameter.name == "entered-date" else charge.updated_at


async def _feed(call: Call, pairs: Sequence[tuple[str, str]]) -> Response:
    """Answer the change feed: no filter but the position, since a filtered feed hides departures.

    While more waits the page has a `next`; the last one has `resume` instead, the place from which to ask again later.
    """
    position, count = _feed_parameters(pairs)
    async with call.read() as uow:
        epoch, _ = await uow.feed.head()
        number = number_of(position, epoch, expression=AFTER)
        rows = await uow.catalog.changed_since(number, count + 1, patient=call.principal.patient)
    page = rows[:count]
    path = f"{call.bases.own}/ChargeItem"
    reached = f"{epoch}.{page[-1][0] if page else number}"
    relation = "next" if len(rows) > count else "resume"
    links = {"self": _feed_link(path, position, count), relation: _feed_link(path, reached, count)}
    return fhir_response(searchset(call.bases.own, [write_charge(charge, call.bases) for _, charge in page], links=links))


def _feed_parameters(pairs: Sequence[tuple[str, str]]) -> tuple[str, int]:
    named = [(name, text) for name, text in pairs if name not in ("_format", "_pretty")]
    strays = [name for name, _ in named if name not in (AFTER, "_count")]
    if strays or len({name for name, _ in named}) != len(named):
        text = "the change feed takes -after and _count, each once: a filtered feed hides departures"
        raise Malformed(text, rule="feed-parameters", expression=strays[0][:80] if strays else None)
    values = dict(named)
    count = values.get("_count", str(DEFAULT_COUNT))
    if not (count.isascii() and count.isdigit()) or int(count[:9]) < 1:
        raise Malformed("is no whole number from 1", rule="search-value", expression="_count")
    return values[AFTER], min(int(count[:9]), MOST_COUNT)


def _feed_link(path: str, position: str, count: int) -> str:
    pairs = [(AFTER, position)] if count == DEFAULT_COUNT else [(AFTER, position), ("_count", str(count))]
    return f"{path}?{urlencode(pairs)}"
