"""Every case once more by way of the preview's body: the same charges, findings and trace, facts named by their places."""

from datetime import timedelta
from typing import Any

import pytest

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import Assembly, assemble
from services.billing.entrypoints.preview_answers import PreviewAnswer
from services.billing.entrypoints.preview_bodies import PreviewBody
from services.billing.entrypoints.preview_example import EXAMPLE
from services.billing.entrypoints.preview_facts import ledger_of
from services.billing.usecases.preview_month import preview_month
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid
from tests.rules.preview import body_of
from tests.rules.test_rules import all_cases
from tests.rules.world import World


def _preview(raw: dict[str, Any]) -> Assembly:
    body = PreviewBody.model_validate(raw)
    assert body.at is not None
    return preview_month(
        month=CalendarMonth.parse(body.month),
        ledger=ledger_of(body, body.at),
        payers=body.practice.payers,
        rule_book=load_rule_book(body.edition),
        at=body.at,
    )


@pytest.mark.parametrize("case", all_cases())
def test_the_preview_decides_as_the_month_does(case: dict[str, Any]) -> None:
    """Nothing that the engine uses is missing from the body."""
    world = World(case["facts"])
    body = body_of(world)
    if any(entry.end and entry.start and entry.end - entry.start > timedelta(days=1) for entry in world.ledger().entries):
        with pytest.raises(Invalid, match="within 24 hours"):
            _preview(body)
        return
    if any("retagged_from" in entry for entry in case["facts"].get("entries", [])):
        return  # told by an earlier version, see below
    book = load_rule_book(case["facts"].get("rules", "")).with_profiles(case["facts"].get("payers", {}))
    wanted = assemble(world.month, world.ledger(), book, at=world.at)
    got = _preview(body)
    assert [(c.code, c.units, c.date_of_service, c.diagnoses, c.modifiers) for c in got.charges] == [
        (c.code, c.units, c.date_of_service, c.diagnoses, c.modifiers) for c in wanted.charges
    ]
    assert [(f.rule, f.situation, f.severity, f.seconds, f.text) for f in got.findings] == [
        (f.rule, f.situation, f.severity, f.seconds, f.text) for f in wanted.findings
    ]
    assert got.trace == wanted.trace
    assert got.seconds == wanted.seconds
    assert PreviewAnswer.model_validate(got).outcome == wanted.outcome.value


def test_the_published_example_is_a_whole_month() -> None:
    """The example of the interface description is planned, and its charge names its entry by its place."""
    answer = PreviewAnswer.model_validate(_preview(EXAMPLE))
    assert [(line.code, line.units, line.entries) for line in answer.charges] == [("99490", 1, ["entries[0]"])]
    assert answer.blocks_release is False


def test_versions_of_an_entry_are_one_entry() -> None:
    """An amended entry counts in its last version, a void one not at all, a moved one is asked about."""
    first = {**EXAMPLE["entries"][0], "entry": "call"}
    shorter = {**first, "version": 2, "end": "2026-10-05T09:12:00-04:00"}
    moved = {**first, "program": "rpm"}
    assert _preview({**EXAMPLE, "entries": [shorter, first]}).seconds[0][1] == 720
    assert _preview({**EXAMPLE, "entries": [first, {**first, "version": 2, "status": "entered-in-error"}]}).seconds[0][1] == 0
    found = _preview({**EXAMPLE, "entries": [moved, {**first, "version": 2}]}).findings
    assert [f.severity for f in found if f.situation == "L3"] == ["review"]
