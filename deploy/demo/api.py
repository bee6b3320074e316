"""A client of the product's HTTP interface: signs in with its own key, repeats what it is asked to repeat, nothing else."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

Json = dict[str, Any]
Found = TypeVar("Found")

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FHIR_JSON = "application/fhir+json"

_RENEW_BEFORE = 60.0
_LONGEST_WAIT = 5.0
_ATTEMPTS = 20
_BUSY = (429, 503)
_PATIENCE = 30.0
_BETWEEN = 0.1


class Unexpected(Exception):
    """An answer that this client has no use for."""


def until(ask: Callable[[], Found], enough: Callable[[Found], bool]) -> Found:
    """Ask until the answer is `enough`, for half a minute at most; Unexpected, with the last answer, if it never is."""
    deadline = time.monotonic() + _PATIENCE
    while not enough(found := ask()):
        if time.monotonic() > deadline:
            text = found.text if isinstance(found, httpx.Response) else str(found)
            raise Unexpected(f"still not so after {_PATIENCE:.0f} s: {text[:600]}")
        time.sleep(_BETWEEN)
    return found


class Api:
    """One registered client (`client_id`, private key) at one practice (`tenant`); `scope` is all that it asks for."""

    def __init__(self, http: httpx.Client, base_url: str, tenant: str, client_id: str, key: Path, scope: str) -> None:
        self.root = f"{base_url.rstrip('/')}/t/{tenant}"
        self.fhir_base = f"{self.root}/fhir/R4"
        self._http = http
        self._client_id = client_id
        self._key = RSAKey.import_key(key.read_bytes())
        self._key.ensure_kid()
        self._scope = scope
        self._token = ""
        self._until = 0.0

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str | list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: tuple[int, ...] = (200,),
    ) -> httpx.Response:
        """Call `path` (below the practice, or a whole address); Unexpected for an answer whose status is none of `expect`.

        An answer that says "later" (429, 503) is waited for as it says, up to twenty times.
        """
        url = path if path.startswith("http") else f"{self.root}/{path}"
        kind = FHIR_JSON if "/fhir/R4/" in url else "application/json"
        for _ in range(_ATTEMPTS):
            given = {"Authorization": f"Bearer {self._bearer()}", "Content-Type": kind, **(headers or {})}
            answer = self._http.request(method, url, json=json, params=params, headers=given)
            if answer.status_code not in _BUSY or answer.status_code in expect:
                break
            time.sleep(min(float(answer.headers.get("Retry-After", "1")), _LONGEST_WAIT))
        if answer.status_code not in expect:
            raise Unexpected(f"{method} {url} answered {answer.status_code}: {answer.text[:600]}")
        return answer

    def get(self, path: str, **params: str | list[str]) -> Json:
        """Read a JSON object."""
        found: Json = self.call("GET", path, params=params or None).json()
        return found

    def search(self, kind: str, **params: str | list[str]) -> Iterator[Json]:
        """Yield every resource that a search finds, following `next` until it is absent."""
        page: Json = self.get(f"fhir/R4/{kind}", **params)
        while True:
            for entry in page.get("entry", []):
                if entry.get("search", {}).get("mode", "match") == "match":
                    yield entry["resource"]
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            if not following:
                return
            page = self.get(following[0])

    def _bearer(self) -> str:
        if time.monotonic() > self._until - _RENEW_BEFORE:
            self._sign_in()
        return self._token

    def _sign_in(self) -> None:
        """Get an access token by a signed assertion (SMART backend services)."""
        url, now = f"{self.root}/auth/token", int(time.time())
        claims = {"iss": self._client_id, "sub": self._client_id, "aud": url, "exp": now + 240, "jti": str(uuid.uuid4())}
        header = {"alg": "RS384", "typ": "JWT", "kid": self._key.kid}
        form = {
            "grant_type": "client_credentials",
            "scope": self._scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": jwt.encode(header, claims, self._key, algorithms=["RS384"]),
        }
        answer = self._http.post(url, data=form)
        if answer.status_code != 200:
            raise Unexpected(f"no token for {self._client_id}: {answer.status_code} {answer.text[:300]}")
        body = answer.json()
        self._token, self._until = body["access_token"], time.monotonic() + body["expires_in"]
