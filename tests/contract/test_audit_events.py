"""The journal as AuditEvents: R4 by three tools of others, BALP by its profiles' rules, written down from their source."""

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from services import cli
from shared.fhir.audit_event import AuditPlace, audit_events
from shared.web.routes import fhir_base
from tests.contract.asking import ask, body, own
from tests.contract.node import node
from tests.fakes.tokens import PUBLIC_URL
from tests.fakes.world import EHR_BASE
from tests.security.place import PARTS, Place

pytestmark = [pytest.mark.requirement("issue-11.3"), pytest.mark.requirement("standards-31")]

_BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_INTERACTIONS = {
    "Create": ({"create"}, "C"), "Update": ({"update"}, "U"), "Delete": ({"delete"}, "D"), "Read": ({"read", "vread"}, "R"),
    "Query": ({"search-type"}, "E"),
}  # fmt: skip
_JOURNAL = """SELECT j.*, s.entry FROM journal j LEFT JOIN journal_sealed s USING (tenant_id, id)
              JOIN registry r ON r.kind = 'tenant' AND r.data::jsonb ->> 'tenant_id' = j.tenant_id::text ORDER BY j.id"""


@pytest.fixture(scope="module")
async def events(place: Place) -> list[dict[str, Any]]:
    """What the four journals say, of all that has happened here and of requests of each kind."""
    charge = own(place, "ChargeItem")
    for path in (
        own(place, "Consent"),
        f"{own(place, 'Consent')}/_history/1",
        f"{charge}/_history",
        "Task",
        "ChargeItem/unknown",
    ):
        await ask(place, "GET", path)
    await ask(place, "POST", "Task", json=body("Task"))
    await place.ask("GET", f"/t/north/fhir/R4/{charge}")
    await place.ask("GET", "/t/north/billing/months/2026-10", headers=place.tokens.bearer("north", "careledger/attest"))
    found = []
    for part in PARTS:
        where = AuditPlace(part, "north", fhir_base(PUBLIC_URL, "north"), EHR_BASE)
        found += [event for row in place.rows(part, _JOURNAL) for event in audit_events(row, where)]
    return found


def test_there_is_something_of_every_kind(events: list[dict[str, Any]]) -> None:
    profiles = Counter(event.get("meta", {}).get("profile", [""])[0].removeprefix(_BALP) for event in events)
    assert {"PatientCreate", "PatientRead", "PatientQuery", "PatientUpdate", "Create", ""} <= set(profiles), profiles
    assert {event["outcome"] for event in events} >= {"0", "4"}
    assert len({event["id"] for event in events}) == len(events) > 60


def test_three_tools_find_nothing(events: list[dict[str, Any]], tmp_path: Path) -> None:
    kinds = {json.dumps([event.get("meta"), event["subtype"], event["outcome"], len(event["agent"])]): event for event in events}
    assert [f"{event['id']}: {issue}" for event in events for issue in fhirkit.validate(event)] == []
    assert node("check.mjs", list(kinds.values()), tmp_path) == []


def test_each_keeps_to_its_profile(events: list[dict[str, Any]]) -> None:
    wrong = [f"{event['id']}: {fault}" for event in events for fault in _faults(event)]
    assert wrong == [], wrong[:10]


def _faults(event: dict[str, Any]) -> list[str]:
    """Check what BALP's profile of an event says (IHE ITI BALP 1.1, its FSH): empty if it keeps to it or claims none."""
    claimed = event.get("meta", {}).get("profile", [None])[0]
    if claimed is None:
        return (
            [] if event["outcome"] != "0" or event["subtype"][0]["code"] in ("operation", "history-instance") else ["no profile"]
        )
    name = claimed.removeprefix(_BALP)
    codes, action = _INTERACTIONS[name.removeprefix("Patient")]
    agents = {agent["type"]["coding"][0]["code"]: agent for agent in event["agent"]}
    entities = {entity["type"]["code"]: entity for entity in event["entity"]}
    client, server = ("110152", "110153") if action == "R" else ("110153", "110152")
    user = next((agent for code, agent in agents.items() if code in ("IRCP", "AUT")), None)
    checks = {
        "type": event["type"]["code"] == "rest",
        "subtype": {code["code"] for code in event["subtype"]} <= codes,
        "action": event["action"] == action,
        "outcome": event["outcome"] == "0",
        "agents": {client, server} <= set(agents) and len(agents) == len(event["agent"]),
        "network": all("address" in agents[code]["network"] and agents[code]["who"] for code in (client, server)),
        "user": user is None or (user["requestor"] is True and "network" not in user and bool(user["who"])),
        "user's type": user is None or (action in "RE") == (user["type"]["coding"][0]["code"] == "IRCP"),
        "one requestor": sum(agent["requestor"] for agent in event["agent"]) == 1,
        "patient": ("1" in entities) == name.startswith("Patient"),
        "one of a kind": len(entities) == len(event["entity"]),
        "transaction": bool(entities["XrequestId"]["what"]["identifier"]["value"]),
        "data": "what" in entities["2"] or name.endswith("Query"),
        "role": entities["2"]["role"]["code"] == ("24" if name.endswith("Query") else "4"),
    }
    if name.endswith("Query"):
        checks["query"] = b"?" in base64.b64decode(entities["2"]["query"]) and not {"what", "detail"} & set(entities["2"])
    if name.startswith("Patient"):
        checks["subject"] = entities["1"]["what"]["reference"].startswith(f"{EHR_BASE}/Patient/")
    return [fault for fault, right in checks.items() if not right]


def test_the_commands_tell_the_same(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    """`audit checkpoint`, `audit verify`, `audit export`: on these databases, then on one that was meddled with."""
    settings = place.settings
    for part in PARTS:
        monkeypatch.setenv(f"CARELEDGER_{part.upper()}_DATABASE_URL", settings[part].database_url)
        monkeypatch.setenv(f"CARELEDGER_{part.upper()}_WORKER_DATABASE_URL", settings[part].worker_database_url)
    for name, value in {
        "PUBLIC_URL": "http://127.0.0.1:9", "NATS_URL": "nats://127.0.0.1:1", "JWKS": str(settings["consent"].jwks), "DEV": "1",
        "EHR_KEY_FILE": str(settings["consent"].ehr_key_file), "KEY_FOLDER": str(tmp_path), "CHECKPOINTS": str(tmp_path / "c"),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"CARELEDGER_{name}", value)

    def run(*words: str) -> tuple[int, str]:
        arguments = cli._parser().parse_args(["audit", *words])
        return arguments.run(arguments), capsys.readouterr().out

    assert run("checkpoint")[0] == 0
    status, said = run("verify")
    assert status == 0 and said.count("whole") >= 4 and "consent north: whole" in said
    status, exported = run(
        "export", "--tenant", "north", "--from", "2026-11-01", "--to", "2099-12-31", "--patient", "pat-north-1"
    )
    lines = [json.loads(line) for line in exported.splitlines()]
    assert status == 0 and len(lines) > 10
    mine = [entity["what"]["reference"] for event in lines for entity in event["entity"] if entity["type"]["code"] == "1"]
    assert f"{EHR_BASE}/Patient/pat-north-1" in mine
    meddle = (
        "UPDATE journal SET client = 'nobody' WHERE tenant = 'north' AND id IN (SELECT id FROM journal_sealed WHERE entry = 3)"
    )
    place.rows("consent", meddle)
    status, said = run("verify", "--part", "consent", "--tenant", "north")
    assert status == 1 and "edited: entry 3, row" in said
