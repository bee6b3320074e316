"""Which routes are called as they stand, and that they get what FastAPI would give them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute

from shared.web.access_control import Open, Principal, needs
from shared.web.fhir_route import _straight

Caller = Annotated[Principal, Depends(needs("system/Task.r"))]
router = APIRouter()


@router.get("/plain/{name}")
async def plain(request: Request, name: str, caller: Caller) -> Response:
    """Ask for nothing else."""
    return Response(name)


@router.get("/query")
async def query(request: Request, caller: Caller, count: Annotated[int, Query()] = 1) -> Response:
    """Ask for a parameter."""
    return Response(str(count))


@router.get("/number/{number}")
async def number(request: Request, number: int, caller: Caller) -> Response:
    """Ask for a number in the path."""
    return Response(str(number))


@router.get("/mapping")
async def mapping(request: Request, caller: Caller) -> dict[str, str]:
    """Leave the answer to FastAPI."""
    return {}


@router.get("/open", dependencies=[Depends(Open("a test"))])
async def open_to_all(request: Request) -> Response:
    """Have no caller."""
    return Response()


def test_only_a_route_that_asks_for_no_more_is_called_as_it_stands() -> None:
    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    assert [route.name for route in routes if _straight(route.dependant)] == ["plain"]
