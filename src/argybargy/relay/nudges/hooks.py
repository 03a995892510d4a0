"""The wake hooks of all peers, and the rooms to look at for unread messages."""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from math import inf
from typing import Final

import attrs
import trio

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.names import PeerKey, RoomKey, room_key
from argybargy.domain.room.state import Room
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.nudges.call import Caller
from argybargy.relay.nudges.unread import HookState
from argybargy.relay.store_errors import shielded, translated
from argybargy.relay.wake_slot import WakeSlot
from argybargy.store.protocol import WakeStore
from argybargy.system.values import define

_KEY_BYTES: Final = 32


@define
class WakeHooks:
    """All hooks of the relay.

    A change is stored first and made in memory after, with cancellation shielded in
    between. If the store does not know its outcome, memory keeps the old hook, and the
    agent is told to ask again; setting or removing a hook twice is harmless.

    Mutable state: the hooks by room and peer, bounded by `Limits.wake_hooks`, and the
    times to look for unread messages in their rooms.

    Attributes:
        store: Durable storage.
        limits: The relay's limits.
        codes: The access codes: a peer without a valid one is not called.
        caller: Calls the hooks.
        touch: Called with the key of a room whose overview may have changed.
        slot: Wakes the service when a nudge may be due.
    """

    store: WakeStore
    limits: Limits
    codes: CodeRegistry
    caller: Caller
    touch: Callable[[RoomKey], None]
    slot: WakeSlot = attrs.field(factory=WakeSlot)
    _rooms: dict[RoomKey, dict[PeerKey, HookState]] = attrs.field(factory=dict)
    _looks: dict[RoomKey, float] = attrs.field(factory=dict)
    _changing: trio.Lock = attrs.field(factory=trio.Lock)

    async def load(self, now: Instant) -> None:
        """Load the hooks; those of peers without a valid code are removed.

        Raises:
            StoreError: The store could not be read or written.
        """
        for hook in await self.store.wake_hooks():
            if self.codes.has_valid_code(hook.peer, now):
                self._put(hook)
            else:
                await self.store.remove_wake_hook(hook.room, hook.name)

    async def reread(self, now: Instant) -> None:
        """Read the hooks again, which other nodes may have changed.

        Raises:
            StoreError: The store could not be read.
        """
        async with self._changing:
            stored = {each.peer: each for each in await self.store.wake_hooks()}
            for peer in [state.hook.peer for state in self]:
                if peer not in stored:
                    self._drop(peer)
            for peer, hook in stored.items():
                state = self.find(peer)
                is_new = state is None or state.hook != hook
                if is_new and self.codes.has_valid_code(peer, now):
                    self._put(hook)
                    self.touch(peer.room)
                    self.look(peer.room)

    def _drop(self, peer: Peer) -> None:
        room = self._rooms[peer.room]
        del room[peer.name]
        self.touch(peer.room)
        if not room:
            self.forget_room(peer.room)

    def begin_again(self) -> None:
        """Forget what is unread: another node calls the hooks, or has until now."""
        self._looks.clear()
        for state in self:
            state.begin_again()

    def _put(self, hook: WakeHook) -> None:
        room = self._rooms.setdefault(hook.peer.room, {})
        known = room.get(hook.peer.name)
        if known is None:
            room[hook.peer.name] = HookState(hook)
            return
        # The nudges stay: setting a hook again must not shorten their pauses.
        known.hook = hook
        if not known.nudging.count:
            known.begin_again()

    async def set(self, hook: WakeHook) -> None:
        """Store the hook of a peer, in place of an earlier one.

        Raises:
            RelayError: ``wake_quota``, or the hook could not be stored.
        """
        async with self._changing:
            most = self.limits.wake_hooks
            if self.find(hook.peer) is None and len(self) >= most:
                raise RelayError(Problem.WAKE_QUOTA, limit=most)
            with translated(), shielded():
                await self.store.set_wake_hook(hook)
                self._put(hook)
                self.touch(hook.peer.room)
                self.look(hook.peer.room)

    async def remove(self, peer: Peer) -> bool:
        """Remove the hook of a peer; return whether there was one.

        Raises:
            RelayError: It could not be removed.
        """
        async with self._changing:
            if self.find(peer) is None:
                return False
            with translated(), shielded():
                await self.store.remove_wake_hook(peer.room, peer.name)
                self._drop(peer)
        return True

    def find(self, peer: Peer) -> HookState | None:
        """Return the hook of a peer, if it has one."""
        return self._rooms.get(peer.room, {}).get(peer.name)

    def hooked_peers(self, room: RoomKey) -> frozenset[PeerKey]:
        """Return the peers of a room whose hook has not failed lately."""
        hooks = self._rooms.get(room, {})
        return frozenset(peer for peer, state in hooks.items() if state.is_working)

    def called_for(self, peer: Peer) -> Wake | None:
        """Return the messages that a peer is called for; ``None`` if it is not."""
        state = self.find(peer)
        return state.hook.wake if state is not None and state.is_working else None

    def published(
        self,
        room: Room,
        woken: Collection[PeerKey],
        handed: Iterable[tuple[PeerKey, int]] = (),
    ) -> None:
        """Note that a room has changed; the service looks at its messages later.

        With many hooks, looking here would hold up the task of the room.

        Args:
            room: The room, as published.
            woken: The peers with a parked poll: it has looked at all messages before
                these, and is woken for these.
            handed: Peers, each with an answer that ends a wait of it for just that.
        """
        key = room_key(room.name)
        hooks = self._rooms.get(key)
        if not hooks:
            return
        if room.status.is_closed:
            self._looks.pop(key, None)
            for state in hooks.values():
                state.begin_again()
            return
        for peer in hooks.keys() & woken:
            hooks[peer].skip_to(room.head)
        for peer, seq in handed:
            if peer in hooks:
                hooks[peer].hand(seq)
        self.look(key)

    def look(self, room: RoomKey, at: float = -inf) -> None:
        """Let the service look for unread messages in a room.

        Args:
            room: The room.
            at: The time, on the steady clock; at once if it is in the past.
        """
        if room in self._rooms and at < inf:
            self._looks[room] = min(at, self._looks.get(room, inf))
            self.slot.wake()

    def take_due(self, now: float) -> list[RoomKey]:
        """Return the rooms to look at now, and take them off the list."""
        due = [room for room, at in self._looks.items() if at <= now]
        for room in due:
            del self._looks[room]
        return due

    def next_look_at(self) -> float:
        """Return when to look at a room next; infinity for never."""
        return min(self._looks.values(), default=inf)

    def of(self, room: RoomKey) -> list[HookState]:
        """Return the hooks of a room."""
        return list(self._rooms.get(room, {}).values())

    def rooms(self) -> list[RoomKey]:
        """Return the rooms with hooks."""
        return list(self._rooms)

    def acknowledge(self, peer: Peer, cursor: int) -> None:
        """Note that a peer has read up to a cursor."""
        state = self.find(peer)
        if state is not None:
            was_working = state.is_working
            state.read_up_to(cursor)
            if state.is_working != was_working:
                self.touch(peer.room)

    def forget_room(self, room: RoomKey) -> None:
        """Drop the hooks of a deleted room; the store has deleted them."""
        self._rooms.pop(room, None)
        self._looks.pop(room, None)

    def waiting(self) -> Iterator[HookState]:
        """Yield the hooks with a nudge to come and no call under way."""
        for state in self:
            if state.nudging.count and not state.is_calling:
                yield state

    def __iter__(self) -> Iterator[HookState]:
        for hooks in self._rooms.values():
            yield from hooks.values()

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))


def new_wake_key() -> str:
    """Return a random key that signs the calls of a hook."""
    return secrets.token_hex(_KEY_BYTES)
