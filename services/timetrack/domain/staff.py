"""The staff roster: who may work with Careledger, in which dated roles and credentials (ccm-rules T9-T13, T28)."""

from dataclasses import dataclass
from datetime import date

from shared.kernel.errors import Forbidden, Invalid, Issue
from shared.kernel.vocabulary import PerformerRole, StaffRole

_TIMER_ROLES = (StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER)


class InvalidStaffMember(Invalid):
    """The roster entry says what cannot be; its issues name the fields."""

    rule = "staff-member"


class NotOnRoster(Forbidden):
    """The named person may not do this on that day."""

    rule = "staff-role"


@dataclass(frozen=True, slots=True)
class Dated:
    """Something that holds from a day to a day (both inclusive; no `until`: still)."""

    since: date
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Tell whether it holds on `day`."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class RoleHeld(Dated):
    """A role in Careledger."""

    role: StaffRole = StaffRole.CLINICAL_STAFF


@dataclass(frozen=True, slots=True)
class Credential(Dated):
    """A license or certification and the state that gave it."""

    credential: PerformerRole = PerformerRole.NON_CLINICAL
    state: str | None = None
    number: str | None = None
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Supervision(Dated):
    """The billing practitioner (EHR Practitioner id) who supervises the person's work."""

    practitioner: str = ""


@dataclass(frozen=True, slots=True)
class WorkLocation(Dated):
    """Where the person works: ISO country, US state, and who attested it."""

    country: str = ""
    state: str | None = None
    attested_by: str = ""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One member of the practice's staff; `practitioner` is the EHR's Practitioner id."""

    practitioner: str
    name: str
    npi: str | None = None
    fhir_user: str | None = None
    roles: tuple[RoleHeld, ...] = ()
    credentials: tuple[Credential, ...] = ()
    supervision: tuple[Supervision, ...] = ()
    locations: tuple[WorkLocation, ...] = ()
    exclusion_checks: tuple[date, ...] = ()

    def may_run_timers(self, day: date) -> bool:
        """Tell whether the person holds a role on `day` in which one records time."""
        return any(held.role in _TIMER_ROLES and held.holds_on(day) for held in self.roles)

    def credential_on(self, day: date) -> PerformerRole | None:
        """Return the credential in which the person works on `day`: the one that holds, else the latest that did."""
        held = sorted(self.credentials, key=lambda c: (c.holds_on(day), c.since), reverse=True)
        begun = [credential for credential in held if credential.since <= day]
        return begun[0].credential if begun else None

    def supervisor_on(self, day: date) -> str | None:
        """Return the billing practitioner who supervises on `day`, if exactly one is recorded."""
        found = {s.practitioner for s in self.supervision if s.holds_on(day)}
        return found.pop() if len(found) == 1 else None


def check_member(member: StaffMember, *, today: date) -> StaffMember:
    """Return `member`; InvalidStaffMember for periods that end before they begin, an NPI that is none, and future checks."""
    issues = []
    for name in ("roles", "credentials", "supervision", "locations"):
        for index, dated in enumerate(getattr(member, name)):
            if dated.until is not None and dated.until < dated.since:
                issues.append(Issue("staff-period", "ends before it begins", f"{name}.{index}.until"))
    if member.npi is not None and not is_npi(member.npi):
        issues.append(Issue("staff-npi", "is no National Provider Identifier (ten digits, the last a check digit)", "npi"))
    for index, day in enumerate(member.exclusion_checks):
        if day > today:
            issues.append(Issue("staff-check-future", "a check is entered once it was made", f"exclusion_checks.{index}"))
    if issues:
        raise InvalidStaffMember(issues[0].text, issues=tuple(issues))
    return member


def require_timer_role(member: StaffMember | None, *, practitioner: str, day: date) -> StaffMember:
    """Return `member`; NotOnRoster if nobody of that id is on the roster, or not in a role that records time on `day`."""
    if member is None or not member.may_run_timers(day):
        roles = " or ".join(_TIMER_ROLES)
        raise NotOnRoster(f"Practitioner {practitioner} is not on the roster as {roles} on {day}", expression="performer")
    return member


def is_npi(text: str) -> bool:
    """Tell whether `text` is ten digits whose last is the Luhn check digit over 80840 and the first nine (45 CFR 162.406)."""
    if len(text) != 10 or not (text.isascii() and text.isdigit()):
        return False
    total = 24  # of the prefix 80840
    for position, digit in enumerate(map(int, text)):
        doubled = digit * 2 if position % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
