"""What launches and sessions need from outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Literal, Protocol, Self
from uuid import UUID

from shared.access.domain.launch import Issuer, LaunchContext, LaunchTransaction
from shared.access.domain.roles import Rule
from shared.contracts.base import Person
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.tenant import EhrConnection, TenantState
from shared.kernel.errors import Unauthenticated, Unavailable

EndReason = Literal["signed-out", "other-user", "ehr-ended"]


class NoSession(Unauthenticated):
    """There is no such session, or it is over: Careledger has to be opened from the chart again."""

    rule = "session-over"


class EhrSilent(Unavailable):
    """The EHR gave no answer that can be used; nothing is known of the session there."""

    rule = "ehr-not-answering"


class EhrSessionOver(Exception):
    """The EHR has ended what it gave us for this session (invalid_grant)."""


@dataclass(frozen=True)
class EhrTokenSet:
    """What an EHR gave: for how many seconds from receipt, and the means to get more, if any."""

    access: str
    refresh: str | None
    seconds: int


@dataclass(frozen=True)
class HeldTokens:
    """A session's tokens as stored; `fresh` while the access token can still be used."""

    access: str
    refresh: str | None
    fresh: bool


@dataclass(frozen=True)
class WebSession:
    """A session of one person in one launch, as stored."""

    sid: UUID
    launch_id: str
    handle_hash: bytes
    iss: str
    subject: str
    fhir_user: str
    user_name: str
    roles: tuple[str, ...]
    patient: str | None
    encounter: str | None


@dataclass(frozen=True)
class Draft:
    """Typed text that was not yet saved: the form's fields as JSON, and when we got them."""

    body: str
    saved_at: datetime


@dataclass(frozen=True)
class Observation:
    """What the EHR said at a launch: the person with the codes of their roles, and the chart, at no version yet."""

    person: Person
    role_codes: frozenset[str]
    chart: EhrContextState | None


class Directory(Protocol):
    """Knows the practices."""

    async def tenant_of_issuer(self, iss: str) -> TenantState | None:
        """Return the one active practice whose EHR launches with exactly this `iss`."""

    async def tenant_by_id(self, tenant_id: UUID) -> TenantState | None:
        """Return the active practice of that id."""


class EhrApp(Protocol):
    """Speaks to EHRs as their launched app."""

    async def discover(self, iss: str, ehr: EhrConnection) -> Issuer:
        """Read the endpoints of a configured `iss`; LaunchRefused if they are not there or lie elsewhere than allowed."""

    def authorize_url(
        self, issuer: Issuer, ehr: EhrConnection, *, launch: str, state: str, transaction: LaunchTransaction
    ) -> str:
        """Return where the browser asks for a code."""

    async def redeem(
        self, issuer: Issuer, ehr: EhrConnection, *, code: str, transaction: LaunchTransaction
    ) -> tuple[EhrTokenSet, LaunchContext]:
        """Exchange a code; LaunchRefused if the EHR refuses or its answer is not proved."""

    async def refresh(self, issuer: Issuer, ehr: EhrConnection, refresh_token: str) -> EhrTokenSet:
        """Exchange a refresh token, which is not to be used again; EhrSessionOver or EhrSilent otherwise."""


class EhrReader(Protocol):
    """Reads what a launch needs to know."""

    async def observe(self, ehr: EhrConnection, context: LaunchContext, access_token: str, at: datetime) -> Observation:
        """Return the person and the chart, each part only if it was granted; LaunchRefused if they cannot be known."""


class LaunchUnitOfWork(Protocol):
    """One transaction in one practice; it commits at the end of its `async with` block."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def issuer(self, iss: str, document_version: int) -> Issuer | None:
        """Return the endpoints pinned under this version of the practice's document."""

    async def pin_issuer(self, issuer: Issuer, document_version: int) -> None:
        """Pin endpoints; the first pin stands."""

    async def add_transaction(self, state_hash: bytes, transaction: LaunchTransaction) -> None:
        """Keep a launch until its EHR answers; old ones are forgotten."""

    async def use_transaction(self, state_hash: bytes) -> LaunchTransaction | str:
        """Burn a launch and return it, or the code of the refusal; of any number of callers one gets it."""

    async def listed_roles(self, practitioner: str, npi: str | None, on: date) -> Sequence[str]:
        """Return the roles that the practice's staff list gives the person on that day."""

    async def add_session(self, session: WebSession, tokens: EhrTokenSet, *, hours: int) -> None:
        """Open a session with its tokens, sealed, and its journal row."""

    async def session(self, launch_id: str) -> WebSession | None:
        """Return the session of a launch if it still stands."""

    async def end_session(self, session: WebSession, reason: EndReason) -> None:
        """End a session, destroy its tokens and tell it; nothing if it is over already."""

    async def tokens(self, sid: UUID, *, hold: bool) -> HeldTokens | None:
        """Return a session's tokens; with `hold` nobody else can take them until the end of the transaction."""

    async def keep_tokens(self, sid: UUID, tokens: EhrTokenSet) -> None:
        """Replace a session's tokens; without a new refresh token the old one stays."""

    async def tell_chart(self, chart: EhrContextState) -> None:
        """Tell the services what the chart says, as the next version of the patient's, if that is news."""

    async def draft(self, fhir_user: str, patient: str, form: str) -> Draft | None:
        """Return a draft."""

    async def keep_draft(self, fhir_user: str, patient: str, form: str, body: str) -> datetime:
        """Keep a draft, sealed, and return when; old ones of the practice are forgotten."""

    async def drop_draft(self, fhir_user: str, patient: str, form: str) -> None:
        """Forget a draft."""


Begin = Callable[[TenantState], LaunchUnitOfWork]
"""Begins a transaction in a practice."""


def rules_of(tenant: TenantState) -> list[Rule]:
    """Return the role rules of the practice's document."""
    return [Rule(rule.role, rule.code, rule.npi, rule.practitioner) for rule in tenant.document.roles]
