"""Who may come: each principal with its headers and with what the model must know of it, written down by hand."""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from shared.web.routes import fhir_base
from tests.fakes.cds import CdsCaller
from tests.fakes.tokens import PUBLIC_URL, TokenMaker
from tests.security.place import ALL_SCOPES, CDS, ENDED_SESSION, LIVE_SESSION

CRUS = frozenset("crus")
OWN = frozenset(("careledger/timers", "careledger/roster", "careledger/attest"))
EVERYTHING: Mapping[str, frozenset[str]] = {"Consent": CRUS, "Task": CRUS, "ChargeItem": frozenset("rus")}
ROLES = ("clinical-staff", "billing-practitioner", "biller", "program-lead", "auditor")
STRANGER = RSAKey.generate_key(2048, auto_kid=True)
CLIENT_EC = ECKey.generate_key("P-384", auto_kid=True)


@dataclass(frozen=True)
class Principal:
    """`headers` makes its request's headers; `known` is False if they open no route of scopes; `letters` by FHIR type.

    `page` are the roles of a page's token (None: it is none), whose `patient` is that of the chart. `cds` signs for each address.
    """

    name: str
    headers: Callable[[TokenMaker], dict[str, str]]
    known: bool = True
    tenant: str = "north"
    letters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    patient: str | None = None
    page: frozenset[str] | None = None
    cds: CdsCaller | None = None

    def may(self, scopes: tuple[str, ...]) -> bool:
        """Tell, by a model that knows nothing of the code, whether it holds all of `scopes`."""
        for scope in scopes:
            if scope.startswith("careledger/"):
                if scope not in self.own:
                    return False
            else:
                kind, _, letter = scope.removeprefix("system/").partition(".")
                if letter not in self.letters.get(kind, ()):
                    return False
        return True


def _token(scope: str, tenant: str = "north", **claims: object) -> Callable[[TokenMaker], dict[str, str]]:
    return lambda tokens: tokens.bearer(tenant, scope, **claims)  # type: ignore[arg-type]


def _signed(key: RSAKey | ECKey, header: dict[str, str], **claims: object) -> Callable[[TokenMaker], dict[str, str]]:
    def headers(_: TokenMaker) -> dict[str, str]:
        now = int(time.time())
        body = {
            "iss": PUBLIC_URL, "aud": fhir_base(PUBLIC_URL, "north"), "sub": "ehr", "client_id": "ehr", "tenant": "north",
            "jti": "1", "iat": now, "exp": now + 300, "scope": ALL_SCOPES,
        } | claims  # fmt: skip
        full = {"kid": str(key.kid), **header}
        return {"Authorization": f"Bearer {jwt.encode(full, body, key, algorithms=[header['alg']])}"}

    return headers


def _own_typed(typ: str) -> Callable[[TokenMaker], dict[str, str]]:
    return lambda tokens: _signed(tokens.key, {"alg": "RS384", "typ": typ})(tokens)


def _basic(_: TokenMaker) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(b'ehr:secret').decode()}"}


def _nobody(name: str, headers: Callable[[TokenMaker], dict[str, str]]) -> Principal:
    return Principal(name, headers, known=False)


def _page_headers(roles: tuple[str, ...], patient: str | None, **claims: object) -> Callable[[TokenMaker], dict[str, str]]:
    person = "http://127.0.0.1:9/fhir/R4/Practitioner/rn-1"
    return lambda tokens: tokens.page("north", roles=roles, person=person, patient=patient, scope=ALL_SCOPES, **claims)


def _page(name: str, roles: tuple[str, ...], patient: str | None) -> Principal:
    return Principal(name, _page_headers(roles, patient, sid=LIVE_SESSION), known=False, patient=patient, page=frozenset(roles))


def _some(name: str, scope: str, letters: str, *kinds: str) -> Principal:
    chosen = kinds or tuple(EVERYTHING)
    return Principal(name, _token(scope), letters={kind: frozenset(letters) for kind in chosen})


def _by_kind(suffix: str) -> str:
    return " ".join(f"system/{kind}.{suffix}" for kind in EVERYTHING)


def _cds(name: str, caller: CdsCaller, tenant: str = "north") -> Principal:
    return Principal(name, lambda _: {}, known=False, tenant=tenant, cds=caller)


FULL = Principal("every scope", _token(ALL_SCOPES), letters=EVERYTHING, own=OWN)
SOUTH = Principal("every scope, of the other practice", _token(ALL_SCOPES, "south"), tenant="south", letters=EVERYTHING, own=OWN)
FIRST = Principal(
    "bound to the first patient", _token(ALL_SCOPES, patient="pat-north-1"), letters=EVERYTHING, own=OWN, patient="pat-north-1"
)
SECOND = Principal(
    "bound to the second patient", _token(ALL_SCOPES, patient="pat-north-2"), letters=EVERYTHING, own=OWN, patient="pat-north-2"
)
CDS_NORTH = _cds("CDS client", CDS["north"])

PRINCIPALS = (
    _nobody("anonymous", lambda _: {}),
    _nobody("basic authentication", _basic),
    _nobody("not a token", lambda _: {"Authorization": "Bearer abc"}),
    _nobody("expired", _token(ALL_SCOPES, exp=int(time.time()) - 1, iat=int(time.time()) - 301)),
    _nobody("wrong issuer", _token(ALL_SCOPES, iss="https://careledger.example")),
    _page("page of the first patient", ROLES, "pat-north-1"),
    _page("page of the desk", ROLES, None),
    _page("page without a role", (), "pat-north-1"),
    _nobody("page of an ended session", _page_headers(ROLES, "pat-north-1", sid=ENDED_SESSION)),
    _nobody("page without a session", _page_headers(ROLES, "pat-north-1", sid=None)),
    _nobody("audience of another practice", _token(ALL_SCOPES, aud=fhir_base(PUBLIC_URL, "south"))),
    _nobody("several audiences", _token(ALL_SCOPES, aud=[fhir_base(PUBLIC_URL, "north")])),
    _nobody("key of a stranger", _signed(STRANGER, {"alg": "RS384", "typ": "at+jwt"})),
    _nobody("id_token", _own_typed("JWT")),
    _nobody(
        "CDS token of a client", _signed(CLIENT_EC, {"alg": "ES384", "typ": "JWT"}, aud=f"{PUBLIC_URL}/t/north/cds-services")
    ),
    _nobody("client assertion", _signed(CLIENT_EC, {"alg": "ES384", "typ": "JWT"}, aud=f"{PUBLIC_URL}/t/north/auth/token")),
    _nobody("disabled client", _token(ALL_SCOPES, client_id="disabled")),
    _nobody("client that nobody registered", _token(ALL_SCOPES, client_id="ghost")),
    CDS_NORTH,
    _cds("CDS client of the other practice", CDS["south"], "south"),
    SOUTH,
    Principal("practice that is switched off", _token(ALL_SCOPES, "asleep"), tenant="asleep", letters=EVERYTHING, own=OWN),
    Principal("practice that does not exist", _token(ALL_SCOPES, "nowhere"), tenant="nowhere", letters=EVERYTHING, own=OWN),
    FULL,
    FIRST,
    SECOND,
    Principal("no scope", _token("")),
    _some("v1 read", _by_kind("read"), "rs"),
    _some("v1 write", _by_kind("write"), "cud"),
    _some("only .r", _by_kind("r"), "r"),
    _some("only .s", _by_kind("s"), "s"),
    _some("only .c", _by_kind("c"), "c"),
    _some("only .u", _by_kind("u"), "u"),
    _some("wildcard", "system/*.cruds", "cruds"),
    _some("consents only", "system/Consent.crus", "crus", "Consent"),
    Principal("own scopes only", _token(" ".join(sorted(OWN))), own=OWN),
    Principal("a scope with a query", _token(" ".join(f"system/{k}.rs?status=active" for k in EVERYTHING))),
    Principal("scopes of another context", _token(" ".join(f"user/{k}.cruds patient/{k}.cruds" for k in EVERYTHING))),
    Principal("letters out of order", _token(_by_kind("dus"))),
)
