"""Loops that run for ever end when they are told to, even if a library lost the telling."""

import asyncio


def end_if_cancelled() -> None:
    """Raise CancelledError if this task was cancelled and goes on all the same; call it in each turn of an endless loop.

    On Python 3.11 `asyncio.wait_for` loses a cancellation that comes at the moment of its result, and the NATS client turns one
    into a timeout: a loop that waits inside a library would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
