"""The EHR's resources as the domain's facts: pure. What a resource does not say stays unsaid; nothing is guessed into a yes."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.billing.domain.charge import Identifier
from services.billing.domain.ledger import (
    CarePlan,
    Condition,
    Coverage,
    Encounter,
    EncounterKind,
    Enrollment,
    Patient,
)
from shared.kernel.vocabulary import CANONICAL

Resource = Mapping[str, Any]

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
PROGRAM_SYSTEM = f"{CANONICAL}/CodeSystem/program"
PAYER_TYPES = "https://nahdo.org/sopt"
PLACE_OF_SERVICE = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"

_ACTIVE_PROBLEM = ("active", "recurrence", "relapse")
_REFUTED = ("refuted", "entered-in-error")
_NO_ENCOUNTER = ("planned", "cancelled", "entered-in-error")
_CLASSES = {
    "AMB": EncounterKind.VISIT,
    "HH": EncounterKind.VISIT,
    "FLD": EncounterKind.VISIT,
    "VR": EncounterKind.VIRTUAL,
    "IMP": EncounterKind.INPATIENT,
    "ACUTE": EncounterKind.INPATIENT,
    "NONAC": EncounterKind.INPATIENT,
    "OBSENC": EncounterKind.OBSERVATION,
    "SS": EncounterKind.OBSERVATION,
    "EMER": EncounterKind.EMERGENCY,
}
_PLACES = {"31": EncounterKind.SNF_PART_A, "32": EncounterKind.NURSING_FACILITY}
# Source of Payment Typology, by the longest prefix: 11 is managed Medicare, 12 the rest of it; a bare 1 does not say which.
_PAYER_KINDS = {"11": "medicare_advantage", "12": "medicare_ffs", "2": "medicaid", "5": "commercial", "6": "commercial"}


def patient_fact(resource: Resource, patient: str, source: str, digest: str, recorded_at: datetime, zone: ZoneInfo) -> Patient:
    """Read a Patient. A death without a date is taken to be of the day on which we read it (R11)."""
    died = resource.get("deceasedDateTime")
    died_at, died_on = _moment(died)
    if died is None and resource.get("deceasedBoolean") is True:
        died_on = recorded_at.astimezone(zone).date()
    return Patient(
        source=source,
        digest=digest,
        recorded_at=recorded_at,
        id=patient,
        birth=_day(resource.get("birthDate")),
        died_at=died_at,
        died_on=None if died_at else died_on,
    )


def medical_record_number(resource: Resource) -> Identifier | None:
    """Return the patient's number at the practice: the identifier of type MR."""
    for identifier in resource.get("identifier", ()):
        if "MR" in _codes(identifier.get("type")) and identifier.get("value"):
            return Identifier(system=identifier.get("system", ""), value=identifier["value"])
    return None


def condition_fact(resource: Resource, source: str, digest: str, recorded_at: datetime) -> Condition | None:
    """Read a Condition; None if it is refuted or an error."""
    if _codes(resource.get("verificationStatus")) & set(_REFUTED):
        return None
    codings = resource.get("code", {}).get("coding", ())
    clinical = _codes(resource.get("clinicalStatus"))
    return Condition(
        source=source,
        digest=digest,
        recorded_at=recorded_at,
        condition_id=resource["id"],
        icd10=next((coding["code"] for coding in codings if coding.get("system") == ICD10 and coding.get("code")), None),
        codes=tuple(f"{coding.get('system', '')}|{coding['code']}" for coding in codings if coding.get("code")),
        active=not clinical or bool(clinical & set(_ACTIVE_PROBLEM)),
        onset=_day(resource.get("onsetDateTime") or resource.get("onsetPeriod", {}).get("start")),
        abated=_day(resource.get("abatementDateTime") or resource.get("abatementPeriod", {}).get("end")),
    )


def coverage_fact(resource: Resource, source: str, digest: str, recorded_at: datetime) -> Coverage | None:
    """Read a Coverage; None if it is an error. Its kind is that of the Source of Payment code; without one, unknown."""
    if resource.get("status") == "entered-in-error":
        return None
    payor: Resource = next(iter(resource.get("payor", ())), {})
    payer = payor.get("identifier", {}).get("value") or reference_id(payor)
    classes = {next(iter(_codes(part.get("type"))), ""): str(part.get("value", "")) for part in resource.get("class", ())}
    period = resource.get("period", {})
    plan = classes.get("plan")
    return Coverage(
        source=source,
        digest=digest,
        recorded_at=recorded_at,
        coverage_id=resource["id"],
        kind=_payer_kind(resource),
        payer=payer,
        payer_name=payor.get("display"),
        plan=None if plan == "QMB" else plan,
        member_id=resource.get("subscriberId") or next((i.get("value") for i in resource.get("identifier", ())), None),
        start=_day(period.get("start")),
        end=_day(period.get("end"), last=True),
        rank=int(resource.get("order", 1)),
        qmb=plan == "QMB",
        active=resource.get("status") == "active",
    )


def encounter_fact(
    resource: Resource, staff: Collection[str], source: str, digest: str, recorded_at: datetime, zone: ZoneInfo
) -> Encounter | None:
    """Read an Encounter; None if it did not happen or says no day. It is the own practice's unless only strangers took part."""
    period = resource.get("period", {})
    start, start_day = _moment(period.get("start"), zone)
    if resource.get("status") in _NO_ENCOUNTER or start_day is None:
        return None
    end, end_day = _moment(period.get("end"), zone)
    people = tuple(
        person
        for part in resource.get("participant", ())
        if (person := reference_id(part.get("individual", {}), "Practitioner")) is not None
    )
    types: list[Resource] = [coding for concept in resource.get("type", ()) for coding in concept.get("coding", ())]
    place = next((_PLACES.get(c.get("code", "")) for c in types if c.get("system") == PLACE_OF_SERVICE), None)
    return Encounter(
        source=source,
        digest=digest,
        recorded_at=recorded_at,
        encounter_id=resource["id"],
        kind=place or _CLASSES.get(resource.get("class", {}).get("code", ""), EncounterKind.OTHER),
        start=start,
        end=end,
        start_day=start_day,
        end_day=end_day,
        practitioners=people,
        own_practice=not people or any(person in staff for person in people),
        codes=tuple(coding["code"] for coding in types if coding.get("code")),
    )


def care_plan_fact(resource: Resource, source: str, digest: str, recorded_at: datetime) -> CarePlan | None:
    """Read a CarePlan; None if it is an error or says no day. The last day that it names is that of its making or review."""
    days = [_day(resource.get("created")), _day(resource.get("period", {}).get("start"))]
    known = [day for day in days if day is not None]
    if resource.get("status") == "entered-in-error" or not known:
        return None
    author = reference_id(resource.get("author", {}), "Practitioner")
    return CarePlan(
        source=source,
        digest=digest,
        recorded_at=recorded_at,
        plan_id=resource["id"],
        active=resource.get("status") == "active",
        dated=max(known),
        author=author,
        signed_by=author,
    )


def enrollment_facts(resource: Resource, source: str, digest: str, recorded_at: datetime) -> Iterable[Enrollment]:
    """Read an EpisodeOfCare: one fact for each program that its types name."""
    if resource.get("status") == "entered-in-error":
        return
    period = resource.get("period", {})
    for concept in resource.get("type", ()):
        for coding in concept.get("coding", ()):
            if coding.get("system") == PROGRAM_SYSTEM and coding.get("code"):
                yield Enrollment(
                    source=source,
                    digest=digest,
                    recorded_at=recorded_at,
                    episode_id=resource["id"],
                    program=coding["code"],
                    status=resource.get("status", "active"),
                    start=_day(period.get("start")),
                    end=_day(period.get("end"), last=True),
                    practitioner=reference_id(resource.get("careManager", {}), "Practitioner"),
                )


def reference_id(reference: Resource, kind: str | None = None) -> str | None:
    """Return the id at the end of a reference, if there is one and it is to a `kind`."""
    steps = str(reference.get("reference", "")).split("/_history/")[0].split("/")
    if len(steps) < 2 or (kind is not None and steps[-2] != kind):
        return None
    return steps[-1] or None


def _payer_kind(resource: Resource) -> str:
    for coding in resource.get("type", {}).get("coding", ()):
        if coding.get("system") == PAYER_TYPES:
            code = str(coding.get("code", ""))
            return next((kind for prefix, kind in _PAYER_KINDS.items() if code.startswith(prefix)), "unknown")
    return "unknown"


def _codes(concept: Any) -> set[str]:
    return {coding["code"] for coding in (concept or {}).get("coding", ()) if coding.get("code")}


def _day(text: Any, *, last: bool = False) -> date | None:
    """Return the day of a FHIR date or dateTime; of a month or a year the first, or with `last` the last day."""
    if not isinstance(text, str) or len(text) < 4:
        return None
    if len(text) >= 10:
        return date.fromisoformat(text[:10])
    year, month = int(text[:4]), int(text[5:7]) if len(text) >= 7 else (12 if last else 1)
    if not last:
        return date(year, month, 1)
    following = date(year + month // 12, month % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)


def _moment(text: Any, zone: ZoneInfo | None = None) -> tuple[datetime | None, date | None]:
    """Return the instant, if the text says one, and the day on which it lies in `zone` (without one: the day as written)."""
    if not isinstance(text, str) or len(text) <= 10:
        return None, _day(text)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        return None, at.date()
    return at.astimezone(UTC), at.astimezone(zone).date() if zone else at.date()
