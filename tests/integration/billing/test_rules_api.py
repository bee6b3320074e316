"""The preview and the rule book over HTTP: scopes, refusals that name their place, and nothing kept."""

from typing import Any

import pytest

from services.billing.entrypoints.preview_example import EXAMPLE
from tests.integration.billing.conftest import ATTEST, Clinic

PREVIEW, RULES = "careledger/preview", "careledger/rules.read"


async def _preview(clinic: Clinic, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = await clinic.ask("POST", "/billing/preview", scope=PREVIEW, json=body)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def test_a_preview_decides_and_keeps_nothing(empty: Clinic) -> None:
    """Charges, findings and trace come back; the ledger and the months stay as they were."""
    before = empty.rows("SELECT (SELECT count(*) FROM ledger_entry) AS facts, (SELECT count(*) FROM assembly) AS months")
    said = await _preview(empty, EXAMPLE)
    assert [(line["code"], line["units"], line["date_of_service"]) for line in said["charges"]] == [("99490", 1, "2026-10-31")]
    assert ["T1", "1260 s against 1200 s", "99490×1"] in said["trace"]
    short = {**EXAMPLE, "entries": [{**EXAMPLE["entries"][0], "end": "2026-10-05T09:19:00-04:00"}]}
    denied = await _preview(empty, short)
    assert denied["charges"] == []
    assert [f["rule"] for f in denied["findings"] if f["severity"] == "deny"] == ["T1"]
    after = empty.rows("SELECT (SELECT count(*) FROM ledger_entry) AS facts, (SELECT count(*) FROM assembly) AS months")
    assert after == before


async def test_without_an_instant_it_is_decided_now(empty: Clinic) -> None:
    """The service's own clock stands in."""
    said = await _preview(empty, {key: value for key, value in EXAMPLE.items() if key != "at"})
    assert said["date_of_service"] == "2026-10-31"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"entries": [{**EXAMPLE["entries"][0], "end": EXAMPLE["entries"][0]["start"]}]}, "entries[0].end"),
        ({"entries": [{key: value for key, value in EXAMPLE["entries"][0].items() if key != "end"}]}, "entries[0]"),
        ({"practice": {**EXAMPLE["practice"], "zone": "Nowhere/At_All"}}, "practice.zone"),
        ({"encounters": [{"kind": "inpatient"}]}, "encounters[0].start_day"),
        ({"attestations": [{**EXAMPLE["attestations"][0], "value": {}}]}, "value.significant"),
        ({"unheard": 1}, "unheard"),
    ],
)
async def test_a_refusal_names_the_field(empty: Clinic, change: dict[str, Any], place: str) -> None:
    """What cannot be read is refused by the place at which it stands."""
    answer = await empty.ask("POST", "/billing/preview", scope=PREVIEW, json={**EXAMPLE, **change})
    assert answer.status_code in (400, 422)
    assert place in answer.text


async def test_by_a_draft_the_month_is_held(empty: Clinic) -> None:
    """A month of 2027 is computed and held, by the draft and by the rules in force; a year without a draft is refused."""
    body = {**EXAMPLE, "edition": "2027"}
    said = await _preview(empty, body)
    assert (said["charges"], [line["code"] for line in said["would_be"]]) == ([], ["99490"])
    assert [f["rule"] for f in said["findings"] if f["severity"] == "hold"] == ["L4"]
    await _preview(empty, {**EXAMPLE, "edition": "2031"}, status=422)


async def test_the_rule_book_of_a_day(empty: Clinic) -> None:
    """Rules, parameters and severities as a payer sees them on a day, each with its source."""
    answer = await empty.ask("GET", "/billing/rules", scope=RULES, params={"on": "2026-06-15", "profile": "commercial_strict"})
    assert answer.status_code == 200, answer.text
    book = answer.json()
    values = {parameter["path"]: parameter for parameter in book["parameters"]}
    assert values["lanes.clinical_staff.base.seconds"]["value"] == 1200
    assert values["lanes.clinical_staff.base.seconds"]["profile"] == "medicare_ffs"
    assert {row["key"]: row["severity"] for row in book["situations"]}["28"] == "hold"
    assert book["released"] is True
    assert {rule["id"] for rule in book["rules"]} >= {"T1", "X6", "R32", "E14"}
    later = await empty.ask("GET", "/billing/rules", scope=RULES, params={"on": "2027-01-01"})
    assert later.json()["released"] is False


async def test_one_rule_is_explained(empty: Clinic) -> None:
    """A rule with what it acts by; an unknown one is not found."""
    answer = await empty.ask("GET", "/billing/rules/X6", scope=RULES)
    said = answer.json()
    assert [parameter["path"] for parameter in said["parameters"]] == ["exclusions.matrix.X6"]
    assert {row["key"]: row["severity"] for row in said["situations"]} == {
        "33": "deny",
        "33.practice": "hold",
        "33.other": "review",
    }
    assert {"S24", "S109"} <= {source["id"] for source in said["sources"]}
    assert (await empty.ask("GET", "/billing/rules/Z9", scope=RULES)).status_code == 404
    assert (await empty.ask("GET", "/billing/rules/X6", scope=RULES, params={"profile": "nobody"})).status_code == 404


async def test_each_has_its_own_scope(empty: Clinic) -> None:
    """Neither the practice's own right nor the other scope opens it."""
    for scope in (ATTEST, RULES):
        assert (await empty.ask("POST", "/billing/preview", scope=scope, json=EXAMPLE)).status_code == 403
    for scope in (ATTEST, PREVIEW):
        assert (await empty.ask("GET", "/billing/rules", scope=scope)).status_code == 403
