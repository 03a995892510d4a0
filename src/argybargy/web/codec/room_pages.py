"""Bodies and text of the answer to a poll of several rooms, and its query."""

from collections.abc import Iterator
from typing import Final, Literal, cast

from msgspec import UNSET, Raw, Struct, UnsetType

from argybargy.domain.cursors import Since
from argybargy.domain.errors import RelayError
from argybargy.domain.message import Message
from argybargy.domain.text_form import escape_text
from argybargy.relay.api.poll_answer import PollAnswer, PollRequest
from argybargy.relay.api.poll_rooms import RoomsAnswer
from argybargy.web.codec.bodies import Gap, PollBudgetBody, ReadMessage
from argybargy.web.codec.decode import parse_query
from argybargy.web.codec.encode import encode_message, poll_budget, room_status
from argybargy.web.codec.minimal import MinimalMessage
from argybargy.web.codec.text import Reader
from argybargy.web.codec.validation_errors import ValidationErrors
from argybargy.web.request import Request, Response, text_response

ROOMS: Final = "rooms"


class RoomReadMessage(ReadMessage, frozen=True, rename={"from_": "from"}):
    """A message, with its room."""

    room: str = ""


class RoomPageBody(Struct, frozen=True):
    """The status of one of several rooms, and what the answer covers of it.

    The relay keeps `cursor` for the next poll. `gap`, `reset` and `left` are those of
    a poll of one room.
    """

    name: str
    status: Literal["open", "closed"]
    closed_at: str | None
    closed_by: str | None
    cursor: int
    first_seq: int
    more: bool
    gap: Gap | UnsetType = UNSET
    reset: bool | UnsetType = UNSET
    left: int | UnsetType = UNSET


class RoomsPollBody(Struct, frozen=True):
    """New messages of several rooms, oldest first.

    `more` means that a room has further messages. `room_closed` and `should_exit` are
    true only when they are of all the rooms; `poll_budget` is that of the room that has
    the most time left.
    """

    messages: list[RoomReadMessage]
    rooms: list[RoomPageBody]
    more: bool
    room_closed: bool
    should_exit: bool
    exit_reason: str | None
    poll_budget: PollBudgetBody
    retry_after: int | UnsetType = UNSET


class MinimalRoomMessage(
    MinimalMessage, frozen=True, kw_only=True, rename={"from_": "from"}
):
    """A message with its room, without the fields that have their default."""

    room: str


class MinimalRoomPage(Struct, frozen=True):
    """The name of a room, and what differs from an open room with nothing left."""

    name: str
    status: Literal["open", "closed"] = "open"
    closed_at: str | None = None
    closed_by: str | None = None
    more: bool = False
    gap: Gap | UnsetType = UNSET
    reset: bool | UnsetType = UNSET
    left: int | UnsetType = UNSET


class MinimalRoomsPollBody(Struct, frozen=True):
    """Messages of several rooms, and the state of the rooms."""

    messages: list[MinimalRoomMessage]
    rooms: list[MinimalRoomPage]
    more: bool = False
    should_exit: bool = False
    exit_reason: str | None = None
    retry_after: int | UnsetType = UNSET


def rooms_in_query(request: Request) -> list[str] | None:
    """Return the rooms that a poll names, ``*`` for all; ``None`` for a poll of one.

    Raises:
        RelayError: ``invalid_request``, also for options that need a single room.
    """
    query = request.query
    if b"rooms" not in query and b"%" not in query:
        return None
    fields = parse_query(request)
    if ROOMS not in fields:
        return None
    errors = ValidationErrors()
    errors.check("room", "either 'room' or 'rooms'", is_wrong="room" in fields)
    is_wrong = "digest" in fields
    errors.check("digest", "not together with 'rooms'", is_wrong=is_wrong)
    is_wrong = request.header(b"x-argybargy-ear") is not None
    errors.check("X-Argybargy-Ear", "not together with 'rooms'", is_wrong=is_wrong)
    errors.raise_any()
    return list(dict.fromkeys(fields[ROOMS][-1].split(",")))


def check_kept_cursor(request: PollRequest) -> None:
    """Refuse a cursor that is a number: each room has its own.

    Raises:
        RelayError: ``invalid_request``.
    """
    if not isinstance(request.since, Since):
        problem = "'next' or 'resume' with 'rooms': the relay keeps the cursor of each"
        raise RelayError.invalid("since", problem)


def rooms_poll_body(answer: RoomsAnswer) -> RoomsPollBody:
    """Return the body of a poll of several rooms."""
    budget = answer.budget
    encoded = [_encoded(each, message) for each, message in _in_order(answer)]
    return RoomsPollBody(
        messages=cast("list[RoomReadMessage]", Raw(b"[%b]" % b",".join(encoded))),
        rooms=[_room_page(each) for each in answer.rooms],
        more=any(each.page.has_more for each in answer.rooms),
        room_closed=answer.is_closed,
        should_exit=budget.should_exit,
        exit_reason=budget.reason,
        poll_budget=poll_budget(budget),
        retry_after=answer.retry_seconds or UNSET,
    )


def _in_order(answer: RoomsAnswer) -> list[tuple[PollAnswer, Message]]:
    """Return the messages of all rooms by time, each with the answer of its room.

    Times never run backwards in a room, and the sort is stable: the order of a room is
    kept.
    """
    found = [(each, message) for each in answer.rooms for message in each.page.messages]
    return sorted(found, key=lambda pair: pair[1].at_ms)


def _encoded(answer: PollAnswer, message: Message) -> bytes:
    whole = encode_message(message, answer.members)
    return b'%b,"room":"%b"}' % (whole[:-1], answer.status.name.encode())


def _room_page(answer: PollAnswer) -> RoomPageBody:
    status = room_status(answer.status)
    return RoomPageBody(
        name=status.name,
        status=status.status,
        closed_at=status.closed_at,
        closed_by=status.closed_by,
        cursor=answer.page.cursor,
        first_seq=answer.page.first,
        more=answer.page.has_more,
        gap=Gap(*answer.gap) if answer.gap else UNSET,
        reset=answer.is_reset or UNSET,
        left=UNSET if answer.left is None else answer.left,
    )


def rooms_poll_text(reader: Reader, answer: RoomsAnswer) -> Response:
    """Return the response to a poll of several rooms: each line begins with a room.

    Further lines of a text begin as ever, so that none can be taken for a message.
    """
    lines = [*_before(answer)]
    for each, message in _in_order(answer):
        lines.append(f"#{each.status.name} {reader.line(message)}")
    lines += _after(answer)
    budget = answer.budget
    if answer.is_closed:
        lines.append("leave: every room is closed")
    elif budget.should_exit:
        lines.append(f"leave: silent for {budget.idle_seconds:.0f} seconds")
    response = text_response("\n".join(lines))
    if answer.retry_seconds:
        pause = str(answer.retry_seconds).encode()
        response = response.with_headers((b"retry-after", pause))
    return response


def _before(answer: RoomsAnswer) -> Iterator[str]:
    for each in answer.rooms:
        if each.is_reset:
            yield f"#{each.status.name} reset"
        if each.gap:
            yield "#{} gap {}-{}".format(each.status.name, *each.gap)


def _after(answer: RoomsAnswer) -> Iterator[str]:
    for each in answer.rooms:
        name = each.status.name
        if each.page.has_more:
            left = "" if each.left is None else f" ({each.left} left)"
            yield f"#{name} more: since=next{left}"
        if name in answer.newly_closed:
            yield escape_text(f"#{name} closed by {each.status.closed_by}")
