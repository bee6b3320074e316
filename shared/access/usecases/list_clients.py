"""List the clients."""

from collections.abc import Sequence

from shared.access.domain.client import Client
from shared.access.usecases.ports import AdminUnitOfWork


async def list_clients(*, uow: AdminUnitOfWork) -> Sequence[Client]:
    """Return all clients by id, the disabled ones too."""
    async with uow:
        return await uow.clients()
