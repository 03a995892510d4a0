"""Commit of a room: dispatch each write to its table."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import apsw

from argybargy.domain.room.commands import GiveUp
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import (
    AddAddressee,
    AppendMessage,
    Audit,
    ClearRoom,
    CodesChanged,
    ForgetMember,
    KeepReceipt,
    LiftDampings,
    NoteExchange,
    OpenQuestion,
    ResolveQuestion,
    UpdateClaim,
    Write,
)
from argybargy.store.errors import Conflict, RoomQuotaFull
from argybargy.store.sqlite.tables.addressees import add_addressee
from argybargy.store.sqlite.tables.audit import insert_audits
from argybargy.store.sqlite.tables.claims import delete_claims_below, update_claim
from argybargy.store.sqlite.tables.deleted_rooms import clear_room
from argybargy.store.sqlite.tables.members import delete_member, save_member
from argybargy.store.sqlite.tables.messages import insert_message
from argybargy.store.sqlite.tables.questions import (
    delete_questions_below,
    insert_question,
    resolve_question,
)
from argybargy.store.sqlite.tables.receipts import save_receipt
from argybargy.store.sqlite.tables.rooms import (
    count_spoken,
    insert_room,
    update_room,
)


def commit_room(
    connection: apsw.Connection,
    room: Room,
    expected_version: int,
    writes: Sequence[Write],
    most_rooms: int = 0,
) -> None:
    """Apply one batch of writes to a room.

    Raises:
        Conflict: The stored version is not `expected_version`.
        RoomQuotaFull: There are `most_rooms` other rooms with messages.
    """
    if expected_version == 0:
        room_id = insert_room(connection, room)
    else:
        room_id = update_room(connection, room, expected_version)
    if room_id is None:
        raise Conflict(f"somebody else has committed to the room {room.name}")
    if most_rooms and count_spoken(connection, room_id) >= most_rooms:
        raise RoomQuotaFull(f"{most_rooms} other rooms have messages")
    for write in writes:
        APPLY[type(write)](connection, room_id, write)
    if room.first > 1:
        # The room has dropped these from its own state without a write for each.
        delete_claims_below(connection, room_id, room.first)
        delete_questions_below(connection, room_id, room.first)


def _append_message(
    connection: apsw.Connection, room_id: int, write: AppendMessage
) -> None:
    insert_message(connection, room_id, write.message)
    save_member(connection, room_id, write.message)


def _give_up(_connection: apsw.Connection, _room_id: int, _write: GiveUp) -> None:
    """Do nothing: `first` is one of the counters."""


def _audit(connection: apsw.Connection, _room_id: int, write: Audit) -> None:
    insert_audits(connection, [write])


def _for_nodes(
    _connection: apsw.Connection,
    _room_id: int,
    _write: NoteExchange | LiftDampings | CodesChanged,
) -> None:
    """Do nothing: only other nodes have to know, and there are none."""


APPLY: Final[dict[type[Any], Callable[[apsw.Connection, int, Any], None]]] = {
    AppendMessage: _append_message,
    UpdateClaim: update_claim,
    OpenQuestion: insert_question,
    ResolveQuestion: resolve_question,
    AddAddressee: add_addressee,
    KeepReceipt: save_receipt,
    ForgetMember: delete_member,
    ClearRoom: clear_room,
    GiveUp: _give_up,
    NoteExchange: _for_nodes,
    LiftDampings: _for_nodes,
    CodesChanged: _for_nodes,
    Audit: _audit,
}
