"""The other nodes of a shared store: what they are, who is present, and which leads.

Every two seconds a node stores who has polled or parked here since, reads the same of
the others, and asks whether it leads. The node that leads does what must be done once:
housekeeping of the store, calls of wake hooks, and notifications. It leads for
:data:`~argybargy.store.protocol.NODE_SECONDS` at a time, and counts fewer itself, so
that it has stopped before another node begins.

It also tells the others about itself, and logs what is wrong between them: limits that
differ, and a clock far from that of the store.

On the only node of a store there is no round, and that node leads.
"""

from math import inf
from typing import Final

import attrs
import trio

from argybargy.domain.instant import Instant
from argybargy.domain.names import OPERATOR, PeerKey, RoomKey
from argybargy.domain.nodes import NodeRecord, different_limits
from argybargy.domain.seat import SharedSeat
from argybargy.domain.wake_policy import WAKE_AT_ONCE
from argybargy.relay.access.presence import Presence, PresenceRecord
from argybargy.relay.clock import Clock
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.room.registry import LiveRooms
from argybargy.relay.store_errors import FailureLog
from argybargy.store.errors import StoreError
from argybargy.store.protocol import NODE_SECONDS, NodeStore
from argybargy.system.logs import get_logger
from argybargy.system.values import define

log = get_logger(__name__)

SHARE_SECONDS: Final = 2.0
"""Pause between two rounds."""
LEAD_SECONDS: Final = NODE_SECONDS - 2.0
"""Time for which this node trusts that it leads. Less than the store gives it."""
CHORES: Final = "chores"
"""The duty to do what one node does for all."""
OPERATOR_ROOM: Final = RoomKey("")
"""The room in which nodes share whether the operator is watching."""
OPERATOR_SEAT: Final = (OPERATOR_ROOM, OPERATOR)
"""The key of the operator's seat."""
SEATS_AT_ONCE: Final = 200
"""Seats looked at between two checkpoints."""
FAR_MS: Final = 2_000
"""Difference to the store's clock from which on it is logged."""
_SAME_MS: Final = 500
"""Difference below which two times are the same: the two clocks drift apart."""


@define(eq=False, kw_only=True)
class Nodes:
    """Shares presence with the other nodes, and knows whether this node leads.

    Mutable state: the seats as they were last shared, bounded by the peers that are
    present, and when; whether the store may have forgotten them; the end of the time
    that this node leads for; the other nodes, and what was logged about them.

    Attributes:
        store: The store.
        presence: The latest requests of peers.
        rooms: The rooms in memory.
        watchers: The operator's open streams.
        clock: The relay's clock.
        me: This node, as it was when it started.
        failures: Logs what the store could not do.
        is_shared: Whether other nodes use the store as well.
        others: The other nodes, as of the last round that reached the store.
    """

    store: NodeStore
    presence: Presence
    rooms: LiveRooms
    watchers: Watchers
    clock: Clock
    me: NodeRecord
    failures: FailureLog
    is_shared: bool
    others: tuple[NodeRecord, ...] = ()
    _shared: dict[tuple[RoomKey, PeerKey], SharedSeat] = attrs.field(factory=dict)
    _shared_at: float = -inf
    _must_share_all: bool = False
    _clock_ms: int | None = None
    _is_clock_logged: bool = False
    _differing: frozenset[str] = frozenset()
    _leads_until: float = -inf
    _is_doubtful: bool = False

    @property
    def is_leading(self) -> bool:
        """Whether this node does what one node does for all."""
        return not self.is_shared or trio.current_time() < self._leads_until

    @property
    def may_be_leading(self) -> bool:
        """Whether it led when the store was last reached.

        While it cannot be reached, the node that led tells the operator so.
        """
        return self.is_leading or self._is_doubtful

    @property
    def node(self) -> str:
        """The name of this node, as in its nonces."""
        return self.me.id

    def record(self) -> NodeRecord:
        """Return what this node says of itself now."""
        return attrs.evolve(
            self.me,
            parked=self.rooms.count_polls(),
            is_leading=self.is_leading,
            clock_ms=self._clock_ms,
        )

    async def run(self) -> None:
        """Share presence, and ask who leads, until cancelled."""
        while True:
            await trio.sleep(SHARE_SECONDS)
            await self.round()

    async def round(self) -> None:
        """Share presence, and ask who leads; what fails is tried in the next round."""
        led = self.may_be_leading
        try:
            asked_at = trio.current_time()
            if await self.store.lead(self.node, CHORES):
                self._leads_until = asked_at + LEAD_SECONDS
            else:
                self._leads_until = -inf
            self._is_doubtful = False
            await self._share()
            await self._meet()
        except StoreError as error:
            self._is_doubtful = led
            self._must_share_all = True
            self.failures.note("", error)

    async def leave(self) -> None:
        """Hand over to the other nodes, before this one ends."""
        if not self.is_shared:
            return
        self._leads_until, self._is_doubtful = -inf, False
        try:
            await self.store.leave(self.node)
        except StoreError as error:
            self.failures.note("", error)

    async def _meet(self) -> None:
        """Tell the other nodes about this one, and log what is wrong between them.

        Raises:
            StoreError: The store failed.
        """
        began = self.clock.now().wall_ms
        meeting = await self.store.meet(self.record())
        ended = self.clock.now().wall_ms
        self.others = meeting.others
        if meeting.clock_ms is not None:
            self._clock_ms = meeting.clock_ms - (began + ended) // 2
            self._look_at_clock(self._clock_ms, most_ms=FAR_MS + ended - began)
        self._look_at_limits()

    def _look_at_clock(self, clock_ms: int, *, most_ms: int) -> None:
        """Log once that this node's clock is far from the store's, until it is not."""
        is_far = abs(clock_ms) > most_ms
        if is_far and not self._is_clock_logged:
            log.warning(
                "the clock of this machine is not that of the store: set both by NTP",
                store_is_ahead_seconds=round(clock_ms / 1000, 1),
            )
        self._is_clock_logged = is_far

    def _look_at_limits(self) -> None:
        """Log once of each node that has other limits."""
        differing = dict[str, tuple[str, ...]]()
        for other in self.others:
            if found := different_limits(self.me, other):
                differing[other.id] = found
        for id_ in differing.keys() - self._differing:
            log.warning("two nodes have different limits", limits=list(differing[id_]))
        self._differing = frozenset(differing)

    async def _share(self) -> None:
        """Store the changed seats of this node, and take those of the others.

        All seats count as changed if the store may have forgotten them: it has failed,
        or heard nothing for too long.

        Raises:
            StoreError: The store failed; the next round stores them again.
        """
        now = self.clock.now()
        if trio.current_time() - self._shared_at >= NODE_SECONDS:
            self._must_share_all = True
        seats = {OPERATOR_SEAT: seat} if (seat := self._operator_seat(now)) else {}
        for number, (key, record) in enumerate(list(self.presence.here()), 1):
            seats[key] = self._seat(*key, record, now)
            if number % SEATS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        before = self._shared
        changed = [
            each
            for key, each in seats.items()
            if self._must_share_all or before.get(key) != each
        ]
        changed += [
            attrs.evolve(each, seen_ms=0)
            for key, each in before.items()
            if key not in seats
        ]
        # An open dashboard shows all rooms, and the leading node looks at all.
        needs_all = len(self.watchers) > 0 or self.is_leading
        live = {OPERATOR_ROOM, *(each.key for each in self.rooms)}
        theirs = await self.store.share(self.node, changed, None if needs_all else live)
        self._shared, self._shared_at = seats, trio.current_time()
        self._must_share_all = False
        self.watchers.are_elsewhere = any(each.room == OPERATOR_ROOM for each in theirs)
        self.presence.see_elsewhere(
            [each for each in theirs if each.room != OPERATOR_ROOM], self.clock.now()
        )

    def _operator_seat(self, now: Instant) -> SharedSeat | None:
        """Return the seat of the operator, if a stream is open here."""
        if not len(self.watchers):
            return None
        known = self._shared.get(OPERATOR_SEAT)
        return known or SharedSeat(OPERATOR_ROOM, OPERATOR, max(1, now.wall_ms))

    def _seat(
        self, room: RoomKey, peer: PeerKey, record: PresenceRecord, now: Instant
    ) -> SharedSeat:
        """Return the seat of a peer at this node."""
        live = self.rooms.find(room)
        polls = None if live is None else live.polls
        is_listening = polls is not None and polls.is_woken(peer)
        held = record.seat
        if held is not None and not held.is_live(now.steady_seconds):
            held = None
        policy = WAKE_AT_ONCE
        if held is not None:
            policy = held.policy
        elif polls is not None and is_listening:
            policy = next(polls.parked_policies(peer), WAKE_AT_ONCE)
        known = self._shared.get((room, peer)) or SharedSeat(room, record.name)
        held_ms = 0 if held is None else now.wall_at(held.until)
        return SharedSeat(
            room,
            record.name,
            _same(known.seen_ms, max(1, now.wall_at(record.seen_at))),
            is_parked=is_listening or (polls is not None and polls.is_parked(peer)),
            is_listening=is_listening,
            status=record.status,
            ear="" if held is None else held.ear.line,
            held_ms=_same(known.held_ms, held_ms) if held_ms else 0,
            policy=policy,
        )


def _same(before_ms: int, now_ms: int) -> int:
    """Return a time as it was shared before, unless it has moved."""
    return before_ms if abs(now_ms - before_ms) < _SAME_MS else now_ms
