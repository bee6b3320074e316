"""The record of every request: none is answered before what it read is in the journal (integration.md 7).

A change has its row in the statement that made it and pays for no other, unless its answer shows somebody whom that row does not
name. Every other request of somebody whom we know has a row; a request that was refused has one too, folded with those alike.
What is open to all (discovery, keys, files, the page that begins a launch) holds no patient data and has none.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from uuid import UUID

from starlette.types import Scope

from shared.db.asked import Asked
from shared.db.audit_writer import AuditEntry, AuditUnwritten, AuditWriter
from shared.db.journal import NOBODY, NOBODYS_TENANT
from shared.db.transaction import is_unreachable
from shared.web.capability import interaction_of

_REFUSED = (401, 403, 429)
_LONGEST_QUERY = 8192


class Practice(Protocol):
    """A practice that is served."""

    @property
    def tenant_id(self) -> str:
        """Its id."""


class RequestAudit:
    """Decides which row a request has, and writes it; `practice_of` finds an active practice by its slug."""

    def __init__(self, writer: AuditWriter, practice_of: Callable[[str], Awaitable[Practice | None]]) -> None:
        self._writer = writer
        self._practice_of = practice_of

    async def close(self) -> None:
        """Write what is counted."""
        await self._writer.close()

    async def account(self, scope: Scope, asked: Asked, status: int, query: str) -> None:
        """Record the request before its answer leaves; AuditUnwritten if it cannot be recorded."""
        here = (scope["method"], getattr(scope.get("route"), "path", None))
        principal = scope["state"].get("principal")
        refused = status in _REFUSED or asked.denied is not None or (principal is None and here in scope["app"].state.guarded)
        if refused:
            rule = asked.denied or scope["state"].get("rule") or str(status)
            await self._writer.deny(await self._entry(scope, asked, status, query, action="denied", rule=rule))
        elif principal is not None and self._has_no_row(scope, principal, asked, status):
            rule = scope["state"].get("rule") if status >= 400 else None
            action = "failed" if status >= 400 else "read"
            await self._writer.write(await self._entry(scope, asked, status, query, action=action, rule=rule))

    def _has_no_row(self, scope: Scope, principal: Any, asked: Asked, status: int) -> bool:
        """Tell whether no committed row says of this request what it did and whose data its answer holds."""
        if named := scope.get("path_params", {}).get("patient"):
            asked.patients.add(named)
        if principal.patient is not None:
            asked.patients.add(principal.patient)
        return status >= 400 or not asked.written or scope["method"] == "GET" or not asked.patients <= asked.told

    async def _entry(self, scope: Scope, asked: Asked, status: int, query: str, *, action: str, rule: str | None) -> AuditEntry:
        tenant_id, tenant = await self._place(scope)
        path = getattr(scope.get("route"), "path", "none")
        return AuditEntry(
            tenant_id=tenant_id,
            tenant=tenant,
            actor=asked.actor,
            client=asked.client,
            request=asked.request,
            action=action,
            status=status,
            interaction=asked.interaction or interaction_of(scope["method"], path),
            route=asked.route or path,
            patients=tuple(asked.patients),
            resources=tuple(asked.resources),
            address=asked.address,
            token=asked.token,
            query=query[:_LONGEST_QUERY] or None,
            rule=rule,
        )

    async def _place(self, scope: Scope) -> tuple[UUID, str]:
        """Return the practice whose journal tells of the request; nobody's if there is no such practice."""
        principal = scope["state"].get("principal")
        if principal is not None:
            return principal.tenant_id, principal.tenant
        slug = scope.get("path_params", {}).get("tenant")
        try:
            practice = await self._practice_of(slug) if slug else None
        except Exception as error:
            if not is_unreachable(error):
                raise
            raise AuditUnwritten("the practice cannot be looked up") from error
        return (UUID(practice.tenant_id), slug) if practice is not None else (NOBODYS_TENANT, NOBODY)
