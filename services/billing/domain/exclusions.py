"""What else happened in the month: the concurrency matrix X0-X27 with its scopes, and models, hospice, own programs."""

from datetime import date

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import Case, spoken
from services.billing.domain.claim_fields import barring_model
from services.billing.domain.consent_window import current_versions
from services.billing.domain.findings import Severity
from services.billing.domain.ledger import OtherService, ServiceStatus, TimeEntryFact
from services.billing.domain.pieces import Block, Cause, Effect
from services.billing.domain.rules import ExclusionRow
from shared.kernel.calendar_month import day_start

_REMOTE = ("rpm", "rtm")


def window_blocks(case: Case) -> list[Block]:
    """Return the time that a payer holds inside another service's window (P2, row 28): by instants, never by month."""
    blocks: list[Block] = []
    for service in case.ledger.other_services:
        for row in case.rules.exclusions.get(case.rules.groups.get(service.code, ""), ()):
            if not row.windowed or case.rules.situations[row.same_practitioner].severity is not Severity.HOLD:
                continue
            first = service.window_start or min(service.day, case.grid.first_day)
            last = service.window_end or max(service.day, case.grid.last_day)
            zone = case.grid.zone
            start, end = day_start(first, zone), day_start(date.fromordinal(last.toordinal() + 1), zone)
            text = f"within the window of {service.code}, which this payer keeps apart"
            blocks.append(
                Block(start, end, Cause(Effect.HOLD, row.same_practitioner, row.rule, service.source, service.source, text))
            )
    return blocks


def check_exclusions(case: Case, day: date, others: list[TimeEntryFact]) -> None:
    """Add the findings on what stands beside the program; `day` is the date of service, `others` other programs' own time."""
    services = _services_of_month(case) if case.ledger.other_services else []
    for service in services:
        _judge_service(case, service)
    if others:
        _own_programs(case, others, {case.rules.groups.get(s.code) for s in services})
    _other_ccm(case, services)
    if services or others:
        _pairs(case, services, others)
    _models(case, day)
    _hospice(case)


def _services_of_month(case: Case) -> list[OtherService]:
    """Return the services that touch the month, each once, in a fixed order; windows from another month bar nothing (R26)."""
    grid = case.grid
    touching = [
        s
        for s in case.ledger.other_services
        if grid.first_day <= s.day <= grid.last_day
        or (s.window_start is not None and s.window_start <= grid.last_day and (s.window_end or s.day) >= grid.first_day)
    ]
    return sorted(touching, key=lambda s: (s.day, s.code, s.source))


def _judge_service(case: Case, service: OtherService) -> None:
    group = case.rules.groups.get(service.code)
    if group == case.rules.program or group in case.rules.allowed_groups:
        return
    rows = case.rules.exclusions.get(group or "", ())
    if not rows:
        text = f"{service.code} of {service.day} is in no row of the matrix: whether it conflicts is not known"
        case.note("37", "X0", text, facts=(service.source,), subject=service.source)
        return
    for row in rows:
        if row.windowed and case.rules.situations[row.same_practitioner].severity is Severity.HOLD:
            continue
        scope = _scope(case, service, row)
        if scope is None:
            text = f"{service.code} of {service.day}: without NPI and practice its scope cannot be decided"
            case.note("SCOPE", "X0", text, facts=(service.source,), subject=service.source, path=row.path)
        elif scope:
            whose = f"by NPI {service.npi}, TIN {service.tin}"
            text = f"{service.code} of {service.day} ({service.status}) stands beside {case.program}; {whose}"
            case.note(scope, row.rule, text, facts=(service.source,), subject=service.source, touches=row.touches, path=row.path)


def _scope(case: Case, service: OtherService, row: ExclusionRow) -> str | None:
    """Return the situation for the service's scope; None if the scope decides and is not known."""
    if row.same_practitioner == row.same_practice == row.other:
        return row.same_practitioner
    npi = practitioner_npi(case)
    if service.npi is None or npi is None:
        return None
    if service.npi == npi:
        return row.same_practitioner
    if row.same_practice == row.other:
        return row.other
    if service.tin is None or case.tenant.tin is None:
        return None
    return row.same_practice if service.tin == case.tenant.tin else row.other


def practitioner_npi(case: Case) -> str | None:
    """Return the billing practitioner's NPI from the roster, else from the consent."""
    staff = case.practice.staff.get(case.practitioner)
    if staff is not None and staff.npi is not None:
        return staff.npi
    return next(
        (c.practitioner_npi for c in case.ledger.consents if c.practitioner == case.practitioner and c.practitioner_npi), None
    )


def _own_programs(case: Case, others: list[TimeEntryFact], known: set[str | None]) -> None:
    """Judge other programs of which only our own time is known: those paid by time matter once their base is reached."""
    seconds: dict[str, int] = {}
    for entry in others:
        seconds[entry.program] = seconds.get(entry.program, 0) + entry.seconds
    for program, amount in sorted(seconds.items()):
        if program in known:
            continue
        facts = tuple(e.source for e in others if e.program == program)
        needed = case.rules.own_program_seconds.get(program)
        for row in case.rules.exclusions.get(program, ()):
            if needed is not None and amount < needed:
                continue
            text = f"{spoken(amount)} of {program} by this practice stand beside {case.program}, minutes apart"
            text += _remote_code(case, program, amount)
            denied = case.rules.situations[row.same_practitioner].severity is Severity.DENY
            situation = row.same_practice if denied else row.same_practitioner  # time alone is no charge: a hold, no denial
            case.note(situation, row.rule, text, facts=facts, subject=program, touches=row.touches, path=row.path)


def _remote_code(case: Case, program: str, seconds: int) -> str:
    """Tell the owner of a remote monitoring program which code its time reaches (worked case S21)."""
    reached = [code for needed, code in case.rules.remote_steps.get(program, ()) if seconds >= needed]
    if program not in case.rules.remote_steps:
        return ""
    return (
        f"; for {program} that is {reached[-1]}" if reached else f"; for {program} that reaches no code of treatment management"
    )


def _other_ccm(case: Case, services: list[OtherService]) -> None:
    """X1, R18: one practitioner a month. X2-X4, R25, R28: a stray charge of the same practitioner."""
    npi = practitioner_npi(case)
    known = False
    for service in services:
        if case.rules.groups.get(service.code) != case.rules.program:
            continue
        if npi is not None and service.npi == npi:
            addon = not case.rules.own_codes[service.code]
            text = f"{service.code} of {service.day} by the same practitioner is already on the month ({service.status})"
            case.note("X4", "X4" if addon else "BILLED", text, facts=(service.source,), subject=service.source)
            continue
        if service.npi is None:
            text = f"{service.code} of {service.day} ({service.status}): whose charge it is cannot be told"
            case.note("SCOPE", "X1", text, facts=(service.source,), subject=service.source)
            continue
        row = {ServiceStatus.PAID: "35.paid", ServiceStatus.UNKNOWN: "35.unknown"}.get(service.status, "35.claimed")
        row = case.rules.another_biller or row
        known = known or row != "35.unknown"
        text = f"{service.code} of {service.day} by another practitioner (NPI {service.npi}) is {service.status}"
        case.note(row, "X1", text, facts=(service.source,), subject=service.source)
    consent = _said_elsewhere(case)
    if consent is not None:
        name, source = consent
        text = f"the patient said at consent that {name or 'another practice'} furnishes care management"
        case.note(
            "35.claimed", "X1", text, facts=(source,), subject=source, would="a statement that the other practice has ended"
        )
    elif not known:
        _note_unseen(case)


def _note_unseen(case: Case) -> None:
    """X1: the practice sees no claims of others; the same finding for every patient of the month, so made once."""
    memo, key = case.practice.memo, ("unseen", case.rules.profile, case.rules.program, case.grid.month)
    if not case.decisions and key in memo:
        case.findings += memo[key]
        return
    finding = case.note("35.unknown", "X1", "subject to another practitioner's claim: claims of others are not seen here")
    if not case.decisions:
        memo[key] = [finding] if finding is not None else []


def _said_elsewhere(case: Case) -> tuple[str | None, str] | None:
    saying = [c for c in case.ledger.consents if c.other_practice == "yes" and c.practitioner == case.practitioner]
    if not saying:
        return None
    current = {c.source for c in current_versions(case.ledger.consents, case.rules.program) if c.status == "active"}
    ended = [a.value["day"] for a in case.attested.get(AttestationKind.OTHER_PRACTICE_ENDED, ())]
    for c in saying:
        given = case.grid.day_of(c.given_at)
        if c.source in current and not any(isinstance(e, date) and given <= e <= case.grid.first_day for e in ended):
            return c.other_practice_name, c.source
    return None


def _pairs(case: Case, services: list[OtherService], others: list[TimeEntryFact]) -> None:
    """X10, X13: two other programs that exclude each other; never a finding on the program itself (L2)."""
    present = {case.rules.groups.get(s.code) for s in services} | {e.program for e in others}
    for rule, left, right in (("X10", ("rpm",), ("rtm",)), ("X13", ("bhi",), ("cocm",))):
        if present.intersection(left) and present.intersection(right):
            text = f"{left[0]} and {right[0]} exclude each other in a month; {case.program} is not touched"
            case.note("OTHER", rule, text, touches=right[0], path="exclusions.other_charges")


def _models(case: Case, day: date) -> None:
    """X25, X26, R24: a payment model of the own organisation, judged on the date of service."""
    grid = case.grid
    for flag in case.attested.get(AttestationKind.MODEL_FLAG, ()):
        value = flag.value
        start, end = value["start"], value.get("end")
        if not isinstance(start, date) or start > grid.last_day or (isinstance(end, date) and end < grid.first_day):
            continue
        model, own = value.get("model"), value.get("own_organization")
        rule = "X26" if model == "guide" else "X25"
        if own is None or (own is True and model not in case.rules.models_barring):
            text = f"payment model {model}: its kind or whose it is cannot be told"
            case.note("36.unknown", rule, text, facts=(flag.source,), subject=flag.source, path="exclusions.models_barring")
        elif own is True and barring_model(case, day):
            text = f"the patient is aligned to this organisation's {model} model on {day}: no fee-for-service charge"
            case.note("36", rule, text, facts=(flag.source,), subject=flag.source, path="exclusions.models_barring")
        elif own is True:
            text = f"the {model} model touches part of the month; the date of service {day} lies outside it"
            case.note("36.part", "R24", text, facts=(flag.source,), subject=flag.source)


def _hospice(case: Case) -> None:
    """X24, R23: planned, until a person chooses the modifier."""
    grid = case.grid
    for said in case.attested.get(AttestationKind.HOSPICE, ()):
        start, end = said.value["start"], said.value.get("end")
        if isinstance(start, date) and start <= grid.last_day and not (isinstance(end, date) and end < grid.first_day):
            choices = tuple(f"bill with {modifier}" for modifier in sorted(case.rules.hospice_modifiers))
            text = f"hospice elected since {start}"
            case.note("38", "X24", text, facts=(said.source,), subject=said.source, outcomes=(*choices, "do not bill"))
