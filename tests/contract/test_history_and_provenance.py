"""What was, and who made it so: history, versions, Provenance, the machines of status (requirements 18, 26)."""

from typing import Any

import pytest

from tests.contract.asking import KINDS, ask, made, own, refused
from tests.integration.consent.resources import declined, revoked, with_reason
from tests.integration.timetrack.tasks import amended
from tests.security.place import ALL_SCOPES, Place

pytestmark = pytest.mark.requirement("standards-26")
NOBODY = "0199b7a0-0000-7000-8000-000000000000"
BASE = "http://127.0.0.1:8080/t/north/fhir/R4"


async def _put(place: Place, body: dict[str, Any]) -> Any:
    headers = {"If-Match": f'W/"{body["meta"]["versionId"]}"'}
    return await ask(place, "PUT", f"{body['resourceType']}/{body['id']}", json=body, headers=headers)


async def changed(place: Place, kind: str, times: int = 3) -> dict[str, Any]:
    """Create one and correct it so many times; return the newest version."""
    now = await made(place, kind)
    for number in range(times):
        answer = await _put(place, with_reason(now, f"for {number}") if kind == "Consent" else amended(now, f"for {number}"))
        assert answer.status_code == 200, answer.text
        now = answer.json()
    return now


@pytest.mark.parametrize("kind", ["Consent", "Task"])
async def test_a_history_is_whole_and_can_be_read_in_pages(place: Place, kind: str) -> None:
    now = await changed(place, kind)
    path = f"{kind}/{now['id']}/_history"
    bundle = (await ask(place, "GET", path)).json()
    assert (bundle["type"], bundle["total"], len(bundle["entry"])) == ("history", 4, 4)
    assert [entry["response"]["etag"] for entry in bundle["entry"]] == [f'W/"{n}"' for n in (4, 3, 2, 1)]
    assert [entry["request"]["method"] for entry in bundle["entry"]] == ["PUT", "PUT", "PUT", "POST"]
    for entry in bundle["entry"]:
        version = entry["resource"]["meta"]["versionId"]
        assert (await ask(place, "GET", f"{path}/{version}")).json() == entry["resource"]

    seen, address = [], f"{path}?_count=3"
    while address:
        page = (await ask(place, "GET", address)).json()
        seen += [entry["resource"]["meta"]["versionId"] for entry in page["entry"]]
        links = {link["relation"]: link["url"] for link in page["link"]}
        assert page["total"] == 4
        address = links.get("next", "").removeprefix(f"{BASE}/")
    assert seen == ["4", "3", "2", "1"]

    later = (await ask(place, "GET", f"{path}?_since=2999-01-01T00:00:00Z")).json()
    assert (later["total"], later.get("entry")) == (0, None)
    all_of_it = (await ask(place, "GET", f"{path}?_since=2020-01-01T00:00:00%2B00:00")).json()
    assert all_of_it["total"] == 4
    for bad in ("_since=2020", "_count=x", "_count=-1", "_at=2020", "_count=1&_count=2", "_sort=x"):
        assert refused(await ask(place, "GET", f"{path}?{bad}"), 400), bad


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["0", "99", "x", "-1", "1e0", "999999999999999999999"])
async def test_a_version_that_never_was(place: Place, kind: str, version: str) -> None:
    assert refused(await ask(place, "GET", f"{own(place, kind)}/_history/{version}"), 404)


@pytest.mark.parametrize(("kind", "prefix"), [("Consent", "c"), ("Task", "t")])
async def test_each_version_has_its_provenance(place: Place, kind: str, prefix: str) -> None:
    now = await changed(place, kind, 2)
    found = (await ask(place, "GET", f"{kind}?_id={now['id']}&_revinclude=Provenance:target")).json()
    told = [entry["resource"] for entry in found["entry"] if entry["search"]["mode"] == "include"]
    assert [one["target"][0]["reference"] for one in told] == [f"{kind}/{now['id']}/_history/{n}" for n in (3, 2, 1)]
    assert [one["activity"]["coding"][0]["code"] for one in told] == ["UPDATE", "UPDATE", "CREATE"]
    assert [one.get("reason", [{}])[0].get("text") for one in told] == ["for 1", "for 0", None]
    assert {one["agent"][0]["who"]["identifier"]["value"] for one in told} == {"ehr"}
    for one in told:
        assert one["id"] == f"{prefix}-{now['id']}-{one['target'][0]['reference'][-1]}"
        assert (await ask(place, "GET", f"Provenance/{one['id']}")).json() == one
    needs_read = await ask(place, "GET", f"{kind}?_id={now['id']}&_revinclude=Provenance:target", scope=f"system/{kind}.s")
    assert refused(needs_read, 403)


async def test_a_charge_tells_who_attested_it(place: Place) -> None:
    charge = own(place, "ChargeItem").removeprefix("ChargeItem/")
    told = (await ask(place, "GET", f"Provenance/b-{charge}-1")).json()
    assert told["target"] == [{"reference": f"ChargeItem/{charge}/_history/1"}]
    assert told["agent"][0]["who"]["reference"].endswith("/Practitioner/dr-ada")
    found = (await ask(place, "GET", f"ChargeItem?_id={charge}&_revinclude=Provenance:target")).json()
    assert [entry["search"]["mode"] for entry in found["entry"]] == ["match", "include"]


@pytest.mark.parametrize(
    "ident", ["c-1", "x-0199b7a0-0000-7000-8000-000000000000-1", "c-0199b7a0-0000-7000-8000-000000000000-0", "c"]
)
async def test_a_provenance_that_is_not_there(place: Place, ident: str) -> None:
    for prefix in ("", "t", "b"):
        name = prefix + ident[1:] if prefix else ident
        assert refused(await ask(place, "GET", f"Provenance/{name}"), 404)


@pytest.mark.requirement("standards-18")
@pytest.mark.parametrize("target", ["active", "inactive", "rejected", "entered-in-error", "draft", "proposed"])
@pytest.mark.parametrize("source", ["active", "inactive", "rejected", "entered-in-error"])
async def test_every_transition_of_a_consent(place: Place, source: str, target: str) -> None:
    if source == "rejected":
        first = declined(f"d-{target}-{place.stored('consent')['consent.consent']}")
        answer = await ask(place, "POST", "Consent", json=first)
        assert answer.status_code == 201, answer.text
        now = answer.json()
    else:
        now = await made(place, "Consent")
    if source == "inactive":
        now = (await _put(place, revoked(now, "2026-10-20T10:00:00-04:00"))).json()
    if source == "entered-in-error":
        now = (await _put(place, with_reason(now, "wrong patient", status=source))).json()
    wanted = now | {"status": target}
    if (source, target) == ("active", "inactive"):
        wanted = revoked(now, "2026-10-20T10:00:00-04:00")
    elif target in (source, "entered-in-error"):
        wanted = with_reason(now, "a reason", status=target)
    allowed = source != "entered-in-error" and (
        target in (source, "entered-in-error") or (source, target) == ("active", "inactive")
    )
    answer = await _put(place, wanted)
    assert answer.status_code == (200 if allowed else 422), f"{source} → {target}: {answer.status_code} {answer.text}"
    assert allowed or refused(answer, 422)


@pytest.mark.requirement("standards-18")
@pytest.mark.parametrize(
    "target",
    ["completed", "entered-in-error", "draft", "requested", "received", "accepted", "rejected", "ready", "cancelled",
     "in-progress", "on-hold", "failed"],
)  # fmt: skip
@pytest.mark.parametrize("source", ["completed", "entered-in-error"])
async def test_every_transition_of_a_time_entry(place: Place, source: str, target: str) -> None:
    now = await made(place, "Task")
    void = {"status": "entered-in-error", "statusReason": {"text": "twice"}}
    if source == "entered-in-error":
        now = (await _put(place, now | void)).json()
    wanted = now | void if target == "entered-in-error" else amended(now) | {"status": target}
    answer = await _put(place, wanted)
    allowed = source == "completed" and target in ("completed", "entered-in-error")
    if allowed:
        assert (answer.status_code, answer.json()["status"]) == (200, target), answer.text
    else:
        assert answer.status_code in (409, 422) and refused(answer, answer.status_code), answer.text


async def test_what_was_taken_back_can_be_read(place: Place) -> None:
    """Nothing is deleted: so there is no 410 for it, and no 404 either."""
    gone = place.gone["north"]
    for path in (f"Consent/{gone.consent}", f"Task/{gone.task}"):
        answer = await ask(place, "GET", path, scope=ALL_SCOPES)
        assert (answer.status_code, answer.json()["status"]) == (200, "entered-in-error")
