"""People at billing's pages: requests with a page token, and what the fragments that come back say."""

import re
from dataclasses import dataclass, replace
from typing import Any

import httpx

from services.billing import main
from services.billing.adapters.overview_list import OverviewList
from services.billing.adapters.reading_list import ReadingList
from services.billing.adapters.unit_of_work import JOURNAL
from tests.fakes.world import tenant_state
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic

_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Visitor:
    """Somebody at the pages of a clinic; with `patient`, in that chart."""

    clinic: Clinic
    person: str
    roles: tuple[str, ...]
    patient: str | None = None

    def at(self, patient: str) -> "Visitor":
        """Return the same person in a chart."""
        return replace(self, patient=patient)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request below `/t/{tenant}/app/billing`."""
        headers = self.clinic.tokens.page(
            self.clinic.tenant, roles=self.roles, person=f"Practitioner/{self.person}", patient=self.patient
        )
        return await self.clinic.http.request(method, f"/t/{self.clinic.tenant}/app/billing/{path}", headers=headers, **options)

    async def get(self, path: str, status: int = 200) -> str:
        """Return a fragment."""
        answer = await self.ask("GET", path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def post(self, path: str, status: int = 200, **fields: Any) -> str:
        """Send a form; return the fragment that answers."""
        answer = await self.ask("POST", path, data=fields)
        assert answer.status_code == status, answer.text
        return answer.text


def words(html: str) -> str:
    """Return a fragment's text, spaces joined."""
    return " ".join(_TAG.sub(" ", html).split())


def nurse(clinic: Clinic) -> Visitor:
    """Return nurse Bo."""
    return Visitor(clinic, small.BO, ("clinical-staff",))


def doctor(clinic: Clinic) -> Visitor:
    """Return Dr. Ada, who bills."""
    return Visitor(clinic, small.ADA, ("billing-practitioner",))


def lead(clinic: Clinic) -> Visitor:
    """Return Dr. Ada as the program's lead."""
    return Visitor(clinic, small.ADA, ("program-lead",))


def biller(clinic: Clinic) -> Visitor:
    """Return somebody at the billing desk, on the roster."""
    return Visitor(clinic, small.DEE, ("biller",))


async def look_again(clinic: Clinic) -> None:
    """Bring the lists up to date, as the consumer's process does beside the app."""
    await main.look_again(ReadingList(clinic.worker, JOURNAL), OverviewList(clinic.worker), clinic.world)


async def set_up(clinic: Clinic, **changes: Any) -> None:
    """Give the practice another version of its settings."""
    state = tenant_state("north", **changes).model_copy(update={"version": 2})
    await clinic.tell([small.event("ccm.tenant.applied.v1", state, state.tenant_id, 2, state.applied_at)])
