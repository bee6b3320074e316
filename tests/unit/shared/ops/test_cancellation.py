"""A task that was told to end and lost the telling ends at its next turn; one that was not told goes on."""

import asyncio

import pytest

from shared.ops.cancellation import end_if_cancelled


async def test_a_lost_cancellation_ends_the_loop_at_its_next_turn() -> None:
    turns = 0

    async def loop() -> None:
        nonlocal turns
        while True:
            end_if_cancelled()
            turns += 1
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue  # as a library does that loses it

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert turns == 1


async def test_a_task_that_was_not_cancelled_goes_on() -> None:
    end_if_cancelled()
    assert asyncio.current_task() is not None
