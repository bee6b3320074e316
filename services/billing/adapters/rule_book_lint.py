"""Checks the parameter files beyond what a decision needs: every leaf is told, sourced, dated and sure of itself.

Every rule resolves, every parameter and row belongs to a rule, and, given the cases, none is without one.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from services.billing.adapters.rule_book_cases import cases_by_rule, rows_tested
from services.billing.adapters.rule_book_files import PARAMETERS, load_rule_book, read_parameters
from shared.kernel.errors import CareledgerError

EDITIONS = ("", "2027")
_PARTS = ("description", "unit", "values", "reference", "certainty", "confidence", "last_checked_on")
_COLUMNS = ("medicare_ffs", "unknown")
_CERTAINTIES = ("sourced", "general knowledge", "design")


def lint(edition: str, *, cases: Path | None = None, folder: Path = PARAMETERS) -> list[str]:
    """Return the problems of one edition of the rule book (`""` is the one in force), each a plain line."""
    name = edition or "adopted"
    try:
        load_rule_book(edition, folder)
        data = read_parameters(edition, folder)
        found = [*_parameters(data), *_severities(data), *_rules(data)]
        if cases is not None:
            found += _untested(edition, cases, folder)
    except CareledgerError as error:
        return [f"{name}: {error}"]
    return [f"{name}: {problem}" for problem in found]


def _parameters(data: Mapping[str, Any]) -> Iterator[str]:
    for profile, content in data["profiles"].items():
        for path, leaf in content["parameters"].items():
            yield from (f"{profile}/{path} {problem}" for problem in _leaf_problems(leaf, data["references"]))


def _leaf_problems(leaf: Mapping[str, Any], references: Mapping[str, Any]) -> list[str]:
    problems = [f"has no {part}" for part in _PARTS if not leaf.get(part)]
    problems += [
        f"refers to {key}, which is not in references.yaml" for key in leaf.get("reference", ()) if key not in references
    ]
    if leaf.get("certainty") not in _CERTAINTIES:
        problems.append(f"is of certainty {leaf.get('certainty')!r}, not one of {', '.join(_CERTAINTIES)}")
    return problems


def _severities(data: Mapping[str, Any]) -> Iterator[str]:
    for row, content in data["severities"].items():
        missing = [column for column in _COLUMNS if not content["severity"].get(column)]
        yield from (f"row {row} has no severity for {column}" for column in missing)


def _rules(data: Mapping[str, Any]) -> Iterator[str]:
    paths = {path for profile in data["profiles"].values() for path in profile["parameters"]}
    patterns = [pattern for rule in data["rules"].values() for pattern in rule.get("parameters", ())]
    rows = {str(row) for rule in data["rules"].values() for row in rule.get("situations", ())}
    yield from (f"a rule names {p}, which no parameter answers" for p in patterns if not any(fnmatchcase(x, p) for x in paths))
    yield from (
        f"parameter {path} belongs to no rule"
        for path in sorted(paths)
        if not path.startswith("severity.") and not any(fnmatchcase(path, pattern) for pattern in patterns)
    )
    yield from (f"row {row} belongs to no rule" for row in data["severities"] if row not in rows)


def _untested(edition: str, cases: Path, folder: Path) -> Iterator[str]:
    """Yield what no case verifies, and what cases name that is no rule."""
    book = load_rule_book(edition, folder)
    tested = cases_by_rule(cases, book.rules)
    yield from (f"rule {rule.id} has no case" for rule in book.rules.values() if not rule.elsewhere and rule.id not in tested)
    yield from (f"a case verifies {rule}, which is no rule" for rule in tested if rule not in book.rules)
    yield from (f"row {row} has no case" for row in sorted(set(book.severities) - rows_tested(cases)))
