"""Reads `services/billing/parameters` into a `RuleBook`: the only place that knows the files' shorthand.

A file's `defaults` (unit, certainty, confidence, last_checked_on, reference, since, until) hold for each of its leaves; `value`
with `since` is one dated value (with `until`: none after it), `values` maps first days to values. A year's draft adds dated
values to the files of the years before; it stands in the book once it is adopted (`rule_book_adoption`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from services.billing.domain.rule_book import RuleBook
from shared.kernel.errors import Invalid

PARAMETERS = Path(__file__).resolve().parent.parent / "parameters"
ADOPTION = "adoption.yaml"


@lru_cache(maxsize=8)
def load_rule_book(edition: str = "", folder: Path = PARAMETERS) -> RuleBook:
    """Return the rule book in force, or the draft of a year (`2027`), which stands on it.

    Raises Invalid for files that do not parse or do not resolve, and for a draft that changed after it was adopted.
    """
    return RuleBook.build(read_parameters(edition, folder))


def read_parameters(edition: str = "", folder: Path = PARAMETERS) -> dict[str, Any]:
    """Return the files as the plain dictionaries that `RuleBook.build` takes."""
    data = _adopted_files(folder)
    if edition and edition not in _drafts(folder):
        raise Invalid(f"there is no draft {edition}", rule="rule-book")
    for name, draft in _drafts(folder).items():
        adoption = draft / ADOPTION
        if name == edition:
            merge_draft(data, draft)
            return data | read_yaml(draft / "rule_book.yaml")
        if adoption.exists():
            told = read_yaml(adoption)
            start = told["validity"]["valid_from"]
            before = values_on(data, start - timedelta(days=1))
            merge_draft(data, draft)
            if differences(before, values_on(data, start)) != told["accepted"]:
                raise Invalid(f"the draft {name} has changed since it was adopted: adopt it again", rule="rule-book")
            data["adopted"].append(told["validity"])
    return data


def merge_draft(data: dict[str, Any], draft: Path) -> None:
    """Add a draft's dated values to the parameters of the years before."""
    for name, profile in data["profiles"].items():
        for path in sorted((draft / name).glob("*.yaml")):
            for leaf, content in _leaves(read_yaml(path)).items():
                _add_leaf(profile["parameters"], leaf, content)


def values_on(data: Mapping[str, Any], day: date) -> dict[str, Any]:
    """Return what is in force on a day: parameters by `profile/path`, codes that may be billed, and amounts."""
    found: dict[str, Any] = {
        f"{profile}/{path}": _value_on(leaf, day)
        for profile, content in data["profiles"].items()
        for path, leaf in content["parameters"].items()
    }
    found |= {
        f"codes/{key}": str(code["number"])
        for key, code in data["codes"].items()
        if code["valid_from"] <= day and (code.get("valid_to") is None or day <= code["valid_to"])
    }
    found |= {f"fees/{path}": _value_on(leaf, day) for path, leaf in data["fees"].items()}
    return {path: value for path, value in found.items() if value is not None}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a line for each thing that is in force otherwise, `path: before → after`."""
    return [
        f"{path}: {before.get(path, 'nothing')} → {after.get(path, 'nothing')}"
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    ]


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a file's mapping; Invalid names the file that is none."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Invalid(f"{path.name} cannot be read: {error}", rule="rule-book") from error
    if not isinstance(content, dict):
        raise Invalid(f"{path.name} is not a mapping", rule="rule-book")
    return content


def _adopted_files(folder: Path) -> dict[str, Any]:
    binding, rules = read_yaml(folder / "code_binding.yaml"), read_yaml(folder / "rules.yaml")
    fees: dict[str, Any] = {}
    for file in sorted((folder / "fees").glob("*.yaml")):
        for path, leaf in _fees(read_yaml(file)).items():
            _add_leaf(fees, path, leaf)
    return {
        **read_yaml(folder / "rule_book.yaml"),
        "adopted": [],
        "rules": {key: {**rules["defaults"], **row} for key, row in rules["rules"].items()},
        "references": read_yaml(folder / "references.yaml"),
        "codes": binding["codes"],
        "groups": binding["groups"],
        "profiles": {path.parent.name: _profile(path.parent) for path in sorted(folder.glob("*/profile.yaml"))},
        "severities": _severities(read_yaml(folder / "severities.yaml")),
        "fees": fees,
    }


def _drafts(folder: Path) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(folder.glob("drafts/*/rule_book.yaml"))}


def _profile(folder: Path) -> dict[str, Any]:
    """Return a payer's folder: its profile with the parameters of all its files."""
    profile: dict[str, Any] = {"parameters": {}}
    for path in sorted(folder.glob("*.yaml")):
        content = read_yaml(path)
        profile |= {key: content[key] for key in ("extends", "column", "switches_set") if key in content}
        profile["parameters"] |= _leaves(content)
    return profile


def _leaves(content: Mapping[str, Any]) -> dict[str, Any]:
    defaults = content.get("defaults", {})
    return {path: _leaf({**defaults, **leaf}) for path, leaf in content.get("parameters", {}).items()}


def _leaf(leaf: dict[str, Any]) -> dict[str, Any]:
    """Spell out the shorthand `value` (+ `since`, `until`)."""
    since, until = leaf.pop("since", None), leaf.pop("until", None)
    if "value" in leaf:
        leaf["values"] = {since: leaf.pop("value")}
        if until is not None:
            leaf["values"][until + timedelta(days=1)] = None
    return {**leaf, "values": {str(day): value for day, value in leaf.get("values", {}).items()}}


def _add_leaf(leaves: dict[str, Any], path: str, leaf: dict[str, Any]) -> None:
    """Add a leaf; to one that is there its dated values are added, and what it says anew stands."""
    known = leaves.get(path, {})
    leaves[path] = {**known, **leaf, "values": {**known.get("values", {}), **leaf["values"]}}


def _value_on(leaf: Mapping[str, Any], day: date) -> Any:
    standing = [value for since, value in sorted(leaf["values"].items()) if since <= str(day)]
    return standing[-1] if standing else None


def _severities(content: Mapping[str, Any]) -> dict[str, Any]:
    columns = content["columns"]
    return {key: {**row, "severity": dict(zip(columns, row["severity"], strict=True))} for key, row in content["rows"].items()}


def _fees(content: Mapping[str, Any]) -> dict[str, Any]:
    defaults, leaves = content["defaults"], {}
    if "facility_places" in content:
        leaves["facility_places"] = _leaf({**defaults, **content["facility_places"]})
    for side in ("non_facility", "facility"):
        for code, amount in content[side].items():
            leaves[f"{code}.{side}"] = _leaf({**defaults, "description": f"{code}, {side} total", "value": amount})
    return leaves
