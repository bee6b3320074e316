"""Publish the public signing keys."""

from shared.access.domain.signing_key import published_keys
from shared.access.usecases.ports import AdminUnitOfWork, KeyVault
from shared.kernel.clock import Clock


async def publish_jwks(*, vault: KeyVault, uow: AdminUnitOfWork, clock: Clock) -> None:
    """Write the keys that verifiers must know today where the services read them; retired ones drop out."""
    async with uow:
        vault.publish(published_keys(await uow.signing_keys(), clock.now()))
