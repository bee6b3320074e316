"""A charge as a line of the charges file: the columns, their order and their version (docs/charges-csv.md).

Within a version columns keep name, order and meaning; a new column, or another meaning, is a new version. What the ChargeItem
says is said here under the same id: a billing system may load either.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.billing.domain.charge import ChargeItem, CoverageLine
from services.billing.domain.charge_item import ChargeStatus

COLUMNS_VERSION = "1"
MOST_DIAGNOSES, MOST_MODIFIERS, MOST_PAYERS = 12, 4, 2

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CLAIMED = (ChargeStatus.BILLED, ChargeStatus.ENTERED_IN_ERROR)
_NOBODY = CoverageLine(coverage="", rank=0)

_Reader = Callable[[ChargeItem], object]
_BEFORE: dict[str, _Reader] = {
    "charge_id": lambda c: c.id,
    "charge_version": lambda c: c.version,
    "status": lambda c: c.status.value,
    "service_month": lambda c: c.month,
    "date_of_service": lambda c: c.line.date_of_service,
    "code": lambda c: c.line.code,
    "units": lambda c: c.line.units,
}
_WHOSE: dict[str, _Reader] = {
    "place_of_service": lambda c: c.line.place_of_service,
    "patient_id": lambda c: c.patient,
    "patient_mrn": lambda c: c.mrn and c.mrn.value,
    "patient_mrn_system": lambda c: c.mrn and c.mrn.system,
    "rendering_id": lambda c: c.line.practitioner,
    "rendering_npi": lambda c: c.line.practitioner_npi,
    "rendering_name": lambda c: c.practitioner_name,
    "billing_npi": lambda c: c.organization_npi,
    "billing_tin": lambda c: c.organization_tin,
    "do_not_bill_patient": lambda c: "" if c.line.patient_billable else "yes",
}
_AFTER: dict[str, _Reader] = {
    "part_of": lambda c: c.part_of,
    "replaces": lambda c: c.replaces,
    "claim_frequency": lambda c: c.claim_frequency,
    "claim_number": lambda c: c.claim.value if c.claim and c.status in _CLAIMED else None,
    "claim_system": lambda c: c.claim.system if c.claim and c.status in _CLAIMED else None,
    "account_id": lambda c: c.account and c.account.removeprefix("Account/"),
    "context": lambda c: c.context,
    "attested_by": lambda c: c.entered_by,
}
_PAYER = ("id", "name", "member_id", "coverage_id")
_NUMBERED = (
    *(f"modifier_{n}" for n in range(1, MOST_MODIFIERS + 1)),
    *(f"diagnosis_{n}" for n in range(1, MOST_DIAGNOSES + 1)),
    *(f"payer_{n}_{part}" for n in range(1, MOST_PAYERS + 1) for part in _PAYER),
)

COLUMNS = (*_BEFORE, "charge_amount", *_WHOSE, *_NUMBERED, *_AFTER, "attested_at", "rule", "rule_book", "decision")


def cell(value: object) -> str:
    """Write a cell: None is empty, and nothing begins as what a spreadsheet takes for a formula (it gets a leading `'`)."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def line_of(charge: ChargeItem, amount: Decimal | None, zone: ZoneInfo) -> tuple[str, ...]:
    """Return a charge's cells in the order of COLUMNS; `amount` is the line's, for all its units, in dollars and cents."""
    entered = charge.entered_at.astimezone(zone).isoformat() if charge.entered_at else None
    line = charge.line
    cells = (
        *_read(_BEFORE, charge),
        None if amount is None else f"{amount:.2f}",
        *_read(_WHOSE, charge),
        *_filled(line.modifiers, MOST_MODIFIERS),
        *_filled(line.diagnoses, MOST_DIAGNOSES),
        *_payers(charge),
        *_read(_AFTER, charge),
        entered,
        line.code_id,
        charge.rule_book,
        charge.decision,
    )
    return tuple(cell(value) for value in cells)


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as RFC 4180 has them: UTF-8 without a mark at the beginning, lines ended by CRLF."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _read(readers: dict[str, _Reader], charge: ChargeItem) -> list[object]:
    return [read(charge) for read in readers.values()]


def _filled(values: Sequence[str], places: int) -> list[str | None]:
    return [*values[:places], *[None] * (places - len(values))]


def _payers(charge: ChargeItem) -> list[str | None]:
    found: list[str | None] = []
    for each in (*charge.coverages, *[_NOBODY] * MOST_PAYERS)[:MOST_PAYERS]:
        found += [each.payer, each.payer_name, each.member_id, each.coverage or None]
    return found
