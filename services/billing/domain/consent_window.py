"""When consent was in force for a practitioner (C1-C7, readings R14-R18), as blocks of time that do not simply count."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from services.billing.domain.case import DAY, Grid
from services.billing.domain.ledger import Attestation, ConsentFact
from services.billing.domain.pieces import EFFECT_OF, Block, Cause, Effect
from services.billing.domain.rules import Rules
from services.billing.domain.stated_facts import disclosures_of, told_afterwards, told_from_the_start
from shared.kernel.calendar_month import CalendarMonth, day_start


@dataclass(slots=True)
class ConsentView:
    """A practitioner's consents in a month: blocks, whether any was in force at all, the latest grant, and why there is none."""

    blocks: tuple[Block, ...]
    in_force: bool
    incomplete_only: bool
    latest: ConsentFact | None
    first: ConsentFact | None
    sources: tuple[str, ...]
    recorded_soon: ConsentFact | None
    recorded_after_close: bool
    why_none: str


class _Step(IntEnum):
    GRANT = 0
    CONFIRM = 1
    TELL = 2
    END = 3
    STOP = 4
    DECLINE = 5


class _Event(NamedTuple):
    at: datetime
    recorded: datetime
    step: _Step
    consent: ConsentFact


def current_versions(consents: Sequence[ConsentFact], program: str = "ccm") -> list[ConsentFact]:
    """Return the highest version of each consent of the program that is not an error, in the order of giving."""
    if len(consents) == 1:
        only = consents[0]
        return [only] if only.program == program and only.status != "entered-in-error" else []
    latest: dict[str, ConsentFact] = {}
    for consent in consents:
        if consent.program == program and (
            consent.consent_id not in latest or consent.version > latest[consent.consent_id].version
        ):
            latest[consent.consent_id] = consent
    return sorted((c for c in latest.values() if c.status != "entered-in-error"), key=_order)


def view_consents(
    grid: Grid,
    rules: Rules,
    consents: list[ConsentFact],
    history: tuple[ConsentFact, ...],
    practitioner: str,
    closed_at: datetime | None,
    told: Sequence[Attestation] = (),
) -> ConsentView:
    """Return the practitioner's window. `consents` are the current versions of all practitioners, `history` every version.

    `told` are disclosures that were attested apart from the consents (R15).
    """
    own = [c for c in consents if c.practitioner == practitioner]
    if told:
        own = [told_from_the_start(c, disclosures_of(c, told)) for c in own]
    granted = [c for c in own if c.status != "rejected"]
    if len(consents) == 1 and len(granted) == 1 and _plain(granted[0], grid, rules, closed_at):
        return ConsentView((), True, False, granted[0], granted[0], (granted[0].source,), None, False, "")
    events = sorted(_events(own, history, grid, rules, closed_at, told), key=lambda e: (e.at, e.recorded, e.step))
    blocks, states = _walk(events, grid, rules)
    blocks += _taken_over(granted, [c for c in consents if c.practitioner != practitioner and c.status != "rejected"], grid)
    in_month = [c for c in granted if _start(c) < grid.end]
    return ConsentView(
        blocks=tuple(blocks),
        in_force=bool(states & {"complete", "late", "incomplete", "stopped"}),
        incomplete_only="incomplete" in states and "complete" not in states,
        latest=_with_all_told(in_month[-1], told, grid) if in_month else None,
        first=granted[0] if granted else None,
        sources=tuple(fact.source for c in own if _start(c) < grid.end for fact in (c, *disclosures_of(c, told))),
        recorded_soon=_recorded_soon(granted, history, grid, rules),
        recorded_after_close=_after_close(own, history, grid, closed_at),
        why_none=_why_none(own, history, grid, closed_at),
    )


def _plain(consent: ConsentFact, grid: Grid, rules: Rules, closed_at: datetime | None) -> bool:
    """Tell whether the only consent is whole and was in force and on record all month: the ordinary case."""
    return (
        consent.status == "active"
        and consent.in_force_until is None
        and consent.revoked_at is None
        and consent.first_recorded_at <= grid.start
        and consent.recorded_at <= grid.start
        and _start(consent) <= grid.start
        and consent.disclosed >= rules.disclosures
        and (closed_at is None or consent.recorded_at <= closed_at)
    )


def _events(
    own: list[ConsentFact],
    history: tuple[ConsentFact, ...],
    grid: Grid,
    rules: Rules,
    closed_at: datetime | None,
    told: Sequence[Attestation],
) -> Iterable[_Event]:
    for consent in own:
        start, known = _start(consent), _known_since(consent, history)
        if consent.status == "rejected":
            yield _Event(consent.given_at, known, _Step.DECLINE, consent)
            continue
        if closed_at is not None and known > closed_at and start < grid.end:
            yield _Event(known, known, _Step.GRANT, consent)
        else:
            yield _Event(start, known, _Step.GRANT, consent)
        if _delay_row(consent, known, grid, rules) and not _counts_anyway(consent, known, grid, rules):
            yield _Event(known, known, _Step.CONFIRM, consent)
        for at, said, completed in told_afterwards(consent, disclosures_of(consent, told)):
            yield _Event(at, said.recorded_at, _Step.TELL, completed)
        if consent.revoked_at is not None:
            yield _Event(consent.revoked_at, consent.recorded_at, _Step.STOP, consent)
        elif consent.in_force_until is not None:
            yield _Event(day_start(consent.in_force_until + DAY, grid.zone), consent.recorded_at, _Step.END, consent)
        elif consent.status == "inactive":
            yield _Event(consent.recorded_at, consent.recorded_at, _Step.END, consent)


def _walk(events: list[_Event], grid: Grid, rules: Rules) -> tuple[list[Block], set[str]]:
    """Go through the events in order and return the month's blocks and the states that it saw."""
    held: dict[str, tuple[ConsentFact, bool, str]] = {}
    stopped: ConsentFact | None = None
    declined: ConsentFact | None = None
    blocks: list[Block] = []
    states: set[str] = set()
    edges = [event.at for event in events]
    for index in range(-1, len(events)):
        if index >= 0:
            event = events[index]
            match event.step:
                case _Step.GRANT:
                    held[event.consent.consent_id] = (event.consent, *_recorded_late(event, events, grid, rules))
                    stopped = declined = None
                case _Step.CONFIRM if event.consent.consent_id in held:
                    held[event.consent.consent_id] = (held[event.consent.consent_id][0], True, "")
                case _Step.TELL if event.consent.consent_id in held:
                    held[event.consent.consent_id] = (event.consent, *held[event.consent.consent_id][1:])
                case _Step.END:
                    held.pop(event.consent.consent_id, None)
                case _Step.STOP if held:
                    held.clear()
                    stopped = event.consent
                case _Step.DECLINE:
                    held.clear()
                    stopped, declined = None, event.consent
        start = max(edges[index], grid.start) if index >= 0 else grid.start
        end = min(edges[index + 1], grid.end) if index + 1 < len(edges) else grid.end
        if start >= end:
            continue
        state, cause = _state(held, stopped, declined, grid, rules)
        states.add(state)
        if cause is not None:
            blocks.append(Block(start, end, cause))
    return blocks, states


def _with_all_told(consent: ConsentFact, told: Sequence[Attestation], grid: Grid) -> ConsentFact:
    """Return the consent with everything that was told by the month's end."""
    after = [completed for at, _, completed in told_afterwards(consent, disclosures_of(consent, told)) if at < grid.end]
    return after[-1] if after else consent


def _recorded_late(grant: _Event, events: list[_Event], grid: Grid, rules: Rules) -> tuple[bool, str]:
    """Tell whether a grant counts at once, and the row of its delay if it must be confirmed first (3a)."""
    if any(e.step is _Step.CONFIRM and e.consent is grant.consent and e.at > grant.at for e in events):
        return False, _delay_row(grant.consent, grant.recorded, grid, rules)
    return True, ""


def _delay_row(consent: ConsentFact, known: datetime, grid: Grid, rules: Rules) -> str:
    """Return the situation of a consent recorded on a later day than it was given (R14); empty: on the same day."""
    start = _start(consent)
    if known - start > timedelta(days=rules.consent_late_days):
        return "3a.late"
    return "3a.soon" if known > start and grid.day_of(known) > grid.day_of(start) else ""


def _counts_anyway(consent: ConsentFact, known: datetime, grid: Grid, rules: Rules) -> bool:
    row = _delay_row(consent, known, grid, rules)
    return _effect(rules, row) is Effect.COUNT


def _recorded_soon(granted: list[ConsentFact], history: tuple[ConsentFact, ...], grid: Grid, rules: Rules) -> ConsentFact | None:
    """Return a consent whose small delay is only noted and lies in the month."""
    for consent in granted:
        known = _known_since(consent, history)
        if _delay_row(consent, known, grid, rules) == "3a.soon" and _start(consent) < grid.end and known > grid.start:
            return consent
    return None


def _effect(rules: Rules, row: str) -> Effect:
    severity = rules.situations[row].severity
    return EFFECT_OF[severity] if severity is not None else Effect.EXCLUDE


def _state(
    held: dict[str, tuple[ConsentFact, bool, str]],
    stopped: ConsentFact | None,
    declined: ConsentFact | None,
    grid: Grid,
    rules: Rules,
) -> tuple[str, Cause | None]:
    """Return what the consents held at an instant mean for time: the best of them counts (R15)."""
    complete = [(c, known, row) for c, known, row in held.values() if c.disclosed >= rules.disclosures]
    if any(known for _, known, _ in complete):
        return "complete", None
    if complete:
        consent, _, row = complete[0]
        text = "consent was recorded later than it was given; a person decides about the time between"
        return "late", Cause(_effect(rules, row), row, "C3", consent.source, consent.source, text)
    if held:
        consent = next(iter(held.values()))[0]
        missing = ", ".join(sorted(rules.disclosures - consent.disclosed))
        text = f"the consent does not record these disclosures as given: {missing}"
        return "incomplete", Cause(Effect.HOLD, "4", "C1", consent.source, consent.source, text)
    if stopped is not None and stopped.revoked_at is not None and CalendarMonth.of(stopped.revoked_at, grid.zone) == grid.month:
        text = "the patient had revoked; until the month's end a person decides, and it does not count by default"
        return "stopped", Cause(_effect(rules, "7"), "7", "C6", stopped.source, stopped.source, text)
    source = declined or stopped
    text = "the patient had declined" if declined else "consent had ended" if stopped else "no consent was in force yet"
    rule = "R16" if declined else "C6" if stopped else "C3"
    return "none", Cause(Effect.EXCLUDE, "3.before", rule, "", source.source if source else "", text)


def _taken_over(own: list[ConsentFact], others: list[ConsentFact], grid: Grid) -> list[Block]:
    """Return the instants at which a later consent with another practitioner stood in place of this one's (C5, X1)."""
    blocks = []
    for other in others:
        start = _start(other)
        before = [c for c in own if _start(c) <= start]
        if not before:
            continue
        ends = [_start(c) for c in own if _start(c) > start]
        if other.revoked_at is not None:
            ends.append(other.revoked_at)
        elif other.in_force_until is not None:
            ends.append(day_start(other.in_force_until + DAY, grid.zone))
        end = min([*ends, grid.end])
        if start < end and start < grid.end:
            name = other.practitioner_name or other.practitioner
            text = f"the patient had by then consented to care management by {name}"
            blocks.append(Block(max(start, grid.start), end, Cause(Effect.EXCLUDE, "3.before", "C5", "", other.source, text)))
    return [b for b in blocks if b.start < b.end]


def _why_none(own: list[ConsentFact], history: tuple[ConsentFact, ...], grid: Grid, closed_at: datetime | None) -> str:
    declined = [c for c in own if c.status == "rejected" and c.given_at < grid.end]
    if declined and (len(declined) == len(own) or declined[-1] is own[-1]):
        return "the patient declined"
    if _after_close(own, history, grid, closed_at):
        return "consent was recorded after the month was closed"
    if any(_start(c) < grid.end for c in own):
        return "consent ended before the month"
    return "consent was given after the month" if own else ""


def _after_close(own: list[ConsentFact], history: tuple[ConsentFact, ...], grid: Grid, closed_at: datetime | None) -> bool:
    """Tell whether a consent of the month came on record only after the month was closed (3a)."""
    return closed_at is not None and any(_start(c) < grid.end and _known_since(c, history) > closed_at for c in own)


def _known_since(consent: ConsentFact, history: tuple[ConsentFact, ...]) -> datetime:
    """Return when it was first on record that consent was given by then: a correction that moves it back starts anew (R14)."""
    versions = [v for v in history if v.consent_id == consent.consent_id and v.status != "rejected"]
    if len(versions) <= 1:
        return consent.first_recorded_at
    moved = [v.recorded_at for v in versions if _start(v) <= _start(consent)]
    earliest_version = min(versions, key=lambda v: v.version)
    known = min(moved, default=consent.recorded_at)
    return consent.first_recorded_at if _start(earliest_version) <= _start(consent) else known


def _start(consent: ConsentFact) -> datetime:
    return max(consent.given_at, consent.in_force_from)


def _order(consent: ConsentFact) -> tuple[datetime, datetime, str]:
    return _start(consent), consent.first_recorded_at, consent.consent_id
