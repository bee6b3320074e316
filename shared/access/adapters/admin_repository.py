"""What the administrator reads and writes, each change with its journal row and its line in access's own registry."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.access.adapters.tables import CLIENT, CLIENT_GRANT, CLIENT_KEY, JOURNAL, SIGNING_KEY, TENANT, TENANT_DOCUMENT
from shared.access.domain.client import Client, ClientStatus, KeySet
from shared.access.domain.signing_key import SigningKey
from shared.access.usecases.ports import Author
from shared.contracts.client import ClientState
from shared.contracts.event import Event
from shared.contracts.tenant import TenantDocument, TenantState
from shared.db.journal import NOBODY, NOBODYS_TENANT, JournalRecord, journalled, record_values
from shared.kernel.errors import Conflict
from shared.kernel.ids import uuid7
from shared.smart.registry import record_registry_events

_CLIENT_NAME = "careledger-administration"


def _bound(table: sa.Table) -> dict[str, Any]:
    return {column.name: sa.bindparam(f"v_{column.name}", type_=column.type) for column in table.c}


def _upsert(table: sa.Table, *, where: Any = None) -> Any:
    statement = insert(table).values(_bound(table))
    changed = {c.name: statement.excluded[c.name] for c in table.c if not c.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed, where=where).returning(
        *table.primary_key
    )


_next_version = {t: t.c.version == sa.bindparam("v_version", type_=sa.Integer) - 1 for t in (TENANT, CLIENT)}
_PUT_TENANT = _upsert(TENANT, where=_next_version[TENANT])
_ADD_DOCUMENT = journalled(TENANT_DOCUMENT.insert().values(_bound(TENANT_DOCUMENT)).returning(TENANT_DOCUMENT.c.version), JOURNAL)
_PUT_CLIENT = journalled(_upsert(CLIENT, where=_next_version[CLIENT]), JOURNAL)
_ADD_CLIENT_KEY = CLIENT_KEY.insert().values(_bound(CLIENT_KEY))
_PUT_GRANT = journalled(_upsert(CLIENT_GRANT), JOURNAL, publish=False)
_ADD_SIGNING_KEY = journalled(
    SIGNING_KEY.insert().values(_bound(SIGNING_KEY)).returning(SIGNING_KEY.c.kid), JOURNAL, publish=False
)


class AdminRepository:
    """See `usecases.ports.AdminUnitOfWork`."""

    _connection: AsyncConnection

    async def tenant(self, slug: str) -> TenantState | None:
        """Return the tenant at its latest version, held until the end of the transaction."""
        query = (
            sa.select(TENANT_DOCUMENT)
            .join(TENANT, (TENANT.c.tenant_id == TENANT_DOCUMENT.c.tenant_id) & (TENANT.c.version == TENANT_DOCUMENT.c.version))
            .where(TENANT.c.slug == slug)
            .with_for_update(of=TENANT)
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return TenantState(
            tenant_id=str(row.tenant_id),
            version=row.version,
            applied_at=row.applied_at,
            applied_by=row.applied_by,
            document=TenantDocument.model_validate_json(row.document),
        )

    async def add_tenant_version(self, state: TenantState, author: Author) -> None:
        """Store a version of a tenant and tell it; Conflict if somebody else was quicker."""
        slug, tenant_id = state.document.tenant, UUID(state.tenant_id)
        tenant = {"tenant_id": tenant_id, "slug": slug, "version": state.version}
        try:
            done = (await self._connection.execute(_PUT_TENANT, _values(tenant))).one_or_none()
        except sa.exc.IntegrityError as error:
            raise _overtaken(slug) from error
        if done is None:
            raise _overtaken(slug)
        document = {
            "tenant_id": tenant_id,
            "version": state.version,
            "effective_from": state.document.effective_from,
            "document": state.document.model_dump_json(),
            "applied_at": state.applied_at,
            "applied_by": state.applied_by,
        }
        event = Event(
            id=uuid7(state.applied_at),
            type="ccm.tenant.applied.v1",
            tenant=slug,
            tenant_id=tenant_id,
            aggregate_id=state.tenant_id,
            version=state.version,
            time=state.applied_at,
            data=state.model_dump(mode="json"),
        )
        await self._tell(_ADD_DOCUMENT, document, event, author)

    async def client(self, client_id: str) -> Client | None:
        """Return the client, held until the end of the transaction."""
        lock = sa.select(CLIENT.c.client_id).where(CLIENT.c.client_id == client_id).with_for_update()
        await self._connection.execute(lock)
        return next(iter(await self._clients(CLIENT.c.client_id == client_id)), None)

    async def clients(self) -> Sequence[Client]:
        """Return all clients by id."""
        return await self._clients(sa.true())

    async def _clients(self, which: Any) -> list[Client]:
        query = (
            sa.select(CLIENT, CLIENT_KEY.c.jwks, CLIENT_KEY.c.jwks_url)
            .join(CLIENT_KEY, (CLIENT_KEY.c.client_id == CLIENT.c.client_id) & (CLIENT_KEY.c.version == CLIENT.c.version))
            .where(which)
            .order_by(CLIENT.c.client_id)
        )
        rows = (await self._connection.execute(query)).all()
        granted = sa.select(CLIENT_GRANT.c.client_id, TENANT.c.slug, CLIENT_GRANT.c.scopes).join(
            TENANT, TENANT.c.tenant_id == CLIENT_GRANT.c.tenant_id
        )
        grants: dict[str, dict[str, tuple[str, ...]]] = {}
        for row in await self._connection.execute(granted.order_by(TENANT.c.slug)):
            grants.setdefault(row.client_id, {})[row.slug] = tuple(row.scopes)
        return [
            Client(
                row.client_id,
                row.version,
                row.name,
                ClientStatus(row.status),
                KeySet(row.jwks, row.jwks_url),
                grants.get(row.client_id, {}),
            )
            for row in rows
        ]

    async def save_client(self, client: Client, state: ClientState, author: Author) -> None:
        """Store a client at its new version with its keys and tell its state; Conflict if somebody else was quicker."""
        fact = "registered" if client.status is ClientStatus.ACTIVE else "disabled"
        row = {
            "client_id": client.client_id,
            "version": client.version,
            "name": client.name,
            "status": str(client.status),
            "changed_at": state.changed_at,
        }
        event = Event(
            id=uuid7(state.changed_at),
            type=f"ccm.client.{fact}.v1",
            tenant=NOBODY,
            tenant_id=NOBODYS_TENANT,
            aggregate_id=client.client_id,
            version=client.version,
            time=state.changed_at,
            data=state.model_dump(mode="json"),
        )
        await self._tell(_PUT_CLIENT, row, event, author)
        keys = {
            "client_id": client.client_id,
            "version": client.version,
            "jwks": client.keys.jwks,
            "jwks_url": client.keys.jwks_url,
        }
        await self._connection.execute(_ADD_CLIENT_KEY, _values(keys))

    async def grant(self, client: Client, tenant: TenantState, scopes: Sequence[str], at: datetime, author: Author) -> None:
        """Give the client these scopes, and no others, for the tenant."""
        tenant_id, slug = UUID(tenant.tenant_id), tenant.document.tenant
        row = {"tenant_id": tenant_id, "client_id": client.client_id, "scopes": list(scopes)}
        record = _record("client.granted", client.client_id, client.version, at, author, {"scopes": list(scopes)})
        await self._change(_PUT_GRANT, row, tenant_id, slug, record)

    async def signing_keys(self) -> Sequence[SigningKey]:
        """Return all signing keys; nobody else can change them until the end of the transaction."""
        await self._connection.execute(sa.text("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE"))
        return [SigningKey(*row) for row in await self._connection.execute(sa.select(SIGNING_KEY))]

    async def add_signing_key(self, key: SigningKey, ending: Sequence[SigningKey], author: Author) -> None:
        """Store a new key and the ends of the old ones."""
        row = {
            "kid": key.kid,
            "public_jwk": key.public_jwk,
            "published_at": key.published_at,
            "activates_at": key.activates_at,
            "retires_at": key.retires_at,
        }
        ends = {old.kid: old.retires_at.isoformat() for old in ending if old.retires_at}
        data = {"activates_at": key.activates_at.isoformat(), "ends": ends}
        record = _record("signing-key.published", key.kid, 1, key.published_at, author, data)
        await self._change(_ADD_SIGNING_KEY, row, NOBODYS_TENANT, NOBODY, record)
        for old in ending:
            retire = sa.update(SIGNING_KEY).where(SIGNING_KEY.c.kid == old.kid).values(retires_at=old.retires_at)
            await self._connection.execute(retire)

    async def _tell(self, statement: Any, row: Mapping[str, Any], event: Event, author: Author) -> None:
        record = JournalRecord(
            id=event.id,
            at=event.time,
            actor=author.actor,
            client=_CLIENT_NAME,
            request=author.request,
            action=f"{event.aggregate}.{event.fact}",
            patients=(),
            aggregate=event.aggregate_id,
            version=event.version,
            event_type=event.type,
            data=json.dumps(event.data, ensure_ascii=False),
        )
        await self._change(statement, row, event.tenant_id, event.tenant, record)
        await record_registry_events(self._connection, JOURNAL, [event])

    async def _change(self, statement: Any, row: Mapping[str, Any], tenant_id: UUID, slug: str, record: JournalRecord) -> None:
        values = _values(row) | record_values(tenant_id, slug, record)
        if (await self._connection.execute(statement, values)).scalar_one() != 1:
            raise _overtaken(record.aggregate)


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {f"v_{name}": value for name, value in row.items()}


def _overtaken(what: str) -> Conflict:
    return Conflict(f"somebody else changed {what} meanwhile: look again and repeat")


def _record(action: str, aggregate: str, version: int, at: datetime, author: Author, data: Mapping[str, Any]) -> JournalRecord:
    return JournalRecord(
        id=uuid7(at),
        at=at,
        actor=author.actor,
        client=_CLIENT_NAME,
        request=author.request,
        action=action,
        patients=(),
        aggregate=aggregate,
        version=version,
        data=json.dumps(data),
    )
