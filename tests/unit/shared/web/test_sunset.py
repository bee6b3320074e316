"""What is to go says so in every answer and in the OpenAPI, and not less than twelve months before."""

from datetime import date
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Request

from shared.web.access_control import Open
from shared.web.openapi import About, describe
from shared.web.sunset import Sunset

pytestmark = pytest.mark.requirement("issue-11.4")

GOES = Sunset(announced=date(2027, 3, 1), ends=date(2028, 3, 1))


async def test_the_answer_says_since_when_and_until_when() -> None:
    request = Request({"type": "http", "headers": [], "state": {"further_headers": [(b"vary", b"Origin")]}})
    await GOES(request)
    assert request.state.further_headers == [
        (b"vary", b"Origin"),
        (b"deprecation", b"@1803859200"),
        (b"sunset", b"Wed, 01 Mar 2028 00:00:00 GMT"),
    ]


def test_less_than_twelve_months_is_refused() -> None:
    with pytest.raises(ValueError, match="twelve months"):
        Sunset(announced=date(2027, 3, 1), ends=date(2028, 2, 28))


def test_the_openapi_marks_it() -> None:
    app = FastAPI()

    @app.get("/old", dependencies=[Depends(GOES)])
    async def old(_: Annotated[None, Depends(Open("nothing is in it"))]) -> None:
        """Return what was."""

    @app.get("/new")
    async def new(_: Annotated[None, Depends(Open("nothing is in it"))]) -> None:
        """Return what is."""

    paths = describe(app.openapi(), app, About("", {}))["paths"]
    assert paths["/old"]["get"]["deprecated"] is True
    assert paths["/old"]["get"]["description"] == "Return what was.\n\nEnds on 2028-03-01."
    assert "deprecated" not in paths["/new"]["get"]
