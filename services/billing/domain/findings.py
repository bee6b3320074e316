"""What the engine says about a month: findings with a severity, their facts, their source and their remedy (findings.md 1)."""

from datetime import date
from enum import StrEnum

from services.billing.domain.ledger import ReviewDecision
from shared.kernel.values import value

ASSEMBLED = ("ccm", "pcm")
"""The programs whose months are assembled; a month is one program's, so a finding on either concerns its charge."""


class Severity(StrEnum):
    """How much a finding stops.

    info: nothing. review: release waits for a named person's decision. hold: no charge is planned for what it concerns until a
    fact changes. deny: not billable this month for this payer.
    """

    __hash__ = str.__hash__  # an Enum hashes in Python

    INFO = "info"
    REVIEW = "review"
    HOLD = "hold"
    DENY = "deny"


class Concerns(StrEnum):
    """What a finding touches: some of the time, whose rest still earns units (R30), the charge, or only its release.

    `release` is the plan-level hold of an unknown payer or an unset plan and the hold outside the rule book's validity:
    everything is computed and shown, nothing leaves (findings.md 1, L4).
    """

    TIME = "time"
    CHARGE = "charge"
    RELEASE = "release"


@value
class Finding:
    """One thing that a person should know about the month, and what would mend it.

    `situation` is the row of the severity table, `facts` ledger sources, `references` parameter paths and source ids; `key` is
    the stable id that a ReviewDecision answers, `outcomes` what each answer would give; `seconds` the time concerned; `touches`
    the program whose charge it concerns.
    """

    rule: str
    situation: str
    severity: Severity
    text: str
    concerns: Concerns
    key: str
    facts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    who_can_fix: str = ""
    action: str = ""
    would_make_billable: str = ""
    outcomes: tuple[str, ...] = ()
    seconds: int = 0
    touches: str = "ccm"
    decided: ReviewDecision | None = None

    @property
    def blocks_release(self) -> bool:
        """Tell whether the month's charges may not be released while this stands."""
        if self.severity is Severity.REVIEW:
            return self.touches in ASSEMBLED and self.decided is None
        return self.severity in (Severity.HOLD, Severity.DENY) and self.concerns is not Concerns.TIME

    @property
    def stops_planning(self) -> bool:
        """Tell whether no charge may be planned: a hold or denial of more than time, or a reviewer's no."""
        if self.touches not in ASSEMBLED:
            return False
        if self.severity in (Severity.HOLD, Severity.DENY):
            return self.concerns is not Concerns.TIME
        return self.decided is not None and self.decided.decision == "do-not-bill"


class Outcome(StrEnum):
    """What became of a month."""

    PLANNED = "planned"
    NOT_BILLABLE = "not-billable"
    BILLED = "billed"


@value
class PlannedCharge:
    """One charge line: code and units, and every field that its claim needs (A1-A6)."""

    code: str
    code_id: str
    base: bool
    units: int
    date_of_service: date
    place_of_service: str
    modifiers: tuple[str, ...]
    diagnoses: tuple[str, ...]
    practitioner: str
    practitioner_npi: str | None
    payer: str | None
    coverage: str | None
    patient_billable: bool
    consents: tuple[str, ...]
    entries: tuple[str, ...]
    rules: tuple[str, ...]


@value
class Excluded:
    """Seconds that did not count, by effect (exclude, hold, review) and situation."""

    effect: str
    situation: str
    rule: str
    seconds: int


@value
class Difference:
    """A billed month whose facts now say something else (P5, P6): never an edit.

    `kind` is replacement (some units remain) or void (none remain). A lower result has the overpayment's two last days, counted
    from the day of identification.
    """

    kind: str
    billed: tuple[tuple[str, int], ...]
    now: tuple[tuple[str, int], ...]
    lower: bool
    report_by: date | None = None
    investigate_by: date | None = None


@value
class Assembly:
    """The decision for one patient and month: what `assemble(month, ledger, rule_book, at=…)` returns.

    `charges` are planned and wait for release; `would_be` are those that the certain time earns while a hold or denial keeps them
    from being planned. `seconds` are counted seconds by lane, `program_seconds` those of the month by program as logged.
    `trace` lists (rule, what was looked at, result) in the order in which the engine went; `facts_used` ledger sources, sorted.
    """

    patient: str
    practitioner: str | None
    month: str
    program: str
    outcome: Outcome
    severity: Severity | None
    lane: str | None
    charges: tuple[PlannedCharge, ...]
    would_be: tuple[PlannedCharge, ...]
    findings: tuple[Finding, ...]
    difference: Difference | None
    date_of_service: date | None
    payer: str | None
    profile: str
    seconds: tuple[tuple[str, int], ...]
    asserted_seconds: int
    program_seconds: tuple[tuple[str, int], ...]
    excluded: tuple[Excluded, ...]
    entries: tuple[str, ...]
    consents: tuple[str, ...]
    trace: tuple[tuple[str, str, str], ...]
    facts_used: tuple[str, ...]
    rule_book: str

    @property
    def blocks_release(self) -> bool:
        """Tell whether a finding keeps the planned charges from being released."""
        return any(finding.blocks_release for finding in self.findings)
