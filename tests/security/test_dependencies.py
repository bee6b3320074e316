"""Dependencies are known, an audit that cannot see is no clean audit (requirement 35); nobody connects elsewhere (34)."""

import json
import sys
from pathlib import Path

import httpx
import pytest
from packaging.version import Version

from deploy.audit.check import CANARY, Verdict, audit
from deploy.audit.sbom import bill_of_materials, pins, text_of
from shared.ops.egress import EgressRefused, make_http
from tests.security.place import ALL_SCOPES, Place, task_of

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.txt"


@pytest.mark.requirement("standards-35")
def test_the_bill_of_materials_is_the_lock() -> None:
    document = bill_of_materials(LOCK, version="1")
    assert {one["name"]: one["version"] for one in document["components"]} == {name: pin[0] for name, pin in pins(LOCK).items()}
    assert all(one["hashes"] and one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}" for one in document["components"])
    assert text_of(document) == text_of(bill_of_materials(LOCK, version="1")) and str(ROOT) not in text_of(document)


@pytest.mark.requirement("standards-35")
@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_floors(lock: str) -> None:
    found = {name.lower(): version for name, (version, _) in pins(ROOT / lock).items()}
    assert Version(found["starlette"]) >= Version("1.3.1") and Version(found["authlib"]) >= Version("1.6.11")
    assert not {"python-jose", "pycrypto", "ecdsa", CANARY[0]} & set(found)


def _auditor(folder: Path, *vulnerable: str, blind: bool = False, broken: bool = False) -> list[str]:
    """Return a stand-in for pip-audit: it finds the canary unless blind, and the packages named."""
    script = folder / "auditor.py"
    script.write_text(f"""
import json, sys
if {broken}: sys.exit("no network")
known = set() if {blind} else {{"{CANARY[0]}", *{list(vulnerable)!r}}}
lines = open(sys.argv[sys.argv.index("-r") + 1]).read().split()
named = [line.split("==") for line in lines]
print(json.dumps({{"dependencies": [
    {{"name": n, "version": v, "vulns": [{{"id": "CVE-1"}}] if n in known else []}} for n, v in named]}}))
""")
    return [sys.executable, str(script)]


@pytest.mark.requirement("standards-35")
def test_an_audit_that_sees_nothing_is_no_pass(tmp_path: Path) -> None:
    verdict, why = audit(LOCK, _auditor(tmp_path, blind=True))
    assert verdict is Verdict.CANNOT_AUDIT and "cannot audit" in why
    assert audit(LOCK, _auditor(tmp_path, broken=True))[0] is Verdict.CANNOT_AUDIT
    assert audit(LOCK, ["no-such-program-anywhere"])[0] is Verdict.CANNOT_AUDIT


@pytest.mark.requirement("standards-35")
def test_an_audit_that_sees(tmp_path: Path) -> None:
    assert audit(LOCK, _auditor(tmp_path))[0] is Verdict.CLEAN
    assert audit(LOCK, _auditor(tmp_path, "starlette")) == (Verdict.VULNERABLE, "starlette: CVE-1")


@pytest.mark.requirement("standards-34")
@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:10/fhir", "https://ehr.example.evil.example/fhir", "http://ehr.example/fhir",
     "https://ehr.example:8443/fhir", "https://ehr.example@evil.example/", "http://[::1]/", "https://EHR.example.:443/fhir"],
)  # fmt: skip
async def test_nothing_but_a_configured_origin_is_connected_to(url: str) -> None:
    async with make_http(lambda: frozenset({"https://ehr.example"})) as http:
        with pytest.raises(EgressRefused):
            await http.get(url)


@pytest.mark.requirement("standards-34")
async def test_no_address_in_a_request_is_connected_to(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a resource, a parameter or a token names an address, nobody goes there."""
    reached: list[str] = []

    async def note(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        reached.append(f"{request.url.scheme}://{request.url.netloc.decode()}")
        raise httpx.ConnectError("nobody is there", request=request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", note)
    evil = "https://evil.example/fhir"
    body = task_of("north", "pat-egress", place.clock.now())
    body |= {"basedOn": [{"reference": f"{evil}/CarePlan/1"}], "owner": {"reference": f"{evil}/Practitioner/1"}}
    headers = place.tokens.bearer("north", ALL_SCOPES) | {"Content-Type": "application/fhir+json"}
    for path in ("Task", "Consent"):
        await place.ask("POST", f"/t/north/fhir/R4/{path}", headers=headers, content=json.dumps(body))
        await place.ask("GET", f"/t/north/fhir/R4/{path}?patient={evil}/Patient/1", headers=headers)
    for name in ("jku", "x5u", "iss"):
        token = {"Authorization": f"Bearer eyJhbGciOiJSUzM4NCJ9.{name}.x", "X-Forwarded-Host": "evil.example"}
        await place.ask("GET", "/t/north/fhir/R4/Task/1", headers=token)
        await place.ask("GET", f"/launch?iss={evil}&launch=x", headers=token)
    assert {origin for origin in reached if "127.0.0.1" not in origin} == set()
