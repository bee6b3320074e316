"""A decision as the preview answers it: charges, findings and the way to them, in the engine's own words."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Said(BaseModel):
    """Read from the engine's own records."""

    model_config = ConfigDict(from_attributes=True)


class ChargeLine(_Said):
    """One line of the claim."""

    code: str
    code_id: str = Field(description="Our neutral id of the code")
    base: bool
    units: int
    date_of_service: date
    place_of_service: str
    modifiers: list[str]
    diagnoses: list[str]
    practitioner: str
    practitioner_npi: str | None
    payer: str | None
    patient_billable: bool = Field(description="False: do not bill the patient (QMB, Medicaid)")
    entries: list[str] = Field(description="Entries whose time it carries")
    rules: list[str]


class FindingAnswer(_Said):
    """Why something counts, waits or stops, and what would mend it."""

    rule: str
    situation: str = Field(description="Row of the severity table")
    severity: Literal["info", "review", "hold", "deny"]
    text: str
    concerns: Literal["time", "charge", "release"]
    key: str = Field(description="What a decision answers")
    facts: list[str] = Field(description="Places in the request")
    references: list[str] = Field(description="Parameter paths and source ids, see /rules")
    who_can_fix: str
    action: str
    would_make_billable: str
    outcomes: list[str] = Field(description="What each answer to a review would give")
    seconds: int
    touches: str = Field(description="The program whose charge it concerns")


class ExcludedAnswer(_Said):
    """Seconds that did not count."""

    effect: str
    situation: str
    rule: str
    seconds: int


class DifferenceAnswer(_Said):
    """What was billed against what the facts give now."""

    kind: str
    billed: list[tuple[str, int]]
    now: list[tuple[str, int]]
    lower: bool
    report_by: date | None
    investigate_by: date | None


class PreviewAnswer(_Said):
    """What the month comes to; nothing of it is kept."""

    month: str
    practitioner: str | None
    outcome: Literal["planned", "not-billable", "billed"]
    severity: Literal["info", "review", "hold", "deny"] | None = Field(description="The gravest of the findings")
    blocks_release: bool = Field(description="A finding keeps the planned charges from being released")
    lane: str | None
    charges: list[ChargeLine] = Field(description="Planned")
    would_be: list[ChargeLine] = Field(description="What the certain time earns while a finding keeps it from being planned")
    findings: list[FindingAnswer]
    difference: DifferenceAnswer | None
    date_of_service: date | None
    payer: str | None
    profile: str = Field(description="The payer profile by which it was decided")
    seconds: list[tuple[str, int]] = Field(description="Counted seconds by lane")
    asserted_seconds: int
    program_seconds: list[tuple[str, int]] = Field(description="Seconds as logged, by program")
    excluded: list[ExcludedAnswer]
    trace: list[tuple[str, str, str]] = Field(description="Rule, what was looked at, result, in the engine's order")
    rule_book: str = Field(description="Hash of the rule book")
