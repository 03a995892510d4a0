"""A relay over memory, on virtual time, and people to put into it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from argybargy.domain.codes import CodeRecord
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, Message
from argybargy.domain.moment import Moment
from argybargy.relay import operator
from argybargy.relay.agents import PostDraft, PostOutcome, post_as
from argybargy.relay.directory import Invitation
from argybargy.relay.polling import PollAnswer, PollRequest, poll
from argybargy.relay.relay import Relay, open_relay
from argybargy.store.interface import Store
from argybargy.store.memory import open_memory_store

EPOCH_MS = 1_800_000_000_000
ROOM = "build"


@attrs.define
class VirtualClock:
    """A wall clock that goes with Trio's, and can be put forward and back."""

    started_at: float = attrs.field(factory=trio.current_time)
    shift_ms: int = 0

    def now(self) -> Moment:
        """Return this instant."""
        steady = trio.current_time()
        wall = EPOCH_MS + int((steady - self.started_at) * 1000) + self.shift_ms
        return Moment(wall, steady)


@attrs.define
class House:
    """A relay and shorthands for what its guests do."""

    relay: Relay
    clock: VirtualClock

    async def guest(
        self, name: str, room: str = ROOM, lifetime_seconds: float | None = None
    ) -> CodeRecord:
        """Let somebody in who has made a request already."""
        invitation = Invitation(room, name, lifetime_seconds=lifetime_seconds)
        (invited,) = await operator.invite(self.relay, [invitation])
        self.relay.first_seen(invited.record, self.clock.now())
        return invited.record

    async def code(self, name: str, room: str = ROOM) -> str:
        """Make a code and return it."""
        (invited,) = await operator.invite(self.relay, [Invitation(room, name)])
        return invited.code

    async def post(
        self,
        who: CodeRecord,
        text: str = "hello",
        to: tuple[str, ...] = TO_ALL,
        expects: str | None = None,
        reply_to: int | None = None,
        key: str | None = None,
    ) -> PostOutcome:
        """Say something."""
        self.relay.first_seen(who, self.clock.now())
        return await post_as(
            self.relay, who, PostDraft(text, to, expects, reply_to, key)
        )

    async def poll(
        self, who: CodeRecord, since: int | None = 0, wait: float = 0, limit: int = 100
    ) -> PollAnswer:
        """Listen."""
        self.relay.first_seen(who, self.clock.now())
        return await poll(self.relay, who, PollRequest(since, wait, limit))

    def parked(self, room: str = ROOM) -> int:
        """Count the polls that are parked."""
        live = self.relay.find_live(room)
        return 0 if live is None else len(live.polls)

    async def wait_parked(self, count: int, room: str = ROOM) -> None:
        """Wait until so many polls are parked."""
        while self.parked(room) != count:
            await trio.lowlevel.checkpoint()


def texts(messages: tuple[Message, ...]) -> list[str]:
    """Return what was said."""
    return [message.text for message in messages]


@asynccontextmanager
async def open_house(
    limits: Limits | None = None, store: Store | None = None
) -> AsyncIterator[House]:
    """Open a relay with no rate limits worth mentioning."""
    limits = limits or Limits(
        posts_per_window=0, reads_per_window=0, claims_per_window=0
    )
    clock = VirtualClock()
    async with (
        open_memory_store() as memory,
        open_relay(store or memory, limits, clock) as relay,
    ):
        yield House(relay, clock)
