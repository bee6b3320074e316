"""Apply a practice's settings."""

import difflib
import json
from dataclasses import dataclass
from uuid import UUID

from shared.access.usecases.ports import AdminUnitOfWork, Author
from shared.contracts.tenant import TenantDocument, TenantState
from shared.kernel.clock import Clock
from shared.kernel.ids import uuid7


@dataclass(frozen=True)
class TenantChange:
    """What applying a document did: the version now in the books and the difference, line by line (empty: none)."""

    tenant: str
    tenant_id: UUID
    version: int
    difference: str


async def apply_tenant(*, document: TenantDocument, uow: AdminUnitOfWork, clock: Clock, author: Author) -> TenantChange:
    """Store `document` as the tenant's next version and tell it whole; the same document again changes nothing.

    The document counts from its `effective_from`; a later version stands over an earlier one from that day on.
    """
    async with uow:
        known = await uow.tenant(document.tenant)
        now = clock.now()
        if known is None:
            version, tenant_id = 1, uuid7(now)
        else:
            version, tenant_id = known.version, UUID(known.tenant_id)
            if known.document == document:
                return TenantChange(document.tenant, tenant_id, version, "")
            version += 1
        state = TenantState(tenant_id=str(tenant_id), version=version, applied_at=now, applied_by=author.actor, document=document)
        await uow.add_tenant_version(state, author)
    return TenantChange(document.tenant, tenant_id, version, _difference(known.document if known else None, document))


def _difference(old: TenantDocument | None, new: TenantDocument) -> str:
    lines = difflib.unified_diff(_lines(old), _lines(new), "before", "after", n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _lines(document: TenantDocument | None) -> list[str]:
    if document is None:
        return []
    return json.dumps(document.model_dump(mode="json"), indent=1, ensure_ascii=False).splitlines()
