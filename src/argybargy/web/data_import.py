"""Importing: from lines to what rooms, codes and audit log take over."""

from collections.abc import Sequence
from typing import Final

import attrs
import msgspec

from argybargy.domain.codes import CodeRecord
from argybargy.domain.commands import Audit, ImportedMessage
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.moment import parse_timestamp
from argybargy.domain.names import EVERYONE, fold, is_name
from argybargy.domain.state import RoomStatus
from argybargy.relay.importing import (
    RoomImport,
    check_codes,
    import_audit,
    import_codes,
    import_room,
)
from argybargy.web.auth import Services
from argybargy.web.data_wire import (
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
from argybargy.web.decode import parse_query
from argybargy.web.request import Answer, Request, json_answer

_decode: Final = msgspec.json.Decoder(Line).decode
_DIGEST_BYTES: Final = 32


@attrs.define
class Batch:
    """What a request wants taken over.

    Attributes:
        rooms: By folded name, in the order of the lines.
        codes: Access codes.
        audits: Rows of an audit log.
    """

    rooms: dict[str, RoomImport] = attrs.field(factory=dict)
    codes: list[CodeRecord] = attrs.field(factory=list)
    audits: list[Audit] = attrs.field(factory=list)


async def import_lines(services: Services, request: Request) -> Answer:
    """Take over what another relay has recorded; each piece once, however often.

    With ``check=1`` nothing is changed: the answer says what would be.
    """
    is_trial = parse_query(request).get("check", ["0"])[-1] == "1"
    batch = read_batch(await request.read_body())
    relay = services.relay
    # The log first: what it tells is older than what importing adds to it.
    audits = 0 if is_trial else await import_audit(relay, batch.audits)
    new = same = passed = 0
    for wanted in batch.rooms.values():
        imported = await import_room(relay, wanted, is_trial=is_trial)
        new, same = new + imported.new, same + imported.same
        passed += imported.passed
    codes = 0
    if is_trial:
        check_codes(relay, batch.codes)
    else:
        codes = await import_codes(relay, batch.codes)
    answer = ImportBody(
        ImportedMessages(new, same, passed),
        ImportedRows(codes, len(batch.codes) - codes),
        ImportedRows(audits, len(batch.audits) - audits),
    )
    return json_answer(msgspec.json.encode(answer))


def read_batch(body: bytes) -> Batch:
    """Read the lines of a request.

    Raises:
        RelayError: ``invalid_request``, naming the first line that does not fit.
    """
    batch = Batch()
    for number, raw in enumerate(body.splitlines(), start=1):
        if raw.strip():
            try:
                _take(batch, _decode(raw))
            except (msgspec.MsgspecError, ValueError) as error:
                raise RelayError.invalid(f"line {number}", _reason(error)) from None
    return batch


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.MsgspecError):
        return "this is not a line of an export"
    return str(error)


def _take(batch: Batch, line: Line) -> None:
    match line:
        case HeaderLine(format=given) if given != FORMAT:
            raise ValueError(f"this relay reads format {FORMAT}")
        case RoomLine():
            status, created_ms = _status(line), _moment(line.created)
            batch.rooms[fold(line.room)] = RoomImport(status, created_ms)
        case MessageLine():
            _take_message(batch, line)
        case CodeLine():
            batch.codes.append(_code(line))
        case AuditLine():
            at_ms = parse_timestamp(line.ts)
            fields = (line.action, line.actor, line.room, line.detail)
            batch.audits.append(Audit(at_ms, *fields, tally=line.key))
        case _:
            pass  # header and end are for whoever reads the file


def _take_message(batch: Batch, line: MessageLine) -> None:
    key = fold(line.room)
    room = batch.rooms.get(key) or RoomImport(RoomStatus(_name(line.room)))
    imported = _message(line)
    if room.messages and imported.message.seq <= room.messages[-1].message.seq:
        raise ValueError("messages come oldest first, each once")
    if room.messages and imported.message.at_ms < room.messages[-1].message.at_ms:
        raise ValueError("'ts' never runs backwards")
    batch.rooms[key] = attrs.evolve(room, messages=(*room.messages, imported))


def _message(line: MessageLine) -> ImportedMessage:
    _check(1 <= line.seq < MAX_SEQ, "'seq' is a whole number from 1 up")
    _check(bool(line.text) and "\0" not in line.text, "'text' is some text")
    to = _addressees(line.to)
    message = Message(
        seq=line.seq,
        at_ms=parse_timestamp(line.ts),
        sender=_name(line.from_),
        kind=SenderKind(line.from_kind),
        to=to,
        text=line.text,
        expects=_name(line.expects_reply),
        reply_to=line.reply_to,
        event=line.event,
        claimed_by=None if line.claimed_by is None else _name(line.claimed_by),
        is_settled=line.settled,
    )
    return ImportedMessage(message, is_open=line.is_open, is_leased=not line.settled)


def _addressees(names: Sequence[str]) -> tuple[str, ...]:
    if [fold(name) for name in names] == [EVERYONE]:
        return TO_ALL
    _check(bool(names), "'to' names somebody")
    _check(EVERYONE not in map(fold, names), "'to' names all, or peers")
    return tuple(_name(name) for name in names)


def _code(line: CodeLine) -> CodeRecord:
    digest = bytes.fromhex(line.digest)
    _check(len(digest) == _DIGEST_BYTES, "'digest' is a SHA-256 in hex")
    return CodeRecord(
        digest=digest,
        room=_name(line.room),
        name=_name(line.name),
        capabilities=line.capabilities,
        created_ms=_moment(line.created) or 0,
        expires_ms=_moment(line.expires),
    )


def _status(line: RoomLine) -> RoomStatus:
    name = _name(line.room)
    if line.status == "open":
        return RoomStatus(name)
    closed_at_ms = _moment(line.closed_at)
    _check(closed_at_ms is not None, "'closed_at' says when the room was closed")
    return RoomStatus(name, closed_at_ms, line.closed_by)


def _moment(text: str | None) -> int | None:
    return None if text is None else parse_timestamp(text)


def _name(text: str) -> str:
    _check(is_name(text), "a name of a room or peer does not fit the rule for names")
    return text


def _check(is_right: bool, problem: str) -> None:
    if not is_right:
        raise ValueError(problem)
