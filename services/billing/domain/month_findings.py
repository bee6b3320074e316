"""Findings on the month as a whole: payer, consent, thresholds and limits, asserted time, claim (P1-P4, C1-C7, T1, A3, L1)."""

from datetime import date

from services.billing.domain.case import Case, add_months, spoken
from services.billing.domain.consent_window import ConsentView
from services.billing.domain.findings import Concerns, Severity
from services.billing.domain.lanes import LaneChoice, Units, note_pattern, signed_complexity, spoken_units, units_of
from services.billing.domain.ledger import ConsentFact
from services.billing.domain.payers import PayerOfMonth
from services.billing.domain.pieces import Piece, raw_total
from shared.kernel.vocabulary import Lane

_REQUIRED_FORM = "institutional"


def note_payer(case: Case, payer: PayerOfMonth) -> None:
    """P1-P4: who pays, whether its rules are known, and what the patient may be asked for."""
    rules, coverage = case.rules, payer.coverage
    if coverage is None:
        text = "no coverage is known: all is computed as under Medicare, nothing is released"
        case.note("PAYER", "PAYER", text, concerns=Concerns.RELEASE, subject="no-coverage", would="the patient's coverage")
        return
    facts = (coverage.source,)
    if rules.covers == "no":
        text = f"{coverage.payer_name or coverage.payer or coverage.kind} does not cover {case.program}"
        case.note("47", "PAYER", text, facts=facts, path="payer.covers")
    if not rules.switches_set:
        plan = coverage.plan or coverage.payer or coverage.kind
        text = f"the switches of plan {plan} are not set: all is computed as under Medicare, nothing is released"
        case.note("PAYER", "PAYER", text, concerns=Concerns.RELEASE, facts=facts, subject=f"plan/{plan}", path="payer.covers")
    if not payer.days:
        case.note("39.none", "P1", "no day of the month is covered", facts=facts)
    if payer.differs:
        case.note("40", "P1", "the payer differs within the month; only time on this payer's days counts", facts=facts)
    if payer.secondary and (payer.primary_unset or rules.situations["40.secondary"].severity is Severity.REVIEW):
        text = "Medicare is secondary" + (" and the primary payer is not set" if payer.primary_unset else "")
        case.note("40.secondary", "P3", text, facts=facts, would="the primary payer and its rules")
    if payer.protected:
        case.note("41", "P4", "do not bill the patient", facts=facts)
    if case.tenant.claim_form == _REQUIRED_FORM:
        text = "this place bills on the institutional form; a professional claim is refused"
        case.note("42", "A9", text, facts=(case.tenant.source,))


def note_consent(case: Case, view: ConsentView) -> None:
    """C1, C3, C5, C6: a month without any consent in force is a hold (R31); an incomplete one holds its time (R15)."""
    if not view.in_force:
        rule, text = _why_no_consent(case, view)
        case.note("3", rule, text, facts=view.sources, would=f"consent of {_named(case)} before the first entry")
        if view.recorded_after_close:
            text = "consent was recorded after the month was closed and does not count until it is reopened"
            case.note("3a.closed", "C3", text, facts=view.sources)
    elif view.incomplete_only and view.latest is not None:
        missing = ", ".join(sorted(case.rules.disclosures - view.latest.disclosed))
        text = f"no consent of the month records all disclosures; missing: {missing}"
        case.note("4", "C1", text, facts=view.sources, subject="disclosures", path="consent.disclosures")
    if view.recorded_soon is not None and case.rules.situations["3a.soon"].severity is Severity.INFO:
        consent = view.recorded_soon
        text = "consent was recorded on a later day than it was given"
        case.note("3a.soon", "C3", text, facts=(consent.source,), subject=consent.source, path="consent.recorded_late.days")


def note_consent_form(case: Case, consent: ConsentFact, day: date) -> None:
    """C2, C5, C8: the form of the latest consent, its age, and whether the scope of services was told."""
    rules, facts = case.rules, (consent.source,)
    if consent.method not in rules.written_methods:
        case.note("5", "C2", "consent is verbal", facts=facts, subject=consent.source, path="consent.written_methods")
    given = case.grid.day_of(consent.given_at)
    if add_months(given, rules.consent_renewal_months) < day:
        case.note("6", "C5", f"consent is of {given}", facts=facts, subject=consent.source, path="consent.renewal.months")
    if rules.scope_disclosure not in consent.disclosed:
        text = "the scope of services was not recorded as told"
        case.note("4.scope", "C8", text, facts=facts, subject=consent.source, path="consent.scope_disclosure")


def note_units(
    case: Case, view: ConsentView, choice: LaneChoice, units: Units, seconds: int, possible: int, attempts_only: bool
) -> None:
    """T1, L1, R22, R31: what is short, what is above a limit, and which statement of the lane is missing."""
    lane = case.rules.lanes[choice.lane]
    if choice.undecided and units_of(lane, possible).base:
        rule = "R22" if choice.facts else "L1"
        case.note("25", rule, choice.undecided, facts=choice.facts, would="the billing practitioner states the lane")
    if units.over:
        text = f"{units.over} unit(s) of {lane.addon_code} above the limit of {lane.units_max} are not planned"
        row = "27.hard" if lane.absolute else "27.soft"
        outcomes = () if lane.absolute else (f"as planned: {spoken_units(lane, units)}", "appeal with the records for more")
        case.note(row, "MUE", text, path=f"{lane.path}.addon.units_max", outcomes=outcomes)
    if units.base or not view.in_force or units_of(lane, possible).base:
        return
    short = lane.base_seconds - seconds
    text = f"{spoken(seconds)} counted and {spoken(lane.base_seconds)} needed: {spoken(short)} short"
    kind = "practitioner" if choice.lane is Lane.PRACTITIONER else "clinical-staff"
    would = f"{spoken(short)} more {kind} time by {case.grid.last_day}"
    path = f"{lane.path}.base.seconds"
    still_open = case.practice.closed_at is None and case.at < case.grid.end
    if attempts_only:
        case.note("18", "T15", "the month holds attempts without contact only", would=would, path="time.activities.outreach")
    elif still_open and short <= case.rules.nearly_seconds:
        case.note("2", "T1", f"{text}; the month is still open", would=would, seconds=short, path=path)
    else:
        case.note("1", "T1", text, would=would, seconds=short, path=path)


def note_asserted(case: Case, counted: list[Piece], seconds: int) -> int:
    """Row 23: return the asserted seconds and ask about them if their share of the month is large."""
    asserted = [piece for piece in counted if piece.entry.basis == "asserted"]
    if not asserted:
        return 0
    amount = raw_total(asserted)
    percent = case.tenant.settings.get("asserted_percent", case.rules.asserted_percent)
    lead = case.tenant.settings.get("asserted_lead_percent", case.rules.asserted_lead_percent)
    facts = tuple(dict.fromkeys(piece.entry.source for piece in asserted))
    text = f"{spoken(amount)} of {spoken(seconds)} are asserted, not measured"
    if amount * 100 > int(lead) * seconds:
        case.note("23.most", "T24", text, facts=facts, seconds=amount, path="time.asserted.lead_percent")
    elif amount * 100 > int(percent) * seconds:
        case.note("23", "T24", text, facts=facts, seconds=amount, path="time.asserted.percent")
    return amount


def note_claim(case: Case, choice: LaneChoice, units: Units, day: date) -> None:
    """A3, CODE: the place of service and the codes' dates."""
    memo, key = case.practice.memo, ("claim", case.rules.profile, case.rules.program, choice.lane, bool(units.addon), day)
    if key in memo:
        return  # as for the patient before
    before, lane = len(case.findings), case.rules.lanes[choice.lane]
    if case.tenant.place_of_service in case.rules.refused_places:
        text = f"place of service {case.tenant.place_of_service} makes it telehealth, which {case.program} is not"
        case.note("A3", "A3", text, facts=(case.tenant.source,), path="claim.places_refused")
    for code_id in (lane.base_id, lane.addon_id) if units.addon else (lane.base_id,):
        code = case.rules.codes[code_id]
        if not code.valid_on(day):
            case.note("CODE", "CODE", f"{code.number} is not valid on {day}", subject=code.number, path=f"codes.{code_id}")
    if len(case.findings) == before:
        memo[key] = True


def note_patterns(case: Case, choice: LaneChoice, seconds: int) -> None:
    """Row 17 and finding 4 of ccm-rules 0: patterns over patients or months."""
    for signal in case.ledger.signals:
        if signal.entry is None:
            case.note("17", "DOC", signal.text, facts=(signal.source,), subject=signal.source)
    if case.ledger.earlier_months:
        note_pattern(case, seconds, signed_complexity(case), choice.lane)


def _why_no_consent(case: Case, view: ConsentView) -> tuple[str, str]:
    consents = case.ledger.consents
    others = [
        c for c in consents if c.program == case.rules.program and c.practitioner != case.practitioner and c.status == "active"
    ]
    if view.why_none:
        return "C3", f"no consent was in force in the month: {view.why_none}"
    if others:
        name = others[-1].practitioner_name or others[-1].practitioner
        return "C5", f"no consent names this practitioner; the one on file is with {name}"
    programs = sorted({c.program for c in consents if c.program != case.rules.program and c.status == "active"})
    if programs:
        return "C5", f"no consent for {case.program}; those on file are for {', '.join(programs)}"
    return "C3", "no consent was in force in the month"


def _named(case: Case) -> str:
    staff = case.practice.staff.get(case.practitioner)
    return staff.name if staff is not None else case.practitioner or "a billing practitioner"
