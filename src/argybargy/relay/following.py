"""Follow what other nodes commit to a shared store.

Hints say what was committed. Those for a room in memory go to its task, the others to
the overview. A hint may be lost, so nothing depends on one:

* a room task that learns of a later commit reads the ones before it;
* a refusal, and a cursor beyond the head, make the task confirm that its room is
  current;
* a round every second confirms the rooms with parked polls;
* after a gap, all rooms are confirmed, those of the overview too;
* the same round compares the version of the directory, which has the codes, invites,
  wake hooks, notices, sessions and settings, and reads what has changed.

Without the store for half a minute, a node refuses requests: nobody could tell it that
a code or session was revoked.

A revoked code is a case of its own: its end is a commit to the room, so a node that has
not heard of it conflicts before it accepts anything, and reads the codes.

On the only node of a store there is nothing to follow, and no round.
"""

import contextlib
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

import attrs
import trio

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.room.commands import Renew
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import ClearRoom, CodesChanged
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.invite_registry import InviteRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.access.request_limits import RequestLimits
from argybargy.relay.access.room_quota import RoomQuota
from argybargy.relay.clock import Clock
from argybargy.relay.nodes import Nodes
from argybargy.relay.notifications.registry import Notifications
from argybargy.relay.nudges.hooks import WakeHooks
from argybargy.relay.overview.overview import Overview
from argybargy.relay.room.registry import LiveRooms
from argybargy.relay.store_errors import FailureLog
from argybargy.relay.wake_slot import WakeSlot
from argybargy.store.errors import StoreError
from argybargy.store.protocol import DirectoryHint, Hint, RoomHint, Store
from argybargy.system.values import define

CONFIRM_SECONDS: Final = 1.0
"""Pause between two rounds that confirm the rooms with parked polls."""
CUT_OFF_SECONDS: Final = 30.0
"""Time without the store after which requests are refused: in longer than that, a code
or session may have been revoked at another node."""
RENEWAL_SHARE: Final = 0.1
"""Share of its term by which a lease must move until other nodes are told."""


@define(eq=False, kw_only=True)
class Following:
    """Takes hints, and keeps rooms and overview current.

    Mutable state: the rooms of the overview that have to be read again, bounded by the
    rooms there are; whether hints were lost; whether the directory has changed, its
    version when it was last read, and when that was known to be current; and what else
    is read with it.

    Attributes:
        store: The shared store.
        rooms: The rooms in memory.
        overview: The overview of all rooms.
        codes: The access codes.
        invites: The one-use invites.
        hooks: The wake hooks.
        notifications: The notices.
        presence: The latest requests of peers.
        request_limits: Rate limits of reads and claims.
        quota: Which rooms may hold messages.
        nodes: The other nodes.
        clock: The relay's clock.
        limits: The relay's limits.
        node: The name of this node, as in its nonces.
        failures: Logs what the store could not do.
        rereads: What else reads a part of the directory, such as sessions.
    """

    store: Store
    rooms: LiveRooms
    overview: Overview
    codes: CodeRegistry
    invites: InviteRegistry
    hooks: WakeHooks
    notifications: Notifications
    presence: Presence
    request_limits: RequestLimits
    quota: RoomQuota
    nodes: Nodes
    clock: Clock
    limits: Limits
    node: str
    failures: FailureLog
    rereads: list[Callable[[], Awaitable[None]]] = attrs.field(factory=list)
    _stale: dict[RoomKey, str] = attrs.field(factory=dict)
    _has_gap: bool = False
    _must_read_directory: bool = False
    _directory_version: int = -1
    _holders_version: int = -1
    _current_at: float = -inf
    _slot: WakeSlot = attrs.field(factory=WakeSlot)

    @property
    def is_cut_off(self) -> bool:
        """Whether revocations of other nodes cannot have arrived for too long."""
        return trio.current_time() - self._current_at > CUT_OFF_SECONDS

    def heard(self, hint: Hint) -> None:
        """Take a hint. Neither blocks nor raises."""
        if hint is None:
            self._has_gap = self._must_read_directory = True
            self._slot.wake()
            return
        if isinstance(hint, DirectoryHint):
            self._must_read_directory = True
            self._slot.wake()
            return
        if hint.commit is not None and hint.commit.node == self.node:
            return
        live = self.rooms.find(hint.room)
        if live is not None and not live.has_failed:
            live.hear(hint.version, hint.commit)
        else:
            self._follow(hint)

    def _follow(self, hint: RoomHint) -> None:
        """Follow a commit to a room that is not in memory."""
        if hint.version <= self.overview.version_of(room_key(hint.room)):
            return
        now = self.clock.now()
        commit = hint.commit
        if commit is None or not self.overview.follow(commit.received(now), now):
            self._stale[room_key(hint.room)] = hint.room
            self._slot.wake()
            return
        self._note_quota(room_key(hint.room), commit.status.name)
        self.hooks.look(room_key(hint.room))
        if any(isinstance(each, CodesChanged | ClearRoom) for each in commit.writes):
            self._must_read_directory = True
            self._slot.wake()

    def _note_quota(self, key: RoomKey, name: str) -> None:
        card = self.overview.cards.get(key)
        self.quota.note(name, is_empty=card is None or not card.summary.messages)

    async def run(self) -> None:
        """Read again what hints could not say, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._reread)
            nursery.start_soon(self._confirm_rounds)
            nursery.start_soon(self.nodes.run)

    async def _reread(self) -> None:
        while True:
            # No deadline: hints and the rounds wake it.
            await self._slot.wait_woken()
            try:
                if self._must_read_directory:
                    self._must_read_directory = False
                    await self._read_directory()
                if self._has_gap:
                    self._has_gap = False
                    await self._close_gap()
                while self._stale:
                    await self._reread_room(next(iter(self._stale)))
            except StoreError as error:
                # The next round tries again.
                self._has_gap = self._must_read_directory = True
                self.failures.note("", error)

    async def note_directory(self) -> None:
        """Note the version of the directory, before it is read for the first time.

        Raises:
            StoreError: The store could not be read.
        """
        began = trio.current_time()
        self._directory_version = await self.store.directory_version()
        self._current_at = began

    async def _read_directory(self) -> None:
        """Read the directory again, and wake the polls whose code has ended.

        Raises:
            StoreError: The store could not be read.
        """
        began = trio.current_time()
        version = await self.store.directory_version()
        await self.codes.reread()
        await self.invites.reread()
        if self.codes.holders_version != self._holders_version:
            # A room task may have read the codes before.
            self._holders_version = self.codes.holders_version
            self.presence.keep_only(self._has_code)
            self.request_limits.keep_only(self._has_code)
            for live in self.rooms:
                live.polls.wake_all()
        await self.hooks.reread(self.clock.now())
        if not self.nodes.may_be_leading:
            await self.notifications.reread()
        for reread in self.rereads:
            await reread()
        self._directory_version = version
        self._current_at = began

    def _has_code(self, peer: Peer) -> bool:
        return bool(self.codes.codes_of(peer))

    async def _close_gap(self) -> None:
        """Confirm all rooms, after hints were lost.

        Raises:
            StoreError: The store could not be read.
        """
        await self._confirm({live.name: live.room.version for live in self.rooms})
        stored = await self.store.overview()
        found = {room_key(each.status.name): each for each in stored.rooms}
        for key, summary in found.items():
            if summary.version > self.overview.version_of(key):
                self._note_stale(key, summary.status.name)
        for key in self.overview.cards.keys() - found.keys():
            self._note_stale(key, self.overview.cards[key].summary.status.name)

    def _note_stale(self, key: RoomKey, name: str) -> None:
        live = self.rooms.find(name)
        if live is not None and not live.has_failed:
            live.miss()
        else:
            self._stale[key] = name

    async def _reread_room(self, key: RoomKey) -> None:
        """Read a room of the overview, unless its task does that.

        Raises:
            StoreError: The store could not be read.
        """
        name = self._stale[key]
        saved = await self.store.load(name, self.limits.tail_messages)
        live, now = self.rooms.find(name), self.clock.now()
        self._stale.pop(key, None)
        if live is not None and not live.has_failed:
            live.miss()
        elif saved is None:
            self.overview.remove(key)
        elif saved.version > self.overview.version_of(key):
            self.overview.reread(Room.restore(saved, now, self.limits))
            self.hooks.look(key)
        self._note_quota(key, name)

    async def _confirm_rounds(self) -> None:
        while True:
            await trio.sleep(CONFIRM_SECONDS)
            self._renew_leases()
            try:
                await self._confirm(
                    {each.name: each.room.version for each in self.rooms if each.polls}
                )
                began = trio.current_time()
                if await self.store.directory_version() != self._directory_version:
                    self._must_read_directory = True
                elif not self._must_read_directory:
                    self._current_at = began
            except StoreError as error:
                self.failures.note("", error)
            if self._has_gap or self._must_read_directory:
                self._slot.wake()

    async def _confirm(self, versions: dict[str, int]) -> None:
        """Let the room tasks read what they lack."""
        if not versions:
            return
        for name in await self.store.confirm(versions):
            live = self.rooms.find(name)
            if live is not None:
                live.miss()

    def _renew_leases(self) -> None:
        """Renew the claims of peers with a parked poll here.

        No other node can see that they are present, and would end their leases.
        """
        for live in self.rooms:
            if not live.room.leases:
                continue
            for peer in live.polls.parked_peers():
                if live.room.leases_of(peer):
                    with contextlib.suppress(RelayError):
                        live.tell(Renew(peer))
