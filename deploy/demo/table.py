"""The table that the demo prints."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

from deploy.demo.numbers import HELD, NOT_BILLABLE, RELEASED, WAITING, Check, Numbers, side_of
from deploy.demo.script import DECLINED, IN_FORCE, MISSING, REVOKED

_LANES = {"clinical_staff": "clinical staff", "complex": "complex", "practitioner": "practitioner"}
_STATUSES = ("billed", "billable", "aborted", "entered-in-error")


def table(found: Numbers, *, practice: str, month: str) -> str:
    """Return the table as lines of text."""
    return "\n".join(_lines(found, practice, month))


def verdict(checked: Iterable[Check]) -> tuple[str, bool]:
    """Return what the read-back says, mismatches by name, and whether there is none."""
    all_of = list(checked)
    wrong = [f"  NOT CONFIRMED  {one.what}: {' / '.join(str(said) for said in one.said)}" for one in all_of if not one.ok]
    if wrong:
        return "\n".join([f"Read back: {len(wrong)} of {len(all_of)} comparisons differ", *wrong]), False
    return f"Read back: all {len(all_of)} comparisons agree, every number above is confirmed", True


def _lines(found: Numbers, practice: str, month: str) -> Iterator[str]:
    yield f"{practice}, {month}"
    yield _row("Patients", found.patients.total(), ((found.patients[s], s) for s in (RELEASED, WAITING, HELD, NOT_BILLABLE)))
    standings = (IN_FORCE, REVOKED, DECLINED, MISSING)
    yield _row("Consents", found.consents.total(), ((found.consents[standing], standing) for standing in standings))
    yield f"{'Minutes':<26}{'measured':>12}{'asserted':>12}"
    programs = sorted({program for program, _ in found.logged})
    for program in programs:
        measured = sum(seconds for (of, basis), seconds in found.logged.items() if of == program and basis != "asserted")
        yield _minutes(f"logged for {program}", measured, found.logged[program, "asserted"])
    for lane, name in _LANES.items():
        if (lane, "measured") in found.counted:
            yield _minutes(f"counted, {name}", found.counted[lane, "measured"], found.counted[lane, "asserted"])
    yield from _charges(found)
    yield "Expected revenue (national amounts of 2026, before locality, sequestration and the patient's share)"
    for place, amount in found.revenue.items():
        yield f"  {f'place of service {place}':<24}{_dollars(amount):>12}  {side_of(place).replace('_', '-')}"
    for side, amount in found.elsewhere.items():
        yield f"  {f'all at a {side} place'.replace('_', '-'):<24}{_dollars(amount):>12}"
    for state in (HELD, WAITING, NOT_BILLABLE):
        yield from _reasons(state, found.reasons[state])


def _row(name: str, total: int, parts: Iterable[tuple[int, str]]) -> str:
    told = ", ".join(f"{count} {text}" for count, text in parts if count)
    return f"{name:<20}{total:>6}  {told}"


def _minutes(name: str, measured: int, asserted: int) -> str:
    return f"  {name:<24}{_clock(measured):>12}{_clock(asserted):>12}"


def _clock(seconds: int) -> str:
    return f"{seconds // 60:,}:{seconds % 60:02d}"


def _charges(found: Numbers) -> Iterator[str]:
    statuses = [status for status in _STATUSES if any(of == status for _, of in found.charges)]
    yield f"{'Charges':<26}{'units':>12}" + "".join(f"{status:>12}" for status in statuses)
    for code in sorted({code for code, _ in found.charges}):
        yield f"  {code:<24}{found.units[code]:>12}" + "".join(f"{found.charges[code, status]:>12}" for status in statuses)


def _dollars(amount: Decimal) -> str:
    return f"${amount:,.2f}"


def _reasons(state: str, reasons: Counter[str]) -> Iterator[str]:
    yield f"{state.capitalize():<26}{reasons.total():>12}"
    for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"{count:>6}  {reason}"
