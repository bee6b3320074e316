"""A FHIR R4 store in memory: every version of every resource, as the EHR would keep them."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

Resource = dict[str, Any]

TYPES = (
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Condition",
    "Encounter",
    "Coverage",
    "CarePlan",
    "CareTeam",
    "EpisodeOfCare",
    "DocumentReference",
    "Observation",
    "Communication",
    "QuestionnaireResponse",
)
"""The resource types that this EHR keeps."""

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def decode(body: bytes) -> Any:
    """Read JSON with decimals as they were written (`105.00` stays `105.00`); ValueError if it is none."""
    return _decoder.decode(body)


def encode(value: Any) -> bytes:
    """Write JSON; a Decimal is written with the digits that it came with."""
    return _encoder.encode(value)


@dataclass(frozen=True)
class Version:
    """One version of a resource: `position` counts all writes of the store, so that it orders them without ties."""

    number: int
    position: int
    at: datetime
    resource: Resource


class WrongResource(ValueError):
    """The body is not a resource that may be kept here."""


class VersionConflict(Exception):
    """The version that the writer names is not the current one."""


class Store:
    """Resources by type and id, each with all its versions; not for several threads."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._history: dict[str, dict[str, list[Version]]] = {kind: {} for kind in TYPES}
        self._position = 0

    def create(self, kind: str, resource: Resource) -> Version:
        """Keep a new resource under an id of the server's own; WrongResource if the body is of another type."""
        return self.put(kind, str(uuid.uuid4()), {**resource, "id": None})

    def put(self, kind: str, key: str, resource: Resource, *, if_version: int | None = None) -> Version:
        """Keep the next version of `kind/key`, its first if there is none.

        WrongResource if type or id differ from the body's, VersionConflict if `if_version` is not the current number.
        """
        if not isinstance(resource, dict) or resource.get("resourceType") != kind:
            raise WrongResource(f"the body is no {kind}")
        if resource.get("id") not in (None, key):
            raise WrongResource("the id of the body differs from the address")
        if not isinstance(resource.get("meta", {}), dict):
            raise WrongResource("meta is no object")
        versions = self._history[kind].setdefault(key, [])
        current = versions[-1].number if versions else 0
        if if_version is not None and if_version != current:
            raise VersionConflict(f"the current version is {current}")
        self._position += 1
        at = self._now()
        meta = {**resource.get("meta", {}), "versionId": str(current + 1), "lastUpdated": instant(at)}
        stored = {"resourceType": kind, "id": key, "meta": meta} | {
            name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")
        }
        versions.append(Version(current + 1, self._position, at, stored))
        return versions[-1]

    def read(self, kind: str, key: str, number: int | None = None) -> Version | None:
        """Return the current version, or the one of that number; None if there is none."""
        versions = self._history[kind].get(key, [])
        if number is None:
            return versions[-1] if versions else None
        return next((version for version in versions if version.number == number), None)

    def current(self, kind: str) -> Iterator[Version]:
        """Yield the current version of each resource of a type, the least recently written first."""
        yield from sorted((versions[-1] for versions in self._history[kind].values()), key=lambda version: version.position)

    def counts(self) -> dict[str, int]:
        """Return how many resources of each type are kept."""
        return {kind: len(found) for kind, found in self._history.items() if found}


def instant(at: datetime) -> str:
    """Write a FHIR instant in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
