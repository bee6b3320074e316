"""Remittances: read strictly or not at all, the same file twice is nothing new, denials traced to findings that foresaw them."""

from decimal import Decimal
from typing import Any

import pytest

from services.billing.adapters.denial_causes import load_denial_causes
from services.billing.domain.remittance import RemittanceInvalid, read_remittance
from services.billing.main import import_remits_for
from services.billing.usecases.import_remittance import RemittanceImported
from shared.ops.settings import PartSettings
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic, item
from tests.integration.billing.pages import lead, look_again, words

pytestmark = pytest.mark.requirement("issue-11.1")

HEADER = "charge_id,claim_number,paid,carc,rarc,date,allowed,patient_share"
MONTH = "2026-10"


@pytest.fixture
async def billed(clinic: Clinic) -> dict[str, str]:
    """Three patients' charges were billed, under claim C-<patient>; of one a review was decided. By patient and code."""
    await clinic.enrol("p1", minutes=45)
    await clinic.enrol("p2", "p3", minutes=25)
    await clinic.assemble()
    await clinic.attest()
    charges = {
        f"{one['subject']['reference'][-2:]}/{one['code']['coding'][0]['code']}": one["id"] for one in await clinic.queue()
    }
    await clinic.acknowledge(*(item(ident, "billed", claim=f"C-{name[:2]}") for name, ident in charges.items()))
    await look_again(clinic)
    return charges


async def take(settings: PartSettings, *lines: str, header: str = HEADER) -> RemittanceImported:
    """Import a file of these lines."""
    return await import_remits_for(settings, "north", "\r\n".join([header, *lines, ""]).encode())


def rows(clinic: Clinic) -> list[dict[str, Any]]:
    """Return what is stored."""
    return clinic.rows("SELECT patient, claim, paid, allowed, patient_share, carc, rarc FROM remittance ORDER BY patient, paid")


async def test_a_file_is_taken_in_once(clinic: Clinic, settings: PartSettings, billed: dict[str, str]) -> None:
    lines = (
        f"{billed['p1/99490']},C-p1,52.90,CO-45 CO-253,,2026-11-20,66.13,13.23",
        f"{billed['p2/99490']},C-p2,0,CO-97,M15,2026-11-21,0.00,0",
    )
    assert await take(settings, *lines) == RemittanceImported(new=2)
    stored = rows(clinic)
    assert stored[0] == {
        "patient": "p1", "claim": "C-p1",
        "paid": Decimal("52.90"), "allowed": Decimal("66.13"), "patient_share": Decimal("13.23"),
        "carc": ["CO-45", "CO-253"], "rarc": [],
    }  # fmt: skip
    assert await take(settings, *lines) == RemittanceImported(already=2)
    third = f"{billed['p3/99490']},C-p3,66.13,,,2026-11-21,,"
    assert await take(settings, *lines, third) == RemittanceImported(new=1, already=2)
    assert len(rows(clinic)) == 3 and rows(clinic)[:1] == stored[:1]
    told = clinic.rows("SELECT actor, patients, aggregate FROM journal WHERE action = 'remittance.recorded'")
    assert sorted(row["patients"] for row in told) == [["p1", "p2"], ["p3"]]
    assert all(row["actor"].startswith("operator:") and row["aggregate"].startswith("remittance/") for row in told)
    assert (await clinic.bill(f"ChargeItem/{billed['p2/99490']}")).json()["status"] == "billed", "a denial changes no charge"


BAD = [
    ("{p1},C-p1,66.1.3,,,2026-11-20,,", "line 2: paid is no amount such as 66.13"),
    ("{p1},C-p1,-1,CO-97,,2026-11-20,,", "line 2: paid is no amount"),
    ("{p1},C-p1,1e3,,,2026-11-20,,", "line 2: paid is no amount"),
    ("{p1},C-p1,10,,,20.11.2026,,", "line 2: date is no day such as 2026-12-01"),
    ("{p1},C-p1,10,,,2026-02-30,,", "line 2: date is no day"),
    ("nonsense,C-p1,10,,,2026-11-20,,", "line 2: charge_id is no charge identifier"),
    ("{p1},,10,,,2026-11-20,,", "line 2: claim_number is missing"),
    ("{p1},C-p1,0,,,2026-11-20,,", "line 2: nothing was paid, and carc does not say why"),
    ("{p1},C-p1,0,denied,,2026-11-20,,", "line 2: carc has 'denied'"),
    ("{p1},C-p1,0,CO-97,X1,2026-11-20,,", "line 2: rarc has 'X1'"),
    ("{p1},C-p1,70,,,2026-11-20,66.13,", "line 2: more was paid than allowed"),
    ("{p1},C-p1,10,,,2026-11-20,66.13,80", "line 2: the patient's share is more"),
    ("{p1},C-p1,10", "line 2: has 3 cells, the header 8"),
    ("{p2},C-p2,10,,,2026-11-20,,\n{p1},C-p1,10,,,2026-11-20,,\n{p1},C-p1,11,,,2026-11-20,,", "line 4: line 3 has a decision"),
    ('{p1},"C-p1,10,,,2026-11-20,,', "is no CSV"),
    ("", "the file has no lines"),
]


def _read(*lines: str, header: str = HEADER) -> None:
    read_remittance("\r\n".join([header, *lines, ""]).encode())


@pytest.mark.parametrize(("text", "told"), BAD)
def test_a_bad_line_is_named(text: str, told: str) -> None:
    ids = {name: f"01890000-0000-7000-8000-00000000000{name[1]}" for name in ("p1", "p2", "p3")}
    good = f"{ids['p3']},C-p3,66.13,,,2026-11-21,,"
    with pytest.raises(RemittanceInvalid) as refused:
        _read(*([*text.format(**ids).split("\n"), good] if text else []))
    assert told in str(refused.value)


@pytest.mark.parametrize("header", ["charge_id,claim_number,paid,carc,rarc", f"{HEADER},colour", f"{HEADER},paid"])
def test_a_header_that_is_not_the_list_is_refused(header: str) -> None:
    with pytest.raises(RemittanceInvalid, match="line 1: the header"):
        _read(header=header)


async def test_of_a_file_with_one_bad_line_nothing_is_stored(
    clinic: Clinic, settings: PartSettings, billed: dict[str, str]
) -> None:
    good = f"{billed['p3/99490']},C-p3,66.13,,,2026-11-21,,"
    with pytest.raises(RemittanceInvalid, match="line 3: paid is no amount"):
        await take(settings, good, f"{billed['p2/99490']},C-p2,sixty,,,2026-11-21,,")
    assert rows(clinic) == []


async def test_what_belongs_to_no_claim_of_ours_is_told_and_left_out(
    clinic: Clinic, settings: PartSettings, billed: dict[str, str]
) -> None:
    await clinic.acknowledge(item(billed["p3/99490"], "returned", reason="never sent"))
    stranger = "01890000-0000-7000-8000-000000000000"
    done = await take(
        settings,
        f"{stranger},C-9,10,,,2026-11-20,,",
        f"{billed['p1/99490']},C-other,10,,,2026-11-20,,",
        f"{billed['p3/99490']},C-p3,10,,,2026-11-20,,",
        f"{billed['p2/99490']},C-p2,10,,,2026-11-20,,",
    )
    assert (done.new, done.already) == (1, 0)
    assert [number for number, _ in done.unmatched] == [2, 3, 4]
    reasons = " ".join(why for _, why in done.unmatched)
    assert (
        f"no charge {stranger}" in reasons and "under claim C-p1, not C-other" in reasons and "is billable: no claim" in reasons
    )
    again = await take(settings, f"{billed['p2/99490']},C-p2,11,,,2026-11-20,,")
    assert again.unmatched == [(2, f"charge {billed['p2/99490']} has another decision of 2026-11-20")]
    later = await take(settings, f"{billed['p2/99490']},C-p2,11,,,2026-11-25,,")
    assert later == RemittanceImported(new=1)


async def test_one_practice_never_meets_anothers_charges(clinic: Clinic, settings: PartSettings, billed: dict[str, str]) -> None:
    line = f"{HEADER}\n{billed['p2/99490']},C-p2,10,,,2026-11-20,,\n".encode()
    done = await import_remits_for(settings, "south", line)
    assert (done.new, len(done.unmatched)) == (0, 1)
    assert rows(clinic) == []


async def test_the_program_knows_what_was_denied_and_paid(clinic: Clinic, settings: PartSettings, billed: dict[str, str]) -> None:
    before = words(await lead(clinic).get(f"program?month={MONTH}"))
    assert "Denials not known yet" in before and "Days to payment: not known yet." in before
    await take(
        settings,
        f"{billed['p1/99490']},C-p1,52.90,CO-45,,2026-11-10,66.13,13.23",
        f"{billed['p1/99439']},C-p1,0,PR-1,,2026-11-10,50.44,50.44",
        f"{billed['p2/99490']},C-p2,0,CO-97,,2026-11-20,0,0",
        f"{billed['p3/99490']},C-p3,0,CO-B20,M86,2026-11-20,0,0",
    )
    said = words(await lead(clinic).get(f"program?month={MONTH}"))
    assert "Denials 50.0 % 2 of 4 decided claim lines" in said
    assert "$52.90 paid, $116.57 allowed, the patients’ share $63.67" in said
    assert "10.0 days to payment" in said
    assert "Held to be part of another service CO-97 1 0" in said
    assert "Another practitioner was paid for the month CO-B20 M86 1 1 X1" in said
    table = (await lead(clinic).ask("GET", f"program/denials.csv?month={MONTH}")).text
    assert "Held to be part of another service,CO-97,1,0," in table
    await take(settings, f"{billed['p2/99490']},C-p2,66.13,,,2026-12-01,66.13,0")
    after = words(await lead(clinic).get(f"program?month={MONTH}"))
    assert "Denials 25.0 % 1 of 4 decided claim lines" in after
    assert "Held to be part of another service" not in after
    other = words(await lead(clinic).get(f"program?month={MONTH}&practitioner={small.CY}"))
    assert "decided claim lines" not in other


async def test_a_denial_is_traced_to_the_finding_that_foresaw_it(clinic: Clinic, settings: PartSettings) -> None:
    """A stated service of the month was an info on release; the payer bundles it, and the page says that we had said so."""
    await clinic.enrol("p1")
    service = {"code": "99457", "day": "2026-10-07", "npi": "1245319599", "tin": "12-3456789", "status": "claimed"}
    await clinic.state(small.statement("other-service", service, patient="p1", month=MONTH))
    await clinic.assemble()
    await clinic.attest()
    (charge,) = await clinic.queue()
    await clinic.acknowledge(item(charge["id"], "billed", claim="C-1"))
    await look_again(clinic)
    await take(settings, f"{charge['id']},C-1,0,CO-97,,2026-11-20,0,0")
    (row,) = clinic.rows("SELECT rules FROM remittance")
    assert "X8" in row["rules"]
    said = words(await lead(clinic).get(f"program?month={MONTH}"))
    assert "Held to be part of another service CO-97 1 1 X8" in said


def test_every_cause_names_rules_that_are_there() -> None:
    from services.billing.adapters.rule_book_files import load_rule_book

    causes, known = load_denial_causes(), load_rule_book().rules
    assert {rule for cause in causes.causes for rule in cause.rules} <= set(known)
    assert causes.cause_of(("CO-45", "CO-97"), ()).key == "bundled"
    assert causes.cause_of(("CO-97",), ("M86",)).key == "another-practitioner"
    assert causes.cause_of(("CO-999",), ("N1",)).says == "Code 999 N1"
