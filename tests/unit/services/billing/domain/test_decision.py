"""Decisions repeat themselves byte for byte, and their hash follows the facts, the rule book and nothing else."""

from dataclasses import replace
from datetime import timedelta

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import assemble
from services.billing.domain.decision import assembly_bytes, decision_hash, looked_at
from services.billing.domain.versions import standing_entries
from tests.rules.world import World

FACTS = {
    "entries": [{"start": "10-05 09:00", "minutes": 12}, {"start": "10-06 09:00", "minutes": 9}],
    "services": [{"code": "99457"}],
}


def test_same_facts_same_bytes() -> None:
    """Two independent readings of the same facts give the same Assembly, byte for byte."""
    first, second = (World(FACTS), World(FACTS))
    book = load_rule_book()
    one = assembly_bytes(assemble(first.month, first.ledger(), book, at=first.at))
    two = assembly_bytes(assemble(second.month, second.ledger(), book, at=second.at))
    assert one == two
    assert b'"99490"' in one


def test_hash_follows_facts_rules_and_close() -> None:
    """A changed fact, another rule book or a closed month change the hash; the order of arrival does not."""
    ledger = World(FACTS).ledger()
    base = decision_hash(ledger, "book")
    assert decision_hash(replace(ledger, entries=ledger.entries[::-1]), "book") == base
    changed = replace(ledger, entries=(replace(ledger.entries[0], seconds=1), *ledger.entries[1:]))
    closed = replace(ledger, practice=replace(ledger.practice, closed_at=ledger.patient.recorded_at))
    nurse = replace(ledger.practice.staff["rn-1"], npi="other")
    other_nurse = replace(ledger, practice=replace(ledger.practice, staff=ledger.practice.staff | {"rn-1": nurse}))
    hashes = {base, *(decision_hash(each, "book") for each in (changed, closed, other_nurse)), decision_hash(ledger, "other")}
    assert len(hashes) == 5


def test_a_stored_digest_stands_for_the_content() -> None:
    """Where the ledger keeps a content hash, it is what enters."""
    ledger = World(FACTS).ledger()
    marked = replace(ledger, patient=replace(ledger.patient, digest="d1"))
    assert decision_hash(marked, "b") != decision_hash(ledger, "b")
    assert decision_hash(replace(marked, patient=replace(marked.patient, id="q")), "b") == decision_hash(marked, "b")


def test_standing_entries() -> None:
    """The highest version stands; an amendment after the close waits; a void never waits; a move names its origin."""
    entry = World(FACTS).ledger().entries[0]
    close = entry.written_at + timedelta(days=30)
    amended = replace(entry, version=2, seconds=900, written_at=close + timedelta(hours=1))
    assert standing_entries([amended, entry], None) == (amended,)
    assert standing_entries([amended, entry, amended], close) == (entry,)
    at_close = replace(amended, written_at=close)
    assert standing_entries([entry, at_close], close) == (at_close,)
    later = replace(amended, version=3)
    assert standing_entries([entry, at_close, later], close) == (at_close,)
    void = replace(amended, version=3, status="entered-in-error")
    assert standing_entries([void, entry, amended], close) == (void,)
    moved = replace(entry, version=2, program="rpm")
    back = replace(entry, version=3)
    assert standing_entries([entry, moved], None)[0].retagged_from == "ccm"
    assert standing_entries([back, moved, entry], None)[0].retagged_from == "rpm"
    late = replace(entry, written_at=close + timedelta(hours=2))
    assert standing_entries([late], close) == (late,)


def test_a_running_month_is_another_question_each_day() -> None:
    """Same facts, another day: another hash and another answer; after the month's end both stand still."""
    world = World({**FACTS, "entries": [{"start": "10-05 09:00", "minutes": 16}]})
    ledger, book = world.ledger(), load_rule_book()
    days = [world.instant(text) for text in ("10-20 12:00", "10-21 12:00", "2026-11-01 00:00", "2026-11-09 12:00")]
    seen = [looked_at(world.month, ledger, at) for at in days]
    assert [str(day) for day in seen] == ["2026-10-20", "2026-10-21", "2026-11-01", "2026-11-01"]
    hashes = [decision_hash(ledger, "book", as_of=day) for day in seen]
    assert len(set(hashes)) == 3
    answers = [assembly_bytes(assemble(world.month, ledger, book, at=at)) for at in days]
    assert answers[0] != answers[2]
    assert answers[2] == answers[3]
