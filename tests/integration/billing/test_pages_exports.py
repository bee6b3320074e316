"""Any table's file by an address that works once, for a minute, in the caller's name and no other.

Requirements: integration.md 3 (downloads: one-time address, 256 bit, 60 s); issue 10.8 (CSV of every table).
"""

import psycopg
import pytest

from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import biller, look_again, nurse


@pytest.mark.requirement("issue-10.8")
async def test_an_address_gives_the_file_once(clinic: Clinic) -> None:
    await clinic.enrol("clear", minutes=25)
    await clinic.assemble()
    await look_again(clinic)
    made = await biller(clinic).ask("POST", "exports", data={"file": "desk.csv?month=2026-10"})
    assert made.status_code == 201
    address = made.json()["address"]
    assert len(address.rpartition("/")[2]) == 43
    first = await clinic.http.get(address)
    assert first.headers["content-disposition"] == 'attachment; filename="desk-2026-10.csv"'
    assert first.headers["cache-control"] == "no-store"
    assert "Patient clear" in first.text
    again = await clinic.http.get(address)
    assert again.status_code == 404
    assert "Patient clear" not in again.text
    assert "worked once" in again.text


async def test_what_a_role_may_not_read_it_may_not_export(clinic: Clinic) -> None:
    assert (await nurse(clinic).ask("POST", "exports", data={"file": "desk.csv"})).status_code == 403
    assert (await nurse(clinic).at("pat").ask("POST", "exports", data={"file": "worklist/short.csv"})).status_code == 403
    for bad in ("", "desk", "../rules.csv", "/t/south/app/billing/desk.csv", "desk.csv\r\nX: 1"):
        assert (await biller(clinic).ask("POST", "exports", data={"file": bad})).status_code in (400, 404), bad


async def test_an_address_is_of_one_practice_and_one_minute(clinic: Clinic) -> None:
    made = await biller(clinic).ask("POST", "exports", data={"file": "rules.csv"})
    secret = made.json()["address"].rpartition("/")[2]
    for tenant in ("south", "nowhere"):
        assert (await clinic.http.get(f"/t/{tenant}/billing/exports/{secret}")).status_code == 404
    with psycopg.connect(clinic.admin_url, autocommit=True) as connection:
        connection.execute("UPDATE one_time_file SET expires_at = now()")
    assert (await clinic.http.get(made.json()["address"])).status_code == 404
