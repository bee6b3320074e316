"""Which tenants are served, from access's own registry."""

from shared.smart.registry import Registry


class RegisteredTenants:
    """See `usecases.ports.Tenants`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def is_active(self, slug: str) -> bool:
        """Tell whether there is an active tenant of that name today."""
        return await self._registry.tenant(slug) is not None
