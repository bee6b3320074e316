"""One patient-month on the engine's table: the month's days, the rules that apply, the facts, and the findings so far."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.findings import Concerns, Finding, Severity
from services.billing.domain.ledger import Attestation, Ledger, Practice, ReviewDecision, TenantFact
from services.billing.domain.pieces import Cause
from services.billing.domain.rules import Rules
from shared.kernel.calendar_month import CalendarMonth, day_start

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
_IN_EVERY_MONTH = 28


@dataclass(frozen=True, slots=True)
class Grid:
    """A month in a zone, `[start, end)`: its `days`, and their first instants `starts`, `end` last (T21, R10)."""

    month: CalendarMonth
    zone: ZoneInfo
    days: tuple[date, ...]
    starts: tuple[datetime, ...]
    start: datetime
    end: datetime
    first_day: date
    last_day: date
    name: str

    def day_of(self, at: datetime) -> date:
        """Return the local day of an instant."""
        if self.start <= at < self.end:
            return self.days[bisect_right(self.starts, at) - 1]
        return at.astimezone(self.zone).date()

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """Return the first instant of a local day and of the next."""
        index = (day - self.first_day).days
        if 0 <= index < len(self.starts) - 1:
            return self.starts[index], self.starts[index + 1]
        return day_start(day, self.zone), day_start(day + DAY, self.zone)


@lru_cache(maxsize=256)
def grid_of(month: CalendarMonth, zone: ZoneInfo) -> Grid:
    """Return the month's grid in the billing location's zone."""
    days = tuple(month.first_day + DAY * index for index in range(month.last_day.day))
    starts = (*(day_start(day, zone) for day in days), month.end(zone))
    return Grid(month, zone, days, starts, starts[0], starts[-1], days[0], days[-1], str(month))


@dataclass(slots=True)
class Case:
    """The question put to the rule functions: would `practitioner` bill this month to the payer of `rules`, for its program?"""

    ledger: Ledger
    practice: Practice
    tenant: TenantFact
    grid: Grid
    rules: Rules
    at: datetime
    practitioner: str
    attested: Mapping[AttestationKind, list[Attestation]]
    decisions: Mapping[str, ReviewDecision]
    verdicts: dict[tuple[str, str, str | None, str | None, date], Cause | None]
    findings: list[Finding] = field(default_factory=list)

    def note(
        self,
        row: str,
        rule: str,
        text: str,
        *,
        concerns: Concerns = Concerns.CHARGE,
        facts: tuple[str, ...] = (),
        subject: str = "",
        would: str = "",
        seconds: int = 0,
        touches: str = "",
        outcomes: tuple[str, ...] = (),
        path: str = "",
    ) -> Finding | None:
        """Add the finding that a situation calls for by this payer's severities; none where the row says nothing."""
        situation = self.rules.situations[row]
        if situation.severity is None:
            return None
        key = decision_key(rule, row, subject or self.grid.name)
        review = situation.severity is Severity.REVIEW
        finding = Finding(
            rule=rule,
            situation=row,
            severity=situation.severity,
            text=text,
            concerns=concerns,
            key=key,
            facts=facts,
            references=(path, *situation.references) if path else situation.references,
            who_can_fix=situation.who_can_fix,
            action=situation.action,
            would_make_billable=would or ("" if situation.severity is Severity.INFO else situation.action),
            outcomes=outcomes or (("bill", "do not bill") if review else ()),
            seconds=seconds,
            touches=touches or self.rules.program,
            decided=self.decisions.get(key) if review else None,
        )
        self.findings.append(finding)
        return finding

    @property
    def program(self) -> str:
        """The program's name as people write it."""
        return self.rules.program.upper()

    def standing(self, kind: AttestationKind, day: date) -> Attestation | None:
        """Return the latest attestation of a kind that holds on `day`."""
        found = self.attested.get(kind)
        if not found:
            return None
        holding = [a for a in found if a.effective <= day and (a.until is None or day <= a.until)]
        return max(holding, key=_standing_order) if holding else None

    def of_month(self, kind: AttestationKind) -> Attestation | None:
        """Return the latest attestation of a kind that is made for this month."""
        found = self.attested.get(kind)
        if not found:
            return None
        month = self.grid.month
        made = [
            a for a in found if a.month == month or (a.month is None and self.grid.first_day <= a.effective <= self.grid.last_day)
        ]
        return max(made, key=_standing_order) if made else None


def decision_key(rule: str, row: str, subject: str) -> str:
    """Return the stable id by which a ReviewDecision answers a finding; the subject names versions, so a change asks anew."""
    return f"{rule}:{row}:{subject}"


def index_attestations(attestations: tuple[Attestation, ...]) -> dict[AttestationKind, list[Attestation]]:
    """Return attestations by kind."""
    by_kind: dict[AttestationKind, list[Attestation]] = {}
    for attestation in attestations:
        by_kind.setdefault(attestation.kind, []).append(attestation)
    return by_kind


@lru_cache(maxsize=4096)
def add_months(day: date, months: int) -> date:
    """Return the same day `months` later, or the last of that month if it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = day.day if day.day <= _IN_EVERY_MONTH else min(day.day, CalendarMonth(year, month + 1).last_day.day)
    return date(year, month + 1, last)


def spoken(seconds: int) -> str:
    """Return seconds as a person says them: `3 min 20 s`."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes and rest else f"{minutes} min" if minutes else f"{rest} s"


def _standing_order(attestation: Attestation) -> tuple[date, datetime, str]:
    return attestation.effective, attestation.signed_at, attestation.attestation_id
