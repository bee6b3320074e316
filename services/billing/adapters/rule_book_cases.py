"""Reads the YAML cases of a folder by the rule that each verifies: files of cases, and `situations/` of severity rows."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from services.billing.domain.rule_book import Rule
from shared.kernel.errors import Invalid


def cases_by_rule(folder: Path, rules: Mapping[str, Rule]) -> dict[str, list[str]]:
    """Return, for each rule, the ids of its cases (`file:id`): those that name it, and those that expect a finding of it.

    Ids that are no rule are returned too. Invalid for a folder without cases.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.glob("*.yaml")):
        for case in _rows(path):
            named = [str(case["rule"]), *(str(row["rule"]) for row in case["expect"].get("findings", ()) if "rule" in row)]
            for rule in dict.fromkeys(named):
                found[rule].append(f"{path.stem}:{case['id']}")
    if not found:
        raise Invalid(f"there are no cases in {folder}", rule="rule-book")
    return {rule: found[rule] for rule in [*rules, *sorted(set(found) - set(rules))] if rule in found}


def rows_tested(folder: Path) -> set[str]:
    """Return the rows of the severity table that a case finds."""
    rows = {str(row["row"]) for path in folder.glob("situations/*.yaml") for row in _rows(path)}
    for path in folder.glob("*.yaml"):
        rows |= {str(row["row"]) for case in _rows(path) for row in case["expect"].get("findings", ()) if "row" in row}
    return rows


def _rows(path: Path) -> list[dict[str, Any]]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, list):
        raise Invalid(f"{path.name} is no list of cases", rule="rule-book")
    return content
