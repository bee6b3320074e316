"""Every row of the severity table under every payer: the situation is found, and with the letter that the table gives."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import Assembly, assemble
from services.billing.domain.findings import Concerns, Severity
from tests.rules.world import World

ROWS = yaml.safe_load((Path(__file__).parent / "situations" / "rows.yaml").read_text(encoding="utf-8"))
PAYERS = ("medicare_ffs", "commercial_strict", "medicare_advantage", "unknown")
LETTERS = {"i": Severity.INFO, "R": Severity.REVIEW, "H": Severity.HOLD, "D": Severity.DENY, "-": None}


def all_rows() -> list[Any]:
    """Return the rows of the table as parameters, each for every payer."""
    return [
        pytest.param(row, payer, row["says"][n], id=f"{row['row']}-{row.get('name', '')}-{payer}")
        for row in ROWS
        for n, payer in enumerate(PAYERS)
    ]


def _decide(row: dict[str, Any], payer: str) -> Assembly:
    facts = row["facts"]
    coverage = {"kind": payer, "payer": "plan-x", "qmb": facts.get("qmb", False), "rank": 2 if facts.get("second") else 1}
    world = World({**facts, "coverages": [coverage]})
    return assemble(world.month, world.ledger(), load_rule_book(), at=world.at)


@pytest.mark.parametrize(("row", "payer", "letter"), all_rows())
def test_severity(row: dict[str, Any], payer: str, letter: str) -> None:
    """The row is found with its letter; a hold or denial of the charge plans nothing."""
    assembly = _decide(row, payer)
    found = {finding.severity for finding in assembly.findings if finding.situation == row["row"]}
    wanted = LETTERS[letter]
    said = "\n".join(f"{f.severity} {f.situation} {f.rule} {f.text}" for f in assembly.findings)
    assert found == ({wanted} if wanted is not None else set()), said
    stopping = [f for f in assembly.findings if f.severity in (Severity.HOLD, Severity.DENY) and f.concerns is not Concerns.TIME]
    assert not (stopping and assembly.charges), said
    if payer == "medicare_ffs":
        assert {charge.code: charge.units for charge in assembly.charges} == {str(k): v for k, v in row["charges"].items()}, said


def test_every_row_of_the_table_is_tested() -> None:
    """No row of findings.md 2 is without a case, here or among the payer cases."""
    told_elsewhere = {"3a.closed", "39.none", "40", "47", "46.same"}
    tested = {row["row"] for row in ROWS} | told_elsewhere
    numbered = {key for key in load_rule_book().severities if key[0].isdigit()}
    assert numbered - tested - {"3.before", "4.scope", "21.visit", "31.idle"} == set()
