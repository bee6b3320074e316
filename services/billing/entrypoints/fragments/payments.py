"""What payers decided, in the lead's numbers: denials by cause with the findings that foresaw them, dollars, days to payment."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from services.billing.domain.remittance import DenialCauses
from services.billing.entrypoints.fragments.common import Row, counted
from services.billing.usecases.list_ports import ChargeTally
from services.billing.usecases.remittance_ports import DeniedLines, RemitTally
from shared.kernel.calendar_month import CalendarMonth

Remits = Mapping[CalendarMonth, RemitTally]


def denials_tile(
    remits: Remits,
    charges: Iterable[ChargeTally],
    denied: Sequence[Row],
    *,
    chart: Callable[[Callable[[CalendarMonth], float | None]], Row],
    alt: Callable[[Callable[[CalendarMonth], float | None]], str],
) -> Row:
    """Return the tile of denials over the months: denied of decided lines, the commonest cause; `not known yet` without any."""
    returned = counted(sum(charge.returned for charge in charges), "charge")
    tile: Row = {"key": "denials", "name": "Denials", "chart": None, "alt": "", "legend": [], "links": []}
    withdrawn = f"The billing system withdrew or rejected {returned} in these months. A hold is not a denial."
    lines, lost = sum(each.lines for each in remits.values()), sum(each.denied for each in remits.values())
    if not lines:
        said = f"No payer’s decision on a claim line of these months has reached Careledger, so no rate can be told. {withdrawn}"
        return tile | {"n": "not known yet", "of": "", "said": said}

    def share(month: CalendarMonth) -> float | None:
        return round(remits[month].denied * 100 / remits[month].lines, 1) if month in remits else None

    first = f" Most often: {str(denied[0]['cause']).lower()}." if denied else ""
    return tile | {
        "n": f"{lost * 100 / lines:.1f} %",
        "of": f"{lost} of {lines} decided claim lines",
        "said": f"Of the services of these 12 months.{first} {withdrawn}",
        "chart": chart(share),
        "alt": alt(share),
    }


def paid_words(remit: RemitTally | None) -> str:
    """Say what of a month's lines was paid, allowed and left to the patients."""
    if remit is None:
        return " The patient’s share and what was paid: not known yet."

    def told(count: int) -> str:
        return "" if count == remit.lines else f" (told of {count})"

    allowed = f"${remit.allowed:,.2f} allowed{told(remit.told_allowed)}" if remit.told_allowed else "allowed: not known yet"
    share = f"${remit.patient_share:,.2f}{told(remit.told_share)}" if remit.told_share else "not known yet"
    return f" ${remit.paid:,.2f} paid, {allowed}, the patients’ share {share}, of {counted(remit.lines, 'decided line')}."


def payment_words(remit: RemitTally | None) -> str:
    """Say how long payment took."""
    if remit is None or remit.payment_days is None:
        return " Days to payment: not known yet."
    return f" {remit.payment_days:.1f} days to payment, from month end."


def denied_rows(found: Sequence[DeniedLines], causes: DenialCauses) -> list[Row]:
    """Return denied lines by cause and codes, the commonest first, with how many our findings foresaw, and by which rules."""
    rows: dict[tuple[str, str], Row] = {}
    for each in found:
        cause = causes.cause_of(each.carc, each.rarc)
        codes = " ".join((*each.carc, *each.rarc))
        row = rows.setdefault(
            (cause.key, codes), {"cause": cause.says, "codes": codes, "lines": 0, "foreseen": 0, "findings": set()}
        )
        row["lines"] += each.lines
        foreseen = cause.rules & each.rules
        row["foreseen"] += each.lines if foreseen else 0
        row["findings"] |= foreseen
    ordered = sorted(rows.values(), key=lambda row: (-row["lines"], row["cause"], row["codes"]))
    return [row | {"findings": sorted(row["findings"])} for row in ordered]
