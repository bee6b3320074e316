"""Runs every YAML case of this folder against the engine: facts in field terms, the answer, the rule that it verifies."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import Assembly, assemble
from services.billing.domain.findings import Finding
from tests.rules.world import World

FOLDER = Path(__file__).parent


def all_cases() -> list[Any]:
    """Return the cases of the folder as parameters."""
    rows = []
    for path in sorted(FOLDER.glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        rows += [pytest.param(case, id=f"{path.stem}:{case['id']}") for case in content]
    return rows


def decide(facts: dict[str, Any]) -> Assembly:
    """Return what the engine says of the facts."""
    world = World(facts)
    return assemble(
        world.month, world.ledger(), load_rule_book(facts.get("rules", "")).with_profiles(facts.get("payers", {})), at=world.at
    )


@pytest.mark.parametrize("case", all_cases())
def test_case(case: dict[str, Any]) -> None:
    """Each expectation of the case holds, and no path ends without a charge and without a finding."""
    assembly = decide(case["facts"])
    expect = case["expect"]
    said = "\n".join(f"{f.severity} {f.situation} {f.rule} {f.text}" for f in assembly.findings)
    charges = {charge.code: charge.units for charge in assembly.charges}
    assert expect, "a case must expect something"
    assert assembly.charges or assembly.findings, "ends without a charge and without a finding"
    if "charges" in expect:
        assert charges == {str(k): v for k, v in expect["charges"].items()}, said
    if "would_be" in expect:
        assert {c.code: c.units for c in assembly.would_be} == {str(k): v for k, v in expect["would_be"].items()}, said
    for row in expect.get("findings", []):
        assert any(_matches(finding, row) for finding in assembly.findings), f"no finding {row} in\n{said}"
    for row in expect.get("absent", []):
        assert not any(_matches(finding, row) for finding in assembly.findings), f"unwanted finding {row} in\n{said}"
    for name in ("outcome", "severity", "program", "lane", "practitioner", "blocks_release", "profile"):
        if name in expect:
            assert getattr(assembly, name) == expect[name], said
    if "date_of_service" in expect:
        assert str(assembly.date_of_service) == expect["date_of_service"], said
    if "seconds" in expect:
        assert assembly.seconds[0][1] == expect["seconds"], said
    if "difference" in expect:
        difference = assembly.difference
        assert (difference and {"kind": difference.kind, "lower": difference.lower}) == expect["difference"], said
    for step in expect.get("trace", []):
        assert tuple(step) in assembly.trace
    for name, value in expect.get("charge", {}).items():
        got = getattr(assembly.charges[0], name)
        assert (list(got) if isinstance(got, tuple) else got) == value, said


def _matches(finding: Finding, row: dict[str, Any]) -> bool:
    exact = {"row": finding.situation, "rule": finding.rule, "severity": finding.severity, "seconds": finding.seconds}
    if any(key in row and str(row[key]) != str(got) for key, got in exact.items()):
        return False
    if row.get("add") and not any(f"add: {row['add']}" == outcome for outcome in finding.outcomes):
        return False
    return row.get("text", "") in finding.text and row.get("would", "") in finding.would_make_billable
