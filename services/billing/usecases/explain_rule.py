"""The rule book as it stands on a day for one payer profile: rules with their parameters, severities and sources."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from services.billing.domain.rule_book import Parameter, Reference, Rule, RuleBook, Situation
from shared.kernel.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class ParameterInForce:
    """A parameter's value on a day, and since when; `profile` is the one that sets it."""

    parameter: Parameter
    profile: str
    value: Any
    since: date


@dataclass(frozen=True, kw_only=True)
class SituationShown:
    """A row of the severity table as the profile reads it."""

    situation: Situation
    description: str


@dataclass(frozen=True, kw_only=True)
class RuleShown:
    """A rule with everything that it acts by."""

    rule: Rule
    parameters: tuple[ParameterInForce, ...]
    situations: tuple[SituationShown, ...]
    references: tuple[Reference, ...]


def explain_rule(*, rule_book: RuleBook, rule_id: str, profile: str, day: date) -> RuleShown:
    """Return one rule on `day`; NotFound for an id or a profile that the book does not know."""
    rule = rule_book.rules.get(rule_id)
    if rule is None:
        raise NotFound(f"there is no rule {rule_id}")
    acting = [p for p in parameters_on(rule_book=rule_book, profile=profile, day=day) if _is_named(p.parameter.path, rule)]
    rows = [situation_of(rule_book, profile, key) for key in rule.situations]
    cited = {ref for p in acting for ref in p.parameter.reference} | set(rule.references)
    cited |= {ref for row in rows for ref in row.situation.references}
    return RuleShown(
        rule=rule,
        parameters=tuple(acting),
        situations=tuple(rows),
        references=tuple(rule_book.references[ref] for ref in sorted(cited) if ref in rule_book.references),
    )


def parameters_on(*, rule_book: RuleBook, profile: str, day: date) -> list[ParameterInForce]:
    """Return every parameter that the profile sees, by path; NotFound for a profile that the book does not know."""
    if profile not in rule_book.profiles:
        raise NotFound(f"there is no payer profile {profile}")
    found: dict[str, ParameterInForce] = {}
    for member in rule_book.lineage(profile):
        for path, parameter in member.parameters.items():
            since = max((start for start, _ in parameter.values if start <= day), default=parameter.values[0][0])
            shown = ParameterInForce(parameter=parameter, profile=member.name, value=parameter.on(day), since=since)
            found.setdefault(path, shown)
    return [found[path] for path in sorted(found)]


def situation_of(rule_book: RuleBook, profile: str, key: str) -> SituationShown:
    """Return a row of the severity table for the profile."""
    return SituationShown(situation=rule_book.situation(profile, key), description=str(rule_book.severities[key]["description"]))


def spoken_rule(shown: RuleShown, cases: Iterable[str]) -> str:
    """Return a rule as plain text for a terminal."""
    rule = shown.rule
    lines = [f"{rule.id}  {rule.says}", f"  {rule.certainty}, confidence {rule.confidence}"]
    lines += [f"  the engine does not decide it: {rule.elsewhere}"] if rule.elsewhere else []
    for each in shown.parameters:
        p = each.parameter
        lines.append(f"  {p.path} = {each.value} {p.unit} since {each.since} ({each.profile})")
        told = f"{p.certainty}, confidence {p.confidence}, last checked {p.last_checked_on}, {', '.join(p.reference)}"
        lines.append(f"      {p.description}; {told}")
    for row in shown.situations:
        severity = row.situation.severity
        lines.append(f"  row {row.situation.key}: {severity or 'nothing'} – {row.description}")
    lines += [f"  [{reference.id}] {reference.title} {reference.address}" for reference in shown.references]
    told_by = list(cases)
    lines.append(f"  cases: {', '.join(told_by) or 'none'}")
    return "\n".join(lines)


def _is_named(path: str, rule: Rule) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in rule.parameters)
