"""Disable a client."""

from dataclasses import replace

from shared.access.domain.client import ClientStatus, UnknownClient
from shared.access.usecases.ports import AdminUnitOfWork, Author
from shared.contracts.client import ClientState
from shared.kernel.clock import Clock


async def disable_client(*, client_id: str, uow: AdminUnitOfWork, clock: Clock, author: Author) -> bool:
    """Stop serving the client, for good, and tell it; False if it was disabled before. UnknownClient if there is none."""
    async with uow:
        known = await uow.client(client_id)
        if known is None:
            raise UnknownClient(f"there is no client {client_id!r}")
        if known.status is ClientStatus.DISABLED:
            return False
        client = replace(known, version=known.version + 1, status=ClientStatus.DISABLED)
        state = ClientState(
            client_id=client_id, version=client.version, name=client.name, status="disabled", changed_at=clock.now()
        )
        await uow.save_client(client, state, author)
    return True
