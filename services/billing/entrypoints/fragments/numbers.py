"""The program lead's numbers as tiles: numerator and denominator, twelve months, their patients. Unknown is said, never zero.

Definitions: findings.md 4.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.billing.entrypoints.fragments.common import Row, counted
from services.billing.entrypoints.fragments.payments import Remits, denials_tile, paid_words, payment_words
from services.billing.usecases.list_ports import ChargeTally, StaffTally, Tally
from shared.kernel.calendar_month import CalendarMonth
from shared.web.pages import duration_words

_CHARTS = Path(__file__).parent.parent / "charts"
_LINE = json.loads((_CHARTS / "line.vl.json").read_text("utf-8"))
_BARS = json.loads((_CHARTS / "bars.vl.json").read_text("utf-8"))
_COLORS = {"Measured": "#0066a9", "Asserted": "#6aa9d6", "Released": "#0066a9", "To attest": "#6aa9d6", "At risk": "#c98b95"}


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Twelve months, the newest first: their lines summed, the staff's time, the charges, what payers decided; months
    without any are absent. `denied` are rows of denied lines by cause, over all of them; `goals` are drawn as lines."""

    months: Sequence[CalendarMonth]
    tallies: Mapping[CalendarMonth, Tally]
    staff: Mapping[CalendarMonth, StaffTally]
    charges: Mapping[CalendarMonth, ChargeTally]
    remits: Remits
    denied: Sequence[Row]
    goals: Mapping[str, int]

    def tally(self, month: CalendarMonth) -> Tally | None:
        """Return a month's sums."""
        return self.tallies.get(month)


def values_of(numbers: Numbers) -> dict[str, float | None]:
    """Return each tile's number as its goal is told: percent, hours, dollars, days; None where it is not known."""
    month = numbers.months[0]
    now, staff, charge = numbers.tally(month), numbers.staff.get(month), numbers.charges.get(month)
    lines = sum(each.lines for each in numbers.remits.values())
    denied = _share(sum(each.denied for each in numbers.remits.values()), lines)
    if now is None:
        return {"denials": denied}
    return {
        "enrollment": now.enrolled,
        "consent": _share(now.in_force, now.enrolled),
        "time": now.counted / 3600,
        "documentation": _share(staff.passed, staff.entries) if staff else None,
        "denials": denied,
        "revenue": float(now.expected),
        "billed": _share(now.released, now.enrolled_first),
        "speed": charge.release_days if charge else None,
    }


def percent(part: int, whole: int) -> str:
    """Say a share with its count: `95.6 %, 86 of 90`; not known without a whole."""
    return f"{part * 100 / whole:.1f} %" if whole else "not known"


def tiles_of(numbers: Numbers) -> list[Row]:
    """Return the tiles of the newest month."""
    month = numbers.months[0]
    now, before = numbers.tally(month), numbers.tally(month.previous)
    if now is None:
        return []
    return [
        _enrolled(numbers, now, before),
        _consent(numbers, now),
        _time(numbers, now),
        _documentation(numbers, now),
        _denials(numbers),
        _revenue(numbers, now),
        _billed(numbers, now),
        _speed(numbers),
    ]


def _enrolled(numbers: Numbers, now: Tally, before: Tally | None) -> Row:
    change = "" if before is None else _change(now.enrolled - before.enrolled, f"{numbers.months[1].first_day:%B}")
    return {
        "key": "enrollment",
        "name": "Enrollment",
        "n": str(now.enrolled),
        "of": "patient" if now.enrolled == 1 else "patients",
        "said": f"{change} {_looks(now.eligible)} not enrolled.".strip(),
        "chart": _line(numbers, lambda tally, _: tally.enrolled),
        "alt": _alt(numbers, "Enrolled patients", lambda tally, _: tally.enrolled, ""),
        "legend": [],
        "links": [(f"{now.enrolled} enrolled", "enrolled"), (f"{now.eligible} eligible", "eligible")],
    }


def _looks(number: int) -> str:
    return f"{number} looks eligible and is" if number == 1 else f"{number} look eligible and are"


def _lack(number: int) -> str:
    return f"{counted(number, 'note')} lack{'s' if number == 1 else ''}"


def _change(difference: int, month: str) -> str:
    if difference == 0:
        return f"As many as in {month}."
    return f"{abs(difference)} {'more' if difference > 0 else 'fewer'} than in {month}."


def _consent(numbers: Numbers, now: Tally) -> Row:
    without = now.enrolled - now.in_force
    logged = f"; {duration_words(now.without_consent)} are logged without it" if now.without_consent else ""
    return {
        "key": "consent",
        "name": "Consent in force",
        "n": percent(now.in_force, now.enrolled),
        "of": f"{now.in_force} of {now.enrolled}",
        "said": f"{without} enrolled have none{logged}. Of {now.approached} asked, {now.consented} agreed"
        f" ({percent(now.consented, now.approached)}).",
        "chart": _line(
            numbers, lambda tally, _: _share(tally.in_force, tally.enrolled), goal=numbers.goals.get("consent"), share=True
        ),
        "alt": _alt(numbers, "Consent in force", lambda tally, _: _share(tally.in_force, tally.enrolled), " percent"),
        "legend": [],
        "links": [
            (f"{now.in_force} in force", "in-force"),
            (f"{without} without", "consent"),
            (f"{now.approached} asked", "approached"),
            (f"{now.consented} agreed", "consented"),
        ],
    }


def _time(numbers: Numbers, now: Tally) -> Row:
    measured = now.counted - now.asserted
    series = {
        "Measured": lambda tally: (tally.counted - tally.asserted) / 3600,
        "Asserted": lambda tally: tally.asserted / 3600,
    }
    return {
        "key": "time",
        "name": "Time",
        "n": f"{now.counted / 3600:.1f} h",
        "of": f"{measured / 3600:.1f} measured, {now.asserted / 3600:.1f} asserted",
        "said": f"Counted time. {percent(measured, now.counted)} of it is measured." if now.counted else "No time counts yet.",
        "chart": _bars(numbers, series),
        "alt": _alt(numbers, "Counted hours", lambda tally, _: round(tally.counted / 3600, 1), ""),
        "legend": [(name, _COLORS[name]) for name in series],
        "links": [("Measured", "measured"), ("Asserted", "asserted")],
    }


def _documentation(numbers: Numbers, now: Tally) -> Row:
    staff = numbers.staff.get(numbers.months[0])
    passed, entries = (staff.passed, staff.entries) if staff else (0, 0)

    def share(_: Tally, of: StaffTally | None) -> float | None:
        return _share(of.passed, of.entries) if of is not None else None

    return {
        "key": "documentation",
        "name": "Documentation",
        "n": percent(passed, entries),
        "of": f"{passed} of {entries} notes",
        "said": "Notes that said problem, action and why when first saved."
        f" {_lack(now.notes_due)} something now. Agreement with a human sample: not known yet, none was recorded.",
        "chart": _line(numbers, share, goal=numbers.goals.get("documentation"), share=True),
        "alt": _alt(numbers, "Complete notes", share, " percent"),
        "legend": [],
        "links": [(counted(now.notes_due, "note"), "notes")],
    }


def _denials(numbers: Numbers) -> Row:
    goal = numbers.goals.get("denials")

    def line(share: Callable[[CalendarMonth], float | None]) -> Row:
        return _line(numbers, lambda tally, _: share(CalendarMonth.parse(tally.key[:7])), goal=goal, share=True)

    def alt(share: Callable[[CalendarMonth], float | None]) -> str:
        return _alt(numbers, "Denied lines", lambda tally, _: share(CalendarMonth.parse(tally.key[:7])), " percent")

    return denials_tile(numbers.remits, numbers.charges.values(), numbers.denied, chart=line, alt=alt)


def _revenue(numbers: Numbers, now: Tally) -> Row:
    series = {
        "Released": lambda tally: float(tally.released_amount),
        "To attest": lambda tally: float(tally.attest_amount),
        "At risk": lambda tally: float(tally.at_risk),
    }
    unknown = f" {now.unknown_amounts} amounts not known." if now.unknown_amounts else ""
    return {
        "key": "revenue",
        "name": "Revenue",
        "n": f"${now.expected:,.0f}",
        "of": "allowed, expected",
        "said": f"${now.at_risk:,.2f} at risk in {counted(now.holds, 'hold')}. ${now.released_amount:,.2f} released.{unknown}"
        + paid_words(numbers.remits.get(numbers.months[0])),
        "chart": _bars(numbers, series, dollars=True),
        "alt": _alt(numbers, "Expected dollars", lambda tally, _: round(float(tally.expected)), ""),
        "legend": [(name, _COLORS[name]) for name in series],
        "links": [
            (f"{now.released} released", "released"),
            (counted(now.holds, "hold"), "hold"),
            (f"{now.unknown_amounts} not known", "unknown"),
        ],
    }


def _billed(numbers: Numbers, now: Tally) -> Row:
    def share(tally: Tally, _: StaffTally | None) -> float | None:
        return _share(tally.released, tally.enrolled_first)

    return {
        "key": "billed",
        "name": "Billed share",
        "n": percent(now.released, now.enrolled_first),
        "of": f"{now.released} of {now.enrolled_first}",
        "said": "Patients with a released charge, of those enrolled on the 1st.",
        "chart": _line(numbers, share, share=True),
        "alt": _alt(numbers, "Billed share", share, " percent"),
        "legend": [],
        "links": [(f"{now.released} released", "released"), (f"{now.enrolled_first} enrolled on the 1st", "enrolled-first")],
    }


def _speed(numbers: Numbers) -> Row:
    charge = numbers.charges.get(numbers.months[0])
    days = charge.release_days if charge else None

    def of(tally: Tally, _: StaffTally | None) -> float | None:
        found = numbers.charges.get(CalendarMonth.parse(tally.key[:7]))
        return None if found is None or found.release_days is None else round(found.release_days, 1)

    return {
        "key": "speed",
        "name": "Speed",
        "n": "not known yet" if days is None else f"{days:.1f} days",
        "of": "" if days is None else "from month end to release",
        "said": ("Nothing of this month is released." if days is None else "On average over its charges.")
        + payment_words(numbers.remits.get(numbers.months[0])),
        "chart": _line(numbers, of) if days is not None else None,
        "alt": _alt(numbers, "Days from month end to release", of, ""),
        "legend": [],
        "links": [("Released", "released")] if days is not None else [],
    }


def _share(part: int, whole: int) -> float | None:
    return round(part * 100 / whole, 1) if whole else None


def _alt(numbers: Numbers, name: str, value: Any, unit: str) -> str:
    """Say a chart in one sentence: from the first month that is known to the last."""
    known = [
        (month, found)
        for month in reversed(numbers.months)
        if month in numbers.tallies and (found := value(numbers.tallies[month], numbers.staff.get(month))) is not None
    ]
    if not known:
        return f"{name}: nothing is known yet."
    (first, was), (last, now) = known[0], known[-1]
    if first == last:
        return f"{name}: {now}{unit} in {last.first_day:%B}."
    verb = "rose" if now > was else "fell" if now < was else "stayed"
    return f"{name} {verb} from {was} in {first.first_day:%B} to {now}{unit} in {last.first_day:%B}."


def _line(numbers: Numbers, value: Any, *, goal: int | None = None, share: bool = False) -> Row:
    """Return the specification of a line over the months; a month of which nothing is known is a gap."""
    spec = deepcopy(_LINE)
    points = _points(numbers, value)
    known = [point["v"] for point in points if point["v"] is not None]
    top = max([*known, goal or 0, 1])
    low = min([*known, goal if goal is not None else top])
    domain = [max(low - max((top - low) * 0.3, 5), 0), min(top + 2, 102) if share else top + max((top - low) * 0.2, 1)]
    rule, words, line, point = spec["layer"]
    layers = [line, point]
    if goal is not None:
        rule["data"] = {"values": [{"g": goal}]}
        words["data"] = {"values": [{"g": goal, "m": points[0]["m"], "t": f"goal {goal} %"}]}
        layers = [rule, words, line, point]
    spec["data"] = {"values": points}
    point["data"] = {"values": [each for each in points if each["v"] is not None][-1:]}
    spec["layer"] = layers
    for layer in layers:
        y = layer["encoding"]["y"]
        y["scale"] = {"domain": domain, "nice": False}
        y["axis"] = {"tickCount": 3, "labelExpr": "datum.label+' %'"} if share else {"tickCount": 3}
        if "x" in layer["encoding"]:
            layer["encoding"]["x"]["axis"] = {"values": _ticks(points)}
    return dict(spec)


def _bars(numbers: Numbers, series: Mapping[str, Any], *, dollars: bool = False) -> Row:
    """Return the specification of stacked bars over the months."""
    spec = deepcopy(_BARS)
    values = [
        {"m": f"{month.first_day:%b}", "s": name, "v": round(value(tally), 2) if tally else 0, "o": order}
        for order, (name, value) in enumerate(series.items())
        for month in reversed(numbers.months)
        for tally in [numbers.tallies.get(month)]
    ]
    totals: dict[str, float] = {}
    for each in values:
        totals[str(each["m"])] = totals.get(str(each["m"]), 0) + float(each["v"])
    spec["data"] = {"values": values}
    encoding = spec["encoding"]
    encoding["x"]["axis"] = {"values": _ticks([{"m": f"{month.first_day:%b}"} for month in reversed(numbers.months)])}
    encoding["y"]["scale"] = {"domain": [0, max(max(totals.values()) * 1.1, 1)], "nice": False}
    if dollars:
        encoding["y"]["axis"] = {"tickCount": 3, "labelExpr": "'$'+format(datum.value, ',.0f')"}
    encoding["color"]["scale"] = {"domain": list(series), "range": [_COLORS[name] for name in series]}
    return dict(spec)


def _points(numbers: Numbers, value: Any) -> list[Row]:
    return [
        {
            "m": f"{month.first_day:%b}",
            "v": value(numbers.tallies[month], numbers.staff.get(month)) if month in numbers.tallies else None,
        }
        for month in reversed(numbers.months)
    ]


def _ticks(points: Sequence[Row]) -> list[str]:
    names = [str(point["m"]) for point in points]
    return [*names[:-1:3], names[-1]]
