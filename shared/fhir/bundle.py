"""Bundles that we answer with: searchset and history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.fhir.times import instant_text

MATCH = "match"
INCLUDE = "include"
OUTCOME = "outcome"


def searchset(
    base: str,
    matches: Iterable[dict[str, Any]],
    *,
    links: Mapping[str, str],
    total: int | None = None,
    included: Iterable[dict[str, Any]] = (),
    outcome: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Build a Bundle of type searchset.

    `base` is the tenant's FHIR base, of which each `fullUrl` is made; `links` maps relation (`self` always, `next`,
    `resume`) to absolute URL; `included` came by `_revinclude`; `outcome` (an OperationOutcome) tells of what was ignored.
    """
    entries = [_found(base, resource, MATCH) for resource in matches]
    entries += [_found(base, resource, INCLUDE) for resource in included]
    if outcome is not None:
        entries.append({"resource": outcome, "search": {"mode": OUTCOME}})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if total is not None:
        bundle["total"] = total
    return _filled(bundle, links, entries)


@dataclass(frozen=True)
class Version:
    """One version of a resource: what it was then, and when and how it came to be (version 1 was created)."""

    resource: dict[str, Any]
    number: int
    recorded_at: datetime


def history(base: str, versions: Iterable[Version], *, links: Mapping[str, str], total: int | None = None) -> dict[str, Any]:
    """Build a Bundle of type history from `versions`, newest first; each entry has request and response (bdl-3, bdl-4)."""
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "history"}
    if total is not None:
        bundle["total"] = total
    return _filled(bundle, links, [_version(base, version) for version in versions])


def full_url(base: str, resource: dict[str, Any]) -> str:
    """Return the address of a resource of ours below `base`."""
    return f"{base.rstrip('/')}/{resource['resourceType']}/{resource['id']}"


def etag(number: int) -> str:
    """Write a version as the weak entity tag that FHIR wants."""
    return f'W/"{number}"'


def _filled(bundle: dict[str, Any], links: Mapping[str, str], entries: list[dict[str, Any]]) -> dict[str, Any]:
    bundle["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    if entries:
        bundle["entry"] = entries
    return bundle


def _found(base: str, resource: dict[str, Any], mode: str) -> dict[str, Any]:
    return {"fullUrl": full_url(base, resource), "resource": resource, "search": {"mode": mode}}


def _version(base: str, version: Version) -> dict[str, Any]:
    resource = version.resource
    created = version.number == 1
    url = resource["resourceType"] if created else f"{resource['resourceType']}/{resource['id']}"
    return {
        "fullUrl": full_url(base, resource),
        "resource": resource,
        "request": {"method": "POST" if created else "PUT", "url": url},
        "response": {
            "status": "201" if created else "200",
            "etag": etag(version.number),
            "lastModified": instant_text(version.recorded_at),
        },
    }
