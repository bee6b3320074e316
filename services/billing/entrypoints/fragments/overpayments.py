"""Overpayments to report and return (P6): the open cases by the day until which to report, and the form that ends one."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import Request, Response

from services.billing.entrypoints.fragments.common import Desk, Row, answer, counted, day_of, face_row, fragment_router
from services.billing.entrypoints.fragments.lines import csv_answer, spoken_lines, sum_words
from services.billing.entrypoints.fragments.practice import ACTING, DeskActor, DeskReader, month_title, practice_desk
from services.billing.usecases.overpayment_ports import Overpayment
from services.billing.usecases.overpayments import AGREES, settle_overpayment
from services.billing.usecases.overview import expected
from shared.kernel.errors import Invalid
from shared.web.typed import FieldError, form_of

router = fragment_router("/overpayments")

_SOON_DAYS = 14
_OUTCOMES = (
    ("returned", "Returned to the payer"),
    ("offset", "Taken back by the payer"),
    (AGREES, "Nothing is owed after all"),
)


@router.get("")
async def overpayments(request: Request, principal: DeskReader) -> Response:
    """Show the open cases, the one to be reported first on top."""
    return await _show(await practice_desk(request, principal))


@router.get(".csv")
async def as_file(request: Request, principal: DeskReader) -> Response:
    """Answer with the open cases as a file."""
    desk = await practice_desk(request, principal)
    names = ("month", "patient", "billed", "now", "amount", "found", "report", "investigate")
    head = ("month", "patient", "billed", "now", "overpaid, national amounts", "found", "report by", "investigate until")
    rows = [[row[name] for name in names] for row in await _rows(desk)]
    return csv_answer(f"overpayments-{desk.today}.csv", head, rows)


@router.post("/{case_id}")
async def settle(request: Request, case_id: UUID, principal: DeskActor) -> Response:
    """Record how a case ended, in the person's name."""
    desk, typed = await practice_desk(request, principal, writes=True), await form_of(request)
    try:
        await settle_overpayment(
            case_id=case_id,
            outcome=typed.get("outcome", ""),
            reference=typed.get("reference", "")[:200],
            by=desk.person,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid:
        named = f"bill-how-{case_id}" if not typed.get("outcome") else f"bill-ref-{case_id}"
        text = "Choose how it ended." if not typed.get("outcome") else "Name the refund or the payer’s letter."
        return await _show(desk, (FieldError(named, text),), typed={str(case_id): dict(typed)})
    return await _show(desk, done=dict(_OUTCOMES)[typed["outcome"]])


async def _show(desk: Desk, errors: Sequence[FieldError] = (), *, typed: Row | None = None, done: str = "") -> Response:
    rows = await _rows(desk)
    late = sum(row["late"] for row in rows)
    said = f"{counted(len(rows), 'case')} open" + (f", {late} past the day to report" if late else "")
    return answer(
        "overpayments.html",
        status=422 if errors else 200,
        base=desk.base,
        rows=rows,
        said=said,
        outcomes=_OUTCOMES,
        typed=typed or {},
        acts=desk.has(*ACTING) and bool(desk.person),
        today=desk.today.isoformat(),
        errors=list(errors),
        done=done,
    )


async def _rows(desk: Desk) -> list[Row]:
    async with desk.call.read() as uow:
        cases = await uow.overpayments.open_cases()
        faces = {case.patient: await uow.views.face(case.patient) for case in cases}
        places = {case.month: (await uow.ledger.practice(case.month)).tenant_in(case.month) for case in cases}
    return [
        _row(desk, case, places[case.month].place_of_service)
        | {"name": face_row(faces[case.patient], case.patient, desk.today)["name"]}
        for case in cases
    ]


def _row(desk: Desk, case: Overpayment, place: str) -> Row:
    left = (case.report_by - desk.today).days
    billed, now = ((expected(desk.call.world.rule_book, lines, place, case.month.last_day)) for lines in (case.billed, case.now))
    return {
        "id": str(case.id),
        "patient": case.patient,
        "month": str(case.month),
        "title": month_title(case.month),
        "billed": spoken_lines(case.billed),
        "now": spoken_lines(case.now),
        "amount": sum_words(billed[0] - now[0], billed[1] + now[1]),
        "found": day_of(case.found_at.astimezone(desk.zone).date()),
        "report": day_of(case.report_by),
        "investigate": day_of(case.investigate_by),
        "late": left < 0,
        "level": "hold" if left < 0 else "review" if left <= _SOON_DAYS else "info",
        "left": f"{counted(-left, 'day')} past" if left < 0 else f"{counted(left, 'day')} left",
    }
