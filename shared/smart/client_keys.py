"""The public keys of clients: read strictly, whether they came inline or from the client's own address."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from shared.kernel.errors import Invalid
from shared.kernel.signatures import KEY_TYPES
from shared.smart.jwks_fetch import FetchRefused, JwksFetcher

_REFETCH_SECONDS = 60
_MOST_KEYS = 20
_RSA_BITS = (2048, 8192)
_MODULUS_LENGTHS = range(342, 1367)
_CURVE = "P-384"
_SECRET_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")

Key = RSAKey | ECKey


class NamedKey(Protocol):
    """What a signed text says of the key that signed it, not yet believed: `client_id` is the registered sender."""

    @property
    def client_id(self) -> str: ...

    @property
    def algorithm(self) -> str: ...

    @property
    def key_id(self) -> str: ...

    @property
    def key_url(self) -> str | None: ...


class RegisteredKeys(Protocol):
    """The keys on record: a JWKS document, or the one address where its owner keeps it."""

    @property
    def jwks(self) -> str | None: ...

    @property
    def jwks_url(self) -> str | None: ...


class KeysInvalid(Invalid):
    """A key set that cannot be registered."""

    rule = "client-keys"


@dataclass
class _Held:
    keys: list[dict[str, Any]] = field(default_factory=list)
    fresh_until: float = float("-inf")
    asked_at: float = float("-inf")
    answered: bool = False

    def may_ask(self, now: float, *, unknown: bool) -> bool:
        rested = now - self.asked_at > _REFETCH_SECONDS
        return self.answered or rested if now >= self.fresh_until else unknown and rested


class ClientKeys:
    """Finds the one key that an assertion or a CDS client's token names."""

    def __init__(self, fetcher: JwksFetcher) -> None:
        self._fetcher = fetcher
        self._held: dict[str, _Held] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def find(self, stated: NamedKey, registered: RegisteredKeys) -> Key | None:
        """Return the key, or None unless exactly one registered key has the assertion's kid and the type of its algorithm.

        A set from an address is kept as long as its owner allows; for a kid that is not in it, it is fetched again at most once
        a minute, and so is an address that does not answer: what anybody sends cannot make us knock more often.
        """
        if stated.key_url is not None and stated.key_url != registered.jwks_url:
            return None
        if registered.jwks is not None:
            return _select(_read_once(registered.jwks), stated)
        assert registered.jwks_url is not None
        async with self._locks.setdefault(stated.client_id, asyncio.Lock()):
            held = self._held.setdefault(registered.jwks_url, _Held())
            if held.may_ask(time.monotonic(), unknown=_select(held.keys, stated) is None):
                await self._refresh(registered.jwks_url, held)
            return _select(held.keys, stated)

    async def _refresh(self, url: str, held: _Held) -> None:
        held.asked_at = time.monotonic()
        try:
            fetched = await self._fetcher.fetch(url)
            held.keys = read_jwks(fetched.body)
            held.fresh_until = time.monotonic() + fetched.seconds
            held.answered = True
        except (FetchRefused, KeysInvalid):
            held.answered = False
            if time.monotonic() >= held.fresh_until:
                held.keys = []


def read_jwks(body: str | bytes) -> list[dict[str, Any]]:
    """Return the usable public keys of a JWKS document; KeysInvalid if it is none, is too long or holds a private key."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise KeysInvalid("the key set is not JSON") from error
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS or not all(isinstance(key, dict) for key in keys):
        raise KeysInvalid(f'a key set is {{"keys": […]}} with at most {_MOST_KEYS} keys')
    if any(member in key for key in keys for member in _SECRET_MEMBERS):
        raise KeysInvalid("the key set holds a private key: send the public halves only, and make new keys")
    return [key for key in keys if _usable(key)]


def jwks_of_pem(body: bytes) -> str:
    """Return the key set of one public key (PEM) under its RFC 7638 thumbprint; KeysInvalid if it is none that can sign here."""
    try:
        public = serialization.load_pem_public_key(body)
        key = (RSAKey if isinstance(public, rsa.RSAPublicKey) else ECKey).import_key(body)
    except (JoseError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeysInvalid("this is no public key in PEM: `openssl pkey -in key.pem -pubout` writes it") from error
    return json.dumps({"keys": [key.as_dict(private=False, kid=key.thumbprint(), use="sig")]})


@lru_cache(maxsize=256)
def _read_once(body: str) -> list[dict[str, Any]]:
    return read_jwks(body)


def check_jwks(body: str) -> str:
    """Return a client's key set as it is stored: its usable keys; KeysInvalid says why it can sign nothing here."""
    keys = read_jwks(body)
    if not keys:
        sizes = f"RSA of {_RSA_BITS[0]} to {_RSA_BITS[1]} bits (RS384) or EC {_CURVE} (ES384)"
        raise KeysInvalid(f"no key of the set can be used: each needs a kid and must be {sizes}")
    names = [(key["kid"], key["kty"]) for key in keys]
    if len(names) != len(set(names)):
        raise KeysInvalid("two keys of the set have the same kid")
    return json.dumps({"keys": keys}, sort_keys=True)


def _usable(key: Mapping[str, Any]) -> bool:
    if not isinstance(key.get("kid"), str) or not key["kid"] or key.get("use", "sig") != "sig":
        return False
    if key.get("alg", "") not in ("", *KEY_TYPES):
        return False
    try:
        if "verify" not in key.get("key_ops", ["verify"]):
            return False
        imported = _imported(key)
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    if isinstance(imported, RSAKey):
        return _RSA_BITS[0] <= imported.public_key.key_size <= _RSA_BITS[1]
    return imported is not None and key.get("crv") == _CURVE


def _imported(key: Mapping[str, Any]) -> Key | None:
    members = {name: key[name] for name in ("kty", "kid", "n", "e", "crv", "x", "y") if name in key}
    if key.get("kty") == "RSA":
        # a modulus far too short or too long (in base64) is refused before the library warns of it or computes with it
        return RSAKey.import_key(members) if len(str(key["n"])) in _MODULUS_LENGTHS else None
    return ECKey.import_key(members) if key.get("kty") == "EC" else None


def _select(keys: list[dict[str, Any]], stated: NamedKey) -> Key | None:
    kind = KEY_TYPES[stated.algorithm]
    fitting = [key for key in keys if key["kid"] == stated.key_id and key["kty"] == kind]
    if len(fitting) != 1 or fitting[0].get("alg", stated.algorithm) != stated.algorithm:
        return None
    return _imported(fitting[0])
