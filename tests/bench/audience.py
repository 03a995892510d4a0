"""Readers with a poll parked, and whether what they were promised reached them."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import attrs
import trio

from bench.client import Agent, Message
from bench.ledger import Ledger, Tally, tally_all
from bench.load import FAILURES, read_rest

# Short, so that a poll that missed its wake-up ends, and shows what it lost.
SHORT_WAIT_SECONDS = 3
# How long a message may take to its reader before the row goes on without it.
PATIENCE_SECONDS = 1.0


@attrs.define
class Audience:
    """Readers that keep a poll parked, and the account of each.

    Attributes:
        readers: The agents.
        wait_seconds: How long each poll may be parked.
        ending_seconds: How long polls may take to end when the row is over. A poll
            that is cancelled can hide a loss, as its cursor never arrives.
        ledgers: Theirs, in the same order.
        polls: How many polls were answered.
        failed: How many were not.
        late: Messages that were not with their reader when patience ended: wake-ups
            that were lost, whether or not the message came in the end.
        latencies_seconds: From :meth:`announce` of a message to each arrival of it.
    """

    readers: Sequence[Agent]
    wait_seconds: int = SHORT_WAIT_SECONDS
    ending_seconds: float = SHORT_WAIT_SECONDS + PATIENCE_SECONDS
    ledgers: tuple[Ledger, ...] = attrs.field(init=False)
    polls: int = attrs.field(default=0, init=False)
    failed: int = attrs.field(default=0, init=False)
    late: int = attrs.field(default=0, init=False)
    _is_over: bool = attrs.field(default=False, init=False)
    latencies_seconds: list[float] = attrs.field(factory=list, init=False)
    _announced: dict[str, float] = attrs.field(factory=dict, init=False)
    _on_arrival: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        """Open an account for each reader."""
        self.ledgers = tuple(Ledger() for _ in self.readers)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keep the polls parked inside the block; afterwards read what is left."""
        pairs = tuple(zip(self.readers, self.ledgers, strict=True))
        async with trio.open_nursery() as nursery:
            for reader, ledger in pairs:
                nursery.start_soon(self._listen, reader, ledger)
            yield
            self._is_over = True
            nursery.cancel_scope.deadline = trio.current_time() + self.ending_seconds
        async with trio.open_nursery() as nursery:
            for reader, ledger in pairs:
                nursery.start_soon(read_rest, reader, ledger)

    def announce(self, text: str) -> None:
        """Note that ``text`` is about to be posted."""
        self._announced[text] = trio.current_time()

    async def wait_seen(self, text: str, ledgers: Iterable[Ledger]) -> None:
        """Wait until all ``ledgers`` have ``text``; those that do not get it are late.

        Takes at most :data:`PATIENCE_SECONDS`.
        """
        missing = list(ledgers)
        with trio.move_on_after(PATIENCE_SECONDS):
            while missing := [each for each in missing if text not in each.seen]:
                await self._on_arrival.wait()
        self.late += len(missing)

    def tally(self) -> Tally:
        """Return what was lost and doubled on the way to all readers."""
        return tally_all(self.ledgers)

    async def _listen(self, reader: Agent, ledger: Ledger) -> None:
        while not self._is_over:
            try:
                messages = await reader.poll(self.wait_seconds)
            except FAILURES:
                self.failed += 1
                await trio.sleep(PATIENCE_SECONDS)
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
