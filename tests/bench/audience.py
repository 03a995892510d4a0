"""Readers with parked polls, and the messages that they missed or got twice."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Self

import attrs
import trio

from bench.client import Agent, Message
from bench.ledger import Ledger, Tally, tally_all
from bench.load import FAILURES, read_rest
from bench.sizes import Sizes

# Longer than the duration of a row.
LONG_WAIT_SECONDS = 20


@attrs.define
class Audience:
    """Readers that keep a poll parked, each with a delivery record.

    Attributes:
        readers: The agents.
        wait_seconds: Maximum time for which each poll is parked.
        patience_seconds: Time after which an undelivered message counts as late.
        ending_seconds: Maximum wait, at the end of a row, for readers with missing
            messages. Cancelling their polls at once could hide a loss, since the
            cursor of a cancelled poll never arrives.
        ledgers: Delivery records, in the order of the readers.
        polls: Number of answered polls.
        failed: Number of failed polls.
        late: Number of messages not delivered in time, that is of lost wake-ups,
            even if the message was delivered later.
        latencies_seconds: Time from :meth:`announce` of a message to each delivery.
    """

    readers: Sequence[Agent]
    wait_seconds: int
    patience_seconds: float
    ending_seconds: float
    ledgers: tuple[Ledger, ...] = attrs.field(init=False)
    polls: int = attrs.field(default=0, init=False)
    failed: int = attrs.field(default=0, init=False)
    late: int = attrs.field(default=0, init=False)
    latencies_seconds: list[float] = attrs.field(factory=list, init=False)
    _announced: dict[str, float] = attrs.field(factory=dict, init=False)
    _on_arrival: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        """Create a delivery record for each reader."""
        self.ledgers = tuple(Ledger() for _ in self.readers)

    @classmethod
    def polling_briefly(cls, readers: Sequence[Agent], sizes: Sizes) -> Self:
        """Return readers with short polls.

        A poll with a missed wake-up ends soon, and its cursor shows whether the message
        was skipped.
        """
        wait, patience = sizes.wait_seconds, sizes.patience_seconds
        return cls(readers, wait, patience, wait + patience)

    @classmethod
    def polling_long(cls, readers: Sequence[Agent], sizes: Sizes) -> Self:
        """Return readers whose polls outlast a row."""
        return cls(readers, LONG_WAIT_SECONDS, sizes.patience_seconds, 0.0)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keep polls parked inside the block; read remaining messages after it."""
        pairs = tuple(zip(self.readers, self.ledgers, strict=True))
        async with trio.open_nursery() as nursery:
            for reader, ledger in pairs:
                nursery.start_soon(self._listen, reader, ledger)
            yield
            await self._wait_complete()
            nursery.cancel_scope.cancel()
        async with trio.open_nursery() as nursery:
            for reader, ledger in pairs:
                nursery.start_soon(read_rest, reader, ledger)

    def announce(self, text: str) -> None:
        """Record the time at which ``text`` is posted."""
        self._announced[text] = trio.current_time()

    async def wait_seen(self, text: str, ledgers: Iterable[Ledger]) -> None:
        """Wait until ``text`` is in all ``ledgers``; count the missing ones as late.

        Waits at most ``patience_seconds``.
        """
        missing = list(ledgers)
        with trio.move_on_after(self.patience_seconds):
            while missing := [each for each in missing if text not in each.seen]:
                await self._on_arrival.wait()
        self.late += len(missing)

    def tally(self) -> Tally:
        """Return the number of lost and doubled deliveries over all readers."""
        return tally_all(self.ledgers)

    async def _wait_complete(self) -> None:
        with trio.move_on_after(self.ending_seconds):
            while self.tally().lost:
                await self._on_arrival.wait()

    async def _listen(self, reader: Agent, ledger: Ledger) -> None:
        while True:
            try:
                messages = await reader.poll(self.wait_seconds)
            except FAILURES:
                self.failed += 1
                await trio.sleep(self.patience_seconds)
                continue
            self.polls += 1
            self._arrive(messages, ledger)

    def _arrive(self, messages: Sequence[Message], ledger: Ledger) -> None:
        now = trio.current_time()
        ledger.see(messages)
        began = (self._announced.get(message.text) for message in messages)
        self.latencies_seconds += [now - at for at in began if at is not None]
        self._on_arrival.set()
        self._on_arrival = trio.Event()
