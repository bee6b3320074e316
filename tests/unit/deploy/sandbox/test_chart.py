"""The EHR's pages: who is signed in, the frame or the window that opens the app, and what they refuse."""

from typing import Any

import pytest


async def page(app: Any, path: str, query: dict[str, str]) -> Any:
    return await app.ehr.http.get(path, params=query)


async def test_the_chart_opens_the_app_in_a_frame_with_a_fresh_launch(app: Any) -> None:
    addresses = [await app.opened() for _ in range(2)]
    assert addresses[0] != addresses[1]
    for address in addresses:
        assert address.startswith("https://app.test/launch?iss=https%3A%2F%2Fehr.test%2Ffhir%2FR4&launch=")
    shown = await page(app, "/chart/p", {"user": "u"})
    assert shown.headers["cache-control"] == "no-store"
    assert shown.text.count("<iframe") == 1
    assert " sandbox=" not in shown.text
    assert "Fam&lt;p&gt;, Ann" in shown.text
    assert "Born 1940-02-03" in shown.text
    assert "Ill p" in shown.text
    assert "Ill q" not in shown.text


async def test_every_page_says_that_it_is_a_sandbox(app: Any) -> None:
    for path in ("/", "/menu", "/chart/p", "/chart/none"):
        assert "Sandbox: a simulated EHR" in (await page(app, path, {})).text


async def test_nothing_is_opened_before_somebody_is_signed_in(app: Any) -> None:
    for path in ("/chart/p", "/menu"):
        shown = await page(app, path, {"intent": "month"})
        assert "launch=" not in shown.text
        assert '<option value="u">' in shown.text
        assert '<input type="hidden" name="intent" value="month">' in shown.text
    assert "/chart/p" not in (await page(app, "/", {})).text
    assert 'href="/chart/p?user=u"' in (await page(app, "/", {"user": "u"})).text


async def test_the_frames_attribute_is_as_asked(app: Any) -> None:
    values = "allow-scripts allow-same-origin allow-forms"
    assert f'sandbox="{values}"></iframe>' in (await page(app, "/chart/p", {"user": "u", "sandbox": values})).text
    assert 'sandbox=""></iframe>' in (await page(app, "/chart/p", {"user": "u", "sandbox": ""})).text


async def test_an_own_window_is_a_link_and_wants_the_banner(app: Any) -> None:
    shown = await page(app, "/chart/p", {"user": "u", "window": "own"})
    assert "<iframe" not in shown.text
    assert 'target="_blank" rel="noopener"' in shown.text
    assert (await app.tokens(await app.launch(window="own")))["need_patient_banner"] is True
    assert (await app.tokens(await app.launch()))["need_patient_banner"] is False


async def test_the_menu_opens_the_app_without_a_patient(app: Any) -> None:
    body = await app.tokens(await app.launch("/menu"), scope="launch user/Practitioner.r")
    assert not {"patient", "encounter"} & set(body)


async def test_the_app_is_the_one_asked_for_or_the_first(app: Any) -> None:
    assert (await app.opened()).startswith("https://app.test/")
    assert (await app.opened(app="other")).startswith("https://other.test/")


async def test_an_ehr_without_apps_says_so(make_ehr: Any) -> None:
    ehr = make_ehr()
    ehr.store.put("Practitioner", "u", {"resourceType": "Practitioner"})
    assert "No app is registered" in (await ehr.http.get("/menu?user=u")).text


REFUSED: list[tuple[str, dict[str, str], int]] = [
    ("/chart/none", {"user": "u"}, 404),
    ("/chart/p", {"user": "nobody"}, 404),
    ("/chart/p", {"user": "p"}, 404),
    ("/", {"user": "nobody"}, 404),
    ("/chart/p", {"user": "u", "app": "stranger"}, 404),
    ("/chart/p", {"user": "u", "encounter": "eq"}, 404),
    ("/chart/p", {"user": "u", "encounter": "none"}, 404),
    ("/menu", {"user": "u", "encounter": "ep"}, 404),
    ("/chart/p", {"user": "u", "sandbox": '" onload="x'}, 400),
    ("/chart/p", {"user": "u", "intent": "<b>"}, 400),
]


@pytest.mark.parametrize(("path", "query", "status"), REFUSED)
async def test_what_cannot_be_shown_is_said_on_a_page(app: Any, path: str, query: dict[str, str], status: int) -> None:
    shown = await page(app, path, query)
    assert shown.status_code == status
    assert "<h1>Not shown</h1>" in shown.text
    assert "launch=" not in shown.text
