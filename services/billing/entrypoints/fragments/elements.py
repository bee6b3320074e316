"""What the practice attests once for all its patients (E7-E13): each element with its day, and the form to state them anew."""

from uuid import uuid4

from fastapi import Request, Response

from services.billing.domain.attestations import SPECS, AttestationKind
from services.billing.domain.charge import Identifier
from services.billing.domain.enrolment_record import PRACTICE_NAMES
from services.billing.entrypoints.fragments.attestations import PAGE_SYSTEM
from services.billing.entrypoints.fragments.common import Desk, Row, age_of, answer, day_of, fragment_router, person_of
from services.billing.entrypoints.fragments.practice import DeskReader, Stater, practice_desk
from services.billing.usecases.record_attestation import Statement, record_attestation
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.vocabulary import StaffRole
from shared.web.typed import FieldError, form_of

router = fragment_router("/elements")


@router.get("")
async def elements(request: Request, principal: DeskReader) -> Response:
    """Show the elements as they stand today."""
    return await _show(await practice_desk(request, principal))


@router.post("")
async def state(request: Request, principal: Stater) -> Response:
    """Record the picked elements as in place from today on, in the person's name; the others stay as they are."""
    desk, typed = await practice_desk(request, principal, writes=True), await form_of(request)
    picked = [kind for kind in PRACTICE_NAMES if typed.get(kind.value) == "yes"]
    if not picked:
        return await _show(desk, (FieldError("bill-elements", "Tick what is in place."),))
    key = typed.get("key") or str(uuid4())
    role = StaffRole.PROGRAM_LEAD if desk.has(StaffRole.PROGRAM_LEAD) else StaffRole.BILLING_PRACTITIONER
    for kind in picked:
        await record_attestation(
            statement=Statement(
                identifier=Identifier(system=PAGE_SYSTEM, value=f"{key[:100]}/{kind}"),
                kind=kind,
                patient=None,
                value={"given": True},
                by=desk.person,
                role=role,
                signed_at=None,
                effective=None,
                until=None,
                month=None,
            ),
            tenant_id=desk.call.principal.tenant_id,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    return await _show(desk, done=len(picked))


async def _show(desk: Desk, errors: tuple[FieldError, ...] = (), *, done: int = 0) -> Response:
    async with desk.call.read() as uow:
        practice = await uow.ledger.practice(CalendarMonth.of(desk.at, desk.zone))
    said: dict[AttestationKind, Row] = {}
    for attestation in sorted(practice.attestations, key=lambda one: one.effective):
        holds = attestation.effective <= desk.today and (attestation.until is None or desk.today <= attestation.until)
        if attestation.value.get("given") is True and holds:
            by, age = person_of(practice, attestation.by), age_of(attestation.effective, desk.today)
            said[attestation.kind] = {"on": day_of(attestation.effective), "age": age, "by": by}
    return answer(
        "elements.html",
        status=422 if errors else 200,
        base=desk.base,
        key=str(uuid4()),
        rows=[
            {"kind": kind.value, "name": name, "rule": SPECS[kind].rule, "meaning": SPECS[kind].meaning, "said": said.get(kind)}
            for kind, name in PRACTICE_NAMES.items()
        ],
        states=desk.has(StaffRole.PROGRAM_LEAD, StaffRole.BILLING_PRACTITIONER) and bool(desk.person),
        done=done,
        errors=list(errors),
    )
