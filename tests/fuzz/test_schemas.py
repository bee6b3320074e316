"""Requests that Schemathesis and Hypothesis draw from what the parts publish of themselves (requirement 24)."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from tests.fuzz.run import Attempt, faults
from tests.security.place import ALL_SCOPES, PARTS, Place

pytestmark = pytest.mark.requirement("standards-24")


def _operations(place: Place, part: str) -> Iterator[Any]:
    for found in schemathesis.openapi.from_dict(place.apps[part].openapi()).get_all_operations():
        yield found.ok()


@pytest.mark.parametrize("part", PARTS)
async def test_what_the_schemas_say_and_do_not_say(place: Place, part: str) -> None:
    operations = list(_operations(place, part))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(operations))
        mode = data.draw(st.sampled_from((GenerationMode.POSITIVE, GenerationMode.NEGATIVE)))
        cases.append(data.draw(operation.as_strategy(generation_mode=mode)))

    cases: list[Any] = []
    draw()
    assert len(cases) >= 60
    for case in cases:
        case.path_parameters = {**(case.path_parameters or {}), "tenant": "north"}
        kwargs = case.as_transport_kwargs(base_url="http://127.0.0.1:8080")
        headers = {k: v for k, v in dict(kwargs["headers"]).items() if v is not None} | place.tokens.bearer("north", ALL_SCOPES)
        body = {name: kwargs[name] for name in ("json", "data", "files") if kwargs.get(name) is not None}
        if isinstance(body.get("data"), bytes | str):
            body["content"] = body.pop("data")
        answer = await place.http[part].request(
            kwargs["method"], kwargs["url"], params=kwargs.get("params"), headers=headers, **body
        )
        sent = Attempt(part, kwargs["method"], answer.request.url.raw_path.decode(), {}, answer.request.content)
        assert faults(answer, sent) == [], (kwargs, answer.text[:300])
        documented = case.operation.definition.raw["responses"]
        assert str(answer.status_code) in documented, (kwargs, answer.status_code, answer.text[:300])
        told = documented[str(answer.status_code)]
        if "$ref" in told:
            told = place.apps[part].openapi()["components"]["responses"][told["$ref"].rpartition("/")[2]]
        if answer.content and "application/octet-stream" not in told.get("content", ()):
            assert answer.headers["content-type"].partition(";")[0] in told["content"], (kwargs, answer.headers, told)
