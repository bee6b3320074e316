"""A patient-month on paper with its evidence: charges, consent, care plan, every entry, findings, rules with their sources."""

from fastapi import Request, Response

from services.billing.domain.consent_window import ConsentView
from services.billing.domain.ledger import ConsentFact
from services.billing.entrypoints.fragments.charge import month_values, read_month_name
from services.billing.entrypoints.fragments.common import (
    ChartReader,
    Desk,
    Row,
    day_of,
    desk_of,
    fragment_router,
    person_of,
)
from services.billing.entrypoints.fragments.patient import day_and_time, read_month
from services.billing.entrypoints.fragments.practice import Everybody, month_title, practice_desk
from services.billing.entrypoints.fragments.record import record_rows
from services.billing.usecases.look_at_month import PatientMonth, look_at_month
from services.billing.usecases.note_participation import participation_of
from shared.kernel.vocabulary import DisclosureCode
from shared.web.pages import duration_words, minutes_figure
from shared.web.paper import Facts, Grid, Record, Section, record_pdf, whose

router = fragment_router()

_TOLD = {
    DisclosureCode.AVAILABILITY: "what it is",
    DisclosureCode.COST_SHARING: "cost",
    DisclosureCode.ONE_PRACTITIONER: "one practitioner",
    DisclosureCode.RIGHT_TO_STOP: "right to stop",
    DisclosureCode.SCOPE_OF_SERVICES: "what it covers",
}
_BASES = {"measured": "Measured", "measured-with-gap": "Measured, with a gap", "asserted": "Stated"}
_ENTRIES = (("When", 16), ("Who", 16), ("What, and why not counted", 42), ("How", 10), ("Logged", 8), ("Counted", 8))
_RULES = (("Rule", 8), ("In our words", 50), ("Source", 28), ("Certainty", 14))


@router.get("/packet")
async def of_the_chart(request: Request, principal: ChartReader) -> Response:
    """Return the month of the chart's patient that the address names, or the one that runs, as PDF."""
    desk = await desk_of(request, principal)
    return await _paper(request, desk, await read_month(request, desk))


@router.get("/months/{month}/patients/{patient}/packet")
async def of_the_desk(request: Request, month: str, patient: str, principal: Everybody) -> Response:
    """Return a patient-month as PDF."""
    desk = await practice_desk(request, principal)
    book = desk.call.world.rule_book
    shown = await look_at_month(patient=patient, month=read_month_name(month), look=desk.call.read, rule_book=book, at=desk.at)
    return await _paper(request, desk, shown)


async def _paper(request: Request, desk: Desk, shown: PatientMonth) -> Response:
    values = await month_values(desk, shown)
    async with desk.call.read() as uow:
        standing = await participation_of(uow.ledger, shown.assembly.patient)
    tenant = await request.app.state.registry.tenant(desk.call.principal.tenant)
    record = Record(
        title=f"{shown.assembly.program.upper()}, {month_title(shown.month)}",
        practice=tenant.document.name if tenant else "",
        person=whose(shown.face.name, shown.face.birth_date, shown.face.mrn),
        number=f"As known {day_and_time(shown.at, shown)}; rule book {values['book']}, {values['profile']}",
        sections=[
            _decision(shown, values),
            Grid("Charges", _CHARGES, [_charge(row) for row in values["charges"]], empty="None has been attested."),
            Facts("Consent", _consent(shown, shown.judgement.consent)),
            Facts("Enrollment record", [_element(row) for row in record_rows(desk, shown, standing)]),
            Grid("Entries", _ENTRIES, [_entry(row) for row in reversed(values["lines"])], empty="No time is recorded."),
            Grid("Findings", _FINDINGS, [_finding(row) for row in values["findings"]], empty="Nothing stands in the way."),
            Grid("Rules used", _RULES, [[r["id"], r["says"], r["source"], r["certainty"]] for r in values["rules"]]),
            Grid("Who did what", (("When", 24), ("What", 76)), [_event(row) for row in values["history"]], empty=_NOT_YET),
        ],
    )
    return Response(record_pdf(record), media_type="application/pdf", headers={"Content-Disposition": "attachment"})


_NOT_YET = "The month has not been assembled yet: this is what it comes to now."
_CHARGES = (("Code", 14), ("State", 14), ("Attested", 36), ("Billing system", 20), ("Number", 36))
_FINDINGS = (("Rule", 8), ("State", 11), ("What", 55), ("Source", 26))


def _decision(shown: PatientMonth, values: Row) -> Section:
    """Return what the month comes to, and the sum by which it does."""
    judgement, head = shown.judgement, values["head"]
    rows = [("Comes to", f"{head['text']} ({head['words'].lower()})"), ("Lane", values["lane"])]
    rows += [(name, words) for name, words in values["facts"] if name not in ("Consent", "Care plan")]
    counted = f"{duration_words(judgement.seconds)} counted of {duration_words(values['logged'])} logged"
    return Facts("Decision", [*rows, ("Time", f"{counted}; seconds added, floored once: {values['units']}")])


def _consent(shown: PatientMonth, view: ConsentView) -> list[tuple[str, str]]:
    latest = view.latest
    if latest is None:
        return [("In force", "No consent to this practitioner speaks of the month")]
    state = "Yes" if view.in_force and not view.incomplete_only else "Not whole" if view.in_force else "No"
    names = ", ".join(words for code, words in _TOLD.items() if code in latest.disclosed)
    return [
        ("In force", state),
        ("Given", f"{day_and_time(latest.given_at, shown)}, {latest.method}"),
        ("Recorded first", day_and_time(latest.first_recorded_at, shown)),
        ("To", _practitioner(shown, latest)),
        ("Told", names or "Nothing is recorded"),
        ("From", day_and_time(latest.in_force_from, shown)),
        ("Until", day_of(latest.in_force_until) or "open"),
        *([("Stopped", day_and_time(latest.revoked_at, shown))] if latest.revoked_at else []),
        ("Number", f"{latest.consent_id}, version {latest.version}"),
    ]


def _practitioner(shown: PatientMonth, consent: ConsentFact) -> str:
    name = consent.practitioner_name or person_of(shown.practice, consent.practitioner)
    return f"{name}, NPI {consent.practitioner_npi}" if consent.practitioner_npi else name


def _element(row: Row) -> tuple[str, str]:
    said = ", ".join(part for part in (row["said"], row["on"], row["by"]) if part)
    rule = f" ({row['rule']})" if row["rule"] else ""
    return f"{row['name']}{rule}", ". ".join(part.rstrip(".") for part in (row["words"], said, row["why"]) if part)


def _entry(row: Row) -> list[str]:
    state = [f"Voided: {row['void_reason'] or 'no reason'}."] if row["void"] else []
    reasons = [f"{reason['words']}: {reason['text']}{_by(reason['rule'])}" for reason in row["reasons"]]
    because = [f"Stated by hand: {row['because']}"] if row["because"] else []
    text = [part for part in (f"{row['activity']}. {row['note'] or ''}".strip(), *because, *state, *reasons) if part]
    amended = f", amended {row['amended']} times" if row["amended"] else ""
    how = _BASES.get(row["basis"]) or str(row["basis"])
    when = f"{row['day']}, {row['times']}"
    return [when, row["who"], "\n".join(text), how + amended, minutes_figure(row["seconds"]), minutes_figure(row["counted"])]


def _by(rule: str) -> str:
    return f" ({rule})" if rule else ""


def _finding(row: Row) -> list[str]:
    text = " ".join(part for part in (row["text"], row["would"], row["decided"]) if part)
    return [row["rule"], row["words"], text, row["source"]]


def _charge(row: Row) -> list[str]:
    attested = f"{row['by']}, {row['at']}" if row["by"] else "Not yet"
    return [row["code"], row["status"], attested, row["said"], row["id"]]


def _event(row: Row) -> list[str]:
    return [row["when"], ": ".join(part for part in (row["what"], row["text"]) if part)]
