"""The relay: finds or starts the task of a room, and looks after what lives.

The mutable state is the registry of live rooms; everything else belongs to a part of
its own. Which rooms there are, and how each is spelled, the board knows: a room tells
it as it publishes, whether or not somebody still waits for the answer.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import attrs
import structlog
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.names import RESERVED_PEER_NAMES, PeerKey, fold, peer_key
from argybargy.domain.room.commands import Command
from argybargy.domain.roster import member_names
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.access.room_quota import RoomQuota
from argybargy.relay.api.turns import Turns
from argybargy.relay.clock import Clock, system_clock
from argybargy.relay.data_loss import end_when_lost
from argybargy.relay.offboarding import Offboarding
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES, Overview
from argybargy.relay.overview.room_view import RoomViewer
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.readiness import Readiness
from argybargy.relay.retention import give_up_surplus
from argybargy.relay.room.context import RoomContext
from argybargy.relay.room.delivery_report import describe_delivery
from argybargy.relay.room.inbox import CommandOutcome
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.statistics import RelayCounters, RelayStatistics
from argybargy.relay.store_errors import as_relay_error
from argybargy.relay.write_behind import WriteBehind
from argybargy.store.errors import StoreError
from argybargy.store.protocol import Store

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 2.0
"""How often cursors and notes are stored and idle rooms let go."""
CLOSE_SECONDS: Final = 10.0
"""How long room tasks may take to finish what they have when the relay closes."""
_CRASH_WINDOW_SECONDS: Final = 60.0


@attrs.define(eq=False)
class Relay:
    """All rooms of one store. Made by :func:`open_relay`.

    Attributes:
        store: Where everything lasts.
        limits: What is allowed.
        clock: The time.
        directory: The codes.
        presence: Who was here when.
        ledger: What is stored a little later.
        readiness: Whether storing works.
        started_at: When the relay was opened, on the steady clock.
        watchers: Who wants to know of every change.
        quota: How many rooms may hold messages.
        board: What the operator sees.
        tally: What has happened so far, in numbers.
        searches: Whose turn it is to search.
        is_draining: Whether polls are being sent home.
    """

    store: Store
    limits: Limits
    clock: Clock
    codes: CodeRegistry
    presence: Presence
    write_behind: WriteBehind
    readiness: Readiness
    started_at: float
    watchers: Watchers
    _nursery: trio.Nursery
    overview: Overview = attrs.field(init=False)
    counters: RelayCounters = attrs.field(init=False, factory=RelayCounters)
    _services: RoomContext = attrs.field(init=False)
    _offboarding: Offboarding = attrs.field(init=False)
    quota: RoomQuota = attrs.field(init=False)
    searches: Turns = attrs.field(init=False)
    _live: dict[str, LiveRoom] = attrs.field(factory=dict)
    _is_closed: bool = False
    is_draining: bool = False

    def __attrs_post_init__(self) -> None:
        self.quota = RoomQuota(self.limits.rooms)
        self.searches = Turns(self.limits.searches_per_peer)
        viewer = RoomViewer(
            self.codes, self.presence, self.parked_peers, self.limits.online_seconds
        )
        self.overview = Overview(viewer, self.watchers)
        self._services = RoomContext(
            store=self.store,
            clock=self.clock,
            limits=self.limits,
            quota=self.quota,
            write_behind=self.write_behind,
            describe_delivery=partial(
                describe_delivery,
                presence=self.presence,
                codes=self.codes,
                watchers=self.watchers,
                clock=self.clock,
            ),
            publish=self.overview.publish,
            reread=self.overview.reread,
            counters=self.counters,
        )
        self._offboarding = Offboarding(
            self.codes, self.presence, self.find_live, self.ask
        )

    def __repr__(self) -> str:
        return f"<Relay {self.statistics()}>"

    def statistics(self) -> RelayStatistics:
        """Return the relay in numbers."""
        parked = sum(len(room.polls) for room in self._live.values())
        return RelayStatistics(len(self._live), parked, len(self.codes))

    # -- rooms -----------------------------------------------------------------

    async def load(self) -> None:
        """Learn of all rooms, and the codes."""
        overview = await self.store.overview()
        recent = await self.store.recent(None, OVERVIEW_MESSAGES)
        self.overview.load(overview, recent, self.clock.now())
        self.quota.fill(room.status.name for room in overview.rooms if room.head)
        await self.codes.load(self.clock.now())

    def spelling(self, room: str) -> str:
        """Return how a room is called: as it was first spelled, or as given."""
        card = self.overview.cards.get(fold(room))
        return room if card is None else card.summary.status.name

    def knows(self, room: str) -> bool:
        """Tell whether there is such a room."""
        return fold(room) in self.overview.cards

    async def live(self, room: str) -> LiveRoom:
        """Return a room, loaded, starting its task if need be.

        There is no checkpoint between the return and the caller's next step, and
        the janitor runs in a task of its own: what is returned is in the registry.

        Raises:
            RelayError: It cannot be loaded, or is set aside.
        """
        live = self._live.get(fold(room))
        if live is None:
            if self._is_closed:
                raise RelayError(Problem.DRAINING, retry_after=1)
            live = LiveRoom.make(self.spelling(room), self._services)
            self._live[fold(room)] = live
            self._nursery.start_soon(partial(self._host, live))
        if not live.is_loaded:
            await live.wait_loaded()
        live.check()
        live.is_used = True
        return live

    def find_live(self, room: str) -> LiveRoom | None:
        """Return a room if it is in memory."""
        return self._live.get(fold(room))

    async def ask(
        self, room: str, command: Command, code: CodeRecord | None = None
    ) -> CommandOutcome:
        """Hand a command to a room and wait for what comes of it.

        Args:
            room: Which.
            command: What is asked.
            code: The code of the agent that asks. It is looked at once more here,
                with no checkpoint before the command is in the inbox: what comes
                after a revocation is refused, what came before is dismissed by it.

        Raises:
            RelayError: The room said no, or cannot say anything.
        """
        live = await self.live(room)
        if code is not None and not self.codes.is_live(code, self.clock.now()):
            raise RelayError(Problem.UNAUTHORIZED)
        return await live.ask(command)

    # -- names -----------------------------------------------------------------

    def members(self, live: LiveRoom) -> tuple[str, ...]:
        """Return the names of a room's members, each once.

        Made anew only when somebody has joined or left since.
        """
        version, posted = self.codes.version, live.room.members
        cached = live.members
        if cached is None or cached[0] != version or cached[1] is not posted:
            now, room = self.clock.now(), fold(live.name)
            names = member_names(
                self.codes.live_codes(room, now),
                self.codes.lapsed(room, now),
                posted,
            )
            cached = live.members = (version, posted, names)
        return cached[2]

    async def speller(self, room: str) -> Callable[[str], str]:
        """Return what turns a name in any spelling into the one in use in a room."""
        members = (await self.live(room)).room.members

        def spell(name: str) -> str:
            key = peer_key(name)
            if key in RESERVED_PEER_NAMES:
                return key
            member = members.get(key)
            known = self.codes.spelling(fold(room), name)
            return known or (member.name if member else name)

        return spell

    # -- tasks -----------------------------------------------------------------

    async def _host(self, live: LiveRoom) -> None:
        """Run a room task; start it again when it crashes, but not for ever."""
        crashes: deque[float] = deque(maxlen=self.limits.room_crashes_per_minute)
        while True:
            try:
                await live.run()
            except trio.Cancelled:
                live.close()  # some who wait for an answer do so behind a shield
                unknown = RelayError(Problem.STORAGE_UNKNOWN, retry_after=1)
                live.fail(unknown, for_good=True)
                raise
            except StoreError as error:
                log.warning("room not loaded", room=live.name, reason=str(error))
                self._live.pop(fold(live.name), None)
                live.fail(as_relay_error(error), for_good=True)
                return
            except Exception:
                log.exception("room task crashed", room=live.name)
                live.fail(RelayError(Problem.INTERNAL))
            else:
                return
            crashes.append(self.clock.now().steady_seconds)
            is_full = len(crashes) == crashes.maxlen
            if is_full and crashes[-1] - crashes[0] < _CRASH_WINDOW_SECONDS:
                log.error("room set aside", room=live.name, crashes=len(crashes))
                failure = RelayError(Problem.ROOM_UNAVAILABLE, retry_after=60)
                live.fail(failure, for_good=True)
                return

    # -- keeping house ---------------------------------------------------------

    async def run_housekeeping(self) -> None:
        """Store what is late, let go of what is idle, until cancelled."""
        while True:
            await trio.sleep(TICK_SECONDS)
            await self.tick()

    async def tick(self) -> None:
        """Do one round of housekeeping; what the store refuses, the next one does."""
        now = self.clock.now()
        self._evict(now)
        self.presence.sweep(now.steady_seconds)
        self.overview.tick(now)
        try:
            await self.codes.resolve_doubt()
            await self.codes.correct(now)
            self.codes.tick(now)
            await self._offboarding.catch_up(now)
            await give_up_surplus(self.overview, self.limits, self.ask)
            await self.codes.remove_stale(now)
            await self.write_behind.flush()
            await self.store.sweep()
        except StoreError as error:
            log.warning("housekeeping waits for the store", reason=str(error))

    def _evict(self, now: Instant) -> None:
        oldest = now.steady_seconds - self.limits.live_room_seconds
        for key, live in list(self._live.items()):
            if live.is_used:
                live.is_used, live.used_at = False, now.steady_seconds
            elif live.used_at < oldest and live.is_idle:
                del self._live[key]
                live.close()

    async def dismiss(self, record: CodeRecord) -> None:
        """Let the holder of a code go who has no valid one any more.

        See :meth:`Offboarding.dismiss`.
        """
        await self._offboarding.dismiss(record.peer, self.clock.now())

    def refuse_secrets(self, *texts: str) -> None:
        """Refuse what gives away a code that would open a room.

        Raises:
            RelayError: ``contains_secret``.
        """
        now = self.clock.now()
        if self.codes.contains_live_code("\n".join(texts), now):
            raise RelayError(Problem.CONTAINS_SECRET)

    def wake_peer(self, record: CodeRecord) -> None:
        """Let the parked polls of a peer look whether their code is still good."""
        live = self.find_live(record.room)
        if live is not None:
            live.polls.wake_peer(record.peer.name)

    def first_seen(self, record: CodeRecord, now: Instant) -> bool:
        """Note a request; True when this process sees the peer for the first time."""
        return self.presence.arrive(record.peer, record.name, now.steady_seconds)

    def parked_peers(self, room: str) -> frozenset[PeerKey]:
        """Return the folded names of those who have a poll parked in a room."""
        live = self.find_live(room)
        return frozenset() if live is None else live.polls.parked_peers()

    def drain(self) -> None:
        """Send every parked poll home with an answer; let nobody park any more.

        Those who watch are woken, to see it and leave.
        """
        self.is_draining = True
        self.watchers.wake()
        for live in self._live.values():
            live.polls.wake_all()

    async def wait_unparked(self) -> None:
        """Wait until no poll is parked any more; the caller sets the deadline."""
        for live in list(self._live.values()):
            await live.polls.wait_empty()

    def close(self) -> None:
        """Take no more commands; each room task ends when it has done what it has."""
        self._is_closed = True
        self.drain()
        for live in self._live.values():
            live.close()
        self._live.clear()


@asynccontextmanager
async def open_relay(
    store: Store, limits: Limits, clock: Clock | None = None
) -> AsyncIterator[Relay]:
    """Open a relay over a store.

    When the block ends, commands that rooms have taken are still carried out and
    answered, for up to :data:`CLOSE_SECONDS`. When it is cancelled or fails, rooms
    are stopped where they are; the store applies a commit whole or not at all.

    Raises:
        StoreError: The store could not be read.
        Corrupt: What is stored was lost, in a group.
    """
    clock, watchers = clock or system_clock(), Watchers()
    async with trio.open_nursery() as rooms:
        relay = Relay(
            store=store,
            limits=limits,
            clock=clock,
            codes=CodeRegistry(store, limits, watchers.touch),
            presence=Presence(limits, watchers.touch),
            write_behind=WriteBehind(store),
            readiness=Readiness(store, clock),
            started_at=clock.now().steady_seconds,
            watchers=watchers,
            nursery=rooms,
        )
        await relay.load()
        async with trio.open_nursery() as housekeeping:
            housekeeping.start_soon(relay.run_housekeeping)
            housekeeping.start_soon(end_when_lost, store, relay.readiness)
            try:
                yield relay
            finally:
                housekeeping.cancel_scope.cancel()
        rooms.cancel_scope.deadline = trio.current_time() + CLOSE_SECONDS
        relay.close()
    try:
        await relay.write_behind.flush()
    except StoreError as error:
        log.warning("notes were not stored", reason=str(error))
