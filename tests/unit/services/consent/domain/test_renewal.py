"""When a new consent is asked for: on the triggers of C5 and no other. Requirements: ccm-rules C5, C7; issue 10 item 4."""

from datetime import date, datetime, timedelta

import pytest

from services.consent.domain.consent import Person
from services.consent.domain.disclosure import REQUIRED
from services.consent.domain.renewal import Trigger, missing_disclosures, renewal
from services.consent.domain.standing import InForce, in_force
from shared.kernel.vocabulary import DisclosureCode
from tests.unit.services.consent.domain.making import GIVEN, NOW, ZONE, Book, refusal, statement

LATER = GIVEN + timedelta(days=2)
NEXT_MONTH = GIVEN + timedelta(days=40)


def standing(book: Book, at: datetime) -> InForce:
    """Return how the consents stand."""
    return in_force(book.history, at=at, known_at=at, zone=ZONE)


def asked(book: Book, at: datetime = NOW, *practitioners: str, other_program: bool = False) -> Trigger | None:
    """Return the trigger, for a practice where these bill (dr-1 if none is named)."""
    return renewal(standing(book, at), practitioners=frozenset(practitioners or ("dr-1",)), other_program=other_program)


def test_where_none_was_given_it_is_asked_for() -> None:
    assert asked(Book()) is Trigger.NONE_YET


def test_a_consent_to_another_program_does_not_cover_this_one() -> None:
    assert asked(Book(), other_program=True) is Trigger.PROGRAM


def test_a_consent_in_force_stays_so_however_old() -> None:
    book = Book()
    book.record(statement(), NOW)
    for days in (0, 366, 3 * 366):
        assert asked(book, NOW + timedelta(days=days)) is None


def test_another_billing_practitioner_needs_a_new_one() -> None:
    book = Book()
    book.record(statement(), NOW)
    assert asked(book, NOW, "dr-2") is Trigger.PRACTITIONER
    assert asked(book, NOW, "dr-2", "dr-1") is None


def test_an_empty_roster_says_nothing_of_practitioners() -> None:
    book = Book()
    book.record(statement(), NOW)
    assert renewal(standing(book, NOW), practitioners=frozenset(), other_program=False) is None


def test_once_the_new_practitioner_has_one_nothing_is_asked() -> None:
    book = Book()
    book.record(statement(), NOW)
    book.record(statement(given_at=LATER, practitioner=Person("dr-2")), LATER)
    assert asked(book, LATER, "dr-2") is None


@pytest.mark.parametrize("at", [LATER + timedelta(hours=1), NEXT_MONTH])
def test_after_the_patients_stop_a_new_one_is_needed(at: datetime) -> None:
    book = Book()
    book.stop(book.record(statement(), NOW), LATER, LATER)
    assert asked(book, at) is Trigger.AFTER_STOP


def test_a_representatives_authority_that_ended() -> None:
    book = Book()
    book.record(statement(by_representative=True, authority="guardian", until=date(2026, 10, 6)), NOW)
    assert asked(book, NOW) is None
    assert asked(book, NEXT_MONTH) is Trigger.AUTHORITY


def test_a_last_day_without_a_representative_asks_as_if_none_was_given() -> None:
    book = Book()
    book.record(statement(until=date(2026, 10, 6)), NOW)
    assert asked(book, NEXT_MONTH) is Trigger.NONE_YET


@pytest.mark.parametrize("code", DisclosureCode)
@pytest.mark.parametrize("told", [False, None])
def test_only_a_required_point_that_was_not_told_asks_again(code: DisclosureCode, told: bool | None) -> None:
    disclosures = {one: True for one in DisclosureCode if one is not code}
    book = Book()
    book.record(statement(disclosures=disclosures if told is None else disclosures | {code: told}), NOW)
    assert asked(book) is (Trigger.DISCLOSURE if code in REQUIRED else None)
    assert missing_disclosures(standing(book, NOW)) == ((code,) if code in REQUIRED else ())


def test_who_declined_is_not_asked_again_by_us() -> None:
    book = Book()
    book.record(refusal(), NOW)
    assert asked(book) is None


def test_what_was_entered_in_error_never_held() -> None:
    book = Book()
    book.void(book.record(statement(), NOW), LATER)
    assert asked(book, LATER) is Trigger.NONE_YET
