"""Scopes mean what SMART says, no more: random scope strings against a model of its own (requirement 4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.smart.scopes import covers, granted, parse_scopes, scope_text

pytestmark = pytest.mark.requirement("standards-4")

TYPES = ("Consent", "Task", "ChargeItem", "Patient")
CONTEXTS = ("system", "user", "patient")
WORDS = {"read": "rs", "write": "cud", "*": "cruds"}

_suffixes = st.one_of(
    st.sampled_from(tuple(WORDS)),
    st.lists(st.sampled_from("cruds"), max_size=6).map("".join),
    st.sampled_from(("READ", "rd", "dus", "cruds?status=active", "r?x=1", "cruds.", "", "rs ", "CRUDS")),
)
_scope = st.builds(
    lambda context, kind, suffix: f"{context}/{kind}.{suffix}",
    st.sampled_from((*CONTEXTS, "System", "systems", "")),
    st.sampled_from((*TYPES, "*", "task", "Task2", "")),
    _suffixes,
)
_scopes = st.lists(st.one_of(_scope, st.sampled_from(("careledger/attest", "openid", "launch"))), max_size=6).map(" ".join)


def model(text: str) -> set[tuple[str, str, str]]:
    """Return the rights (context, type, letter) of a scope string, by reading the specification once more."""
    rights = set()
    for scope in text.split():
        context, slash, rest = scope.partition("/")
        kind, dot, suffix = rest.partition(".")
        good = slash and dot and context in CONTEXTS and (kind == "*" or (kind[:1].isupper() and kind.isalpha()))
        letters = WORDS.get(suffix, suffix)
        in_order = letters == "".join(letter for letter in "cruds" if letter in letters)
        if good and letters and in_order:
            rights |= {(context, kind, letter) for letter in letters}
    return rights


@given(_scopes, st.sampled_from(CONTEXTS), st.sampled_from(TYPES), st.sampled_from("cruds"))
def test_a_scope_gives_what_the_model_gives(text: str, context: str, kind: str, letter: str) -> None:
    rights = model(text)
    expected = (context, kind, letter) in rights or (context, "*", letter) in rights
    assert covers(parse_scopes(text), f"{context}/{kind}.{letter}") is expected


@given(_scopes, _scopes)
def test_what_is_granted_is_asked_for_and_allowed(requested: str, allowed: str) -> None:
    given_rights = granted(requested, allowed.split())
    assert all(covers(parse_scopes(requested), right) and covers(parse_scopes(allowed), right) for right in given_rights)
    assert parse_scopes(scope_text(given_rights)) == given_rights


@given(_scopes)
def test_no_wildcard_covers_what_is_ours(text: str) -> None:
    assert covers(parse_scopes(text), "careledger/attest") is ("careledger/attest" in text.split())
