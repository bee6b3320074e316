"""Records of reads by the group writer of one process ÷ pgbench, whose 16 clients insert the same rows one by one."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from shared.db.audit_writer import AuditEntry, AuditWriter
from shared.db.engine import make_engine
from shared.db.sealing import Sealer
from shared.kernel.clock import SystemClock
from tests.bench.place import TENANT, Place, pgbench_tps, place_of
from tests.bench.report import Measure
from tests.fakes.world import tenant_id

ROUNDS, SECONDS, CLIENTS = 5, 2, 16
_ROUTE = "/t/{tenant}/fhir/R4/Task/{task_id}"
_ACTOR = "https://ehr.example/fhir/R4/Practitioner/n1"


def measure() -> Iterator[Measure]:
    """Yield the ratio with as many requests at once, with many more, and so with a sealer beside."""
    with place_of("timetrack") as place:
        script = _script(place)
        for writers, sealing in ((16, False), (128, False), (128, True)):
            ratios, rates = [], []
            for _ in range(ROUNDS):
                base = pgbench_tps(place, script, clients=CLIENTS, seconds=SECONDS)
                rates.append(asyncio.run(_write(place, writers, sealing=sealing)))
                ratios.append(rates[-1] / base)
            name = f"audit ÷ plain insert, {writers} at once{', a sealer beside' if sealing else ''}"
            yield Measure(name, ratios, note=f"{sorted(rates)[ROUNDS // 2]:.0f}/s")


async def _write(place: Place, writers: int, *, sealing: bool) -> float:
    """Return how many records a second `writers` tasks have written, each waiting for its own."""
    urls = [place.variables[f"CARELEDGER_TIMETRACK_{name}"] for name in ("DATABASE_URL", "WORKER_DATABASE_URL")]
    writer, worker = (
        AuditWriter(make_engine(urls[0], name="bench-audit", size=2), SystemClock()),
        make_engine(urls[1], name="bench"),
    )
    sealer = asyncio.create_task(Sealer("timetrack", worker).run()) if sealing else None
    numbers, until, started = itertools.count(), time.monotonic() + SECONDS, time.monotonic()

    async def write() -> None:
        while time.monotonic() < until:
            await writer.write(_entry(next(numbers)))

    await asyncio.gather(*(write() for _ in range(writers)))
    rate = next(numbers) / (time.monotonic() - started)
    if sealer is not None:
        sealer.cancel()
        await asyncio.gather(sealer, return_exceptions=True)
    await writer.close()
    await worker.dispose()
    return rate


def _entry(number: int) -> AuditEntry:
    return AuditEntry(
        tenant_id=tenant_id(TENANT),
        tenant=TENANT,
        actor=_ACTOR,
        client="ehr",
        request=f"request-{number}",
        action="read",
        status=200,
        interaction="read",
        route=_ROUTE,
        patients=(f"p{number % 200}",),
        resources=(f"Task/{number}",),
        address="127.0.0.1",
        token="token",
    )


def _script(place: Place) -> Path:
    tenant = f"'{tenant_id(TENANT)}'::uuid"
    script = place.folder / "audit.sql"
    script.write_text(
        f"""WITH x AS (SELECT gen_random_uuid() AS id),
 j AS (INSERT INTO journal (tenant_id, id, tenant, at, actor, client, request, action, patients, aggregate, version, recorded_at,
   address, token, interaction, route, status, resources, times)
   SELECT {tenant}, id, '{TENANT}', now(), '{_ACTOR}', 'ehr', id::text, 'read', ARRAY['p1'], '', 0, clock_timestamp(),
   '127.0.0.1', 'token', 'read', '{_ROUTE}', 200, ARRAY['Task/1'], 1 FROM x)
INSERT INTO journal_unsealed (tenant_id, id) SELECT {tenant}, id FROM x;
"""
    )
    return script
