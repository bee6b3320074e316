"""The rule book's soundness: every leaf cited, every row lettered, amounts as published, tenants' own profiles, refusals."""

import copy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.billing.adapters.rule_book_files import load_rule_book, read_parameters
from services.billing.domain.findings import Severity
from services.billing.domain.rule_book import RuleBook
from services.billing.domain.rules import rules_for
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid
from tests.rules.world import World

OCTOBER = CalendarMonth(2026, 10)
DAY = date(2026, 10, 31)


def test_every_leaf_is_cited_and_dated() -> None:
    """No parameter without description, unit, source, certainty, confidence and the day of the last check."""
    book = load_rule_book()
    leaves = [leaf for profile in book.profiles.values() for leaf in profile.parameters.values()]
    assert len(leaves) > 70
    for leaf in leaves:
        assert leaf.description
        assert leaf.unit
        assert leaf.reference
        assert leaf.last_checked_on <= date(2026, 11, 24)
    assert all(row["who"] and row["action"] and row["reference"] for row in book.severities.values())


def test_same_files_same_hash_and_another_edition_another() -> None:
    """The hash follows the content."""
    one, two = RuleBook.build(read_parameters()), RuleBook.build(read_parameters())
    assert one.content_hash == two.content_hash
    assert load_rule_book("2027").content_hash != one.content_hash
    assert load_rule_book("2027").validity.status == "draft"


@pytest.mark.parametrize(
    ("code", "place", "amount"),
    [
        ("99490", "11", "66.13"),
        ("99439", "11", "50.44"),
        ("99487", "11", "144.29"),
        ("99489", "11", "78.16"),
        ("99491", "11", "89.18"),
        ("99437", "11", "63.13"),
        ("99490", "22", "43.76"),
        ("99439", "22", "30.73"),
        ("99487", "19", "79.16"),
        ("99489", "19", "43.76"),
        ("99491", "31", "65.47"),
        ("99437", "21", "43.76"),
    ],
)
def test_the_twelve_amounts_of_2026(code: str, place: str, amount: str) -> None:
    """The place of service decides the amount."""
    assert load_rule_book().expected_amount(code, place, DAY) == Decimal(amount)


def test_an_amount_that_is_not_known_is_unknown() -> None:
    """Another year, an unknown code, or a facility amount that nobody published here."""
    book = load_rule_book()
    assert book.expected_amount("99490", "11", date(2025, 12, 31)) is None
    assert book.expected_amount("99490", "11", date(2026, 1, 1)) == Decimal("66.13")
    assert book.expected_amount("99490", "11", date(2027, 1, 1)) is None
    assert book.expected_amount("99999", "11", DAY) is None
    assert book.expected_amount("99484", "22", DAY) is None


def test_a_year_is_read_from_its_first_month_to_its_last() -> None:
    """Months at both ends are covered, their neighbours are not; one adopted reading suffices."""
    book = load_rule_book()
    read = {
        str(month): book.is_read_for(month) for month in map(CalendarMonth.parse, ("2025-12", "2026-01", "2026-12", "2027-01"))
    }
    assert read == {"2025-12": False, "2026-01": True, "2026-12": True, "2027-01": False}
    adopted = replace(book.validity, valid_from=date(2027, 1, 1), valid_to=date(2027, 12, 31))
    assert replace(book, adopted=(adopted,)).is_read_for(CalendarMonth(2026, 10))


def test_a_code_may_be_billed_on_its_first_and_its_last_day() -> None:
    """The days between which a code is valid belong to them."""
    code = replace(load_rule_book().codes["ccm.complex.base"], valid_from=date(2026, 2, 1), valid_to=date(2026, 2, 28))
    days = (date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1))
    assert [code.valid_on(day) for day in days] == [False, True, True, False]


def test_code_runs_are_spelled_out() -> None:
    """A run of numbers binds each of them, letters and leading zeros kept."""
    groups = load_rule_book().groups
    assert groups["90951"] == groups["90970"] == "esrd"
    assert "90971" not in groups
    assert groups["G0023"] == groups["G0024"] == "pin"
    assert groups["98016"] == "interprofessional"


def test_profiles_extend() -> None:
    """Medicaid stands on unknown, which stands on Medicare: same thresholds, other switches."""
    book = load_rule_book()
    ffs, medicaid = rules_for(book, "medicare_ffs", OCTOBER), rules_for(book, "medicaid", OCTOBER)
    assert medicaid.lanes == ffs.lanes
    assert (ffs.switches_set, medicaid.switches_set) == (True, False)
    assert medicaid.covers == "unknown"
    assert rules_for(book, "medicaid", OCTOBER) is medicaid


def _broken(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    data = copy.deepcopy(read_parameters())
    spot = data
    for key in path[:-1]:
        spot = spot[key]
    if value is None:
        del spot[path[-1]]
    else:
        spot[path[-1]] = value
    return data


FFS = ("profiles", "medicare_ffs", "parameters", "lanes.clinical_staff.base.seconds")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ((*FFS, "reference"), ["nobody"], "cites unknown nobody"),
        ((*FFS, "reference"), [], "lacks reference"),
        ((*FFS, "unit"), None, "lacks unit"),
        ((*FFS, "confidence"), "X", "confidence X"),
        ((*FFS, "certainty"), "rumour", "certainty rumour"),
        (("profiles", "unknown", "extends"), "nothing", "does not resolve"),
        (("profiles", "medicare_ffs", "extends"), "unknown", "does not resolve"),
        (("severities", "1", "severity", "unknown"), None, "no letter for unknown"),
        (("severities", "1", "severity", "medicare_ffs"), "Z", "no letter for medicare_ffs"),
        (("severities", "1", "reference"), ["nobody"], "cites unknown nobody"),
    ],
)
def test_an_unsound_book_is_refused(path: tuple[str, ...], value: Any, says: str) -> None:
    """What does not resolve, lacks a source or a severity is named."""
    with pytest.raises(Invalid, match=says):
        RuleBook.build(_broken(path, value))


def test_a_value_dated_later_takes_effect_then() -> None:
    """The day before it takes effect the older value stands."""
    data = read_parameters()
    leaf = data["profiles"]["medicare_ffs"]["parameters"]["lanes.clinical_staff.base.seconds"]
    leaf["values"] = {**leaf["values"], "2026-11-01": 1800}
    book = RuleBook.build(data)
    assert rules_for(book, "medicare_ffs", OCTOBER).lanes["clinical_staff"].base_seconds == 1200  # type: ignore[index]
    assert rules_for(book, "medicare_ffs", CalendarMonth(2026, 11)).lanes["clinical_staff"].base_seconds == 1800  # type: ignore[index]
    parameter = book.parameter("medicare_ffs", "lanes.clinical_staff.base.seconds")
    assert [parameter.on(date(2026, 10, 31)), parameter.on(date(2026, 11, 1)), parameter.on(date(1999, 1, 1))] == [
        1200,
        1800,
        1200,
    ]


def test_a_tenants_own_profile() -> None:
    """A plan answered by the practice overrides rows and cover, stands on another profile, and changes the hash."""
    book = load_rule_book()
    answer = {
        "gold": {
            "extends": "medicare_advantage",
            "evidence": "provider manual 2026 p. 12",
            "covers": "yes",
            "severity": {"29": "i"},
        }
    }
    own = book.with_profiles(answer)
    rules = rules_for(own, "gold", OCTOBER)
    assert rules.switches_set
    assert rules.covers == "yes"
    assert rules.situations["29"].severity is Severity.INFO
    assert rules.situations["28"].severity is Severity.REVIEW
    assert own.content_hash != book.content_hash
    assert book.with_profiles({}) is book
    assert "gold" not in book.profiles


@pytest.mark.parametrize(
    "answer",
    [
        {"extends": "medicare_ffs"},
        {"evidence": "x"},
        {"extends": "nowhere", "evidence": "x"},
        {"extends": "medicare_ffs", "evidence": "x", "severity": {"29": "Q"}},
        {"extends": "medicare_ffs", "evidence": "x", "severity": {"zz": "i"}},
        {"extends": "medicare_ffs", "evidence": "x", "sevrity": {}},
        {"extends": "medicare_ffs", "evidence": "x", "parameters": {"no.such": 1}},
    ],
)
def test_an_answer_that_does_not_resolve_is_refused(answer: dict[str, Any]) -> None:
    """A tenant's profile without a base, evidence or a known row is refused."""
    with pytest.raises(Invalid):
        load_rule_book().with_profiles({"gold": answer})


def test_an_unknown_draft_is_refused() -> None:
    """Only drafts that ship can be read."""
    with pytest.raises(Invalid, match="no draft 2031"):
        load_rule_book("2031")


def test_a_month_is_read_in_the_practices_zone() -> None:
    """The world of the cases agrees with the grid about where October starts."""
    assert World({}).instant("10-01 00:00").isoformat() == "2026-10-01T04:00:00+00:00"
