"""Test harness: a relay over a memory store, on virtual time, with its agents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.answer_form import WHOLE, AnswerForm
from argybargy.domain.cursors import Since
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, Message
from argybargy.domain.names import room_key
from argybargy.domain.seat import Ear
from argybargy.domain.wake_policy import WAKE_AT_ONCE, WakePolicy
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import operator
from argybargy.relay.api.poll import PollAnswer, PollRequest, poll
from argybargy.relay.api.posting import PostDraft, PostOutcome, post_as
from argybargy.relay.clock import Clock, SettledClock
from argybargy.relay.lifecycle import open_relay
from argybargy.relay.notifications.registry import NotificationPlan
from argybargy.relay.nudges.call import Caller
from argybargy.relay.relay import Relay
from argybargy.store.memory.store import open_memory_store
from argybargy.store.protocol import Store

EPOCH_MS = 1_800_000_000_000
ROOM = room_key("build")


@attrs.define
class SettableClocks:
    """Machine clocks that follow Trio's; the wall clock can be set."""

    started_at: float = attrs.field(factory=trio.current_time)
    shift_seconds: float = 0
    slept_seconds: float = 0

    def clock(self) -> SettledClock:
        """Return a relay's clock over them."""
        return SettledClock(self.wall, self.elapsed)

    def elapsed(self) -> float:
        return trio.current_time() - self.started_at + self.slept_seconds

    def wall(self) -> float:
        return EPOCH_MS / 1000 + self.elapsed() + self.shift_seconds

    def right_ms(self) -> int:
        """Return what a clock that nobody has set would say."""
        return EPOCH_MS + round(self.elapsed() * 1000)

    def shift(self, seconds: float) -> None:
        """Set the wall clock to another time."""
        self.shift_seconds += seconds

    def sleep(self, seconds: float) -> None:
        """Let the machine sleep: time passes, but not for Trio."""
        self.slept_seconds += seconds


@attrs.define
class VirtualClock:
    """A wall clock that goes with Trio's; `shift_ms` is how long the machine slept."""

    started_at: float = attrs.field(factory=trio.current_time)
    shift_ms: int = 0

    def now(self) -> Instant:
        """Return this instant."""
        steady = trio.current_time()
        wall = EPOCH_MS + int((steady - self.started_at) * 1000) + self.shift_ms
        return Instant(wall, steady)


@attrs.define
class RelayHarness:
    """A relay, with shorthands for the requests of its agents."""

    relay: Relay
    clock: Clock
    clocks: SettableClocks

    async def guest(
        self, name: str, room: str = ROOM, lifetime_seconds: float | None = None
    ) -> CodeRecord:
        """Invite an agent that has made its first request."""
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
        """Post as an agent."""
        self.relay.first_seen(who, self.clock.now())
        return await post_as(
            self.relay, who, PostDraft(text, to, expects, reply_to, key)
        )

    async def poll(
        self,
        who: CodeRecord,
        since: int | Since | None = 0,
        wait: float = 0,
        limit: int = 100,
        policy: WakePolicy = WAKE_AT_ONCE,
        form: AnswerForm = WHOLE,
        ear: Ear | None = None,
    ) -> PollAnswer:
        """Poll as an agent; ``None`` resumes."""
        self.relay.first_seen(who, self.clock.now())
        start = Since.RESUME if since is None else since
        request = PollRequest(start, wait, limit, policy, form, ear)
        return await poll(self.relay, who, request)

    def parked(self, room: str = ROOM) -> int:
        """Count the polls that are parked."""
        live = self.relay.find_live(room)
        return 0 if live is None else len(live.polls)

    async def wait_parked(self, count: int, room: str = ROOM) -> None:
        """Wait until `count` polls are parked."""
        while self.parked(room) != count:
            await trio.lowlevel.checkpoint()


def texts(messages: tuple[Message, ...]) -> list[str]:
    """Return the texts of messages."""
    return [message.text for message in messages]


@asynccontextmanager
async def open_harness(
    limits: Limits | None = None,
    store: Store | None = None,
    clocks: SettableClocks | None = None,
    caller: Caller | None = None,
    plan: NotificationPlan | None = None,
) -> AsyncIterator[RelayHarness]:
    """Open a relay with no rate limits worth mentioning."""
    limits = limits or Limits(
        posts_per_window=0, reads_per_window=0, claims_per_window=0
    )
    clocks = clocks or SettableClocks()
    clock = clocks.clock()
    async with (
        open_memory_store() as memory,
        open_relay(store or memory, limits, clock, caller, plan) as relay,
    ):
        yield RelayHarness(relay, clock, clocks)
