"""What the commands read out of the relay's answers: values of the right types."""

from collections.abc import Mapping
from typing import Any, Self, TypeVar

import attrs

from argybargy.cli.exits import CliError, Exit
from argybargy.cli.operator import Json
from argybargy.cli.reading import LocalTimes
from argybargy.domain.limits import Limits
from argybargy.domain.names import OPERATOR, fold

Row = TypeVar("Row")


def read_row(kind: type[Row], answer: object) -> Row:
    """Take the attributes of `kind` out of an answer; what else there is, is left."""
    names = [field.name for field in attrs.fields(kind)]  # type: ignore[arg-type]
    if not isinstance(answer, Mapping) or not all(name in answer for name in names):
        raise CliError(
            "The relay's answer lacks what this command needs.",
            "Compare the versions: 'argybargy version', and 'version' at GET /health.",
            Exit.UNREACHABLE,
        )
    return kind(**{name: answer[name] for name in names})


def no_room(name: str) -> CliError:
    """Return the error of a room that is none."""
    hint = "List the rooms there are: argybargy rooms"
    return CliError(f"There is no room '{name}'.", hint, Exit.NOT_FOUND)


@attrs.frozen
class Invited:
    """A code that was just made."""

    code: str = attrs.field(repr=False)
    key_id: str
    name: str
    room: str
    expires: str | None
    capabilities: str
    url: str

    @classmethod
    def read(cls, answer: Json) -> Self:
        """Read the answer to an invitation.

        Raises:
            CliError: It is not one.
        """
        return read_row(cls, answer)


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
            f"Reopen it first: argybargy reopen {found.name}. Or choose another name.",
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
        known = {field.name for field in attrs.fields(Limits)}
        limits = {name: value for name, value in raw.limits.items() if name in known}
        return cls(
            codes=tuple(read_row(ListedCode, row) for row in raw.codes),
            rooms={fold(room.name): room for room in rooms},
            limits=Limits(**limits),
        )


@attrs.frozen
class _RawState:
    codes: list[object]
    room_status: Mapping[str, object]
    limits: Mapping[str, Any]
