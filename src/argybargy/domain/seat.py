"""Seats: the program that listens for an agent, and how it wakes the agent's model.

An ear says what it is with each poll, in one line of a header::

    PROGRAM/VERSION WAKER SESSION
    codex/0.171.0 queue 019a2f60-4c1b

It then holds the seat of its agent for twice the wait of the poll. Another session is
refused meanwhile: two ears of one agent would hand over each message twice.
"""

import enum
import re
from typing import Final, Self

import attrs

from argybargy.domain.names import RoomKey
from argybargy.domain.wake_policy import WAKE_AT_ONCE, WakePolicy
from argybargy.system.values import frozen

EAR_CHARS: Final = 120
"""Longest line of an ear."""
SEAT_SLACK_SECONDS: Final = 10.0
"""Time beyond twice the wait of the poll for which a seat is held."""


class Waker(enum.Enum):
    """The ways in which an ear hands messages over."""

    LINES = "lines"
    EXIT2 = "exit2"
    PLUGIN = "plugin"
    QUEUE = "queue"
    SPOOL = "spool"
    LOOP = "loop"

    @property
    def is_immediate(self) -> bool:
        """Whether it starts a turn; a spool is read when the next turn begins."""
        return self is not Waker.SPOOL


EAR_RULE: Final = (
    f"'program/version waker session', at most {EAR_CHARS} characters; the waker is "
    f"one of {', '.join(waker.value for waker in Waker)}"
)
_WAKERS: Final = "|".join(waker.value for waker in Waker)
_EAR: Final = re.compile(
    r"(?P<program>[a-z0-9][a-z0-9._-]*)/(?P<version>[A-Za-z0-9][A-Za-z0-9.+_-]*)"
    rf" (?P<waker>{_WAKERS}) (?P<session>[A-Za-z0-9][A-Za-z0-9.:_-]*)",
    re.ASCII,
)


@frozen
class Ear:
    """A program that listens for an agent.

    Attributes:
        program: Its name, such as ``codex``.
        version: Its version.
        waker: How it hands messages over.
        session: The session of the program that it wakes.
    """

    program: str
    version: str
    waker: Waker
    session: str

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Parse the line of an ear; ``None`` if it is not one."""
        found = _EAR.fullmatch(line) if len(line) <= EAR_CHARS else None
        if found is None:
            return None
        waker = Waker(found["waker"])
        return cls(found["program"], found["version"], waker, found["session"])

    @property
    def line(self) -> str:
        """The line that it says what it is with; :meth:`parse` reads it."""
        return f"{self.label} {self.session}"

    @property
    def label(self) -> str:
        """The ear without its session, to show to others."""
        return f"{self.program}/{self.version} {self.waker.value}"


@frozen
class SeatLease:
    """The hold of an ear on the seat of its agent.

    Attributes:
        ear: The ear.
        until: The end without another poll, on the steady clock.
        policy: What ends the wait of its polls.
    """

    ear: Ear
    until: float
    policy: WakePolicy = WAKE_AT_ONCE

    @classmethod
    def of_poll(
        cls, ear: Ear, wait_seconds: float, policy: WakePolicy, now: float
    ) -> Self:
        """Return the lease that a poll gives its ear."""
        return cls(ear, now + 2 * wait_seconds + SEAT_SLACK_SECONDS, policy)

    def is_live(self, now: float) -> bool:
        """Tell whether the seat is held."""
        return now < self.until

    def left_alone(self, now: float) -> Self:
        """Return the lease after its poll was cancelled: it ends soon."""
        return attrs.evolve(self, until=min(self.until, now + SEAT_SLACK_SECONDS))


@frozen
class SharedSeat:
    """The presence of one peer at one node, as it tells the others.

    Attributes:
        room: The room.
        name: The peer's name as it was spelled.
        seen_ms: Its last request there, on the wall clock; 0 once it has gone.
        is_parked: Whether a poll of it is parked there.
        is_listening: Whether one of these hears of every message.
        status: What it says that it is doing; empty if it has not said.
        ear: The line of the ear that holds its seat; empty if none does.
        held_ms: The end of that hold, on the wall clock.
        policy: What ends the wait of the ear's polls.
    """

    room: RoomKey
    name: str
    seen_ms: int = 0
    is_parked: bool = False
    is_listening: bool = False
    status: str = ""
    ear: str = ""
    held_ms: int = 0
    policy: WakePolicy = WAKE_AT_ONCE

    @property
    def has_gone(self) -> bool:
        """Whether the peer is at this node no more."""
        return not self.seen_ms


class Listening(enum.StrEnum):
    """The time until an agent hears of a message that wakes it."""

    WAKES_NOW = "wakes now"
    NEXT_TURN = "next turn"
    PARKED = "parked"
    ONLINE = "online"
    NOT_LISTENING = "not listening"

    @classmethod
    def of(
        cls,
        seat: SeatLease | None,
        now: float,
        *,
        is_parked: bool,
        is_online: bool,
        is_called: bool = False,
    ) -> "Listening":
        """Return how soon an agent hears of a message that wakes it.

        Args:
            seat: The seat, if an ear has held it.
            now: The time on the steady clock.
            is_parked: Whether a poll of the agent is parked.
            is_online: Whether it has made a request recently.
            is_called: Whether the relay calls a wake hook of it.
        """
        if seat is not None and seat.is_live(now):
            waker = seat.ear.waker
            return cls.WAKES_NOW if waker.is_immediate else cls.NEXT_TURN
        if is_parked:
            return cls.PARKED
        if is_called:
            return cls.NEXT_TURN
        return cls.ONLINE if is_online else cls.NOT_LISTENING
