"""Clients of the API: what they may be granted, and how they prove who they are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from shared.kernel.errors import Conflict, Invalid, NotFound

_RESOURCE_RIGHTS = {"Consent": "crus", "Task": "crus", "ChargeItem": "rus"}
_OWN_RIGHTS = ("timers", "roster", "attest", "preview", "rules.read")

OFFERED_RIGHTS = frozenset(
    {f"system/{kind}.{letter}" for kind, letters in _RESOURCE_RIGHTS.items() for letter in letters}
    | {f"careledger/{name}" for name in _OWN_RIGHTS}
)
"""The single rights that a client can be granted (integration.md 10); no wildcard, no patient or user context."""

OFFERED_SCOPES = (
    *(f"system/{kind}.{letters}" for kind, letters in _RESOURCE_RIGHTS.items()),
    *(f"careledger/{name}" for name in _OWN_RIGHTS),
)
"""The same as scopes, each in its widest form."""

_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}\Z")


class ClientStatus(StrEnum):
    """Whether a client is served; disabled is for good."""

    ACTIVE = "active"
    DISABLED = "disabled"


class ScopeNotOffered(Invalid):
    """A scope that no client can be granted."""

    rule = "scope-not-offered"


class ClientIdInvalid(Invalid):
    """A client id with other signs than letters, digits and `. _ ~ -`, or too long."""

    rule = "client-id"


class UnknownClient(NotFound):
    """No client of that id is registered."""

    rule = "unknown-client"


class ClientDisabled(Conflict):
    """A disabled client stays disabled: register another id."""

    rule = "client-disabled"


@dataclass(frozen=True)
class KeySet:
    """A client's public keys: a JWKS document as text, or the https address where the client publishes it."""

    jwks: str | None = None
    jwks_url: str | None = None


@dataclass(frozen=True)
class Client:
    """A registered client at a version; `grants` are scopes by tenant slug."""

    client_id: str
    version: int
    name: str
    status: ClientStatus
    keys: KeySet
    grants: dict[str, tuple[str, ...]] = field(default_factory=dict)


def is_client_id(text: str) -> bool:
    """Tell whether `text` can be a client's id."""
    return _CLIENT_ID.match(text) is not None


def check_client_id(text: str) -> None:
    """Raise ClientIdInvalid if `text` cannot be a client's id."""
    if not is_client_id(text):
        raise ClientIdInvalid("a client id has 1 to 100 letters, digits or . _ ~ - and starts with a letter or digit")


def check_offered(scope: str, rights: Iterable[str]) -> None:
    """Raise ScopeNotOffered unless `scope`, understood as the single `rights`, is offered whole."""
    held = frozenset(rights)
    if not held or not held <= OFFERED_RIGHTS:
        raise ScopeNotOffered(f"{scope!r} cannot be granted; offered are {' '.join(OFFERED_SCOPES)}")
