"""What the routes work with: handed over by `main`, found at the app."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from shared.access.usecases.issue_token import IssuedToken, TokenPlace, TokenRequest
from shared.kernel.clock import Clock


@dataclass(frozen=True)
class FrontDoor:
    """The use cases and documents behind the routes; `resources` are the services' capabilities."""

    public_url: str
    clock: Clock
    issue_token: Callable[[TokenRequest, TokenPlace], Awaitable[IssuedToken]]
    public_jwks: Callable[[], Awaitable[str]]
    ehr_client_jwks: str
    resources: Sequence[dict[str, Any]]


def _front_door(request: Request) -> FrontDoor:
    door: FrontDoor = request.app.state.front_door
    return door


Door = Annotated[FrontDoor, Depends(_front_door)]
