"""Other people's records: transaction Bundles into the store, moved in time and completed where a month is given."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from deploy.sandbox.complete import complete
from deploy.sandbox.store import TYPES, Resource, Store, decode

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(T[0-9:.]+(?:Z|[+-]\d\d:\d\d)?)?\Z")


@dataclass
class LoadReport:
    """What was read, left out, moved and added; `lines` says it in words."""

    bundles: int = 0
    loaded: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    shifts: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the report, a sentence a line."""
        said = [f"{self.bundles} bundles read: {_listed(self.loaded)}"]
        if self.left_out:
            said.append(f"not kept here: {_listed(self.left_out)}")
        if self.shifts:
            said.append(
                f"dates of {len(self.shifts)} patients moved by {min(self.shifts)} to {max(self.shifts)} days, birth dates left"
            )
        if self.added:
            said.append(f"added: {_listed(self.added)}")
        return [*said, *self.remarks]


def load_bundles(folder: Path, store: Store, month: str | None = None) -> LoadReport:
    """Load every transaction Bundle of a folder into the store and report.

    Ids are kept, references between entries resolved, types that this EHR does not keep left out. With a `month` (`YYYY-MM`)
    all dates of a patient but the birth date move by whole weeks, so that the last visit lies in the quarter before it, and
    Coverage, CareTeam, EpisodeOfCare, ICD-10-CM codes and valid NPIs are added where they are missing.
    ValueError for a file that is no transaction Bundle.
    """
    report = LoadReport()
    for resource in prepare(folder, report, month):
        kind, key = resource["resourceType"], resource["id"]
        known = store.read(kind, key)
        if known is None or _content(known.resource) != _content(resource):
            store.put(kind, key, resource)
    return report


def prepare(folder: Path, report: LoadReport, month: str | None = None) -> Iterator[Resource]:
    """Yield the resources of a folder's Bundles as `load_bundles` keeps them, and fill in the report."""
    for path in sorted(folder.glob("*.json")):
        bundle = decode(path.read_bytes())
        if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
            raise ValueError(f"{path.name} is no transaction Bundle")
        report.bundles += 1
        resources = _entries(bundle)
        report.left_out.update(one["resourceType"] for one in resources if one["resourceType"] not in TYPES)
        resources = [one for one in resources if one["resourceType"] in TYPES]
        report.loaded.update(one["resourceType"] for one in resources)
        if month is not None:
            resources = _moved(resources, date.fromisoformat(month + "-01"), report)
            remarks = complete(resources, report.added)
            report.remarks += [f"{path.name}: {remark}" for remark in remarks]
        yield from resources


def _entries(bundle: Resource) -> list[Resource]:
    """Return the Bundle's resources with their ids, references to other entries made relative."""
    addresses: dict[str, str] = {}
    resources = []
    for entry in bundle.get("entry", []):
        resource, full = entry.get("resource", {}), entry.get("fullUrl", "")
        if "resourceType" not in resource:
            raise ValueError(f"the entry {full} holds no resource")
        resource.setdefault("id", re.split("[/:]", full)[-1])
        addresses[full] = f"{resource['resourceType']}/{resource['id']}"
        resources.append(resource)
    for resource in resources:
        for holder in _objects(resource):
            if isinstance(holder.get("reference"), str):
                holder["reference"] = addresses.get(holder["reference"], holder["reference"])
    return resources


def _moved(resources: list[Resource], month: date, report: LoadReport) -> list[Resource]:
    """Move all dates by whole weeks: the last visit comes to lie one to twelve weeks before the month, by the patient's id."""
    visits = [one["period"]["start"][:10] for one in resources if one["resourceType"] == "Encounter" and "period" in one]
    patient = next((one["id"] for one in resources if one["resourceType"] == "Patient"), None)
    if not visits or patient is None:
        return resources
    spread = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:4]) % 12
    weeks = (month - date.fromisoformat(max(visits)) - timedelta(days=1)).days // 7 - spread
    report.shifts.append(weeks * 7)
    return [_shifted(one, timedelta(weeks=weeks)) for one in resources]


def _shifted(value: Any, by: timedelta) -> Any:
    """Return the value with every full date in it moved; birth dates stay, for they say who somebody is."""
    if isinstance(value, dict):
        return {name: one if name == "birthDate" else _shifted(one, by) for name, one in value.items()}
    if isinstance(value, list):
        return [_shifted(one, by) for one in value]
    if isinstance(value, str) and (match := _DAY.match(value)):
        return (date.fromisoformat(match[1]) + by).isoformat() + (match[2] or "")
    return value


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from _objects(one)


def _content(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "meta"}


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
