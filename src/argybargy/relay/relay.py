"""The relay: its parts, and the way from a room's name to its task.

`argybargy.relay.lifecycle.open_relay` builds one. The mutable state is in the parts;
the relay itself knows only whether it is draining or closed. The overview knows the
existing rooms and their spelling: every room task publishes to it, even if the
requester has been cancelled.
"""

from collections.abc import Callable

import attrs
import trio

from argybargy.domain.access_codes import CODE_PATTERN, CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.names import RESERVED_PEER_NAMES, PeerKey, peer_key, room_key
from argybargy.domain.room.commands import Command
from argybargy.domain.roster import member_names
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.concurrency_limit import ConcurrencyLimit
from argybargy.relay.access.invite_registry import InviteRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.access.request_limits import RequestLimits
from argybargy.relay.access.room_quota import RoomQuota
from argybargy.relay.access.room_reservations import RoomReservations
from argybargy.relay.clock import Clock
from argybargy.relay.following import Following
from argybargy.relay.nodes import Nodes
from argybargy.relay.notifications.registry import Notifications
from argybargy.relay.nudges.hooks import WakeHooks
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES, Overview
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.readiness import Readiness
from argybargy.relay.room.context import RoomContext
from argybargy.relay.room.inbox import CommandOutcome
from argybargy.relay.room.registry import LiveRooms
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.statistics import RelayCounters, RelayStatistics
from argybargy.relay.wait_timer import WaitTimer
from argybargy.relay.write_behind import WriteBehind
from argybargy.store.protocol import Store
from argybargy.system.values import define


@define(eq=False, kw_only=True)
class Relay:
    """All rooms of one store.

    Attributes:
        store: Durable storage.
        limits: The relay's limits.
        clock: The relay's clock.
        started_at: When the relay was opened, on the steady clock.
        codes: The access codes.
        invites: The one-use invites.
        presence: The latest requests of peers and of the operator.
        request_limits: Rate limits of reads and claims.
        searches: Limit on concurrent searches of one peer.
        quota: Which rooms may hold messages.
        reservations: Rooms that codes are being made for, and rooms being deleted.
        rooms: The rooms in memory.
        overview: The operator's read model.
        watchers: The streams that follow the overview.
        write_behind: Buffered cursors and audit rows.
        readiness: Whether the store accepts writes.
        counters: Totals for the metrics.
        hooks: The URLs that wake agents which cannot wait.
        notifications: What the operator was told, and is to be.
        following: Follows what other nodes commit.
        nodes: Who is present at the other nodes, and which one leads.
        waits: The deadlines of parked polls.
        is_shared: Whether other nodes use the store as well.
        is_draining: Whether parked polls are being answered and none may park.
    """

    store: Store
    limits: Limits
    clock: Clock
    started_at: float
    codes: CodeRegistry
    invites: InviteRegistry
    presence: Presence
    request_limits: RequestLimits
    searches: ConcurrencyLimit
    quota: RoomQuota
    reservations: RoomReservations
    rooms: LiveRooms
    overview: Overview
    watchers: Watchers
    write_behind: WriteBehind
    readiness: Readiness
    counters: RelayCounters
    hooks: WakeHooks
    notifications: Notifications
    following: Following
    nodes: Nodes
    _context: RoomContext
    _nursery: trio.Nursery  # of the room tasks
    waits: WaitTimer = attrs.field(factory=WaitTimer)
    is_shared: bool = False
    is_draining: bool = False
    _is_closed: bool = False

    def __repr__(self) -> str:
        return f"<Relay {self.statistics()}>"

    def statistics(self) -> RelayStatistics:
        """Return the sizes of the relay's collections."""
        return RelayStatistics(
            len(self.rooms), self.rooms.count_polls(), len(self.codes)
        )

    def check_current(self) -> None:
        """Return if codes and sessions are known well enough to accept one.

        Raises:
            RelayError: ``storage_unavailable``: a shared store has been out of reach
                for so long that other nodes may have revoked any of them.
        """
        if self.is_shared and self.following.is_cut_off:
            raise RelayError(Problem.STORAGE_UNAVAILABLE, retry_after=1)

    # -- rooms -----------------------------------------------------------------

    async def load(self) -> None:
        """Load the overview of all rooms, the codes, the wake hooks and the notices.

        Raises:
            StoreError: The store could not be read.
        """
        if self.is_shared:
            await self.following.note_directory()
        overview = await self.store.overview()
        recent = await self.store.recent(None, OVERVIEW_MESSAGES)
        self.overview.load(overview, recent, self.clock.now())
        self.quota.fill(room.status.name for room in overview.rooms if room.messages)
        await self.codes.load(self.clock.now())
        await self.invites.load()
        await self.hooks.load(self.clock.now())
        await self.notifications.load()

    def spelling(self, room: str) -> str:
        """Return a room's name as first spelled; of a new room, the name as given."""
        card = self.overview.cards.get(room_key(room))
        return room if card is None else card.summary.status.name

    def knows(self, room: str) -> bool:
        """Tell whether a room exists, as far as this node has heard."""
        return room_key(room) in self.overview.cards

    async def has_room(self, room: str) -> bool:
        """Tell whether a room exists. Before it says no, it asks a shared store.

        Raises:
            RelayError: The store could not be read.
        """
        if self.is_shared and not self.knows(room):
            await (await self.live(room)).confirm()
        return self.knows(room)

    async def live(self, room: str) -> LiveRoom:
        """Return a loaded room, starting its task if need be.

        The room stays in memory until the caller's next checkpoint, at least: only
        housekeeping evicts rooms, and it runs in a task of its own.

        Raises:
            RelayError: The room could not be loaded or has failed; ``draining`` when
                the relay is closed.
        """
        live = self.rooms.find(room)
        if live is None:
            if self._is_closed:
                raise RelayError(Problem.DRAINING, retry_after=1)
            live = LiveRoom.make(self.spelling(room), self._context)
            # Added before the task starts: a second request finds it and waits for
            # the same load, so a room never has two tasks.
            self.rooms.add(live)
            self._nursery.start_soon(self.rooms.supervise, live)
        if not live.is_loaded:
            await live.wait_loaded()
        live.check()
        live.is_used = True
        return live

    def find_live(self, room: str) -> LiveRoom | None:
        """Return a room if it is in memory; it may still be loading."""
        return self.rooms.find(room)

    async def ask(
        self, room: str, command: Command, code: CodeRecord | None = None
    ) -> CommandOutcome:
        """Submit a command to a room and wait for its outcome.

        Args:
            room: The name of the room.
            command: The command.
            code: The code of the requesting agent; ``None`` for the operator. It is
                checked again with no checkpoint before the command is in the inbox.
                So a command behind a revocation is refused, and one before it is
                followed by the dismissal.

        Raises:
            RelayError: The command was refused or could not be carried out;
                ``unauthorized`` when the code has ended.
        """
        live = await self.live(room)
        if code is not None and not self.codes.is_live(code, self.clock.now()):
            raise RelayError(Problem.UNAUTHORIZED)
        return await live.ask(command, code)

    # -- names -----------------------------------------------------------------

    def members(self, live: LiveRoom) -> tuple[str, ...]:
        """Return the names of a room's members.

        Cached until a code changes or somebody posts for the first time: every poll
        asks for them.
        """
        version, posted = self.codes.holders_version, live.room.members
        cached = live.members
        if cached is None or cached[0] != version or cached[1] is not posted:
            now, room = self.clock.now(), live.key
            names = member_names(
                self.codes.live_codes(room, now),
                self.codes.expired_names(room, now),
                posted,
            )
            cached = live.members = (version, posted, names)
        return cached[2]

    async def speller(self, room: str) -> Callable[[str], str]:
        """Return a function from a peer's name to its spelling in a room.

        Raises:
            RelayError: The room could not be loaded.
        """
        members = (await self.live(room)).room.members

        def spell(name: str) -> str:
            key = peer_key(name)
            if key in RESERVED_PEER_NAMES:
                return key
            member = members.get(key)
            known = self.codes.spelling(room_key(room), name)
            return known or (member.name if member else name)

        return spell

    def refuse_secrets(self, *texts: str) -> None:
        """Refuse texts that contain a code that would open a room, or an open invite.

        Raises:
            RelayError: ``contains_secret``.
        """
        found = CODE_PATTERN.findall("\n".join(texts))
        if not found:
            return
        now = self.clock.now()
        if self.codes.has_live(found, now) or self.invites.has_open(found, now):
            raise RelayError(Problem.CONTAINS_SECRET)

    # -- peers -----------------------------------------------------------------

    def first_seen(self, record: CodeRecord, now: Instant) -> bool:
        """Note a request of a peer; return whether it is its first in this process."""
        return self.presence.arrive(record.peer, record.name, now.steady_seconds)

    def wake_peer(self, record: CodeRecord) -> None:
        """Wake the parked polls of a peer, to check whether their code is valid."""
        live = self.find_live(record.room)
        if live is not None:
            live.polls.wake_peer(record.peer.name)

    def parked_peers(self, room: str) -> frozenset[PeerKey]:
        """Return the peers with a parked poll in a room, at any node."""
        here = self.rooms.parked_peers(room)
        if not self.is_shared:
            return here
        return here | self.presence.parked_elsewhere(room_key(room))

    # -- the end ---------------------------------------------------------------

    def drain(self) -> None:
        """Answer every parked poll, and let none park any more.

        A test of the notifications ends. Watchers are woken as well: their streams end
        when they see `is_draining`.
        """
        self.is_draining = True
        self.watchers.wake()
        self.rooms.wake_polls()
        self.notifications.drain()

    async def wait_unparked(self) -> None:
        """Wait until no poll is subscribed; the caller sets the deadline."""
        await self.rooms.wait_unparked()

    def close(self) -> None:
        """Drain, and accept no more commands; room tasks end with their inbox."""
        self._is_closed = True
        self.drain()
        self.rooms.close()
