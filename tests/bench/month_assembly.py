"""A large practice's month from ledger rows to stored decisions ÷ a SQL hash aggregate of the same rows, interleaved.

`python -m tests.bench.month_assembly WORKERS` is what is measured: a process of its own, so that its memory is its own.
"""

import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import product

import psycopg

from services.billing.adapters.unit_of_work import JOURNAL
from services.billing.domain.assembly import assemble
from services.billing.main import BillingWorld, decide_at_once, read_settings
from services.billing.usecases.assemble_month import assemble_month
from services.billing.usecases.records import Author
from shared.kernel.calendar_month import CalendarMonth
from shared.ops.environment import Environment
from shared.ops.settings import PartSettings
from shared.smart.part import build_part
from tests.bench.clinic_ledger import fill_ledger
from tests.bench.place import TENANT, Place, place_of
from tests.bench.report import Measure
from tests.fakes.world import tenant_id

MONTH = CalendarMonth(2026, 10)
ROUNDS = {10_000: 3, 100_000: 1}
GOALS = {1: 15.0, 2: 9.0}
"""By workers, with the whole rule book."""
ASSEMBLE_GOAL = 40.0
SAMPLE, REPETITIONS = 500, 7
_DECIDED = ("assembly", "charge", "difference", "review", "journal", "journal_unpublished", "journal_unsealed")
_AGGREGATE = """
    SELECT count(*), sum(n), sum(seconds) FROM (
        SELECT patient, count(*) AS n, sum(seconds) AS seconds, max(version) AS version, max(recorded_at) AS recorded_at
          FROM ledger_entry WHERE tenant_id = %s AND patient IS NOT NULL GROUP BY patient) AS patients
"""


def measure() -> Iterator[Measure]:
    """Yield the ratio for each size of practice, and how long `assemble` alone takes for a patient's month."""
    for patients, rounds in ROUNDS.items():
        with place_of("billing") as place:
            rows = fill_ledger(place.admin_url, patients)
            found: dict[int, list[tuple[float, str]]] = {workers: [] for workers in GOALS}
            for _, workers in product(range(rounds), GOALS):
                base = _aggregate(place, patients)
                took, rss = _assembled(place, patients, workers)
                note = f"{took:.1f} s, {took / patients * 1e6:.0f} us a patient, aggregate {base:.2f} s, {rss:.0f} MiB each"
                found[workers].append((took / base, note))
            for workers, goal in GOALS.items():
                name = f"month of {patients // 1000}k, {rows // patients} rows each, {workers} workers ÷ aggregate"
                ratios = [ratio for ratio, _ in found[workers]]
                yield Measure(name, ratios, at_most=goal, note=sorted(found[workers])[rounds // 2][1])
            if patients == min(ROUNDS):
                times = asyncio.run(_assemble_alone(read_settings(Environment(place.variables))))
                yield Measure("assemble() of a patient's month", times, unit="us", at_most=ASSEMBLE_GOAL, note="no database")


def _aggregate(place: Place, patients: int) -> float:
    """Return the seconds of the hash aggregate over the month's rows, warm."""
    with psycopg.connect(place.admin_url, autocommit=True) as connection:
        for setting in ("enable_sort = off", "max_parallel_workers_per_gather = 0", "jit = off", "work_mem = '256MB'"):
            connection.execute(f"SET {setting}")
        connection.execute(_AGGREGATE, (tenant_id(TENANT),))
        began = time.perf_counter()
        row = connection.execute(_AGGREGATE, (tenant_id(TENANT),)).fetchone()
        took = time.perf_counter() - began
    assert row is not None and row[0] == patients
    return took


def _assembled(place: Place, patients: int, workers: int) -> tuple[float, float]:
    """Assemble the month for the first time; return the seconds, and the peak memory of the largest process in MiB."""
    with psycopg.connect(place.admin_url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {', '.join(_DECIDED)} CASCADE")
        connection.execute("CHECKPOINT")
    command = [sys.executable, "-m", "tests.bench.month_assembly", str(workers)]
    done = subprocess.run(command, env={**os.environ, **place.variables}, stdout=subprocess.PIPE, check=True)
    said = json.loads(done.stdout)
    if said["outcomes"] != {"planned": patients}:
        raise RuntimeError(f"not every month was planned: {said}")
    return said["seconds"], said["rss"]


async def _work(workers: int) -> None:
    settings = read_settings(Environment())
    part = build_part(settings, JOURNAL, ehr_scope="", worker=True)
    world = BillingWorld(part)
    gc.disable()  # as `assemble_for` does
    began = time.perf_counter()
    done = await assemble_month(
        month=MONTH,
        tenant_id=tenant_id(TENANT),
        begin=partial(world.begin, tenant_id(TENANT), TENANT),
        rule_book=world.rule_book,
        author=Author("bench", "bench", "bench"),
        clock=world.clock,
        workers=workers,
        elsewhere=partial(decide_at_once, settings, TENANT, str(MONTH)) if workers > 1 else None,
    )
    took = time.perf_counter() - began
    await part.close()
    rss = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(json.dumps({"seconds": took, "rss": rss, "outcomes": done.outcomes}))


async def _assemble_alone(settings: PartSettings) -> list[float]:
    """Return the microseconds that `assemble` takes for a patient, by round over the same sample."""
    part = build_part(settings, JOURNAL, ehr_scope="", worker=True)
    world = BillingWorld(part)
    async with world.begin(tenant_id(TENANT), TENANT) as uow:
        facts = await uow.ledger.month_facts(MONTH)
        patients = await uow.ledger.candidates(None, SAMPLE)
        ledgers = [known.ledger for known in await uow.ledger.of_patients(patients[0], patients[-1], facts)]
    await part.close()
    book, at, times = world.rule_book.with_profiles(facts.payers), world.clock.now(), []
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        for ledger in ledgers:
            assemble(MONTH, ledger, book, at=at)
        times.append((time.perf_counter() - began) / len(ledgers) * 1e6)
    return times


if __name__ == "__main__":
    asyncio.run(_work(int(sys.argv[1])))
