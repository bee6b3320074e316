"""OperationOutcome: one coded issue each (integration.md 4)."""

from shared.fhir.outcome import operation_outcome
from shared.kernel.errors import Issue
from shared.kernel.vocabulary import CANONICAL


def test_names_rule_words_and_place() -> None:
    outcome = operation_outcome([Issue("per-1", "ends before it starts", "Task.executionPeriod")], code="invariant")
    assert outcome == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invariant",
                "details": {
                    "coding": [{"system": f"{CANONICAL}/CodeSystem/rule", "code": "per-1"}],
                    "text": "ends before it starts",
                },
                "expression": ["Task.executionPeriod"],
            }
        ],
    }


def test_leaves_out_what_is_not_known() -> None:
    outcome = operation_outcome([Issue("gone", "it is gone")], code="deleted", severity="warning", diagnostics="r-1")
    (issue,) = outcome["issue"]
    assert issue["diagnostics"] == "r-1"
    assert issue["severity"] == "warning"
    assert "expression" not in issue
