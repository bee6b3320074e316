"""Give a page its access token."""

import asyncio
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

from shared.access.domain.launch import digest, tenant_of_launch
from shared.access.domain.roles import ROLE_WORDS, Page, pages_for
from shared.access.usecases.begin_launch import pinned_issuer
from shared.access.usecases.issue_token import LIFETIME_SECONDS
from shared.access.usecases.launch_ports import (
    Begin,
    Directory,
    EhrApp,
    EhrSessionOver,
    EhrSilent,
    NoSession,
    WebSession,
)
from shared.access.usecases.ports import Signer
from shared.contracts.tenant import TenantState
from shared.kernel.clock import Clock

_PAGE_CLIENT = "careledger-app"


@dataclass(frozen=True)
class OpenPage:
    """A page's token of 300 s, and what the shell shows: no patient data.

    `user_key` tells two people apart and says nothing of either; `chart` is whether a patient's chart is open.
    """

    token: str
    expires_in: int
    launch_id: str
    tenant: str
    practice: str
    user: str
    user_key: str
    role: str
    chart: bool
    pages: Sequence[Page]


@dataclass(frozen=True)
class PageIssuer:
    """Signs page tokens for the deployment at `public_url`."""

    public_url: str
    signer: Signer
    clock: Clock

    async def open(self, session: WebSession, tenant: TenantState) -> OpenPage:
        """Sign a token for the session's pages."""
        now, slug = self.clock.now(), tenant.document.tenant
        issued_at = int(now.timestamp())
        claims: dict[str, object] = {
            "iss": self.public_url,
            "aud": f"{self.public_url}/t/{slug}/app",
            "sub": session.fhir_user,
            "client_id": _PAGE_CLIENT,
            "tenant": slug,
            "jti": str(uuid4()),
            "iat": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "scope": "",
            "sid": str(session.sid),
            "launch": session.launch_id,
            "fhir_user": session.fhir_user,
            "roles": sorted(session.roles),
        }
        context = {"patient": session.patient, "encounter": session.encounter}
        claims |= {name: value for name, value in context.items() if value is not None}
        return OpenPage(
            token=await self.signer.sign(claims, now),
            expires_in=LIFETIME_SECONDS,
            launch_id=session.launch_id,
            tenant=slug,
            practice=tenant.document.name,
            user=session.user_name,
            user_key=user_key(tenant, session.iss, session.subject),
            role=", ".join(words for role, words in ROLE_WORDS.items() if role in set(session.roles)),
            chart=session.patient is not None,
            pages=pages_for(session.roles, chart=session.patient is not None),
        )


def user_key(tenant: TenantState, iss: str, subject: str) -> str:
    """Return what tells two people of a practice apart: their identity is (`iss`, `sub`), never a name."""
    return digest(f"{tenant.tenant_id}|{iss}|{subject}").hex()[:32]


class Refreshes:
    """One refresh at a time for a session: within this process by a lock, between processes by the row."""

    def __init__(self, app: EhrApp, begin: Begin) -> None:
        self._app = app
        self._begin = begin
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def refresh(self, session: WebSession, tenant: TenantState) -> None:
        """Renew the EHR's tokens if they have run out; NoSession if the EHR says that its session is over.

        An EHR that gave no refresh token, or that does not answer now, ends nothing: only reading the chart must wait.
        """
        async with self._begin(tenant) as uow:
            held = await uow.tokens(session.sid, hold=False)
        if held is None or held.fresh or held.refresh is None:
            return
        issuer = await pinned_issuer(tenant, session.iss, app=self._app, begin=self._begin)
        lock = self._locks.setdefault(session.sid, asyncio.Lock())
        over = False
        async with lock, self._begin(tenant) as uow:
            held = await uow.tokens(session.sid, hold=True)
            if held is None or held.fresh or held.refresh is None:
                return
            try:
                await uow.keep_tokens(session.sid, await self._app.refresh(issuer, tenant.document.ehr, held.refresh))
            except EhrSessionOver:
                await uow.end_session(session, "ehr-ended")
                over = True
            except EhrSilent:
                return
        if over:
            raise NoSession("the EHR has ended this session: open Careledger from the chart again")


async def standing_session(*, tenant: TenantState, launch_id: str, handle: str | None, begin: Begin) -> WebSession:
    """Return the session of a launch for whoever holds its handle; NoSession otherwise, always in the same words."""
    async with begin(tenant) as uow:
        session = await uow.session(launch_id)
    proof = digest(handle or "")
    if session is None or not hmac.compare_digest(proof, session.handle_hash):
        raise NoSession("this session is over: open Careledger from the chart again")
    return session


async def tenant_of(launch_id: str, directory: Directory) -> TenantState:
    """Return the practice that a launch id names; NoSession if it is none, or not served any more."""
    tenant_id = tenant_of_launch(launch_id)
    tenant = await directory.tenant_by_id(tenant_id) if tenant_id is not None else None
    if tenant is None:
        raise NoSession("this session is over: open Careledger from the chart again")
    return tenant


async def open_page(
    *, launch_id: str, handle: str | None, directory: Directory, begin: Begin, refreshes: Refreshes, pages: PageIssuer
) -> OpenPage:
    """Give the page of a standing session its next token; NoSession if the session is over, here or at the EHR."""
    tenant = await tenant_of(launch_id, directory)
    session = await standing_session(tenant=tenant, launch_id=launch_id, handle=handle, begin=begin)
    await refreshes.refresh(session, tenant)
    return await pages.open(session, tenant)
