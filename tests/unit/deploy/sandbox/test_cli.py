"""The commands, and the server as a process of its own."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml
from joserfc import jwt

import deploy
from deploy.sandbox.cli import main
from deploy.sandbox.clients import ASSERTION_TYPE, Client
from deploy.sandbox.scopes import Scopes
from deploy.sandbox.store import encode

ROOT = Path(deploy.__file__).parents[1]


def test_generate_prints_the_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hashes = []
    for name in ("a", "b"):
        assert main(["generate", "--patients", "4", "--month", "2026-10", "--out", str(tmp_path / name)]) == 0
        hashes.append(capsys.readouterr().out.strip())
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 64


def test_load_writes_what_serve_takes_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["generate", "--patients", "4", "--out", str(tmp_path / "a")])
    capsys.readouterr()
    assert main(["load", str(tmp_path / "a" / "fhir"), "--out", str(tmp_path / "b")]) == 0
    first = capsys.readouterr().out
    assert main(["load", str(tmp_path / "b" / "fhir")]) == 0
    second = capsys.readouterr().out
    assert (first.split(": ")[0], second.split(": ")[0]) == ("5 bundles read", "1 bundles read")
    assert first.split(": ")[1] == second.split(": ")[1]


def test_what_is_asked_wrongly_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", str(tmp_path / "nowhere")]) == 2
    assert main(["generate", "--month", "October", "--out", str(tmp_path)]) == 2
    (tmp_path / "clients.yaml").write_text("clients: [{scopes: []}]")
    assert main(["serve", "--clients", str(tmp_path / "clients.yaml")]) == 2
    (tmp_path / "apps.yaml").write_text("clients: [{client_id: app, scopes: [launch], launch_url: 'http://127.0.0.1/launch'}]")
    assert main(["serve", "--clients", str(tmp_path / "apps.yaml")]) == 2
    said = capsys.readouterr().err
    assert "nowhere is no folder" in said
    assert "client_id" in said
    assert "app has a launch_url and no redirect_uris" in said


def test_serve_answers_a_registered_client(tmp_path: Path, keys: dict[str, Any]) -> None:
    client = {"client_id": "reader", "scopes": ["system/*.rs"], "jwks": {"keys": [keys["ES384"].as_dict(private=False)]}}
    (tmp_path / "clients.json").write_bytes(encode({"clients": [client]}))
    command = [sys.executable, "-m", "deploy.sandbox", "serve", "--seed", "1", "--patients", "3"]
    command += ["--clients", str(tmp_path / "clients.json"), "--host", "localhost", "--faults"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            base = server.stdout.readline().split()[-1]
            assert base.startswith("http://localhost:")
            assert httpx.get(base.removesuffix("/fhir/R4") + "/control/weather").json() == []
            found = httpx.get(f"{base}/.well-known/smart-configuration").json()
            claims = {"iss": "reader", "sub": "reader", "aud": found["token_endpoint"], "jti": "1"}
            claims |= {"exp": int(time.time()) + 200}
            assertion = jwt.encode({"alg": "ES384", "kid": "ES384"}, claims, keys["ES384"], algorithms=["ES384"])
            form = {"grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion": assertion}
            form["client_assertion_type"] = ASSERTION_TYPE
            token = httpx.post(found["token_endpoint"], data=form).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            enrolled = httpx.get(f"{base}/EpisodeOfCare?type=ccm&status=active", headers=headers).json()
            assert enrolled["total"] == 3
        finally:
            server.terminate()
    assert server.returncode is not None


def test_the_example_registers_an_app_that_may_ask_for_what_it_needs() -> None:
    clients = yaml.safe_load((ROOT / "deploy/sandbox/clients.example.yaml").read_text())["clients"]
    asked = "launch openid fhirUser online_access patient/Patient.r patient/Condition.rs patient/Coverage.rs"
    asked += " user/Practitioner.r user/PractitionerRole.rs"
    assert str(Scopes.read(asked).meet(Scopes.read(" ".join(clients[0]["scopes"])))) == asked
    assert msgspec.convert(clients[0], Client).redirect_uris
