"""The commands on the rule book, as they are typed."""

import sys
from datetime import date
from pathlib import Path

import pytest

from services import cli
from services.billing.adapters.rule_book_files import PARAMETERS

ROOT = Path(__file__).parents[3]


def _run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["careledger", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_lint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped files are whole."""
    assert _run(monkeypatch, "rules", "lint") == 0
    assert capsys.readouterr().out == "the rule book is whole\n"


def test_diff(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two months of one year, and across the year's end."""
    assert _run(monkeypatch, "rules", "diff", "2026-06", "2026-07") == 0
    assert "the same rules" in capsys.readouterr().out
    _run(monkeypatch, "rules", "diff", "2025-12", "2026-01")
    assert "codes/rtm.treatment.short: nothing → 98979" in capsys.readouterr().out


def test_explain(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule with its value, certainty, source and cases; an unknown one is refused in a line."""
    assert _run(monkeypatch, "rules", "explain", "X6", "--profile", "unknown", "--on", "2026-10-01") == 0
    said = capsys.readouterr().out
    assert "exclusions.matrix.X6" in said
    assert "confidence M" in said
    assert "row 33.other: hold" in said
    assert "worked_cases:31" in said
    assert "[S109]" in said
    assert _run(monkeypatch, "rules", "explain", "Z1") == 1
    assert "there is no rule Z1" in capsys.readouterr().err


def test_adopt_needs_a_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name it only shows what would change."""
    assert _run(monkeypatch, "rules", "adopt", "2027") == 1
    said = capsys.readouterr()
    assert "--by names who has read" in said.err
    assert "fees/99490.non_facility: 66.13 → nothing" in said.out
    assert not list(PARAMETERS.glob("drafts/*/adoption.yaml"))


def test_fees_import(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The file goes to where it is told, until the end of its first day's year."""
    file, out = tmp_path / "rvu.csv", tmp_path / "fees.yaml"
    head = "HCPCS,MOD,DESCRIPTION,NON-FACILITY TOTAL,FACILITY TOTAL,CONV FACTOR\n"
    file.write_text(head + "99490,,text,2.00,1.00,30.0000\n", encoding="utf-8")
    assert _run(monkeypatch, "fees", "import", str(file), "--since", "2027-01-01", "--out", str(out)) == 0
    assert f"1 codes from 2027-01-01 to {date(2027, 12, 31)}" in capsys.readouterr().out
    assert "'99490': '60.00'" in out.read_text(encoding="utf-8")
