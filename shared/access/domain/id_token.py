"""What an id_token must say (OpenID Connect Core 3.1.3.7; SMART 2.2 fhirUser; standards.md 1.4)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.access.domain.launch import is_fhir_id
from shared.access.domain.launch_refusals import LaunchRefused

_SKEW_SECONDS = 60


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in at the EHR: its name for them (`subject`) and their FHIR resource."""

    subject: str
    kind: str
    id: str


def read_id_token(
    claims: Mapping[str, object], *, issuer: str, client_id: str, nonce: str, now: float, fhir_base: str, hosts: Collection[str]
) -> SignedIn:
    """Return who is signed in, from claims whose signature has been verified; LaunchRefused names the first that is wrong.

    `issuer` is compared to the byte. `hosts` are those on which an absolute `fhirUser` may lie; a relative one is read
    against `fhir_base`. Clocks may differ by 60 s.
    """
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    expires, issued = claims.get("exp"), claims.get("iat")
    if claims.get("iss") != issuer:
        raise _wrong("iss")
    if client_id not in audiences or (len(audiences) > 1 and "azp" not in claims):
        raise _wrong("aud")
    if "azp" in claims and claims["azp"] != client_id:
        raise _wrong("azp")
    if not _number(expires) or expires + _SKEW_SECONDS <= now:  # type: ignore[operator]
        raise _wrong("exp")
    if not _number(issued) or issued - _SKEW_SECONDS > now:  # type: ignore[operator]
        raise _wrong("iat")
    if claims.get("nonce") != nonce:
        raise _wrong("nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise _wrong("sub")
    kind, ident = _fhir_user(claims.get("fhirUser"), fhir_base, hosts)
    return SignedIn(subject, kind, ident)


def _fhir_user(value: object, fhir_base: str, hosts: Collection[str]) -> tuple[str, str]:
    if not isinstance(value, str):
        raise _wrong("fhirUser")
    if "://" in value:
        parts, own = urlsplit(value), urlsplit(fhir_base)
        same = (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
        if not same and not (parts.scheme == "https" and parts.netloc in hosts):
            raise _wrong("fhirUser")
        value = "/".join(parts.path.split("/")[-2:])
    kind, _, ident = value.partition("/")
    if not is_fhir_id(ident):
        raise _wrong("fhirUser")
    if kind in ("Patient", "RelatedPerson", "Person"):
        raise LaunchRefused("not-staff", kind)
    if kind not in ("Practitioner", "PractitionerRole"):
        raise _wrong("fhirUser")
    return kind, ident


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(claim: str) -> LaunchRefused:
    return LaunchRefused("sign-in-not-proved", claim)
