"""The pages of timetrack as one person sees them in one chart."""

import html
import re
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from shared.contracts.base import Person
from shared.contracts.ehr_context import ChartProblem, EhrContextState
from tests.fakes.world import tenant_id
from tests.integration.timetrack.conftest import NOW, Door

PROBLEMS = (
    ChartProblem(condition="c1", codes=("http://hl7.org/fhir/sid/icd-10-cm|E11.65",), text="Type 2 diabetes with hyperglycemia"),
    ChartProblem(condition="c2", codes=("http://hl7.org/fhir/sid/icd-10-cm|I10",), text="Hypertension"),
    ChartProblem(condition="c3", text="Sprained ankle", active=False),
)


def chart(patient: str = "p1", **changes: Any) -> EhrContextState:
    """Return a chart as the EHR showed it."""
    state = EhrContextState(
        patient=patient,
        version=1,
        observed_at=NOW,
        observed_by=Person(id="n1"),
        name="Okafor, Evelyn R.",
        birth_date=date(1951, 3, 14),
        identifier="00482913",
        identifier_system="urn:mrn",
        problems=PROBLEMS,
    )
    return state.model_copy(update=changes)


def seen_chart(door: Door, state: EhrContextState) -> None:
    """Store a chart as the consumer would."""
    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ehr_context (tenant_id, patient, version, identifier, document) VALUES (%s, %s, %s, %s, %s)",
            (tenant_id("north"), state.patient, state.version, state.identifier, state.model_dump_json()),
        )


class Page:
    """The fragments, for one person in one chart."""

    def __init__(
        self, door: Door, *, patient: str = "p1", person: str = "n1", roles: tuple[str, ...] = ("clinical-staff",)
    ) -> None:
        self.door = door
        self.claims: dict[str, Any] = {
            "roles": roles,
            "patient": patient,
            "person": f"Practitioner/{person}",
        }

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask for a fragment below `/app/time/`."""
        headers = self.door.tokens.page("north", **self.claims)
        return await self.door.http.request(method, f"/t/north/app/time/{path}", headers=headers, **options)

    async def get(self, path: str) -> str:
        """Return a fragment's text."""
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return text_of(answer)

    async def post(self, path: str, status: int = 200, **fields: str) -> str:
        """Post a form and return the fragment's text."""
        answer = await self.ask("POST", path, data=fields)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return text_of(answer)

    async def start(self, **fields: str) -> str:
        """Start the timer and return its id."""
        fields = {"program": "ccm", "activity": "patient-contact", "key": str(uuid4())} | fields
        answer = await self.ask("POST", "timer", data=fields)
        assert answer.status_code == 200, answer.text
        found = re.search(r"/timer/([0-9a-f-]{36})/save", answer.text)
        assert found, answer.text
        return found[1]

    def entries(self) -> list[dict[str, Any]]:
        """Return the current entries as rows, in order of their start."""
        return self.door.rows("SELECT * FROM time_entry ORDER BY started_at, id")


def text_of(answer: httpx.Response) -> str:
    """Return the words of a fragment, without marks and with single blanks."""
    text = re.sub(r"<(?:option|div|p|li|dd|dt|span|button|a|br)[^>]*>", " ", answer.text)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())
