"""What all our conformance resources carry alike."""

from typing import Any

from shared.kernel.vocabulary import CANONICAL

VERSION = "1.0.0"
DATE = "2026-11-24"
PUBLISHER = "Careledger"


def canonical(kind: str, ident: str, title: str, description: str, /, **elements: Any) -> dict[str, Any]:
    """Build a conformance resource of ours: `ident` ends its canonical address; `elements` follow in their order."""
    return {
        "resourceType": kind,
        "id": ident,
        "url": f"{CANONICAL}/{kind}/{ident}",
        "version": VERSION,
        "name": "Careledger" + "".join(word.capitalize() for word in ident.removeprefix("careledger-").split("-")),
        "title": title,
        "status": "active",
        "experimental": False,
        "date": DATE,
        "publisher": PUBLISHER,
        "description": description,
        **elements,
    }
