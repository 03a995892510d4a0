"""Typed answers of the relay, validated like any other input."""

import math
import shlex
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar, get_args, get_origin

import attrs

from argybargy.cli.client.protocol import Json
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.domain.access_codes import AGENT_PREFIX, is_key_id, is_well_formed
from argybargy.domain.limits import Limits
from argybargy.domain.names import (
    OPERATOR,
    RoomKey,
    is_name,
    is_peer_name,
    peer_key,
    room_key,
)
from argybargy.settings.parsers import parse_base_url
from argybargy.system.values import frozen

Row = TypeVar("Row")


def read_row(kind: type[Row], answer: object) -> Row:
    """Read the attributes of `kind` from an answer; other keys are ignored.

    Raises:
        CliError: A key is missing, has another type, or fails a validator.
    """
    if not isinstance(answer, Mapping):
        raise unfit_answer()
    fields = attrs.fields(kind)  # type: ignore[arg-type]  # every row is of attrs
    for field in fields:
        if field.name not in answer or not fits(answer[field.name], field.type):
            raise unfit_answer(field.name)
    try:
        return kind(**{field.name: answer[field.name] for field in fields})
    except ValueError as error:
        raise unfit_answer(str(error)) from None


def unfit_answer(field: str = "") -> CliError:
    """Return the error of an answer without the expected fields."""
    what = f": '{field}' is missing or invalid" if field else ""
    return CliError(
        f"The relay's answer cannot be read{what}.",
        "Compare the versions: 'argybargy version', and 'version' at GET /health.",
        Exit.UNREACHABLE,
    )


def fits(value: object, kind: object) -> bool:
    """Tell whether a decoded JSON value is of a type, including its elements."""
    if isinstance(kind, types.UnionType):
        return any(fits(value, each) for each in get_args(kind))
    if kind is int or kind is float:
        return _is_number(value, is_whole=kind is int)
    return kind is object or kind is Any or _is_made_of(value, kind)


def _is_made_of(value: object, kind: object) -> bool:
    whole, parts = get_origin(kind) or kind, get_args(kind)
    if not isinstance(whole, type) or not isinstance(value, whole):
        return False
    if isinstance(value, Mapping) and parts:
        return all(fits(each, parts[-1]) for each in value.values())
    if isinstance(value, list) and parts:
        return all(fits(each, parts[0]) for each in value)
    return True


def _is_number(value: object, *, is_whole: bool) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, float):
        return math.isfinite(value) and not is_whole
    return isinstance(value, int)


def _must(is_fit: Callable[[str], bool]) -> Callable[..., None]:
    """Return a validator for text that ends up in commands and paths."""

    def check(_: object, field: "attrs.Attribute[str]", value: str) -> None:
        if not is_fit(value):
            raise ValueError(field.name)

    return check


def _must_if_given(is_fit: Callable[[str], bool]) -> Callable[..., None]:
    """Return a validator for such a text that may be missing."""

    def check(
        _: object, field: "attrs.Attribute[str | None]", value: str | None
    ) -> None:
        if value is not None and not is_fit(value):
            raise ValueError(field.name)

    return check


def read_base_url(text: str) -> str:
    """Parse the address of a relay from an answer, and rebuild it from checked parts.

    Raises:
        ValueError: The text is not such an address.
    """
    try:
        return parse_base_url(text)
    except ValueError:
        raise ValueError("url") from None


def _is_agents_code(text: str) -> bool:
    return is_well_formed(text, AGENT_PREFIX)


def no_room(name: str) -> CliError:
    """Return the error of an unknown room."""
    hint = "List the rooms: argybargy rooms"
    return CliError(f"There is no room '{name}'.", hint, Exit.NOT_FOUND)


@frozen
class Invited:
    """Access code that was just created.

    The fields end up in files, scripts and prompts, so they are validated like input.
    """

    code: str = attrs.field(repr=False, validator=_must(_is_agents_code))
    key_id: str = attrs.field(validator=_must(is_key_id))
    name: str = attrs.field(validator=_must(is_peer_name))
    room: str = attrs.field(validator=_must(is_name))
    expires: str | None
    capabilities: str
    url: str = attrs.field(converter=read_base_url)

    @classmethod
    def read(cls, answer: Json, *, name: str, room: str) -> Self:
        """Read the answer to an invitation.

        Args:
            answer: Decoded JSON.
            name: Name of the invited agent.
            room: Room of the request.

        Raises:
            CliError: The answer is not an invitation, or is for another agent or room.
        """
        invited = read_row(cls, answer)
        if peer_key(invited.name) != peer_key(name):
            raise unfit_answer("name")
        if room_key(invited.room) != room_key(room):
            raise unfit_answer("room")
        return invited


@frozen
class Opened:
    """Rooms that a new access code opens."""

    rooms: list[str]

    @classmethod
    def read(cls, answer: Json, rooms: Sequence[str]) -> tuple[str, ...]:
        """Return the rooms of an answer to an invitation.

        Raises:
            CliError: They are not the rooms of the request.
        """
        opened = read_row(cls, answer).rooms
        if list(map(room_key, opened)) != list(map(room_key, rooms)):
            raise unfit_answer("rooms")
        return tuple(opened)


@frozen
class InviteLink:
    """One-use invite that was just created."""

    invite: str = attrs.field(repr=False)
    link: str = attrs.field(repr=False)
    id: str = attrs.field(validator=_must(is_key_id))
    room: str = attrs.field(validator=_must(is_name))
    name: str | None = attrs.field(validator=_must_if_given(is_peer_name))
    expires_at: str


@frozen
class ListedInvite:
    """One-use invite as listed by the relay: without the secret."""

    id: str
    room: str
    name: str | None
    state: str
    expires_at: str
    code_key_id: str | None


@frozen
class GuestLink:
    """Link of a guest that was just created."""

    link: str = attrs.field(repr=False)
    code: str = attrs.field(repr=False)
    key_id: str = attrs.field(validator=_must(is_key_id))
    room: str = attrs.field(validator=_must(is_name))
    name: str = attrs.field(validator=_must(is_peer_name))
    role: str
    expires_at: str


@frozen
class ListedCode:
    """Access code as listed by the relay: without the secret."""

    key_id: str
    name: str
    room: str
    expires: str | None
    capabilities: str
    role: str = "agent"


@frozen
class RoomState:
    """Status of a room: open, or closed by somebody."""

    name: str
    status: str
    closed_at: str | None
    closed_by: str | None

    @property
    def is_closed(self) -> bool:
        """Whether the room is closed."""
        return self.status == "closed"

    def by_whom(self, times: LocalTimes) -> str:
        """Return who closed the room, and when."""
        return f"by {self.closed_by or OPERATOR} at {times.show(self.closed_at)}"


@frozen
class State:
    """Codes, rooms and limits of ``/admin/state``.

    Attributes:
        codes: All codes.
        rooms: All rooms.
        limits: Limits of the relay.
    """

    codes: tuple[ListedCode, ...]
    rooms: Mapping[RoomKey, RoomState]
    limits: Limits

    def room(self, name: str) -> RoomState:
        """Return a room by any spelling of its name.

        Raises:
            CliError: There is no such room.
        """
        found = self.rooms.get(room_key(name))
        if found is None:
            raise no_room(name)
        return found

    def codes_in(self, room: str, names: set[str]) -> tuple[str, ...]:
        """Return the key ids of the codes of these names in a room."""
        keys = set(map(peer_key, names))
        return tuple(
            code.key_id
            for code in self.codes
            if room_key(code.room) == room_key(room) and peer_key(code.name) in keys
        )

    def holders_in(self, room: str) -> tuple[str, ...]:
        """Return the names that have a code for a room, in order."""
        key = room_key(room)
        found = {code.name for code in self.codes if room_key(code.room) == key}
        return tuple(sorted(found))

    def refuse_closed(self, room: str, times: LocalTimes) -> None:
        """Raise if a room is closed.

        Raises:
            CliError: The room is closed.
        """
        found = self.rooms.get(room_key(room))
        if found is None or not found.is_closed:
            return
        raise CliError(
            f"Room {found.name} was closed {found.by_whom(times)}, "
            "and its agents were dismissed.",
            f"Reopen it first: argybargy reopen {shlex.quote(found.name)}. "
            "Or choose another name.",
            Exit.LOST,
        )

    @classmethod
    def read(cls, answer: Json) -> Self:
        """Read the answer of ``/admin/state``.

        Raises:
            CliError: The answer has another shape.
        """
        raw = read_row(_RawState, answer)
        rooms = [read_row(RoomState, room) for room in raw.room_status.values()]
        return cls(
            codes=tuple(read_row(ListedCode, row) for row in raw.codes),
            rooms={room_key(room.name): room for room in rooms},
            limits=_read_limits(raw.limits),
        )


def _read_limits(raw: Mapping[str, Any]) -> Limits:
    """Read the limits of the relay; limits of later versions are ignored.

    Raises:
        CliError: A limit is not a number, or is negative.
    """
    known = {field.name: field.type for field in attrs.fields(Limits)}
    limits = {name: value for name, value in raw.items() if name in known}
    for name, value in limits.items():
        if not fits(value, known[name]) or value < 0:
            raise unfit_answer(name)
    return Limits(**limits)


@frozen
class _RawState:
    codes: list[object]
    room_status: Mapping[str, object]
    limits: Mapping[str, Any]
