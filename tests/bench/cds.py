"""CDS cards at 50 calls a second in a practice of 100,000 patients: p95 ÷ p95 of a route that does nothing, at the same pace."""

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import psycopg

from services.billing.adapters.tables import OVERVIEW
from tests.bench.load import Load, request_bytes
from tests.bench.place import TENANT, Place, place_of, served
from tests.bench.report import Measure
from tests.fakes.cds import SERVICE, CdsCaller, hook_body
from tests.fakes.tokens import PUBLIC_URL
from tests.fakes.world import fill_registry, tenant_id, tenant_state

PATIENTS = int(os.environ.get("CARELEDGER_BENCH_PATIENTS", "100000"))
RATE, SECONDS, ROUNDS, CONNECTIONS = 50, 10, 3, 16
_GOAL_MS = 200.0
_PATH = f"/t/{TENANT}/cds-services/{SERVICE}"
_CALLER = CdsCaller()
# Of ten patients one has no consent, one a consent that ends, one another program beside it; three months are kept of each.
_ONE = "INSERT INTO overview SELECT * FROM jsonb_populate_record(NULL::overview, %s)"
_DIFFERENT = {
    "month": "m",
    "patient": "'p' || lpad(n::text, 7, '0')",
    "counted": "60 * (n % 20)",
    "missing": "1200 - 60 * (n % 20)",
    "consent": "CASE WHEN n % 10 = 0 THEN 'missing' ELSE 'in-force' END",
    "consent_until": "CASE WHEN n % 10 = 1 THEN m + 29 END",
    "beside": "CASE WHEN n % 10 = 2 THEN t.beside ELSE '[]' END",
}
_NAMES = [column.name for column in OVERVIEW.c]
_MANY = f"""
    INSERT INTO overview ({", ".join(_NAMES)})
    SELECT {", ".join(_DIFFERENT.get(name, f"t.{name}") for name in _NAMES)}
      FROM overview AS t, generate_series(0, {PATIENTS - 1}) AS n,
           (SELECT (date_trunc('month', now()) - make_interval(months => b))::date AS m FROM generate_series(0, 2) AS b) AS months
"""
# Notes of a month's end: lines of other patients that are to be made anew.
_WAITING = "INSERT INTO overview_due (tenant_id, patient) SELECT %s, 'q' || n FROM generate_series(1, 50000) AS n"
_BESIDE = [{"rule": "X1", "severity": "hold", "text": "99490 by another practitioner is paid", "would": "their void"}]


def measure() -> Iterator[Measure]:
    """Yield the ratio, and the cards' p95 in milliseconds against the promise. Cards read the lists' lines, no ledger row."""
    with place_of("billing") as place:
        _fill_lines(place)
        state = tenant_state(TENANT, cds_clients=(_CALLER.settings,)).model_copy(update={"version": 2})
        fill_registry(place.admin_url, tenants=(state,))
        with served(place, "billing") as (server,):
            port = server.port
            asyncio.run(_paced(port, _calls(RATE), wanted=200))  # connections, statements and keys are there from then on
            nothing = [request_bytes("GET", "/internal/billing/live", b"", {})] * (RATE * SECONDS)
            rounds, cpu = [], []
            for _ in range(ROUNDS):
                empty = asyncio.run(_paced(port, nothing, wanted=204))
                calls, before = _calls(RATE * SECONDS), server.cpu_seconds()
                rounds.append((asyncio.run(_paced(port, calls, wanted=200)), empty))
                cpu.append((server.cpu_seconds() - before) / len(calls) * 1000)
    refused = sum(load.wrong for load, _ in rounds)
    middle = sorted((load for load, _ in rounds), key=lambda load: load.p95)[ROUNDS // 2]
    note = f"{min(cpu):.1f} ms CPU each, p50 {middle.p50:.1f} ms, p95 {middle.p95:.1f} ms, p99 {middle.p99:.1f} ms"
    note += f", {refused} without an answer" if refused else ""
    yield Measure(f"CDS p95, {PATIENTS} patients ÷ an empty route", [load.p95 / empty.p95 for load, empty in rounds], note=note)
    yield Measure(f"CDS p95 at {RATE} calls/s", [load.p95 for load, _ in rounds], unit="ms", at_most=_GOAL_MS)


def _fill_lines(place: Place) -> None:
    line = {
        "tenant_id": str(tenant_id(TENANT)), "looked_at": datetime.now(UTC).isoformat(), "name": "Bench", "practitioner": "dr",
        "practitioner_name": "Ada", "payer": "Medicare", "profile": "medicare_ffs", "enrolled": True, "enrolled_first": True,
        "approached": True, "consented": True, "eligible": False, "conditions": 2, "consent_why": "Nobody has asked yet",
        "without_consent": 0, "lane": "clinical_staff", "asserted": 0, "next_code": "99490", "state": "none",
        "only_reviews": False, "kind": "time", "rule": "T1", "severity": "deny", "finding": "short", "who": "clinical-staff",
        "lines": "[]", "amount": 0, "unknown_amounts": 0, "place_of_service": "11", "notes_due": 0, "copied": 0,
    }  # fmt: skip
    line |= {"month": "2020-01-01", "patient": "template", "counted": 0, "consent": "in-force", "beside": json.dumps(_BESIDE)}
    with psycopg.connect(place.admin_url, autocommit=True) as connection:
        connection.execute(_ONE, (json.dumps(line),))
        connection.execute(_MANY)
        connection.execute(_WAITING, (tenant_id(TENANT),))
        connection.execute("VACUUM ANALYZE overview, overview_due")


def _calls(number: int) -> list[bytes]:
    """Return signed calls, each for another patient; signing is the client's work, so it is done before."""
    made = []
    for at in range(number):
        body = json.dumps(hook_body(f"p{(at * 7919) % PATIENTS:07d}")).encode()
        proof = {"Authorization": f"Bearer {_CALLER.token(f'{PUBLIC_URL}{_PATH}')}", "Content-Type": "application/json"}
        made.append(request_bytes("POST", _PATH, body, proof))
    return made


async def _paced(port: int, requests: Sequence[bytes], *, wanted: int) -> Load:
    """Send `requests` at RATE a second, whether earlier ones are answered or not; a latency counts from the planned moment."""
    waiting: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    latencies: list[float] = []
    wrong = 0

    async def connection() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (planned := await waiting.get()) is not None:
            writer.write(planned[1])
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            answered = int(head[9:12]) == wanted
            wrong += not answered
            latencies.append(time.perf_counter() - planned[0] if answered else math.inf)  # a 503 is no advice in time
        writer.close()

    workers = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for at, request in enumerate(requests):
        planned = began + at / RATE
        await asyncio.sleep(max(planned - time.perf_counter(), 0))
        waiting.put_nowait((planned, request))
    for _ in workers:
        waiting.put_nowait(None)
    await asyncio.gather(*workers)
    return _load(latencies, time.perf_counter() - began, wrong)


def _load(latencies: list[float], took: float, wrong: int) -> Load:
    ordered = sorted(latencies)
    at: Callable[[float], float] = lambda share: ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000  # noqa: E731
    return Load(len(ordered), len(ordered) / took, at(0.5), at(0.95), at(0.99), wrong)
