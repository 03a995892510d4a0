"""The polls of an ear: who it is, how long it waits, and what it does in trouble."""

import re
from typing import Final, NamedTuple
from urllib.parse import urlencode

from argybargy import __version__
from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.message_lines import Page
from argybargy.agent.process import Process
from argybargy.agent.program_watch import ProgramWatch
from argybargy.agent.reading import SETTLE_SECONDS, client_of
from argybargy.agent.relay_client import (
    TICK_SECONDS,
    RelayAway,
    RelayRefused,
)
from argybargy.agent.seat import Seat, SeatFacts
from argybargy.agent.wakers import Waker

HEADER: Final = "X-Argybargy-Ear"
TAKEN_SECONDS: Final = 75.0
"""Time to wait for the seat of an ear that ended: its lease lives for two polls."""
_TAKEN_PAUSE_SECONDS: Final = 10.0
LONGEST_PAUSE_SECONDS: Final = 30.0
_PROGRAM: Final = re.compile(
    r"[a-z0-9][a-z0-9._-]{0,31}/[A-Za-z0-9][A-Za-z0-9.+_-]{0,23}"
)
_SESSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,49}")


class Manner(NamedTuple):
    """The manner in which an ear listens.

    Attributes:
        waker: The way in which it hands messages over.
        header: The header by which the relay knows the ear.
        hear: Messages that end its wait: ``asks``, ``direct`` or ``all``.
    """

    waker: Waker
    header: str
    hear: str = "asks"


def ear_header(
    program: str | None, waker: Waker, session: str, facts: SeatFacts
) -> str:
    """Return the header by which the relay knows an ear.

    Args:
        program: Name and version of its program. Default: the one of the seat.
        waker: Its waker.
        session: Session of its program; empty if unknown.
        facts: Facts about the seat.

    Raises:
        AgentError: A part of it has another form.
    """
    named = program or f"{facts.program[:32] or 'argybargy'}/{__version__}"
    name, _, version = named.partition("/")
    program = f"{name.lower()}/{version}"
    session = session or facts.session or "none"
    if not _PROGRAM.fullmatch(program) or not _SESSION.fullmatch(session):
        text = "A program is NAME/VERSION, and a session letters, digits or dashes."
        hint = "argy ear --program claude-code/2.1.332 --session ID"
        raise AgentError(text, hint, Exit.USAGE)
    return f"{program} {waker.name} {session}"


class EarPoll:
    """Polls for an ear, and waits between them.

    Attributes:
        process: Streams and clock.
        seat: The seat.
        watch: Checks the program.
        manner: The manner in which the ear listens.
    """

    def __init__(
        self, process: Process, seat: Seat, watch: ProgramWatch, manner: Manner
    ) -> None:
        self.process = process
        self.seat = seat
        self.client = client_of(seat)
        self.watch = watch
        self.manner = manner
        self._is_noted = False
        self._pause = 1.0
        self._taken_since: float | None = None

    def poll(self, since: int | None, wait: float, most: int = 0) -> Page | None:
        """Poll once; return ``None`` if there is no answer, after a pause.

        Args:
            since: The message to begin after, which is acknowledged with all before
                it; ``None`` resumes.
            wait: How long the relay may wait.
            most: Maximum messages; 0 leaves it to the relay.

        Raises:
            RelayRefused: The relay refuses the code or the seat.
        """
        fields = {
            "since": "resume" if since is None else str(since),
            "wait": f"{wait:g}",
            "wake": self.manner.hear,
            "settle": SETTLE_SECONDS,
            **({"limit": most} if most else {}),
        }
        try:
            page = self.client.ask(
                "GET",
                f"/messages?{urlencode(fields)}",
                headers={HEADER: self.manner.header},
                wait_seconds=wait or 1,
                watch=self.watch.check,
            ).page()
        except RelayAway as error:
            self.note_trouble(error.text)
            self.sleep(max(self._pause, error.seconds))
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            return None
        except RelayRefused as error:
            self._survive(error)
            return None
        self._is_noted, self._pause, self._taken_since = False, 1.0, None
        return page

    def _survive(self, error: RelayRefused) -> None:
        """Wait, if a refusal may pass.

        Raises:
            RelayRefused: It does not pass.
        """
        if not error.problem:
            # Another server has the address of the relay, perhaps while it restarts.
            self.note_trouble(error.text)
            self.sleep(LONGEST_PAUSE_SECONDS)
            return
        if error.problem == "unauthorized" and self.seat.code() != self.client.code:
            self.client = client_of(self.seat)  # the agent has joined again
            return
        now = self.process.now()
        if self._taken_since is None:
            self._taken_since = now
        if error.problem != "seat_taken" or now - self._taken_since > TAKEN_SECONDS:
            raise error
        self.sleep(_TAKEN_PAUSE_SECONDS)

    def acknowledge(self, since: int | None) -> None:
        """Acknowledge what was handed over, before an ear ends with that.

        Without an answer the next ear does it.
        """
        target = f"/messages?since={since or 0}&wait=0&limit=1"
        try:
            self.client.ask("GET", target, headers={HEADER: self.manner.header})
        except AgentError:
            return

    def note_trouble(self, text: str) -> None:
        """Say on standard error what is wrong, once until the next answer.

        With `exit2` standard error is what the model will read.
        """
        if not self._is_noted and self.manner.waker.name != "exit2":
            self.process.note(f"argy: {text} Trying again.")
        self._is_noted = True

    def sleep(self, seconds: float) -> None:
        """Sleep as long as the program is there.

        Raises:
            ProgramEnded: It is gone.
        """
        end = self.process.now() + seconds
        while (left := end - self.process.now()) > 0:
            self.watch.check()
            self.process.sleep(min(TICK_SECONDS, left))
