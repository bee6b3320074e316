"""Keep a signature or a scan, by what its bytes are and not by what they are said to be."""

from hashlib import sha256

from services.consent.usecases.ports import Document, Practice, World
from shared.kernel.errors import Invalid
from shared.kernel.ids import uuid7

LARGEST_BYTES = 10 * 1024 * 1024
_KINDS = ((b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


class NoDocument(Invalid):
    """The bytes are no document that is kept."""

    rule = "consent-document"


async def keep_document(*, content: bytes, patient: str, kept_by: str, world: World, practice: Practice) -> Document:
    """Store the bytes for the patient and return the document; NoDocument for what is no PDF, PNG or JPEG, or over 10 MB."""
    kind = next((kind for start, kind in _KINDS if content.startswith(start)), None)
    if kind is None:
        raise NoDocument("Choose a PDF, PNG or JPEG file.")
    if len(content) > LARGEST_BYTES:
        raise NoDocument("Choose a file of at most 10 MB.")
    at = world.clock.now()
    document = Document(uuid7(at), patient, kind, content, sha256(content).digest(), at, kept_by)
    async with world.begin(practice) as uow:
        await uow.documents.add(document)
    return document
