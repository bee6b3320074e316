"""Differences after billing: months already released whose facts now say something else, by the day until which to report."""

from fastapi import Request, Response

from services.billing.entrypoints.fragments.common import Desk, Row, answer, counted, day_of, fragment_router
from services.billing.entrypoints.fragments.lines import csv_answer, spoken_lines
from services.billing.entrypoints.fragments.practice import DeskReader, month_title, practice_desk
from services.billing.usecases.list_ports import OpenDifference

router = fragment_router("/differences")


@router.get("")
async def differences(request: Request, principal: DeskReader) -> Response:
    """Show all of them; each is signed on its patient's page."""
    desk = await practice_desk(request, principal)
    rows = [_row(desk, one) for one in await _all(desk)]
    late = sum(row["late"] for row in rows)
    return answer(
        "differences.html",
        base=desk.base,
        rows=rows,
        said=f"{counted(len(rows), 'released month')} with other facts now" + (f", {late} past their day" if late else ""),
        today=desk.today.isoformat(),
    )


@router.get(".csv")
async def as_file(request: Request, principal: DeskReader) -> Response:
    """Answer with all of them as a file."""
    desk = await practice_desk(request, principal)
    head = ("month", "patient", "practitioner", "kind", "billed", "now", "report an overpayment by", "found")
    rows = [
        (
            one.month,
            one.name,
            one.practitioner_name,
            one.kind,
            spoken_lines(one.billed),
            spoken_lines(one.now),
            one.report_by,
            one.found_at,
        )
        for one in await _all(desk)
    ]
    return csv_answer(f"differences-{desk.today}.csv", head, rows)


async def _all(desk: Desk) -> list[OpenDifference]:
    async with desk.call.read() as uow:
        return await uow.lists.differences()


def _row(desk: Desk, one: OpenDifference) -> Row:
    return {
        "patient": one.patient,
        "name": one.name,
        "month": str(one.month),
        "title": month_title(one.month),
        "practitioner": one.practitioner_name or "not known",
        "billed": spoken_lines(one.billed),
        "now": spoken_lines(one.now),
        "level": "hold" if one.kind == "void" else "review",
        "words": "Void" if one.kind == "void" else "Replace",
        "by": day_of(one.report_by),
        "late": one.report_by is not None and one.report_by < desk.today,
        "found": day_of(one.found_at.astimezone(desk.zone).date()),
    }
