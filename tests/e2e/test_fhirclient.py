"""Is our sandbox EHR a real EHR? npm fhirclient, an app that we did not write, is launched by its chart in a browser.

It finds the endpoints, proves itself by `private_key_jwt`, checks nothing that it was not told, and reads the chart.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from joserfc.jwk import ECKey
from playwright.sync_api import Browser, Frame, Page

from tests.contract.node import FOLDER, counterparts
from tests.e2e.browser import app_frame, fresh_context
from tests.e2e.stack import ROOT, running

pytestmark = pytest.mark.requirement("issue-10.1")

SCOPE = "launch openid fhirUser online_access patient/*.rs user/Practitioner.r"
_SCRIPT = FOLDER / "node_modules" / "fhirclient" / "build" / "fhir-client.min.js"
_PAGE = b"<!doctype html><title>An app</title><script src='/fhir-client.js'></script><script src='/%s.js'></script>"
_READY = """
FHIR.oauth2.ready().then(client => { window.client = client }).catch(error => { window.failed = String(error) });
"""


class _App(BaseHTTPRequestHandler):
    """The app's files."""

    files: dict[str, tuple[str, bytes]] = {}  # noqa: RUF012 - filled once for the module

    def do_GET(self) -> None:
        """Serve one."""
        kind, body = self.files.get(self.path.split("?")[0], ("", b""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Place:
    """A running EHR that knows the app, and its clinic."""

    ehr_url: str
    user: str
    patients: list[dict[str, Any]]
    conditions: list[dict[str, Any]]
    encounters: list[dict[str, Any]]

    def chart(self, patient: str, **query: str) -> str:
        """Return the address of a chart with the app in it."""
        return f"{self.ehr_url}/chart/{patient}?user={self.user}" + "".join(f"&{name}={value}" for name, value in query.items())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The EHR and the app, both at 127.0.0.1: as any other app, fhirclient needs its own store in the frame."""
    counterparts()
    folder = tmp_path_factory.mktemp("fhirclient")
    clinic = folder / "clinic"
    generate = [sys.executable, "-m", "deploy.sandbox", "generate", "--patients", "3", "--out", str(clinic)]
    subprocess.run(generate, cwd=ROOT, check=True, capture_output=True)
    key = ECKey.generate_key("P-384", {"alg": "ES384", "key_ops": ["sign"]}, private=True, auto_kid=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), _App) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        _App.files = _files(base, key)
        clients = folder / "clients.yaml"
        public = key.as_dict(private=False) | {"key_ops": ["verify"]}
        clients.write_text(yaml.safe_dump({"clients": [_client(base, public)]}))
        serve = [sys.executable, "-m", "deploy.sandbox", "serve", "--clients", str(clients), "--clinic", str(clinic)]
        with running(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            ready = next(line for line in process.stdout if line.startswith("sandbox EHR "))
            yield _place(ready.removeprefix("sandbox EHR ").strip().removesuffix("/fhir/R4"), clinic)
        server.shutdown()


def _client(base: str, public: dict[str, Any]) -> dict[str, Any]:
    return {
        "client_id": "somebodys-app",
        "scopes": SCOPE.split(),
        "jwks": {"keys": [public]},
        "launch_url": f"{base}/launch",
        "redirect_uris": [f"{base}/app"],
    }


def _files(base: str, key: ECKey) -> dict[str, tuple[str, bytes]]:
    told = {
        "clientId": "somebodys-app",
        "scope": SCOPE,
        "redirectUri": f"{base}/app",
        "clientPrivateJwk": key.as_dict(private=True),
    }
    launch = f"FHIR.oauth2.authorize({json.dumps(told)}).catch(error => {{ window.failed = String(error) }});"
    script = "text/javascript"
    return {
        "/launch": ("text/html", _PAGE % b"launch"),
        "/app": ("text/html", _PAGE % b"ready"),
        "/launch.js": (script, launch.encode()),
        "/ready.js": (script, _READY.encode()),
        "/fhir-client.js": (script, _SCRIPT.read_bytes()),
    }


def _place(ehr_url: str, clinic: Path) -> Place:
    bundles = [json.loads(file.read_text()) for file in sorted((clinic / "fhir").glob("patient-*.json"))]
    found = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    people = json.loads((clinic / "practice.json").read_text())["people"]
    user = next(one["id"] for one in people if one["part"] == "team")
    of = {kind: [one for one in found if one["resourceType"] == kind] for kind in ("Patient", "Condition", "Encounter")}
    return Place(ehr_url, user, of["Patient"], of["Condition"], of["Encounter"])


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a fresh profile."""
    context = fresh_context(chromium)
    yield context.new_page()
    context.close()


def launched(frame: Frame | Page) -> Frame | Page:
    """Wait until the app has its client; AssertionError with its words if it failed."""
    frame.wait_for_function("window.client || window.failed")
    assert frame.evaluate("window.failed") is None
    return frame


def test_the_chart_launches_it_in_its_frame(place: Place, page: Page) -> None:
    patient = place.patients[0]
    encounter = next(one for one in place.encounters if one["subject"]["reference"] == f"Patient/{patient['id']}")
    page.goto(place.chart(patient["id"], app="somebodys-app", encounter=encounter["id"]))
    frame = app_frame(page)
    frame.wait_for_url("**/app**")
    app = launched(frame)
    context = app.evaluate("[client.patient.id, client.user.fhirUser, client.encounter.id, client.state.tokenResponse.scope]")
    assert context[0] == patient["id"]
    assert context[1].endswith(f"Practitioner/{place.user}")
    assert context[2] == encounter["id"]
    assert set(context[3].split()) == set(SCOPE.split())
    assert app.evaluate("client.patient.read()")["birthDate"] == patient["birthDate"]
    query = "client.request(`Condition?patient=${client.patient.id}&_count=1`, { pageLimit: 0, flat: true })"
    mine = [one["id"] for one in place.conditions if one["subject"]["reference"] == f"Patient/{patient['id']}"]
    assert sorted(one["id"] for one in app.evaluate(query)) == sorted(mine)
    other = place.patients[1]["id"]
    refused = app.evaluate(f"client.request('Patient/{other}').then(() => 'read', error => error.status)")
    assert refused == 403


def test_the_chart_opens_it_in_its_own_window(place: Place, page: Page) -> None:
    page.goto(place.chart(place.patients[1]["id"], window="own"))
    with page.context.expect_page() as opened:
        page.click("#own-window")
    app = launched(opened.value)
    assert app.evaluate("client.user.read()")["id"] == place.user
    context = app.evaluate("[client.state.tokenResponse.patient, client.state.tokenResponse.need_patient_banner]")
    assert context == [place.patients[1]["id"], True]
    # this library refreshes as a public or a symmetric client only: the EHR must not take it for ours without its proof
    assert "a client_assertion of type jwt-bearer is required" in app.evaluate("client.refresh().catch(error => String(error))")


def test_without_a_launch_it_is_given_nothing(place: Place, page: Page) -> None:
    page.goto(place.chart(place.patients[0]["id"], window="own"))
    address = page.get_attribute("#own-window", "href") or ""
    page.goto(address.split("launch=")[0] + "launch=made-up")
    page.wait_for_function("window.failed")
    assert "the launch is unknown" in page.evaluate("window.failed")
