"""What launches and sessions read and write: one tenant's rows, times from the database's clock, secrets sealed."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.access.adapters.launch_tables import EHR_ISSUER, EHR_TOKEN, LAUNCH_TX, STAFF_MEMBER, WEB_SESSION
from shared.access.adapters.tables import JOURNAL
from shared.access.adapters.vault import Vault
from shared.access.domain.launch import Issuer, LaunchTransaction
from shared.access.usecases.launch_ports import EhrTokenSet, EndReason, HeldTokens, WebSession
from shared.contracts.staff_member import RoleHeld
from shared.contracts.tenant import TenantState
from shared.contracts.web_session import WebSessionState
from shared.db.journal import JournalRecord, journalled, record_values
from shared.db.transaction import tenant_transaction
from shared.kernel.ids import uuid7

LAUNCH_MINUTES = 10
_KEPT = timedelta(days=1)
_CLIENT = "careledger-app"
_NOW = sa.func.statement_timestamp()
# refreshed a little early, so that what is handed out can still be used
_EARLY = timedelta(seconds=30)

_GIVEN = [c for c in WEB_SESSION.c if c.name not in ("ended_at", "created_at", "expires_at")]
_ADD_SESSION = journalled(
    WEB_SESSION.insert()
    .values(
        {c.name: sa.bindparam(f"v_{c.name}", type_=c.type) for c in _GIVEN}
        | {"created_at": _NOW, "expires_at": _NOW + sa.bindparam("v_lasts", type_=sa.Interval)}
    )
    .returning(WEB_SESSION.c.sid),
    JOURNAL,
    publish=False,
)
_END_SESSION = journalled(
    sa.update(WEB_SESSION)
    .where(
        WEB_SESSION.c.tenant_id == sa.bindparam("v_tenant_id", type_=sa.Uuid),
        WEB_SESSION.c.sid == sa.bindparam("v_sid", type_=sa.Uuid),
    )
    .values(ended_at=_NOW)
    .returning(WEB_SESSION.c.sid),
    JOURNAL,
)
_SESSION_COLUMNS = [WEB_SESSION.c[name] for name in WebSession.__dataclass_fields__]


class LaunchRepository:
    """See `usecases.launch_ports.LaunchUnitOfWork`; drafts and charts are in `LaunchRecords`."""

    def __init__(self, engine: AsyncEngine, vault: Vault, tenant: TenantState) -> None:
        self._engine = engine
        self._vault = vault
        self._tenant_id = UUID(tenant.tenant_id)
        self._tenant = tenant.document.tenant
        self._connection: AsyncConnection

    async def __aenter__(self) -> Self:
        self._transaction = tenant_transaction(self._engine, self._tenant_id)
        self._connection = await self._transaction.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._transaction.__aexit__(kind, error, trace)

    async def issuer(self, iss: str, document_version: int) -> Issuer | None:
        """Return the endpoints pinned under this version of the practice's document."""
        c = EHR_ISSUER.c
        query = sa.select(c.iss, c.authorize_url, c.token_url, c.jwks_url, c.issuer, c.names_issuer).where(
            c.tenant_id == self._tenant_id, c.iss == iss, c.document_version == document_version
        )
        row = (await self._connection.execute(query)).one_or_none()
        return Issuer(*row) if row else None

    async def pin_issuer(self, issuer: Issuer, document_version: int) -> None:
        """Pin endpoints; the first pin stands."""
        values = {**issuer.__dict__, "tenant_id": self._tenant_id, "document_version": document_version, "read_at": _NOW}
        await self._connection.execute(insert(EHR_ISSUER).values(values).on_conflict_do_nothing())

    async def add_transaction(self, state_hash: bytes, transaction: LaunchTransaction) -> None:
        """Keep a launch until its EHR answers; those of yesterday are forgotten."""
        c = LAUNCH_TX.c
        old = sa.delete(LAUNCH_TX).where(c.tenant_id == self._tenant_id, c.created_at < _NOW - _KEPT)
        await self._connection.execute(old)
        values = {**transaction.__dict__, "tenant_id": self._tenant_id, "state_hash": state_hash, "created_at": _NOW}
        await self._connection.execute(LAUNCH_TX.insert().values(values))

    async def use_transaction(self, state_hash: bytes) -> LaunchTransaction | str:
        """Burn a launch and return it, or the code of the refusal; of any number of callers one gets it."""
        c = LAUNCH_TX.c
        mine = (c.tenant_id == self._tenant_id) & (c.state_hash == state_hash)
        late = c.created_at <= _NOW - timedelta(minutes=LAUNCH_MINUTES)
        burn = (
            sa.update(LAUNCH_TX)
            .where(mine, c.used_at.is_(None))
            .values(used_at=_NOW)
            .returning(c.iss, c.secret_hash, c.nonce, c.code_verifier, late)
        )
        row = (await self._connection.execute(burn)).one_or_none()
        if row is None:
            known = await self._connection.execute(sa.select(c.used_at).where(mine))
            return "launch-used" if known.one_or_none() else "launch-expired"
        *fields, is_late = row
        return "launch-expired" if is_late else LaunchTransaction(*fields)

    async def listed_roles(self, practitioner: str, npi: str | None, on: date) -> Sequence[str]:
        """Return the roles that the practice's staff list gives the person on that day."""
        c = STAFF_MEMBER.c
        person = (c.practitioner == practitioner) | (c.npi == npi) if npi else c.practitioner == practitioner
        newer = STAFF_MEMBER.alias()
        superseded = sa.exists().where(
            newer.c.tenant_id == c.tenant_id, newer.c.practitioner == c.practitioner, newer.c.version > c.version
        )
        query = sa.select(c.roles).where(c.tenant_id == self._tenant_id, person, ~superseded)
        told = (await self._connection.execute(query)).scalars()
        held = [RoleHeld.model_validate(role) for roles in told for role in json.loads(roles)]
        return [role.role for role in held if role.since <= on and (role.until is None or on <= role.until)]

    async def add_session(self, session: WebSession, tokens: EhrTokenSet, *, hours: int) -> None:
        """Open a session with its tokens, sealed, and its journal row."""
        values = {f"v_{name}": value for name, value in session.__dict__.items()}
        values |= {"v_tenant_id": self._tenant_id, "v_roles": list(session.roles), "v_lasts": timedelta(hours=hours)}
        record = self._record(session, "web-session.opened", 1)
        await self._connection.execute(_ADD_SESSION, values | record_values(self._tenant_id, self._tenant, record))
        await self._connection.execute(EHR_TOKEN.insert().values(self._sealed(session.sid, tokens, insert_all=True)))

    async def session(self, launch_id: str) -> WebSession | None:
        """Return the session of a launch if it still stands."""
        c = WEB_SESSION.c
        query = sa.select(*_SESSION_COLUMNS).where(
            c.tenant_id == self._tenant_id, c.launch_id == launch_id, c.ended_at.is_(None), c.expires_at > _NOW
        )
        row = (await self._connection.execute(query)).one_or_none()
        return WebSession(**{**row._asdict(), "roles": tuple(row.roles)}) if row else None

    async def end_session(self, session: WebSession, reason: EndReason) -> None:
        """End a session, destroy its tokens and tell it; nothing if it is over already."""
        c = WEB_SESSION.c
        mine = (c.tenant_id == self._tenant_id) & (c.sid == session.sid) & c.ended_at.is_(None)
        if (await self._connection.execute(sa.select(c.sid).where(mine).with_for_update())).one_or_none() is None:
            return
        record = self._record(session, "web-session.ended", 2, reason)
        values: dict[str, Any] = {"v_tenant_id": self._tenant_id, "v_sid": session.sid}
        await self._connection.execute(_END_SESSION, values | record_values(self._tenant_id, self._tenant, record))
        tokens = EHR_TOKEN.c
        await self._connection.execute(sa.delete(EHR_TOKEN).where(tokens.tenant_id == self._tenant_id, tokens.sid == session.sid))

    async def tokens(self, sid: UUID, *, hold: bool) -> HeldTokens | None:
        """Return a session's tokens; with `hold` nobody else can take them until the end of the transaction."""
        c = EHR_TOKEN.c
        query = sa.select(c.access_token, c.refresh_token, (c.fresh_until > _NOW + _EARLY).label("fresh")).where(
            c.tenant_id == self._tenant_id, c.sid == sid
        )
        row = (await self._connection.execute(query.with_for_update() if hold else query)).one_or_none()
        if row is None:
            return None
        refresh = self._open(row.refresh_token, "ehr-refresh-token", sid) if row.refresh_token else None
        return HeldTokens(self._open(row.access_token, "ehr-access-token", sid), refresh, row.fresh)

    async def keep_tokens(self, sid: UUID, tokens: EhrTokenSet) -> None:
        """Replace a session's tokens; without a new refresh token the old one stays."""
        c = EHR_TOKEN.c
        change = sa.update(EHR_TOKEN).where(c.tenant_id == self._tenant_id, c.sid == sid)
        await self._connection.execute(change.values(self._sealed(sid, tokens, insert_all=False)))

    def _sealed(self, sid: UUID, tokens: EhrTokenSet, *, insert_all: bool) -> dict[str, Any]:
        values: dict[str, Any] = {
            "access_token": self._seal(tokens.access, "ehr-access-token", sid),
            "fresh_until": _NOW + timedelta(seconds=tokens.seconds),
        }
        if tokens.refresh is not None or insert_all:
            values["refresh_token"] = self._seal(tokens.refresh, "ehr-refresh-token", sid) if tokens.refresh else None
        return values | ({"tenant_id": self._tenant_id, "sid": sid} if insert_all else {})

    def _seal(self, text: str, purpose: str, row: object) -> bytes:
        return self._vault.seal(text, tenant_id=self._tenant_id, purpose=purpose, row=str(row))

    def _open(self, sealed: bytes, purpose: str, row: object) -> str:
        return self._vault.open(sealed, tenant_id=self._tenant_id, purpose=purpose, row=str(row))

    def _record(self, session: WebSession, action: str, version: int, reason: EndReason | None = None) -> JournalRecord:
        at = datetime.now(UTC)
        state = None
        if reason is not None:
            state = WebSessionState(session=str(session.sid), version=version, ended_at=at, reason=reason)
        return JournalRecord(
            id=uuid7(at),
            at=at,
            actor=session.fhir_user,
            client=_CLIENT,
            request=session.launch_id,
            action=action,
            patients=(session.patient,) if session.patient else (),
            aggregate=str(session.sid),
            version=version,
            event_type="ccm.web-session.ended.v1" if state else None,
            data=state.model_dump_json() if state else None,
        )
