"""The charges file: the same charges as the API has, whole or not there at all, by commands and for a client."""

import csv
import hashlib
import io
import json
from base64 import b64encode
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.billing.domain.charge_columns import COLUMNS, COLUMNS_VERSION
from services.billing.main import assemble_for, export_for, renew_feed
from services.billing.usecases.export_charges import NoChargeAmount
from shared.kernel.errors import CareledgerError, Invalid, NotFound
from shared.ops.settings import PartSettings
from tests.integration.billing import world as small
from tests.integration.billing.conftest import BILL, NOW, Clinic, item
from tests.integration.billing.pages import lead, look_again, words
from tests.integration.billing.test_charge_item import extensions
from tests.integration.billing.test_differences import void

pytestmark = pytest.mark.requirement("issue-11.1")

AMOUNTS = {"99490": Decimal("105.00"), "99439": Decimal("80.05")}
Line = dict[str, str]


async def priced(
    clinic: Clinic, amounts: dict[str, Decimal] | None = None, *, version: int = 2, since: date | None = None
) -> None:
    """Let the practice set what it charges."""
    event = small.tenant_event(charge_master=AMOUNTS if amounts is None else amounts, effective_from=since or date(2025, 1, 1))
    await clinic.tell([small.newer(event, version)])


@pytest.fixture
async def released(clinic: Clinic) -> Clinic:
    """Two patients' charges wait on the queue; the practice has set its amounts."""
    await priced(clinic)
    await clinic.enrol("p1", minutes=65)
    await clinic.enrol("p2", minutes=25)
    await clinic.assemble()
    await clinic.attest()
    return clinic


async def fetched(clinic: Clinic, query: str = "") -> list[Line]:
    """Return the month's file as the client gets it."""
    answer = await clinic.ask("GET", f"/billing/months/2026-10/charges.csv{query}", scope=BILL)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["x-careledger-columns"] == COLUMNS_VERSION
    assert answer.headers["content-digest"] == f"sha-256=:{b64encode(hashlib.sha256(answer.content).digest()).decode()}:"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def exported(settings: PartSettings, folder: Path, **options: Any) -> tuple[dict[str, Any], list[Line]]:
    """Export; return the control file and the lines."""
    path = await export_for(settings, "north", **{"month": None, "since": None, "amounts": True, "folder": folder} | options)
    control = json.loads(path.read_text("utf-8"))
    data = (folder / control["file"]).read_bytes()
    assert (control["size"], control["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert [file for file in folder.iterdir() if file.name.startswith(".")] == []
    return control, list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def as_line(resource: dict[str, Any]) -> Line:
    """Write a ChargeItem as a line, from its FHIR elements alone."""
    found = extensions(resource)

    def last(reference: str) -> str:
        return reference.rpartition("/")[2]

    line = dict.fromkeys(COLUMNS, "")
    line |= {
        "charge_id": resource["identifier"][0]["value"],
        "charge_version": resource["meta"]["versionId"],
        "status": resource["status"],
        "service_month": found["service-month"]["valuePeriod"]["start"][:7],
        "date_of_service": resource["occurrenceDateTime"],
        "code": resource["code"]["coding"][0]["code"],
        "units": str(resource["quantity"]["value"]),
        "place_of_service": found["place-of-service"]["valueCoding"]["code"],
        "patient_id": last(resource["subject"]["reference"]),
        "patient_mrn": resource["subject"]["identifier"]["value"],
        "patient_mrn_system": resource["subject"]["identifier"]["system"],
        "rendering_id": last(resource["performer"][0]["actor"]["reference"]),
        "rendering_npi": resource["performer"][0]["actor"]["identifier"]["value"],
        "rendering_name": resource["performer"][0]["actor"]["display"],
        "billing_npi": resource["performingOrganization"]["identifier"]["value"],
        "billing_tin": found["billing-tin"]["valueString"],
        "do_not_bill_patient": "yes" if "do-not-bill-patient" in found else "",
        "part_of": last(resource["partOf"][0]["reference"]) if "partOf" in resource else "",
        "replaces": last(found["replaces"]["valueReference"]["reference"]) if "replaces" in found else "",
        "claim_frequency": found["claim-frequency"]["valueCode"] if "claim-frequency" in found else "",
        "claim_number": found["claim"]["valueIdentifier"]["value"] if "claim" in found else "",
        "claim_system": found["claim"]["valueIdentifier"]["system"] if "claim" in found else "",
        "context": "/".join(resource["context"]["reference"].split("/")[-2:]),
        "attested_by": last(resource["enterer"]["reference"]),
        "attested_at": resource["enteredDate"],
        "rule": resource["definitionUri"][0].rpartition("/rules/")[2].partition("?")[0],
        "rule_book": resource["definitionUri"][0].rpartition("=")[2],
        "decision": found["decision"]["valueString"],
    }
    modifiers = [one["valueCode"] for one in resource["extension"] if one["url"].endswith("/modifier")]
    line |= {f"modifier_{n}": code for n, code in enumerate(modifiers, start=1)}
    line |= {f"diagnosis_{n}": one["coding"][0]["code"] for n, one in enumerate(resource["reason"], start=1)}
    for coverage in (one["extension"] for one in resource["extension"] if one["url"].endswith("/coverage")):
        parts = {part["url"]: part for part in coverage}
        before = f"payer_{parts['rank']['valuePositiveInt']}_"
        line[f"{before}coverage_id"] = last(parts["coverage"]["valueReference"]["reference"])
        for name in ("payer-id", "payer-name", "member-id"):
            if name in parts:
                line[before + name.removeprefix("payer-").replace("-", "_")] = parts[name]["valueString"]
    return line


async def test_the_file_and_the_api_agree_field_by_field(released: Clinic, settings: PartSettings, tmp_path: Path) -> None:
    queue = {one["id"]: as_line(one) for one in await released.queue()}
    control, lines = await exported(settings, tmp_path, month="2026-10")
    assert lines == await fetched(released)
    assert {line["charge_id"]: {**line, "charge_amount": ""} for line in lines} == queue
    amounts = {(line["code"], line["units"]): line["charge_amount"] for line in lines}
    assert amounts == {("99490", "1"): "105.00", ("99439", "2"): "160.10"}
    assert control["columns_version"] == "1" and tuple(lines[0]) == COLUMNS
    assert (control["charges"], control["units"], control["amount"]) == (3, 4, "370.10")
    assert control["units_by_code"] == {"99439": 2, "99490": 2}
    assert (control["tenant"], control["month"], control["since"]) == ("north", "2026-10", None)
    assert datetime.fromisoformat(control["made_at"]) == NOW
    manifest = (await released.ask("GET", "/billing/months/2026-10/manifest", scope=BILL)).json()
    assert (manifest["charges"], manifest["units"], manifest["feed_position"]) == (3, 4, control["feed_position"])


async def test_only_what_is_billable_and_since_a_position_all_that_changed(
    released: Clinic, settings: PartSettings, tmp_path: Path
) -> None:
    first, lines = await exported(settings, tmp_path, month="2026-10")
    taken = next(line["charge_id"] for line in lines if line["patient_id"] == "p2")
    await released.acknowledge(item(taken, "billed", claim="C-7"))
    await released.tell([void(), small.entry("p1", small.at(8), 22, number=2)])
    await released.assemble()
    await released.attest(differences=True)
    _, left = await exported(settings, tmp_path, month="2026-10")
    assert [(line["patient_id"], line["code"], line["status"]) for line in left] == [("p1", "99490", "billable")]
    since, changed = await exported(settings, tmp_path, since=first["feed_position"])
    assert sorted((line["patient_id"], line["code"], line["status"], line["claim_number"]) for line in changed) == [
        ("p1", "99439", "aborted", ""), ("p1", "99490", "aborted", ""), ("p1", "99490", "billable", ""),
        ("p2", "99490", "billed", "C-7"),
    ]  # fmt: skip
    feed = (await released.bill(f"ChargeItem?-after={first['feed_position']}")).json()
    assert [line["charge_id"] for line in changed] == [entry["resource"]["id"] for entry in feed["entry"]]
    assert {**{line["charge_id"]: {**line, "charge_amount": ""} for line in changed}} == {
        entry["resource"]["id"]: as_line(entry["resource"]) for entry in feed["entry"]
    }
    _, nothing = await exported(settings, tmp_path, since=since["feed_position"])
    assert nothing == []
    with pytest.raises(CareledgerError, match="a position that the feed gave"):
        await exported(settings, tmp_path, since="nonsense")


async def test_the_same_position_gives_the_same_file(released: Clinic, settings: PartSettings, tmp_path: Path) -> None:
    await exported(settings, tmp_path, month="2026-10")
    before = {file.name: file.read_bytes() for file in tmp_path.glob("*.csv")}
    released.clock.set(NOW + timedelta(hours=1))
    await exported(settings, tmp_path, month="2026-10")
    assert {file.name: file.read_bytes() for file in tmp_path.glob("*.csv")} == before and len(before) == 1


async def test_without_an_amount_there_is_no_file_unless_it_is_asked_for_without(
    released: Clinic, settings: PartSettings, tmp_path: Path
) -> None:
    await priced(released, {"99490": Decimal("105.00")}, version=3)
    with pytest.raises(NoChargeAmount, match="99439 on 2026-10-31"):
        await exported(settings, tmp_path, month="2026-10")
    assert list(tmp_path.iterdir()) == []
    refused = await released.ask("GET", "/billing/months/2026-10/charges.csv", scope=BILL)
    assert (refused.status_code, refused.json()["issues"][0]["rule"]) == (409, "charge-master")
    control, lines = await exported(settings, tmp_path, month="2026-10", amounts=False)
    assert (control["amount"], {line["charge_amount"] for line in lines}) == (None, {""})
    assert {line["charge_amount"] for line in await fetched(released, "?amounts=false")} == {""}


async def test_the_look_before_the_close_names_codes_without_an_amount(released: Clinic) -> None:
    await look_again(released)
    assert "No code lacks its amount for the charges file." in words(await lead(released).get("months/2026-10/close"))
    await priced(released, {"99490": Decimal("105.00")}, version=3)
    said = words(await lead(released).get("months/2026-10/close"))
    assert "Codes without an amount in the charge master (the charges file is refused until they have one): 99439" in said


async def test_the_amount_is_that_of_the_day_of_service(released: Clinic) -> None:
    await priced(released, {"99490": Decimal(200), "99439": Decimal(1)}, version=3, since=date(2026, 11, 1))
    assert {line["charge_amount"] for line in await fetched(released)} == {"105.00", "160.10"}
    await priced(released, {"99490": Decimal("110.5"), "99439": Decimal(1)}, version=4, since=date(2026, 10, 31))
    assert {line["charge_amount"] for line in await fetched(released)} == {"110.50", "2.00"}


async def test_nothing_in_the_file_is_a_formula(clinic: Clinic, settings: PartSettings, tmp_path: Path) -> None:
    await priced(clinic)
    await clinic.enrol("p1")
    coverage = next(one for one in clinic.ehr.charts["p1"] if one["resourceType"] == "Coverage")
    coverage["payor"][0]["display"] = '=HYPERLINK("https://bad.example","pay")'
    coverage["subscriberId"] = "+1\r\n,@x"
    await clinic.assemble()
    await clinic.attest()
    (line,) = (await exported(settings, tmp_path, month="2026-10"))[1]
    assert line["payer_1_name"] == '\'=HYPERLINK("https://bad.example","pay")'
    assert line["payer_1_member_id"] == "'+1\r\n,@x"
    assert not [value for value in line.values() if value.startswith(("=", "+", "-", "@", "\t", "\r"))]


async def test_who_took_what_is_in_the_journal(released: Clinic, settings: PartSettings, tmp_path: Path) -> None:
    await exported(settings, tmp_path, month="2026-10")
    rows = released.rows("SELECT actor, client, patients, aggregate FROM journal WHERE action = 'charges.exported'")
    assert [(row["client"], sorted(row["patients"]), row["aggregate"]) for row in rows] == [
        ("careledger", ["p1", "p2"], "charges/2026-10")
    ]
    assert rows[0]["actor"].startswith("operator:")


async def test_a_folder_that_cannot_be_written_is_a_plain_refusal(
    released: Clinic, settings: PartSettings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="file"):
        await exported(settings, tmp_path / "file", month="2026-10")
    with pytest.raises(NotFound, match="no tenant"):
        await export_for(settings, "nowhere", month="2026-10", since=None, amounts=True, folder=tmp_path)


@pytest.mark.requirement("issue-7.2")
async def test_a_month_is_assembled_by_the_operator(
    clinic: Clinic, settings: PartSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`careledger months assemble`: as the worker, the charts read first; an EHR that sleeps is said."""
    await clinic.enrol("p1")
    monkeypatch.setattr("services.billing.main.BillingWorld.chart", lambda self, tenant: clinic.ehr)
    refreshed, done = await assemble_for(settings, "north", "2026-10")
    assert (refreshed.charts, refreshed.unanswered, refreshed.enrolment_read) == (1, 0, True)
    assert (done.results, done.changed, dict(done.outcomes)) == (1, 1, {"planned": 1})
    clinic.ehr.down = True
    refreshed, done = await assemble_for(settings, "north", "2026-10")
    assert (refreshed.unanswered, refreshed.enrolment_read, done.changed) == (1, False, 1)


@pytest.mark.requirement("issue-7.2")
async def test_a_renewed_feed_refuses_old_positions(released: Clinic, settings: PartSettings, tmp_path: Path) -> None:
    control, _ = await exported(settings, tmp_path, month="2026-10")
    old = control["feed_position"]
    assert (await released.bill(f"ChargeItem?-after={old}")).status_code == 200
    epoch = await renew_feed(settings, "north")
    assert (await released.bill(f"ChargeItem?-after={old}")).status_code == 410
    with pytest.raises(CareledgerError, match="this feed is no more"):
        await exported(settings, tmp_path, since=old)
    again, lines = await exported(settings, tmp_path, since="0")
    assert again["feed_position"].startswith(f"{epoch}.") and len(lines) == 3
