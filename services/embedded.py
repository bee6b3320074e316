"""The embedded default: access, the three services, relays, consumers and sealers in one process at one origin.

PostgreSQL and NATS run as private children in a data folder, unless the environment names others. If any task ends, the whole
process ends with status 1: nothing goes on half alive.
"""

import asyncio
import json
import os
import socket
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy.engine import make_url
from starlette.types import ASGIApp, Receive, Scope, Send

from services.parts import ALL_PARTS, RunnablePart
from shared.kernel.errors import Conflict
from shared.ops.children import Nats, Postgres, data_folder
from shared.ops.environment import Environment
from shared.ops.settings import PARTS
from shared.smart.ehr_tokens import make_key
from shared.web.routes import owner_of


@dataclass(frozen=True)
class Deployment:
    """Where an embedded deployment lives: the environment that its parts read, and its data folder."""

    variables: Mapping[str, str]
    folder: Path

    @property
    def environment(self) -> Environment:
        """The environment of all parts."""
        return Environment(self.variables)


@contextmanager
def deployment(folder: Path, *, port: int) -> Iterator[Deployment]:
    """Start what the environment does not name, make databases and keys, and yield the deployment; stop it afterwards.

    Call it in the main thread. What the environment already says (`CARELEDGER_…`) stands.
    """
    with data_folder(folder) as root:
        variables = {"CARELEDGER_DEV": "1"} | {k: v for k, v in os.environ.items() if k.startswith("CARELEDGER_")}
        variables.setdefault("CARELEDGER_PUBLIC_URL", f"http://127.0.0.1:{port}")
        variables.setdefault("CARELEDGER_DEV_CLOCK", str(root / "dev-clock"))
        variables.setdefault("CARELEDGER_KEY_FOLDER", str(_private(root / "keys")))
        variables.setdefault("CARELEDGER_JWKS", str(root / "keys" / "jwks.json"))
        variables.setdefault("CARELEDGER_EHR_KEY_FILE", str(make_key(root / "keys" / "ehr.pem")))
        variables.setdefault("CARELEDGER_CHECKPOINTS", str(root / "checkpoints"))
        with _postgres(root, variables), _nats(root, variables):
            place = Deployment(variables, root)
            for part in _ours_to_migrate():
                part.migrate(place.environment)
            (root / "environment.json").write_text(json.dumps(dict(variables)), "utf-8")
            (root / "environment.json").chmod(0o600)
            yield place


def running_environment(folder: Path) -> dict[str, str]:
    """Return the environment of the embedded deployment that keeps its data in `folder`, for commands beside it.

    Empty if this process's environment names databases already, or nothing has run in that folder.
    """
    file = folder / "environment.json"
    if any(name.endswith("DATABASE_URL") for name in os.environ if name.startswith("CARELEDGER_")) or not file.exists():
        return {}
    variables: dict[str, str] = json.loads(file.read_text("utf-8"))
    return variables


_URLS = (("app", "DATABASE_URL"), ("worker", "WORKER_DATABASE_URL"))


def _named(part: str, variables: Mapping[str, str]) -> bool:
    """Tell whether the environment points a part at a database of its own."""
    return any(f"CARELEDGER_{part.upper()}_{name}" in variables for _, name in _URLS)


def _ours_to_migrate() -> list[RunnablePart]:
    """Return the parts whose schema is brought up at start: all that the administrator's address in force reaches.

    A database that only a part's own address names is the operator's to migrate (`careledger db migrate`).
    """
    if "CARELEDGER_DATABASE_URL" in os.environ:
        return list(ALL_PARTS)
    return [part for part in ALL_PARTS if not _named(part.name, os.environ)]


@contextmanager
def _postgres(root: Path, variables: dict[str, str]) -> Iterator[None]:
    unnamed = [part for part in PARTS if not _named(part, variables)]
    if "CARELEDGER_DATABASE_URL" in variables or not unnamed:
        yield
        return
    postgres = Postgres(root)
    postgres.start()
    try:
        variables["CARELEDGER_DATABASE_URL"] = postgres.url
        base = make_url(postgres.url)
        for part in unnamed:
            for role, name in _URLS:
                url = base.set(username=f"{part}_{role}", database=f"careledger_{part}")
                variables[f"CARELEDGER_{part.upper()}_{name}"] = url.render_as_string(hide_password=False)
        yield
    finally:
        postgres.stop()


@contextmanager
def _nats(root: Path, variables: dict[str, str]) -> Iterator[None]:
    if "CARELEDGER_NATS_URL" in variables:
        yield
        return
    nats = Nats(root)
    nats.start()
    try:
        variables["CARELEDGER_NATS_URL"] = nats.url
        yield
    finally:
        nats.stop()


class PortTaken(Conflict):
    """Another program listens where we should."""

    rule = "port-taken"


class _ToldToStop(Exception):
    """A signal ended the server: what runs beside it ends too, in good order."""


async def serve(place: Deployment, *, port: int, ready: asyncio.Event | None = None) -> None:
    """Serve the deployment on 127.0.0.1 until cancelled or told to stop by a signal; any task that ends takes all with it.

    PortTaken says that another program has the port.
    """
    try:
        await _serve(place, _listen(port), ready)
    except* _ToldToStop:
        pass


def _listen(port: int) -> socket.socket:
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=2048)
        # who is accepted inherits it: an answer's head and body leave apart, and the body would wait 40 ms for an acknowledgement
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise PortTaken(f"port {port} of 127.0.0.1 is not to be had ({reason}): choose another by --port") from error


async def _serve(place: Deployment, listener: socket.socket, ready: asyncio.Event | None) -> None:
    async with AsyncExitStack() as stack:
        apps = {part.name: part.app(place.environment) for part in ALL_PARTS}
        for app in apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        config = uvicorn.Config(
            Dispatcher(apps),
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_keep_alive=30,
        )
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_until_told(server, listener))
            for part in ALL_PARTS:
                for name, task in part.background_tasks(place.environment).items():
                    tasks.create_task(_never_ending(task, f"{part.name} {name}"))
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
                await asyncio.sleep(0.01)
            if ready is not None:
                ready.set()


class Dispatcher:
    """Hands each request to the part that the one route table names; the apps keep their full paths."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"]
        steps = path.split("/", 3)
        internal = steps[2] if len(steps) > 3 and steps[1] == "internal" else ""
        await self._apps[internal if internal in self._apps else owner_of(path)](scope, receive, send)


async def _until_told(server: uvicorn.Server, listener: socket.socket) -> None:
    """Run the HTTP server, which takes the signals; _ToldToStop once it has ended by one, RuntimeError if it just ended."""
    await server.serve(sockets=[listener])
    raise _ToldToStop if server.should_exit else RuntimeError("server ended")


async def _never_ending(task: Coroutine[Any, Any, None], name: str) -> None:
    """Run a task that should never end; RuntimeError if it does."""
    await task
    raise RuntimeError(f"{name} ended")


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
