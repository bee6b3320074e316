"""The CMS relative-value file: numbers by heading wherever they stand, never a descriptor, and unknown stays unknown."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from services.billing.adapters.fee_file import Amount, FeeFileUnreadable, read_amounts, write_amounts
from services.billing.adapters.rule_book_files import PARAMETERS, load_rule_book

_TITLE = "2027 National Physician Fee Schedule Relative Value File,,,,,,,,,,,,\nReleased somewhen,,,,,,,,,,,,\n"
_HEADINGS = (
    ",,,,,NON-FAC,FACILITY,,NON-,,,\n"
    ",,,STATUS,WORK,PE,PE,MP,FACILITY,FACILITY,GLOB,CONV\n"
    "HCPCS,MOD,DESCRIPTION,CODE,RVU,RVU,RVU,RVU,TOTAL,TOTAL,DAYS,FACTOR\n"
)
_ROWS = (
    "99490,,A long official text,A,1.00,0.92,0.25,0.06,1.98,1.31,XXX,32.8409\n"
    '99490,26,"Another, with a comma",A,1.00,0.92,0.25,0.06,9.99,9.99,XXX,32.8409\n'
    "99439,,A long official text,A,0.70,0.75,0.17,0.06,1.51,0.93,ZZZ,32.8409\n"
    "99358,,A long official text,I,0.00,0.00,0.00,0.00,0.00,0.00,ZZZ,32.8409\n"
    "00100,,Not ours,J,0,0,0,0,5.00,5.00,XXX,32.8409\n"
)
CODES = ("99490", "99439", "99358")
SINCE, UNTIL = date(2027, 1, 1), date(2027, 12, 31)


def _file(folder: Path, text: str) -> Path:
    path = folder / "file.csv"
    path.write_text(text, encoding="latin-1")
    return path


def _named(headings: str) -> str:
    return headings.replace(",NON-,", ",NON-FAC,")


def test_totals_times_the_factor_to_the_cent(tmp_path: Path) -> None:
    """Rows with a modifier, of zero, and of codes that are not ours are left out."""
    amounts = read_amounts(_file(tmp_path, _TITLE + _named(_HEADINGS) + _ROWS), CODES)
    assert amounts == [Amount("99439", Decimal("49.59"), Decimal("30.54")), Amount("99490", Decimal("65.02"), Decimal("43.02"))]


def test_headings_on_one_line_serve_as_well(tmp_path: Path) -> None:
    """The file as it is described in the rule base: one line of headings."""
    head = (
        "HCPCS,MOD,DESCRIPTION,STATUS CODE,WORK RVU,NON-FAC PE RVU,FACILITY PE RVU,MP RVU,"
        "NON-FACILITY TOTAL,FACILITY TOTAL,GLOB DAYS,CONV FACTOR\n"
    )
    amounts = read_amounts(_file(tmp_path, _TITLE + head + _ROWS), CODES)
    assert amounts[1] == Amount("99490", Decimal("65.02"), Decimal("43.02"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_TITLE + _ROWS, "no line starts with"),
        (_TITLE + _named(_HEADINGS).replace("FACTOR", "OTHER") + _ROWS, "0 columns are headed FACTOR"),
        (_TITLE + _named(_HEADINGS) + _ROWS.replace("1.98", "n/a"), "99490 has a number"),
        (_TITLE + _named(_HEADINGS) + "00100,,Not ours,J,0,0,0,0,5.00,5.00,XXX,32.8409\n", "none of the codes"),
    ],
)
def test_another_shape_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(FeeFileUnreadable, match=said):
        read_amounts(_file(tmp_path, text), CODES)


def test_the_book_knows_them_from_their_day_to_their_last(tmp_path: Path) -> None:
    """The amounts of before stand until then; after the last day they are unknown; no descriptor is stored."""
    folder = tmp_path / "parameters"
    shutil.copytree(PARAMETERS, folder)
    source, out = _file(tmp_path, _TITLE + _named(_HEADINGS) + _ROWS), folder / "fees/imported.yaml"
    write_amounts(read_amounts(source, CODES), source, out, since=SINCE, until=UNTIL)
    assert "official" not in out.read_text(encoding="utf-8")
    book = load_rule_book("", folder)
    wanted = {date(2026, 12, 31): "66.13", SINCE: "65.02", UNTIL: "65.02"}
    for day, amount in wanted.items():
        assert book.expected_amount("99490", "11", day) == Decimal(amount)
    assert book.expected_amount("99490", "22", SINCE) == Decimal("43.02")
    assert book.expected_amount("99490", "11", date(2028, 1, 1)) is None
    assert book.expected_amount("99487", "11", SINCE) is None
    assert book.expected_amount("99490", "11", date(2025, 12, 31)) is None
