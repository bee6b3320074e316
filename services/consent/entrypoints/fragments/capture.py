"""Capture a consent: read aloud, mark each point, press once. Nothing is preselected; who and when the server knows."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from services.consent.domain.consent import Answer, ConsentRefused, Person, Script, Statement
from services.consent.domain.disclosure import REQUIRED, WORDINGS, Wording, wording_path
from services.consent.entrypoints.fragments.capture_form import Typed, typed_of
from services.consent.entrypoints.fragments.common import (
    AUTHORITIES,
    IDENTITY_CHECKS,
    LANGUAGES,
    Desk,
    Row,
    Writer,
    answer,
    desk_of,
    errors_by_field,
    program_with,
    read_back,
)
from services.consent.fhir_mapping.compose import Attached, Circumstances, compose_consent
from services.consent.usecases.capture_consent import capture_consent
from services.consent.usecases.keep_document import NoDocument, keep_document
from services.consent.usecases.ports import Document
from services.consent.usecases.staff_on_day import credential_on, likely_practitioner, may_obtain
from shared.contracts.staff_member import StaffMemberState
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import CANONICAL, ConsentMethod, DisclosureCode, Program
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import date_words
from shared.web.typed import FieldError
from shared.web.words import person_words

router = APIRouter(prefix="/t/{tenant}/app/consent", route_class=RetryingRoute, include_in_schema=False)

FORM_SYSTEM = f"{CANONICAL}/sid/consent-form"
_DECLINES = ("Cost", "Does not want calls", "Has it elsewhere", "Wants to think about it", "Other")
_ORDER = (*REQUIRED, DisclosureCode.SCOPE_OF_SERVICES)


@router.get("/capture")
async def capture_page(request: Request, principal: Writer) -> Response:
    """Open the form; `language` and `practitioner` choose whose words are read."""
    desk = await desk_of(request, principal)
    form = dict(request.query_params) | {"key": str(uuid4())}
    return await _show(desk, Typed(form, ()), [])


@router.post("/capture/words")
async def capture_again(request: Request, principal: Writer) -> Response:
    """Show the form in another language or for another practitioner, with the answers that are marked."""
    desk = await desk_of(request, principal)
    typed = await typed_of(request)
    return await _show(desk, typed, [], document=await _document(desk, typed))


@router.post("/capture")
async def capture(request: Request, principal: Writer) -> Response:
    """Record what the patient said, once for each form; what is missing is named, and every answer stays."""
    desk = await desk_of(request, principal)
    typed = await typed_of(request)
    document = await _document(desk, typed)
    zone = desk.zone
    errors = typed.errors(_ORDER, programs=desk.programs, practitioners=desk.practitioners, now=desk.now, zone=zone)
    if document is None and typed.method is ConsentMethod.WRITTEN:
        errors.append(FieldError("cons-scan", "Signed on paper: choose the scan"))
    if document is None and typed.method is ConsentMethod.ELECTRONIC and not typed.declines:
        errors.append(FieldError("cons-pad", "Signature: let the patient sign"))
    given_at = typed.given_at(desk.now, zone)
    member = desk.staff.get(desk.person)
    day = given_at.astimezone(zone).date() if given_at else desk.today
    if desk.me is None or member is None or not may_obtain(member, day) or credential_on(member, day) is None:
        errors.append(FieldError("", "The staff list has you in no role and credential to obtain a consent that day"))
    if errors or given_at is None or member is None:
        return await _show(desk, typed, errors, document=document)
    statement = _statement(desk, typed, member, given_at)
    around = _around(desk, typed, document)
    inbound, accepted = read_back(desk, compose_consent(statement, around))
    try:
        captured = await capture_consent(
            submission=inbound.submission,
            accepted=accepted,
            identifiers=inbound.identifiers,
            body_hash=hashlib.sha256(accepted.kept.encode()).digest(),
            if_none_exist=around.identifier,
            patient=desk.patient,
            world=desk.call.world,
            practice=desk.call.practice,
            author=desk.call.author,
        )
    except (ConsentRefused, Invalid) as error:
        text = str(error)
        return await _show(desk, typed, [FieldError("", f"{text[:1].upper()}{text[1:]}.")], document=document)
    consent = captured.recorded.consent
    said = consent.statement
    whom = program_with(said.program, desk.name_of(said.practitioner))
    counts = all(said.disclosures.get(code) for code in REQUIRED)
    return answer(
        "cons_recorded.html",
        seen=consent,
        agreed=said.agreed,
        counts=counts,
        text=f"{whom}, {desk.when(said.given_at)}.",
        late=captured.recorded.late,
        superseded=consent.superseded_by is not None,
    )


@router.post("/documents")
async def upload(request: Request, principal: Writer) -> Response:
    """Keep a scan; the form then carries its id."""
    desk = await desk_of(request, principal)
    async with request.form() as form:
        found = form.get("scan")
        content = b"" if found is None or isinstance(found, str) else await found.read()
    try:
        document = await _keep(desk, content)
    except NoDocument as error:
        return answer("cons_document.html", document=None, error=str(error))
    return answer("cons_document.html", document=_document_row(desk, document), error="")


async def _keep(desk: Desk, content: bytes) -> Document:
    call = desk.call
    return await keep_document(
        content=content, patient=desk.patient, kept_by=desk.person, world=call.world, practice=call.practice
    )


async def _document(desk: Desk, typed: Typed) -> Document | None:
    """Return the document of the form: a signature just drawn, else what this person kept for this patient before."""
    if typed.signature:
        return await _keep(desk, typed.signature)
    if not typed.document:
        return None
    async with desk.call.read(desk.call.practice) as uow:
        found = await uow.documents.find(typed.document, patient=desk.patient)
    return found if found and found.kept_by == desk.person else None


def _statement(desk: Desk, typed: Typed, member: StaffMemberState, given_at: datetime) -> Statement:
    day = given_at.astimezone(desk.zone).date()
    practitioner = desk.practitioners[typed.practitioner]
    found = _wording(typed)
    script = Script(
        uri=f"{desk.public_url}{wording_path(desk.call.practice.tenant, found)}",
        version=found.version,
        language=found.language,
        interpreter=typed.get("interpreter") or None,
    )
    assert typed.method is not None and typed.other is not None  # no errors were found
    return Statement(
        patient=desk.patient,
        program=Program(typed.program),
        practitioner=Person(practitioner.practitioner, practitioner.npi, practitioner.name),
        agreed=not typed.declines,
        method=typed.method,
        given_at=given_at,
        starts_at=given_at,
        obtained_by=Person(member.practitioner, member.npi, member.name, credential_on(member, day)),
        script=script,
        by_representative=typed.represented,
        authority=typed.authority or None,
        disclosures=typed.disclosures(_ORDER),
        decline_reason=typed.decline_reason if typed.declines else None,
        other_practice=typed.other,
        other_practice_name=typed.get("other_name") or None if typed.other is not Answer.NO else None,
    )


def _around(desk: Desk, typed: Typed, document: Document | None) -> Circumstances:
    chart = desk.chart
    attached = None
    if document is not None and typed.method is not ConsentMethod.VERBAL:
        attached = Attached(
            url=f"{desk.public_url}/t/{desk.call.practice.tenant}/consent/documents/{document.id}",
            content_type=document.content_type,
            size=len(document.content),
            hash=base64.b64encode(hashlib.sha1(document.content, usedforsecurity=False).digest()).decode(),
            created=document.kept_at.replace(microsecond=0),
        )
    return Circumstances(
        identifier=(FORM_SYSTEM, typed.get("key")),
        practice=(desk.practice_name, desk.practice_npi),
        zone=desk.zone,
        patient_identifier=(chart.identifier_system, chart.identifier) if chart and chart.identifier else None,
        representative=typed.get("rep_name") or None,
        identity_checks=typed.checks if typed.method is ConsentMethod.VERBAL else (),
        attached=attached,
    )


def _wording(typed: Typed) -> Wording:
    """Return the newest words in the chosen language."""
    language = typed.get("language") if typed.get("language") in LANGUAGES else "en"
    return next(found for found in reversed(WORDINGS) if found.language == language)


async def _show(desk: Desk, typed: Typed, errors: Sequence[FieldError], *, document: Document | None = None) -> Response:
    found = _wording(typed)
    program = typed.program if typed.program in desk.programs else desk.programs[0]
    chosen = await _chosen(desk, typed, program)
    practitioner = desk.practitioners.get(chosen or "")
    name = practitioner.name if practitioner else "…"
    me = desk.me
    return answer(
        "cons_capture.html",
        status=422 if errors else 200,
        base=desk.base,
        billing=desk.billing,
        allowed=me is not None,
        key=typed.get("key"),
        language=found.language,
        program=program,
        program_words=Program(program).value.upper(),
        programs=[{"value": one, "words": one.upper(), "chosen": one == program} for one in desk.programs],
        practitioners=[
            {"value": ident, "words": member.name, "chosen": ident == chosen} for ident, member in desk.practitioners.items()
        ],
        practitioner=name,
        points=[_point(code, found, name, typed) for code in _ORDER],
        spoken={"other": found.other_practice, "question": found.question},
        draft_words=found.draft,
        form={name: typed.get(name) for name in _FIELDS},
        checks=[{"value": k, "words": w, "chosen": k in typed.checks} for k, w in IDENTITY_CHECKS.items()],
        authorities=[{"words": one, "chosen": one == typed.authority} for one in AUTHORITIES],
        declines=[{"words": one, "chosen": one == typed.get("dec")} for one in _DECLINES],
        document=_document_row(desk, document) if document else None,
        scripts={one: wording_path(desk.call.practice.tenant, _wording(Typed({"language": one}, ()))) for one in LANGUAGES},
        recorded={
            "when": f"{desk.when(desk.now)} {desk.now.astimezone(desk.zone):%Z}, server clock",
            "by": person_words(me.name, credential_on(me, desk.today)) if me else "",
            "practice": desk.practice_name,
            "script": f"Version {found.version}, {LANGUAGES[found.language]}, in use since {date_words(found.in_use_since)}",
        },
        errors=errors_by_field(errors),
        title=f"Not recorded yet: {len(errors)} {'answer is' if len(errors) == 1 else 'answers are'} missing",
    )


_FIELDS = ("other", "other_name", "who", "rep_name", "how", "ans", "dec_words", "interpreter", "late_day", "late_time")


def _point(code: DisclosureCode, found: Wording, practitioner: str, typed: Typed) -> Row:
    return {
        "code": code.value,
        "topic": found.topics[code],
        "say": found.points[code].format(practitioner=practitioner),
        "told": typed.get(f"told-{code.value}"),
        "required": code in REQUIRED,
    }


async def _chosen(desk: Desk, typed: Typed, program: str) -> str | None:
    if typed.practitioner in desk.practitioners:
        return typed.practitioner
    async with desk.call.read(desk.call.practice) as uow:
        current = await uow.consents.current(desk.patient, program)
    last = max((one.consent for one in current), key=lambda consent: consent.recorded_at, default=None)
    me = desk.staff.get(desk.person)
    if me is None:
        return None
    return likely_practitioner(me, desk.practitioners, desk.today, current=last.statement.practitioner.id if last else None)


def _document_row(desk: Desk, document: Document) -> Row:
    picture = ""
    if document.content_type == "image/png" and len(document.content) < 200_000:
        picture = f"data:image/png;base64,{base64.b64encode(document.content).decode()}"
    return {
        "id": str(document.id),
        "kind": document.content_type.partition("/")[2].upper(),
        "size": f"{max(len(document.content) // 1024, 1)} KB",
        "hash": document.sha256.hex()[:8],
        "at": desk.when(document.kept_at),
        "picture": picture,
    }
