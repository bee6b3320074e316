"""The month read back: what each service answers now, over the routes that anybody with the scopes may use."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deploy.demo.api import Api, Json
from deploy.demo.closing import results
from deploy.demo.script import DECLINED, IN_FORCE, MISSING, REVOKED

_STANDINGS = {"granted": IN_FORCE, "declined": DECLINED, "revoked": REVOKED, "no-consent": MISSING}
_STATES = "billable,billed,aborted,entered-in-error"


@dataclass(frozen=True)
class Reading:
    """What was read: results by patient, the charges of the feed and those that a search finds, Tasks, standings, totals."""

    month: Json
    results: dict[str, Json]
    charges: list[Json]
    searched: list[str]
    tasks: dict[str, Json]
    consents: dict[str, str]
    manifest: Json


def read_month(ehr: Api, staff: Api, biller: Api, month: str, zone: ZoneInfo, patients: list[str]) -> Reading:
    """Read everything that the table says."""
    first = date.fromisoformat(month + "-01")
    following = (first + timedelta(days=32)).replace(day=1)
    entries: dict[str, str | list[str]] = {"period": [f"ge{first}", f"lt{following}"], "status": "completed", "_count": "200"}
    after = datetime.combine(following, datetime.min.time(), zone)
    feed = biller.search("ChargeItem", **{"-after": "0", "_count": "200"})
    return Reading(
        month=staff.get(f"billing/months/{month}", count="0"),
        results={one["patient"]: one for one in results(staff, month)},
        charges=[charge for charge in feed if month_of(charge) == month],
        searched=[one["id"] for one in biller.search("ChargeItem", status=_STATES, **{"service-month": month, "_count": "50"})],
        tasks={task["id"]: task for task in ehr.search("Task", **entries)},
        consents={patient: _standing(ehr, patient, after) for patient in patients},
        manifest=biller.get(f"billing/months/{month}/manifest"),
    )


def month_of(charge: Json) -> str:
    """Return the service month of a charge, YYYY-MM."""
    start: str = value_of(charge, "service-month")["start"]
    return start[:7]


def value_of(resource: Json, name: str) -> Any:
    """Return the value of our extension `name`; KeyError if the resource has none."""
    for extension in resource["extension"]:
        if extension["url"].endswith(f"/StructureDefinition/{name}"):
            return next(value for key, value in extension.items() if key.startswith("value"))
    raise KeyError(name)


def _standing(ehr: Api, patient: str, at: datetime) -> str:
    """Tell how consent stands once the month is over: a revocation ends with its month."""
    answer = ehr.get("consent/in-force", patient=patient, program="ccm", at=at.isoformat())
    return _STANDINGS.get(answer["reason"], str(answer["reason"]))
