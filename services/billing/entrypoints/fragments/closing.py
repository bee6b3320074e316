"""Bulk work on a month: release what waits for a decision, attest, and close or reopen after a look at the month itself."""

from collections.abc import Sequence
from decimal import Decimal

from fastapi import Request, Response

from services.billing.domain.findings import Severity
from services.billing.entrypoints.fragments.charge import read_month_name, show_charge
from services.billing.entrypoints.fragments.common import Desk, Row, answer, counted, day_of, fragment_router, person_of
from services.billing.entrypoints.fragments.decisions import decide_again
from services.billing.entrypoints.fragments.desk import filters_of, show_desk
from services.billing.entrypoints.fragments.lines import code_words, sum_words
from services.billing.entrypoints.fragments.practice import DeskActor, Signer, month_title, practice_desk
from services.billing.usecases.assemble_month import assemble_month, review_id
from services.billing.usecases.attest_month import attest_month
from services.billing.usecases.check_month import MonthCheck, check_month
from services.billing.usecases.close_month import MonthStatus, set_month_status
from services.billing.usecases.decide_review import Answer, decide_review, take_back_decision
from services.billing.usecases.list_ports import EVERY, Want
from services.billing.usecases.look_at_month import look_at_month
from services.billing.usecases.overview_ports import OverviewRow
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from shared.web.pages import clock_words, days_in_words, duration_words
from shared.web.typed import FieldError, form_of

router = fragment_router("/months/{month}")

_MOST_AT_ONCE = 500
_NAMED = 3
_NEVER_IN_BULK = ("E2", "E14")
"""Risk and complexity are stated one patient at a time, with the facts on screen (findings.md 5)."""

_Waiting = list[tuple[str, str, str, str]]


@router.post("/assemble")
async def assemble(request: Request, month: str, principal: DeskActor) -> Response:
    """Decide the month anew for everybody, with the facts of now; charts are read once a day and when a fact asks for it."""
    desk, of_month = await practice_desk(request, principal, writes=True), read_month_name(month)
    done = await assemble_month(
        month=of_month,
        tenant_id=desk.call.principal.tenant_id,
        begin=desk.call.begin,
        rule_book=desk.call.world.rule_book,
        author=desk.call.author,
        clock=desk.call.world.clock,
    )
    text = f"{done.results} patients assembled, {done.changed} decisions new or changed."
    return await show_desk(desk, of_month, filters_of({}), notice={"level": "ok", "text": text})


@router.post("/release")
async def release(request: Request, month: str, principal: DeskActor) -> Response:
    """Answer the reviews of the picked patients with one reason, or with one for each rule if the picked rules differ."""
    desk, of_month = await practice_desk(request, principal, writes=True), read_month_name(month)
    form = await request.form()
    picked = [value for value in form.getlist("patient") if isinstance(value, str)][:_MOST_AT_ONCE]
    typed = await form_of(request)
    if not picked:
        return await show_desk(desk, of_month, filters_of({}), errors=(FieldError("", "Pick at least one patient."),))
    await decide_again(desk, of_month, picked)
    waiting = await _reviews(desk, of_month, picked)
    rules = sorted({rule for _, _, _, rule in waiting})
    reasons = {rule: typed.get(f"reason-{rule}", "") or (typed.get("reason", "") if len(rules) == 1 else "") for rule in rules}
    if not all(reasons.values()):
        text = "Say why." if len(rules) == 1 else f"The picked rules differ ({', '.join(rules)}): say why for each."
        bulk = {"reason": typed.get("reason", ""), "rules": [(r, reasons[r]) for r in rules if len(rules) > 1], "picked": picked}
        where = "bill-reason" if len(rules) == 1 else f"bill-reason-{next(rule for rule in rules if not reasons[rule])}"
        return await show_desk(desk, of_month, filters_of({}), errors=(FieldError(where, text),), bulk=bulk)
    for patient, key, decision, rule in waiting:
        await decide_review(
            review_id=review_id(desk.call.principal.tenant_id, of_month, patient, key),
            answer=Answer(decision=decision, reason=reasons[rule], by=desk.person),
            tenant_id=desk.call.principal.tenant_id,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    await decide_again(desk, of_month, picked)
    released = sorted({patient for patient, _, _, _ in waiting})
    text = f"{len(released)} released to attest." if released else "Nothing was waiting for a decision any more."
    undo = [f"{patient}|{key}" for patient, key, _, _ in waiting]
    return await show_desk(desk, of_month, filters_of({}), notice={"level": "ok", "text": text, "undo": undo})


@router.post("/release/undo")
async def undo_release(request: Request, month: str, principal: DeskActor) -> Response:
    """Take back what this person has just released: the reviews are open again, unless the practitioner has signed already."""
    desk, of_month = await practice_desk(request, principal, writes=True), read_month_name(month)
    form = await request.form()
    named = [value.partition("|") for value in form.getlist("undo") if isinstance(value, str)][:_MOST_AT_ONCE]
    opened: list[str] = []
    for patient, _, key in named:
        try:
            await take_back_decision(
                month=of_month,
                patient=patient,
                key=key,
                by=desk.person,
                tenant_id=desk.call.principal.tenant_id,
                begin=desk.call.begin,
                author=desk.call.author,
                clock=desk.call.world.clock,
            )
        except (Conflict, NotFound):
            continue
        opened.append(patient)
    await decide_again(desk, of_month, sorted(set(opened)))
    left = len({patient for patient, _, _ in named} - set(opened))
    text = f"{len(set(opened))} back for a decision." + (f" {left} stand: released meanwhile, or too long ago." if left else "")
    return await show_desk(desk, of_month, filters_of({}), notice={"level": "ok" if not left else "review", "text": text})


async def _reviews(desk: Desk, month: CalendarMonth, patients: Sequence[str]) -> _Waiting:
    """Return (patient, key, answer, rule) of each open review that may be answered in bulk."""
    found: _Waiting = []
    for patient in patients:
        shown = await look_at_month(
            patient=patient, month=month, look=desk.call.read, rule_book=desk.call.world.rule_book, at=desk.at
        )
        for finding in shown.assembly.findings:
            waits = finding.severity is Severity.REVIEW and finding.decided is None and finding.touches == "ccm"
            if waits and finding.rule not in _NEVER_IN_BULK and finding.rule != "X24":
                decision = "add" if finding.concerns.value == "time" else "bill"
                found.append((patient, finding.key, decision, finding.rule))
    return found


@router.get("/attest")
async def attest_form(request: Request, month: str, principal: Signer) -> Response:
    """Show the statement that the practitioner signs, with what it covers."""
    desk, of_month = await practice_desk(request, principal, writes=True), read_month_name(month)
    return await _attest_form(desk, of_month, ())


async def _attest_form(desk: Desk, month: CalendarMonth, errors: tuple[FieldError, ...]) -> Response:
    async with desk.call.read() as uow:
        lines = await uow.lists.rows(month, Want(lists=("attest",), practitioner=desk.person), count=EVERY)
        practice = await uow.ledger.practice(month)
        differences = await uow.months.differences(month, None)
    return answer(
        "attest.html",
        status=422 if errors else 200,
        base=desk.base,
        month=str(month),
        title=month_title(month),
        count=len(lines),
        **_signed_for(lines),
        who=person_of(practice, desk.person),
        when=f"{day_of(desk.today)}, {clock_words(desk.at, desk.zone)}",
        me=desk.person,
        differences=len(differences),
        errors=list(errors),
    )


def _signed_for(lines: Sequence[OverviewRow]) -> Row:
    """Return what a signature covers: patients and amount by codes, and who has a remark."""
    by: dict[str, list[OverviewRow]] = {}
    for line in lines:
        by.setdefault(", ".join(code_words(line.lines)), []).append(line)
    remarks = [f"{line.name} ({days_in_words(line.finding)})" for line in lines if line.severity is not None]
    more = f" and {len(remarks) - _NAMED} more" if len(remarks) > _NAMED else ""
    return {
        "rows": [{"codes": codes, "patients": len(found), "amount": _sum(found)} for codes, found in sorted(by.items())],
        "amount": _sum(lines),
        "remarks": {"count": len(remarks), "said": ", ".join(remarks[:_NAMED]) + more},
    }


def _sum(lines: Sequence[OverviewRow]) -> str:
    return sum_words(sum((line.amount for line in lines), Decimal(0)), sum(line.unknown_amounts for line in lines))


@router.post("/attest")
async def attest(request: Request, month: str, principal: Signer) -> Response:
    """Sign: what was seen and has not changed becomes billable; what changed is shown again."""
    desk, of_month, typed = await practice_desk(request, principal, writes=True), read_month_name(month), await form_of(request)
    one = typed.get("patient") or None
    if one is None and typed.get("read") != "yes":
        return await _attest_form(desk, of_month, (FieldError("bill-read", "Tick the statement first."),))
    done = await attest_month(
        month=of_month,
        by=desk.person,
        patients=[one] if one else None,
        differences=typed.get("differences") == "yes",
        tenant_id=desk.call.principal.tenant_id,
        begin=desk.call.begin,
        rule_book=desk.call.world.rule_book,
        author=desk.call.author,
        clock=desk.call.world.clock,
    )
    await desk.call.world.publish(desk.call.principal.tenant_id)
    touched = [*done.released, *done.changed]
    for first in range(0, len(touched), _MOST_AT_ONCE):
        await decide_again(desk, of_month, touched[first : first + _MOST_AT_ONCE])
    if one and typed.get("back") == "charge":
        return await show_charge(desk, of_month, one)
    parts = [f"{len(done.released)} attested, {counted(done.charges, 'charge')}"]
    parts += [f"{len(done.changed)} changed meanwhile: look again"] if done.changed else []
    parts += [f"{len(done.waiting)} wait for a hold or a decision"] if done.waiting else []
    level = "ok" if not done.changed else "review"
    return await show_desk(desk, of_month, filters_of({}), notice={"level": level, "text": "; ".join(parts) + "."})


@router.get("/close")
async def close_form(request: Request, month: str, principal: DeskActor) -> Response:
    """Show what the month looks like from above before it is closed, or opened again."""
    desk = await practice_desk(request, principal)
    return await _close_form(desk, read_month_name(month), "", ())


@router.post("/close")
async def close(request: Request, month: str, principal: DeskActor) -> Response:
    """Close the month."""
    return await _set(request, month, principal, MonthStatus.CLOSED)


@router.post("/reopen")
async def reopen(request: Request, month: str, principal: DeskActor) -> Response:
    """Open a closed month again: the lead does."""
    if "program-lead" not in principal.roles:
        raise Forbidden("only the program lead opens a closed month again")
    return await _set(request, month, principal, MonthStatus.OPEN)


async def _set(request: Request, month: str, principal: DeskActor, status: MonthStatus) -> Response:
    desk, of_month, typed = await practice_desk(request, principal, writes=True), read_month_name(month), await form_of(request)
    try:
        await set_month_status(
            month=of_month,
            status=status,
            by=desk.person,
            reason=typed.get("reason", ""),
            tenant_id=desk.call.principal.tenant_id,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid:
        return await _close_form(desk, of_month, typed.get("reason", ""), (FieldError("bill-reason-close", "Say why."),))
    except Conflict as refused:
        return await _close_form(desk, of_month, typed.get("reason", ""), (FieldError("", f"{refused}."),))
    words = "closed. What is written from now on is late and not counted" if status is MonthStatus.CLOSED else "open again"
    return await show_desk(desk, of_month, filters_of({}), notice={"level": "ok", "text": f"{month_title(of_month)} is {words}."})


async def _close_form(desk: Desk, month: CalendarMonth, reason: str, errors: tuple[FieldError, ...]) -> Response:
    found = await check_month(month=month, look=desk.call.read)
    return answer(
        "close.html",
        status=422 if errors else 200,
        base=desk.base,
        month=str(month),
        title=month_title(month),
        closed=found.standing.status is MonthStatus.CLOSED,
        checks=_checks(found),
        reason=reason,
        errors=list(errors),
    )


def _checks(found: MonthCheck) -> list[Row]:
    """Return the self-check in words: what a person should have seen before the month is closed."""

    def line(count: int, clear: str, words: str, details: Sequence[str] = ()) -> Row:
        return {
            "level": "review" if count else "ok",
            "text": words if count else clear,
            "details": list(details) if count else [],
        }

    return [
        line(found.holds, "No hold is open.", f"{counted(found.holds, 'hold')} open: their charges are not in this month."),
        line(found.to_attest, "Everything planned is attested.", f"{counted(found.to_attest, 'patient')} still to attest."),
        line(
            len(found.uniform),
            "No total repeats itself over many patients.",
            "The same total, to the second, for several patients:",
            [f"{duration_words(seconds)}: {count} patients" for seconds, count in found.uniform],
        ),
        line(
            len(found.long_days),
            "No staff day is longer than 8 h.",
            "Staff days longer than 8 h:",
            [f"{name}, {day_of(day)}: {duration_words(seconds)}" for _, name, day, seconds in found.long_days],
        ),
        line(
            int(found.asserted_high),
            f"{found.asserted_percent:.0f} % of the counted time is asserted.",
            f"{found.asserted_percent:.0f} % of the counted time is asserted, more than 20 %. Logged by hand, by whom:",
            [f"{one.name}: {duration_words(one.asserted)}" for one in found.by_staff if one.asserted],
        ),
        line(
            found.cloned,
            "No counted note is marked as a copy of another.",
            f"{counted(found.cloned, 'patient')} with notes marked as copies or out of proportion:",
            [name for _, name in found.copied],
        ),
        line(
            found.late,
            "No entry was written over 7 days late.",
            f"{found.late} {'entry' if found.late == 1 else 'entries'} written over 7 days late:",
            [f"{one.name}: {one.late}" for one in found.by_staff if one.late],
        ),
        line(
            len(found.unpriced),
            "No code lacks its amount for the charges file.",
            "Codes without an amount in the charge master (the charges file is refused until they have one):",
            found.unpriced,
        ),
    ]
