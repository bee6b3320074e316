"""The clinic's records in FHIR R4, one transaction Bundle for the practice and one for each patient."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from deploy.sandbox.clinic.diary import Month
from deploy.sandbox.clinic.people import PEOPLE, Person, Practice, Practitioner
from deploy.sandbox.clinic.stories import Interval, Story, Visit
from deploy.sandbox.clinic.tables import table

Resource = dict[str, Any]

EHR = "https://millbrook.example/fhir/R4"
NPI = "http://hl7.org/fhir/sid/us-npi"
TIN = "urn:oid:2.16.840.1.113883.4.4"
MRN = "https://millbrook.example/mrn"
MEMBER = "https://millbrook.example/member"
PAYER = "https://millbrook.example/payer"
MBI = "http://hl7.org/fhir/sid/us-mbi"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
NUCC = "http://nucc.org/provider-taxonomy"
SOPT = "https://nahdo.org/sopt"
PROGRAM = "https://careledger.example/fhir/CodeSystem/program"
_HL7 = "http://terminology.hl7.org/CodeSystem/"


def bundle(resources: Iterable[Resource]) -> Resource:
    """Return a transaction that keeps the ids that the resources have."""
    entries = [
        {
            "fullUrl": f"{EHR}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
        }
        for resource in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def practice_records(practice: Practice, month: Month) -> Iterator[Resource]:
    """Yield the organizations, the practitioners and their roles."""
    home = PEOPLE["practice"]
    tin = _identifier(TIN, home["tin"], "TAX")
    yield _organization(practice.organization, home, [_identifier(NPI, practice.organization_npi, "NPI"), tin], "prov")
    hospital = [_identifier(NPI, practice.hospital_npi, "NPI")]
    yield _organization(practice.hospital, PEOPLE["hospital"], hospital, "prov")
    for key, row in PEOPLE["payers"].items():
        yield _organization(practice.payers[key], row, [{"system": PAYER, "value": row["id"]}], "ins")
    for who in (*practice.practitioners, *practice.staff):
        yield from _practitioner(who, practice, month)


def patient_records(story: Story, practice: Practice, month: Month) -> Iterator[Resource]:
    """Yield everything in the EHR about one patient."""
    yield _patient(story.person, story.practitioner, practice)
    subject = _reference("Patient", story.person.id)
    yield from (_condition(story, number) for number in range(len(story.conditions)))
    for visit in story.visits:
        yield _encounter(visit, subject, practice.organization)
    if story.stay:
        yield _stay(_id(story, "stay"), story.stay, subject, practice)
    yield from _coverages(story, practice, month)
    if story.plan_on:
        yield _care_plan(story, story.plan_on, subject)
    team = practice.team(story.practitioner.key, "team")
    yield _care_team(story, subject, practice, team)
    yield {
        "resourceType": "EpisodeOfCare",
        "id": _id(story, "episode"),
        "status": "active",
        "type": [{"coding": [{"system": PROGRAM, "code": "ccm"}], "text": "Chronic care management"}],
        "patient": subject,
        "managingOrganization": _reference("Organization", practice.organization),
        "period": {"start": story.enrolled.isoformat()},
        "careManager": _reference("Practitioner", story.practitioner.id),
        "team": [_reference("CareTeam", _id(story, "team"))],
    }


def _organization(key: str, row: dict[str, Any], identifiers: list[Resource], kind: str) -> Resource:
    found: Resource = {
        "resourceType": "Organization",
        "id": key,
        "identifier": identifiers,
        "active": True,
        "type": [{"coding": [{"system": _HL7 + "organization-type", "code": kind}]}],
        "name": row["name"],
    }
    if "line" in row:
        found["address"] = [{"line": [row["line"]], **PEOPLE["towns"][0], "country": "US"}]
    return found


def _practitioner(who: Practitioner, practice: Practice, month: Month) -> Iterator[Resource]:
    name: Resource = {"family": who.family, "given": [who.given]}
    if who.suffix:
        name["suffix"] = [who.suffix]
    yield {
        "resourceType": "Practitioner",
        "id": who.id,
        "identifier": [_identifier(NPI, who.npi, "NPI")],
        "active": True,
        "name": [name],
        "gender": who.gender,
    }
    kind: Resource = {"text": who.credential.replace("-", " ")}
    if who.part == "practitioner" or "nurse" in who.credential:
        code = "doctor" if who.part == "practitioner" else "nurse"
        kind["coding"] = [{"system": _HL7 + "practitioner-role", "code": code}]
    role: Resource = {
        "resourceType": "PractitionerRole",
        "id": f"role-{who.id}",
        "active": True,
        "period": {"start": (month.first - timedelta(days=1200)).isoformat()},
        "practitioner": _reference("Practitioner", who.id),
        "organization": _reference("Organization", practice.organization),
        "code": [kind],
    }
    if who.taxonomy:
        role["specialty"] = [{"coding": [{"system": NUCC, "code": who.taxonomy}]}]
    yield role


def _patient(person: Person, practitioner: Practitioner, practice: Practice) -> Resource:
    return {
        "resourceType": "Patient",
        "id": person.id,
        "identifier": [_identifier(MRN, person.mrn, "MR"), _identifier(MBI, person.mbi, "MC")],
        "active": True,
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
        "gender": person.gender,
        "birthDate": person.birth.isoformat(),
        "address": [{"use": "home", **person.address}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": person.language}]}, "preferred": True}],
        "generalPractitioner": [_reference("Practitioner", practitioner.id)],
        "managingOrganization": _reference("Organization", practice.organization),
    }


def _condition(story: Story, number: int) -> Resource:
    condition = story.conditions[number]
    row = table("conditions")[condition.key]
    return {
        "resourceType": "Condition",
        "id": condition.id,
        "clinicalStatus": _concept(_HL7 + "condition-clinical", "active"),
        "verificationStatus": _concept(_HL7 + "condition-ver-status", "confirmed"),
        "category": [_concept(_HL7 + "condition-category", "problem-list-item")],
        "code": {
            "coding": [{"system": ICD10, "code": row["icd10"]}, {"system": SNOMED, "code": row["snomed"]}],
            "text": row["text"],
        },
        "subject": _reference("Patient", story.person.id),
        "onsetDateTime": condition.onset.isoformat(),
        "recordedDate": condition.onset.isoformat(),
        "recorder": _reference("Practitioner", story.practitioner.id),
    }


def _encounter(visit: Visit, subject: Resource, organization: str) -> Resource:
    system = HCPCS if visit.code.startswith("G") else CPT
    return {
        "resourceType": "Encounter",
        "id": visit.id,
        "status": "finished",
        "class": {"system": _HL7 + "v3-ActCode", "code": "AMB"},
        "type": [{"coding": [{"system": system, "code": visit.code}], "text": "Visit"}],
        "subject": subject,
        "participant": [{"individual": _reference("Practitioner", visit.practitioner.id)}],
        "period": _period(visit.interval),
        "serviceProvider": _reference("Organization", organization),
    }


def _stay(key: str, stay: Interval, subject: Resource, practice: Practice) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": key,
        "status": "finished",
        "class": {"system": _HL7 + "v3-ActCode", "code": "IMP"},
        "type": [{"text": "Inpatient stay"}],
        "subject": subject,
        "period": _period(stay),
        "hospitalization": {"dischargeDisposition": _concept(_HL7 + "discharge-disposition", "home")},
        "serviceProvider": _reference("Organization", practice.hospital),
    }


def _coverages(story: Story, practice: Practice, month: Month) -> Iterator[Resource]:
    """Yield the patient's coverages in order of payment; two payers that are not dual take turns in the middle of the month."""
    payers = story.situation.payers
    change = month.first + timedelta(days=14)
    for order, key in enumerate(payers):
        row = PEOPLE["payers"][key]
        period = {"start": (story.person.birth.replace(day=1) + timedelta(days=65 * 366)).replace(day=1).isoformat()}
        if len(payers) == 2 and not story.situation.qmb:
            period = {**period, "end": (change - timedelta(days=1)).isoformat()} if order == 0 else {"start": change.isoformat()}
        member = story.person.mbi if key == "medicare" else f"{row['id'][:3]}{story.person.mrn[3:]}"
        found: Resource = {
            "resourceType": "Coverage",
            "id": _id(story, f"coverage-{key}"),
            "identifier": [{"system": MBI if key == "medicare" else MEMBER, "value": member}],
            "status": "active",
            "type": {"coding": [{"system": SOPT, "code": row["sopt"]}], "text": row["text"]},
            "subscriberId": member,
            "beneficiary": _reference("Patient", story.person.id),
            "relationship": _concept(_HL7 + "subscriber-relationship", "self"),
            "period": period,
            "payor": [{**_reference("Organization", practice.payers[key]), "display": row["name"]}],
            "order": order + 1 if story.situation.qmb else 1,
        }
        if key == "medicaid" and story.situation.qmb:
            plan = _concept(_HL7 + "coverage-class", "plan")
            found["class"] = [{"type": plan, "value": "QMB", "name": "Qualified Medicare Beneficiary"}]
        yield found


def _care_plan(story: Story, signed_on: date, subject: Resource) -> Resource:
    texts = [table("conditions")[condition.key]["text"] for condition in story.conditions]
    details = [{"detail": {"status": "in-progress", "description": f"Monthly review of goals: {text}"}} for text in texts]
    return {
        "resourceType": "CarePlan",
        "id": _id(story, "plan"),
        "status": "active",
        "intent": "plan",
        "category": [_concept("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan")],
        "title": "Comprehensive care plan",
        "subject": subject,
        "period": {"start": signed_on.isoformat()},
        "created": signed_on.isoformat(),
        "author": _reference("Practitioner", story.practitioner.id),
        "careTeam": [_reference("CareTeam", _id(story, "team"))],
        "addresses": [_reference("Condition", condition.id) for condition in story.conditions],
        "activity": details,
    }


def _care_team(story: Story, subject: Resource, practice: Practice, team: list[Practitioner]) -> Resource:
    members = [(story.practitioner, "Billing practitioner"), (team[0], "Care manager")]
    return {
        "resourceType": "CareTeam",
        "id": _id(story, "team"),
        "status": "active",
        "name": "Care team",
        "subject": subject,
        "period": {"start": story.enrolled.date().isoformat()},
        "participant": [{"role": [{"text": role}], "member": _reference("Practitioner", who.id)} for who, role in members],
        "managingOrganization": [_reference("Organization", practice.organization)],
    }


def _id(story: Story, what: str) -> str:
    """Return the id of a record of which the patient has one: readable, and unique through the patient's own id."""
    return f"{what}-{story.person.id}"


def _reference(kind: str, key: str) -> Resource:
    return {"reference": f"{kind}/{key}"}


def _identifier(system: str, value: str, code: str) -> Resource:
    return {"type": _concept(_HL7 + "v2-0203", code), "system": system, "value": value}


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def _period(interval: Interval) -> Resource:
    return {"start": interval[0].isoformat(), "end": interval[1].isoformat()}
