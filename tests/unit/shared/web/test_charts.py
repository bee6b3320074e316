"""Charts are drawn by one worker: the same picture for the same specification, and a new worker where one was killed."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import services
from shared.web.charts import Charts

SPEC = Path(services.__file__).parent / "billing" / "entrypoints" / "charts" / "bars.vl.json"


def _spec(height: int) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(SPEC.read_text("utf-8"))
    spec["data"] = {"values": [{"m": "Nov", "s": "Measured", "v": height, "o": 0}]}
    return spec


async def test_a_killed_worker_is_replaced_and_pictures_repeat_themselves() -> None:
    charts = Charts()
    try:
        first = await charts.svg(_spec(30))
        assert first.startswith("<svg")
        assert "width=" not in first.split(">", 1)[0]
        assert 'aria-hidden="true"' in first.split(">", 1)[0]
        pool = charts._pool
        assert pool is not None
        (worker,) = pool._processes or {}
        os.kill(worker, signal.SIGKILL)
        assert await charts.svg(_spec(31)) != first
        assert charts._pool is not pool
        fresh = Charts()
        assert await fresh.svg(_spec(30)) == first
        fresh.close()
    finally:
        charts.close()
