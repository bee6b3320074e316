"""The private children die with their parent, as root and as an ordinary user; the next parent finds all that was committed."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[4]
# Writes one row and one message more than it finds, tells all about it, then waits to be killed.
_PARENT = """
import asyncio, json, os, sys
from pathlib import Path
import nats, psycopg
from shared.ops.children import Nats, Postgres, data_folder

async def publish():
    client = await nats.connect(broker.url)
    await client.jetstream().add_stream(name="EV", subjects=["ev.>"])
    acknowledged = await client.jetstream().publish("ev.x", b"x")
    await client.close()
    return acknowledged.seq

with data_folder(Path(sys.argv[1])) as folder:
    postgres, broker = Postgres(folder), Nats(folder)
    postgres.start()
    broker.start()
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS row (n int)")
        connection.execute("INSERT INTO row VALUES (1)")
        rows = connection.execute("SELECT count(*) FROM row").fetchone()[0]
    messages = asyncio.run(publish())
    print(json.dumps({"uid": os.geteuid(), "pids": [postgres.pid, broker.pid], "rows": rows, "messages": messages}), flush=True)
    sys.stdin.read()
    postgres.stop()
    broker.stop()
"""
_AS_ROOT = ["unshare", "--map-root-user", "--"]
_AS_ORDINARY_USER = ["unshare", "--map-user=1000", "--map-group=1000", "--"]


def _users() -> list[list[str]]:
    """Return how to become whom: ourselves, and by a user namespace, where we may make one, root and an ordinary user."""
    namespaces = subprocess.run([*_AS_ROOT, "true"], capture_output=True).returncode == 0
    return [[], _AS_ROOT, _AS_ORDINARY_USER] if namespaces else [[]]


def _start(user: list[str], folder: Path) -> tuple[subprocess.Popen[str], dict[str, object], list[int]]:
    """Start a parent with its children; return it, what it told and a pidfd of each child."""
    parent = subprocess.Popen(
        [*user, sys.executable, "-c", _PARENT, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT,
    )  # fmt: skip
    assert parent.stdout is not None
    told = json.loads(parent.stdout.readline())
    return parent, told, [os.pidfd_open(pid) for pid in told["pids"]]


def _gone(children: list[int], seconds: float) -> bool:
    """Wait until every process behind the pidfds has ended; False after `seconds`."""
    left = set(children)
    poll = select.poll()
    for descriptor in children:
        poll.register(descriptor, select.POLLIN)
    while left and (ended := poll.poll(seconds * 1000)):
        for descriptor, _ in ended:
            poll.unregister(descriptor)
            os.close(descriptor)
            left.discard(descriptor)
    return not left


@pytest.mark.parametrize("user", _users(), ids=lambda user: user[1] if user else "ourselves")
def test_children_die_with_a_killed_parent_and_the_next_one_recovers(user: list[str], tmp_path: Path) -> None:
    with _start(user, tmp_path / "data")[0] as parent:
        parent.kill()
    # At once, while the children of the first are still ending.
    second, told, children = _start(user, tmp_path / "data")
    assert (told["rows"], told["messages"]) == (2, 2)
    if user:
        assert told["uid"] == (0 if user is _AS_ROOT else 1000)
    with second:
        second.kill()
    assert _gone(children, 10)
    third, told, children = _start(user, tmp_path / "data")
    assert (told["rows"], told["messages"]) == (3, 3)
    with third:
        assert third.stdin is not None
        third.stdin.close()
        assert third.wait(30) == 0
    assert _gone(children, 0)


@pytest.mark.parametrize("death", [signal.SIGTERM, signal.SIGSEGV], ids=lambda death: death.name)
def test_no_other_death_of_the_parent_leaves_children(death: signal.Signals, tmp_path: Path) -> None:
    parent, _, children = _start([], tmp_path / "data")
    with parent:
        parent.send_signal(death)
    assert _gone(children, 10)


def test_a_held_folder_is_free_once_its_holder_is_killed(tmp_path: Path) -> None:
    first, _, _ = _start([], tmp_path / "data")
    with first:
        refused = subprocess.run(
            [sys.executable, "-c", _PARENT, str(tmp_path / "data")],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=_ROOT,
        )  # fmt: skip
        assert refused.returncode == 1
        assert f"in use by process {first.pid}" in refused.stderr
        first.kill()
    second, told, children = _start([], tmp_path / "data")
    assert told["rows"] == 2
    with second:
        second.kill()
    assert _gone(children, 10)
