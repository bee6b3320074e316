"""Access tokens: RFC 9068 JWTs that access signs, RS384 only, 300 s; verified once and remembered by their SHA-256."""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from shared.kernel.errors import Unauthenticated
from shared.smart.keys import KeySource

ALGORITHM = "RS384"
LIFETIME_SECONDS = 300
_CACHE_SECONDS = 60
_CACHE_SIZE = 4096
_FORBIDDEN_HEADERS = ("jwk", "jku", "x5u", "x5c", "crit", "b64")


@dataclass(frozen=True)
class SignedClaims:
    """The claims of a token whose signature, issuer, type and times have been verified; whom it is for is still to be asked."""

    subject: str
    client_id: str
    tenant: str
    token_id: str
    expires_at: int
    scope: str
    audience: str
    patient: str | None = None
    fhir_user: str | None = None
    roles: tuple[str, ...] = ()
    session: str | None = None
    launch: str | None = None
    encounter: str | None = None


class TokenVerifier:
    """Verifies access's tokens."""

    def __init__(self, keys: KeySource, *, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._seen: OrderedDict[bytes, tuple[float, SignedClaims]] = OrderedDict()

    async def verify(self, token: str) -> SignedClaims:
        """Return the claims of a good `token`; Unauthenticated otherwise, without saying why."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        now = time.time()
        seen = self._seen.get(digest)
        if seen is not None and seen[0] > now:
            return seen[1]
        claims = await self._verify_signature(token, now)
        self._remember(digest, claims, now)
        return claims

    def _remember(self, digest: bytes, claims: SignedClaims, now: float) -> None:
        self._seen[digest] = (min(claims.expires_at, now + _CACHE_SECONDS), claims)
        self._seen.move_to_end(digest)
        if len(self._seen) > _CACHE_SIZE:
            self._seen.popitem(last=False)

    async def _verify_signature(self, token: str, now: float) -> SignedClaims:
        try:
            header = peek_header(token)
            if header.get("alg") != ALGORITHM or header.get("typ") != "at+jwt" or not isinstance(header.get("kid"), str):
                raise Unauthenticated("the access token is not valid here")
            key = await self._keys.find(str(header["kid"]))
            if key is None or key.key_type != "RSA":
                raise Unauthenticated("the access token is not valid here")
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
            return _signed_claims(claims, self._issuer, now)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unauthenticated("the access token is not valid here") from error


def peek_header(token: str, *, allowed: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the protected header of a compact JWS before its signature is checked; ValueError if there is none.

    Headers by which a sender would choose the key (jwk, jku, x5u, x5c) or the processing (crit, b64) are refused, but those
    that the caller has `allowed` and checks.
    """
    header: dict[str, object] = dict(extract_compact(token.encode("ascii")).headers())
    if any(name in header for name in _FORBIDDEN_HEADERS if name not in allowed):
        raise ValueError("a header that chooses its own key")
    return header


def _signed_claims(claims: dict[str, object], issuer: str, now: float) -> SignedClaims:
    expires_at, issued_at = claims["exp"], claims["iat"]
    if not isinstance(expires_at, int) or not isinstance(issued_at, int) or isinstance(expires_at, bool):
        raise TypeError("times must be whole numbers")
    if claims["iss"] != issuer or expires_at <= now or issued_at > now + 5 or expires_at - issued_at > LIFETIME_SECONDS:
        raise ValueError("issuer or times")
    if "nbf" in claims:
        raise ValueError("access never sets nbf")
    texts = {name: claims[name] for name in ("sub", "client_id", "tenant", "jti", "aud", "scope")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise TypeError("a claim of the wrong type")
    roles = claims.get("roles", [])
    optional = {name: claims.get(name) for name in ("patient", "fhir_user", "sid", "launch", "encounter")}
    if not isinstance(roles, list) or not all(value is None or isinstance(value, str) for value in optional.values()):
        raise TypeError("a claim of the wrong type")
    return SignedClaims(
        subject=str(texts["sub"]),
        client_id=str(texts["client_id"]),
        tenant=str(texts["tenant"]),
        token_id=str(texts["jti"]),
        expires_at=expires_at,
        scope=str(texts["scope"]),
        audience=str(texts["aud"]),
        patient=_text(optional["patient"]),
        fhir_user=_text(optional["fhir_user"]),
        roles=tuple(str(role) for role in roles),
        session=_text(optional["sid"]),
        launch=_text(optional["launch"]),
        encounter=_text(optional["encounter"]),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
