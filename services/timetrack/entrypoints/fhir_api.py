"""Task at the FHIR base: create, amend or void, read, vread, history, search."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from services.timetrack.entrypoints.dependencies import Here, here
from services.timetrack.entrypoints.task_answers import entry_warnings, provenance_of, task_answer, task_from
from services.timetrack.fhir_mapping.inbound import read_task
from services.timetrack.fhir_mapping.profile import at_task, same_task
from services.timetrack.usecases.amend_time import amend_time
from services.timetrack.usecases.log_time import log_time
from services.timetrack.usecases.ports import EntryVersion, IdentifierTaken, NoSuchThing, StoredVersion
from shared.fhir import bundle
from shared.fhir.json_text import parse
from shared.fhir.outcome import operation_outcome
from shared.fhir.provenance import REVINCLUDE
from shared.fhir.search import SearchParameter, parse_search
from shared.fhir.shape import check_shape
from shared.kernel.errors import CareledgerError, Forbidden, Invalid, Issue, Malformed
from shared.smart.scopes import covers
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import FhirRoute, fhir_response, history_response, not_modified, preference, required_version
from shared.web.routes import FHIR_BASE

router = APIRouter(prefix=FHIR_BASE, route_class=FhirRoute, tags=["Task"])

_IDENTIFIER = frozenset({"identifier"})
PARAMETERS = (
    SearchParameter("identifier", "token"),
    SearchParameter("patient", "reference", targets=("Patient",), modifiers=_IDENTIFIER),
    SearchParameter("status", "token"),
    SearchParameter("code", "token"),
    SearchParameter("owner", "reference", targets=("Practitioner",), modifiers=_IDENTIFIER),
    SearchParameter("authored-on", "date", sortable=True),
    SearchParameter("modified", "date", sortable=True),
    SearchParameter("period", "date", sortable=True),
    SearchParameter("encounter", "reference", targets=("Encounter",)),
    SearchParameter("program", "token", ours=True),
)

Creator = Annotated[Principal, Depends(needs("system/Task.c"))]
Reader = Annotated[Principal, Depends(needs("system/Task.r"))]
Updater = Annotated[Principal, Depends(needs("system/Task.u"))]
Searcher = Annotated[Principal, Depends(needs("system/Task.s"))]


@router.post("/Task", status_code=201, response_class=Response, summary="Log time")
async def create_task(request: Request, principal: Creator) -> Response:
    """Log a stretch of time; the sender's identifier makes it repeatable: the same Task again answers 200 and its Location."""
    at = await here(request, principal)
    body = await request.body()
    task = check_shape("Task", body)
    wanted = _if_none_exist(request, principal, task)
    try:
        entry = read_task(task, ehr=at.ehr)
        _only_own_patient(at, entry.patient)
        logged = await log_time(
            uow=at.uow,
            patients=at.patients,
            months=at.months,
            practice=at.practice,
            author=at.author,
            entry=entry,
            body=body.decode(),
            may_read=covers(principal.scopes, "system/Task.r"),
            now=at.now,
        )
    except CareledgerError as error:
        raise at_task(error) from error
    if logged.new is not None:
        return await _written(request, at, logged.new, task, status=201)
    assert logged.earlier is not None
    return await _repeated(request, at, logged.earlier, task, wanted)


@router.put("/Task/{task_id}", response_class=Response, summary="Amend or void a time entry")
async def update_task(request: Request, task_id: str, principal: Updater) -> Response:
    """Amend an entry (with its change-reason) or void it (status entered-in-error with its statusReason); needs If-Match."""
    at = await here(request, principal)
    seen, body = required_version(request), await request.body()
    task = check_shape("Task", body)
    if task.get("id") != task_id:
        raise Malformed("the id in the body is that in the address", rule="id-mismatch", expression="Task.id")
    try:
        entry = read_task(task, ehr=at.ehr, own_id=task_id)
        version = await amend_time(
            uow=at.uow,
            months=at.months,
            practice=at.practice,
            author=at.author,
            entry_id=_uuid(task_id),
            seen_version=seen,
            patient=at.patient,
            entry=entry,
            body=body.decode(),
            may_read=covers(principal.scopes, "system/Task.r"),
            now=at.now,
        )
    except NoSuchThing as error:
        raise HTTPException(405, "there is no such entry, and none is created by an update", {"Allow": "GET, HEAD"}) from error
    except CareledgerError as error:
        raise at_task(error) from error
    return await _written(request, at, version, task, status=200)


@router.get("/Task/{task_id}", response_class=Response, summary="Read a time entry")
async def read_task_by_id(request: Request, task_id: str, principal: Reader) -> Response:
    """Return the current version of an entry; 304 if the caller holds it already."""
    at = await here(request, principal)
    async with at.uow as uow:
        found = await uow.entries.read(_uuid(task_id), patient=at.patient)
    if found is None:
        raise NoSuchThing("no such entry")
    same = not_modified(request, version=found.version, updated=found.written_at)
    return same or task_answer(at, found, parse(found.body.encode()))


@router.get("/Task/{task_id}/_history", response_class=Response, summary="All versions of a time entry")
async def read_task_history(request: Request, task_id: str, principal: Reader) -> Response:
    """Return every version of an entry, the newest first."""
    at = await here(request, principal)
    async with at.uow as uow:
        found = await uow.entries.history(_uuid(task_id), patient=at.patient)
    if not found:
        raise NoSuchThing("no such entry")
    versions = [bundle.Version(task_from(at, each), each.version, each.written_at) for each in found]
    return history_response(request, at.base, f"{at.base}/Task/{task_id}", versions)


@router.get("/Task/{task_id}/_history/{version}", response_class=Response, summary="One version of a time entry")
async def read_task_version(request: Request, task_id: str, version: str, principal: Reader) -> Response:
    """Return one version of an entry."""
    at = await here(request, principal)
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
    async with at.uow as uow:
        found = await uow.entries.read(_uuid(task_id), number, patient=at.patient)
    if found is None:
        raise NoSuchThing("no such version")
    return task_answer(at, found, parse(found.body.encode()))


@router.get("/Task", response_class=Response, summary="Search time entries")
async def search_tasks(request: Request, principal: Searcher) -> Response:
    """Search the current versions of entries."""
    return await _search(request, principal, list(request.query_params.multi_items()))


@router.post("/Task/_search", response_class=Response, summary="Search time entries by a form")
async def search_tasks_by_post(request: Request, principal: Searcher) -> Response:
    """Search as by GET, the parameters in the form: so they end in no access log."""
    if request.query_params:
        raise Malformed("the parameters go into the form, none into the address", rule="search-mixed")
    pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)
    return await _search(request, principal, pairs)


async def _search(request: Request, principal: Principal, pairs: list[tuple[str, str]]) -> Response:
    at = await here(request, principal)
    search = parse_search(
        PARAMETERS,
        pairs,
        handling=preference(request, "handling") or "lenient",
        bases=(at.ehr.base, *at.ehr.hosts),
        revincludes=(REVINCLUDE,),
        zone=at.practice.zone,
    )
    if search.revincludes and not covers(principal.scopes, "system/Task.r"):
        raise Forbidden("Provenance along with a search needs the scope system/Task.r too")
    included: Sequence[StoredVersion] = ()
    async with at.uow as uow:
        found, keys, total = await uow.searches.search(search, patient=at.patient)
        page = found[: search.count]
        if search.revincludes:
            included = await uow.entries.history(*(each.id for each in page), patient=at.patient)
    path = f"{at.base}/Task"
    links = {"self": search.link(path)}
    if len(found) > len(page) and page:
        links["next"] = search.link(path, keys, page[-1].id)
    outcome = None
    if search.ignored:
        issues = [Issue("search-unknown", "this parameter is not known and was ignored", name) for name in search.ignored]
        outcome = operation_outcome(issues, code="not-supported", severity="warning")
    tasks = [task_from(at, each) for each in page]
    tellings = [provenance_of(each) for each in included]
    return fhir_response(bundle.searchset(at.base, tasks, links=links, total=total, included=tellings, outcome=outcome))


async def _written(request: Request, at: Here, version: EntryVersion, task: dict[str, Any], *, status: int) -> Response:
    wanted = preference(request, "return")
    if wanted == "OperationOutcome":
        issues = await entry_warnings(at, version)
        return task_answer(at, version, task, status=status, instead=issues)
    return task_answer(at, version, task, status=status, minimal=wanted == "minimal")


async def _repeated(request: Request, at: Here, earlier: StoredVersion, task: dict[str, Any], wanted: str | None) -> Response:
    """Answer a create whose identifier names an entry already."""
    first = parse(earlier.body.encode())
    if wanted is not None and wanted in _tokens(first):
        async with at.uow as uow:
            current = await uow.entries.read(earlier.id, patient=at.patient)
        if current is None:
            raise IdentifierTaken("the identifier belongs to another entry", expression="Task.identifier")
        return task_answer(at, current, parse(current.body.encode()), located=True)
    if not same_task(first, task):
        text = "an entry with this identifier says something else"
        named = f": Task/{earlier.id}" if at.patient is None else ""
        raise IdentifierTaken(text + named, expression="Task.identifier")
    return task_answer(at, earlier, first, located=True, minimal=preference(request, "return") == "minimal")


def _if_none_exist(request: Request, principal: Principal, task: dict[str, Any]) -> str | None:
    """Return the identifier in If-None-Exist; it needs the right to search and must be one of the Task's own."""
    header = request.headers.get("if-none-exist")
    if header is None:
        return None
    if not covers(principal.scopes, "system/Task.s"):
        raise Forbidden("a conditional create also needs the scope system/Task.s")
    pairs = parse_qsl(header, keep_blank_values=True)
    if len(pairs) != 1 or pairs[0][0] != "identifier" or "|" not in pairs[0][1]:
        raise Malformed("If-None-Exist is identifier=system|value", rule="if-none-exist")
    if pairs[0][1] not in _tokens(task):
        raise Invalid("the Task does not carry that identifier", rule="if-none-exist", expression="Task.identifier")
    return pairs[0][1]


def _tokens(task: dict[str, Any]) -> list[str]:
    return [f"{found.get('system', '')}|{found.get('value', '')}" for found in task.get("identifier", ())]


def _only_own_patient(at: Here, patient: str) -> None:
    if at.patient not in (None, patient):
        raise Forbidden("the token is for another patient", expression="Task.for")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NoSuchThing("no such entry") from error
