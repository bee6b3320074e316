"""Random ledgers: the engine agrees with the naive implementation, and what must not matter does not."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import Assembly, assemble
from services.billing.domain.decision import assembly_bytes
from services.billing.domain.ledger import Ledger
from tests.rules.world import World
from tests.unit.services.billing.domain import naive

ZONES = ("America/New_York", "America/Los_Angeles", "America/Phoenix", "Pacific/Honolulu")
MONTHS = ("2026-03", "2026-10", "2026-11")
EXAMPLES = settings(max_examples=120, deadline=None)


def iso(second: int) -> str:
    """Return an epoch second as ISO text."""
    return datetime.fromtimestamp(second, UTC).isoformat()


@st.composite
def months(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the facts of a month: everything lies near its edges, its clock change and one ordinary day, so that it meets."""
    month, zone = draw(st.sampled_from(MONTHS)), draw(st.sampled_from(ZONES))
    start, end = naive.month_bounds(month, zone)
    anchors = (start, start + 7 * 86_400 + 10_800, start + 10 * 86_400 + 46_800, end)
    instants = st.builds(lambda anchor, shift: anchor + shift, st.sampled_from(anchors), st.integers(-2_400, 2_400))

    def entry(n: int) -> dict[str, Any]:
        begins = draw(instants)
        return {
            "id": f"e{n}",
            "by": draw(st.sampled_from(("rn-1", "rn-1", "rn-2", "dr-a", "desk-1", "dr-b"))),
            "program": draw(st.sampled_from(("ccm",) * 6 + ("rpm",))),
            "status": draw(st.sampled_from(("completed",) * 6 + ("entered-in-error",))),
            "start": iso(begins),
            "end": iso(begins + draw(st.integers(1, 3_000))),
        }

    taken: set[int] = set()

    def once() -> int:
        at = draw(instants.filter(lambda value: value not in taken))
        taken.add(at)
        return at

    consents: list[dict[str, Any]] = [{"id": "old", "given": "2026-01-15T15:00:00+00:00"}] if draw(st.booleans()) else []
    for n in range(draw(st.integers(0, 3))):
        at = once()
        row: dict[str, Any] = {"id": f"c{n}", "given": iso(at)}
        kind = draw(st.sampled_from(("whole", "whole", "incomplete", "declined", "revoked")))
        if kind == "incomplete":
            row["not_told"] = ["cost-sharing"]
        elif kind == "declined":
            row["status"] = "rejected"
        elif kind == "revoked":
            later = draw(st.integers(1, 5_000).filter(lambda gap, at=at: at + gap not in taken))
            taken.add(at + later)
            row |= {"status": "inactive", "revoked": iso(at + later), "version_recorded": iso(at + later), "recorded": iso(at)}
        consents.append(row)
    encounters = []
    for _ in range(draw(st.integers(0, 2))):
        begins = draw(instants)
        kind = draw(st.sampled_from(("inpatient", "visit")))
        encounters.append({"kind": kind, "start": iso(begins), "end": iso(begins + draw(st.integers(60, 3_600)))})
    lane = draw(st.sampled_from((None, None, "clinical_staff", "practitioner")))
    facts: dict[str, Any] = {
        "month": month,
        "zone": zone,
        "at": iso(end + 400_000),
        "consents": consents,
        "encounters": encounters,
        "entries": [entry(n) for n in range(draw(st.integers(0, 7)))],
        "attest": [{"kind": "lane", "value": {"lane": lane}}] if lane else [],
    }
    if draw(st.integers(0, 5)) == 0:
        facts["died"] = draw(instants.map(iso))
    return facts


def run(world: World, ledger: Ledger) -> Assembly:
    """Decide a ledger."""
    return assemble(world.month, ledger, load_rule_book(), at=world.at)


def lines(assembly: Assembly) -> dict[str, int]:
    """Return the charges that the certain time earns, planned or held."""
    return {charge.code: charge.units for charge in assembly.charges or assembly.would_be}


class Dated(World):
    """Reads the drawn facts: instants come with their offset, death too."""

    def ledger(self) -> Ledger:
        """Return the ledger with the death as an instant."""
        died = self.facts.get("died")
        plain = World({key: value for key, value in self.facts.items() if key != "died"}).ledger()
        return replace(plain, patient=replace(plain.patient, died_at=datetime.fromisoformat(died))) if died else plain


@EXAMPLES
@given(months())
def test_agrees_with_the_naive_implementation(facts: dict[str, Any]) -> None:
    """Same seconds, same lane, same units; nothing planned where nothing is earned."""
    world = Dated(facts)
    assembly = run(world, world.ledger())
    charges, seconds = naive.decide(facts)
    unstated = any(finding.situation == "25" for finding in assembly.findings)
    got = {} if unstated else lines(assembly)
    assert assembly.seconds[0][1] == seconds
    assert got == {code: units for code, units in charges.items() if units}
    assert assembly.charges or assembly.findings


@EXAMPLES
@given(months(), st.randoms(use_true_random=False))
def test_order_of_arrival_never_matters(facts: dict[str, Any], chance: random.Random) -> None:
    """Shuffled facts give the same bytes."""
    world = Dated(facts)
    ledger = world.ledger()

    def shuffled(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(rows, len(rows)))

    other = replace(
        ledger,
        consents=shuffled(ledger.consents),
        entries=shuffled(ledger.entries),
        encounters=shuffled(ledger.encounters),
        conditions=shuffled(ledger.conditions),
        attestations=shuffled(ledger.attestations),
    )
    assert assembly_bytes(run(world, ledger)) == assembly_bytes(run(world, other))


@EXAMPLES
@given(months(), st.integers(0, 6), st.floats(0.01, 0.99))
def test_splitting_an_entry_never_matters(facts: dict[str, Any], which: int, where: float) -> None:
    """An entry cut in two at any instant earns what the whole earned."""
    world = Dated(facts)
    ledger = world.ledger()
    if not ledger.entries:
        return
    entry = ledger.entries[which % len(ledger.entries)]
    assert entry.start is not None
    assert entry.end is not None
    middle = entry.start + (entry.end - entry.start) * where
    left = replace(entry, end=middle)
    right = replace(entry, start=middle, entry_id=f"{entry.entry_id}b", source=f"{entry.source}b")
    rest = tuple(e for e in ledger.entries if e is not entry)
    whole, cut = run(world, ledger), run(world, replace(ledger, entries=(*rest, left, right)))
    if whole.findings and any(f.situation in ("DUP", "24") for f in (*whole.findings, *cut.findings)):
        return
    assert lines(cut) == lines(whole)
    assert cut.seconds == whole.seconds


@EXAMPLES
@given(months(), st.integers(60, 5_000))
def test_time_without_consent_never_adds_a_charge(facts: dict[str, Any], length: int) -> None:
    """An entry before the first consent adds no second."""
    world = Dated(facts)
    ledger = world.ledger()
    first = min((c.given_at for c in ledger.consents), default=world.at)
    rows = facts["entries"]
    extra = world.entry(99, {"start": (first - timedelta(seconds=length)).isoformat(), "end": first.isoformat()})
    before, after = run(world, ledger), run(world, replace(ledger, entries=(*ledger.entries, extra)))
    assert before.seconds == after.seconds
    assert lines(before) == lines(after) or not rows
