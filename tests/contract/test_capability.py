"""The CapabilityStatement is true: what it declares works, what it does not is refused; and values come back as sent
(requirements 25, 27)."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.fhir.json_text import dump, parse
from tests.contract.asking import KINDS, ask, own
from tests.security.place import Place

VALUES = {"token": "x", "date": "2026-10", "reference": "x", "uri": "https://careledger.example/fhir/CodeSystem/program",
          "special": "0"}  # fmt: skip
EVERY = ("create", "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "search-type")


async def _statement(place: Place) -> dict[str, dict[str, Any]]:
    answer = await ask(place, "GET", "metadata")
    assert answer.headers["access-control-allow-origin"] == "*"
    return {resource["type"]: resource for resource in answer.json()["rest"][0]["resource"]}


async def _works(place: Place, kind: str, interaction: str) -> bool:
    """Try an interaction; tell whether it is offered (whatever it answers) or refused as not offered."""
    one = own(place, kind) if kind in KINDS else f"{kind}/c-none"
    requests: dict[str, tuple[str, str]] = {
        "create": ("POST", kind),
        "read": ("GET", one),
        "vread": ("GET", f"{one}/_history/1"),
        "update": ("PUT", one),
        "patch": ("PATCH", one),
        "delete": ("DELETE", one),
        "history-instance": ("GET", f"{one}/_history"),
        "history-type": ("GET", f"{kind}/_history"),
        "search-type": ("GET", f"{kind}?_id=x" if kind in KINDS else kind),
    }
    method, path = requests[interaction]
    answer = await ask(place, method, path, **({"json": {}} if method in ("POST", "PUT", "PATCH") else {}))
    assert answer.status_code < 500
    if interaction == "read" and kind not in KINDS:  # there is none of that id; the rule tells that the route is there
        return answer.status_code == 404 and answer.json()["issue"][0]["details"]["text"] != "Not Found"
    return answer.status_code not in (404, 405)


@pytest.mark.requirement("standards-25")
async def test_what_is_declared_works_and_nothing_else_does(place: Place) -> None:
    statement = await _statement(place)
    assert set(statement) >= {*KINDS, "Provenance", "StructureDefinition"}
    for kind, resource in statement.items():
        declared = {one["code"] for one in resource["interaction"]}
        for interaction in EVERY:
            assert await _works(place, kind, interaction) == (interaction in declared), (kind, interaction)


@pytest.mark.requirement("standards-25")
async def test_declared_parameters_are_understood_and_others_are_not(place: Place) -> None:
    for kind, resource in (await _statement(place)).items():
        declared = {one["name"]: one["type"] for one in resource.get("searchParam", ())}
        for name, sort in declared.items():
            answer = await ask(place, "GET", f"{kind}?{name}={VALUES[sort]}", headers={"Prefer": "handling=strict"})
            assert answer.status_code == 200, (kind, name, answer.text)
        for name in {"subject", "code-value", "performer", "_text", "_content", "_filter", "_has", "_list"} - set(declared):
            if "search-type" in {one["code"] for one in resource["interaction"]}:
                answer = await ask(place, "GET", f"{kind}?{name}=x", headers={"Prefer": "handling=strict"})
                assert answer.status_code == 400, (kind, name)


@pytest.mark.requirement("standards-25")
async def test_every_definition_that_is_named_is_served(place: Place) -> None:
    for resource in (await _statement(place)).values():
        named = [
            one["definition"] for one in (*resource.get("searchParam", ()), *resource.get("operation", ())) if "definition" in one
        ]
        for canonical in [*named, *resource.get("supportedProfile", ())]:
            path = canonical.removeprefix("https://careledger.example/fhir/")
            served = await ask(place, "GET", path)
            assert (served.status_code, served.json()["url"]) == (200, canonical)
            found = await ask(place, "GET", f"{path.partition('/')[0]}?url={canonical}")
            assert found.json()["total"] == 1


_numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12).filter(
    lambda number: len(str(number)) <= 60
)
_texts = st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
_keys = st.text(alphabet="abcXYZ", min_size=1)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**17), 10**17), _numbers, _texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_keys, inner, max_size=4)),
    max_leaves=20,
)


def _canonical(value: Any) -> str:
    class Exact(json.JSONEncoder):
        def default(self, o: Any) -> Any:
            return f"decimal {o}" if isinstance(o, Decimal) else super().default(o)

    return json.dumps(value, cls=Exact, sort_keys=True)


@pytest.mark.requirement("standards-27")
@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(alphabet="abc", min_size=1), _json, max_size=5))
def test_what_is_read_is_written_again_to_the_last_digit(value: dict[str, Any]) -> None:
    once = dump(value)
    assert dump(parse(once)) == once
    assert _canonical(parse(once)) == _canonical(parse(dump(parse(once))))


@pytest.mark.requirement("standards-27")
@pytest.mark.parametrize("digits", ["600", "600.0", "105.00", "0.1000000000000000055511151231257827", "-0.0", "0.000001"])
def test_a_decimal_keeps_its_digits(digits: str) -> None:
    text = f'{{"a":{digits}}}'.encode()
    assert dump(parse(text)) == text and str(parse(text)["a"]) == digits
