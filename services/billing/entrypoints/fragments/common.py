"""What the fragments share: roles, the person behind a request, words for people, payers, days, findings."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response

from services.billing.domain.findings import Finding, Severity
from services.billing.domain.ledger import Practice
from services.billing.entrypoints.dependencies import Call, call_of
from services.billing.usecases.view_ports import Face
from shared.kernel.errors import Forbidden
from shared.kernel.vocabulary import Lane, StaffRole
from shared.web.access_control import Principal, page
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import Pages, date_words, day_words, days_in_words
from shared.web.words import person_words

EVERYBODY = tuple(StaffRole)

ChartReader = Annotated[Principal, Depends(page(*EVERYBODY))]
ChartWriter = Annotated[Principal, Depends(page(StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER))]

PAGES = Pages(Path(__file__).parent.parent / "templates")

Row = dict[str, Any]

LANES = {
    Lane.CLINICAL_STAFF: "Clinical staff",
    Lane.COMPLEX: "Complex",
    Lane.PRACTITIONER: "Practitioner",
}
PROFILES = {
    "medicare_ffs": "Medicare FFS",
    "medicare_advantage": "Medicare Advantage",
    "medicaid": "Medicaid",
    "commercial_strict": "Commercial",
    "ffs_like": "Plan by Medicare's rules",
    "unknown": "not known",
}
ROLES = {
    "clinical-staff": "Care manager",
    "billing-practitioner": "Practitioner",
    "program-lead": "Program lead",
    "biller": "Biller",
    "author": "The author",
    "nobody": "Nobody",
}
PLACES = {
    "11": "office",
    "19": "hospital outpatient, off campus",
    "22": "hospital outpatient, on campus",
    "50": "federally qualified health center",
    "72": "rural health clinic",
}
_RANK = {Severity.INFO: 0, Severity.REVIEW: 1, Severity.HOLD: 2, Severity.DENY: 3}
SEVERITY_WORDS = {Severity.INFO: "Info", Severity.REVIEW: "Review", Severity.HOLD: "Hold", Severity.DENY: "Denied"}


def fragment_router(path: str = "") -> APIRouter:
    """Return a router of fragments."""
    return APIRouter(prefix=f"/t/{{tenant}}/app/billing{path}", route_class=RetryingRoute, include_in_schema=False)


@dataclass(frozen=True)
class Desk:
    """One request for a fragment: the call, who makes it, and when."""

    call: Call
    person: str
    roles: frozenset[str]
    at: datetime
    zone: ZoneInfo

    @property
    def base(self) -> str:
        """The address of billing's fragments."""
        return f"/t/{self.call.principal.tenant}/app/billing"

    @property
    def time(self) -> str:
        """The address of timetrack's fragments."""
        return f"/t/{self.call.principal.tenant}/app/time"

    @property
    def patient(self) -> str:
        """The patient of the chart."""
        assert self.call.principal.patient is not None  # the route asks for a chart
        return self.call.principal.patient

    @property
    def today(self) -> date:
        """The day at the practice."""
        return self.at.astimezone(self.zone).date()

    def has(self, *roles: StaffRole) -> bool:
        """Tell whether the person holds one of the roles."""
        return bool(self.roles & set(roles))


async def desk_of(request: Request, principal: Principal, *, writes: bool = False) -> Desk:
    """Return the desk of a page request; Forbidden for a writer whom the EHR does not name as a Practitioner."""
    call = await call_of(request, principal)
    kind, _, person = principal.actor.rpartition("/")
    named = kind.rpartition("/")[2] == "Practitioner" and bool(person)
    if writes and not named:
        raise Forbidden("the EHR did not say which Practitioner you are")
    return Desk(call, person if named else "", principal.roles, call.world.clock.now(), call.bases.zone)


def answer(template: str, *, status: int = 200, seen: str = "", **values: Any) -> Response:
    """Answer with a fragment; `seen` is what was just written, of which the shell tells the other fragments."""
    headers = {"HX-Trigger": json.dumps({"careledger:written": {"seen": seen}})} if seen else None
    return PAGES.answer(template, status=status, headers=headers, **values)


def day_of(day: date | None) -> str:
    """Say a day: `Nov 24, 2026`."""
    return date_words(day) if day else ""


def weekday_of(day: date) -> str:
    """Say a day of this month: `Tue Nov 24`."""
    return f"{day:%a} {day:%b} {day.day}"


def moment_of(at: datetime, zone: ZoneInfo) -> str:
    """Say the day of an instant."""
    return day_words(at, zone)


def age_of(day: date | None, today: date) -> str:
    """Say how old a fact is: `today`, `12 days`, `5 months`, `2 years`."""
    if day is None:
        return ""
    days = (today - day).days
    if days <= 0:
        return "today" if days == 0 else "in the future"
    for length, unit in ((365, "year"), (30, "month"), (1, "day")):
        if days >= length * (1 if unit == "day" else 2 if unit == "month" else 1):
            number = days // length
            return f"{number} {unit}{'' if number == 1 else 's'} old"
    return ""


def years_between(born: date, today: date) -> int:
    """Return an age in years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def person_of(practice: Practice, practitioner: str) -> str:
    """Name a member of the staff, or a practitioner whom the roster does not know."""
    staff = practice.staff.get(practitioner)
    return staff.name if staff is not None else unlisted_words(practitioner)


def unlisted_words(practitioner: str) -> str:
    """Say of somebody that the staff list does not name them, with the id by which it would."""
    return f"Not on the staff list ({practitioner})"


def performer_words(practice: Practice, practitioner: str, name: str | None, role: str) -> str:
    """Say who did the work, in which credential."""
    staff = practice.staff.get(practitioner)
    return person_words(name or (staff.name if staff else practitioner), role)


def face_row(face: Face, patient: str, today: date) -> Row:
    """Return who a patient is as pages show it."""
    born = f"{day_of(face.birth_date)} (age {years_between(face.birth_date, today)})" if face.birth_date else "not known"
    return {"name": face.name or f"Patient {patient}", "born": born, "mrn": face.mrn or "not known"}


def profile_words(profile: str) -> str:
    """Say by whose rules a month is judged."""
    return PROFILES.get(profile, profile.replace("_", " "))


def place_words(place: str) -> str:
    """Say where the service takes place: its code and, of the usual ones, what it is."""
    return f"{place}, {PLACES[place]}" if place in PLACES else place


def worst(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the gravest first."""
    return sorted(findings, key=lambda finding: -_RANK[finding.severity])


def finding_row(finding: Finding) -> Row:
    """Return a finding as pages show it."""
    words = SEVERITY_WORDS[finding.severity] if finding.decided is None else "Decided"
    return {
        "level": finding.severity.value if finding.decided is None else "ok",
        "words": words,
        "text": sentence(finding.text),
        "rule": finding.rule,
        "would": sentence(finding.would_make_billable) if finding.would_make_billable else "",
        "who": role_words(finding.who_can_fix),
        "seconds": finding.seconds,
    }


def role_words(who: str) -> str:
    """Say who can mend something."""
    return ROLES.get(who, who.replace("-", " ").capitalize())


def counted(number: int, word: str) -> str:
    """Say how many: `1 note`, `2 notes`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def sentence(text: str) -> str:
    """Make the engine's words a sentence of a page."""
    text = days_in_words(text.strip())
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".") if text else ""
