"""What pages show of a month is the month: over every case, lines add up to its seconds, and lists agree with it."""

from typing import Any

import pytest

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import assemble, judge_month
from services.billing.domain.enrolment_record import enrolment_record
from services.billing.domain.minutes import minutes_of
from services.billing.domain.outcome import conclude
from services.billing.domain.progress import progress_of
from services.billing.usecases.overview import overview_of
from services.billing.usecases.overview_ports import State
from services.billing.usecases.view_ports import Face
from tests.rules.test_rules import all_cases
from tests.rules.world import World


@pytest.mark.parametrize("case", all_cases())
def test_a_page_says_what_the_month_says(case: dict[str, Any]) -> None:
    """No second is shown that does not count, none that counts is hidden, and who may be billed is on the right list."""
    facts = case["facts"]
    world = World(facts)
    book = load_rule_book(facts.get("rules", "")).with_profiles(facts.get("payers", {}))
    judgement = judge_month(world.month, world.ledger(), book, at=world.at)
    assembly = conclude(judgement, book)
    assert assembly == assemble(world.month, world.ledger(), book, at=world.at)

    lines = minutes_of(judgement)
    shown = sum(line.counted for line in lines)
    assert judgement.seconds - len(lines) <= shown <= judgement.seconds
    for line in lines:
        explained = line.causes or line.twice or line.elsewhere or line.duplicate or line.entry.status != "completed"
        other_lane = judgement.choice.lane == "practitioner" and line.entry.performer != judgement.case.practitioner
        whole = line.counted >= line.entry.seconds - 1
        cut = line.entry.start is not None and not (
            judgement.case.grid.start <= line.entry.start and (line.entry.end or line.entry.start) <= judgement.case.grid.end
        )
        assert whole or explained or other_lane or cut, line

    assert progress_of(judgement).seconds == judgement.seconds
    assert len(enrolment_record(judgement)) == 13

    row = overview_of(judgement, assembly, Face(), book, world.at, suitable=True)
    if assembly.charges and not assembly.blocks_release:
        assert row is not None and row.state == State.ATTEST
    elif row is not None:
        assert row.state != State.ATTEST
