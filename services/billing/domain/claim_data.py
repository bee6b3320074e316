"""What a payer's claim needs beside the decision (`claim.required`): numbers of patient, practice, practitioner and plan."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from services.billing.domain.findings import Assembly, Concerns, Finding, PlannedCharge, Severity
from services.billing.domain.ledger import Ledger, TenantFact

RULE = "CLAIM"


@dataclass(frozen=True)
class _Claim:
    line: PlannedCharge
    tenant: TenantFact
    payer: str | None
    member: str | None
    mrn: str | None


@dataclass(frozen=True)
class _Element:
    """A thing that a claim carries: how it is called, who can add it and where, and how it is found."""

    name: str
    who: str
    action: str
    of: Callable[[_Claim], str | None]


_ELEMENTS = {
    "patient-mrn": _Element(
        "the patient's record number", "front desk", "add the identifier of type MR to the Patient in the EHR", lambda c: c.mrn
    ),
    "rendering-npi": _Element(
        "the practitioner's NPI", "program lead", "add the NPI on the staff roster", lambda c: c.line.practitioner_npi
    ),
    "billing-npi": _Element("the practice's NPI", "administrator", "add the NPI to the settings", lambda c: c.tenant.npi),
    "billing-tin": _Element("the practice's TIN", "administrator", "add the TIN to the settings", lambda c: c.tenant.tin),
    "payer": _Element("the payer", "biller", "name the payer in the Coverage", lambda c: c.payer),
    "member-id": _Element("the member number", "biller", "add the member number to the Coverage", lambda c: c.member),
}
ELEMENTS = frozenset(_ELEMENTS)


def claim_findings(assembly: Assembly, ledger: Ledger, mrn: str | None, required: Collection[str]) -> list[Finding]:
    """Return a hold on the release for each required element that the month's planned charges would lack."""
    if not assembly.charges:
        return []
    line = assembly.charges[0]
    coverage = next((coverage for coverage in ledger.coverages if coverage.source == line.coverage), None)
    payer, member = (coverage.payer or coverage.payer_name, coverage.member_id) if coverage else (None, None)
    claim = _Claim(line, ledger.practice.tenant_on(line.date_of_service), payer, member, mrn)
    lacking = [_ELEMENTS[key] for key in required if not _ELEMENTS[key].of(claim)]
    facts = tuple(source for source in (ledger.patient.source, line.coverage) if source)
    return [
        Finding(
            rule=RULE,
            situation="claim-data",
            severity=Severity.HOLD,
            text=f"The payer's claim needs {element.name}, which is not known.",
            concerns=Concerns.RELEASE,
            key=f"{RULE}:{element.name}",
            facts=facts,
            references=("claim.required",),
            who_can_fix=element.who,
            action=element.action,
            would_make_billable=element.name,
            touches=assembly.program,
        )
        for element in lacking
    ]
