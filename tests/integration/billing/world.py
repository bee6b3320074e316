"""A small practice as its events and its EHR tell it: Dr. Ada bills, nurse Bo works, patients have what CCM asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from shared.contracts.base import Payload, Person
from shared.contracts.consent import ConsentState
from shared.contracts.event import Event
from shared.contracts.staff_member import Credential, RoleHeld, StaffMemberState, Supervision, WorkLocation
from shared.contracts.time_entry import NoteAssessment, Problem, TimeEntryState
from shared.fhir.client import EhrUnavailable
from tests.fakes.world import tenant_id, tenant_state

ADA, BO, CY, DEE = "dr-ada", "rn-bo", "dr-cy", "desk-dee"
SINCE = date(2025, 1, 1)
TOLD = {"availability": True, "cost-sharing": True, "one-practitioner": True, "right-to-stop": True}
PROGRAM = "https://careledger.example/fhir/CodeSystem/program"


def at(day: int, hour: int = 14, minute: int = 0, *, month: int = 10) -> datetime:
    """Return an instant of 2026, in UTC."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def event(kind: str, payload: Payload, aggregate_id: str, version: int, time: datetime, *, tenant: str = "north") -> Event:
    """Return the event of a payload."""
    data = payload.model_dump(mode="json")
    return Event(uuid4(), kind, tenant, tenant_id(tenant), aggregate_id, version, time, data)


def newer(event: Event, version: int) -> Event:
    """Return the event as that of a later version of its aggregate."""
    return replace(event, version=version, data={**event.data, "version": version})


def tenant_event(slug: str = "north", **changes: Any) -> Event:
    """Return the practice's settings."""
    state = tenant_state(slug, **changes)
    return event("ccm.tenant.applied.v1", state, state.tenant_id, state.version, state.applied_at, tenant=slug)


def staff_event(who: str, credential: str, *roles: str, tenant: str = "north", npi: str | None = None) -> Event:
    """Return a member of the staff in good standing."""
    state = StaffMemberState(
        practitioner=who,
        version=1,
        name=who,
        npi=npi,
        recorded_at=datetime(2025, 1, 1, tzinfo=UTC),
        recorded_by="lead",
        roles=tuple(RoleHeld(since=SINCE, role=role) for role in roles),
        credentials=(Credential(since=SINCE, credential=credential, state="CT"),),
        supervision=(Supervision(since=SINCE, practitioner=ADA),),
        locations=(WorkLocation(since=SINCE, country="US", state="CT", attested_by="lead"),),
        exclusion_checks=tuple(date(2026, month, 1) for month in range(1, 13)),
    )
    return event("ccm.staff-member.recorded.v1", state, who, 1, state.recorded_at, tenant=tenant)


def practice(tenant: str = "north") -> list[Event]:
    """Return what a practice begins with."""
    return [
        tenant_event(tenant),
        staff_event(ADA, "physician", "billing-practitioner", "program-lead", tenant=tenant, npi="1245319599"),
        staff_event(CY, "physician", "billing-practitioner", tenant=tenant, npi="1568435994"),
        staff_event(BO, "registered-nurse", "clinical-staff", tenant=tenant),
        staff_event(DEE, "non-clinical", "biller", tenant=tenant),
    ]


def consent(patient: str, *, tenant: str = "north", version: int = 1, **changes: Any) -> Event:
    """Return a patient's consent to CCM with Dr. Ada, given in January."""
    given = datetime(2026, 1, 20, 15, 0, tzinfo=UTC)
    fields: dict[str, Any] = {
        "consent_id": f"consent-{patient}",
        "version": version,
        "patient": patient,
        "program": "ccm",
        "practitioner": Person(id=ADA, npi="1245319599", name="Ada"),
        "status": "active",
        "change": "granted",
        "method": "verbal",
        "given_at": given,
        "recorded_at": given,
        "first_recorded_at": given,
        "recorded_by": BO,
        "obtained_by": Person(id=BO, credential="registered-nurse"),
        "disclosures": TOLD,
        "in_force_from": given,
    }
    state = ConsentState(**fields | changes)
    return event(f"ccm.consent.{state.change}.v1", state, state.consent_id, version, state.recorded_at, tenant=tenant)


def entry(
    patient: str, begins: datetime, minutes: float, *, number: int = 1, version: int = 1, tenant: str = "north", **changes: Any
) -> Event:
    """Return a stretch of nurse Bo's time, well documented."""
    ends = begins + timedelta(minutes=minutes)
    fields: dict[str, Any] = {
        "entry_id": f"entry-{patient}-{number}",
        "version": version,
        "patient": patient,
        "status": "completed",
        "change": "logged",
        "performer": Person(id=BO, name="Bo", credential="registered-nurse"),
        "role": "registered-nurse",
        "directed_by": ADA,
        "program": "ccm",
        "activity": "patient-contact",
        "start": begins,
        "end": ends,
        "seconds": int((ends - begins).total_seconds()),
        "basis": "measured",
        "problem": Problem(condition=f"{patient}-dm", codes=("http://hl7.org/fhir/sid/icd-10-cm|E11.9",), text="diabetes"),
        "action_taken": "called the patient about the fasting log",
        "clinical_relevance": "fasting glucose 182, up from 150",
        "note_assessment": NoteAssessment(outcome="pass", version="1"),
        "author": BO,
        "written_at": ends,
        "first_written_at": ends,
    }
    state = TimeEntryState(**fields | changes)
    return event(f"ccm.time-entry.{state.change}.v1", state, state.entry_id, version, state.written_at, tenant=tenant)


def chart(patient: str) -> list[dict[str, Any]]:
    """Return what the EHR has of a patient to whom nothing is missing."""
    subject = {"reference": f"Patient/{patient}"}

    def condition(key: str, code: str) -> dict[str, Any]:
        return {
            "resourceType": "Condition",
            "id": f"{patient}-{key}",
            "meta": {"versionId": "1"},
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]},
            "subject": subject,
            "onsetDateTime": "2020-05-01",
        }

    return [
        {
            "resourceType": "Patient",
            "id": patient,
            "meta": {"versionId": "1"},
            "identifier": [
                {"type": {"coding": [{"code": "MR"}]}, "system": "https://north.example/mrn", "value": f"MRN-{patient}"}
            ],
            "birthDate": "1950-03-04",
        },
        condition("dm", "E11.9"),
        condition("htn", "I10"),
        {
            "resourceType": "Coverage",
            "id": f"{patient}-medicare",
            "meta": {"versionId": "1"},
            "status": "active",
            "type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "121"}]},
            "subscriberId": f"MBI-{patient}",
            "beneficiary": subject,
            "period": {"start": "2015-03-01"},
            "payor": [{"reference": "Organization/medicare", "display": "Medicare Part B"}],
        },
        {
            "resourceType": "Encounter",
            "id": f"{patient}-visit",
            "meta": {"versionId": "1"},
            "status": "finished",
            "class": {"code": "AMB"},
            "type": [{"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "99214"}]}],
            "subject": subject,
            "participant": [{"individual": {"reference": f"Practitioner/{ADA}"}}],
            "period": {"start": "2026-01-20T09:00:00-05:00", "end": "2026-01-20T09:30:00-05:00"},
        },
        {
            "resourceType": "CarePlan",
            "id": f"{patient}-plan",
            "meta": {"versionId": "1"},
            "status": "active",
            "intent": "plan",
            "subject": subject,
            "created": "2026-01-20",
            "author": {"reference": f"Practitioner/{ADA}"},
        },
        {
            "resourceType": "EpisodeOfCare",
            "id": f"{patient}-episode",
            "meta": {"versionId": "1"},
            "status": "active",
            "type": [{"coding": [{"system": PROGRAM, "code": "ccm"}]}],
            "patient": subject,
            "period": {"start": "2026-01-20"},
            "careManager": {"reference": f"Practitioner/{ADA}"},
        },
    ]


PRACTICE_STATEMENTS = (
    "plan-sharing",
    "access-24-7",
    "continuity",
    "certified-ehr",
    "transitions",
    "community-coordination",
    "enhanced-communication",
)


def statement(
    kind: str, value: Mapping[str, Any], *, patient: str | None = None, by: str = ADA, **changes: Any
) -> dict[str, Any]:
    """Return the body of an attestation by Dr. Ada, effective since January."""
    return {
        "identifier": {"system": "https://north.example/attestations", "value": f"{kind}/{patient}/{changes.get('month')}"},
        "kind": kind,
        "patient": patient,
        "value": dict(value),
        "by": by,
        "role": "billing-practitioner",
        "signed_at": "2026-01-20T16:00:00Z",
        "effective": "2026-01-20",
    } | changes


def statements(patient: str) -> list[dict[str, Any]]:
    """Return what Dr. Ada says of a patient at enrolment."""
    return [
        statement("risk", {"significant": True}, patient=patient),
        statement("conditions", {"codes": ["E11.9", "I10"]}, patient=patient),
        statement("initiating-visit", {"day": "2026-01-20", "practitioner": ADA, "discussed": True}, patient=patient),
        statement("plan-copy", {"day": "2026-01-20", "method": "paper", "recipient": "patient"}, patient=patient),
    ]


@dataclass
class FakeChart:
    """An EHR in memory; `down` and it does not answer."""

    charts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    down: bool = False
    reads: int = 0

    async def of_patient(self, patient: str) -> list[Mapping[str, Any]]:
        """Return the patient's resources."""
        self.reads += 1
        if self.down:
            raise EhrUnavailable("the EHR sleeps")
        return list(self.charts.get(patient, []))

    async def enrolled(self) -> list[str]:
        """Return whose chart has an active episode."""
        if self.down:
            raise EhrUnavailable("the EHR sleeps")
        return sorted(
            patient
            for patient, resources in self.charts.items()
            if any(one["resourceType"] == "EpisodeOfCare" and one["status"] == "active" for one in resources)
        )
