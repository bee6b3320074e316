"""A profile's parameters for one month, read once into plain fields: what the engine looks at thousands of times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.billing.domain.rule_book import Code, RuleBook, Situation
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.vocabulary import Lane


@dataclass(frozen=True, slots=True)
class LaneRules:
    """A lane's two codes (neutral ids and numbers), thresholds in seconds, and the limit of its add-on's units.

    `absolute`: units above `units_max` are never billed; otherwise more is a review (MAI 3).
    """

    lane: Lane
    base_id: str
    base_code: str
    base_seconds: int
    addon_id: str
    addon_code: str
    addon_seconds: int
    units_max: int
    absolute: bool
    path: str


@dataclass(frozen=True, slots=True)
class ExclusionRow:
    """A row of the concurrency matrix: the situation by scope, and whose charge it touches. An empty situation says nothing."""

    rule: str
    groups: frozenset[str]
    same_practitioner: str
    same_practice: str
    other: str
    touches: str
    windowed: bool
    confidence: str
    path: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that one profile says about one month; see `parameters/` for meaning, unit and source of each."""

    profile: str
    program: str
    column: str
    switches_set: bool
    verified: bool
    situations: Mapping[str, Situation]
    lanes: Mapping[Lane, LaneRules]
    complex_levels: frozenset[str]
    nearly_seconds: int
    pattern_months: int
    pattern_seconds: int
    staff_roles: frozenset[str]
    doubtful_roles: frozenset[str]
    uncounted_roles: Mapping[str, str]
    incident_to_roles: frozenset[str]
    billing_roles: frozenset[str]
    uncounted_activities: Mapping[str, str]
    outreach_activities: frozenset[str]
    doubtful_activities: frozenset[str]
    questioned_activities: frozenset[str]
    territory: frozenset[str]
    late_days: int
    late_after: timedelta
    staff_day_seconds: int
    asserted_percent: int
    asserted_lead_percent: int
    unremarkable_flags: frozenset[str]
    disclosures: frozenset[str]
    scope_disclosure: str
    consent_late_days: int
    consent_renewal_months: int
    written_methods: frozenset[str]
    conditions_min: int
    acute_prefixes: tuple[str, ...]
    initiating_months: int
    initiating_codes_excluded: frozenset[str]
    risk_months: int
    plan_months: int
    elements: Mapping[str, str]
    diagnoses_min: int
    diagnoses_max: int
    filing_months: int
    refused_places: frozenset[str]
    modifiers_allowed: frozenset[str]
    hospice_modifiers: frozenset[str]
    overpayment_report_days: int
    overpayment_investigation_days: int
    covers: str
    models_barring: frozenset[str]
    own_program_seconds: Mapping[str, int]
    remote_steps: Mapping[str, tuple[tuple[int, str], ...]]
    exclusions: Mapping[str, tuple[ExclusionRow, ...]]
    groups: Mapping[str, str]
    codes: Mapping[str, Code]
    own_codes: Mapping[str, bool]
    another_biller: str
    continuing_months: int
    allowed_groups: frozenset[str]
    never_conflicting: frozenset[str]


_PLAIN = {
    "nearly_seconds": "lanes.nearly.seconds",
    "pattern_months": "lanes.pattern.months",
    "pattern_seconds": "lanes.pattern.seconds",
    "uncounted_roles": "time.roles.never",
    "uncounted_activities": "time.activities.never",
    "late_days": "time.late.days",
    "staff_day_seconds": "time.staff_day.seconds",
    "asserted_percent": "time.asserted.percent",
    "asserted_lead_percent": "time.asserted.lead_percent",
    "scope_disclosure": "consent.scope_disclosure",
    "consent_late_days": "consent.recorded_late.days",
    "consent_renewal_months": "consent.renewal.months",
    "conditions_min": "eligibility.conditions.min",
    "initiating_months": "eligibility.initiating_visit.months",
    "risk_months": "eligibility.risk.months",
    "plan_months": "eligibility.plan.months",
    "elements": "eligibility.elements",
    "diagnoses_min": "claim.diagnoses.min",
    "diagnoses_max": "claim.diagnoses.max",
    "filing_months": "claim.filing.months",
    "overpayment_report_days": "claim.overpayment.report_days",
    "overpayment_investigation_days": "claim.overpayment.investigation_days",
    "covers": "payer.covers",
    "another_biller": "exclusions.another_biller",
    "continuing_months": "eligibility.continuing_visit.months",
    "own_program_seconds": "exclusions.own_programs.seconds",
}
_SETS = {
    "complex_levels": "lanes.complex.levels",
    "staff_roles": "time.roles.clinical_staff",
    "doubtful_roles": "time.roles.review",
    "incident_to_roles": "time.roles.incident_to",
    "billing_roles": "eligibility.billing_roles",
    "outreach_activities": "time.activities.outreach",
    "doubtful_activities": "time.activities.review",
    "territory": "time.territory",
    "unremarkable_flags": "time.note.unremarkable_flags",
    "disclosures": "consent.disclosures",
    "written_methods": "consent.written_methods",
    "initiating_codes_excluded": "eligibility.initiating_visit.codes_excluded",
    "refused_places": "claim.places_refused",
    "modifiers_allowed": "claim.modifiers_allowed",
    "hospice_modifiers": "claim.hospice_modifiers",
    "models_barring": "exclusions.models_barring",
    "allowed_groups": "exclusions.allowed",
    "never_conflicting": "exclusions.other_charges",
}


def rules_for(book: RuleBook, profile: str, month: CalendarMonth, program: str = "ccm") -> Rules:
    """Return the profile's rules for the month of a program, compiled once per book."""
    key = (profile, month, program)
    compiled: Rules | None = book.compiled.get(key)
    if compiled is None:
        compiled = book.compiled[key] = _compile(book, profile, month, program)
    return compiled


def _compile(book: RuleBook, profile: str, month: CalendarMonth, program: str) -> Rules:
    """Read the parameters; another program's own (`pcm.` before the path) stand before those of CCM."""
    day = month.first_day
    own = {path for member in book.lineage(profile) for path in member.parameters if path.startswith(f"{program}.")}

    def value(path: str) -> Any:
        return book.parameter(profile, f"{program}.{path}" if f"{program}.{path}" in own else path).on(day)

    fields: dict[str, Any] = {name: value(path) for name, path in _PLAIN.items()}
    fields |= {name: frozenset(value(path)) for name, path in _SETS.items()}
    steps = {
        group: tuple((row["seconds"], book.codes[row["code"]].number) for row in rows)
        for group, rows in value("exclusions.remote.steps").items()
    }
    member = book.profiles[profile]
    return Rules(
        profile=profile,
        program=program,
        column=member.column,
        switches_set=member.switches_set,
        verified=book.is_read_for(month),
        situations={key: book.situation(profile, key) for key in book.severities},
        lanes={Lane(name): _lane(book, value, Lane(name), program) for name in value("lanes.offered")},
        acute_prefixes=tuple(value("eligibility.conditions.acute_prefixes")),
        remote_steps=steps,
        questioned_activities=frozenset(fields["uncounted_activities"])
        | fields["outreach_activities"]
        | fields["doubtful_activities"],
        late_after=timedelta(days=fields["late_days"]),
        exclusions=_exclusions(book, profile, month, program),
        groups=book.groups,
        codes=book.codes,
        own_codes={code.number: ".base" in code.id for code in book.codes.values() if code.group == program},
        **fields,
    )


def _lane(book: RuleBook, value: Any, lane: Lane, program: str) -> LaneRules:
    path = f"lanes.{lane}"
    base, addon = value(f"{path}.base.code"), value(f"{path}.addon.code")
    return LaneRules(
        lane=lane,
        base_id=base,
        base_code=book.codes[base].number,
        base_seconds=value(f"{path}.base.seconds"),
        addon_id=addon,
        addon_code=book.codes[addon].number,
        addon_seconds=value(f"{path}.addon.seconds"),
        units_max=value(f"{path}.addon.units_max"),
        absolute=value(f"{path}.addon.limit") == "absolute",
        path=path if program == "ccm" else f"{program}.{path}",
    )


def _exclusions(book: RuleBook, profile: str, month: CalendarMonth, program: str) -> Mapping[str, tuple[ExclusionRow, ...]]:
    """Return the matrix rows by code group; another program's own row stands in place of the one of its id."""
    prefix, own = "exclusions.matrix.", f"{program}.exclusions.matrix."
    known = {path for member in book.lineage(profile) for path in member.parameters}
    rows = {path.removeprefix(prefix): path for path in known if path.startswith(prefix)}
    rows |= {path.removeprefix(own): path for path in known if path.startswith(own)}
    by_group: dict[str, tuple[ExclusionRow, ...]] = {}
    for rule, path in sorted(rows.items()):
        parameter = book.parameter(profile, path)
        row = parameter.on(month.first_day)
        same = row["same_practitioner"]
        made = ExclusionRow(
            rule=rule,
            groups=frozenset(row["groups"]),
            same_practitioner=same,
            same_practice=row.get("same_practice", row.get("other", same)),
            other=row.get("other", same),
            touches=row.get("touches", program),
            windowed=row.get("windowed", False),
            confidence=parameter.confidence,
            path=path,
        )
        for group in made.groups:
            by_group[group] = (*by_group.get(group, ()), made)
    return by_group
