"""Endpoint that imports the lines of an export into rooms, codes and audit log."""

from collections.abc import Callable, Iterator
from typing import Final

import attrs
import msgspec

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import SLACK_MS
from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import Audit
from argybargy.relay.api.imports import (
    RoomImport,
    check_import,
    count_new_audit,
    count_new_codes,
    import_audit,
    import_codes,
    import_room,
)
from argybargy.system.values import define
from argybargy.web.access.services import Services
from argybargy.web.codec.decode import parse_query, without_bom
from argybargy.web.codec.export_lines import (
    FORMAT,
    AuditLine,
    CodeLine,
    HeaderLine,
    ImportBody,
    ImportedMessages,
    ImportedRows,
    Line,
    MessageLine,
    RoomLine,
)
from argybargy.web.codec.import_lines import InvalidLineError, LineReader
from argybargy.web.ignored import MAX_IGNORED_NAMES, Ignored
from argybargy.web.request import Request, Response, json_response

_decode: Final = msgspec.json.Decoder(Line).decode
_decode_keys: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_TAG: Final = "type"


@define
class Batch:
    """The parsed lines of one request.

    Attributes:
        rooms: Rooms with their messages, in the order of the lines.
        codes: Access codes.
        audits: Rows of an audit log.
        ignored: Unknown keys of lines, in the order of the lines.
    """

    rooms: dict[RoomKey, RoomImport] = attrs.field(factory=dict)
    codes: list[CodeRecord] = attrs.field(factory=list)
    audits: list[Audit] = attrs.field(factory=list)
    ignored: dict[str, None] = attrs.field(factory=dict)


async def import_lines(services: Services, request: Request) -> Response:
    """Import the records of another relay; repeating an import adds nothing.

    With ``check=1`` nothing is changed, and the response counts what would be imported.
    Without it, the same check runs first, so that a refused import has changed
    nothing, unless a post or an invitation comes between the check and the import.
    """
    relay = services.relay
    is_dry_run = _is_dry_run(request)
    latest_ms = relay.clock.now().wall_ms + SLACK_MS
    reader = LineReader(services.limits, latest_ms)
    body = without_bom(await request.read_body())
    batch = read_batch(body, reader, relay.refuse_secrets)
    rooms = list(batch.rooms.values())
    counted = await check_import(relay, rooms, batch.codes)
    if is_dry_run:
        audits = await count_new_audit(relay, batch.audits)
        codes = await count_new_codes(relay, batch.codes)
    else:
        # The audit log first: importing rooms and codes appends newer rows to it.
        audits = await import_audit(relay, batch.audits)
        counted = [await import_room(relay, room) for room in rooms]
        codes = await import_codes(relay, batch.codes)
    answer = ImportBody(
        ImportedMessages(
            sum(each.new for each in counted),
            sum(each.same for each in counted),
            sum(each.passed for each in counted),
        ),
        ImportedRows(codes, len(batch.codes) - codes),
        ImportedRows(audits, len(batch.audits) - audits),
    )
    return json_response(answer, Ignored(tuple(batch.ignored)[:MAX_IGNORED_NAMES]))


def _is_dry_run(request: Request) -> bool:
    text = parse_query(request).get("check", ["0"])[-1]
    if text not in {"0", "1"}:
        raise RelayError.invalid("check", "0 or 1")
    return text == "1"


def read_batch(
    body: bytes, reader: LineReader, refuse_secrets: Callable[..., None]
) -> Batch:
    """Parse and validate the lines of a request.

    Args:
        body: Lines of JSON; empty lines are skipped.
        reader: Validates and converts lines.
        refuse_secrets: Raises ``contains_secret`` if a text holds a valid code.

    Raises:
        RelayError: ``invalid_request``, naming the first invalid line;
            ``contains_secret``.
    """
    batch = Batch()
    for number, raw in enumerate(body.splitlines(), start=1):
        if raw.strip():
            try:
                line = _decode(raw)
                _take(batch, line, reader)
                batch.ignored.update(dict.fromkeys(_ignored(raw, line)))
            except InvalidLineError as error:
                raise RelayError.invalid(f"line {number}", str(error)) from None
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                problem = "this is not a line of an export"
                raise RelayError.invalid(f"line {number}", problem) from None
            refuse_secrets(*_texts(line))
    return batch


def _ignored(raw: bytes, line: Line) -> list[str]:
    known = {_TAG, *line.__struct_encode_fields__}
    return [key[:64] for key in _decode_keys(raw) if key not in known]


def _texts(line: Line) -> Iterator[str]:
    """Yield every text in a line."""
    for value in msgspec.structs.astuple(line):
        yield from [value] if isinstance(value, str) else []
        yield from value if isinstance(value, list) else []


def _take(batch: Batch, line: Line, reader: LineReader) -> None:
    match line:
        case HeaderLine(format=given) if given != FORMAT:
            raise InvalidLineError(f"this relay reads export format {FORMAT}")
        case RoomLine():
            _take_room(batch, line, reader)
        case MessageLine():
            _take_message(batch, line, reader)
        case CodeLine():
            batch.codes.append(reader.code(line))
        case AuditLine():
            batch.audits.append(reader.audit(line))
        case _:
            pass  # header and end lines only matter to readers of the file


def _take_room(batch: Batch, line: RoomLine, reader: LineReader) -> None:
    """Add a room, or update the one that earlier message lines added."""
    key = room_key(line.room)
    status, created_ms = reader.room(line)
    known = batch.rooms.get(key)
    messages = known.messages if known else ()
    batch.rooms[key] = RoomImport(status, created_ms, messages)


def _take_message(batch: Batch, line: MessageLine, reader: LineReader) -> None:
    key = room_key(line.room)
    room = batch.rooms.get(key) or RoomImport(RoomStatus(line.room))
    imported = reader.message(line)
    if room.messages and imported.message.seq <= room.messages[-1].message.seq:
        raise InvalidLineError("messages must come oldest first, each once")
    if room.messages and imported.message.at_ms < room.messages[-1].message.at_ms:
        raise InvalidLineError("'ts' is earlier than that of the message before")
    batch.rooms[key] = attrs.evolve(room, messages=(*room.messages, imported))
