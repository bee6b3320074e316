"""What a record needs before it can carry a month of CCM, added to records that came without it."""

import hashlib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from deploy.sandbox.clinic.people import with_check_digit
from deploy.sandbox.clinic.record import ICD10, MBI, NPI, PROGRAM, SNOMED, SOPT
from deploy.sandbox.store import Resource

OLD_NPI = "https://millbrook.example/former-npi"
MEDICARE = "medicare-part-b"


@cache
def icd10_by_snomed() -> dict[str, str]:
    """Return the sandbox's own table from SNOMED CT to ICD-10-CM."""
    table: dict[str, str] = yaml.safe_load(Path(__file__).with_name("snomed_icd10.yaml").read_text(encoding="utf-8"))
    return table


def complete(resources: list[Resource], added: Counter[str]) -> list[str]:
    """Add to one patient's resources, in place, what is missing, count it in `added`, and return remarks on what could not be.

    ICD-10-CM codes by the table, an NPI where the given one fails its check digit (kept under another system), a Medicare
    Part B Coverage with its payer, a CareTeam, and an active EpisodeOfCare of the program; practitioner and start are those of
    the last visit.
    """
    for practitioner in _of(resources, "Practitioner"):
        _mend_npi(practitioner, added)
    _code_conditions(resources, added)
    patient = next(iter(_of(resources, "Patient")), None)
    if patient is None:
        return []
    visits = sorted(_of(resources, "Encounter"), key=lambda one: str(one.get("period", {}).get("start", "")))
    seen = next((one for one in reversed(visits) if _seen_by(one)), None)
    subject = {"reference": f"Patient/{patient['id']}"}
    if not _of(resources, "Coverage"):
        added.update(["Coverage"])
        if not any(one["id"] == MEDICARE for one in resources):
            resources.append({"resourceType": "Organization", "id": MEDICARE, "name": "Medicare Part B", "active": True})
        resources.append(_coverage(patient["id"], subject))
    if seen is None:
        return ["no visit with a practitioner: no CareTeam and no EpisodeOfCare added"]
    start = str(seen["period"]["start"])
    if not _of(resources, "CareTeam"):
        added.update(["CareTeam"])
        resources.append(_care_team(patient["id"], subject, _seen_by(seen), start))
    if not _of(resources, "EpisodeOfCare"):
        added.update(["EpisodeOfCare"])
        resources.append(_episode(patient["id"], subject, seen, start))
    return []


def _mend_npi(practitioner: Resource, added: Counter[str]) -> None:
    identifiers = practitioner.setdefault("identifier", [])
    given = [one for one in identifiers if one.get("system") == NPI]
    if any(len(one["value"]) == 10 and with_check_digit(one["value"][:9]) == one["value"] for one in given):
        return
    for one in given:
        one["system"] = OLD_NPI
    digits = str(int(hashlib.sha256(practitioner["id"].encode()).hexdigest(), 16))[-8:]
    identifiers.append({"system": NPI, "value": with_check_digit("1" + digits)})
    added.update(["valid NPI"])


def _code_conditions(resources: list[Resource], added: Counter[str]) -> None:
    for condition in _of(resources, "Condition"):
        codings = condition.get("code", {}).get("coding", [])
        if any(one.get("system") == ICD10 for one in codings):
            continue
        found = [icd10_by_snomed().get(one.get("code")) for one in codings if one.get("system") == SNOMED]
        codes = [code for code in found if code]
        codings += [{"system": ICD10, "code": code} for code in codes]
        added.update(["ICD-10-CM code"] * len(codes))


def _coverage(patient: str, subject: Resource) -> Resource:
    member = "1" + hashlib.sha256(patient.encode()).hexdigest()[:10].upper()
    return {
        "resourceType": "Coverage",
        "id": f"coverage-{patient}",
        "identifier": [{"system": MBI, "value": member}],
        "status": "active",
        "type": {"coding": [{"system": SOPT, "code": "121"}], "text": "Medicare fee for service"},
        "subscriberId": member,
        "beneficiary": subject,
        "payor": [{"reference": f"Organization/{MEDICARE}", "display": "Medicare Part B"}],
        "order": 1,
    }


def _care_team(patient: str, subject: Resource, practitioner: Resource, start: str) -> Resource:
    return {
        "resourceType": "CareTeam",
        "id": f"team-{patient}",
        "status": "active",
        "name": "Care team",
        "subject": subject,
        "period": {"start": start},
        "participant": [{"role": [{"text": "Billing practitioner"}], "member": practitioner}],
    }


def _episode(patient: str, subject: Resource, seen: Resource, start: str) -> Resource:
    episode: Resource = {
        "resourceType": "EpisodeOfCare",
        "id": f"episode-{patient}",
        "status": "active",
        "type": [{"coding": [{"system": PROGRAM, "code": "ccm"}], "text": "Chronic care management"}],
        "patient": subject,
        "period": {"start": start},
        "careManager": _seen_by(seen),
        "team": [{"reference": f"CareTeam/team-{patient}"}],
    }
    if "serviceProvider" in seen:
        episode["managingOrganization"] = seen["serviceProvider"]
    return episode


def _seen_by(encounter: Resource) -> dict[str, Any]:
    for participant in encounter.get("participant", []):
        found: dict[str, Any] = participant.get("individual", {})
        if str(found.get("reference", "")).startswith("Practitioner/"):
            return {"reference": found["reference"]}
    return {}


def _of(resources: list[Resource], kind: str) -> list[Resource]:
    return [one for one in resources if one["resourceType"] == kind]
