"""Work that time asks for, not a person or an event: round after round, for ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from shared.db.transaction import is_retryable, is_unreachable
from shared.kernel.errors import Unavailable
from shared.ops.cancellation import end_if_cancelled

_LONGEST_SECONDS = 30.0
_log = logging.getLogger(__name__)


async def repeat(name: str, seconds: float, work: Callable[[], Awaitable[int]]) -> None:
    """Do `work` every `seconds`; while a database or an EHR does not answer, ever more rarely.

    `work` returns how much it could not do; any error but those of waiting ends the process, as it should.
    """
    pause = seconds
    while True:
        try:
            undone = await work()
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_unreachable(error) or is_retryable(error)):
                raise
            _log.warning("round waits", extra={"round": name, "error": type(error).__name__})
            undone = 1
        pause = min(pause * 2, _LONGEST_SECONDS) if undone else seconds
        end_if_cancelled()
        await asyncio.sleep(pause)
