"""Reads `services/billing/parameters` into a `RuleBook`: the only place that knows the files' shorthand.

A file's `defaults` (unit, certainty, confidence, last_checked_on, reference, since) hold for each of its leaves; `value` with
`since` is one dated value, `values` maps first days to values.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from services.billing.domain.rule_book import RuleBook
from shared.kernel.errors import Invalid

PARAMETERS = Path(__file__).resolve().parent.parent / "parameters"
_NOT_PROFILES = {"drafts", "fees"}


@lru_cache(maxsize=4)
def load_rule_book(edition: str = "", folder: Path = PARAMETERS) -> RuleBook:
    """Return the adopted rule book, or the draft of a year (`2027`), which stands on the adopted files.

    Raises Invalid for files that do not parse or do not resolve.
    """
    return RuleBook.build(read_parameters(edition, folder))


def read_parameters(edition: str = "", folder: Path = PARAMETERS) -> dict[str, Any]:
    """Return the files as the plain dictionaries that `RuleBook.build` takes."""
    binding = _read(folder / "code_binding.yaml")
    profiles = {path.parent.name: _profile(path.parent) for path in sorted(folder.glob("*/profile.yaml"))}
    data = {
        **_read(folder / "rule_book.yaml"),
        "references": _read(folder / "references.yaml"),
        "codes": binding["codes"],
        "groups": binding["groups"],
        "profiles": profiles,
        "severities": _severities(_read(folder / "severities.yaml")),
        "fees": {path: leaf for file in sorted((folder / "fees").glob("*.yaml")) for path, leaf in _fees(_read(file)).items()},
    }
    if edition:
        draft = folder / "drafts" / edition
        if not draft.is_dir():
            raise Invalid(f"there is no draft {edition}", rule="rule-book")
        data |= _read(draft / "rule_book.yaml")
        for name in profiles:
            for path in sorted((draft / name).glob("*.yaml")):
                profiles[name]["parameters"] |= _leaves(_read(path))
    return data


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Invalid(f"{path.name} cannot be read: {error}", rule="rule-book") from error
    if not isinstance(content, dict):
        raise Invalid(f"{path.name} is not a mapping", rule="rule-book")
    return content


def _profile(folder: Path) -> dict[str, Any]:
    """Return a payer's folder: its profile with the parameters of all its files."""
    profile: dict[str, Any] = {"parameters": {}}
    for path in sorted(folder.glob("*.yaml")):
        content = _read(path)
        profile |= {key: content[key] for key in ("extends", "column", "switches_set") if key in content}
        profile["parameters"] |= _leaves(content)
    return profile


def _leaves(content: Mapping[str, Any]) -> dict[str, Any]:
    defaults = content.get("defaults", {})
    return {path: _leaf({**defaults, **leaf}) for path, leaf in content.get("parameters", {}).items()}


def _leaf(leaf: dict[str, Any]) -> dict[str, Any]:
    """Spell out the shorthand `value` (+ `since`)."""
    since = leaf.pop("since", None)
    if "value" in leaf:
        leaf["values"] = {since: leaf.pop("value")}
    return {**leaf, "values": {str(day): value for day, value in leaf.get("values", {}).items()}}


def _severities(content: Mapping[str, Any]) -> dict[str, Any]:
    columns = content["columns"]
    return {key: {**row, "severity": dict(zip(columns, row["severity"], strict=True))} for key, row in content["rows"].items()}


def _fees(content: Mapping[str, Any]) -> dict[str, Any]:
    defaults = content["defaults"]
    leaves = {"facility_places": _leaf({**defaults, **content["facility_places"]})}
    for side in ("non_facility", "facility"):
        for code, amount in content[side].items():
            leaves[f"{code}.{side}"] = _leaf({**defaults, "description": f"{code}, {side} total", "value": amount})
    return leaves
