"""Who pays the month: the payer of each day, its profile, and what coverage says about the patient's share (P1-P4, R27)."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from services.billing.domain.case import Grid
from services.billing.domain.ledger import Coverage, Patient, TenantFact
from services.billing.domain.pieces import Block, Cause, Effect
from services.billing.domain.rule_book import Profile

MEDICARE = "medicare_ffs"
UNKNOWN = "unknown"


class PayerOfMonth(NamedTuple):
    """A payer to whom the month could go: its coverage (None: nothing known), profile, days, and the instants it does not cover.

    `secondary`: Medicare stands behind it, or stands alone behind a primary that is not set. `protected`: QMB or Medicaid.
    """

    coverage: Coverage | None
    profile: str
    days: tuple[date, ...]
    uncovered: tuple[Block, ...]
    differs: bool
    secondary: bool
    primary_unset: bool
    protected: bool


def payers_of(
    grid: Grid, patient: Patient, coverages: tuple[Coverage, ...], tenant: TenantFact, profiles: Mapping[str, Profile]
) -> list[PayerOfMonth]:
    """Return the month's possible payers, the payer of its latest covered day first; one without coverage if none is known.

    A patient whose known coverage lies wholly outside the month gets one payer without days: denied, not unknown (39).
    """
    active = [c for c in coverages if c.active]
    if len(active) == 1 and _whole_month(active[0], grid) and active[0].rank == 1:
        only = active[0]
        return [PayerOfMonth(only, _profile(only, tenant, profiles), grid.days, (), False, False, False, _protects(only))]
    if not active:
        return [PayerOfMonth(None, UNKNOWN, grid.days, (), False, False, False, False)]
    active.sort(key=lambda c: (c.rank, c.coverage_id, c.source))
    last = _last_day(grid, patient)
    by_payer: dict[tuple[str, str | None, str | None], tuple[Coverage, list[date]]] = {}
    for day in grid.days:
        covering = [c for c in active if _covers(c, day)]
        if covering and day <= last:
            primary = covering[0]
            by_payer.setdefault((primary.kind, primary.payer, primary.plan), (primary, []))[1].append(day)
    if not by_payer:
        latest = max(active, key=lambda c: (c.end or date.max, c.source))
        return [PayerOfMonth(latest, _profile(latest, tenant, profiles), (), _gaps(grid, []), False, False, False, False)]
    ordered = sorted(by_payer.values(), key=lambda pair: pair[1][-1], reverse=True)
    return [_made(grid, coverage, days, active, tenant, profiles, differs=len(ordered) > 1) for coverage, days in ordered]


def _made(
    grid: Grid,
    coverage: Coverage,
    days: list[date],
    active: list[Coverage],
    tenant: TenantFact,
    profiles: Mapping[str, Profile],
    *,
    differs: bool,
) -> PayerOfMonth:
    behind = [c for c in active if c is not coverage and c.rank > coverage.rank and any(_covers(c, day) for day in days)]
    alone_behind = coverage.kind == MEDICARE and coverage.rank > 1
    profile = _profile(coverage, tenant, profiles)
    secondary = alone_behind or any(c.kind == MEDICARE for c in behind)
    return PayerOfMonth(
        coverage=coverage,
        profile=profile,
        days=tuple(days),
        uncovered=_gaps(grid, days),
        differs=differs,
        secondary=secondary,
        primary_unset=alone_behind or (secondary and not profiles[profile].switches_set),
        protected=any(_protects(c) for c in (coverage, *behind)),
    )


def _profile(coverage: Coverage, tenant: TenantFact, profiles: Mapping[str, Profile]) -> str:
    """Return the profile that the practice has set for the plan or the payer, else that of the kind, else unknown."""
    if coverage.kind == MEDICARE:
        return MEDICARE
    for name in (coverage.plan, coverage.payer):
        if name is not None and tenant.plans.get(name) in profiles:
            return tenant.plans[name]
        if name is not None and name in profiles:
            return name
    return coverage.kind if coverage.kind in profiles else UNKNOWN


def _gaps(grid: Grid, days: list[date]) -> tuple[Block, ...]:
    """Return the days of the month that are not among `days`, as excluded time (R27)."""
    covered = set(days)
    cause = Cause(Effect.EXCLUDE, "39", "P1", "", "", "on days that this payer does not cover")
    return tuple(Block(*grid.bounds(day), cause) for day in grid.days if day not in covered)


def _last_day(grid: Grid, patient: Patient) -> date:
    if patient.died_at is not None:
        return grid.day_of(patient.died_at)
    return patient.died_on or date.max


def _whole_month(coverage: Coverage, grid: Grid) -> bool:
    return (coverage.start is None or coverage.start <= grid.first_day) and (
        coverage.end is None or coverage.end >= grid.last_day
    )


def _covers(coverage: Coverage, day: date) -> bool:
    return (coverage.start is None or coverage.start <= day) and (coverage.end is None or day <= coverage.end)


def _protects(coverage: Coverage) -> bool:
    return coverage.qmb or coverage.kind == "medicaid"
