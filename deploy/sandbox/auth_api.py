"""The routes of the EHR's SMART server, and of the weather that tests ask for."""

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from deploy.sandbox.chart import PageRefused
from deploy.sandbox.clients import TokenRefused
from deploy.sandbox.launch import NoSuchApp
from deploy.sandbox.smart import AuthorizationServer, openid_configuration
from deploy.sandbox.store import encode
from deploy.sandbox.weather import Fault

_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class AuthApi:
    """`/auth`: authorize, token, jwks and the OpenID document."""

    def __init__(self, authorization: AuthorizationServer) -> None:
        self._authorization = authorization

    def routes(self) -> list[Route]:
        """Return the routes, to be mounted at the issuer."""
        return [
            Route("/authorize", self.authorize, methods=["GET", "POST"]),
            Route("/token", self.token, methods=["POST"]),
            Route("/jwks", self.jwks, methods=["GET"]),
            Route("/.well-known/openid-configuration", self.openid_configuration, methods=["GET"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """GET (302) and POST (303) authorize: back to the app with a code or an error; a page if there is no way back."""
        try:
            asked = _once(request.query_params.multi_items()) if request.method == "GET" else await _form(request)
            fault = await self._authorization.weather.meet("authorize")
            address = self._authorization.launches.authorize(asked, fault)
        except (NoSuchApp, TokenRefused) as error:
            raise PageRefused(400, f"This app cannot be opened: {error}.") from error
        return RedirectResponse(address, 302 if request.method == "GET" else 303, _NO_STORE)

    async def token(self, request: Request) -> Response:
        """POST token: form in, JSON out, never cached (RFC 6749 5.1)."""
        try:
            answer, status = encode(await self._authorization.token(await _form(request))), 200
        except TokenRefused as error:
            answer, status = encode({"error": error.error, "error_description": str(error)}), error.status
        return Response(answer, status, _NO_STORE, "application/json")

    async def jwks(self, request: Request) -> Response:
        """GET jwks: the keys to check id_tokens by."""
        del request
        return Response(encode(self._authorization.signer.jwks()), media_type="application/json")

    async def openid_configuration(self, request: Request) -> Response:
        """GET .well-known/openid-configuration, at the issuer."""
        del request
        return Response(encode(openid_configuration(self._authorization.settings)), media_type="application/json")


def weather_routes(authorization: AuthorizationServer) -> list[Route]:
    """Return the control routes: POST /weather a Fault, GET and DELETE what waits, POST /rotate-keys at once."""
    weather = authorization.weather

    async def show(request: Request) -> Response:
        del request
        return Response(encode(weather.told()), media_type="application/json")

    async def add(request: Request) -> Response:
        try:
            weather.waiting.append(msgspec.json.decode(await request.body(), type=Fault))
        except msgspec.MsgspecError as error:
            raise HTTPException(400, str(error)) from error
        return Response(encode(weather.told()), 201, media_type="application/json")

    async def clear(request: Request) -> Response:
        del request
        weather.waiting.clear()
        return Response(status_code=204)

    async def rotate(request: Request) -> Response:
        del request
        authorization.signer.rotate()
        return Response(status_code=204)

    return [
        Route("/weather", show, methods=["GET"]),
        Route("/weather", add, methods=["POST"]),
        Route("/weather", clear, methods=["DELETE"]),
        Route("/rotate-keys", rotate, methods=["POST"]),
    ]


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0] != _FORM:
        raise TokenRefused("invalid_request", f"only {_FORM} is read")
    return _once([(name, str(value)) for name, value in (await request.form()).multi_items()])


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters; TokenRefused if one is given twice (RFC 6749 3.1, 3.2)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise TokenRefused("invalid_request", "a parameter is given twice")
    return found
