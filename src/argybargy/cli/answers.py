"""What the commands read out of the relay's answers: values of the right types."""

from collections.abc import Mapping
from typing import Any, Self, TypeVar

import attrs

from argybargy.cli.exits import CliError, Exit
from argybargy.cli.operator import Json
from argybargy.domain.limits import Limits
from argybargy.domain.names import fold

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
