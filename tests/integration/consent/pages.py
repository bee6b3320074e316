"""The pages of consent as one person sees them in one chart."""

import html
import json
import re
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from shared.contracts.base import Person
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.staff_member import Credential, RoleHeld, StaffMemberState, Supervision
from tests.fakes.world import tenant_id
from tests.integration.consent.conftest import NOW, Door

POINTS = ("availability", "cost-sharing", "one-practitioner", "right-to-stop", "scope-of-services")
ANSWERS = {f"told-{point}": "yes" for point in POINTS} | {
    "other": "no",
    "who": "patient",
    "how": "verbal",
    "check": "name-and-birth-date",
    "ans": "consents",
    "program": "ccm",
    "language": "en",
    "practitioner": "dr-1",
}


def member(practitioner: str, name: str, role: str, credential: str | None, **changes: Any) -> StaffMemberState:
    """Return a member of staff since 2025."""
    since = date(2025, 1, 1)
    return StaffMemberState(
        practitioner=practitioner,
        version=1,
        name=name,
        npi="1234567893" if role == "billing-practitioner" else None,
        recorded_at=NOW,
        recorded_by="lead",
        roles=(RoleHeld(since=since, role=role),),
        credentials=(Credential(since=since, credential=credential),) if credential else (),
        supervision=(Supervision(since=since, practitioner="dr-1"),) if role == "clinical-staff" else (),
    ).model_copy(update=changes)


STAFF = (
    member("rn-1", "Dana Whitfield", "clinical-staff", "registered-nurse"),
    member("dr-1", "Dr Priya Raman", "billing-practitioner", "physician"),
    member("dr-2", "Dr Thomas Ekberg", "billing-practitioner", "physician"),
)


def store(door: Door, *states: EhrContextState | StaffMemberState) -> None:
    """Store what was told as the consumers would."""
    tenant = tenant_id("north")
    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        for state in states:
            text = state.model_dump_json()
            if isinstance(state, StaffMemberState):
                row: tuple[Any, ...] = (tenant, state.practitioner, state.version, text)
                connection.execute("INSERT INTO staff_member VALUES (%s, %s, %s, %s)", row)
            else:
                row = (tenant, state.patient, state.version, state.identifier, text)
                connection.execute("INSERT INTO ehr_context VALUES (%s, %s, %s, %s, %s)", row)


def chart(patient: str = "p-1", **changes: Any) -> EhrContextState:
    """Return a chart as the EHR showed it."""
    state = EhrContextState(
        patient=patient,
        version=1,
        observed_at=NOW,
        observed_by=Person(id="rn-1"),
        name="Jorgensen, Clara B.",
        birth_date=date(1944, 7, 7),
        identifier="00495530",
        identifier_system="https://ehr.example/mrn",
    )
    return state.model_copy(update=changes)


class Page:
    """The fragments, for one person in one chart."""

    def __init__(
        self, door: Door, *, patient: str = "p-1", person: str = "rn-1", roles: tuple[str, ...] = ("clinical-staff",)
    ) -> None:
        self.door = door
        self.claims: dict[str, Any] = {
            "roles": roles,
            "patient": patient,
            "person": f"Practitioner/{person}",
        }

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask for a fragment below `/app/consent/`."""
        headers = self.door.tokens.page("north", **self.claims)
        return await self.door.http.request(method, f"/t/north/app/consent/{path}", headers=headers, **options)

    async def get(self, path: str) -> str:
        """Return a fragment's text."""
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return text_of(answer)

    async def post(self, path: str, status: int = 200, **fields: Any) -> str:
        """Post a form and return the fragment's text."""
        answer = await self.ask("POST", path, data=fields)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return text_of(answer)

    async def capture(self, status: int = 200, **changes: Any) -> str:
        """Answer the form as usual, but for `changes`."""
        return await self.post("capture", status, **{"key": str(uuid4())} | ANSWERS | changes)

    def events(self) -> list[dict[str, Any]]:
        """Return the payloads told, in the order of writing."""
        rows = self.door.rows("SELECT data FROM journal WHERE event_type IS NOT NULL ORDER BY at, version, id")
        return [json.loads(row["data"]) for row in rows]


def text_of(answer: httpx.Response) -> str:
    """Return the words of a fragment, without marks and with single blanks."""
    text = re.sub(r"<(?:option|div|p|li|dd|dt|span|button|a|br)[^>]*>", " ", answer.text)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())
