"""The rows that the operator's state and stream have in common."""

import msgspec

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import format_timestamp
from argybargy.domain.roster import RosterRow, Waiting
from argybargy.relay.api.stream_cursor import MessageInRoom
from argybargy.relay.overview.room_view import RoomOutline
from argybargy.web.codec import encode
from argybargy.web.codec.operator_bodies import (
    CodeRow,
    RoomCardBody,
    RosterRowBody,
    WaitingRow,
)


def code_row(code: CodeRecord) -> CodeRow:
    """Return what there is to see of a code."""
    return CodeRow(
        code=code.display,
        key_id=code.key_id,
        name=code.name,
        room=code.room,
        capabilities=code.capabilities,
        created=format_timestamp(code.created_ms),
        expires=encode.timestamp(code.expires_ms),
        client=code.client,
        model=code.model,
    )


def roster_row(row: RosterRow) -> RosterRowBody:
    """Return a member of a room."""
    return RosterRowBody(
        name=row.name,
        online=row.is_online,
        seconds_since_seen=row.seconds_since_seen,
        last_message_seconds=row.last_message_seconds,
        capabilities=row.capabilities,
        sources=list(row.sources),
        state=row.state,
    )


def waiting_row(row: Waiting) -> WaitingRow:
    """Return a question that nobody has answered."""
    return WaitingRow(
        **msgspec.structs.asdict(encode.posted_message(row.message)),
        room=row.room,
        expects_reply_resolved=row.expects_resolved,
        waiting_seconds=row.seconds,
    )


def room_card(room: RoomOutline) -> RoomCardBody:
    """Return a room at a glance, with or without messages."""
    summary = room.summary
    status = encode.room_status(summary.status)
    return RoomCardBody(
        room=status.name,
        status=status.status,
        closed_at=status.closed_at,
        closed_by=status.closed_by,
        messages=summary.messages,
        first_seq=summary.first,
        last_seq=summary.head,
        last_ts=encode.timestamp(summary.last_ms or None),
        created_at=format_timestamp(summary.created_ms),
        online=room.online,
        members=len(room.members),
    )


def room_message(row: MessageInRoom) -> msgspec.Raw:
    """Return a message with its room, encoded: most of it once for all readers."""
    encoded = bytes(encode.encode_message(row.message, row.members))
    until = b""
    if row.claimed_until_ms is not None:
        moment = format_timestamp(row.claimed_until_ms).encode()
        until = b',"claimed_until":"%b"' % moment
    return msgspec.Raw(b'%b,"room":"%b"%b}' % (encoded[:-1], row.room.encode(), until))
