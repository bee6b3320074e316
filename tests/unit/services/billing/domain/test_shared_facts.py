"""What a practice's patients share: the settings in force, the days that others' time filled, months added to a day."""

from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import assemble
from services.billing.domain.case import add_months
from services.billing.domain.decision import fact_digest, full_days
from services.billing.domain.ledger import Ledger, Practice
from services.billing.domain.rules import rules_for
from tests.rules.world import World

LIMIT = 8 * 3600


def of_two_nurses(**days: int) -> Ledger:
    """Return a patient with an entry of rn-1 on 5 October and one of rn-2 known by its day, and what is known of those days."""
    entries = [{"start": "10-05 09:00", "minutes": 20}, {"day": "10-06", "minutes": 20, "by": "rn-2"}]
    seconds = [[who.replace("_", "-")[:4], f"10-{who[-2:]}", n] for who, n in days.items()]
    return World({"entries": entries, "staff_seconds": seconds}).ledger()


@pytest.mark.requirement("issue-9.6")
@pytest.mark.parametrize(
    ("days", "found"),
    [
        ({}, []),
        ({"rn_1_05": LIMIT}, []),
        ({"rn_1_05": LIMIT + 1}, ["staff-day rn-1 2026-10-05 full"]),
        ({"rn_1_06": LIMIT + 1}, []),
        ({"rn_2_05": LIMIT + 1}, []),
        ({"rn_2_06": 1200}, []),
        ({"rn_2_06": 1201}, ["staff-day rn-2 2026-10-06 shared"]),
        ({"rn_2_06": LIMIT + 1}, ["staff-day rn-2 2026-10-06 full", "staff-day rn-2 2026-10-06 shared"]),
    ],
)
def test_days_that_others_filled_enter_the_decision(days: dict[str, int], found: list[str]) -> None:
    """Only those of the patient's own entries, above the limit or beside an entry known by its day."""
    assert full_days(of_two_nurses(**days), World({}).month, LIMIT) == found


@pytest.mark.requirement("issue-9.6")
def test_a_fact_s_digest_does_not_hang_on_the_order_of_its_value() -> None:
    """The same statement with its fields in another order is the same fact."""
    said = World({}).ledger().attestations[1]
    turned = replace(said, value=MappingProxyType(dict(reversed(said.value.items()))))
    assert list(turned.value) != list(said.value)
    assert fact_digest(turned) == fact_digest(said)


def test_the_settings_in_force_at_the_month_s_end_stand() -> None:
    """The last version that is effective by then, the first if none is."""
    month, practice = World({}).month, World({}).ledger().practice
    first = practice.tenants[0]
    versions = [
        replace(first, tin=str(n), effective_from=day) for n, day in enumerate((date(2026, 12, 1), month.last_day), start=2)
    ]

    def standing(*tenants: object) -> str | None:
        return Practice(tenants=tenants).tenant_in(month).tin  # type: ignore[arg-type]

    assert standing(first) == standing(first, versions[0]) == "111"
    assert standing(first, versions[1]) == standing(first, versions[1], versions[0]) == "3"
    assert standing(versions[0]) == "2"


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 28), 12, date(2025, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 29), 1, date(2026, 2, 28)),
        (date(2026, 10, 31), 12, date(2027, 10, 31)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
    ],
)
def test_months_later_is_the_same_day_or_the_month_s_last(day: date, months: int, then: date) -> None:
    """A day that the month does not have is its last one."""
    assert add_months(day, months) == then


@pytest.mark.parametrize(("said", "covers"), [(True, "yes"), (False, "no"), ("yes", "yes")])
def test_a_document_may_say_yes_or_no_as_it_likes(said: object, covers: str) -> None:
    """The tenant document's `payers:` part has true and false as YAML reads them."""
    book = load_rule_book().with_profiles({"acme": {"extends": "ffs_like", "evidence": "letter", "covers": said}})
    rules = rules_for(book, "acme", World({}).month)
    assert (rules.covers, rules.switches_set) == (covers, True)


@pytest.mark.requirement("issue-9.3")
def test_a_role_that_nobody_knows_is_held() -> None:
    """T28: even if the roster holds it; the preview refuses such a role by its schema."""
    world = World(
        {
            "roster": {"rn-1": {"holds_too": ["astronaut"]}},
            "entries": [{"start": "10-05 09:00", "minutes": 20, "role": "astronaut"}],
        }
    )
    assembly = assemble(world.month, world.ledger(), load_rule_book(), at=world.at)
    assert not assembly.charges
    assert ["is not known" in finding.text for finding in assembly.findings if finding.situation == "20"] == [True]


@pytest.mark.parametrize("first", ["plain", "decided"])
def test_what_one_patient_s_reviewer_decided_says_nothing_of_the_next(first: str) -> None:
    """The practice's patients share what is found once for all; a decision on it stays with its patient."""
    facts = {"entries": [{"start": "10-05 09:00", "minutes": 20}], "coverages": [{"kind": "medicaid", "payer": "state"}]}
    answer = {"key": "X1:35.unknown:2026-10", "decision": "bill"}
    worlds = {"plain": World(facts), "decided": World(facts | {"decisions": [answer]})}
    book, order = load_rule_book(), sorted(worlds, key=lambda name: name != first)
    practice = World(facts).ledger().practice
    together, apart = (
        {name: assemble(w.month, replace(w.ledger(), practice=shared), book, at=w.at)
         for name in order for w in (worlds[name],) for shared in (practice if one else World(facts).ledger().practice,)}
        for one in (True, False)
    )  # fmt: skip
    assert together == apart
    unseen = {name: [f.decided for f in found.findings if f.situation == "35.unknown"] for name, found in together.items()}
    assert unseen["plain"] == [None]
    assert unseen["decided"] != [None]
