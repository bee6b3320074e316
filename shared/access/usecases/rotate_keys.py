"""Make the next signing key."""

from shared.access.domain.signing_key import SigningKey, check_rotation, plan_rotation, published_keys
from shared.access.usecases.ports import AdminUnitOfWork, Author, KeyVault
from shared.kernel.clock import Clock


async def rotate_keys(
    *, vault: KeyVault, uow: AdminUnitOfWork, clock: Clock, author: Author, only_if_none: bool = False
) -> SigningKey | None:
    """Publish a new signing key that takes over in 24 hours (the first key at once).

    RotationUnderway if the next key already waits. With `only_if_none` a deployment that has keys stays as it is: None.
    """
    async with uow:
        now = clock.now()
        keys = await uow.signing_keys()
        if only_if_none and published_keys(keys, now):
            return None
        check_rotation(keys, now)
        fresh = vault.make()
        key, ending = plan_rotation(keys, kid=fresh.kid, public_jwk=fresh.public_jwk, at=now)
        await uow.add_signing_key(key, ending, author)
    return key
