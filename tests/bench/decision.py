"""`assemble` of a patient's month with its findings, without a database: microseconds, and a JSON round trip beside it.

The month is that of a large practice: ten entries of two nurses, two conditions, a visit, a plan, consent and what is attested;
what the practice's patients share is shared.
"""

import gc
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.assembly import assemble
from services.billing.domain.decision import fact_digest
from services.billing.domain.ledger import Ledger
from tests.bench.report import Measure
from tests.rules.preview import body_of
from tests.rules.world import World

PATIENTS, ROUNDS = 500, 9
GOAL_MICROSECONDS = 40.0


def measure() -> Iterator[Measure]:
    """Yield the time of a decision, and its ratio to reading and writing the same facts as JSON."""
    worlds = [World(_facts(n)) for n in range(PATIENTS)]
    practice = worlds[0].ledger().practice
    ledgers = [_of_patient(world, n, practice) for n, world in enumerate(worlds)]
    texts = [json.dumps(body_of(world) | {"practice": {}}) for world in worlds]
    book, month, at = load_rule_book(), worlds[0].month, worlds[0].at
    charges = {charge.code for ledger in ledgers for charge in assemble(month, ledger, book, at=at).charges}
    if not charges >= {"99490", "99439"}:
        raise RuntimeError(f"the months are not planned: {charges}")
    decided, read = [], []
    for _ in range(ROUNDS):
        decided.append(_each(ledgers, lambda ledger: assemble(month, ledger, book, at=at)))
        read.append(_each(texts, lambda text: json.dumps(json.loads(text))))
    yield Measure("assemble() of ten entries", decided, unit="us", at_most=GOAL_MICROSECONDS, note="no database")
    ratios = [one / other for one, other in zip(decided, read, strict=True)]
    yield Measure("assemble() ÷ JSON round trip of its facts", ratios, note=f"round trip {min(read):.0f} us")


def _each(items: list[Any], work: Callable[[Any], object]) -> float:
    """Return the microseconds of `work` for one item, the collector at rest as in a month's assembly."""
    gc.collect()
    gc.disable()
    began = time.process_time()
    for item in items:
        work(item)
    took = time.process_time() - began
    gc.enable()
    return took / len(items) * 1e6


def _of_patient(world: World, n: int, practice: Any) -> Ledger:
    """Return a patient's ledger with what the practice shares, each fact with its digest as the ledger keeps it."""
    ledger = world.ledger()
    fields = {
        name: tuple(replace(fact, digest=fact_digest(fact)) for fact in getattr(ledger, name))
        for name in ("consents", "entries", "conditions", "coverages", "encounters", "care_plans", "attestations")
    }
    return replace(ledger, practice=practice, patient=replace(ledger.patient, id=f"p{n}"), **fields)


def _facts(n: int) -> dict[str, Any]:
    minutes = 4 + n % 5
    entries = [
        {"start": f"10-{2 + 2 * day:02d} {9 + n % 8:02d}:{n % 40:02d}", "minutes": minutes, "by": "rn-1" if day % 2 else "rn-2"}
        for day in range(10)
    ]
    return {"entries": entries}
