"""The queue of the writer."""

import trio
import trio.testing

from argybargy.store.corruption import CorruptionSignal
from argybargy.store.errors import Refused
from argybargy.store.postgres.connection import Link
from argybargy.store.postgres.writer import Writer
from argybargy.store.write_queue import QUEUE_JOBS


async def test_more_writes_than_the_queue_holds_are_refused() -> None:
    """Nothing takes them from the queue: no writer runs."""
    link = Link("postgresql:///none", trio.CapacityLimiter(1), CorruptionSignal(), ())
    writer, refused = Writer(link), []

    async def write() -> None:
        try:
            await writer.write(lambda _: None)
        except Refused as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(QUEUE_JOBS + 3):
            nursery.start_soon(write)
        await trio.testing.wait_all_tasks_blocked()
        assert len(refused) == 3
        nursery.cancel_scope.cancel()
