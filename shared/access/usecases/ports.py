"""What the use cases need from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from shared.access.domain.assertion import SignedAssertion
from shared.access.domain.client import Client
from shared.access.domain.signing_key import SigningKey
from shared.contracts.client import ClientState
from shared.contracts.tenant import TenantState


@dataclass(frozen=True)
class Author:
    """Who administers: for the journal."""

    actor: str
    request: str


class AdminUnitOfWork(Protocol):
    """One transaction of the administrator; it commits at the end of its `async with` block, journal rows included."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def tenant(self, slug: str) -> TenantState | None:
        """Return the tenant at its latest version, held until the end of the transaction."""

    async def add_tenant_version(self, state: TenantState, author: Author) -> None:
        """Store a version of a tenant (the first one makes the tenant) and tell it; Conflict if somebody else was quicker."""

    async def client(self, client_id: str) -> Client | None:
        """Return the client, held until the end of the transaction."""

    async def clients(self) -> Sequence[Client]:
        """Return all clients by id."""

    async def save_client(self, client: Client, state: ClientState, author: Author) -> None:
        """Store a client at its new version with its keys and tell its state; Conflict if somebody else was quicker."""

    async def grant(self, client: Client, tenant: TenantState, scopes: Sequence[str], at: datetime, author: Author) -> None:
        """Give the client these scopes, and no others, for the tenant."""

    async def signing_keys(self) -> Sequence[SigningKey]:
        """Return all signing keys; nobody else can change them until the end of the transaction."""

    async def add_signing_key(self, key: SigningKey, ending: Sequence[SigningKey], author: Author) -> None:
        """Store a new key and the ends of the old ones."""


class TokenUnitOfWork(Protocol):
    """One transaction of the token endpoint."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def spend(self, assertion: SignedAssertion, now: datetime) -> bool:
        """Note the assertion's id as used; False if it was used before, by any process."""

    async def granted_scopes(self, client_id: str, slug: str) -> Sequence[str]:
        """Return what the client, if it is active, was granted for the tenant; empty for a foreign or unknown one."""


class Assertions(Protocol):
    """Verifies the signatures of client assertions."""

    async def verify(self, assertion: str, *, token_url: str, now: datetime) -> SignedAssertion:
        """Return the assertion; TokenRefused (invalid_client) if it is not one of a registered, active client."""


class Scopes(Protocol):
    """Understands scopes."""

    def rights(self, scope: str) -> frozenset[str]:
        """Return the single rights of one scope; none if it is not understood."""

    def granted(self, requested: str, allowed: Sequence[str]) -> str:
        """Return requested ∩ allowed as a scope string, empty if nothing is left."""


class Signer(Protocol):
    """Signs access tokens with the key of the hour."""

    async def sign(self, claims: dict[str, object], now: datetime) -> str:
        """Return the signed token."""


class Tenants(Protocol):
    """Knows which tenants are served today."""

    async def is_active(self, slug: str) -> bool:
        """Tell whether there is an active tenant of that name."""


@dataclass(frozen=True)
class NewKey:
    """A fresh key pair whose private half has been put away."""

    kid: str
    public_jwk: str


class KeyVault(Protocol):
    """Keeps private keys where only the owner of the process reads them."""

    def make(self) -> NewKey:
        """Make a key pair and put its private half away."""

    def publish(self, keys: Sequence[SigningKey]) -> None:
        """Write the public keys where the services read them, if that is a file."""
