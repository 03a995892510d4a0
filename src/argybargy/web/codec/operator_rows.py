"""Convert values to the rows that the operator's state and stream share."""

from collections.abc import Sequence
from typing import cast

import msgspec
from msgspec import UNSET, UnsetType

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import format_timestamp
from argybargy.domain.nodes import NodeRecord, different_limits
from argybargy.domain.roster import RosterRow, Waiting
from argybargy.relay.api.stream_cursor import MessageInRoom
from argybargy.relay.nodes import Nodes
from argybargy.relay.overview.damped_pairs import DampedPair
from argybargy.relay.overview.room_view import RoomOutline, RoomView
from argybargy.web.codec import encode
from argybargy.web.codec.bodies import RoomMessageBody
from argybargy.web.codec.operator_bodies import (
    CodeRow,
    DampedBody,
    NodeRow,
    RoomCardBody,
    RoomStateBody,
    RosterRowBody,
    WaitingRow,
)


def code_row(code: CodeRecord) -> CodeRow:
    """Convert an access code; only its public half is kept."""
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
        role=code.role.value,
    )


def node_rows(nodes: Nodes) -> list[NodeRow] | UnsetType:
    """Convert the relays on a shared store, this one first; else nothing."""
    if not nodes.is_shared:
        return UNSET
    me = nodes.record()
    others = sorted(nodes.others, key=lambda each: (each.name, each.id))
    return [_node_row(me, each) for each in (me, *others)]


def _node_row(me: NodeRecord, node: NodeRecord) -> NodeRow:
    clock_ms = node.clock_ms
    return NodeRow(
        id=node.id,
        name=node.name,
        version=node.version,
        started=format_timestamp(node.started_ms),
        parked_polls=node.parked,
        leading=node.is_leading,
        this=node is me,
        store_clock_seconds=None if clock_ms is None else round(clock_ms / 1000, 1),
        different_limits=list(different_limits(me, node)),
    )


def roster_row(row: RosterRow) -> RosterRowBody:
    """Convert a member of a room."""
    return RosterRowBody(
        name=row.name,
        online=row.is_online,
        seconds_since_seen=row.seconds_since_seen,
        last_message_seconds=row.last_message_seconds,
        capabilities=row.capabilities,
        sources=list(row.sources),
        state=row.state,
        listening=None if row.listening is None else row.listening.value,
        role=row.role,
        status=row.status,
    )


def waiting_row(row: Waiting) -> WaitingRow:
    """Convert an unanswered question."""
    return WaitingRow(
        **msgspec.structs.asdict(encode.posted_message(row.message, row.lease)),
        room=row.room,
        expects_reply_resolved=row.expects_resolved,
        waiting_seconds=row.seconds,
        asks_you=row.asks_operator,
        urgent=row.is_urgent,
    )


def room_card(room: RoomOutline) -> RoomCardBody:
    """Convert the outline of a room."""
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
        operator_seq=room.operator_seq,
        last_ts=encode.timestamp(summary.last_ms or None),
        created_at=format_timestamp(summary.created_ms),
        online=room.online,
        members=len(room.members),
        not_listening=list(room.not_listening) or UNSET,
        damped=_damped(room.damped),
    )


def room_state(room: RoomView) -> RoomStateBody:
    """Convert the status of a room, with its damped pairs."""
    status = encode.room_status(room.summary.status)
    return RoomStateBody(
        name=status.name,
        status=status.status,
        closed_at=status.closed_at,
        closed_by=status.closed_by,
        damped=_damped(room.damped),
    )


def _damped(pairs: Sequence[DampedPair]) -> list[DampedBody] | UnsetType:
    rows = [
        DampedBody(list(pair.names), format_timestamp(pair.until_ms)) for pair in pairs
    ]
    return rows or UNSET


def room_message(row: MessageInRoom) -> RoomMessageBody:
    """Return a message with its room as JSON, typed as the body that it spells out.

    The message's own JSON is kept in its memo; only the room and the end of a claim
    are put in here, so no message is encoded again for each client.
    """
    encoded = encode.encode_leased(row.message, row.members, row.lease)
    until = b""
    if row.lease is not None and row.lease.expires_ms is not None:
        timestamp = format_timestamp(row.lease.expires_ms).encode()
        until = b',"claimed_until":"%b"' % timestamp
    raw = msgspec.Raw(b'%b,"room":"%b"%b}' % (encoded[:-1], row.room.encode(), until))
    return cast("RoomMessageBody", raw)
