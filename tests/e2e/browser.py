"""Browser tests: the embedded deployment at 127.0.0.1, a sandbox EHR at localhost (another site), Debian's Chromium.

Playwright's contexts block third-party cookies, as hospitals' browsers do: what works here works in a cross-site frame.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from playwright.sync_api import Browser, BrowserContext, Frame, Page

from tests.e2e.stack import CARELEDGER, ROOT, careledger, free_port, running

TENANT = "millbrook"
_READS = "patient/Patient.r patient/Condition.rs patient/Coverage.rs user/Practitioner.r user/PractitionerRole.rs"
APP_SCOPES = ["launch", "openid", "fhirUser", "online_access", *_READS.split()]
_READ = ("Patient", "Condition", "Coverage", "Encounter", "CarePlan", "EpisodeOfCare")
BACKEND_SCOPES = [*(f"system/{kind}.rs" for kind in _READ), "system/DocumentReference.cs"]
_CODES = "http://terminology.hl7.org/CodeSystem/practitioner-role"
ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_SECONDS_TO_START = 90


@dataclass(frozen=True)
class World:
    """A running deployment and its EHR; `staff` are Practitioner ids by role, `patients` the ids of charts."""

    base_url: str
    ehr_url: str
    staff: dict[str, str]
    patients: tuple[str, ...]
    environment: dict[str, str]

    @property
    def fhir_base(self) -> str:
        """The EHR's FHIR base: the `iss` of launches."""
        return f"{self.ehr_url}/fhir/R4"

    def chart(self, patient: str, role: str = "clinical-staff", **query: str) -> str:
        """Return the address of a chart in the EHR, with the app in it."""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return f"{self.ehr_url}/chart/{patient}?user={self.staff[role]}{more}"

    def menu(self, role: str) -> str:
        """Return the address of the EHR's menu, with the app opened without a chart."""
        return f"{self.ehr_url}/menu?user={self.staff[role]}"

    def weather(self, at: str, answer: str, **more: object) -> None:
        """Ask the EHR for simulated weather."""
        httpx.post(f"{self.ehr_url}/control/weather", json={"at": at, "answer": answer, **more}).raise_for_status()


@contextmanager
def serving(folder: Path, *, patients: int = 4, hours: int = 8) -> Iterator[World]:
    """Run both in `folder`; the practice knows its nurses by code, a biller, a lead and an auditor by id."""
    data, port, ehr_port = folder / "data", free_port(), free_port()
    data.mkdir(mode=0o700)
    base_url, ehr_url = f"http://127.0.0.1:{port}", f"http://localhost:{ehr_port}"
    practice = _clinic(folder / "clinic", patients)
    clients = folder / "clients.yaml"
    clients.write_text(yaml.safe_dump({"clients": [app_client(base_url), *backend_clients(base_url)]}))
    sandbox = [
        sys.executable, "-m", "deploy.sandbox", "serve", "--faults", "--host", "localhost", "--port", str(ehr_port),
        "--clients", str(clients), "--clinic", str(folder / "clinic"), "--cds", f"{base_url}/t/{TENANT}/cds-services",
    ]  # fmt: skip
    up = [*CARELEDGER, "up", "--data", str(data), "--port", str(port)]
    with (folder / "log").open("w") as log, running(up, stdout=log, stderr=log), running(sandbox, stdout=log, stderr=log):
        await_answer(f"{base_url}/.well-known/jwks.json", folder / "log")
        await_answer(f"{ehr_url}/fhir/R4/metadata", folder / "log")
        environment = json.loads((data / "environment.json").read_text())
        staff = _staff(practice)
        document = tenant_document(TENANT, practice, ehr_url, staff, hours=hours)
        file = folder / "tenant.yaml"
        file.write_text(yaml.safe_dump(document))
        said = careledger("tenant", "apply", str(file), environment=environment)
        assert said.returncode == 0, said.stderr
        charts = tuple(sorted(found["id"] for found in _patients(folder / "clinic")))
        yield World(base_url, ehr_url, staff, charts, environment)


def tenant_document(
    slug: str, practice: dict[str, Any], ehr_url: str, staff: dict[str, str], *, hours: int = 8
) -> dict[str, Any]:
    """Return a practice's document for an EHR: roles by code for nurses and physicians, by id for the desk."""
    return {
        "tenant": slug,
        "name": practice["name"],
        "npi": practice["npi"],
        "zone": practice["zone"],
        "effective_from": "2025-01-01",
        "cds_clients": [{"iss": f"{ehr_url}/fhir/R4", "jwks_url": f"{ehr_url.replace('localhost', '127.0.0.1')}/cds/jwks"}],
        "ehr": {
            "fhir_base": f"{ehr_url}/fhir/R4",
            "token_url": f"{ehr_url}/auth/token",
            "client_id": "careledger",
            "app_client_id": "careledger-app",
            "frame_ancestors": [ehr_url],
            "session_hours": hours,
        },
        "roles": [
            {"role": "clinical-staff", "code": f"{_CODES}|nurse"},
            {"role": "billing-practitioner", "code": f"{_CODES}|doctor"},
            *({"role": role, "practitioner": staff[role]} for role in ("biller", "program-lead", "auditor")),
        ],
    }


def _staff(practice: dict[str, Any]) -> dict[str, str]:
    people = [(one["part"], one["id"]) for one in practice["people"]]
    team = [ident for part, ident in people if part == "team"]
    return {
        "clinical-staff": team[0],
        "clinical-staff-2": team[1],
        "program-lead": team[3],
        "auditor": team[4],
        "billing-practitioner": next(ident for part, ident in people if part == "practitioner"),
        "biller": next(ident for part, ident in people if part == "desk"),
    }


def app_client(base_url: str) -> dict[str, Any]:
    """Return how the EHR knows our app."""
    return {
        "client_id": "careledger-app",
        "scopes": APP_SCOPES,
        "jwks_url": f"{base_url}/.well-known/ehr-client-jwks.json",
        "launch_url": f"{base_url}/launch",
        "redirect_uris": [f"{base_url}/callback"],
    }


def backend_clients(base_url: str) -> list[dict[str, Any]]:
    """Return how the EHR knows our services."""
    return [
        {"client_id": "careledger", "scopes": BACKEND_SCOPES, "jwks_url": f"{base_url}/.well-known/ehr-client-jwks.json"},
    ]


def _clinic(folder: Path, patients: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "deploy.sandbox", "generate", "--patients", str(patients), "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    practice: dict[str, Any] = json.loads((folder / "practice.json").read_text())
    return practice


def _patients(folder: Path) -> list[dict[str, Any]]:
    bundles = [json.loads(file.read_text()) for file in sorted((folder / "fhir").glob("patient-*.json"))]
    entries = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    return [resource for resource in entries if resource["resourceType"] == "Patient"]


def await_answer(url: str, log: Path) -> None:
    """Wait until a server answers; AssertionError with its log if it does not."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        try:
            if httpx.get(url).status_code < 500:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer:\n{log.read_text()[-3000:]}")


def fresh_context(chromium: Browser, **options: Any) -> BrowserContext:
    """Return a fresh browser profile that collects violations of the page policy."""
    fresh = chromium.new_context(**options)
    fresh.add_init_script(
        "window.violations = [];"
        "addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI))"
    )
    return fresh


def app_frame(page: Page) -> Frame:
    """Return the app's frame in the EHR's page."""
    handle = page.wait_for_selector("iframe#app")
    frame = handle.content_frame() if handle else None
    assert frame is not None
    return frame


def open_app(page: Page, address: str) -> Frame:
    """Open a page of the EHR and return the app's frame once its shell has a session."""
    page.goto(address)
    frame = app_frame(page)
    frame.wait_for_url("**/app/*")
    frame.wait_for_selector("#shell-user:not(:empty)", state="attached")
    return frame


def violations(frame: Frame) -> Sequence[str]:
    """Return what violated the page policy in this frame."""
    found: list[str] = frame.evaluate("window.violations")
    return found
