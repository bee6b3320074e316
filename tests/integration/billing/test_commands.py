"""Billing's commands as an operator types them: what they print, and their status."""

import asyncio
import json
from pathlib import Path

import pytest

from services.billing.usecases.export_charges import NoChargeAmount
from services.cli import _parser
from shared.ops.settings import PartSettings
from tests.integration.billing.conftest import Clinic, item

pytestmark = [pytest.mark.requirement("issue-7.2"), pytest.mark.requirement("issue-11.1")]


@pytest.fixture
def environment(settings: PartSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the operator's shell."""
    variables = {
        "DEV": "1",
        "DEV_CLOCK": str(settings.clock_file),
        "PUBLIC_URL": settings.public_url,
        "BILLING_DATABASE_URL": settings.database_url,
        "BILLING_WORKER_DATABASE_URL": settings.worker_database_url,
        "NATS_URL": settings.nats_url,
        "JWKS": settings.jwks,
        "EHR_KEY_FILE": str(settings.ehr_key_file),
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"CARELEDGER_{name}", value)


async def _run(*words: str) -> int:
    """Run a command in a thread, where it may have a loop of its own; return its status."""
    arguments = _parser().parse_args(words)
    return int(await asyncio.to_thread(arguments.run, arguments))


async def test_a_billers_evening(clinic: Clinic, environment: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await clinic.enrol("p1")
    await clinic.assemble()
    await clinic.attest()
    (charge,) = await clinic.queue()
    month = ("--tenant", "north", "--month", "2026-10")
    export, remits = ("charges", "export", *month, "--out", str(tmp_path)), tmp_path / "remits.csv"

    def said() -> list[str]:
        return [line for line in capsys.readouterr().out.splitlines() if not line.startswith("{")]

    with pytest.raises(NoChargeAmount, match="no amount for 99490 on 2026-10-31"):
        await _run(*export)
    assert await _run(*export, "--without-amounts") == 0
    assert json.loads(Path(said()[0]).read_text("utf-8"))["charges"] == 1

    await clinic.acknowledge(item(charge["id"], "billed", claim="C-1"))
    for paid, status in (("66.13", 0), ("66.00", 1)):
        remits.write_text(f"charge_id,claim_number,paid,carc,rarc,date\n{charge['id']},C-1,{paid},,,2026-11-02\n")
        assert await _run("remits", "import", str(remits), "--tenant", "north") == status
    assert said() == [
        "1 new decisions, 0 known before, 0 left out",
        "0 new decisions, 0 known before, 1 left out",
        f"line 2: charge {charge['id']} has another decision of 2026-11-02",
    ]
    assert await _run("remits", "import", str(tmp_path / "none.csv"), "--tenant", "north") == 1

    assert await _run("months", "assemble", *month) == 1
    assert said() == [
        "2026-10: 1 results, 1 new or changed: 1 billed",
        "charts: 1 read, 1 not given by the EHR",
        "the EHR did not say who is enrolled",
    ]
    assert await _run("feed", "renew", "--tenant", "north") == 0
    assert "positions given before get a 410" in said()[0]
