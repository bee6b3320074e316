"""Which pages around our frame a practice has not named: what browsers tell, what is kept of it, what the operator reads.

Requirements: integration.md 3 ("framed by a stranger").
"""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from shared.access import main
from shared.access.domain.framing import origin_of, unnamed
from shared.access.settings import AccessSettings
from tests.integration.access.launching import SAME_ORIGIN, Ehr, administer, document, rows

pytestmark = pytest.mark.requirement("issue-10.1")

STRANGER, OUTER = "https://portal.example", "https://outer.example"
FRAMED = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture(autouse=True)
def nothing_noted(settings: AccessSettings, door: httpx.AsyncClient) -> None:
    """Begin without notes."""
    administer(settings, "TRUNCATE framing")


def noted(settings: AccessSettings) -> list[tuple[str, str]]:
    """Return what is kept: origin and way."""
    return [(row[0], row[1]) for row in rows(settings, "SELECT origin, way FROM framing ORDER BY origin, way")]


def tenant(settings: AccessSettings) -> UUID:
    """Return the id of the practice that has the EHR."""
    ((found,),) = rows(settings, "SELECT tenant_id FROM tenant WHERE slug = 'millbrook'")
    return UUID(str(found))


def report(directive: str = "frame-ancestors") -> dict[str, Any]:
    """Return a browser's report."""
    own = "https://us.example/launch?launch=secret"
    return {"csp-report": {"document-uri": own, "referrer": "", "violated-directive": directive}}


async def test_the_page_right_around_a_launch_is_told_by_its_own_request(
    door: httpx.AsyncClient, ehr: Ehr, settings: AccessSettings
) -> None:
    query = {"iss": ehr.iss, "launch": "x"}
    for number, headers in enumerate(
        (
            FRAMED | {"Referer": f"{STRANGER}/"},
            FRAMED | {"Referer": f"{ehr.url}/chart/1"},
            FRAMED | {"Referer": "about:blank"},
            FRAMED,
            {"Referer": "https://a-link.example/", "Sec-Fetch-Dest": "document"},
        )
    ):
        assert (await door.get("/launch", params=query, headers=headers)).status_code == 200
        assert noted(settings) == [(STRANGER, "parent")], number


async def test_a_browser_reports_that_somebody_above_was_refused(
    door: httpx.AsyncClient, ehr: Ehr, settings: AccessSettings, caplog: pytest.LogCaptureFixture
) -> None:
    query, inside = {"iss": ehr.iss, "launch": "x"}, FRAMED | {"Referer": f"{ehr.url}/chart/1"}
    policy = (await door.get("/launch", params=query, headers=inside)).headers["content-security-policy"]
    address = policy.partition("report-uri ")[2].partition(";")[0]
    assert address == f"/launch/refused/{tenant(settings)}?within={quote(ehr.url, safe='')}"
    for headers in ({}, FRAMED, FRAMED | {"Referer": f"{STRANGER}/"}):
        told = (await door.get("/launch", params=query, headers=headers)).headers["content-security-policy"]
        assert "report-uri" not in told, "who is not named is noted at once"
    administer(settings, "TRUNCATE framing")

    headers = {"Content-Type": "application/csp-report"}
    elsewhere = address.partition("=")[0]
    for place, body in (
        (address, report("script-src")),
        (f"{elsewhere}={quote(STRANGER, safe='')}", report()),
        (elsewhere, report()),
        (f"/launch/refused/{UUID(int=7)}?within={quote(ehr.url, safe='')}", report()),
    ):
        assert (await door.post(place, json=body, headers=headers)).status_code == 204
        assert noted(settings) == []
    assert (await door.post(address, json=report(), headers=headers)).status_code == 204
    assert noted(settings) == [(ehr.url, "above")]
    for content in (b"{", b"[]", b'{"csp-report": 1}', b'{"csp-report":{}}' + b" " * 20_000, b"[" * 10_000):
        assert (await door.post(address, content=content, headers=headers)).status_code == 400
    assert "secret" not in caplog.text


async def test_the_trial_page_may_be_framed_by_anybody_and_can_only_tell(
    door: httpx.AsyncClient, ehr: Ehr, settings: AccessSettings
) -> None:
    page = await door.get("/launch/frame", params={"iss": ehr.iss, "launch": "x"})
    assert page.headers["content-security-policy"].endswith("frame-ancestors *")
    assert "launch.js" not in page.text and "shell.js" not in page.text
    assert (await door.get("/launch/frame", params={"iss": "https://nobody.example"})).status_code == 400
    body = {"iss": ehr.iss, "origins": [ehr.url, STRANGER, "null"], "whole": True}
    told = await door.post("/launch/framed", json=body, headers=SAME_ORIGIN)
    assert told.json() == {"seen": [ehr.url, STRANGER], "unnamed": [STRANGER]}
    assert noted(settings) == [(STRANGER, "trial")]
    foreign = SAME_ORIGIN | {"Origin": STRANGER, "Sec-Fetch-Site": "cross-site"}
    assert (await door.post("/launch/framed", json=body, headers=foreign)).status_code == 403
    assert (await door.post("/launch/framed", json=body | {"iss": "x"}, headers=SAME_ORIGIN)).status_code == 404
    assert (await door.post("/launch/framed", json=body | {"origins": ["x"] * 21}, headers=SAME_ORIGIN)).status_code == 422


async def test_a_flood_fills_no_table(door: httpx.AsyncClient, ehr: Ehr, settings: AccessSettings) -> None:
    for start in range(0, 80, 20):
        origins = [f"https://p{start + number}.example" for number in range(20)]
        body = {"iss": ehr.iss, "origins": origins, "whole": True}
        assert (await door.post("/launch/framed", json=body, headers=SAME_ORIGIN)).status_code == 200
    assert len(noted(settings)) == 50
    for _ in range(3):
        await door.post("/launch/framed", json=body, headers=SAME_ORIGIN)
    assert {row[0] for row in rows(settings, "SELECT times FROM framing")} == {1}, "once a minute at most"


async def test_the_operator_reads_what_is_to_be_done(
    door: httpx.AsyncClient, ehr: Ehr, settings: AccessSettings, tmp_path: Any
) -> None:
    said, well = await main.check_tenant(settings, "millbrook")
    assert well
    assert f"{ehr.iss}: launches us by {ehr.url}/auth/authorize, tokens from {ehr.url}/auth/token" in said
    assert f"may be framed by {ehr.url}" in said
    assert f"/launch/frame?iss={ehr.iss}" in said
    await door.post("/launch/framed", json={"iss": ehr.iss, "origins": [OUTER], "whole": True}, headers=SAME_ORIGIN)
    said, well = await main.check_tenant(settings, "millbrook")
    assert not well
    assert f"{OUTER} is around the trial page and is not named (1 times, last " in said
    (tmp_path / "named").write_text(document(ehr, "millbrook", frame_ancestors=[ehr.url, OUTER]))
    await main.apply_tenant_file(settings, tmp_path / "named")
    said, well = await main.check_tenant(settings, "millbrook")
    assert well and "no browser has told of a page that was refused" in said
    said, well = await main.check_tenant(settings, "elsewhere")
    assert not well and "https://ehr.elsewhere.example/r4: ehr-not-answering" in said


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://A.example/path?x", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
        ("https://user@a.example", None),
        ("https://a.example:x", None),
        ("javascript:alert(1)", None),
        ("null", None),
        ("", None),
        (None, None),
        ("https://" + "a" * 400, None),
    ],
)
def test_an_origin_is_read_as_browsers_write_it(address: str | None, origin: str | None) -> None:
    assert origin_of(address) == origin
    assert unnamed([origin, origin] if origin else [], ["https://b.example"]) == ([origin] if origin else [])
