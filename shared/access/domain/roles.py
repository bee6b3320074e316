"""Who may do what in the app: roles from a practice's rules and staff list, pages from roles."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.access.domain.launch_refusals import LaunchRefused
from shared.kernel.vocabulary import StaffRole

ROLE_WORDS = {
    StaffRole.CLINICAL_STAFF: "Clinical staff",
    StaffRole.BILLING_PRACTITIONER: "Billing practitioner",
    StaffRole.BILLER: "Biller",
    StaffRole.PROGRAM_LEAD: "Program lead",
    StaffRole.AUDITOR: "Auditor",
}


@dataclass(frozen=True)
class Rule:
    """One line of a practice's role rules: whoever has all that is named has the role."""

    role: StaffRole
    code: str | None = None
    npi: str | None = None
    practitioner: str | None = None

    def meets(self, practitioner: str, npi: str | None, codes: Collection[str]) -> bool:
        """Tell whether the person has everything that the rule names, and the rule names something."""
        named = [
            (self.code, self.code in codes),
            (self.npi, self.npi == npi),
            (self.practitioner, self.practitioner == practitioner),
        ]
        held = [holds for wanted, holds in named if wanted is not None]
        return bool(held) and all(held)


@dataclass(frozen=True)
class Page:
    """A page: its address under the app, its name, and whose work it is."""

    path: str
    name: str
    roles: frozenset[StaffRole]


CHART_PAGES = (
    Page("consent/history", "Consent", frozenset(StaffRole)),
    Page("time/log", "Log time by hand", frozenset({StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER})),
)
"""What opens over a chart's month."""

DESK_PAGES = (
    Page(
        "billing/worklist",
        "Worklist",
        frozenset({StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER, StaffRole.PROGRAM_LEAD}),
    ),
    Page(
        "billing/desk",
        "Desk",
        frozenset({StaffRole.BILLER, StaffRole.BILLING_PRACTITIONER, StaffRole.PROGRAM_LEAD, StaffRole.AUDITOR}),
    ),
    Page("billing/program", "Program", frozenset({StaffRole.PROGRAM_LEAD, StaffRole.AUDITOR})),
    Page("access/audit", "Audit", frozenset({StaffRole.AUDITOR})),
    Page("billing/rules", "Rules", frozenset(StaffRole)),
    Page("billing/refreshers", "Refreshers", frozenset(StaffRole)),
)


def roles_of(
    rules: Iterable[Rule], *, practitioner: str, npi: str | None, codes: Collection[str], listed: Iterable[str]
) -> frozenset[StaffRole]:
    """Return all roles of a person, by the practice's rules and its staff list; LaunchRefused if there is none."""
    roles = {rule.role for rule in rules if rule.meets(practitioner, npi, codes)}
    roles |= {StaffRole(role) for role in listed if role in set(StaffRole)}
    if not roles:
        raise LaunchRefused("role-not-mapped")
    return frozenset(roles)


def pages_for(roles: Collection[str], *, chart: bool) -> list[Page]:
    """Return the pages that somebody with these roles sees in a chart, or at the desk, in order."""
    return [page for page in (CHART_PAGES if chart else DESK_PAGES) if page.roles & set(roles)]
