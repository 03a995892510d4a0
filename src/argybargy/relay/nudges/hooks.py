"""The wake hooks of all peers, and what each peer has not read."""

import secrets
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from argybargy.domain.access_codes import Peer
from argybargy.domain.addressing import NO_ADDRESSES
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, RoomKey, room_key
from argybargy.domain.nudging import Nudging
from argybargy.domain.room.state import Room
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake, is_held_for
from argybargy.relay.access.capable import Capable
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.nudges.call import Caller
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.relay.store_errors import shielded, translated
from argybargy.relay.wake_slot import WakeSlot
from argybargy.store.protocol import WakeStore

_KEY_BYTES: Final = 32


@attrs.define(eq=False)
class HookState:
    """A hook with its unread messages.

    Mutable state: the hook, the nudges, and whether a call is under way.
    """

    hook: WakeHook
    nudging: Nudging = attrs.field(factory=Nudging)
    is_calling: bool = False


@attrs.define
class WakeHooks:
    """All hooks of the relay.

    A change is stored first and made in memory after, with cancellation shielded in
    between. If the store does not know its outcome, memory keeps the old hook, and the
    agent is told to ask again; setting or removing a hook twice is harmless.

    Mutable state: the hooks by room and peer, bounded by `Limits.wake_hooks`.

    Attributes:
        store: Durable storage.
        limits: The relay's limits.
        codes: The access codes: a peer without a valid one is not called.
        caller: Calls the hooks.
        slot: Wakes the service when a nudge may be due.
    """

    store: WakeStore
    limits: Limits
    codes: CodeRegistry
    caller: Caller
    slot: WakeSlot = attrs.field(factory=WakeSlot)
    _rooms: dict[RoomKey, dict[PeerKey, HookState]] = attrs.field(factory=dict)
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

    def _put(self, hook: WakeHook) -> None:
        room = self._rooms.setdefault(hook.peer.room, {})
        known = room.get(hook.peer.name)
        if known is None:
            room[hook.peer.name] = HookState(hook)
        else:
            # The nudges stay: setting a hook again must not shorten their pauses.
            known.hook = hook

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
                room = self._rooms[peer.room]
                del room[peer.name]
                if not room:
                    del self._rooms[peer.room]
        return True

    def find(self, peer: Peer) -> HookState | None:
        """Return the hook of a peer, if it has one."""
        return self._rooms.get(peer.room, {}).get(peer.name)

    def note(
        self, room: Room, message: Message, polls: Subscriptions, now: Instant
    ) -> None:
        """Note a published message for the peers that no poll delivers it to."""
        hooks = self._rooms.get(room_key(room.name))
        if not hooks or room.status.is_closed:
            return
        capable = Capable(self.codes, room_key(room.name), now)
        for peer, state in hooks.items():
            if not message.is_for(peer) or polls.is_woken(peer):
                continue
            wake = state.hook.wake
            addresses = NO_ADDRESSES if wake is Wake.ALL else capable.addresses(peer)
            if not is_held_for(room, message, peer, wake, now, addresses=addresses):
                state.nudging = state.nudging.noted(message.seq)
                self.slot.wake()

    def note_unread(self, peer: Peer, newest: int, count: int) -> None:
        """Note the messages that a peer had not read when the relay was started."""
        state = self.find(peer)
        if state is not None and count and not state.nudging.count:
            state.nudging = state.nudging.noted(newest, count)
            self.slot.wake()

    def acknowledge(self, peer: Peer, cursor: int) -> None:
        """Note that a peer has read up to a cursor."""
        state = self.find(peer)
        if state is not None:
            state.nudging = state.nudging.read_up_to(cursor)

    def end_room(self, room: RoomKey) -> None:
        """Drop what is unread in a room that was closed."""
        for state in self._rooms.get(room, {}).values():
            state.nudging = Nudging()

    def forget_room(self, room: RoomKey) -> None:
        """Drop the hooks of a deleted room; the store has deleted them."""
        self._rooms.pop(room, None)

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
