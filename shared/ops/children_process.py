"""A server as a private child: dies with its parent, holds a lock while any process of it lives, can be started again.

Linux only: the parent-death signal, `setpriv` and `unshare` are util-linux's.
"""

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.kernel.errors import Unavailable

_POLL = 0.01
_PAUSES = (0.0, 0.3, 0.6)  # before each attempt to start
_NOBODY = 65534
# setpriv asks for the signal after the fork; a parent that died before that is noticed by the shell, which then starts nothing.
_UNLESS_ORPHANED = '[ "$PPID" = "$0" ] && exec "$@"'


class ChildFailed(Unavailable):
    """A server that we start ourselves is missing, refuses to start or does not get ready."""

    rule = "private-server"


class Child:
    """One server process of ours in a data folder; `Postgres` and `Nats` say what it runs and when it is ready.

    A lock file that every process of the server inherits tells when the last one is gone, the survivors of a kill included:
    the next start waits for that, so two servers never write the same files.
    """

    name: str
    _stop_signal: signal.Signals
    _stop_seconds = 30.0
    _ready_seconds = 60.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._log = self._folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the server that was started last; RuntimeError if none was."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether the server process lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the server in good order, by force after half a minute; nothing happens if it does not run."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(self._stop_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _launch(self, prepare: Callable[[int], Sequence[str]], ready: Callable[[int], bool]) -> None:
        """Run the command that `prepare(lock)` returns until `ready(pid)`; ChildFailed with the end of its log if it does not."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start from the main thread: the end of the starting thread counts as the parent's death")
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        with _lock_when_free(self._folder / f"{self.name}.lock", self.name) as lock:
            logged = self._log.stat().st_size if self._log.exists() else 0
            command = prepare(lock)
            for pause in _PAUSES:
                time.sleep(pause)
                with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab") as log:
                    self._process = subprocess.Popen(  # noqa: S603 - our own command line
                        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(),
                        start_new_session=True, pass_fds=(lock,), cwd=self._folder,
                    )  # fmt: skip
                if self._await(ready):
                    return
        raise ChildFailed(f"{self.name} did not start. The end of {self._log}:\n{_tail(self._log, logged)}")

    def _await(self, ready: Callable[[int], bool]) -> bool:
        """Wait for the server; False if it ended or took too long, in which case it is stopped."""
        deadline = time.monotonic() + self._ready_seconds
        while self.running and time.monotonic() < deadline:
            if ready(self.pid):
                return True
            time.sleep(_POLL)
        self.stop()
        return False

    def _run(self, command: Sequence[str], lock: int) -> None:
        """Run a helper of the server to its end; ChildFailed with what it said if its status is not 0."""
        done = subprocess.run(  # noqa: S603 - our own command line
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environment(),
            start_new_session=True, pass_fds=(lock,), cwd=self._folder, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise ChildFailed(f"{Path(command[-1]).name} ended with {done.returncode}:\n{done.stdout.decode(errors='replace')}")


def dying_with_parent(command: Sequence[str], death_signal: str) -> list[str]:
    """Return the command that runs `command` and gets `death_signal` (a name such as TERM) when this process dies."""
    return ["setpriv", "--pdeathsig", death_signal, "--", "sh", "-c", _UNLESS_ORPHANED, str(os.getpid()), *command]


def not_as_root(folders: Sequence[Path], program: Path) -> list[str]:
    """Return what to put before a command that refuses to run as root; nothing where we are not root.

    First choice is a user namespace, in which we are uid 1 and the files stay ours. Where the kernel or a container refuses one,
    the account `nobody` gets `folders`, if it can reach them and `program`; else ChildFailed.
    """
    if os.geteuid() != 0:
        return []
    namespace = ["unshare", "--map-user=1", "--map-group=1", "--"]
    if _succeeds([*namespace, "true"]):
        return namespace
    nobody = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--"]
    for folder in folders:
        folder.parent.chmod(folder.parent.stat().st_mode | 0o011)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    if all(_succeeds([*nobody, "test", "-x", str(path)]) for path in (program, *folders)):
        return nobody
    raise ChildFailed(
        f"{program.name} does not run as root, and neither a user namespace nor the account nobody (which must reach {program} "
        f"and {folders[0]}) is to be had: run as an ordinary user"
    )


@contextmanager
def _lock_when_free(path: Path, name: str) -> Iterator[int]:
    """Hold the lock file, first waiting until the processes that inherited it from an earlier start are gone."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + Child._stop_seconds
        while not try_lock(lock):
            if time.monotonic() > deadline:
                raise ChildFailed(f"an earlier {name} in {path.parent} does not end")
            time.sleep(_POLL)
        yield lock
    finally:
        os.close(lock)


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file without waiting; False if another holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _environment() -> dict[str, str]:
    """Return all that a child inherits: no PGDATA, no proxy, nothing else that would change what it does."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _succeeds(command: Sequence[str]) -> bool:
    quiet = subprocess.DEVNULL
    try:
        return subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, check=False).returncode == 0  # noqa: S603
    except FileNotFoundError:
        return False


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")[-2000:]
