"""What the commands read out of the relay's answers: values of the right types."""

import math
import shlex
import types
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar, get_args, get_origin

import attrs

from argybargy.cli.client.protocol import Json
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.domain.access_codes import AGENT_PREFIX, is_key_id, is_well_formed
from argybargy.domain.limits import Limits
from argybargy.domain.names import OPERATOR, fold, is_name, is_peer_name
from argybargy.settings.parsers import parse_base_url

Row = TypeVar("Row")


def read_row(kind: type[Row], answer: object) -> Row:
    """Take the attributes of `kind` out of an answer; what else there is, is left.

    Raises:
        CliError: One is missing, or has another type, or is refused by a validator.
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
    """Return the error of an answer that does not hold what it should."""
    what = f": it has no fit '{field}'" if field else ""
    return CliError(
        f"The relay's answer lacks what this command needs{what}.",
        "Compare the versions: 'argybargy version', and 'version' at GET /health.",
        Exit.UNREACHABLE,
    )


def fits(value: object, kind: object) -> bool:
    """Tell whether a value out of JSON is of a type, all that is in it included."""
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
    """Return a validator for a text that goes where commands and paths go."""

    def check(_: object, field: "attrs.Attribute[str]", value: str) -> None:
        if not is_fit(value):
            raise ValueError(field.name)

    return check


def read_base_url(text: str) -> str:
    """Return the address of a relay out of an answer, made of checked parts.

    Raises:
        ValueError: It is not one.
    """
    try:
        return parse_base_url(text)
    except ValueError:
        raise ValueError("url") from None


def _is_agents_code(text: str) -> bool:
    return is_well_formed(text, AGENT_PREFIX)


def no_room(name: str) -> CliError:
    """Return the error of a room that is none."""
    hint = "List the rooms there are: argybargy rooms"
    return CliError(f"There is no room '{name}'.", hint, Exit.NOT_FOUND)


@attrs.frozen
class Invited:
    """A code that was just made.

    It goes into files, scripts and prompts, and so it is checked like any input.
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
            answer: The answer.
            name: Who was invited.
            room: The room that the code was asked for.

        Raises:
            CliError: It is not one, or one for somebody else.
        """
        invited = read_row(cls, answer)
        if fold(invited.name) != fold(name):
            raise unfit_answer("name")
        if fold(invited.room) != fold(room):
            raise unfit_answer("room")
        return invited


@attrs.frozen
class ListedCode:
    """A code, by its public half."""

    key_id: str
    name: str
    room: str
    expires: str | None
    capabilities: str


@attrs.frozen
class RoomState:
    """Whether a room is open, and who closed it if it is not."""

    name: str
    status: str
    closed_at: str | None
    closed_by: str | None

    @property
    def is_closed(self) -> bool:
        """Whether nobody may come in."""
        return self.status == "closed"

    def by_whom(self, times: LocalTimes) -> str:
        """Return by whom a closed room was closed, and when."""
        return f"by {self.closed_by or OPERATOR} at {times.show(self.closed_at)}"


@attrs.frozen
class State:
    """What the commands need of ``/admin/state``.

    Attributes:
        codes: All codes.
        rooms: All rooms, by folded name.
        limits: What the relay allows.
    """

    codes: tuple[ListedCode, ...]
    rooms: Mapping[str, RoomState]
    limits: Limits

    def room(self, name: str) -> RoomState:
        """Return a room, however its name is spelled.

        Raises:
            CliError: There is none.
        """
        found = self.rooms.get(fold(name))
        if found is None:
            raise no_room(name)
        return found

    def codes_in(self, room: str, names: set[str]) -> tuple[str, ...]:
        """Return the key ids of the codes that these names have in a room."""
        folded = set(map(fold, names))
        return tuple(
            code.key_id
            for code in self.codes
            if fold(code.room) == fold(room) and fold(code.name) in folded
        )

    def refuse_closed(self, room: str, times: LocalTimes) -> None:
        """Refuse to let anybody into a room that was closed.

        Raises:
            CliError: It was.
        """
        found = self.rooms.get(fold(room))
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
            CliError: It is not one.
        """
        raw = read_row(_RawState, answer)
        rooms = [read_row(RoomState, room) for room in raw.room_status.values()]
        return cls(
            codes=tuple(read_row(ListedCode, row) for row in raw.codes),
            rooms={fold(room.name): room for room in rooms},
            limits=_read_limits(raw.limits),
        )


def _read_limits(raw: Mapping[str, Any]) -> Limits:
    """Read what the relay allows; what only a later version knows is left.

    Raises:
        CliError: A limit is no number, or less than nothing.
    """
    known = {field.name: field.type for field in attrs.fields(Limits)}
    limits = {name: value for name, value in raw.items() if name in known}
    for name, value in limits.items():
        if not fits(value, known[name]) or value < 0:
            raise unfit_answer(name)
    return Limits(**limits)


@attrs.frozen
class _RawState:
    codes: list[object]
    room_status: Mapping[str, object]
    limits: Mapping[str, Any]
