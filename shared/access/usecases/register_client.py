"""Register a client, or change its keys and grants."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.access.domain.client import Client, ClientDisabled, ClientStatus, KeySet, check_client_id, check_offered
from shared.access.usecases.ports import AdminUnitOfWork, Author, Scopes
from shared.contracts.client import ClientState
from shared.contracts.tenant import TenantState
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFound


class UnknownTenant(NotFound):
    """No tenant of that name was applied."""

    rule = "unknown-tenant"


async def register_client(
    *,
    client_id: str,
    name: str,
    keys: KeySet,
    grants: Mapping[str, Sequence[str]],
    scopes: Scopes,
    uow: AdminUnitOfWork,
    clock: Clock,
    author: Author,
) -> Client:
    """Store the client with its `keys` (checked by the caller) and, for each tenant named in `grants`, its scopes.

    A client that is there gets the new name and keys; grants for tenants that are not named stay. Everything unchanged leaves
    the version as it is. ScopeNotOffered, UnknownTenant, ClientDisabled and ClientIdInvalid say what is wrong.
    """
    check_client_id(client_id)
    for scope in (scope for wanted in grants.values() for scope in wanted):
        check_offered(scope, scopes.rights(scope))
    async with uow:
        known = await uow.client(client_id)
        if known is not None and known.status is ClientStatus.DISABLED:
            raise ClientDisabled(f"{client_id} was disabled: register another id")
        tenants = {slug: await _tenant(uow, slug) for slug in grants}
        given = {slug: tuple(sorted(set(wanted))) for slug, wanted in grants.items()}
        client = Client(client_id, 1, name, ClientStatus.ACTIVE, keys, (known.grants if known else {}) | given)
        if known is not None:
            if replace(client, version=known.version) == known:
                return known
            client = replace(client, version=known.version + 1)
        now = clock.now()
        state = ClientState(client_id=client_id, version=client.version, name=name, status="active", changed_at=now)
        await uow.save_client(client, state, author)
        for slug, tenant in tenants.items():
            if known is None or known.grants.get(slug) != given[slug]:
                await uow.grant(client, tenant, given[slug], now, author)
    return client


async def _tenant(uow: AdminUnitOfWork, slug: str) -> TenantState:
    state = await uow.tenant(slug)
    if state is None:
        raise UnknownTenant(f"there is no tenant {slug!r}: apply its settings first")
    return state
