"""The rule book as the API answers it."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.billing.usecases.explain_rule import ParameterInForce, RuleShown, SituationShown


class _Said(BaseModel):
    """Read from the rule book's own records."""

    model_config = ConfigDict(from_attributes=True)


class ReferenceAnswer(_Said):
    """A text that rules were taken from."""

    id: str
    title: str
    address: str


class CodeAnswer(_Said):
    """A code number bound to our neutral id, with its days."""

    id: str
    number: str
    system: str
    group: str
    valid_from: date
    valid_to: date | None


class ReadAnswer(_Said):
    """The days for which somebody has read the payers' text."""

    valid_from: date
    valid_to: date
    status: str = Field(description="adopted, or draft: its months are computed and held")
    read_by: str
    read_on: date
    text: str


class ParameterAnswer(BaseModel):
    """Something that a payer, or we, chose."""

    path: str
    description: str
    unit: str
    value: Any = Field(description="In force on the day")
    since: date
    profile: str = Field(description="The profile that sets it")
    certainty: Literal["sourced", "general knowledge", "design"]
    confidence: Literal["H", "M", "L"]
    last_checked_on: date
    references: list[str]


class SituationAnswer(BaseModel):
    """A row of the severity table as the profile reads it."""

    key: str
    description: str
    severity: Literal["info", "review", "hold", "deny"] | None = Field(description="Nothing: the row does not bear on this payer")
    confidence: str
    who_can_fix: str
    action: str
    references: list[str]


class RuleSummary(_Said):
    """A rule by its id."""

    id: str
    says: str
    certainty: Literal["sourced", "general knowledge", "design"]
    confidence: Literal["H", "M", "L"]
    references: list[str]
    elsewhere: str = Field(description="Why the engine does not decide it; empty: it does")


class RuleAnswer(RuleSummary):
    """A rule with everything that it acts by."""

    on: date
    profile: str
    parameters: list[ParameterAnswer]
    situations: list[SituationAnswer]
    sources: list[ReferenceAnswer]


class RuleBookAnswer(BaseModel):
    """The rule book on a day, as a payer profile sees it."""

    name: str
    on: date
    profile: str
    profiles: list[str]
    read: list[ReadAnswer]
    released: bool = Field(description="Whether charges of that day's month may be released (L4)")
    hash: str = Field(description="Of everything that decides; decisions name it")
    rules: list[RuleSummary]
    parameters: list[ParameterAnswer]
    situations: list[SituationAnswer]
    codes: list[CodeAnswer]
    references: list[ReferenceAnswer]


def parameter_answer(each: ParameterInForce) -> ParameterAnswer:
    """Return a parameter in force."""
    parameter = each.parameter
    return ParameterAnswer.model_validate(
        {
            "path": parameter.path,
            "description": parameter.description,
            "unit": parameter.unit,
            "value": each.value,
            "since": each.since,
            "profile": each.profile,
            "certainty": parameter.certainty,
            "confidence": parameter.confidence,
            "last_checked_on": parameter.last_checked_on,
            "references": list(parameter.reference),
        }
    )


def situation_answer(shown: SituationShown) -> SituationAnswer:
    """Return a row of the severity table."""
    row = shown.situation
    return SituationAnswer(
        key=row.key,
        description=shown.description,
        severity=row.severity.value if row.severity is not None else None,
        confidence=row.confidence,
        who_can_fix=row.who_can_fix,
        action=row.action,
        references=list(row.references),
    )


def rule_answer(shown: RuleShown, day: date, profile: str) -> RuleAnswer:
    """Return a rule, explained."""
    summary = RuleSummary.model_validate(shown.rule)
    return RuleAnswer(
        **summary.model_dump(),
        on=day,
        profile=profile,
        parameters=[parameter_answer(each) for each in shown.parameters],
        situations=[situation_answer(row) for row in shown.situations],
        sources=[ReferenceAnswer.model_validate(reference) for reference in shown.references],
    )
