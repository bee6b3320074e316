"""Search: typed filters or a refusal, never a filter dropped in silence (standards.md 3.2, integration.md 4)."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.fhir.search import AFTER, DEFAULT_COUNT, ID, LAST_UPDATED, MOST_COUNT, Search, SearchParameter, Sort, parse_search
from shared.fhir.search_values import DateValue, ReferenceValue, TextValue, TokenValue, split
from shared.kernel.errors import Malformed

EHR = "https://ehr.example/fhir"
PARAMETERS = (
    SearchParameter("status", "token", modifiers=frozenset({"not", "missing"}), sortable=True),
    SearchParameter("patient", "reference", targets=("Patient",), modifiers=frozenset({"identifier"})),
    SearchParameter("owner", "reference", targets=("Practitioner", "Patient")),
    SearchParameter("period", "date", sortable=True),
    SearchParameter("name", "string"),
    SearchParameter("-after", "special"),
)
IDENT = UUID("0192f0c1-2345-7abc-8def-0123456789ab")


def search(*query: tuple[str, str], **options: Any) -> Search:
    return parse_search(PARAMETERS, query, bases=(EHR,), **options)


def values(*query: tuple[str, str]) -> list[tuple[Any, ...]]:
    return [found.values for found in search(*query).filters]


def refused(*query: tuple[str, str], **options: Any) -> tuple[str, str | None]:
    with pytest.raises(Malformed) as caught:
        search(*query, **options)
    return caught.value.issues[0].rule, caught.value.issues[0].expression


def test_a_comma_is_or_and_a_repeat_is_and() -> None:
    assert values(("status", "a,b"), ("status", "c")) == [
        (TokenValue(None, "a"), TokenValue(None, "b")),
        (TokenValue(None, "c"),),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("code", TokenValue(None, "code")),
        ("http://s|code", TokenValue("http://s", "code")),
        ("|code", TokenValue("", "code")),
        ("http://s|", TokenValue("http://s", None)),
        (r"a\,b\|c\$d\\e", TokenValue(None, r"a,b|c$d\e")),
    ],
)
def test_token_forms(text: str, value: TokenValue) -> None:
    assert values(("status", text)) == [(value,)]


@pytest.mark.parametrize("prefix", ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
def test_date_prefixes_and_precision(prefix: str) -> None:
    january = DateValue(prefix or "eq", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    assert values(("period", f"{prefix}2026-01")) == [(january,)]


def test_days_are_those_of_the_zone() -> None:
    found = search(("_lastUpdated", "ge2026-07-01"), zone=ZoneInfo("America/Chicago")).filters[0].values[0]
    assert found == DateValue("ge", datetime(2026, 7, 1, 5, tzinfo=UTC), datetime(2026, 7, 2, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("patient", "1", ReferenceValue("Patient", "1")),
        ("patient", "Patient/1", ReferenceValue("Patient", "1")),
        ("patient", f"{EHR}/Patient/1", ReferenceValue("Patient", "1")),
        ("patient", "https://other.example/Patient/1", ReferenceValue("Patient", "1", foreign=True)),
        ("patient", "https://[broken/Patient/1", ReferenceValue("Patient", "1", foreign=True)),
        ("patient:Patient", "1", ReferenceValue("Patient", "1")),
        ("patient:identifier", "urn:mrn|7", TokenValue("urn:mrn", "7")),
        ("owner", "1", ReferenceValue(None, "1")),
        ("owner:Practitioner", "1", ReferenceValue("Practitioner", "1")),
        ("name", r"a\,b", TextValue("a,b")),
        ("-after", "e.1,2", TextValue("e.1,2")),
        ("status:missing", "true", TokenValue(None, "true")),
    ],
)
def test_other_forms(name: str, text: str, value: Any) -> None:
    assert values((name, text)) == [(value,)]


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("status", "", "search-value"),
        ("status", "a,,b", "search-value"),
        ("status", "|", "search-value"),
        ("status", "a|b|c", "search-value"),
        ("status", "a\x00", "search-value"),
        ("status", "a" * 2001, "search-value"),
        ("status", ",".join("a" * 201), "search-value"),
        ("status", "a\\", "search-escape"),
        ("status", r"a\b", "search-escape"),
        ("status:exact", "a", "search-modifier"),
        ("status:missing", "yes", "search-value"),
        ("_id:not", "a", "search-modifier"),
        ("period", "ap2026", "search-prefix"),
        ("period", "2026-01-01T10:00", "search-value"),
        ("period", "2026-01-01T10:00:00 01:00", "search-value"),
        ("period", "eq", "search-value"),
        ("patient", "Practitioner/1", "search-value"),
        ("patient", "Patient/1/_history/2", "search-value"),
        ("patient:Group", "1", "search-modifier"),
        ("patient.name", "x", "search-not-offered"),
        ("patient:Patient.name", "x", "search-modifier"),
        ("_include", "Task:patient", "search-not-offered"),
        ("_include:iterate", "Task:patient", "search-not-offered"),
        ("_elements", "id", "search-not-offered"),
        ("_revinclude", "Task:focus", "search-not-offered"),
        ("_count", "-1", "search-value"),
        ("_count", "all", "search-value"),
        ("_total", "yes", "search-value"),
        ("_sort", "patient", "search-sort"),
        ("_sort", "status,-status", "search-sort"),
        ("_sort", "", "search-sort"),
        (AFTER, "x", "search-cursor"),
        (AFTER, f"2026~{IDENT}", "search-cursor"),
        (AFTER, str(IDENT), "search-cursor"),
    ],
)
def test_refuses_with_the_parameter_named(name: str, text: str, rule: str) -> None:
    assert refused((name, text)) == (rule, name)


def test_an_unknown_parameter_is_reported_or_refused() -> None:
    found = search(("status", "a"), ("colour", "red"))
    assert found.ignored == ("colour",)
    assert found.used == (("status", "a"),)
    assert refused(("status", "a"), ("colour", "red"), handling="strict") == ("search-unknown", "colour")
    assert refused(("status", "a"), ("colour", "red"), strict_unknown=True) == ("search-unknown", "colour")
    assert refused(("colour", "red"), ("_count", "5"))[0] == "search-incomplete"


def test_results_are_bounded_and_given_once() -> None:
    assert search().count == DEFAULT_COUNT
    assert search(("_count", "0")).count == 0
    assert search(("_count", "99999999")).count == MOST_COUNT
    assert search(("_total", "accurate")).total == "accurate"
    assert refused(("_count", "1"), ("_count", "2")) == ("search-repeated", "_count")
    assert search(("_format", "json"), ("_pretty", "true")) == Search()


def test_order() -> None:
    assert search(("_sort", "-period,status")).sort == (Sort(PARAMETERS[3], True), Sort(PARAMETERS[0]))
    assert search().sort == (Sort(LAST_UPDATED, True),)


def test_revinclude_is_what_the_route_offers() -> None:
    found = search(("_revinclude", "Provenance:target"), revincludes=["Provenance:target"])
    assert found.revincludes == {"Provenance:target"}


def test_a_page_links_to_itself_and_the_next_from_its_last_row() -> None:
    first = search(("status", "a,b"), ("_sort", "-period,status"), ("colour", "red"))
    assert first.link("/Task") == "/Task?status=a%2Cb&_sort=-period%2Cstatus"
    at = datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    address = first.link("/Task", (at, "a~%b"), IDENT)
    second = search(*parse_qsl(urlsplit(address).query))
    assert second.after == ((at, "a~%b"), IDENT)
    assert second.link("/Task") == address
    third = search(*parse_qsl(urlsplit(second.link("/Task", (None, "x"), IDENT)).query))
    assert third.after == ((None, "x"), IDENT)
    assert search().link("/Task") == "/Task"


def test_ids_that_are_no_uuid_name_nothing() -> None:
    (found,) = search(("_id", f"{IDENT},abc,{str(IDENT).upper()},s|{IDENT}")).filters
    assert found.parameter is ID
    assert found.uuids() == [IDENT]


@given(st.lists(st.text(st.sampled_from(list("ab,|\\$")), max_size=6), min_size=1, max_size=4))
def test_escaped_parts_come_apart_as_they_were(parts: list[str]) -> None:
    def escaped(part: str) -> str:
        return "".join("\\" + mark if mark in "\\,|$" else mark for mark in part)

    sent = [escaped(part) for part in parts]
    for mark in (",", "|"):
        assert split(mark.join(sent), mark) == sent


names = st.sampled_from(
    [
        "status",
        "patient",
        "owner",
        "period",
        "name",
        "-after",
        "_id",
        "_lastUpdated",
        "_count",
        "_sort",
        "_total",
        AFTER,
        "_revinclude",
        "_include",
        "status:not",
        "patient:identifier",
        "owner:Patient",
        "period:missing",
        "colour",
        ":",
        "",
    ]
)
texts = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from(list("0129-T:.Z+geltPatien/|,\\$~ ")), max_size=24),
    st.from_regex(r"\A(eq|gt)?[0-9]{4}(-[0-9]{2}){0,2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2}))?\Z"),
)


@given(st.lists(st.tuples(st.one_of(names, st.text(max_size=8)), texts), max_size=5), st.booleans())
def test_any_query_is_a_search_or_malformed(query: list[tuple[str, str]], strict: bool) -> None:
    try:
        found = search(*query, strict_unknown=strict)
    except Malformed as error:
        assert all(issue.text and issue.rule.startswith("search-") for issue in error.issues)
    else:
        assert found.filters or not found.ignored
        address = found.link("/x")
        assert search(*parse_qsl(urlsplit(address).query, keep_blank_values=True)).filters == found.filters
