"""Whether an entry counts by itself: its performer, its activity, its note, when it was written (T8-T16, T23-T29)."""

from datetime import date, datetime

from services.billing.domain.case import Case
from services.billing.domain.ledger import StaffFact, TimeEntryFact
from services.billing.domain.pieces import EFFECT_OF, Cause, Effect

_ANY_CLINICAL = "clinical-staff"


def causes_of(case: Case, entry: TimeEntryFact, day: date, end: datetime) -> tuple[Cause, ...]:
    """Return what keeps an entry of the program from simply counting; empty if nothing does. `end` is when the work ended."""
    rules, assessment = case.rules, entry.assessment
    questioned = entry.role in rules.uncounted_roles or entry.activity in rules.questioned_activities
    documented = assessment is not None and assessment.outcome == "pass" and not assessment.flags
    if questioned or not documented or case.practice.closed_at is not None:
        never = _never(case, entry)
        if never is not None:
            return (never,)
    key = (entry.performer, entry.role, entry.country, entry.directed_by, day)
    if key not in case.verdicts:
        case.verdicts[key] = _qualify(case, entry, day)  # the same for each entry of the performer that day, whoever the patient
    performer = case.verdicts[key]
    causes: tuple[Cause, ...] = ()
    if performer is not None:
        causes = (performer,)
        if performer.effect is Effect.EXCLUDE:
            return causes
    if not documented:
        causes += _documentation(case, entry)
    if case.ledger.signals:
        causes += _patterns(case, entry)
    written = entry.written_at
    if written > end and (written - end > rules.late_after or (written >= case.grid.end and case.grid.day_of(written) > day)):
        causes += (_review(case, "24", "T23", entry, "written late"),)
    if questioned and entry.activity in rules.doubtful_activities:
        causes += (_review(case, "44", "T16", entry, f"{entry.activity} is clerical work of which it is open whether it counts"),)
    if entry.retagged_from is not None:
        causes += (_review(case, "L3", "L3", entry, f"moved here from {entry.retagged_from}"),)
    if entry.other_programs:
        names = ", ".join(entry.other_programs)
        causes += (Cause(Effect.HOLD, "31", "T6", entry.source, entry.source, f"claimed by {names} too"),)
    return causes


def _never(case: Case, entry: TimeEntryFact) -> Cause | None:
    """T10, T26, T29: who or what never counts; T23: what was written after the month was closed."""
    rules = case.rules
    rule = rules.uncounted_roles.get(entry.role)
    if rule is not None:
        return _excluded("19", rule, entry, f"time of {entry.role} never counts")
    rule = rules.uncounted_activities.get(entry.activity)
    if rule is not None:
        return _excluded("19", rule, entry, f"{entry.activity} never counts")
    if entry.activity in rules.outreach_activities:
        return _excluded("19", "T29", entry, "an attempt without contact is kept but never counts")
    if entry.assessment is not None and entry.assessment.outcome == "not-countable":
        return _excluded("19", "DOC", entry, "its note describes no countable act")
    closed_at = case.practice.closed_at
    if closed_at is not None and entry.first_written_at > closed_at:
        return _excluded("24.closed", "T23", entry, "written after the month was closed")
    return None


def _qualify(case: Case, entry: TimeEntryFact, day: date) -> Cause | None:
    """T8-T13, T27, T28: an active, dated credential, a stated place in the country, the right supervisor."""
    rules, own = case.rules, entry.performer == case.practitioner
    role = entry.role
    subject = f"performer/{entry.performer}"
    if own:
        if role not in rules.billing_roles:
            return _held(subject, "T28", entry, f"{role} is no credential of a billing practitioner")
    elif role in rules.billing_roles - rules.incident_to_roles:
        return Cause(Effect.EXCLUDE, "R5", "R5", "", entry.source, "another practitioner's own work counts in no lane")
    elif role not in rules.staff_roles | rules.incident_to_roles | rules.doubtful_roles:
        return _held(subject, "T28", entry, f"the role {role!r} is not known")
    staff = case.practice.staff.get(entry.performer)
    if staff is None:
        return _held(subject, "T28", entry, "the performer is not on the roster")
    source = staff.source
    if not any(checked <= day for checked in staff.exclusion_checks):
        return Cause(Effect.HOLD, "20", "T28", subject, source, "no exclusion-list check of the performer by that day")
    problem = _credential_problem(case, staff, role, day)
    if problem:
        return Cause(Effect.HOLD, "20", "T28", subject, source, problem)
    countries = [entry.country] if entry.country else [place.country for place in staff.locations if place.holds_on(day)]
    if not countries:
        return Cause(Effect.HOLD, "20", "T27", subject, source, "the performer's location is not stated for that day")
    if any(country not in rules.territory for country in countries):
        return Cause(Effect.EXCLUDE, "19", "T13", "", source, "worked outside the United States")
    if role in rules.doubtful_roles:
        text = f"whether the {role} worked as clinical staff is for a person to decide"
        return Cause(_effect(case, "44"), "44", "T11", f"{subject}/{role}", source, text)
    return None if own else _supervision(case, entry, staff, day, subject)


def _credential_problem(case: Case, staff: StaffFact, role: str, day: date) -> str:
    rules = case.rules
    wanted = rules.staff_roles | rules.incident_to_roles | rules.billing_roles if role == _ANY_CLINICAL else frozenset((role,))
    held = [c for c in staff.credentials if c.credential in wanted]
    current = [c for c in held if c.holds_on(day)]
    if any(c.verified for c in current):
        return ""
    if current:
        return f"the credential {role} is not verified"
    return f"the credential {role} had lapsed or was not yet held" if held else f"the roster holds no credential {role}"


def _supervision(case: Case, entry: TimeEntryFact, staff: StaffFact, day: date, subject: str) -> Cause | None:
    """T12: only the practitioner who supervises may bill."""
    named = [entry.directed_by] if entry.directed_by else [s.practitioner for s in staff.supervision if s.holds_on(day)]
    if not named or case.practitioner in named:
        return None
    text = f"supervised by {', '.join(sorted(named))}, not by the billing practitioner"
    return Cause(_effect(case, "T12"), "T12", "T12", f"{subject}/{'+'.join(sorted(named))}/{day}", staff.source, text)


def _documentation(case: Case, entry: TimeEntryFact) -> tuple[Cause, ...]:
    """findings.md 3: an entry whose note lacks problem, action or relevance is not yet countable; flags send it to a person."""
    assessment = entry.assessment
    if assessment is None:
        parts = {"problem": entry.has_problem, "action": entry.has_action, "relevance": entry.has_relevance}
        missing = () if entry.has_note else tuple(name for name, there in parts.items() if not there)
        flags: tuple[str, ...] = ()
    else:
        missing = () if assessment.outcome == "pass" else assessment.missing or (assessment.outcome,)
        flags = tuple(flag for flag in assessment.flags if flag not in case.rules.unremarkable_flags)
    causes: tuple[Cause, ...] = ()
    if missing:
        text = f"the note lacks {', '.join(missing)}"
        causes += (Cause(Effect.HOLD, "16", "DOC", f"author/{entry.author}", entry.source, text),)
    if flags:
        causes += (_review(case, "17", "DOC", entry, f"the note is marked {', '.join(flags)}"),)
    return causes


def _patterns(case: Case, entry: TimeEntryFact) -> tuple[Cause, ...]:
    """Row 17: the note is a copy, or of a template."""
    found = [signal for signal in case.ledger.signals if signal.entry == entry.entry_id]
    return tuple(Cause(_effect(case, "17"), "17", "DOC", s.source, s.source, s.text) for s in found)


def _effect(case: Case, row: str) -> Effect:
    severity = case.rules.situations[row].severity
    return EFFECT_OF[severity] if severity is not None else Effect.COUNT


def _review(case: Case, row: str, rule: str, entry: TimeEntryFact, text: str) -> Cause:
    return Cause(_effect(case, row), row, rule, entry.source, entry.source, text)


def _held(subject: str, rule: str, entry: TimeEntryFact, text: str) -> Cause:
    return Cause(Effect.HOLD, "20", rule, subject, entry.source, text)


def _excluded(row: str, rule: str, entry: TimeEntryFact, text: str) -> Cause:
    return Cause(Effect.EXCLUDE, row, rule, "", entry.source, text)
