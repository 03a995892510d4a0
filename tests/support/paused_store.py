"""A memory store with breakpoints, for tests of the order of events."""

from collections import defaultdict
from collections.abc import Sequence

import attrs
import trio

from argybargy.domain.names import PeerKey
from argybargy.domain.pages import Page
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Write
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore

LOAD, COMMIT, PAGE = "load", "commit", "page"
BEFORE, AFTER = "before", "after"


@attrs.define
class Stop:
    """A breakpoint: one call of a store, suspended until released."""

    reached: trio.Event = attrs.field(factory=trio.Event)
    may_go: trio.Event = attrs.field(factory=trio.Event)

    async def wait_reached(self) -> None:
        with trio.fail_after(1_000):
            await self.reached.wait()

    def release(self) -> None:
        self.may_go.set()


@attrs.define(eq=False)
class StagedStore(MemoryStore):
    """A memory store with breakpoints before and after load, commit and page.

    Attributes:
        pages: Number of calls of `page`.
        committed: Number of applied commits.
    """

    pages: int = 0
    committed: int = 0
    _stops: dict[tuple[str, str], list[Stop]] = attrs.field(
        factory=lambda: defaultdict(list)
    )

    def stop(self, call: str, side: str) -> Stop:
        """Suspend the next such call, before its effect or after it."""
        stop = Stop()
        self._stops[call, side].append(stop)
        return stop

    async def _pass(self, call: str, side: str) -> None:
        if self._stops[call, side]:
            stop = self._stops[call, side].pop(0)
            stop.reached.set()
            await stop.may_go.wait()

    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        await self._pass(LOAD, BEFORE)
        saved = await super().load(room, tail_messages)
        await self._pass(LOAD, AFTER)
        return saved

    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        await self._pass(COMMIT, BEFORE)
        await super().commit(
            room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
        )
        self.committed += 1
        await self._pass(COMMIT, AFTER)

    async def page(
        self, room: str, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page:
        self.pages += 1
        await self._pass(PAGE, BEFORE)
        page = await super().page(room, reader, after, limit, max_bytes)
        await self._pass(PAGE, AFTER)
        return page


def staged_store() -> StagedStore:
    return StagedStore(DEFAULT_LIMITS)
