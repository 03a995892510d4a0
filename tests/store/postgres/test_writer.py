"""The queue of the writer."""

from collections.abc import Callable
from typing import cast

import pytest
import trio
import trio.testing

from argybargy.store.corruption import CorruptionSignal
from argybargy.store.errors import Refused, Unknown
from argybargy.store.postgres.connection import Link
from argybargy.store.postgres.writer import Writer, open_writer
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


class FakeConnection:
    """A connection to a server that does whatever it is told."""

    closed = False

    def execute(self, _statement: str) -> None:
        pass


class LateLink:
    """A link whose call is given up in the moment in which the server answers."""

    async def run(self, work: Callable[..., object], *args: object) -> object:
        work(FakeConnection(), *args)
        await trio.lowlevel.checkpoint()
        raise Refused("PostgreSQL did not answer in time")


async def test_a_commit_whose_answer_came_too_late_is_in_doubt() -> None:
    async with open_writer(cast("Link", LateLink())) as writer:
        with pytest.raises(Unknown):
            await writer.write(lambda _: None)
