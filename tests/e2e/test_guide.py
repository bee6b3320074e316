"""The guide of docs/integration.md as a stranger follows it: its commands as they stand, against the demo, on the clock."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.e2e.stack import CARELEDGER, ROOT, free_port, running

pytestmark = pytest.mark.requirement("issue-11.4")

GUIDE = ROOT / "docs" / "integration.md"
TEN_MINUTES = 600
_MARK = "@@ section "
_SHIM = """#!/bin/sh
exec "{python}" -c "from services.cli import main; main()" "$@"
"""


@dataclass(frozen=True)
class Followed:
    """What each section's commands said, and how long the demo and each section took, in seconds."""

    said: Mapping[str, str]
    seconds: Mapping[str, float]


def sections() -> list[tuple[str, list[str]]]:
    """Return the guide's numbered headings, each with its blocks of commands."""
    parts = re.split(r"^## (\d+\. .+)$", GUIDE.read_text(), flags=re.MULTILINE)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [(title, blocks) for title, text in pairs if (blocks := re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S))]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """Follow the guide from beginning to end, in one shell; `careledger` is that of the Python that runs the tests."""
    folder = tmp_path_factory.mktemp("guide")
    data, port = folder / "data", str(free_port())
    shim = folder / "bin" / "careledger"
    shim.parent.mkdir()
    shim.write_text(_SHIM.format(python=sys.executable))
    shim.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{shim.parent}:{os.environ['PATH']}",
        "CARELEDGER_URL": f"http://127.0.0.1:{port}",
        "CARELEDGER_DATA": str(data),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
    }
    script = "".join(f"echo '{_MARK}{title}' $EPOCHREALTIME\n{''.join(blocks)}" for title, blocks in sections())
    began = time.monotonic()
    demo = [*CARELEDGER, "demo", "--data", str(data), "--port", port, "--patients", "14"]
    with running(demo, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert any(line.startswith("Where to look") for line in process.stdout)
        ready = time.monotonic() - began
        done = subprocess.run(
            ["bash", "-eu", "-c", f"{script}\necho '{_MARK}end' $EPOCHREALTIME"],
            cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=TEN_MINUTES,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = re.split(rf"^{_MARK}(.+) ([\d.]+)$", done.stdout, flags=re.MULTILINE)[1:]
    titles, instants, said = found[::3], [float(one) for one in found[1::3]], found[2::3]
    took = {title: after - before for title, before, after in zip(titles, instants, instants[1:], strict=False)}
    yield Followed(dict(zip(titles, said, strict=True)), {"the demo works its month and serves": ready, **took})


def _of(followed: Followed, number: int) -> str:
    return next(said for title, said in followed.said.items() if title.startswith(f"{number}. "))


def test_every_section_with_commands_was_followed(followed: Followed) -> None:
    assert [int(title.split(".")[0]) for title in followed.said if title != "end"] == list(range(9))


def test_a_client_registers_and_signs_in(followed: Followed) -> None:
    assert '"token_endpoint"' in _of(followed, 0)
    assert "acme-billing is registered" in _of(followed, 1)
    signed_in = _of(followed, 2)
    assert '"client_id":"acme-billing"' in signed_in
    assert '"access_token"' in signed_in.split('"client_id"')[1]


def test_a_charge_is_pulled_acknowledged_and_given_back(followed: Followed) -> None:
    charge = _of(followed, 3)
    assert '"status": "billable"' in charge
    assert '"resourceType": "ChargeItem"' in charge
    assert re.findall(r'"name":"result","valueCode":"(\w+)"', _of(followed, 4)) == ["applied", "already", "applied"]


def test_changes_are_followed_and_the_month_reconciled(followed: Followed) -> None:
    assert '"relation":"resume"' in _of(followed, 5)
    assert '"relation":"next"' not in _of(followed, 5)
    reconciled = _of(followed, 6)
    assert '"feed_position"' in reconciled
    assert "\ncharge_id,charge_version,status" in reconciled


def test_time_is_sent_once_and_a_refusal_names_its_rules(followed: Followed) -> None:
    assert re.findall(r"(first|again): (\d+)", _of(followed, 7)) == [("first", "201"), ("again", "200")]
    refused = _of(followed, 8)
    assert refused.rstrip().endswith("422")
    assert re.search(r'"code":"[a-z0-9-]+"\}\],"text"', refused)


def test_it_takes_a_stranger_less_than_ten_minutes(followed: Followed, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands' time; what remains of ten minutes is for reading."""
    with capsys.disabled():
        print()
        for title, seconds in followed.seconds.items():
            print(f"  {seconds:6.1f} s  {title}")
    assert sum(followed.seconds.values()) < TEN_MINUTES
