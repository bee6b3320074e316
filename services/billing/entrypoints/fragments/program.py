"""The program: numbers with their twelve months, by practitioner, payer, place and staff; each opens its patients."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import Request, Response

from services.billing.domain.ledger import Practice
from services.billing.entrypoints.fragments.common import LANES, Desk, Row, answer, fragment_router, person_of, place_words
from services.billing.entrypoints.fragments.goals import goal_row, goals_of
from services.billing.entrypoints.fragments.lines import csv_answer, line_row, page_number, pager
from services.billing.entrypoints.fragments.numbers import Numbers, percent, tiles_of, values_of
from services.billing.entrypoints.fragments.payments import denied_rows
from services.billing.entrypoints.fragments.practice import Lead, month_of, month_title, months_back, practice_desk, settings_in
from services.billing.usecases.list_ports import EVERY, PAGE, StaffTally, Tally, Want
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import NotFound
from shared.kernel.vocabulary import Lane
from shared.web.pages import clock_words

router = fragment_router("/program")

_MONTHS = 12
_TITLES = {
    "all": "patients of the month",
    "enrolled": "enrolled patients",
    "enrolled-first": "patients enrolled on the 1st",
    "in-force": "patients with consent in force",
    "consent": "enrolled patients without consent in force",
    "approached": "patients who were asked for consent",
    "consented": "patients who agreed",
    "eligible": "patients who look eligible and are not enrolled",
    "measured": "patients with measured time",
    "asserted": "patients with asserted time",
    "notes": "patients with notes to improve",
    "clear": "patients without anything in the way",
    "hold": "patients on hold",
    "attest": "patients to attest",
    "released": "patients with a released charge",
    "none": "patients not billable",
    "unknown": "patients with an amount that is not known",
}
_TABLES = ("months", "practitioner", "payer", "place_of_service", "lane", "staff", "denials")


@router.get("")
async def program(request: Request, principal: Lead) -> Response:
    """Show the program of a month."""
    desk = await practice_desk(request, principal)
    month, want = await month_of(request, desk), _want(request.query_params)
    numbers = await _numbers(desk, month, want)
    async with desk.call.read() as uow:
        whole = await uow.lists.tally([month], want)
        practitioners = await uow.lists.tally([month], want, by="practitioner")
        payers = await uow.lists.tally([month], want, by="payer")
        places = await uow.lists.tally([month], want, by="place_of_service")
        lanes = await uow.lists.tally([month], want, by="lane")
        staff = await uow.lists.staff([month], want)
        everybody = await uow.lists.tally([month], Want(), by="practitioner")
        all_staff = await uow.lists.staff([month], Want())
        behind = await uow.lists.is_behind()
        practice = await uow.ledger.practice(month)
    tiles, values = tiles_of(numbers), values_of(numbers)
    settings = practice.tenant_in(month).settings
    for tile in tiles:
        tile["goal"] = goal_row(tile["key"], values.get(tile["key"]), settings, practice)
        tile["svg"] = await desk.call.world.charts.svg(tile["chart"]) if tile["chart"] else ""
    return answer(
        "program.html",
        base=desk.base,
        month=str(month),
        title=month_title(month),
        today=f"{desk.today:%A}, {desk.today:%B} {desk.today.day}, {desk.today.year}, {clock_words(desk.at, desk.zone)}",
        months=[(str(one), month_title(one)) for one in months_back(CalendarMonth.of(desk.at, desk.zone), _MONTHS + 1)],
        practitioner=want.practitioner,
        performer=want.performer,
        everybody=[(tally.key, tally.name or "not known") for tally in everybody],
        all_staff=sorted(((one.performer, _named(practice, one)) for one in all_staff), key=lambda one: one[1]),
        query=_query(month, want),
        tiles=tiles,
        whole=_figures(whole[0]) if whole else None,
        by=[
            {"key": "practitioner", "name": "By practitioner", "rows": _by(practitioners)},
            {"key": "payer", "name": "By payer", "rows": _by(payers)},
            {"key": "place_of_service", "name": "By place of service", "rows": _by(places, place_words)},
            {"key": "lane", "name": "By lane", "rows": _by(lanes, _lane)},
        ],
        staff=_staff_rows(practice, staff),
        denied=numbers.denied,
        behind=behind,
    )


@router.get("/months")
async def months_table(request: Request, principal: Lead) -> Response:
    """Show the twelve months behind the charts."""
    desk = await practice_desk(request, principal)
    month, want = await month_of(request, desk), _want(request.query_params)
    rows = _months(await _numbers(desk, month, want))
    return answer("program_months.html", base=desk.base, rows=rows, query=_query(month, want))


@router.get("/patients")
async def patients(request: Request, principal: Lead) -> Response:
    """Show the patients behind a number."""
    desk = await practice_desk(request, principal)
    month, want = await month_of(request, desk), _want(request.query_params)
    name, number = _list(request.query_params), page_number(request.query_params.get("page", ""))
    async with desk.call.read() as uow:
        count = await uow.lists.count(month, want)
        lines = await uow.lists.rows(month, want, skip=number * PAGE)
        notes = await uow.lists.hold_notes(month, [line.patient for line in lines]) if name == "hold" else {}
        names = {member.practitioner: member.name for member in await uow.refreshers.members(desk.today)}
    owners = {patient: names.get(note.owner, note.owner) for patient, note in notes.items() if note.owner}
    rows = [line_row(line, desk, month) | {"owner": owners.get(line.patient, "")} for line in lines]
    return answer(
        "program_patients.html",
        base=desk.base,
        month=str(month),
        month_title=month_title(month),
        list=name,
        title=f"{count} {_TITLES[name]}",
        rows=rows,
        pager=pager(count, number),
        query=_query(month, want),
    )


@router.get("/patients.csv")
async def patients_file(request: Request, principal: Lead) -> Response:
    """Answer with the patients behind a number as a file."""
    desk = await practice_desk(request, principal)
    month, want = await month_of(request, desk), _want(request.query_params)
    name = _list(request.query_params)
    async with desk.call.read() as uow:
        lines = await uow.lists.rows(month, want, count=EVERY)
    head = ("name", "date of birth", "mrn", "practitioner", "payer", "consent", "why", "counted seconds", "asserted seconds",
            "state", "finding", "who can fix", "amount", "amounts not known")  # fmt: skip
    rows = [
        (line.name, line.birth_date, line.mrn, line.practitioner_name, line.payer, line.consent, line.consent_why, line.counted,
         line.asserted, line.state, line.finding, line.who, line.amount, line.unknown_amounts)
        for line in lines
    ]  # fmt: skip
    return csv_answer(f"{name}-{month}.csv", head, rows)


@router.get("/{table}.csv")
async def table_file(request: Request, table: str, principal: Lead) -> Response:
    """Answer with one of the tables as a file."""
    desk = await practice_desk(request, principal)
    month, want = await month_of(request, desk), _want(request.query_params)
    if table not in _TABLES:
        raise NotFound("no such table")
    if table == "months":
        rows = _months(await _numbers(desk, month, want))
    elif table == "denials":
        denied = (await _numbers(desk, month, want)).denied
        rows = [row | {"findings": " ".join(row["findings"])} for row in denied]
    elif table == "staff":
        async with desk.call.read() as uow:
            practice = await uow.ledger.practice(month)
            rows = _staff_rows(practice, await uow.lists.staff([month], want))
    else:
        async with desk.call.read() as uow:
            rows = _by(await uow.lists.tally([month], want, by=table), _WORDS.get(table, _name))
    head = [name for name in (rows[0] if rows else {"nothing": ""}) if name != "key"]
    return csv_answer(f"program-{table}-{month}.csv", head, [[row[name] for name in head] for row in rows])


def _list(query: Mapping[str, str]) -> str:
    name = query.get("list", "all")
    if name not in _TITLES:
        raise NotFound("no such list")
    return name


def _want(query: Mapping[str, str]) -> Want:
    name = query.get("list", "")
    return Want(
        lists=(name,) if name in _TITLES else (),
        practitioner=query.get("practitioner", "")[:64],
        performer=query.get("performer", "")[:64],
        payer=query.get("payer", "")[:200],
        place=query.get("place_of_service", "")[:16],
        lane=query.get("lane", "")[:16],
    )


def _query(month: CalendarMonth, want: Want) -> str:
    parts = {"month": str(month), "practitioner": want.practitioner, "performer": want.performer, "payer": want.payer}
    parts |= {"place_of_service": want.place, "lane": want.lane}
    return "&".join(f"{name}={value}" for name, value in parts.items() if value)


async def _numbers(desk: Desk, month: CalendarMonth, want: Want) -> Numbers:
    months, causes = months_back(month, _MONTHS), desk.call.world.denial_causes
    async with desk.call.read() as uow:
        tallies = await uow.lists.tally(months, want)
        staff = await uow.lists.staff(months, want, by="month")
        charges = await uow.lists.charges(months, desk.zone)
        whose: Any = {"practitioner": want.practitioner, "payer": want.payer, "not_denials": sorted(causes.not_denials)}
        remits = await uow.remittances.tally(months, **whose)
        denied = denied_rows(await uow.remittances.denied(months, **whose), causes)
    return Numbers(
        months=months,
        tallies={CalendarMonth.parse(tally.key[:7]): tally for tally in tallies},
        staff={CalendarMonth.parse(one.performer[:7]): one for one in staff},
        charges={CalendarMonth(charge.month.year, charge.month.month): charge for charge in charges},
        remits={CalendarMonth(each.month.year, each.month.month): each for each in remits},
        denied=denied,
        goals=goals_of(await settings_in(desk, month)),
    )


def _months(numbers: Numbers) -> list[Row]:
    rows = []
    for month in numbers.months:
        tally, staff = numbers.tally(month), numbers.staff.get(month)
        if tally is not None:
            rows.append({"key": str(month), "month": month_title(month)} | _figures(tally) | _notes(staff))
    return rows


def _name(name: str) -> str:
    return name or "not known"


def _lane(name: str) -> str:
    return LANES[Lane(name)]


_WORDS = {"place_of_service": place_words, "lane": _lane}
"""What the keys of a table are called, where they are codes of ours."""


def _by(tallies: Sequence[Tally], words: Callable[[str], str] = _name) -> list[Row]:
    return [{"key": tally.key, "name": words(tally.name)} | _figures(tally) for tally in tallies if tally.patients]


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "enrolled": tally.enrolled,
        "consent": tally.in_force,
        "hours": f"{tally.counted / 3600:.1f}",
        "asserted hours": f"{tally.asserted / 3600:.1f}",
        "clear": tally.to_attest + tally.released,
        "holds": tally.holds,
        "released": tally.released,
        "expected": f"${tally.expected:,.2f}",
        "at risk": f"${tally.at_risk:,.2f}",
        "not known": tally.unknown_amounts,
    }


def _notes(staff: StaffTally | None) -> dict[str, Any]:
    return {"notes complete": f"{staff.passed} of {staff.entries}" if staff else "none"}


def _named(practice: Practice, one: StaffTally) -> str:
    """Name a member of the staff; an id only for somebody whom neither the entries nor the roster name."""
    return one.name if one.name and one.name != one.performer else person_of(practice, one.performer)


def _staff_rows(practice: Practice, staff: Sequence[StaffTally]) -> list[Row]:
    return sorted((_staff(practice, one) for one in staff), key=lambda row: str(row["name"]))


def _staff(practice: Practice, one: StaffTally) -> Row:
    whole = one.measured + one.asserted
    return {
        "key": one.performer,
        "name": _named(practice, one),
        "patients": one.patients,
        "measured hours": f"{one.measured / 3600:.1f}",
        "asserted hours": f"{one.asserted / 3600:.1f}",
        "measured": percent(one.measured, whole),
        "notes complete": f"{one.passed} of {one.entries}",
        "complete": percent(one.passed, one.entries),
        "late": one.late,
    }
