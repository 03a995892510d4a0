"""Readers with a poll parked, and whether what they were promised reached them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Self

import attrs
import trio

from bench.client import Agent, Message
from bench.ledger import Ledger, Tally, tally_all
from bench.load import FAILURES, read_rest
from bench.sizes import Sizes

# Longer than a row lasts.
LONG_WAIT_SECONDS = 20


@attrs.define
class Audience:
    """Readers that keep a poll parked, and the account of each.

    Attributes:
        readers: The agents.
        wait_seconds: How long each poll may be parked.
        patience_seconds: How long a message may take before it is late.
        ending_seconds: How long to wait, when the row is over, for a reader that
            still misses something. A poll that is cancelled can hide a loss, as its
            cursor never arrives.
        ledgers: Theirs, in the same order.
        polls: How many polls were answered.
        failed: How many were not.
        late: Messages that were not with their reader when patience ended: wake-ups
            that were lost, whether or not the message came in the end.
        latencies_seconds: From :meth:`announce` of a message to each arrival of it.
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
        """Open an account for each reader."""
        self.ledgers = tuple(Ledger() for _ in self.readers)

    @classmethod
    def polling_briefly(cls, readers: Sequence[Agent], sizes: Sizes) -> Self:
        """Return readers whose polls end soon after a missed wake-up.

        So it shows what is lost with it: the next cursor is behind the message.
        """
        wait, patience = sizes.wait_seconds, sizes.patience_seconds
        return cls(readers, wait, patience, wait + patience)

    @classmethod
    def polling_long(cls, readers: Sequence[Agent], sizes: Sizes) -> Self:
        """Return readers whose polls do not end by themselves while a row runs."""
        return cls(readers, LONG_WAIT_SECONDS, sizes.patience_seconds, 0.0)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keep the polls parked inside the block; afterwards read what is left."""
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
        """Note that ``text`` is about to be posted."""
        self._announced[text] = trio.current_time()

    async def wait_seen(self, text: str, ledgers: Iterable[Ledger]) -> None:
        """Wait until all ``ledgers`` have ``text``; those that do not get it are late.

        Takes at most ``patience_seconds``.
        """
        missing = list(ledgers)
        with trio.move_on_after(self.patience_seconds):
            while missing := [each for each in missing if text not in each.seen]:
                await self._on_arrival.wait()
        self.late += len(missing)

    def tally(self) -> Tally:
        """Return what was lost and doubled on the way to all readers."""
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
