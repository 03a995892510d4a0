"""Batches of commands are bounded."""

import trio
import trio.testing

from argybargy.domain.limits import Limits
from support.paused_store import BEFORE, COMMIT, staged_store
from support.relay import open_harness


async def test_the_size_of_a_batch_is_bounded(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    limits = Limits(posts_per_window=0, batch_commands=2)
    async with open_harness(limits, store) as harness:
        alice, before = await harness.guest("alice"), store.committed
        stop = store.stop(COMMIT, BEFORE)
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(harness.post, alice, str(number))
                await trio.testing.wait_all_tasks_blocked()
            stop.release()
        assert store.committed - before == 3, "1 that was held, 2, and 2"
        assert (await harness.post(alice, "next")).message.seq == 6
