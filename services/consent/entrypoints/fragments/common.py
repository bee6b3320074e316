"""What consent's fragments share: roles, the person behind a request, names and words, answers after a write."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Request, Response

from services.consent.domain.consent import Consent, Person
from services.consent.domain.disclosure import REQUIRED
from services.consent.entrypoints.dependencies import Call, call_of
from services.consent.fhir_mapping.inbound import Inbound, read_consent
from services.consent.usecases.ports import Accepted, Recorded
from services.consent.usecases.staff_on_day import billing_practitioners, credential_on, may_obtain
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.staff_member import StaffMemberState
from shared.fhir.json_text import dump
from shared.fhir.shape import check_shape
from shared.kernel.calendar_month import day_start
from shared.kernel.errors import Forbidden
from shared.kernel.vocabulary import ConsentMethod, DisclosureCode, Program, StaffRole
from shared.web.access_control import Principal, page
from shared.web.pages import Pages, clock_words, day_words
from shared.web.typed import FieldError
from shared.web.words import person_words

WRITERS = (StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER)
READERS = (*WRITERS, StaffRole.BILLER, StaffRole.PROGRAM_LEAD, StaffRole.AUDITOR)

Writer = Annotated[Principal, Depends(page(*WRITERS))]
Reader = Annotated[Principal, Depends(page(*READERS))]

PAGES = Pages(Path(__file__).parent.parent / "templates")

METHODS = {
    ConsentMethod.VERBAL: "Verbal",
    ConsentMethod.ELECTRONIC: "Signed on screen",
    ConsentMethod.WRITTEN: "Signed on paper",
}
TOPICS = {
    DisclosureCode.AVAILABILITY: "What it is",
    DisclosureCode.COST_SHARING: "Cost",
    DisclosureCode.ONE_PRACTITIONER: "One practitioner",
    DisclosureCode.RIGHT_TO_STOP: "Right to stop",
    DisclosureCode.SCOPE_OF_SERVICES: "What it covers",
}
IDENTITY_CHECKS = {"name-and-birth-date": "Name and date of birth", "address": "Address", "chart-number": "Number in the chart"}
LANGUAGES = {"en": "English", "es": "Spanish"}
AUTHORITIES = ("Health care power of attorney", "Legal guardian", "Next of kin under state law")
CHANNELS = ("By phone", "In person", "By letter or portal", "Through a representative")

Row = dict[str, Any]


@dataclass(frozen=True)
class Speech:
    """How a practice says days, times and names: on its pages, and on paper."""

    zone: ZoneInfo
    now: datetime
    practice_name: str
    staff: dict[str, StaffMemberState]

    @property
    def today(self) -> date:
        """The day at the practice."""
        return self.now.astimezone(self.zone).date()

    def when(self, at: datetime, *, seconds: bool = False) -> str:
        """Say day and time: `Sep 9, 2026, 2:05 pm`."""
        return f"{day_words(at, self.zone)}, {clock_words(at, self.zone, seconds=seconds)}"

    def day(self, at: datetime) -> str:
        """Say a day."""
        return day_words(at, self.zone)

    def name_of(self, person: Person) -> str:
        """Return what a consent or the roster calls somebody."""
        member = self.staff.get(person.id)
        return person.name or (member.name if member else f"Practitioner {person.id}")

    def who_of(self, actor: str) -> str:
        """Return what the roster calls who recorded something, else the client or person as recorded."""
        member = self.staff.get(actor.rpartition("/")[2])
        return person_words(member.name, credential_on(member, self.today)) if member else actor


@dataclass(frozen=True)
class Desk(Speech):
    """One request for a fragment: the call, the present, the roster, the chart, and the person and patient concerned.

    `files_from` is the instant from which on what is recorded goes into the EHR's chart; None if nothing does.
    """

    call: Call
    person: str
    patient: str
    writes: bool
    practice_npi: str
    programs: tuple[str, ...]
    public_url: str
    chart: EhrContextState | None
    files_from: datetime | None

    @property
    def base(self) -> str:
        """The address of the fragments."""
        return f"/t/{self.call.practice.tenant}/app/consent"

    @property
    def billing(self) -> str:
        """The address of billing's fragments: what the payer asks for, and the amount to say."""
        return f"/t/{self.call.practice.tenant}/app/billing"

    @property
    def me(self) -> StaffMemberState | None:
        """The person, if on the roster in a role that may obtain a consent today."""
        member = self.staff.get(self.person)
        return member if member and may_obtain(member, self.today) else None

    @property
    def practitioners(self) -> dict[str, StaffMemberState]:
        """Who bills for the practice today."""
        return billing_practitioners(self.staff.values(), self.today)


async def desk_of(request: Request, principal: Principal) -> Desk:
    """Return the desk of a verified page request; Forbidden for somebody whom the EHR does not name as a Practitioner."""
    kind, _, person = principal.actor.rpartition("/")
    assert principal.patient is not None  # the route asks for a chart
    writes = bool(principal.roles & set(WRITERS))
    if writes and not (kind.rpartition("/")[2] == "Practitioner" and person):
        raise Forbidden("the EHR did not say which Practitioner you are")
    call = await call_of(request, principal)
    tenant = await request.app.state.registry.tenant(principal.tenant)
    async with call.read(call.practice) as uow:
        staff = await uow.staff.all()
        chart = await uow.charts.find(principal.patient)
    zone, files = call.practice.zone, tenant.document.ehr.file_consents_from
    return Desk(
        zone=zone,
        call=call,
        now=call.world.clock.now(),
        person=person,
        patient=principal.patient,
        writes=writes,
        practice_name=tenant.document.name,
        practice_npi=tenant.document.npi,
        programs=tenant.document.programs,
        public_url=request.app.state.public_url,
        staff={member.practitioner: member for member in staff},
        chart=chart,
        files_from=day_start(files, zone) if files else None,
    )


def answer(template: str, *, status: int = 200, seen: Consent | None = None, **values: Any) -> Response:
    """Answer with a fragment; `seen` is the version just written, of which the shell tells the other fragments."""
    told = json.dumps({"careledger:written": {"seen": f"{seen.id}@{seen.version}"}}) if seen else None
    return PAGES.answer(template, status=status, headers={"HX-Trigger": told} if told else None, **values)


def read_back(desk: Desk, resource: Row) -> tuple[Inbound, Accepted]:
    """Read a resource that a page made as one that a client sent, and return it with what is kept of it."""
    text = dump(resource)
    inbound = read_consent(check_shape("Consent", text), desk.call.bases)
    kept = dump(inbound.resource).decode()
    return inbound, Accepted(kept, inbound.categories, inbound.patient_identifiers, text.decode())


def program_with(program: str, practitioner: str) -> str:
    """Say what a consent is for: `CCM with Dr Priya Raman`."""
    return f"{Program(program).value.upper()} with {practitioner}"


def told_words(consent: Consent) -> str:
    """Say in a sentence which of the required points were told."""
    missing = [TOPICS[code] for code in REQUIRED if not consent.statement.disclosures.get(code)]
    return "All four points told." if not missing else f"Not told: {', '.join(missing).lower()}."


def errors_by_field(errors: Sequence[FieldError]) -> list[Row]:
    """Return the errors as templates take them."""
    return [{"field": error.field, "text": error.text} for error in errors]


async def all_consents(desk: Desk) -> list[Recorded]:
    """Return every version of every consent of the patient, to the practice's programs and any other."""
    async with desk.call.read(desk.call.practice) as uow:
        found: list[Recorded] = []
        for program in Program:
            current = await uow.consents.current(desk.patient, program)
            if current:
                found += await uow.consents.versions(*(one.consent.id for one in current), patient=desk.patient)
    return found
