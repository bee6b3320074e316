"""The tokens of CDS clients (CDS Hooks 2.0.1, "Trusting CDS Clients"; standards.md 4.5): one a call, signed for its one address.

They are no access tokens: another verifier, other keys, other claims. Every key and every address that is asked for one stands in
the practice's settings; nothing that a request says makes us connect anywhere.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from shared.contracts.tenant import CdsClient
from shared.kernel.errors import Unauthenticated
from shared.smart.client_keys import ClientKeys
from shared.smart.tokens import peek_header

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_LONGEST = 8192
_SKEW_SECONDS = 30
_TOKEN_ID = re.compile(r"[\x21-\x7e]{1,256}\Z")


@dataclass(frozen=True)
class SignedCdsCall:
    """A CDS client's token, verified for one address; whether it was used before is still to be asked."""

    client: CdsClient
    token_id: str
    expires_at: datetime


@dataclass(frozen=True)
class _Named:
    """What a token says of its key; fills `client_keys.NamedKey`."""

    client_id: str
    algorithm: str
    key_id: str
    key_url: str | None


@dataclass(frozen=True)
class _OnRecord:
    """The keys in the settings; fills `client_keys.RegisteredKeys`."""

    jwks: str | None
    jwks_url: str | None


class CdsTokenVerifier:
    """Verifies CDS clients' tokens by the keys on record."""

    def __init__(self, keys: ClientKeys) -> None:
        self._keys = keys

    async def verify(self, token: str, *, clients: Sequence[CdsClient], address: str) -> SignedCdsCall:
        """Return the call that `token` proves, made by one of `clients` to `address`; Unauthenticated, without saying why."""
        try:
            header, claims = _unverified(token)
            client = next(one for one in clients if one.iss == claims["iss"] and _is_of(one, claims))
            named = _named(header, client)
            on_record = _OnRecord(json.dumps(client.jwks) if client.jwks else None, client.jwks_url)
            key = await self._keys.find(named, on_record)
            if key is None:
                raise ValueError("no such key")
            jws.deserialize_compact(token, key, algorithms=[named.algorithm])
            return _checked(claims, client, address, time.time())
        except (JoseError, ValueError, TypeError, KeyError, StopIteration, RecursionError, OverflowError) as error:
            raise Unauthenticated("the token of the CDS client is not valid here") from error


def _unverified(token: str) -> tuple[dict[str, object], dict[str, Any]]:
    """Read header and claims before the signature is checked: only to learn whose key to check it by."""
    if len(token) > _LONGEST or not _COMPACT.match(token):
        raise ValueError("no compact JWT")
    header = peek_header(token, allowed=("jku",))
    claims = json.loads(jws.extract_compact(token.encode("ascii")).payload)
    if not isinstance(claims, dict):
        raise TypeError("the claims are no object")
    return header, claims


def _is_of(client: CdsClient, claims: Mapping[str, Any]) -> bool:
    return client.organization is None or claims.get("tenant") == client.organization


def _named(header: Mapping[str, object], client: CdsClient) -> _Named:
    algorithm, key_id, key_url = header.get("alg"), header.get("kid"), header.get("jku")
    if not isinstance(algorithm, str) or algorithm not in client.algorithms or header.get("typ") != "JWT":
        raise ValueError("alg or typ")
    if not isinstance(key_id, str) or not key_id or not (key_url is None or isinstance(key_url, str)):
        raise TypeError("kid or jku")
    return _Named(client.iss, algorithm, key_id, key_url)


def _checked(claims: Mapping[str, Any], client: CdsClient, address: str, now: float) -> SignedCdsCall:
    if claims["aud"] not in (address, [address]):
        raise ValueError("aud is not the address that is called")
    end, start = _seconds(claims, "exp"), _seconds(claims, "iat")
    if not now < end <= now + client.token_seconds + _SKEW_SECONDS or end - start > client.token_seconds:
        raise ValueError("exp")
    if start > now + _SKEW_SECONDS or ("nbf" in claims and _seconds(claims, "nbf") > now + _SKEW_SECONDS):
        raise ValueError("iat or nbf")
    if not isinstance(claims["jti"], str) or not _TOKEN_ID.match(claims["jti"]):
        raise TypeError("jti")
    return SignedCdsCall(client, claims["jti"], datetime.fromtimestamp(end, UTC))


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} is no number")
    return float(value)
