"""Scopes as `shared.smart` understands them, for the use cases."""

from collections.abc import Sequence

from shared.smart.scopes import granted, parse_scope, scope_text


class SmartScopes:
    """See `usecases.ports.Scopes`."""

    def rights(self, scope: str) -> frozenset[str]:
        """Return the single rights of one scope; none if it is not understood."""
        return parse_scope(scope)

    def granted(self, requested: str, allowed: Sequence[str]) -> str:
        """Return requested ∩ allowed as a scope string."""
        return scope_text(granted(requested, allowed))
