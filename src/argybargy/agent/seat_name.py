"""Names of seats, and the file of a project that names them. Pure.

A seat is a name in a room of a relay: ``127.0.0.1-8765/build/claude``. The relay may be
left out where only one seat of this machine fits: ``build/claude``.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from argybargy.agent.errors import AgentError, Exit
from argybargy.domain.names import fold, is_name

PROJECT_FILE: Final = ".argybargy"
_HEADING: Final = "# Seats of agents in this project. The codes are elsewhere.\n"
_RELAY: Final = re.compile(r"[\w-][\w.-]{0,255}")
"""The folder of a relay. It cannot be ``..`` nor contain a slash."""
_PARTS: Final = (2, 3)


class SeatName(NamedTuple):
    """The name of a seat.

    Attributes:
        room: Room, case-folded.
        name: Name in the room, case-folded.
        relay: Folder name of the relay; empty if not given.
    """

    room: str
    name: str
    relay: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.relay, self.room, self.name)))

    def fits(self, other: "SeatName") -> bool:
        """Tell whether this name, perhaps without its relay, names a full one."""
        return self.relay in {"", other.relay} and self[:2] == other[:2]


def seat_name_of(base: str, room: str, name: str) -> SeatName:
    """Return the name of a seat on the relay at an address."""
    return SeatName(fold(room), fold(name), relay_folder(base))


def relay_folder(base: str) -> str:
    """Return the folder name of the relay at an address: its host and port."""
    host = urlsplit(base).netloc.replace(":", "-")
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in host)


def parse_seat_name(text: str) -> SeatName:
    """Parse the name of a seat.

    Raises:
        AgentError: It is not the name of a seat.
    """
    parts = text.strip().split("/")
    if len(parts) in _PARTS:
        *relay, room, name = parts
        is_relay = all(_RELAY.fullmatch(each) for each in relay)
        if is_relay and is_name(room) and is_name(name):
            return SeatName(fold(room), fold(name), *relay)
    # The text may be a code that was typed in the wrong place: it is not repeated.
    problem = "A seat is named ROOM/NAME, or RELAY/ROOM/NAME."
    raise AgentError(problem, "Name one: --seat build/claude", Exit.USAGE)


def parse_project_file(text: str) -> list[SeatName]:
    """Parse the file of a project: a seat a line; ``#`` begins a comment.

    Raises:
        AgentError: A line is not the name of a seat.
    """
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [parse_seat_name(line) for line in lines if line]


def with_seat(text: str, seat: SeatName) -> str:
    """Return the content of the project's file with a seat added at its end."""
    if str(seat) in map(str, parse_project_file(text)):
        return text
    distance = "" if not text or text.endswith("\n") else "\n"
    return f"{text or _HEADING}{distance}{seat}\n"


def without_seat(text: str, seat: SeatName) -> str:
    """Return the content of the project's file without a seat; empty if none is left.

    Comments of the user stay, so the file is kept if it has any.
    """
    lines = text.splitlines(keepends=True)
    kept = "".join(line for line in lines if not _names(line, seat))
    return "" if kept == _HEADING else kept


def _names(line: str, seat: SeatName) -> bool:
    named = line.partition("#")[0].strip()
    return bool(named) and parse_seat_name(named).fits(seat)


def only_one(found: Iterable[SeatName], among: str) -> SeatName:
    """Return the only seat.

    Args:
        found: The seats to choose from.
        among: The place where they were found, for the error.

    Raises:
        AgentError: There is none, or several.
    """
    seats = sorted(set(found))
    if len(seats) == 1:
        return seats[0]
    if not seats:
        hint = "Join a room: argy join LINK"
        raise AgentError(f"There is no seat {among}.", hint, Exit.NOT_FOUND)
    names = ", ".join(map(str, seats))
    raise AgentError(f"Several seats are {among}: {names}.", _CHOOSE, Exit.USAGE)


_CHOOSE: Final = "Name one: --seat SEAT, or ARGYBARGY_SEAT in the environment."
