"""Endpoints that stream the operator's data out: database backup and room export."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Final

import msgspec
from msgspec import UNSET

from argybargy import __version__
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import format_timestamp
from argybargy.domain.message import Message, Resolution
from argybargy.domain.room.state import SavedRoom
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated
from argybargy.store.protocol import DatabaseSnapshot
from argybargy.web.access.services import Services
from argybargy.web.codec import encode
from argybargy.web.codec.decode import read_json
from argybargy.web.codec.export_lines import (
    FORMAT,
    EndLine,
    ExportRequest,
    HeaderLine,
    Line,
    MessageLine,
    ResolutionLine,
    RoomLine,
)
from argybargy.web.request import Request, Response, stream_response

PART_BYTES: Final = 64 * 1024
"""Size of one part of a backup."""
WINDOW_MESSAGES: Final = 100
"""Maximum messages of an export in memory at once."""
WINDOW_BYTES: Final = 1024 * 1024
"""Maximum text of an export in memory at once."""


async def backup(services: Services, request: Request) -> Response:
    """Stream a consistent copy of the whole database."""
    with translated():
        snapshot = await services.relay.store.snapshot()
    return stream_response(partial(_parts, snapshot), b"application/vnd.sqlite3")


async def _parts(snapshot: DatabaseSnapshot) -> AsyncGenerator[bytes, None]:
    # The snapshot is a file on the disk: remove it, also when the client disconnects.
    try:
        while part := await snapshot.read(PART_BYTES):
            yield part
    finally:
        await snapshot.aclose()


async def export(services: Services, request: Request) -> Response:
    """Stream every room and message, or those of one room, as lines of JSON."""
    body, _ = await read_json(request, ExportRequest, is_optional=True)
    relay = services.relay
    if body.room is not None and not await relay.has_room(body.room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    with translated():
        overview = await relay.store.overview()
    rooms = [summary.status.name for summary in overview.rooms]
    if body.room is not None:
        rooms = [relay.spelling(body.room)]
    return stream_response(partial(_lines, relay, rooms), b"application/x-ndjson")


async def _lines(relay: Relay, rooms: list[str]) -> AsyncGenerator[bytes, None]:
    """Yield the lines of an export, a window of messages at a time."""
    now = format_timestamp(relay.clock.now().wall_ms)
    yield _encode([HeaderLine(FORMAT, __version__, now)])
    written = count = 0
    for room in rooms:
        saved = await relay.store.load(room, 1)
        if saved is None or saved.is_deleted:
            continue
        written += 1
        yield _encode([_room_line(saved)])
        async with aclosing(_messages(relay, saved)) as windows:
            async for window in windows:
                count += len(window)
                # The code that sends the response closes this generator, also after
                # a disconnect, and aclosing() closes the windows.
                yield _encode(window)  # noqa: ASYNC119
    yield _encode([EndLine(written, count)])


def _encode(lines: list[Line]) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def _room_line(saved: SavedRoom) -> RoomLine:
    status = encode.room_status(saved.status)
    return RoomLine(
        room=status.name,
        status=status.status,
        closed_at=status.closed_at,
        closed_by=status.closed_by,
        created=format_timestamp(saved.created_ms),
    )


async def _messages(relay: Relay, saved: SavedRoom) -> AsyncGenerator[list[Line], None]:
    """Yield the messages of a room, oldest first, a window at a time.

    Messages posted after `saved` was read are left out.
    """
    questions = {question.seq for question in saved.questions}
    start = saved.first
    while start <= saved.head:
        end = min(start + WINDOW_MESSAGES, saved.head + 1)
        window = await _window(relay, saved.status.name, start, end)
        yield [
            _message_line(saved.status.name, message, is_open=message.seq in questions)
            for message in window
        ]
        skipped = [gap.last + 1 for gap in saved.seq_gaps if gap.first <= end]
        start = max(end, *skipped) if skipped else end


async def _window(relay: Relay, room: str, start: int, end: int) -> list[Message]:
    """Read the messages from `start` up to, but not including, `end`.

    The store reads backwards and stops at WINDOW_BYTES, so a window of long messages
    takes several reads.
    """
    found: list[Message] = []
    while start < end:
        back = await relay.store.look_back(
            room, None, end, WINDOW_MESSAGES, WINDOW_BYTES
        )
        kept = [message for message in back.messages if message.seq >= start]
        found[:0] = kept
        if len(kept) < len(back.messages) or not back.has_more:
            break
        end = kept[0].seq
    return found


def _message_line(room: str, message: Message, *, is_open: bool) -> MessageLine:
    return MessageLine(
        room=room,
        seq=message.seq,
        ts=format_timestamp(message.at_ms),
        from_=message.sender,
        to=list(message.to),
        text=message.text,
        expects_reply=message.expects,
        reply_to=message.reply_to,
        from_kind=message.kind.value,
        event=message.event,
        claimed_by=message.claimed_by,
        settled=message.is_claim_final,
        is_open=is_open,
        resolution=None if is_open else _resolution_line(message.resolution),
        choices=list(message.choices) or UNSET,
        choice=UNSET if message.choice is None else message.choice,
    )


def _resolution_line(end: Resolution | None) -> ResolutionLine | None:
    if end is None:
        return None
    at = format_timestamp(end.at_ms)
    return ResolutionLine(end.kind.value, end.by, at, end.seq, end.reason)
