"""Checks the parameter files beyond what a decision needs: every leaf is told, sourced, dated and sure of itself."""

from collections.abc import Mapping
from typing import Any

from services.billing.adapters.rule_book_files import load_rule_book, read_parameters
from shared.kernel.errors import CareledgerError

EDITIONS = ("", "2027")
_PARTS = ("description", "unit", "values", "reference", "certainty", "confidence", "last_checked_on")
_COLUMNS = ("medicare_ffs", "unknown")
_CERTAINTIES = ("sourced", "general knowledge", "design")


def lint(edition: str) -> list[str]:
    """Return the problems of one edition of the rule book (`""` is the adopted one), each a plain line."""
    name = edition or "adopted"
    try:
        load_rule_book(edition)
        data = read_parameters(edition)
    except CareledgerError as error:
        return [f"{name}: {error}"]
    found = []
    for profile, content in data["profiles"].items():
        for path, leaf in content["parameters"].items():
            found += [f"{name}: {profile}/{path} {problem}" for problem in _leaf_problems(leaf, data["references"])]
    for row, content in data["severities"].items():
        missing = [column for column in _COLUMNS if not content["severity"].get(column)]
        found += [f"{name}: row {row} has no severity for {column}" for column in missing]
    return found


def _leaf_problems(leaf: Mapping[str, Any], references: Mapping[str, Any]) -> list[str]:
    problems = [f"has no {part}" for part in _PARTS if not leaf.get(part)]
    problems += [
        f"refers to {key}, which is not in references.yaml" for key in leaf.get("reference", ()) if key not in references
    ]
    if leaf.get("certainty") not in _CERTAINTIES:
        problems.append(f"is of certainty {leaf.get('certainty')!r}, not one of {', '.join(_CERTAINTIES)}")
    return problems
