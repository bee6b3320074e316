"""The EHR as a CDS client (CDS Hooks 2.0.1): asks a service at each opened chart, and tells what became of its cards."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.sandbox.clients import Client

_PATIENCE_SECONDS = 1.5
_TOKEN_SECONDS = 300
_ESCAPED = re.compile(r"\\([^\w\s])")


@dataclass(frozen=True)
class Advice:
    """What a chart shows: cards as the page needs them, or in a sentence why there are none."""

    cards: tuple[Mapping[str, Any], ...] = ()
    trouble: str = ""


@dataclass
class CdsClient:
    """Calls the services at `base` (…/cds-services); signs as `issuer` with a key of its own, published by `jwks`.

    A link to a SMART app is shown only if the app is one of `clients`; what the EHR's own token would open is not passed on.
    """

    base: str
    issuer: str
    clients: tuple[Client, ...]
    http: httpx.AsyncClient
    now: Callable[[], datetime]
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-384", auto_kid=True))
    _services: dict[str, str] = field(default_factory=dict)

    def jwks(self) -> dict[str, Any]:
        """Return the public half of the key."""
        return {"keys": [self.key.as_dict(private=False) | {"use": "sig", "alg": "ES384"}]}

    async def advice(self, hook: str, context: Mapping[str, Any]) -> Advice:
        """Fire a hook and return what there is to show; a service that fails shows nothing but a line."""
        try:
            address = await self._address(hook)
            if address is None:
                return Advice(trouble=f"No service for {hook}.")
            body = {"hook": hook, "hookInstance": str(uuid4()), "fhirServer": self.issuer, "context": dict(context)}
            answer = await self._post(address, body)
            cards = msgspec.json.decode(answer.content)["cards"]
        except (httpx.HTTPError, msgspec.DecodeError, KeyError, TypeError) as error:
            status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else type(error).__name__
            return Advice(trouble=f"The CDS service does not answer ({status}).")
        return Advice(tuple(self._shown(card) for card in cards))

    async def set_aside(self, hook: str, card: str, reason: Mapping[str, str] | None) -> None:
        """Tell the service that a user set a card aside; httpx.HTTPError if it does not take that."""
        address = await self._address(hook)
        told: dict[str, Any] = {
            "card": card,
            "outcome": "overridden",
            "outcomeTimestamp": self.now().isoformat(),
        }
        if reason is not None:
            told["overrideReason"] = {"reason": dict(reason)}
        await self._post(f"{address}/feedback", {"feedback": [told]})

    async def _address(self, hook: str) -> str | None:
        if not self._services:
            answer = await self.http.get(self.base, headers=self._signed(self.base), timeout=_PATIENCE_SECONDS)
            found = msgspec.json.decode(answer.raise_for_status().content)["services"]
            self._services = {service["hook"]: f"{self.base}/{service['id']}" for service in found}
        return self._services.get(hook)

    async def _post(self, address: str, body: Mapping[str, Any]) -> httpx.Response:
        answer = await self.http.post(address, json=body, headers=self._signed(address), timeout=_PATIENCE_SECONDS)
        return answer.raise_for_status()

    def _signed(self, address: str) -> dict[str, str]:
        """Return the header that proves this one call."""
        moment = int(self.now().timestamp())
        claims = {"iss": self.issuer, "aud": address, "iat": moment, "exp": moment + _TOKEN_SECONDS, "jti": str(uuid4())}
        header = {"alg": "ES384", "typ": "JWT", "kid": str(self.key.kid)}
        return {"Authorization": f"Bearer {jwt.encode(header, claims, self.key, algorithms=['ES384'])}"}

    def _shown(self, card: Mapping[str, Any]) -> Mapping[str, Any]:
        paragraphs = [_ESCAPED.sub(r"\1", part) for part in card.get("detail", "").split("\n\n") if part]
        return {**card, "paragraphs": paragraphs, "apps": [self._app(link) for link in card.get("links", ()) if self._app(link)]}

    def _app(self, link: Mapping[str, Any]) -> dict[str, str] | None:
        client = next((one for one in self.clients if one.launch_url and one.launch_url == link["url"]), None)
        if link["type"] != "smart" or client is None:
            return None
        return {"label": link["label"], "app": client.client_id, "context": link.get("appContext", "")}
