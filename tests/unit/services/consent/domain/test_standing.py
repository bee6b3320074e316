"""How consents end each other, and which is in force: cases by hand, and random histories against a naive replay."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.consent.domain.consent import Consent, ConsentRefused, Person, Status, Submission
from services.consent.domain.standing import RESTORED, InForce, Reason, in_force
from shared.kernel.vocabulary import DisclosureCode
from tests.unit.services.consent.domain.making import GIVEN, NOW, ZONE, Book, refusal, statement

FAR = datetime(2027, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _told(book: Book, at: datetime, *, known_at: datetime = FAR, practitioner: str | None = None) -> InForce:
    return in_force(book.history, at=at, known_at=known_at, zone=ZONE, practitioner=practitioner)


def test_nothing_recorded_is_no_consent() -> None:
    assert (_told(Book(), NOW).in_force, _told(Book(), NOW).reason) == (False, Reason.NO_CONSENT)


@pytest.mark.parametrize(("after", "expected"), [(-1, False), (0, True), (1, True)])
def test_in_force_from_the_very_instant(after: int, expected: bool) -> None:
    """C3."""
    book = Book()
    book.record(statement(), NOW)

    assert _told(book, GIVEN + timedelta(microseconds=after)).in_force is expected


def test_known_only_once_recorded() -> None:
    book = Book()
    book.record(statement(), NOW)

    assert _told(book, GIVEN, known_at=NOW - timedelta(microseconds=1)).reason is Reason.NO_CONSENT
    assert _told(book, GIVEN, known_at=NOW).in_force


def test_a_stop_leaves_the_month_but_no_new_work() -> None:
    """C6, R17."""
    book = Book()
    received, end = GIVEN + timedelta(days=3), datetime(2026, 11, 1, 4, tzinfo=UTC)
    book.stop(book.record(statement(), NOW), received, received)

    states = [_told(book, at) for at in (received - HOUR, received, end - HOUR, end)]
    assert [(told.in_force, told.may_act, told.reason) for told in states] == [
        (True, True, Reason.GRANTED),
        (True, False, Reason.STOPPING),
        (True, False, Reason.STOPPING),
        (False, False, Reason.REVOKED),
    ]


def test_a_new_consent_after_a_stop_stands() -> None:
    """C7."""
    book = Book()
    received = GIVEN + timedelta(days=3)
    book.stop(book.record(statement(), NOW), received, received)
    again = book.record(statement(given_at=received + HOUR), received + HOUR)

    assert again.status is Status.ACTIVE
    assert _told(book, received + HOUR).may_act


def test_a_new_practitioner_takes_over_at_the_instant_of_consent() -> None:
    """C5: and the last day of the first is that day, since its morning was still hers."""
    book = Book()
    first = book.record(statement(), NOW)
    change = GIVEN + timedelta(days=10)
    second = book.record(statement(practitioner=Person("dr-2"), given_at=change), change)

    ended = book.current[first.id]
    assert (ended.status, ended.superseded_by, ended.in_force_until) == (Status.INACTIVE, second.id, date(2026, 10, 15))
    assert _told(book, change - HOUR, practitioner="dr-1").in_force
    assert _told(book, change, practitioner="dr-1").reason is Reason.SUPERSEDED
    assert _told(book, change).deciding.consent.id == second.id  # type: ignore[union-attr]


def test_a_change_at_midnight_leaves_the_day_before_as_the_last() -> None:
    book = Book()
    first = book.record(statement(), NOW)
    midnight = datetime(2026, 10, 15, 4, tzinfo=UTC)
    book.record(statement(practitioner=Person("dr-2"), given_at=midnight), midnight)

    assert book.current[first.id].in_force_until == date(2026, 10, 14)


def test_hand_over_and_back() -> None:
    book = Book()
    times = [GIVEN + timedelta(days=days) for days in (0, 10, 20)]
    for at, practitioner in zip(times, ("dr-1", "dr-2", "dr-1"), strict=True):
        book.record(statement(practitioner=Person(practitioner), given_at=at), at)

    for at, practitioner in zip(times, ("dr-1", "dr-2", "dr-1"), strict=True):
        deciding = _told(book, at + HOUR).deciding
        assert deciding is not None
        assert deciding.consent.statement.practitioner.id == practitioner
    assert sorted(consent.status for consent in book.current.values()) == ["active", "inactive", "inactive"]


def test_an_incomplete_repetition_does_not_undo_a_complete_consent() -> None:
    """R15: the fuller of two that stand decides."""
    book = Book()
    full = book.record(statement(), NOW)
    book.record(statement(given_at=GIVEN + HOUR, disclosures={DisclosureCode.AVAILABILITY: True}), NOW + HOUR)

    deciding = _told(book, GIVEN + 2 * HOUR).deciding
    assert deciding is not None
    assert (deciding.consent.id, deciding.not_told) == (full.id, ())
    assert {consent.status for consent in book.current.values()} == {Status.ACTIVE}


def test_a_stop_given_to_one_practitioner_ends_no_consent_to_another() -> None:
    book = Book()
    stop, between = GIVEN + timedelta(days=5), GIVEN + timedelta(days=3)
    book.stop(book.record(statement(practitioner=Person("dr-2")), NOW), stop, stop)
    mine = book.record(statement(given_at=between), stop + HOUR)

    assert mine.status is Status.ACTIVE
    assert _told(book, stop + HOUR, practitioner="dr-1").may_act


def test_a_stop_ends_a_grant_recorded_after_it_yet_given_before() -> None:
    book = Book()
    stop, between = GIVEN + timedelta(days=5), GIVEN + timedelta(days=3)
    first = book.stop(book.record(statement(), NOW), stop, stop)
    second = book.record(statement(given_at=between), stop + HOUR)

    assert (second.version, second.status, second.superseded_by) == (1, Status.INACTIVE, first.id)
    assert (second.revocation, second.in_force_until) == (first.revocation, date(2026, 10, 31))


def test_at_one_instant_the_order_of_recording_decides() -> None:
    """R14."""
    for order in (("dr-1", "dr-2"), ("dr-2", "dr-1")):
        book = Book()
        for minutes, practitioner in enumerate(order):
            book.record(statement(practitioner=Person(practitioner)), NOW + timedelta(minutes=minutes))
        deciding = _told(book, GIVEN).deciding
        assert deciding is not None
        assert deciding.consent.statement.practitioner.id == order[1]


def test_a_consent_that_ends_by_itself() -> None:
    book = Book()
    book.record(statement(until=date(2026, 10, 12)), NOW)
    end = datetime(2026, 10, 13, 4, tzinfo=UTC)

    assert _told(book, end - HOUR).in_force
    assert _told(book, end).reason is Reason.ENDED


def test_what_ended_it_taken_back_lets_it_stand_with_its_own_last_day() -> None:
    book = Book()
    first = book.record(statement(until=date(2026, 12, 31)), NOW)
    second = book.record(refusal(given_at=GIVEN + HOUR), NOW + HOUR)
    assert book.current[first.id].in_force_until == date(2026, 10, 5)

    book.void(second, NOW + 2 * HOUR)

    stands = book.current[first.id]
    assert (stands.status, stands.in_force_until, stands.superseded_by) == (Status.ACTIVE, date(2026, 12, 31), None)
    assert (stands.version, stands.change_reason) == (3, RESTORED)


# --- random histories against a naive replay -------------------------------------------------------------------------

_Op = tuple[str, int, int]
_OPS = st.lists(
    st.tuples(st.sampled_from(("grant", "grant", "decline", "stop", "void", "correct")), st.integers(0, 2), st.integers(0, 20)),
    min_size=2,
    max_size=9,
)
_GRID = timedelta(hours=84)
_BEGIN = datetime(2026, 10, 20, tzinfo=UTC)


def _played(ops: Iterable[_Op]) -> Book:
    """Write a history: each operation is recorded an hour later, about any instant of a grid before; refusals are left out."""
    book = Book()
    for number, (kind, who, step) in enumerate(ops):
        at = _BEGIN + timedelta(hours=2400 + number)
        when = _BEGIN + step * _GRID
        consents = list(book.current.values())
        practitioner = Person(f"dr-{who % 2}")
        try:
            if kind == "grant":
                book.record(statement(practitioner=practitioner, given_at=when), at)
            elif kind == "decline":
                book.record(refusal(practitioner=practitioner, given_at=when), at)
            elif consents and kind == "stop":
                book.stop(consents[who % len(consents)], when, at)
            elif consents and kind == "void":
                book.void(consents[who % len(consents)], at)
            elif consents:
                chosen = consents[who % len(consents)]
                said = statement if chosen.statement.agreed else refusal
                changed = said(practitioner=chosen.statement.practitioner, given_at=when)
                book.change(chosen, Submission(chosen.status, changed, reason="x"), at)
        except ConsentRefused:
            continue
    return book


def _naive(history: Iterable[Consent], at: datetime, known_at: datetime) -> dict[UUID, bool]:
    """Replay the events one after the other; return the grants in force at `at`, and whether one may act on them."""
    known: dict[UUID, Consent] = {}
    for consent in history:
        if consent.recorded_at <= known_at and consent.version >= getattr(known.get(consent.id), "version", 0):
            known[consent.id] = consent
    events: list[tuple[datetime, int, datetime, UUID, str, Consent]] = []
    for consent in known.values():
        if consent.status is not Status.ENTERED_IN_ERROR:
            kind = "grant" if consent.statement.agreed else "decline"
            events.append((consent.statement.starts_at, 0, consent.first_recorded_at, consent.id, kind, consent))
            if consent.revocation and consent.superseded_by is None:
                stop = consent.revocation.received_at
                events.append((stop, 1, consent.first_recorded_at, consent.id, "stop", consent))
    live: dict[UUID, tuple[str, datetime | None]] = {}
    for instant, _, _, ident, kind, consent in sorted(events, key=lambda event: event[:4]):
        if instant > at:
            break
        who = consent.statement.practitioner.id
        if kind == "grant":
            live = {other: held for other, held in live.items() if held[0] == who}
            live[ident] = (who, None)
        elif kind == "decline":
            live = {other: held for other, held in live.items() if held[0] != who}
        else:
            local = instant.astimezone(ZONE)
            year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
            ends = datetime(year, month, 1, tzinfo=ZONE)
            live = {
                other: (name, min(held, ends) if held else ends) if name == who else (name, held)
                for other, (name, held) in live.items()
            }
    return {ident: held is None for ident, (_, held) in live.items() if held is None or at < held}


@settings(max_examples=1500, deadline=None)
@given(_OPS, st.integers(0, 26), st.integers(-1, 1), st.integers(-1, 10))
def test_in_force_agrees_with_a_naive_replay(ops: list[_Op], step: int, minute: int, known: int) -> None:
    book = _played(ops)
    at = _BEGIN + step * _GRID + timedelta(minutes=minute)
    known_at = _BEGIN + timedelta(hours=2400 + known)

    told = _told(book, at, known_at=known_at)

    expected = _naive(book.history, at, known_at)
    assert {one.consent.id: one.may_act for one in told.evidence if one.in_force} == expected
    assert (told.in_force, told.may_act) == (bool(expected), any(expected.values()))
    for practitioner in ("dr-0", "dr-1"):
        alone = _told(book, at, known_at=known_at, practitioner=practitioner)
        assert alone.evidence == tuple(one for one in told.evidence if one.consent.statement.practitioner.id == practitioner)


@settings(max_examples=500, deadline=None)
@given(_OPS)
def test_what_is_stored_is_what_the_history_says(ops: list[_Op]) -> None:
    book = _played(ops)
    now = _BEGIN + timedelta(hours=2500)

    for found in _told(book, now).evidence:
        consent = found.consent
        if consent.statement.agreed and consent.status is not Status.ENTERED_IN_ERROR:
            assert (consent.status is Status.ACTIVE) == found.may_act, consent
            last = (found.ends_at - timedelta(microseconds=1)).astimezone(ZONE).date() if found.ends_at else None
            assert consent.in_force_until == last


@settings(max_examples=500, deadline=None)
@given(_OPS)
def test_versions_are_counted_without_a_gap_and_never_go_back_in_time(ops: list[_Op]) -> None:
    book = _played(ops)

    for ident in book.current:
        versions = [consent for consent in book.history if consent.id == ident]
        assert [consent.version for consent in versions] == list(range(1, len(versions) + 1))
        assert [consent.recorded_at for consent in versions] == sorted(consent.recorded_at for consent in versions)
        assert len({consent.statement.subject for consent in versions}) == 1
