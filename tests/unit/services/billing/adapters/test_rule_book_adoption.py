"""The files over the years: dated values, a draft that adds to them, its adoption by a named person, and what lint refuses."""

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from services.billing.adapters.rule_book_adoption import adopt, differences_of_draft
from services.billing.adapters.rule_book_files import PARAMETERS, differences, load_rule_book, read_parameters, values_on
from services.billing.adapters.rule_book_lint import lint
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Conflict, Invalid

JANUARY, DECEMBER = CalendarMonth(2027, 1), CalendarMonth(2026, 12)
CHANGED = "medicare_ffs/lanes.clinical_staff.base.seconds: 1200 → 1500"
TODAY = date(2026, 12, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the parameters whose draft of 2027 changes a threshold."""
    copied = tmp_path / "parameters"
    shutil.copytree(PARAMETERS, copied)
    changed = copied / "drafts/2027/medicare_ffs"
    changed.mkdir()
    leaf = {"lanes.clinical_staff.base.seconds": {"value": 1500, "since": date(2027, 1, 1)}}
    (changed / "lanes.yaml").write_text(yaml.safe_dump({"parameters": leaf}), encoding="utf-8")
    return copied


def _seconds(folder: Path, day: date, edition: str = "") -> int:
    seconds: int = load_rule_book(edition, folder).parameter("medicare_ffs", "lanes.clinical_staff.base.seconds").on(day)
    return seconds


def test_a_draft_stands_apart_until_it_is_adopted(folder: Path) -> None:
    """The draft has its value from its own first day on; the book in force has not, and holds its months."""
    assert (_seconds(folder, date(2026, 12, 31), "2027"), _seconds(folder, date(2027, 1, 1), "2027")) == (1200, 1500)
    assert _seconds(folder, date(2027, 1, 1)) == 1200
    book = load_rule_book("", folder)
    assert (book.is_read_for(DECEMBER), book.is_read_for(JANUARY)) == (True, False)
    assert CHANGED in differences_of_draft("2027", folder)


def test_adoption_names_who_has_read_what_and_the_differences(folder: Path) -> None:
    """From then on the year's months are released by its values, and those of the years before by theirs."""
    accepted = adopt("2027", reader=" Ada Reader ", text="final rule, as published", on=TODAY, folder=folder)
    assert CHANGED in accepted
    told = yaml.safe_load((folder / "drafts/2027/adoption.yaml").read_text(encoding="utf-8"))
    assert told["accepted"] == accepted
    assert (told["validity"]["read_by"], told["validity"]["read_on"], told["validity"]["status"]) == (
        "Ada Reader",
        TODAY,
        "adopted",
    )
    book = load_rule_book("", folder)
    assert (book.is_read_for(DECEMBER), book.is_read_for(JANUARY), book.is_read_for(CalendarMonth(2028, 1))) == (
        True,
        True,
        False,
    )
    assert (_seconds(folder, date(2026, 12, 31)), _seconds(folder, date(2027, 1, 1))) == (1200, 1500)
    with pytest.raises(Conflict, match="already"):
        adopt("2027", reader="Ada Reader", text="the same", on=TODAY, folder=folder)


@pytest.mark.parametrize(("reader", "text"), [("", "final rule"), ("  ", "final rule"), ("Ada Reader", "")])
def test_nobody_adopts_without_a_name_and_a_text(folder: Path, reader: str, text: str) -> None:
    """Refused, and nothing is written."""
    with pytest.raises(Invalid, match="names the person"):
        adopt("2027", reader=reader, text=text, on=TODAY, folder=folder)
    assert not (folder / "drafts/2027/adoption.yaml").exists()


def test_a_draft_that_changes_after_its_adoption_is_refused(folder: Path) -> None:
    """What was accepted is what stands; anything else is to be read anew."""
    adopt("2027", reader="Ada Reader", text="final rule", on=TODAY, folder=folder)
    path = folder / "drafts/2027/medicare_ffs/lanes.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("1500", "1600"), encoding="utf-8")
    load_rule_book.cache_clear()
    with pytest.raises(Invalid, match="adopt it again"):
        load_rule_book("", folder)
    assert any("adopt it again" in line for line in lint("", folder=folder))


def test_a_year_without_a_draft(folder: Path) -> None:
    """There is nothing to read or adopt."""
    with pytest.raises(Invalid, match="no draft 2031"):
        load_rule_book("2031", folder)
    with pytest.raises(Invalid, match="cannot be read"):
        adopt("2031", reader="Ada Reader", text="final rule", on=TODAY, folder=folder)


def test_what_is_in_force_on_two_days() -> None:
    """Codes and amounts come and go by their days; parameters by theirs."""
    data = read_parameters()
    lines = differences(values_on(data, date(2025, 12, 31)), values_on(data, date(2026, 1, 1)))
    assert "codes/rpm.treatment.short: nothing → 99470" in lines
    assert "fees/99490.non_facility: nothing → 66.13" in lines
    gone = differences(values_on(data, date(2026, 12, 31)), values_on(data, date(2027, 1, 1)))
    assert "fees/99490.non_facility: 66.13 → nothing" in gone
    assert not [line for line in gone if not line.startswith("fees/")]
    assert differences(values_on(data, date(2026, 6, 1)), values_on(data, date(2026, 7, 1))) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("medicare_ffs/lanes.yaml", "reference: [S10, S11]", "reference: []", "lacks reference"),
        ("medicare_ffs/claim.yaml", "reference: [S60, D]", "reference: [S999]", "S999"),
        ("medicare_ffs/time.yaml", "certainty: sourced", "certainty: hearsay", "hearsay"),
        ("severities.yaml", 'severity: "DDDD"', 'severity: "-DDD"', ""),
        ("rules.yaml", "parameters: [claim.filing.months]", "parameters: []", "claim.filing.months belongs to no rule"),
        ("rules.yaml", "parameters: [claim.filing.months]", "parameters: [claim.nothing]", "which no parameter answers"),
        ("rules.yaml", "situations: [PATTERN]", "situations: []", ""),
        ("rules.yaml", 'situations: ["25", PATTERN]', 'situations: ["25"]', "row PATTERN belongs to no rule"),
        ("ffs_like/profile.yaml", "extends: medicare_ffs", "extends: nobody", "does not resolve"),
    ],
)
def test_lint_refuses(tmp_path: Path, file: str, before: str, after: str, said: str) -> None:
    """What does not resolve or lacks a source is told, by its path."""
    folder = tmp_path / "parameters"
    shutil.copytree(PARAMETERS, folder)
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text.replace(before, after, 1), encoding="utf-8")
    found = lint("", folder=folder)
    assert any(said in line for line in found) if said else found == []


def test_lint_refuses_a_rule_without_a_case(tmp_path: Path) -> None:
    """With the cases at hand, every rule that the engine decides has one, and cases name rules only."""
    (tmp_path / "few.yaml").write_text(
        "- {id: one, rule: T1, expect: {}}\n- {id: two, rule: T99, expect: {}}\n", encoding="utf-8"
    )
    found = lint("", cases=tmp_path)
    assert "adopted: rule X6 has no case" in found
    assert "adopted: a case verifies T99, which is no rule" in found
    assert not any("rule T1 " in line or "rule A7 " in line for line in found)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert lint("", cases=empty) == [f"adopted: there are no cases in {empty}"]
