"""The launch of our app by an EHR: its secrets, and what binds it to one browser (integration.md 3)."""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from shared.access.domain.launch_refusals import LaunchRefused

READS = ("patient/Patient.r", "patient/Condition.rs", "patient/Coverage.rs", "user/Practitioner.r", "user/PractitionerRole.rs")
"""What the app asks to read at a launch, and nothing else (integration.md 10)."""

_V1 = {"r": "read", "rs": "read"}
_LAUNCH_RANDOM, _STATE_RANDOM = 14, 32
_FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")


@dataclass(frozen=True)
class Issuer:
    """An EHR's endpoints as they were pinned: nothing of a request has a part in them.

    `issuer` is the `iss` of its id_tokens, `names_issuer` whether its answers say who they are from (RFC 9207).
    """

    iss: str
    authorize_url: str
    token_url: str
    jwks_url: str
    issuer: str
    names_issuer: bool


@dataclass(frozen=True)
class LaunchTransaction:
    """A launch on its way to the EHR and back; it serves once."""

    iss: str
    secret_hash: bytes
    nonce: str
    code_verifier: str


@dataclass(frozen=True)
class LaunchContext:
    """What an EHR's token answer says, verified: who is signed in, for which patient, and what may be read.

    `base` is the FHIR base that launched us, `subject` what that EHR calls the person.
    """

    base: str
    subject: str
    fhir_user: str
    scopes: frozenset[str]
    patient: str | None
    encounter: str | None


def digest(secret: str) -> bytes:
    """Return the SHA-256 by which a secret is stored."""
    return sha256(secret.encode()).digest()


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def new_state(tenant_id: UUID) -> str:
    """Return a `state`: the tenant, which is no secret, and 256 random bits."""
    return _encoded(tenant_id.bytes + secrets.token_bytes(_STATE_RANDOM))


def new_launch_id(tenant_id: UUID) -> str:
    """Return the id of a launch, as it stands in the address: the tenant and 112 random bits."""
    return _encoded(tenant_id.bytes + secrets.token_bytes(_LAUNCH_RANDOM))


def tenant_of_state(state: str) -> UUID | None:
    """Return the tenant that a `state` names; None if it is none of ours."""
    return _tenant_of(state, _STATE_RANDOM)


def tenant_of_launch(launch_id: str) -> UUID | None:
    """Return the tenant that a launch id names; None if it is none of ours."""
    return _tenant_of(launch_id, _LAUNCH_RANDOM)


def check_proofs(secret_hash: bytes, proofs: Sequence[str | None]) -> None:
    """Raise LaunchRefused unless at least one proof is there and every one that is there is right."""
    given = [proof for proof in proofs if proof is not None]
    right = [hmac.compare_digest(digest(proof), secret_hash) for proof in given]
    if not given or not all(right):
        raise LaunchRefused("launch-other-browser")


def requested_scope(*, v1: bool) -> str:
    """Return the scope that a launch asks for, in the words of SMART 2 or 1."""
    reads = READS if not v1 else tuple(f"{scope.rpartition('.')[0]}.{_V1[scope.rpartition('.')[2]]}" for scope in READS)
    return " ".join(("launch", "openid", "fhirUser", "online_access", *reads))


def may_read(scopes: Collection[str], kind: str, letters: str) -> bool:
    """Tell whether the granted `scopes` (as the EHR wrote them, SMART 1 or 2) let the app do `letters` with `kind`."""
    held: set[str] = set()
    for scope in scopes:
        context, _, rest = scope.partition("/")
        name, _, words = rest.partition(".")
        if context in ("patient", "user") and name in (kind, "*") and "?" not in scope:
            held |= {"r", "s"} if words in ("read", "*") else set(words) if words.isalpha() and words != "write" else set()
    return set(letters) <= held


def check_patient(scopes: Collection[str], patient: str | None) -> None:
    """Raise LaunchRefused if a grant reaches into a chart of which nobody said whose it is."""
    if patient is None and any(scope.startswith("patient/") for scope in scopes):
        raise LaunchRefused("launch-no-patient")


def is_fhir_id(text: object) -> bool:
    """Tell whether `text` can be the id of a FHIR resource."""
    return isinstance(text, str) and _FHIR_ID.match(text) is not None


def _tenant_of(text: str, random: int) -> UUID | None:
    try:
        body = urlsafe_b64decode(text.encode("ascii"))
    except ValueError:
        return None
    return UUID(bytes=body[:16]) if len(body) == 16 + random and _encoded(body) == text else None


def _encoded(body: bytes) -> str:
    return urlsafe_b64encode(body).decode()
