"""Lines of lists as pages and files show them: who, how far, what stands in the way, what it brings."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from fastapi import Response

from services.billing.domain.charge_columns import cell
from services.billing.domain.progress import thresholds_of
from services.billing.domain.rules import Rules, rules_for
from services.billing.entrypoints.fragments.bars import mini_bar
from services.billing.entrypoints.fragments.common import LANES, Desk, Row, day_of, role_words, unlisted_words, weekday_of
from services.billing.usecases.list_ports import PAGE
from services.billing.usecases.overview_ports import OverviewRow, State
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.vocabulary import Activity, Lane
from shared.web.pages import days_in_words, duration_words
from shared.web.words import ACTIVITIES

KINDS = {
    "consent": "Consent",
    "documentation": "Documentation",
    "time": "Time",
    "programs": "Other programs",
    "payer": "Payer",
    "eligibility": "Eligibility",
    "other": "Other",
}
_UNSET = re.compile(r"switches of (.+?) are not set")
SEVERITIES = {"info": "Info", "review": "Review", "hold": "Hold", "deny": "Denied"}


def rules_of(desk: Desk, month: CalendarMonth) -> Rules:
    """Return Medicare's rules of a month, for scales."""
    return rules_for(desk.call.world.rule_book, "medicare_ffs", month)


def line_row(line: OverviewRow, desk: Desk, month: CalendarMonth) -> Row:
    """Return a line of a month as the tables show it."""
    lane = Lane(line.lane)
    steps = thresholds_of(rules_of(desk, month).lanes[lane])[:3]
    last = line.last_work_at
    return {
        "patient": line.patient,
        "name": line.name,
        "ids": " · ".join(part for part in (day_of(line.birth_date), f"MRN {line.mrn}" if line.mrn else "") if part),
        "practitioner": _practitioner(line),
        "lane": LANES[lane],
        "counted": line.counted,
        "bar": mini_bar(line.counted, tuple(step.seconds for step in steps)),
        "distance": duration_words(line.missing) if line.missing else "",
        "next": line.next_code or "",
        "last_day": weekday_of(last.astimezone(desk.zone).date()) if last else "",
        "last_work": ACTIVITIES[Activity(line.last_work)].lower() if line.last_work else "",
        "last_worker": _worker(line, desk),
        "codes": code_words(line.lines),
        "amount": money(line.amount, line.unknown_amounts),
        "level": level_of(line),
        "level_words": level_words(line),
        "finding": _named(line.finding, line) or "No findings",
        "plan": line.plan or "",
        "rule": line.rule,
        "who": _who(line, over=desk.at >= month.end(desk.zone)),
        "payer": line.payer or "not known",
        "state": line.state,
        "consent": CONSENTS[line.consent][1],
        "consent_level": CONSENTS[line.consent][0],
        "consent_why": line.consent_why,
        "without": line.without_consent,
        "last_visit": day_of(line.last_visit) or "not known",
        "age": held_days(line, desk.at),
        "pickable": line.state == "hold" and line.only_reviews and not line.rule.startswith("E"),
        "decidable": line.only_reviews,
    }


def _practitioner(line: OverviewRow) -> str:
    if line.practitioner and line.practitioner_name == line.practitioner:
        return unlisted_words(line.practitioner)
    return line.practitioner_name or "not known"


def _named(finding: str, line: OverviewRow) -> str:
    """Say a plan by its payer's name: its id tells nobody anything."""
    named = finding.replace(f"plan {line.plan} ", f"{line.payer} ") if line.plan and line.payer else finding
    return days_in_words(plan_words(named))


def plan_words(finding: str) -> str:
    """Say of a plan that nobody has answered what its people call missing: its rules, not our switches."""
    return _UNSET.sub(r"rules of \1 are not set", finding)


def _worker(line: OverviewRow, desk: Desk) -> str:
    if line.last_worker and line.last_worker == desk.person:
        return "You"
    return line.last_worker_name or line.last_worker or ""


CONSENTS = {
    "in-force": ("ok", "In force"),
    "missing": ("hold", "Missing"),
    "incomplete": ("hold", "Not complete"),
    "other-practitioner": ("hold", "Superseded"),
    "declined": ("none", "Declined"),
    "ended": ("none", "Ended"),
}


def _who(line: OverviewRow, *, over: bool) -> str:
    """Say whose turn it is."""
    if line.state == State.ATTEST:
        return line.practitioner_name
    if line.state == State.RELEASED:
        return "Billing system"
    if line.rule == "T1" and over:
        return "Nobody: the month is over"
    return role_words(line.who) if line.who else "Nobody"


def level_of(line: OverviewRow) -> str:
    """Return the mark of a line's finding; what only waits beside a clear charge holds nothing up."""
    if line.severity is None:
        return "ok" if line.state in ("attest", "released") else "none"
    if line.state in ("attest", "released"):
        return "info"
    return "none" if line.state == "none" and line.rule == "T1" else line.severity


def level_words(line: OverviewRow) -> str:
    """Return the word of a line's finding."""
    if line.severity is None:
        return "Clear" if line.state in ("attest", "released") else "Nothing"
    if line.state in ("attest", "released"):
        return "Waits" if line.severity in ("hold", "review") else "Info"
    if line.rule == "T1":
        return "Short"
    return SEVERITIES[line.severity]


def held_days(line: OverviewRow, at: datetime) -> str:
    """Say how long a hold has stood."""
    if line.held_since is None:
        return ""
    days = (at - line.held_since).days
    return "since today" if days < 1 else f"{days} day{'' if days == 1 else 's'}"


def code_words(lines: str) -> list[str]:
    """Return codes with their units: `99439 ×2`."""
    return [_line_words(code, units) for code, units in json.loads(lines)]


def spoken_lines(lines: Iterable[tuple[str, int]]) -> str:
    """Say what a claim has: `99490 + 99439 ×2`, or nothing."""
    return " + ".join(_line_words(code, units) for code, units in lines) or "nothing"


def _line_words(code: str, units: int) -> str:
    return code if units == 1 else f"{code} ×{units}"


def money(amount: Decimal, unknown: int = 0) -> str:
    """Say an amount: `$66.13`; not known if any part of it is not."""
    return "not known" if unknown else f"${amount:,.2f}"


def sum_words(amount: Decimal, unknown: int) -> str:
    """Say a sum beside how many amounts are not in it."""
    missing = f" and {unknown} amount{'' if unknown == 1 else 's'} not known" if unknown else ""
    return f"${amount:,.2f}{missing}"


def pager(count: int, page: int) -> Row:
    """Return the pages of a list: first and last line shown, which pages are beside."""
    first = page * PAGE
    return {
        "from": first + 1 if count else 0,
        "to": min(first + PAGE, count),
        "of": count,
        "before": page - 1 if page > 0 else None,
        "after": page + 1 if first + PAGE < count else None,
    }


def page_number(text: str) -> int:
    """Read the number of a page; the first one for anything else."""
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def csv_answer(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Answer with a table as a file; a cell that a spreadsheet would take for a formula is marked as text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + text.getvalue(), 200, headers, media_type="text/csv; charset=utf-8")


def local_day(at: datetime | None, zone: ZoneInfo) -> date | None:
    """Return the local day of an instant."""
    return at.astimezone(zone).date() if at else None
