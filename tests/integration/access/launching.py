"""A launch without a browser: access in memory, a sandbox EHR as a process, and what a browser would do between them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import psycopg
import yaml
from joserfc import jws
from joserfc.jwk import RSAKey

from shared.access.adapters.vault import Vault
from shared.access.settings import AccessSettings
from tests.e2e.browser import app_client, tenant_document
from tests.e2e.stack import ROOT, running
from tests.fakes.tokens import PUBLIC_URL

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": PUBLIC_URL}


@dataclass(frozen=True)
class Ehr:
    """A sandbox EHR with its clinic: the practice's facts and people by role."""

    url: str
    practice: dict[str, Any]
    staff: dict[str, str]
    patients: tuple[str, ...]

    @property
    def iss(self) -> str:
        """The `iss` of its launches."""
        return f"{self.url}/fhir/R4"

    def weather(self, at: str, answer: str, **more: object) -> None:
        """Ask for simulated weather."""
        httpx.post(f"{self.url}/control/weather", json={"at": at, "answer": answer, **more}).raise_for_status()

    def fair(self) -> None:
        """Call off what waits."""
        httpx.delete(f"{self.url}/control/weather").raise_for_status()

    def handle(self, patient: str | None, user: str) -> str:
        """Open the chart (or the menu) as a person and return the launch handle that the EHR gives the app."""
        page = f"/chart/{patient}" if patient else "/menu"
        text = httpx.get(f"{self.url}{page}", params={"user": user}).text
        found = re.search(r'<iframe id="app"[^>]* src="([^"]+)"', text)
        assert found is not None
        return dict(parse_qsl(urlsplit(unescape(found[1])).query))["launch"]

    def authorize(self, address: str) -> dict[str, str]:
        """Follow the authorization request as a browser does; return what comes back to the app."""
        answer = httpx.get(address)
        assert answer.status_code == 302, answer.text
        location = answer.headers["location"]
        assert location.startswith(f"{PUBLIC_URL}/callback?")
        return dict(parse_qsl(urlsplit(location).query))


@contextmanager
def ehr_running(folder: Path, key: RSAKey, staff: dict[str, str] | None = None, *, token_seconds: int = 3600) -> Iterator[Ehr]:
    """Run a sandbox EHR that knows our app by `key`."""
    clinic, clients = folder / "clinic", folder / "clients.yaml"
    command = [sys.executable, "-m", "deploy.sandbox", "generate", "--patients", "2", "--out", str(clinic)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    app = app_client(PUBLIC_URL)
    del app["jwks_url"]
    app["jwks"] = {"keys": [key.as_dict(private=False, kid=key.thumbprint())]}
    clients.write_text(yaml.safe_dump({"clients": [app]}))
    serve = [
        sys.executable, "-m", "deploy.sandbox", "serve", "--faults", "--clients", str(clients), "--clinic", str(clinic),
        "--user-token-seconds", str(token_seconds),
    ]  # fmt: skip
    practice = json.loads((clinic / "practice.json").read_text())
    with running(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if line.startswith("sandbox EHR "))
        url = ready.removeprefix("sandbox EHR ").strip().removesuffix("/fhir/R4")
        patients = httpx_patients(clinic)
        yield Ehr(url, practice, staff or people(practice), patients)


def people(practice: dict[str, Any]) -> dict[str, str]:
    """Return people of the practice by what they do."""
    of = {part: [one["id"] for one in practice["people"] if one["part"] == part] for part in ("practitioner", "team", "desk")}
    return {
        "clinical-staff": of["team"][0],
        "clinical-staff-2": of["team"][1],
        "program-lead": of["team"][2],
        "nobody": of["team"][3],
        "auditor": of["team"][4],
        "billing-practitioner": of["practitioner"][0],
        "biller": of["desk"][0],
    }


def httpx_patients(clinic: Path) -> tuple[str, ...]:
    """Return the ids of the clinic's patients."""
    bundles = [json.loads(file.read_text()) for file in sorted((clinic / "fhir").glob("patient-*.json"))]
    entries = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    return tuple(one["id"] for one in entries if one["resourceType"] == "Patient")


def document(ehr: Ehr, slug: str, **changes: Any) -> str:
    """Return the practice's YAML document; `changes` replace fields of its `ehr`."""
    body = tenant_document(slug, ehr.practice, ehr.url, ehr.staff)
    body["ehr"] |= changes
    return yaml.safe_dump(body)


@dataclass
class Traveller:
    """A browser's part in launches: its cookies and what its pages remember."""

    http: httpx.AsyncClient
    ehr: Ehr
    cookies: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    async def post(self, address: str, body: object, **headers: str) -> httpx.Response:
        """Post JSON as one of our pages does, with this browser's cookies; keep those that come back."""
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = SAME_ORIGIN | ({"Cookie": jar} if jar else {}) | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.http.post(address, json=body, headers=sent)
        for line in answer.headers.get_list("set-cookie"):
            assert line.endswith("Path=/; HttpOnly; Secure; SameSite=None; Partitioned"), line
            name, _, rest = line.partition("=")
            assert name.startswith("__Host-")
            if "; Max-Age=0;" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = rest.split(";")[0]
        self.http.cookies.clear()
        return answer

    async def begin(self, patient: str | None, role: str = "clinical-staff") -> dict[str, Any]:
        """Begin a launch; return the begun launch."""
        handle = self.ehr.handle(patient, self.ehr.staff[role])
        answer = await self.post("/launch/begin", {"iss": self.ehr.iss, "launch": handle})
        assert answer.status_code == 200, answer.text
        begun: dict[str, Any] = answer.json()
        self.secrets[begun["state"]] = begun["secret"]
        return begun

    async def launch(self, patient: str | None, role: str = "clinical-staff", *, store: str = "both") -> httpx.Response:
        """Go the whole way; `store` is what this browser keeps: both, cookie, page or none."""
        begun = await self.begin(patient, role)
        back = self.ehr.authorize(begun["authorize_url"])
        return await self.complete(back, store=store)

    async def complete(self, back: dict[str, str], *, store: str = "both") -> httpx.Response:
        """Bring the EHR's answer to access."""
        secret = self.secrets.get(back.get("state", "")) if store in ("both", "page") else None
        if store in ("page", "none"):
            self.cookies.clear()
        return await self.post("/launch/complete", {**back, "secret": secret})

    async def token(self, opened: dict[str, Any], handle: str | None = None) -> httpx.Response:
        """Ask for the page's next token."""
        return await self.post("/session/token", {"handle": handle}, X_Careledger_Launch=opened["launch"])


def code_of(answer: httpx.Response) -> str:
    """Return the code on a refusal's page."""
    assert answer.status_code == 400 and answer.headers["content-type"].startswith("text/html"), answer.text
    return answer.text.partition('class="cl-ref">')[2].partition(" ")[0].partition("<")[0]


def rows(settings: AccessSettings, query: str) -> list[Any]:
    """Return what a query finds in access's database."""
    with psycopg.connect(settings.worker_database_url) as connection:
        return connection.execute(query).fetchall()


def known_tokens(settings: AccessSettings) -> list[str]:
    """Open what the vault holds, as access does."""
    vault = Vault((settings.key_folder / "vault.key").read_bytes())
    found = []
    for tenant_id, sid, access, refresh in rows(settings, "SELECT tenant_id, sid, access_token, refresh_token FROM ehr_token"):
        for purpose, sealed in (("ehr-access-token", access), ("ehr-refresh-token", refresh)):
            found.append(vault.open(bytes(sealed), tenant_id=tenant_id, purpose=purpose, row=str(sid)))
    return found


def administer(settings: AccessSettings, statement: str) -> None:
    """Do what only the administrator of the database may."""
    with psycopg.connect(settings.database_url.replace("access_app@", "careledger@"), autocommit=True) as connection:
        connection.execute(statement)


def run_out(settings: AccessSettings) -> None:
    """Let all access tokens of the EHR run out."""
    administer(settings, "UPDATE ehr_token SET fresh_until = now() - interval '1 minute'")


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a page's token."""
    body: dict[str, Any] = json.loads(jws.extract_compact(token.encode()).payload)
    return body
