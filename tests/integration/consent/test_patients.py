"""A patient whom the EHR does not have is refused; an EHR that does not answer refuses nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest

from services.consent.adapters.ehr import EhrPatients
from services.consent.adapters.unit_of_work import JOURNAL
from services.consent.usecases.ports import Practice
from shared.db.engine import make_engine
from shared.ops.settings import PartSettings
from shared.smart.ehr_tokens import EhrTokens
from shared.smart.registry import Registry
from tests.fakes.clock import StillClock
from tests.fakes.world import tenant_id
from tests.integration.consent.conftest import Door
from tests.integration.consent.resources import consent

NORTH = Practice(tenant_id("north"), "north", ZoneInfo("America/New_York"))


class Ehr:
    """An EHR that knows some patients, or does not answer."""

    def __init__(self) -> None:
        self.patients = {"p-1"}
        self.status = 200
        self.reads: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a token request or a read of a Patient."""
        if request.url.path == "/auth/token":
            return httpx.Response(200, json={"access_token": "t", "token_type": "bearer", "expires_in": 300})
        patient = request.url.path.rsplit("/", 1)[1]
        self.reads.append(patient)
        if self.status != 200:
            return httpx.Response(self.status)
        if patient not in self.patients:
            return httpx.Response(404)
        return httpx.Response(200, json={"resourceType": "Patient", "id": patient})


@pytest.fixture
def ehr() -> Ehr:
    """The practice's EHR."""
    return Ehr()


@pytest.fixture
async def patients(door: Door, settings: PartSettings, ehr: Ehr) -> AsyncIterator[EhrPatients]:
    """The adapter over that EHR and a real database."""
    engine = make_engine(settings.database_url, name="test", size=3)
    async with httpx.AsyncClient(transport=httpx.MockTransport(ehr.answer)) as http:
        tokens = EhrTokens(http, settings.ehr_key_file, scope="system/Patient.r")
        yield EhrPatients(engine, tokens, Registry(engine, JOURNAL, service="consent"), StillClock())
    await engine.dispose()


async def test_the_first_mention_asks_and_the_answer_is_remembered(patients: EhrPatients, ehr: Ehr, door: Door) -> None:
    answers = [await patients.exist(NORTH, patient) for patient in ("p-1", "p-1", "p-9", "p-9")]

    assert answers == [True, True, False, False]
    assert ehr.reads == ["p-1", "p-9"]
    assert door.rows("SELECT patient, known FROM patient_mention ORDER BY 1") == [
        {"patient": "p-1", "known": True},
        {"patient": "p-9", "known": False},
    ]


async def test_an_ehr_that_does_not_answer_refuses_nothing_and_is_asked_again_after_a_while(
    patients: EhrPatients, ehr: Ehr, door: Door
) -> None:
    ehr.status = 503
    assert await patients.exist(NORTH, "p-9") is True
    assert door.rows("SELECT * FROM patient_mention") == []
    ehr.status = 200
    assert await patients.exist(NORTH, "p-9") is True, "its silence must not slow every write: it is left in peace"
    assert ehr.reads == ["p-9"]
    patients._silent_until.clear()  # the while is over
    assert await patients.exist(NORTH, "p-9") is False
    assert ehr.reads == ["p-9", "p-9"]


async def test_a_patient_who_is_registered_later_is_found(patients: EhrPatients, ehr: Ehr) -> None:
    assert await patients.exist(NORTH, "p-9") is False
    ehr.patients.add("p-9")
    clock: Any = patients._clock
    assert await patients.exist(NORTH, "p-9") is False
    clock.at += timedelta(minutes=11)
    assert await patients.exist(NORTH, "p-9") is True


async def test_an_unknown_patient_is_refused_by_the_field(door: Door, recorded: Any) -> None:
    known = await recorded(consent("c-1"))
    assert door.rows("SELECT * FROM patient_mention") == [], "the EHR of this practice does not answer"
    south = replace(door, tenant="south")
    _remember(door, "p-1", known=False)

    refused = await door.post(consent("c-2"))
    elsewhere = await south.post(consent("c-2"))

    issue = refused.json()["issue"][0]
    assert (refused.status_code, issue["details"]["coding"][0]["code"]) == (422, "patient-unknown")
    assert issue["expression"] == ["Consent.patient"]
    assert elsewhere.status_code == 201
    assert [row["id"] for row in door.rows("SELECT id::text FROM consent WHERE tenant_id = %s", NORTH.tenant_id)] == [known["id"]]


def _remember(door: Door, patient: str, *, known: bool) -> None:
    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO patient_mention VALUES (%s, %s, %s, %s)", (NORTH.tenant_id, patient, known, door.clock.now())
        )
