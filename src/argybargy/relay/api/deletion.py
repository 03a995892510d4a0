"""Use case of the operator: delete a closed room with everything in it.

One commit of the room task ends the room: its messages are hidden, its codes and
cursors are deleted, and the audit log says who did it. Memory follows. The rows are
deleted after that, in bounded transactions that nobody has to wait for.
"""

from typing import Final

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.room.commands import Delete, Deleted
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import shielded, translated
from argybargy.store.errors import StoreError
from argybargy.system.logs import get_logger
from argybargy.system.values import frozen

log = get_logger(__name__)

_DOUBTS: Final = frozenset({Problem.STORAGE_UNKNOWN, Problem.INTERNAL})
"""Failures of a commit that may have been made: a room task can crash behind it."""
ERASE_SECONDS: Final = 5.0
"""Longest wait for the rows of a deleted room to be erased; housekeeping erases the
rest."""


@frozen
class DeletedRoom:
    """A deleted room.

    Attributes:
        name: Its name.
        messages: The number of messages that it had.
        codes: The number of codes that it had, all revoked now.
        is_erased: Whether its rows are gone from the database; otherwise they will be.
    """

    name: str
    messages: int
    codes: int
    is_erased: bool


async def delete_room(relay: Relay, room: str, by: str) -> DeletedRoom:
    """Delete a closed room: messages, codes, invites, cursors and members.

    Raises:
        RelayError: ``room_not_found``; ``room_open``, when it is not closed; ``busy``,
            while a code is being made for it.
    """
    if not await relay.has_room(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(by)
    name, key = relay.spelling(room), room_key(room)
    with relay.reservations.for_deletion(key):
        codes = relay.codes.count_in(key)
        await _revoke_invites(relay, key, by)
        # Shielded: memory must not keep the codes of a room that the disk has not.
        with shielded():
            messages = await _end_room(relay, name, by, codes)
            await _forget_room(relay, key)
    return DeletedRoom(name, messages, codes, await _erase(relay, name))


async def _revoke_invites(relay: Relay, room: RoomKey, by: str) -> None:
    """Revoke the open invites of a closed room: one left over would make it again.

    Raises:
        RelayError: ``room_open``; no invite is revoked then.
    """
    if not (await relay.live(room)).room.status.is_closed:
        raise RelayError(Problem.ROOM_OPEN, room=relay.spelling(room))
    with translated():
        await relay.invites.revoke_all(room, by, relay.clock.now())


async def _end_room(relay: Relay, room: str, by: str, codes: int) -> int:
    """Submit the deletion, and return the number of messages deleted."""
    try:
        outcome = await relay.ask(room, Delete(by, codes))
    except RelayError as error:
        if error.problem in _DOUBTS:
            # If the room is deleted, so are its codes and invites.
            relay.codes.doubt()
            relay.invites.doubt()
        raise
    return outcome.expect(Deleted).messages


async def _forget_room(relay: Relay, room: RoomKey) -> None:
    """Drop what memory knows of a deleted room, and end the polls in it.

    Its polls were told to leave when it was closed. One that is still open ends with
    ``unauthorized``, as every later request with a code of the room.
    """
    for peer in await relay.codes.forget_room(room):
        relay.request_limits.forget(peer)
    await relay.invites.forget_room(room)
    relay.presence.forget_room(room)
    relay.write_behind.forget_room(room)
    relay.hooks.forget_room(room)
    live = relay.find_live(room)
    if live is not None:
        live.cursors.clear()
        live.polls.wake_all()


async def _erase(relay: Relay, room: str) -> bool:
    """Erase the rows of deleted rooms for a while; return whether all are gone."""
    try:
        with trio.move_on_after(ERASE_SECONDS):
            await relay.store.clear_deleted()
            return True
    except StoreError as error:
        log.warning("deleted room not erased yet", room=room, reason=str(error))
    return False
