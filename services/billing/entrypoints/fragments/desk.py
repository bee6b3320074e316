"""The desk of a month: how far its close has come, holds first, then what is to be attested, released, and not billable."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from fastapi import Request, Response

from services.billing.entrypoints.fragments.common import (
    Desk,
    Row,
    answer,
    counted,
    day_of,
    fragment_router,
    person_of,
    weekday_of,
)
from services.billing.entrypoints.fragments.lines import (
    KINDS,
    csv_answer,
    line_row,
    page_number,
    pager,
    sum_words,
)
from services.billing.entrypoints.fragments.plans import plan_row
from services.billing.entrypoints.fragments.practice import (
    ACTING,
    DeskReader,
    month_of,
    month_title,
    months_back,
    practice_desk,
    settings_in,
)
from services.billing.usecases.close_month import MonthStanding, MonthStatus, month_standing
from services.billing.usecases.list_ports import EVERY, PAGE, ChargeTally, HoldNote, Tally, Want
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.vocabulary import StaffRole
from shared.web.pages import clock_words, day_words
from shared.web.typed import FieldError

router = fragment_router("/desk")

_SHORT_PAGE = 5
_GROUPS = {
    "hold": ("On hold", ("held_since",)),
    "attest": ("To attest", ("name",)),
    "released": ("Billable", ("name",)),
    "none": ("Not billable", ("-counted",)),
}
_SORTS = ("name", "practitioner_name", "counted", "amount", "finding", "held_since")
_MONTHS_OFFERED = 13
_GRACE_DAYS = 4
"""Days after a month's end in which it is usually closed: a design choice, each practice sets its own."""


@router.get("")
async def desk_page(request: Request, principal: DeskReader) -> Response:
    """Show the whole desk."""
    desk = await practice_desk(request, principal)
    return await show_desk(desk, await month_of(request, desk), filters_of(request.query_params))


@router.get("/table")
async def table(request: Request, principal: DeskReader) -> Response:
    """Show the table alone, filtered."""
    desk = await practice_desk(request, principal)
    month, filters = await month_of(request, desk), filters_of(request.query_params)
    return answer("desk_table.html", **await _table(desk, month, filters))


@router.get(".csv")
async def as_file(request: Request, principal: DeskReader) -> Response:
    """Answer with all lines of the month, filtered, as a file."""
    desk = await practice_desk(request, principal)
    month, filters = await month_of(request, desk), filters_of(request.query_params)
    async with desk.call.read() as uow:
        lines = await uow.lists.rows(month, _want(filters), count=EVERY)
        notes = await uow.lists.hold_notes(month, [line.patient for line in lines if line.state == "hold"])
    head = ("state", "name", "date of birth", "mrn", "practitioner", "payer", "codes", "counted seconds", "asserted seconds",
            "amount", "amounts not known", "severity", "rule", "finding", "who can fix", "held since", "owner", "due",
            "comment")  # fmt: skip
    rows = []
    for line in lines:
        note, codes = notes.get(line.patient), "; ".join(line_row(line, desk, month)["codes"])
        said = (note.owner, note.due, note.comment) if note else ("", "", "")
        rows.append((line.state, line.name, line.birth_date, line.mrn, line.practitioner_name, line.payer, codes, line.counted,
                     line.asserted, line.amount, line.unknown_amounts, line.severity, line.rule, line.finding, line.who,
                     line.held_since, *said))  # fmt: skip
    return csv_answer(f"desk-{month}.csv", head, rows)


def filters_of(query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters of an address: search, state, finding, practitioner, payer, plan, sort, page."""
    filters = {name: query.get(name, "")[:200] for name in ("q", "state", "kind", "practitioner", "payer", "plan", "page")}
    filters["state"] = filters["state"] if filters["state"] in _GROUPS else ""
    sort = query.get("sort", "")
    filters["sort"] = sort if sort.removeprefix("-") in _SORTS else ""
    return filters


async def show_desk(
    desk: Desk,
    month: CalendarMonth,
    filters: dict[str, str],
    *,
    notice: Row | None = None,
    errors: tuple[FieldError, ...] = (),
    bulk: Row | None = None,
) -> Response:
    """Render the desk as everything stands now, with what was just done or refused."""
    async with desk.call.read() as uow:
        whole = await uow.lists.tally([month], Want())
        assembled = await uow.lists.assembled(month)
        charges = await uow.lists.charges([month], desk.zone)
        standing = await month_standing(uow, month)
        closed_by = person_of(await uow.ledger.practice(month), standing.by) if standing.by else ""
        practitioners = await uow.lists.tally([month], Want(lists=("all",)), by="practitioner")
        payers = await uow.lists.tally([month], Want(lists=("all",)), by="payer")
        plans = await uow.lists.tally([month], Want(lists=("plan",)), by="plan")
        differences = await uow.lists.differences()
        overpaid = await uow.overpayments.open_cases()
        behind = await uow.lists.is_behind()
    total = whole[0] if whole else None
    values = await _table(desk, month, filters)
    return answer(
        "desk.html",
        status=422 if errors else 200,
        **values,
        title=month_title(month),
        today=f"{desk.today:%A}, {desk.today:%B} {desk.today.day}, {desk.today.year}",
        said=_said(total),
        months=[(str(one), month_title(one)) for one in months_back(CalendarMonth.of(desk.at, desk.zone), _MONTHS_OFFERED)],
        steps=_steps(desk, total, assembled, charges[0] if charges else None, (standing, closed_by), await _planned(desk, month)),
        practitioners=[(tally.key, tally.name or "not known") for tally in practitioners],
        payers=[(tally.key, tally.name) for tally in payers if tally.key],
        plans=[plan_row(tally) for tally in plans],
        differences=len(differences),
        overpaid={"count": len(overpaid), "by": day_of(overpaid[0].report_by) if overpaid else ""},
        kinds=list(KINDS.items()),
        behind=behind,
        closed=standing.status is MonthStatus.CLOSED,
        signs=desk.has(StaffRole.BILLING_PRACTITIONER) and bool(desk.person),
        to_sign=await _to_sign(desk, month),
        over=desk.at >= month.end(desk.zone),
        notice=notice,
        errors=list(errors),
        bulk=bulk or {"reason": "", "rules": [], "picked": []},
    )


async def _to_sign(desk: Desk, month: CalendarMonth) -> Row:
    """Return what the person may sign: how many patient-months and what they are expected to bring."""
    if not desk.has(StaffRole.BILLING_PRACTITIONER) or not desk.person:
        return {"count": 0, "amount": ""}
    async with desk.call.read() as uow:
        mine = await uow.lists.tally([month], Want(lists=("attest",), practitioner=desk.person))
    return {
        "count": mine[0].to_attest if mine else 0,
        "amount": sum_words(mine[0].attest_amount, mine[0].unknown_amounts) if mine else "",
    }


async def _table(desk: Desk, month: CalendarMonth, filters: dict[str, str]) -> Row:
    """Return the groups: each with its sum and its first lines, or one group alone by pages."""
    async with desk.call.read() as uow:
        sums = await uow.lists.tally([month], _want({**filters, "state": ""}))
        total = sums[0] if sums else None
        names = {member.practitioner: member.name for member in await uow.refreshers.members(desk.today)}
        number = page_number(filters["page"])
        groups: list[Row] = []
        for state, (name, order) in _GROUPS.items():
            if filters["state"] not in ("", state):
                continue
            alone = filters["state"] == state
            want = _want({**filters, "state": state})
            sort = (filters["sort"],) if filters["sort"] else order
            size = PAGE if alone or state == "hold" else _SHORT_PAGE
            lines = await uow.lists.rows(month, want, order=sort, skip=number * PAGE if alone else 0, count=size)
            notes = await uow.lists.hold_notes(month, [line.patient for line in lines]) if state == "hold" else {}
            count, amount = _of_group(total, state)
            rows = [line_row(line, desk, month) | _note(desk, notes.get(line.patient), names) for line in lines]
            groups.append(
                {
                    "state": state,
                    "name": name,
                    "count": count,
                    "sum": amount,
                    "rows": rows,
                    "more": 0 if alone else count - len(rows),
                    "pager": pager(count, number) if alone else None,
                }
            )
    query = "&".join(f"{name}={value}" for name, value in filters.items() if value and name not in ("state", "page", "sort"))
    return {
        "base": desk.base,
        "month": str(month),
        "filters": filters,
        "query": f"month={month}" + (f"&{query}" if query else ""),
        "groups": groups,
        "narrowed": any(value for name, value in filters.items() if name not in ("sort", "page")),
        "acts": desk.has(*ACTING) and bool(desk.person),
        "pickable": any(row["pickable"] for group in groups for row in group["rows"]),
    }


def _want(filters: Mapping[str, str]) -> Want:
    state = filters.get("state", "")
    return Want(
        lists=(state or "all",),
        text=filters.get("q", ""),
        kind=filters.get("kind", ""),
        practitioner=filters.get("practitioner", ""),
        payer=filters.get("payer", ""),
        plan=filters.get("plan", ""),
    )


def _of_group(total: Tally | None, state: str) -> tuple[int, str]:
    if total is None:
        return 0, ""
    found: dict[str, tuple[int, Decimal | None]] = {
        "hold": (total.holds, total.at_risk),
        "attest": (total.to_attest, total.attest_amount),
        "released": (total.released, total.released_amount),
        "none": (total.none, None),
    }
    count, amount = found[state]
    return count, "" if amount is None else f"${amount:,.2f}" + (" at risk" if state == "hold" else "")


def _note(desk: Desk, note: HoldNote | None, names: Mapping[str, str]) -> Row:
    if note is None:
        return {"owner": "", "comment": "", "due": "", "overdue": False}
    owner = names.get(note.owner, note.owner) if note.owner else ""
    return {
        "owner": owner,
        "comment": note.comment,
        "due": day_of(note.due),
        "overdue": note.due is not None and note.due < desk.today,
    }


def _said(total: Tally | None) -> str:
    if total is None:
        return "No patient of the program is known in this month."
    unknown = total.unknown_amounts
    more = f", {counted(unknown, 'amount')} not known" if unknown else ""
    return f"{counted(total.patients, 'patient')}, ${total.expected:,.2f} expected, ${total.at_risk:,.2f} at risk{more}."


def _steps(
    desk: Desk,
    total: Tally | None,
    assembled: tuple[int, datetime | None],
    charges: ChargeTally | None,
    closing: tuple[MonthStanding, str],
    planned: date,
) -> list[Row]:
    """Return the five steps of a close, each with its numbers and its bar; `planned` is the day until which there is grace;
    `closing` how the month stands, and by whom, in words."""
    standing, by = closing
    patients = total.patients if total else 0
    holds, released = (total.holds, total.released) if total else (0, 0)
    to_release = released + (total.to_attest if total else 0)
    lines, billed = (charges.lines, charges.billed) if charges else (0, 0)
    decided, at = assembled
    steps = [
        _step("1 Assembled", decided, f"of {counted(patients, 'patient')}", decided, patients, _when(desk, at)),
        _step("2 Holds", holds, "open", patients - holds, patients, "each with its fix"),
        _step("3 Attested", released, f"of {to_release}", released, to_release, "by the practitioners"),
        _step("4 Billed", billed, f"of {counted(lines, 'charge')}", billed, lines, "by the billing system"),
    ]
    closed = standing.status is MonthStatus.CLOSED
    words = f"by {by}, {_when(desk, standing.at)}" if closed else "then only the lead can reopen"
    of = "" if closed else f"{'was ' if planned < desk.today else ''}planned for {weekday_of(planned)}"
    steps.append({"name": "5 Closed", "n": "Yes" if closed else "No", "of": of, "bar": None, "full": closed, "words": words})
    current = next((step for step in steps if not step["full"]), None)
    return [step | {"current": step is current} for step in steps]


async def _planned(desk: Desk, month: CalendarMonth) -> date:
    """Return the day on which the month should be closed: some days of grace after its end (`close_grace_days`)."""
    days = (await settings_in(desk, month)).get("close_grace_days", _GRACE_DAYS)
    return month.last_day + timedelta(days=int(days))


def _step(name: str, number: int, of: str, done: int, whole: int, words: str) -> Row:
    share = f"{done * 100 / whole:.1f}%" if whole else "0%"
    return {"name": name, "n": number, "of": of, "bar": share, "full": whole > 0 and done >= whole, "words": words}


def _when(desk: Desk, at: datetime | None) -> str:
    return f"{day_words(at, desk.zone)}, {clock_words(at, desk.zone)}" if at is not None else "not yet"
