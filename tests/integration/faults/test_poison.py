"""Events that cannot be taken in: each is set aside, all others go in, and the set aside can be tried again."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from services.billing.adapters.ledger_repository import EvidenceRepository
from services.billing.adapters.tables import JOURNAL
from services.billing.entrypoints.consumer import handlers
from shared.contracts.event import Event
from shared.db.engine import make_engine
from shared.messaging.broker import connect, ensure_stream
from shared.messaging.consumer import Consumer
from shared.messaging.wire import headers_of, stream_of, subject_of
from shared.ops.children import Nats
from tests.conftest import DatabaseUrls
from tests.e2e.stack import CARELEDGER, ROOT
from tests.integration.billing.world import at, entry

POISON = 61


@pytest.fixture
def database(make_database: Callable[[str], DatabaseUrls]) -> DatabaseUrls:
    """A fresh database of billing."""
    return make_database("billing")


@pytest.fixture
async def worker(database: DatabaseUrls) -> AsyncIterator[AsyncEngine]:
    """Its worker's engine."""
    engine = make_engine(database.worker, name="test-poison", size=4)
    yield engine
    await engine.dispose()


@pytest.fixture
async def jetstream(nats_server: Nats) -> AsyncIterator[JetStreamContext]:
    """A stream of timetrack with nothing in it."""
    broker = await connect(nats_server.url, name="test-poison")
    jetstream = broker.jetstream()
    await ensure_stream(jetstream, "timetrack")
    await jetstream.purge_stream(stream_of("timetrack"))
    yield jetstream
    await jetstream.delete_stream(stream_of("timetrack"))
    await broker.close()


def _events(count: int) -> list[Event]:
    first: datetime = at(1, 0)
    return [entry(f"p{number % 50}", first + timedelta(minutes=20 * number), 10, number=number) for number in range(count)]


async def _publish(jetstream: JetStreamContext, events: list[Event], bodies: dict[int, bytes]) -> None:
    for number, event in enumerate(events):
        body = bodies.get(number, json.dumps(event.data).encode())
        headers = headers_of("timetrack", event)
        await jetstream.publish_async(subject_of("timetrack", event), body, headers=headers)
    await jetstream.publish_async_completed()


async def _consume(jetstream: JetStreamContext, engine: AsyncEngine) -> None:
    """Run the consumer until the broker has nothing left for it."""
    handle = handlers(JOURNAL, EvidenceRepository)["timetrack"]
    running = asyncio.create_task(Consumer("billing", "timetrack", engine, JOURNAL, jetstream, handle).run())
    async with asyncio.timeout(60):
        while not running.done():
            infos = await jetstream.consumers_info(stream_of("timetrack"))
            if infos and infos[0].num_pending == 0 and infos[0].num_ack_pending == 0:
                break
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def _rows(database: DatabaseUrls, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.admin) as connection:
        return connection.execute(query).fetchall()


def _poisoned(event: Event, **fields: Any) -> bytes:
    return json.dumps(event.data | fields).encode()


@pytest.mark.parametrize(
    ("count", "poison", "reason"),
    [
        (1000, lambda event: b"{", "Unreadable"),
        (100, lambda event: _poisoned(event, seconds="many"), "ValidationError"),
        (100, lambda event: _poisoned(event, patient="p\u0000"), "DBAPIError"),
        (100, lambda event: _poisoned(event, seconds=2**40), "DBAPIError"),
    ],
    ids=["no JSON", "not what was promised", "a text that no column takes", "a number that no column takes"],
)
async def test_one_in_a_thousand_is_set_aside_and_blocks_nothing(
    jetstream: JetStreamContext,
    worker: AsyncEngine,
    database: DatabaseUrls,
    count: int,
    poison: Callable[[Event], bytes],
    reason: str,
) -> None:
    events = _events(count)
    await _publish(jetstream, events, {POISON: poison(events[POISON])})
    await _consume(jetstream, worker)
    assert _rows(database, "SELECT count(*) FROM ledger_entry") == [(count - 1,)]
    ((said, subject, left),) = _rows(database, "SELECT reason, subject, retried_at FROM dead_letter")
    assert said.startswith(f"{reason}:")
    assert (subject, left) == (subject_of("timetrack", events[POISON]), None)


async def test_what_was_set_aside_goes_in_once_nothing_refuses_it(
    jetstream: JetStreamContext, worker: AsyncEngine, database: DatabaseUrls, nats_server: Nats
) -> None:
    events = _events(40)
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute(
            f"ALTER TABLE ledger_entry ADD CONSTRAINT odd CHECK (aggregate <> 'time-entry/{events[7].aggregate_id}')"
        )
    await _publish(jetstream, events, {})
    await _consume(jetstream, worker)
    assert _rows(database, "SELECT count(*) FROM ledger_entry") == [(39,)]
    assert [reason.split(":")[0] for (reason,) in _rows(database, "SELECT reason FROM dead_letter")] == ["IntegrityError"]

    refused = _retry(database, nats_server)
    assert (refused.returncode, refused.stdout.strip()) == (1, "billing: 0 taken in, 1 stay")
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger_entry DROP CONSTRAINT odd")
    taken = _retry(database, nats_server)
    assert (taken.returncode, taken.stdout.strip()) == (0, "billing: 1 taken in, 0 stay")
    assert _rows(database, "SELECT count(*) FROM ledger_entry") == [(40,)]
    assert _retry(database, nats_server).stdout.strip() == "billing: 0 taken in, 0 stay"


def _retry(database: DatabaseUrls, nats_server: Nats) -> subprocess.CompletedProcess[str]:
    variables = {
        "CARELEDGER_DEV": "1",
        "CARELEDGER_PUBLIC_URL": "http://127.0.0.1:8080",
        "CARELEDGER_BILLING_DATABASE_URL": database.app,
        "CARELEDGER_BILLING_WORKER_DATABASE_URL": database.worker,
        "CARELEDGER_NATS_URL": nats_server.url,
        "CARELEDGER_JWKS": "none",
        "CARELEDGER_EHR_KEY_FILE": "none",
    }
    command = [*CARELEDGER, "events", "retry", "billing"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)
