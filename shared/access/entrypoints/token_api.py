"""`/t/{tenant}/auth/…`: the token endpoint of SMART backend services, and who one is with a token."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from shared.access.domain.assertion import OAuthError, TokenRefused
from shared.access.entrypoints.dependencies import Door
from shared.access.usecases.issue_token import TokenPlace, TokenRequest
from shared.db.asked import denies
from shared.smart.scopes import scope_text
from shared.web.access_control import Open, Principal, needs
from shared.web.fhir_route import RetryingRoute
from shared.web.routes import fhir_base

router = APIRouter(prefix="/t/{tenant}/auth", route_class=RetryingRoute, tags=["authorization"])

_FORM = "application/x-www-form-urlencoded"
_LONGEST = 16 * 1024
_MOST_FIELDS = 20
_HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenAnswer(BaseModel):
    """An access token (RFC 6749 5.1)."""

    access_token: str = Field(
        description="A JWT (RFC 9068, RS384) for this tenant's FHIR base.", examples=["eyJhbGciOiJSUzM4NCIs…"]
    )
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(description="Seconds; there is no refresh token.", examples=[300])
    scope: str = Field(description="What was given: requested and granted.", examples=["system/ChargeItem.rus"])


class TokenError(BaseModel):
    """Why there is no token (RFC 6749 5.2)."""

    error: OAuthError = Field(examples=["invalid_client"])
    error_description: str = Field(examples=["the assertion has expired"])


class WhoAmI(BaseModel):
    """The caller, as this deployment sees it."""

    model_config = ConfigDict(frozen=True)

    client_id: str = Field(examples=["billing-system"])
    tenant: str = Field(examples=["lakeside"])
    scope: str = Field(description="The scopes of the token.", examples=["system/ChargeItem.rus"])
    clock: datetime = Field(description="The server's time, by which tokens and assertions end.")


_REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        _FORM: {
            "schema": {
                "type": "object",
                "required": ["grant_type", "client_assertion_type", "client_assertion", "scope"],
                "properties": {
                    "grant_type": {"const": "client_credentials"},
                    "client_assertion_type": {"const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
                    "client_assertion": {"type": "string", "description": "A JWT signed by the client's registered key."},
                    "scope": {"type": "string", "example": "system/ChargeItem.rus"},
                },
            }
        }
    },
}


@router.post(
    "/token",
    summary="Get an access token",
    response_model=TokenAnswer,
    responses={
        400: {"model": TokenError, "description": "No token"},
        429: {"description": "More than this client may ask in a minute: use a token until it ends"},
    },
    openapi_extra={"requestBody": _REQUEST_BODY},
    dependencies=[Depends(Open("it is where a client proves who it is"))],
)
async def issue_access_token(tenant: str, request: Request, door: Door) -> JSONResponse:
    """Exchange a client assertion (private_key_jwt, RS384 or ES384) for an access token of 300 s."""
    place = TokenPlace(
        tenant=tenant,
        issuer=door.public_url,
        token_url=token_url(door.public_url, tenant),
        audience=fhir_base(door.public_url, tenant),
    )
    try:
        issued = await door.issue_token(await _read_form(request), place)
    except TokenRefused as refused:
        denies(str(refused.error))
        body = TokenError(error=refused.error, error_description=str(refused)).model_dump(mode="json")
        return JSONResponse(body, 400, _HEADERS)
    answer = TokenAnswer(access_token=issued.token, expires_in=issued.expires_in, scope=issued.scope)
    return JSONResponse(answer.model_dump(), 200, _HEADERS)


@router.get("/whoami", summary="Ask who one is")
async def whoami(door: Door, principal: Annotated[Principal, Depends(needs())]) -> WhoAmI:
    """Return client, tenant, scopes and the server's clock: an engineer's first call."""
    return WhoAmI(
        client_id=principal.client_id,
        tenant=principal.tenant,
        scope=scope_text(principal.scopes),
        clock=door.clock.now().astimezone(UTC),
    )


def token_url(public_url: str, tenant: str) -> str:
    """Return the address of the tenant's token endpoint: also the audience of assertions."""
    return f"{public_url}/t/{tenant}/auth/token"


async def _read_form(request: Request) -> TokenRequest:
    """Read the form; TokenRefused (invalid_request) if it is none, holds a parameter twice, or the client proves itself twice."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise _bad_request(f"send the parameters as {_FORM}")
    if request.scope["query_string"]:
        raise _bad_request("send the parameters in the body, none in the address")
    if "authorization" in request.headers:
        raise _bad_request("authenticate by client_assertion only, without an Authorization header")
    body = await request.body()
    if len(body) > _LONGEST:
        raise _bad_request("the form is too long")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise _bad_request("the form cannot be read") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _bad_request("a parameter stands twice")
    if "client_secret" in fields:
        raise _bad_request("authenticate by client_assertion only, without a client_secret")
    return TokenRequest(
        grant_type=fields.get("grant_type"),
        client_assertion_type=fields.get("client_assertion_type"),
        client_assertion=fields.get("client_assertion"),
        scope=fields.get("scope"),
        client_id=fields.get("client_id"),
    )


def _bad_request(text: str) -> TokenRefused:
    return TokenRefused(OAuthError.INVALID_REQUEST, text)
