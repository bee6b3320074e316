"""Consent's ports, filled from memory; everything that happens is noted in its order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from services.consent.domain.consent import Consent
from services.consent.usecases.ports import Accepted, Author, Claim, Practice, Recorded, World
from shared.contracts.month import MonthState
from shared.kernel.errors import PreconditionFailed
from tests.fakes.clock import StillClock
from tests.fakes.world import tenant_id
from tests.unit.services.consent.domain.making import NOW, ZONE

PRACTICE = Practice(tenant_id("north"), "north", ZONE)
AUTHOR = Author("rn-1", "ehr", "request-1")
ACCEPTED = Accepted("{}", (), (), "{ }")


@dataclass(frozen=True)
class Stored:
    """What a transaction leaves behind."""

    versions: tuple[Recorded, ...] = ()
    claims: tuple[Claim, ...] = ()


@dataclass
class MemoryUnitOfWork:
    """A transaction over a memory: what it writes is kept only if its block ends well. It is its own `consents`."""

    memory: "Memory"
    stored: Stored = Stored()

    @property
    def consents(self) -> "MemoryUnitOfWork":
        """The consents."""
        return self

    async def __aenter__(self) -> Self:
        """Begin."""
        self.memory.happened.append("begin")
        self.stored = self.memory.stored
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Keep what was written, or forget it after an exception."""
        self.memory.happened.append("rollback" if kind else "commit")
        if kind is None:
            self.memory.stored = self.stored

    async def lock(self, patient: str, program: str) -> None:
        """Note it."""
        self.memory.happened.append(f"lock {patient} {program}")

    async def claim(self, claims: Sequence[Claim]) -> list[Claim]:
        """Claim what nobody has."""
        held = {(claim.system, claim.value): claim for claim in self.stored.claims}
        free = tuple(claim for claim in claims if (claim.system, claim.value) not in held)
        self.stored = replace(self.stored, claims=self.stored.claims + free)
        return [held[claim.system, claim.value] for claim in claims if (claim.system, claim.value) in held]

    async def add(self, recorded: Recorded, author: Author) -> None:
        """Write a first version."""
        self.stored = replace(self.stored, versions=(*self.stored.versions, recorded))

    async def replace(self, recorded: Recorded, author: Author) -> None:
        """Write a next version."""
        newest = await self.get(recorded.consent.id)
        if newest is None or newest.consent.version != recorded.consent.version - 1:
            raise PreconditionFailed("changed meanwhile")
        await self.add(recorded, author)

    async def get(self, consent_id: UUID, *, version: int | None = None, patient: str | None = None) -> Recorded | None:
        """Return a version."""
        found = await self.versions(consent_id, patient=patient)
        return next((one for one in found if version in (None, one.consent.version)), None)

    async def current(self, patient: str, program: str) -> list[Recorded]:
        """Return the newest versions."""
        newest = {one.consent.id: one for one in self.stored.versions if one.consent.statement.subject[:2] == (patient, program)}
        return list(newest.values())

    async def identifiers(self, consent_id: UUID) -> set[tuple[str, str]]:
        """Return a consent's identifiers."""
        return {(claim.system, claim.value) for claim in self.stored.claims if claim.consent_id == consent_id}

    async def versions(self, consent_id: UUID, *, patient: str | None = None) -> list[Recorded]:
        """Return all versions, newest first."""
        return [
            one
            for one in reversed(self.stored.versions)
            if one.consent.id == consent_id and patient in (None, one.consent.statement.patient)
        ]

    async def history(self, patient: str, program: str) -> list[Consent]:
        """Return all versions of the patient and program."""
        return [one.consent for one in self.stored.versions if one.consent.statement.subject[:2] == (patient, program)]


@dataclass
class Memory:
    """Everything behind the ports: what is stored, whom the EHR knows, which instants lie in a closed month."""

    stored: Stored = Stored()
    unknown: set[str] = field(default_factory=set)
    closed: set[datetime] = field(default_factory=set)
    happened: list[str] = field(default_factory=list)
    clock: StillClock = field(default_factory=lambda: StillClock(NOW))

    @property
    def world(self) -> World:
        """The ports."""
        return World(lambda _: MemoryUnitOfWork(self), self, self, self.clock)

    async def exist(self, practice: Practice, patient: str) -> bool:
        """Tell whether the EHR knows the patient."""
        self.happened.append(f"ask for {patient}")
        return patient not in self.unknown

    async def closed_month(self, tenant_id: UUID, at: datetime) -> MonthState | None:
        """Return a closed month for the instants of one."""
        self.happened.append("ask for the month")
        if at not in self.closed:
            return None
        return MonthState(month="2026-10", version=1, status="closed", at=at, by="x", reason="x", starts_at=at, ends_at=at)
