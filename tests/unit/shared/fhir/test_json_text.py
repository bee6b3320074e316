"""Strict JSON: what is refused, where, and that decimals keep their digits (standards.md 3.1)."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.fhir.json_text import MAX_DEPTH, dump, parse, place
from shared.kernel.errors import Malformed

REFUSED = [
    (b"", "json-syntax", None),
    (b"\xff", "json-utf-8", None),
    (b"\xed\xa0\x80", "json-utf-8", None),
    (b"\xef\xbb\xbf{}", "json-syntax", None),
    (b"[1]", "json-object", None),
    (b"{} x", "json-syntax", None),
    (b'{"a":01}', "json-syntax", None),
    (b'{"a":.5}', "json-syntax", None),
    (b'{"a":"\x00"}', "json-syntax", None),
    (b'{"a":NaN}', "json-number", None),
    (b'{"a":-Infinity}', "json-number", None),
    (b'{"a":1e400}', "json-number", None),
    (b'{"a":1e9999999999999999999999}', "json-number", None),
    (b'{"a":0.' + b"1" * 64 + b"}", "json-number", None),
    (b'{"a":' + b"9" * 5000 + b"}", "json-number", None),
    (b'{"resourceType":"Task","status":"a","status":"b"}', "json-duplicate-key", "Task.status"),
    (b'{"resourceType":"Task","note":[{"text":"a","text":"b"}]}', "json-duplicate-key", "Task.note[0].text"),
    (b'{"a":{"b":1,"b":1},', "json-duplicate-key", None),
    (b'{"a":{"b":1,"b":1},"c":' + b"9" * 5000 + b"}", "json-duplicate-key", "$this.a.b"),
    (b'{"resourceType":"Task","note":[{"text":"\\ud800"}]}', "json-character", "Task.note[0].text"),
    (b'{"resourceType":"Task","note":[{"text":"a\\u0000"}]}', "json-character", "Task.note[0].text"),
    (b'{"\\udc00":1}', "json-character", "$this"),
    (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "json-depth", None),
    (b"[" * 200_000, "json-depth", None),
    (b'{"a":"' + b'\\"[' * 100_000, "json-syntax", None),
]


@pytest.mark.parametrize(("body", "rule", "expression"), REFUSED)
def test_names_rule_and_place_of_what_it_refuses(body: bytes, rule: str, expression: str | None) -> None:
    with pytest.raises(Malformed) as refused:
        parse(body)
    (issue,) = refused.value.issues
    assert (issue.rule, issue.expression, refused.value.status) == (rule, expression, 400)
    issue.text.encode()


def test_depth_counts_brackets_outside_of_strings_only() -> None:
    assert parse(b'{"a":"' + b"[{" * 100 + b'"}') == {"a": "[{" * 100}
    deepest = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"1" + b"]" * (MAX_DEPTH - 1) + b"}"
    assert dump(parse(deepest)) == deepest


@pytest.mark.parametrize("text", ["105.00", "0.40", "12345678901234.567891", "-0.0", "-0", "1E+2", "0.1234567890123456789", "7"])
def test_a_number_leaves_as_it_came(text: str) -> None:
    body = f'{{"value":{text}}}'.encode()
    assert dump(parse(body)) == body


def test_a_whole_pair_of_surrogates_is_text() -> None:
    assert parse(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_place_is_a_fhirpath() -> None:
    assert place("Task", ("note", 0, "text")) == "Task.note[0].text"


decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=6)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
values = st.recursive(
    st.one_of(st.booleans(), st.integers(-(10**17), 10**17), decimals, texts),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(texts, below, max_size=4)),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, max_size=6))
def test_what_is_dumped_is_parsed_to_the_same_with_every_digit(value: dict[str, Any]) -> None:
    body = dump(value)
    again = parse(body)
    assert again == value
    assert dump(again) == body


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_malformed(body: bytes) -> None:
    try:
        assert isinstance(parse(body), dict)
    except Malformed as refused:
        assert refused.issues[0].rule.startswith("json-")


def test_decimals_are_decimals() -> None:
    assert parse(b'{"a":1.50,"b":1}') == {"a": Decimal("1.50"), "b": 1}
