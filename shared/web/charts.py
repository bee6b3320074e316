"""Charts, drawn on the server: a Vega-Lite specification becomes an SVG without script or style, in one worker process.

The worker keeps the renderer's memory out of the service; what was drawn is kept by its specification, since the same one always
gives the same picture. Browsers run no chart code, and the table beside a chart holds the same numbers.
"""

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

_FONTS = Path(__file__).parent / "static" / "fonts"
_KEPT = 256
_SIZE = re.compile(r"(<svg\b[^>]*?) width=\"[^\"]*\" height=\"[^\"]*\"")


class Charts:
    """Draws charts; `close` ends the worker, which starts with the first chart."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._drawn: OrderedDict[str, str] = OrderedDict()

    async def svg(self, spec: Mapping[str, Any]) -> str:
        """Return the picture of `spec` as SVG text, as wide as its place; hidden from readers: say its sentence beside it."""
        key = json.dumps(spec, sort_keys=True)
        if key not in self._drawn:
            self._drawn[key] = await self._draw(key)
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]

    async def _draw(self, text: str) -> str:
        try:
            return await self._ask(text)
        except BrokenProcessPool:  # the worker was killed: a new one takes over
            self.close()
            return await self._ask(text)

    async def _ask(self, text: str) -> str:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))
        return await asyncio.get_running_loop().run_in_executor(self._pool, draw, text)

    def close(self) -> None:
        """End the worker."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def draw(spec: str) -> str:
    """Draw one chart; runs in the worker, which alone imports the renderer."""
    import vl_convert

    if _FONTS not in _registered:
        vl_convert.register_font_directory(str(_FONTS))
        _registered.add(_FONTS)
    svg = vl_convert.vegalite_to_svg(json.loads(spec), vl_version="5.21")
    return _SIZE.sub(r'\1 aria-hidden="true" focusable="false"', svg, count=1)


_registered: set[Path] = set()
