"""Our own corpus: bad JSON, bad FHIR, bad addresses, bad headers; each a function of a random source."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.contract.asking import body

Json = dict[str, Any]

TEXTS = (
    "", " ", "\t", "\n", "\x00", "\u0000x", "\ud800", "\udfff\ud800",
    "é", "𝔘", "\u202e", "\ufeff", "%00", "%", "%zz", "%ff", "../..",
    "..%2f..", "/", "//", "\\", "'", '"', "' OR 1=1 --", "${jndi:ldap://x}",
    "{{7*7}}", "<script>", "NaN", "null", "true", "-1", "0", "1e400",
    "9" * 5000, "x" * 10_000, "a,b", "a|b", "|", "|b", "a|",
    "\\,", "\\|", "$", "*", "Patient/", "Patient/x/y", "http://", "http://[",
    "urn:uuid:x", "https://evil.example/fhir/Patient/1", "2026-13-01",
    "2026-02-30", "0000-00-00", "9999-12-31T23:59:60Z", "2026-10-05T10:00",
    "2026-10-05T10:00:00+99:00", "eq", "eq2026", "zz2026", "-", "--", "W/", 'W/"', 'W/"1', "(", "\r\nX: y",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e300, "", " ", [], {}, [[]], [{}], [None], {"a": None}, {"": 1}, "x" * 5000, "\u0000",
    {"reference": "Patient/x"}, {"reference": 1}, [1, "a", {}], {"coding": "x"}, {"value": "x"}, "2026-13-45", "nonsense",
)  # fmt: skip
RAW = (
    b"",
    b" ",
    b"null",
    b"[]",
    b'"x"',
    b"1",
    b"{",
    b"}",
    b"{}",
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":1e400}',
    b'{"a":-1e-400}',
    b'{"a":1,"a":2}',
    b'{"resourceType":"Task","resourceType":"Consent"}',
    b'{"a":"\\ud800"}',
    b'{"a":"\\u0000"}',
    b'{"a":"\xff"}',
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b"[" * 100_000,
    b'{"a":' + b"9" * 5000 + b"}",
    b'{"a":01}',
    b'{"a":1,}',
    b"{'a':1}",
    b'{"a":"\n"}',
    b'{"a":1} trailing',
    b'{"a":1}{"a":1}',
    b'{"\\u0000":1}',
    b"<xml/>",
    b"a=b&c=d",
    b"\x00",
    b'{"resourceType":"Task"}',
    b'{"resourceType":"Consent"}',
    b'{"resourceType":"Parameters","parameter":[]}',
    b'{"resourceType":"Bundle","type":"batch"}',
    b'{"resourceType":["Task"]}',
    b'{"resourceType":null}',
    b'{"resourceType":{}}',
)
TYPES = (
    "application/fhir+json",
    "application/json",
    "application/fhir+xml",
    "text/plain",
    "",
    "application/fhir+json; charset=utf-7",
    ";",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "a" * 500,
    "application/fhir+json; fhirVersion=5.0",
    "*/*",
)
HEADERS = (
    "Accept",
    "If-Match",
    "If-None-Match",
    "If-None-Exist",
    "If-Modified-Since",
    "Prefer",
    "X-Request-Id",
    "Content-Encoding",
    "Accept-Encoding",
    "Range",
    "Expect",
    "X-HTTP-Method-Override",
    "Transfer-Encoding-X",
    "Cookie",
)
PARAMETERS = (
    "patient",
    "identifier",
    "status",
    "code",
    "category",
    "date",
    "period",
    "owner",
    "_id",
    "_lastUpdated",
    "_count",
    "_sort",
    "_total",
    "_after",
    "_revinclude",
    "_include",
    "_format",
    "_since",
    "-after",
    "_summary",
    "performer",
    "program",
    "at",
    "known-at",
    "url",
    "after",
    "count",
    "practitioner",
)
MODIFIERS = ("", "", "", ":exact", ":missing", ":identifier", ":Patient", ":not", ":", "::", ".name", ":\x00")


def mutated(rng: random.Random, kind: str) -> Json:
    """Return a good resource in which one to three places are spoilt."""
    resource: Json = deepcopy(body(kind))
    for _ in range(rng.randint(1, 3)):
        holder, key = _place(rng, resource)
        if isinstance(holder, dict) and rng.random() < 0.2:
            holder[rng.choice(("colour", "extension", "_id", "fhir_comments", "modifierExtension", "contained", ""))] = _value(
                rng
            )
        elif rng.random() < 0.2:
            del holder[key]
        else:
            holder[key] = _value(rng)
    return resource


def _value(rng: random.Random) -> Any:
    return deepcopy(rng.choice(VALUES)) if rng.random() < 0.7 else rng.choice(TEXTS)


def _place(rng: random.Random, resource: Json) -> tuple[Any, Any]:
    """Return a holder inside the resource with a key of it; never so deep that nothing is left of the rest."""
    holder: Any = resource
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = rng.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and rng.random() < 0.75:
            holder = holder[key]
        else:
            return holder, key


def text_of(resource: Any) -> bytes:
    """Write a resource as JSON, half surrogates and all."""
    return json.dumps(resource).encode("ascii")


def spoilt_text(rng: random.Random, kind: str) -> bytes:
    """Return a good resource's text in which bytes are lost, doubled or changed."""
    data = bytearray(text_of(body(kind)))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        change: Callable[[], None] = rng.choice(
            (
                lambda at=at: data.__delitem__(slice(at, at + rng.randint(1, 20))),
                lambda at=at: data.insert(at, rng.randrange(256)),
                lambda at=at: data.__setitem__(at, rng.randrange(256)),
                lambda at=at: data.__setitem__(slice(at, at), data[max(0, at - 30) : at]),
            )
        )
        change()
        if not data:
            data.extend(b" ")
    return bytes(data)
