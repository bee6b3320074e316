"""Relay and consumer, run as they are wired, over a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from services.timetrack.main import run_consumer, run_relay
from shared.contracts.event import Event
from shared.messaging.broker import connect, ensure_stream
from shared.messaging.wire import headers_of, read_event, stream_of, subject_of
from shared.ops.children import Nats
from shared.ops.settings import PartSettings
from tests.integration.timetrack.conftest import Door
from tests.integration.timetrack.tasks import task
from tests.integration.timetrack.test_events import consent


@asynccontextmanager
async def beside(work: Any) -> AsyncIterator[None]:
    """Run `work` while the block runs."""
    running = asyncio.create_task(work)
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_logged_entry_reaches_the_broker(door: Door, settings: PartSettings, nats_server: Nats) -> None:
    made = await door.made(task())
    broker = await connect(nats_server.url, name="test")
    try:
        await ensure_stream(broker.jetstream(), "timetrack")
        heard = await broker.jetstream().subscribe("ev.timetrack.north.time-entry.logged")
        async with beside(run_relay(replace(settings, nats_url=nats_server.url))):
            message = await heard.next_msg(timeout=20)
        event = read_event(message.headers, message.data)
        assert (event.aggregate_id, event.version, event.data["seconds"]) == (made["id"], 1, 1200)
        assert "p1" not in message.subject + json.dumps(message.headers), "no patient data outside the body"
    finally:
        await broker.close()


async def test_consents_reach_the_notes_and_poison_stays_aside(door: Door, settings: PartSettings, nats_server: Nats) -> None:
    broker = await connect(nats_server.url, name="test")
    try:
        jetstream = broker.jetstream()
        await ensure_stream(jetstream, "consent")
        good = consent(1, "active", "granted")
        poison: Event = replace(good, id=uuid4(), aggregate_id="k2", data={"consent_id": 7})
        for event in (poison, good):
            headers = headers_of("consent", event)
            body = json.dumps(event.data).encode()
            await jetstream.publish(subject_of("consent", event), body, stream=stream_of("consent"), headers=headers)
        async with beside(run_consumer(replace(settings, nats_url=nats_server.url))), asyncio.timeout(20):
            while not (door.rows("SELECT 1 FROM consent_note") and door.rows("SELECT 1 FROM dead_letter")):
                await asyncio.sleep(0.05)
        assert door.rows("SELECT consent_id, status FROM consent_note") == [{"consent_id": "k1", "status": "active"}]
        assert len(door.rows("SELECT 1 FROM dead_letter")) == 1
    finally:
        await broker.close()
