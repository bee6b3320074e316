"""Starts `careledger …` processes by forking one that has imported everything: a kill costs a fork, not seconds of imports.

Reads a line of JSON for each process (`words`, `log`), answers with its pid, ends with its input; its children die with it.
"""

import asyncio
import ctypes
import gc
import json
import os
import signal
import sys
import traceback
from contextlib import AsyncExitStack
from pathlib import Path

import uvicorn

from services.cli import main
from services.embedded import Dispatcher
from services.parts import ALL_PARTS
from shared.ops.environment import Environment

_PR_SET_PDEATHSIG = 1


def serve_doors(port: int) -> None:
    """Serve the four apps at one origin, with nothing beside them."""
    apps = {part.name: part.app(Environment()) for part in ALL_PARTS}

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            config = uvicorn.Config(
                Dispatcher(apps), host="127.0.0.1", port=port, lifespan="off", access_log=False, log_config=None
            )
            await uvicorn.Server(config).serve()

    asyncio.run(serve())


def _run(words: list[str], log: str) -> int:
    """Be the process that was asked for, to its end."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(written, stream.fileno())
    try:
        if words[0] == "doors":
            serve_doors(int(words[1]))
            return 0
        sys.argv = ["careledger", *words]
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    return 1


def nurse() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.close(0)
            os._exit(_run(asked["words"], asked["log"]))
        print(pid, flush=True)


if __name__ == "__main__":
    assert Path("services").is_dir(), "run from the checkout"
    nurse()
