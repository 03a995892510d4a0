"""The ear: one process for each seat that listens while the agent does not.

It polls, writes messages to the spool, hands them over by its waker, notes that, and
acknowledges them with its next poll::

    poll ── spool, on the disk ── hand over ── note ── poll after the noted message
      │                               │
      └ killed: the relay sends       └ killed: handed over once more,
        them again                      from the spool or the relay

So no message is lost, and one is repeated only if the ear was killed while it handed
the message over. While a program has not confirmed messages, and while the spool is
full, the ear acknowledges nothing further; the relay keeps what follows.

An ear says nothing while nothing happens. Its trouble is said once, on standard error.
"""

import argparse
import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

from argybargy import __version__
from argybargy.agent.ear_lock import EarHolder, hold_ear_lock
from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.message_lines import Entry, Page
from argybargy.agent.process import Process
from argybargy.agent.program_watch import ProgramEnded, ProgramWatch
from argybargy.agent.reading import SETTLE_SECONDS, client_of
from argybargy.agent.relay_client import (
    TICK_SECONDS,
    WAIT_SECONDS,
    RelayAway,
    RelayRefused,
)
from argybargy.agent.seat import SESSION_VARIABLE, Seat, SeatFacts, choose_seat
from argybargy.agent.spool import Spool
from argybargy.agent.wakers import (
    BATCH_SECONDS,
    QueueError,
    Waker,
    parse_waker,
    queue,
)

HEADER: Final = "X-Argybargy-Ear"
CLOSED_LOOK_SECONDS: Final = 60.0
"""Time between two looks at a closed room, which may be reopened."""
PENDING_LOOK_SECONDS: Final = 5.0
"""Time between two polls while the program has not confirmed its messages."""
IDLE_PAUSE_SECONDS: Final = 1.0
"""Least time between two polls that bring nothing."""
TAKEN_SECONDS: Final = 75.0
"""Time to wait for the seat of an ear that ended: its lease lives for two polls."""
_TAKEN_PAUSE_SECONDS: Final = 10.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_PROGRAM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}/[A-Za-z0-9._-]{1,20}")
_SESSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def ear(process: Process, options: argparse.Namespace) -> Exit:
    """Listen until the program ends, and hand messages over to it.

    Raises:
        AgentError: The relay refuses the code or the seat, or another ear is there.
    """
    waker = parse_waker(options.wake)
    seat = choose_seat(process, options.seat)
    facts = seat.facts()
    session = options.session or process.environment.get(SESSION_VARIABLE, "")
    header = _header(options.program, waker, session or facts.session, facts)
    locked = options.while_locked and process.directory / options.while_locked
    watch = ProgramWatch(
        process, options.while_pid, locked or None, watches_input=options.while_stdin
    )
    with hold_ear_lock(process, seat, EarHolder(waker.name, session)):
        try:
            return Ear(process, seat, watch, Manner(waker, header, options.hear)).run()
        except (ProgramEnded, BrokenPipeError):
            return Exit.OK


def _header(program: str | None, waker: Waker, session: str, facts: SeatFacts) -> str:
    """Return the header by which the relay knows the ear.

    Raises:
        AgentError: A part of it has another form.
    """
    program = program or f"{facts.program or 'argybargy'}/{__version__}"
    session = session or "none"
    if not _PROGRAM.fullmatch(program) or not _SESSION.fullmatch(session):
        text = "A program is NAME/VERSION, and a session letters, digits or dashes."
        hint = "argy ear --program claude-code/2.1.332 --session ID"
        raise AgentError(text, hint, Exit.USAGE)
    return f"{program} {waker.name} {session}"


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


class Ear:
    """An ear at work.

    Attributes:
        process: Its streams and clock.
        seat: The seat; the caller holds the lock of its ear.
        watch: Checks the program.
        manner: The manner in which it listens.
    """

    def __init__(
        self, process: Process, seat: Seat, watch: ProgramWatch, manner: Manner
    ) -> None:
        self.process = process
        self.seat = seat
        self.watch = watch
        self.waker, self.header, self.hear = manner
        self.client = client_of(seat)
        self.spool = Spool(seat.spool_path)
        self.room = seat.facts().room
        self._is_noted = False
        self._queue_is_noted = False
        self._away_pause = 1.0
        self._queue_pause = 1.0
        self._taken_since: float | None = None

    def run(self) -> Exit:
        """Listen until the program ends.

        Returns:
            The exit code, if the ear has to end by itself.

        Raises:
            ProgramEnded: The program is gone.
            AgentError: The relay refuses the code or the seat.
        """
        self._begin()
        while True:
            # First, so that a spool that a killed ear left is handed over at once.
            if self._hand_over():
                return Exit.USAGE  # the code that wakes the program
            began = self.process.now()
            page = self._poll()
            if page is None:
                continue
            if not self._take(page) and not page.has_more:
                # A relay that answers at once instead of waiting must not be flooded.
                self._sleep(began + IDLE_PAUSE_SECONDS - self.process.now())
            if page.leave:
                if not self.waker.is_monitor:
                    return Exit.USAGE if self._hand_over() else Exit.CLOSED
                self._hand_over()
                self._sleep(CLOSED_LOOK_SECONDS)

    def _begin(self) -> None:
        """Take over the spool of an earlier ear.

        Messages that an older thread has not confirmed are handed over again.
        """
        with self.seat.locked(self.process):
            state = self.seat.state()
            self.spool.drop_stale(state.told or 0)
            if state.handed_to != self.waker.thread:
                changed = state._replace(handed=0, handed_to=self.waker.thread)
                self.seat.save_state(changed)

    # -- poll ---------------------------------------------------------------------

    def _poll(self) -> Page | None:
        """Poll once; return ``None`` if there is no answer.

        It begins after the last message that was handed over, which acknowledges it.
        The first poll of a new seat resumes instead.
        """
        state = self.seat.state()
        is_pending = bool(self.spool.entries())
        wait = 0.0 if is_pending or state.has_left else WAIT_SECONDS
        fields = {
            "since": "resume" if state.told is None else str(state.told),
            "wait": f"{wait:g}",
            "wake": self.hear,
            "settle": SETTLE_SECONDS,
        }
        try:
            page = self.client.ask(
                "GET",
                f"/messages?{urlencode(fields)}",
                headers={HEADER: self.header},
                wait_seconds=wait or 1,
                watch=self.watch.check,
            ).page()
        except RelayAway as error:
            self._note_trouble(error.text)
            self._sleep(max(self._away_pause, error.seconds))
            self._away_pause = min(2 * self._away_pause, _LONGEST_PAUSE_SECONDS)
            return None
        except RelayRefused as error:
            self._survive(error)
            return None
        self._is_noted, self._away_pause = False, 1.0
        self._taken_since = None
        return page

    def _survive(self, error: RelayRefused) -> None:
        """Wait, if a refusal may pass.

        Raises:
            RelayRefused: It does not pass.
        """
        if not error.problem:
            # Another server has the address of the relay, perhaps while it restarts.
            self._note_trouble(error.text)
            self._sleep(_LONGEST_PAUSE_SECONDS)
            return
        now = self.process.now()
        if self._taken_since is None:
            self._taken_since = now
        if error.problem != "seat_taken" or now - self._taken_since > TAKEN_SECONDS:
            raise error
        self._sleep(_TAKEN_PAUSE_SECONDS)

    def _note_trouble(self, text: str) -> None:
        """Say once that the relay cannot be heard.

        With `exit2` standard error is what the model will read.
        """
        if not self._is_noted and self.waker.name != "exit2":
            self.process.note(f"argy: {text} Trying again.")
        self._is_noted = True

    def _sleep(self, seconds: float) -> None:
        """Sleep as long as the program is there, and nothing was confirmed."""
        end = self.process.now() + seconds
        while (left := end - self.process.now()) > 0:
            self.watch.check()
            self.process.sleep(min(TICK_SECONDS, left))

    # -- spool --------------------------------------------------------------------

    def _take(self, page: Page) -> bool:
        """Write the messages of a page to the spool; return whether there are any."""
        with self.seat.locked(self.process):
            state = self.seat.state()
            if page.is_reset:
                # The relay was restored, and will give these numbers again.
                self.spool.drop_through(max(state.told or 0, state.handed))
                first = min((entry.number for entry in page.entries), default=None)
                told = page.cursor if first is None else first - 1
                state = state._replace(told=told, handed=0)
            told = state.told or 0
            spooled = self.spool.entries()
            last = max([told, *(entry.number for entry in spooled)])
            fresh = page.after(last).entries
            # The queue takes nothing more until the program has confirmed: what comes
            # along with the next question is no reason to wake it.
            if spooled and self.waker.name == "queue":
                fresh = ()
            fits = self.spool.append(fresh)
            if page.leave and not state.has_left:
                self.spool.append([Entry(0, page.leave)])
            if not spooled and not fresh and fits:
                # Nothing of it was for this agent.
                state = state._replace(told=max(told, page.cursor))
            changed = state._replace(has_left=bool(page.leave))
            if changed != self.seat.state():
                self.seat.save_state(changed)
            return bool(fresh)

    # -- hand over ----------------------------------------------------------------

    def _hand_over(self) -> bool:
        """Hand over the spool; return whether the ear ends with that."""
        entries = self._pending()
        if not entries:
            return False
        if self.waker.name == "lines":
            self._write_lines(entries)
        elif self.waker.name == "exit2":
            return self._write_error(entries)
        elif self.waker.name == "queue":
            self._queue(entries)
        if self.spool.entries() and self.waker.is_confirmed_later:
            self._wait_for_confirmation()
        return False

    def _pending(self) -> Sequence[Entry]:
        """Return the spooled messages that were not handed over in the meantime."""
        with self.seat.locked(self.process):
            told = self.seat.state().told or 0
            self.spool.drop_stale(told)
            return self.spool.entries()

    def _write_lines(self, entries: Sequence[Entry]) -> None:
        batches = self.waker.batches(entries, self.room)
        for place, batch in enumerate(batches):
            self.watch.check()
            if batch.told and batch.told <= (self.seat.state().told or 0):
                continue  # the agent has read it in the meantime
            self.process.write(batch.text)
            if batch.told is not None:
                self._note_told(batch.told)
            if place < len(batches) - 1:
                self._sleep(BATCH_SECONDS)
        self._note_told(entries[-1].number)
        # The next messages may come at once.
        self._sleep(BATCH_SECONDS)

    def _write_error(self, entries: Sequence[Entry]) -> bool:
        text = ""
        for batch in self.waker.batches(entries, self.room):
            text += batch.text
            if batch.told is not None:
                break  # at least one message is complete; the next ear has the others
        self.process.note(text.removesuffix("\n"))
        self._note_told(batch.told or 0)
        self._acknowledge()
        return True

    def _queue(self, entries: Sequence[Entry]) -> None:
        state = self.seat.state()
        waiting = [each for each in entries if _is_after(each, state.handed)]
        for batch in self.waker.batches(waiting, self.room):
            self.watch.check()
            try:
                queue(self.process, self.waker.thread, batch.text)
            except QueueError as error:
                if not self._queue_is_noted:
                    self.process.note(f"argy: Messages wait: {error}. Trying again.")
                self._queue_is_noted = True
                self._sleep(self._queue_pause)
                self._queue_pause = min(2 * self._queue_pause, _LONGEST_PAUSE_SECONDS)
                return
            self._queue_is_noted, self._queue_pause = False, 1.0
            if batch.told is not None:
                with self.seat.locked(self.process):
                    changed = self.seat.state()._replace(handed=batch.told)
                    self.seat.save_state(changed)

    def _note_told(self, number: int) -> None:
        """Note durably that messages were handed over, and drop them from the spool."""
        with self.seat.locked(self.process):
            state = self.seat.state()
            told = max(state.told or 0, number)
            self.seat.save_state(state._replace(told=told))
            self.spool.drop_through(told)

    def _acknowledge(self) -> None:
        """Acknowledge what was handed over: there will be no further poll.

        Without an answer the next ear does it.
        """
        query = f"since={self.seat.state().told}&wait=0&limit=1"
        try:
            self.client.ask("GET", f"/messages?{query}", headers={HEADER: self.header})
        except AgentError:
            return

    def _wait_for_confirmation(self) -> None:
        """Wait until the agent has read the spool, or it is time for a poll.

        The polls keep the relay's lease; they acknowledge nothing.
        """
        end = self.process.now() + PENDING_LOOK_SECONDS
        while self.process.now() < end and self.spool.entries():
            self.watch.check()
            self.process.sleep(TICK_SECONDS)


def _is_after(entry: Entry, number: int) -> bool:
    """Tell whether a message has a higher number; notes without one always do."""
    return entry.number > number or entry.number == 0
