"""FHIR search: from query pairs to typed filters that adapters turn into SQL (standards.md 3.2, integration.md 4, 5).

An ignored filter shows more than was asked for, so nothing is ignored in silence: a parameter that is not known is
reported, or refused where the caller or the resource wants it so; a search of which nothing but ignored filters
remains is refused.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from urllib.parse import unquote, urlencode
from uuid import UUID

from shared.fhir import search_values as values
from shared.fhir.search_values import TokenValue, Value
from shared.fhir.times import instant, instant_text
from shared.kernel.errors import Invalid, Issue, Malformed

DEFAULT_COUNT = 50
MOST_COUNT = 500
AFTER = "_after"

_MOST_VALUES = 200
_LONGEST_VALUE = 2000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_FORMAT = frozenset(("_format", "_pretty"))
_CUT = frozenset(("_include", "_elements", "_contained", "_containedType"))
_TOTALS = ("none", "estimate", "accurate")

Key = datetime | str | None


@dataclass(frozen=True)
class SearchParameter:
    """A parameter that a resource offers.

    `kind` is token, date, reference, string or special (taken as it is); `targets` are the types of a reference;
    `modifiers` are those that it understands beside the type of a reference: `identifier` turns the values of a reference
    into tokens, any other (`not`, `missing` …) is handed on; `sortable` lets `_sort` name it; `ours` if R4 does not have it
    and access publishes its definition.
    """

    name: str
    kind: str
    targets: tuple[str, ...] = ()
    modifiers: frozenset[str] = frozenset()
    sortable: bool = False
    ours: bool = False


ID = SearchParameter("_id", "token")
LAST_UPDATED = SearchParameter("_lastUpdated", "date", sortable=True)


@dataclass(frozen=True)
class Filter:
    """One use of a parameter: any of `values` must match, and every filter of the search must."""

    parameter: SearchParameter
    modifier: str | None
    values: tuple[Value, ...]

    def uuids(self) -> list[UUID]:
        """Return the codes of its tokens that are UUIDs; the others name nothing of ours."""
        found = (_uuid(value.code) for value in self.values if isinstance(value, TokenValue) and value.system is None)
        return [ident for ident in found if ident is not None]


@dataclass(frozen=True)
class Sort:
    """One key of the order; the id follows the last as tie-break."""

    parameter: SearchParameter
    descending: bool = False


@dataclass(frozen=True)
class Search:
    """What is asked for.

    `count` 0 wants the total only. `after` is the place behind which the page starts: one value for each key of `sort`
    (None: the element is missing) and the id. `ignored` names parameters that were not understood, `used` holds the pairs
    that were, for the self link.
    """

    filters: tuple[Filter, ...] = ()
    count: int = DEFAULT_COUNT
    sort: tuple[Sort, ...] = (Sort(LAST_UPDATED, descending=True),)
    total: str | None = None
    after: tuple[tuple[Key, ...], UUID] | None = None
    revincludes: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    used: tuple[tuple[str, str], ...] = ()

    def link(self, path: str, keys: Sequence[Key] | None = None, ident: UUID | None = None) -> str:
        """Write the address of this page, or with the keys and id of its last row that of the next one."""
        pairs = [pair for pair in self.used if ident is None or pair[0] != AFTER]
        if ident is not None:
            pairs.append((AFTER, "~".join((*map(_key_text, keys or ()), str(ident)))))
        return f"{path}?{urlencode(pairs)}" if pairs else path


@dataclass
class _Reading:
    """What has been read of a query so far."""

    known: dict[str, SearchParameter]
    bases: tuple[str, ...]
    zone: tzinfo
    filters: list[Filter] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    used: list[tuple[str, str]] = field(default_factory=list)


def parse_search(
    parameters: Iterable[SearchParameter],
    query: Iterable[tuple[str, str]],
    *,
    handling: str = "lenient",
    strict_unknown: bool = False,
    bases: Iterable[str] = (),
    revincludes: Iterable[str] = (),
    default_sort: tuple[Sort, ...] = (Sort(LAST_UPDATED, descending=True),),
    zone: tzinfo = UTC,
) -> Search:
    """Read the decoded pairs of a search; `_id` and `_lastUpdated` are offered beside `parameters`.

    `handling` is that of the Prefer header; `strict_unknown` refuses unknown parameters whatever it says (ChargeItem: an
    ignored filter on money is a wrong bill). References on one of `bases` are ours, days are those of `zone`.
    Malformed (400) for a value, prefix, modifier, order, cursor or escape that is not understood, for `_include` and
    `_elements`, for an unknown parameter where that is strict, and if only ignored filters remain.
    """
    known = {parameter.name: parameter for parameter in (*parameters, ID, LAST_UPDATED)}
    reading = _Reading(known, tuple(bases), zone)
    for name, text in query:
        try:
            _read(reading, name, text)
        except Malformed as error:
            issue = error.issues[0]
            raise Malformed(issue.text, rule=issue.rule, expression=_shown(name)) from error
    if reading.ignored and (strict_unknown or handling == "strict"):
        issues = tuple(Issue("search-unknown", "this parameter is not known", _shown(name)) for name in reading.ignored)
        raise Malformed(issues[0].text, issues=issues)
    if reading.ignored and not reading.filters:
        raise Malformed("none of the filters is known, and a search without them shows too much", rule="search-incomplete")
    return _search(reading, frozenset(revincludes), default_sort)


def _read(reading: _Reading, name: str, text: str) -> None:
    base, _, modifier = name.partition(":")
    if name in _FORMAT:
        return
    if base in _CUT:
        raise Malformed("is not offered", rule="search-not-offered")
    if _UNSTORABLE.search(text) or len(text) > _LONGEST_VALUE:
        raise Malformed(f"is longer than {_LONGEST_VALUE} characters or holds U+0000", rule="search-value")
    if name in ("_count", "_sort", "_total", "_revinclude", AFTER):
        if name in reading.results:
            raise Malformed("may be given once", rule="search-repeated")
        reading.results[name] = text
    elif base in reading.known:
        reading.filters.append(_filter(reading, reading.known[base], modifier or None, text))
    elif base.partition(".")[0] in reading.known:
        raise Malformed("chained parameters are not offered", rule="search-not-offered")
    else:
        reading.ignored.append(name)
        return
    reading.used.append((name, text))


def _filter(reading: _Reading, parameter: SearchParameter, modifier: str | None, text: str) -> Filter:
    targets = parameter.targets
    if modifier is not None and modifier not in parameter.modifiers:
        if parameter.kind != "reference" or modifier not in targets:
            raise Malformed(f"the modifier :{_shown(modifier)} is not supported here", rule="search-modifier")
        targets, modifier = (modifier,), None
    if parameter.kind == "special":
        return Filter(parameter, modifier, (values.TextValue(text),))
    texts = values.split(text, ",")
    if len(texts) > _MOST_VALUES or not all(texts):
        raise Malformed(f"needs 1 to {_MOST_VALUES} values, none of them empty", rule="search-value")
    if modifier == "missing":
        found: Iterable[Value] = (_boolean(each) for each in texts)
    elif parameter.kind == "token" or modifier == "identifier":
        found = (values.token_value(each) for each in texts)
    elif parameter.kind == "date":
        found = (values.date_value(each, reading.zone) for each in texts)
    elif parameter.kind == "reference":
        found = (values.reference_value(each, targets, reading.bases) for each in texts)
    else:
        found = (values.text_value(each) for each in texts)
    return Filter(parameter, modifier, tuple(found))


def _boolean(text: str) -> TokenValue:
    if text not in ("true", "false"):
        raise Malformed("is neither true nor false", rule="search-value")
    return TokenValue(None, text)


def _search(reading: _Reading, revincludes: frozenset[str], default_sort: tuple[Sort, ...]) -> Search:
    results = reading.results
    sort = _sort(reading.known, results["_sort"]) if "_sort" in results else default_sort
    asked = frozenset(results["_revinclude"].split(",")) if "_revinclude" in results else frozenset()
    if not asked <= revincludes:
        raise Malformed("is not offered", rule="search-not-offered", expression="_revinclude")
    if results.get("_total", "none") not in _TOTALS:
        raise Malformed("is none, estimate or accurate", rule="search-value", expression="_total")
    return Search(
        filters=tuple(reading.filters),
        count=_count(results["_count"]) if "_count" in results else DEFAULT_COUNT,
        sort=sort,
        total=results.get("_total"),
        after=_after(results[AFTER], sort) if AFTER in results else None,
        revincludes=asked,
        ignored=tuple(reading.ignored),
        used=tuple(reading.used),
    )


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Malformed("is no whole number", rule="search-value", expression="_count")
    return min(int(text), MOST_COUNT)


def _sort(known: dict[str, SearchParameter], text: str) -> tuple[Sort, ...]:
    keys = [(name.removeprefix("-"), name.startswith("-")) for name in text.split(",")]
    if len({name for name, _ in keys}) != len(keys) or not all(name in known and known[name].sortable for name, _ in keys):
        offered = ", ".join(sorted(name for name, parameter in known.items() if parameter.sortable))
        raise Malformed(f"sorts by each of these once at most: {offered}", rule="search-sort", expression="_sort")
    return tuple(Sort(known[name], descending) for name, descending in keys)


def _after(text: str, sort: tuple[Sort, ...]) -> tuple[tuple[Key, ...], UUID]:
    *texts, last = text.split("~")
    ident = _uuid(last)
    if ident is None or len(texts) != len(sort):
        raise Malformed("is no place of this search", rule="search-cursor", expression=AFTER)
    try:
        keys = tuple(_key(each, key.parameter.kind) for each, key in zip(texts, sort, strict=True))
    except Invalid as error:
        raise Malformed("is no place of this search", rule="search-cursor", expression=AFTER) from error
    return keys, ident


def _key(text: str, kind: str) -> Key:
    if not text:
        return None
    return instant(text, expression=AFTER) if kind == "date" else unquote(text)


def _key_text(key: Key) -> str:
    if key is None:
        return ""
    return instant_text(key) if isinstance(key, datetime) else key.replace("%", "%25").replace("~", "%7E")


def _uuid(text: str | None) -> UUID | None:
    if text is None or not re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        return None
    return UUID(text)


def _shown(name: str) -> str:
    return _UNSTORABLE.sub("\ufffd", name)[:80]
