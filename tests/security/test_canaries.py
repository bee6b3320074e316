"""Planted words that stand for what is known of patients: in the database and in payloads, nowhere else (requirement 32).

They stand in values. The name of a parameter or field is a programmer's word, and a refusal says which one it means.
"""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest

import services.consent.main
import services.timetrack.main
from shared.messaging.broker import connect
from shared.messaging.wire import stream_of
from shared.ops.children import Nats
from shared.ops.logs import CHATTY, JsonFormatter
from shared.ops.metrics import exposition
from tests.integration.billing import world as clinic_world
from tests.integration.consent.resources import declined, extension_of, revoked, url, with_reason
from tests.integration.timetrack.staff import nurse
from tests.integration.timetrack.tasks import amended, extension
from tests.security.place import ALL_SCOPES, NOW, Place, consent_of, start_timer, task_of

pytestmark = pytest.mark.requirement("standards-32")

ROUNDS = 40
_number = count(1)


@dataclass
class Traffic:
    """What went over the wire and into the log while canaries were planted."""

    planted: list[str] = field(default_factory=list)
    answers: list[httpx.Response] = field(default_factory=list)
    log: io.StringIO = field(default_factory=io.StringIO)

    def plant(self) -> str:
        """Return a new canary."""
        word = f"CNRY{next(_number):05d}Q"
        self.planted.append(word)
        return word

    def found_in(self, text: str) -> list[str]:
        """Return which canaries a text holds."""
        return [word for word in self.planted if word in text] if "CNRY" in text else []


def _consent(traffic: Traffic, number: int) -> dict[str, Any]:
    plant = traffic.plant
    body = (declined if number % 4 == 0 else _granted)(f"canary-{number}")
    patient = f"pat-canary-{number}"
    body["patient"] = {"reference": f"Patient/{patient}", "identifier": {"system": "https://north.example/mrn", "value": plant()}}
    body["performer"] = [{"reference": f"Patient/{patient}", "display": plant()}]
    extension_of(body, "obtained-by")["extension"][2]["valueString"] = plant()  # type: ignore[index]
    extension_of(body, "communication")["extension"].append({"url": "interpreter", "valueString": plant()})  # type: ignore[index]
    body["provision"]["actor"][0]["reference"]["display"] = plant()
    body["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{plant()}</div>'}
    told = {
        "url": url("other-practice"),
        "extension": [{"url": "answer", "valueCode": "yes"}, {"url": "name", "valueString": plant()}],
    }
    body["extension"].append(told)
    if number % 4 == 0:
        extension_of(body, "decline-reason")["extension"][0]["valueString"] = plant()  # type: ignore[index]
    return body


def _granted(key: str) -> dict[str, Any]:
    return consent_of("north", "x", key)


def _task(traffic: Traffic, number: int) -> dict[str, Any]:
    plant = traffic.plant
    body = task_of("north", f"pat-canary-{number}", NOW - timedelta(days=12, minutes=20 * number))
    body["for"] |= {"identifier": {"system": "https://north.example/mrn", "value": plant()}, "display": plant()}
    body["owner"]["display"] = plant()
    body["reasonReference"]["display"] = plant()
    body["output"][0]["valueString"], body["output"][1]["valueString"] = plant(), plant()
    body["note"] = [{"text": plant(), "authorString": plant()}]
    body["extension"][2] = extension("asserted-reason", valueString=plant())
    body["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{plant()}</div>'}
    return body


async def _send(place: Place, traffic: Traffic, method: str, path: str, **options: Any) -> httpx.Response:
    headers = place.tokens.bearer("north", ALL_SCOPES) | options.pop("headers", {})
    if "json" in options and "/fhir/" in path:
        headers["Content-Type"] = "application/fhir+json"
    answer = await place.ask(method, f"/t/north/{path}", headers=headers, **options)
    traffic.answers.append(answer)
    return answer


async def _round(place: Place, traffic: Traffic, number: int) -> None:
    """Create, change, search and refuse, with canaries in every place that holds a word about a patient."""
    made = await _send(place, traffic, "POST", "fhir/R4/Consent", json=_consent(traffic, number))
    assert made.status_code == 201, made.text
    changed = with_reason(made.json(), traffic.plant())
    if number % 4 == 1:
        changed = revoked(made.json(), "2026-10-20T10:00:00-04:00", channel=traffic.plant())
    path = f"fhir/R4/Consent/{made.json()['id']}"
    assert (await _send(place, traffic, "PUT", path, json=changed, headers={"If-Match": 'W/"1"'})).status_code == 200

    entry = await _send(place, traffic, "POST", "fhir/R4/Task", json=_task(traffic, number))
    assert entry.status_code == 201, entry.text
    path = f"fhir/R4/Task/{entry.json()['id']}"
    amend = amended(entry.json(), traffic.plant())
    assert (await _send(place, traffic, "PUT", path, json=amend, headers={"If-Match": 'W/"1"'})).status_code == 200
    void = entry.json() | {"status": "entered-in-error", "statusReason": {"text": traffic.plant()}}
    assert (await _send(place, traffic, "PUT", path, json=void, headers={"If-Match": 'W/"2"'})).status_code in (200, 422)

    for spoil in ({"status": traffic.plant()}, {"colour": traffic.plant()}, {"intent": traffic.plant(), "note": [{"text": 1}]}):
        assert (await _send(place, traffic, "POST", "fhir/R4/Task", json=_task(traffic, number) | spoil)).status_code >= 400
        assert (await _send(place, traffic, "POST", "fhir/R4/Consent", json=_consent(traffic, number) | spoil)).status_code >= 400
    for kind in ("Consent", "Task", "ChargeItem"):
        await _send(place, traffic, "POST", f"fhir/R4/{kind}/_search", data={"patient:identifier": f"|{traffic.plant()}"})
        await _send(place, traffic, "GET", f"fhir/R4/{kind}?patient:identifier=%7C{traffic.plant()}")
        await _send(place, traffic, "GET", f"fhir/R4/{kind}?colour={traffic.plant()}")
    await _beside_fhir(place, traffic, number)


async def _beside_fhir(place: Place, traffic: Traffic, number: int) -> None:
    who = f"rn-canary-{number}"
    await _send(place, traffic, "PUT", f"time/roster/{who}", json=nurse(name=traffic.plant()))
    timer = await start_timer(place, "north", f"pat-canary-{number}", who)
    place.clock.set(NOW + timedelta(seconds=60))
    stop = {"performer": who, "action_taken": traffic.plant(), "clinical_relevance": traffic.plant(), "note": traffic.plant(),
            "problem": {"text": traffic.plant()}}  # fmt: skip
    assert (await _send(place, traffic, "POST", f"time/timers/{timer}/stop", json=stop)).status_code == 200
    place.clock.set(NOW)
    await _send(place, traffic, "POST", f"time/timers/{timer}/discard", json={"performer": who, "reason": traffic.plant()})
    await _send(place, traffic, "POST", f"time/timers/{timer}/stop", json={"performer": who, "colour": traffic.plant()})
    body = clinic_world.statement("risk", {"significant": True, "colour": traffic.plant()}, patient="pat-north-1")
    await _send(place, traffic, "POST", "billing/attestations", json=body)
    reason = {"name": "reason", "valueCodeableConcept": {"text": traffic.plant()}}
    parts = [
        {"name": "charge", "valueReference": {"reference": "ChargeItem/x", "display": traffic.plant()}},
        {"name": "outcome", "valueCode": "rejected"},
        reason,
    ]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "item", "part": parts}]}
    await _send(place, traffic, "POST", "fhir/R4/ChargeItem/$acknowledge", json=parameters)


@pytest.fixture(scope="module")
def listening() -> Iterator[Traffic]:
    """Write every log line of any level as the product writes it."""
    traffic = Traffic()
    handler = logging.StreamHandler(traffic.log)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    chatty = [logging.getLogger(name) for name in CHATTY]
    levels = [logger.level for logger in chatty]
    for logger in chatty:
        logger.setLevel(logging.WARNING)
    yield traffic
    for logger, before in zip(chatty, levels, strict=True):
        logger.setLevel(before)
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="module")
async def traffic(place: Place, listening: Traffic) -> AsyncIterator[Traffic]:
    """All rounds, made once."""
    for number in range(ROUNDS):
        await _round(place, listening, number)
    yield listening


async def test_enough_is_planted_and_stored(place: Place, traffic: Traffic) -> None:
    assert len(traffic.planted) >= 500
    text = str(place.rows("consent", "SELECT kept, state FROM consent_version"))
    text += str(place.rows("timetrack", "SELECT body FROM time_entry_version"))
    text += str(place.rows("timetrack", "SELECT document FROM staff_member"))
    assert len(traffic.found_in(text)) >= 500


async def test_no_log_line_holds_one(traffic: Traffic) -> None:
    lines = traffic.log.getvalue()
    assert lines.count("\n") >= len(traffic.answers)
    assert traffic.found_in(lines) == []


async def test_no_measure_holds_one(traffic: Traffic) -> None:
    body, _ = exposition()
    assert b"Consent" in body and traffic.found_in(body.decode()) == []


async def test_no_refusal_and_no_header_holds_one(traffic: Traffic) -> None:
    refusals = [answer for answer in traffic.answers if answer.status_code >= 400]
    assert len(refusals) >= 6 * ROUNDS
    shown = [(a.request.method, a.status_code, word, a.text[:300]) for a in refusals for word in traffic.found_in(a.text)]
    assert shown == [], f"{len(shown)}: {shown[:5]}"
    headers = [pair for answer in traffic.answers for pair in answer.headers.raw]
    assert traffic.found_in(str(headers)) == []


async def test_no_subject_and_no_attribute_of_an_event_holds_one(place: Place, traffic: Traffic, nats_server: Nats) -> None:
    relays = (("consent", services.consent.main.run_relay), ("timetrack", services.timetrack.main.run_relay))
    broker = await connect(nats_server.url, name="canaries")
    try:
        for part, run in relays:
            relay = asyncio.create_task(run(replace(place.settings[part], nats_url=nats_server.url)))
            async with asyncio.timeout(30):
                while place.rows(part, "SELECT count(*) AS n FROM journal_unpublished")[0]["n"]:
                    assert not relay.done(), relay.exception()
                    await asyncio.sleep(0.05)
            relay.cancel()
            await asyncio.gather(relay, return_exceptions=True)
            stream, jetstream = stream_of(part), broker.jetstream()
            state = (await jetstream.stream_info(stream)).state
            assert state.messages >= 2 * ROUNDS
            bodies = 0
            for sequence in range(state.first_seq, state.last_seq + 1):
                message = await jetstream.get_msg(stream, sequence)
                assert traffic.found_in(f"{message.subject} {message.headers}") == []
                bodies += bool(traffic.found_in((message.data or b"").decode()))
            assert bodies, "no payload holds a canary: this proves nothing"
    finally:
        await broker.close()


async def test_an_error_that_nobody_expected_shows_none(place: Place, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst case: an exception whose words are a patient's, on its way through every layer."""
    word = traffic.plant()

    class Broken:
        async def tenant(self, slug: str) -> None:
            raise RuntimeError(f"value {word} of {slug} violates something")

    for part, path in (("consent", "Consent"), ("timetrack", "Task"), ("billing", "ChargeItem")):
        monkeypatch.setitem(place.apps[part].state._state, "registry", Broken())
        answer = await _send(place, traffic, "GET", f"fhir/R4/{path}?patient={word}")
        assert (answer.status_code, word in answer.text) == (500, False)
    assert traffic.found_in(traffic.log.getvalue()) == []
