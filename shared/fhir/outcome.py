"""OperationOutcome: how a FHIR answer says what is wrong (integration.md 4: coded errors)."""

from collections.abc import Iterable
from typing import Any

from shared.kernel.errors import Issue
from shared.kernel.vocabulary import CANONICAL

RULE_SYSTEM = f"{CANONICAL}/CodeSystem/rule"


def operation_outcome(
    issues: Iterable[Issue], *, code: str, severity: str = "error", diagnostics: str | None = None
) -> dict[str, Any]:
    """Build an OperationOutcome of at least one issue, each with its rule id, plain words and place.

    `code` is a FHIR IssueType (`structure`, `invalid`, `not-found`, …) and, like `severity`, holds for all of them;
    `diagnostics` is for a correlation id, never for patient data.
    """
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue, code, severity, diagnostics) for issue in issues]}


def _issue(issue: Issue, code: str, severity: str, diagnostics: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "severity": severity,
        "code": code,
        "details": {"coding": [{"system": RULE_SYSTEM, "code": issue.rule}], "text": issue.text},
    }
    if diagnostics is not None:
        body["diagnostics"] = diagnostics
    if issue.expression is not None:
        body["expression"] = [issue.expression]
    return body
