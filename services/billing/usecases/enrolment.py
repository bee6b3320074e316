"""Whose month gets a result, and what holds a decided month back: an unread chart, data that its claim lacks."""

from dataclasses import replace
from datetime import date, datetime

from services.billing.domain.claim_data import claim_findings
from services.billing.domain.findings import ASSEMBLED, Assembly, Concerns, Finding, Severity
from services.billing.domain.ledger import Ledger
from services.billing.domain.rule_book import RuleBook
from services.billing.usecases.ports import Known
from shared.kernel.calendar_month import CalendarMonth

_EPISODE = ("active", "finished")
_AGREED = ("active", "inactive")


def has_result(ledger: Ledger, month: CalendarMonth) -> bool:
    """Tell whether the patient was enrolled in the month: by an episode of such a program or a consent in force on a day of it.

    Somebody for whom such time was logged without either gets a result too, so that no minute is passed over in silence, and so
    does a month that was released.
    """
    zone = ledger.practice.tenant_in(month).zone
    start, end = month.start(zone), month.end(zone)
    if ledger.billed or is_enrolled(ledger, month.first_day, month.last_day, end):
        return True
    for entry in ledger.entries:
        timed = entry.start is not None and entry.end is not None and entry.start < end and entry.end > start
        dated = entry.day is not None and month.first_day <= entry.day <= month.last_day
        if entry.program in ASSEMBLED and entry.status == "completed" and (timed or dated):
            return True
    return False


def is_enrolled(ledger: Ledger, first: date, last: date, end: datetime) -> bool:
    """Tell whether an episode of the program or a consent was in force on a day from `first` to `last`, over at `end`."""
    for episode in ledger.enrollments:
        begun = episode.start is None or episode.start <= last
        lasts = episode.end is None or episode.end >= first
        if episode.program in ASSEMBLED and episode.status in _EPISODE and begun and lasts:
            return True
    newest = {consent.consent_id: consent for consent in sorted(ledger.consents, key=lambda version: version.version)}
    for consent in newest.values():
        lasts = consent.in_force_until is None or consent.in_force_until >= first
        if consent.program in ASSEMBLED and consent.status in _AGREED and consent.in_force_from < end and lasts:
            return True
    return False


def before_release(assembly: Assembly, known: Known, rule_book: RuleBook) -> Assembly:
    """Add what holds a decided month back although its rules are met: an unread chart, and what the payer's claim would lack."""
    required = rule_book.parameter(assembly.profile, "claim.required").on(CalendarMonth.parse(assembly.month).first_day)
    found = [*_unread_chart(known), *claim_findings(assembly, known.ledger, known.mrn, required)]
    if not found:
        return assembly
    severity = assembly.severity if assembly.severity is Severity.DENY else Severity.HOLD
    return replace(assembly, findings=(*assembly.findings, *found), severity=severity)


def _unread_chart(known: Known) -> list[Finding]:
    """Hold the release of a month whose chart the EHR did not give the last time it was asked, or was never asked for."""
    if known.chart == "read":
        return []
    said = "did not answer when the chart was last read" if known.chart else "has not been asked for this chart yet"
    finding = Finding(
        rule="EHR",
        situation="chart-unread",
        severity=Severity.HOLD,
        text=f"The EHR {said}; conditions, coverage, visits and care plan may have changed.",
        concerns=Concerns.RELEASE,
        key="EHR:chart-unread",
        facts=(known.chart_source,) if known.chart_source else (),
        who_can_fix="the EHR's administrator",
        action="assemble again once the EHR answers",
        would_make_billable="a successful reading of the chart",
    )
    return [finding]
