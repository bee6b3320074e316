"""`careledger demo` as a stranger runs it: the table, a second run, a run that is cut short, the command that it prints."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from shared.ops.children import data_folder
from tests.e2e.stack import CARELEDGER, ROOT, careledger, free_port, running

PATIENTS = "14"
SEEN = "Read back: all "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the demo."""
    return tmp_path_factory.mktemp("d") / "data"


@pytest.fixture(scope="module")
def first(folder: Path) -> "subprocess.CompletedProcess[str]":
    """The first run to the end of the table."""
    return once(folder)


@pytest.fixture(scope="module")
def second(folder: Path, first: "subprocess.CompletedProcess[str]") -> "subprocess.CompletedProcess[str]":
    """A second run in the same folder."""
    return once(folder)


def once(folder: Path, patients: str = PATIENTS) -> "subprocess.CompletedProcess[str]":
    """Run the demo to the end of its table."""
    return careledger("demo", "--once", "--data", str(folder), "--port", str(free_port()), "--patients", patients)


def table(said: str) -> str:
    """Return the table, with what was read back."""
    lines = said.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.endswith(", 2026-10"))
    end = next(number for number, line in enumerate(lines) if line.startswith("Read back"))
    return "\n".join(lines[begin : end + 1])


def test_the_month_is_worked_and_every_number_confirmed(first: "subprocess.CompletedProcess[str]") -> None:
    """The status is 0, patients and consents are those of the clinic, and charges have left and come back acknowledged."""
    assert first.returncode == 0, first.stdout + first.stderr
    shown = table(first.stdout)
    assert SEEN in shown
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line}
    assert rows["Patients"][1] == rows["Consents"][1] == PATIENTS
    assert int(rows["99490"][1]) > 0
    assert "place of service 11" in shown
    assert "14 patients" in first.stdout.splitlines()[0]


def test_nothing_is_logged_beside_the_table(first: "subprocess.CompletedProcess[str]") -> None:
    """An ordinary run has nothing to warn of."""
    assert first.stderr == ""


def test_a_second_run_reads_the_same_month_back(
    first: "subprocess.CompletedProcess[str]", second: "subprocess.CompletedProcess[str]"
) -> None:
    """It says that the month is there, works nothing twice, and shows the same table."""
    assert second.returncode == 0, second.stdout + second.stderr
    assert second.stdout.startswith("2026-10 is there already")
    assert table(second.stdout) == table(first.stdout)


def test_a_run_that_was_cut_short_goes_on_to_the_same_table(first: "subprocess.CompletedProcess[str]", tmp_path: Path) -> None:
    """Ctrl-C in the middle of the month, then again: no minute is lost, none counted twice."""
    command = [
        *CARELEDGER,
        "demo",
        "--once",
        "--data",
        str(tmp_path / "data"),
        "--port",
        str(free_port()),
        "--patients",
        PATIENTS,
    ]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert any("week of 5 October" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert "signed" not in process.communicate(timeout=60)[0]
    ended = once(tmp_path / "data")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert table(ended.stdout) == table(first.stdout)


def test_the_printed_command_pulls_a_charge(folder: Path, second: "subprocess.CompletedProcess[str]") -> None:
    """It gets a token by the demo's key and reads the charge that the billing system gave back."""
    command = [*CARELEDGER, "demo", "--data", str(folder), "--port", str(free_port()), "--patients", PATIENTS]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        pull = next(line for line in process.stdout if line.startswith("curl "))
        answer = subprocess.run(["sh", "-c", pull], capture_output=True, text=True, check=True, cwd=ROOT)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    found = json.loads(answer.stdout)
    assert [entry["resource"]["status"] for entry in found["entry"]] == ["billable"]


def test_another_clinic_does_not_get_into_the_folder(folder: Path, second: "subprocess.CompletedProcess[str]") -> None:
    """What the folder holds is said, and nothing is changed."""
    other = once(folder, patients="15")
    assert other.returncode == 1
    assert "holds the demo of" in other.stderr
    assert "reset" in other.stderr


def test_a_folder_in_use_is_named(folder: Path, second: "subprocess.CompletedProcess[str]") -> None:
    """Two demos never work in one folder."""
    with data_folder(folder):
        refused = once(folder)
    assert refused.returncode == 1
    assert "in use by process" in refused.stderr
    assert refused.stdout == ""


def test_a_taken_port_is_named(folder: Path, second: "subprocess.CompletedProcess[str]") -> None:
    """One plain line, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        refused = careledger("demo", "--once", "--data", str(folder), "--port", port, "--patients", PATIENTS)
    assert refused.returncode == 1
    assert f"port {port}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
