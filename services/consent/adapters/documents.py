"""Signatures and scans as rows."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.consent.adapters.tables import DOCUMENT
from services.consent.usecases.ports import Document, Practice


class DocumentRepository:
    """The documents of `practice` in an open transaction; fills `usecases.ports.Documents`."""

    def __init__(self, connection: AsyncConnection, practice: Practice) -> None:
        self._connection = connection
        self._practice = practice

    async def add(self, document: Document) -> None:
        """Insert a document."""
        row = {
            "tenant_id": self._practice.tenant_id,
            "id": document.id,
            "patient": document.patient,
            "content_type": document.content_type,
            "bytes": document.content,
            "sha256": document.sha256,
            "kept_at": document.kept_at,
            "kept_by": document.kept_by,
        }
        await self._connection.execute(DOCUMENT.insert().values(row))

    async def find(self, document_id: UUID, *, patient: str | None) -> Document | None:
        """Return a document, or None."""
        table = DOCUMENT.c
        query = sa.select(DOCUMENT).where(table.tenant_id == self._practice.tenant_id, table.id == document_id)
        if patient is not None:
            query = query.where(table.patient == patient)
        row = (await self._connection.execute(query)).one_or_none()
        return Document(row.id, row.patient, row.content_type, row.bytes, row.sha256, row.kept_at, row.kept_by) if row else None
