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
from collections.abc import Sequence
from typing import Final

from argybargy.agent.ear_lock import EarHolder, hold_ear_lock
from argybargy.agent.ear_poll import (
    LONGEST_PAUSE_SECONDS,
    EarPoll,
    Manner,
    ear_header,
)
from argybargy.agent.errors import Exit
from argybargy.agent.message_lines import Entry, Page
from argybargy.agent.process import Process
from argybargy.agent.program_watch import ProgramEnded, ProgramWatch
from argybargy.agent.relay_client import TICK_SECONDS, WAIT_SECONDS
from argybargy.agent.seat import SESSION_VARIABLE, Seat, choose_seat
from argybargy.agent.spool import Spool
from argybargy.agent.wakers import BATCH_SECONDS, QueueError, parse_waker, queue

CLOSED_LOOK_SECONDS: Final = 60.0
"""Time between two looks at a closed room, which may be reopened."""
PENDING_LOOK_SECONDS: Final = 5.0
"""Time between two polls while the program has not confirmed its messages."""
IDLE_PAUSE_SECONDS: Final = 1.0
"""Least time between two polls that bring nothing."""


def ear(process: Process, options: argparse.Namespace) -> Exit:
    """Listen until the program ends, and hand messages over to it.

    Raises:
        AgentError: The relay refuses the code or the seat, or another ear is there.
    """
    waker = parse_waker(options.wake)
    seat = choose_seat(process, options.seat)
    session = options.session or process.environment.get(SESSION_VARIABLE, "")
    header = ear_header(options.program, waker, session, seat.facts())
    locked = options.while_locked and process.directory / options.while_locked
    watch = ProgramWatch(
        process,
        options.while_pid,
        locked or None,
        header=seat.header_path,
        watches_input=options.while_stdin,
    )
    with hold_ear_lock(process, seat, EarHolder(waker.name, session)):
        try:
            return Ear(process, seat, watch, Manner(waker, header, options.hear)).run()
        except ProgramEnded:
            return Exit.OK


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
        self.waker = manner.waker
        self.relay = EarPoll(process, seat, watch, manner)
        self.spool = Spool(seat.spool_path)
        self.room = seat.facts().room
        # What was handed over, also if the disk is too full to note it.
        self._told = 0
        self._disk_is_noted = False
        self._queue_is_noted = False
        self._queue_pause = 1.0

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
            try:
                code = self._take_turn()
            except OSError as error:
                # The disk is full, for example. Nothing is acknowledged meanwhile, and
                # an ear that ended would not be started again.
                if not self._disk_is_noted:
                    why = f"{error.strerror}: {error.filename}"
                    self.process.note(f"argy: {why}. Trying again.")
                self._disk_is_noted = True
                self.relay.sleep(LONGEST_PAUSE_SECONDS)
                continue
            if code is not None:
                return code

    def _take_turn(self) -> Exit | None:
        """Hand over the spool and poll once; return the exit code at the end."""
        # First, so that a spool that a killed ear left is handed over at once.
        if self._hand_over():
            return Exit.USAGE  # the code that wakes the program
        state, is_pending = self.seat.state(), bool(self.spool.entries())
        wait = 0.0 if is_pending or state.has_left else WAIT_SECONDS
        keeps_lease_only = is_pending and self.waker.name == "queue"
        began = self.process.now()
        page = self.relay.poll(state.told, wait, 1 if keeps_lease_only else 0)
        if page is None:
            return None
        self.watch.check()
        if not self._take(page) and not page.has_more:
            # A relay that answers at once instead of waiting must not be flooded.
            self.relay.sleep(began + IDLE_PAUSE_SECONDS - self.process.now())
        if not page.leave:
            return None
        if self._hand_over():
            return Exit.USAGE
        if not self.waker.is_monitor:
            return Exit.CLOSED
        self.relay.sleep(CLOSED_LOOK_SECONDS)
        return None

    # -- spool --------------------------------------------------------------------

    def _begin(self) -> None:
        """Take over the state of an earlier ear.

        Messages that an older thread has not confirmed are handed over again.
        """
        with self.seat.locked(self.process):
            state = self.seat.state()
            if state.handed_to != self.waker.thread:
                changed = state._replace(handed=0, handed_to=self.waker.thread)
                self.seat.save_state(changed)

    def _take(self, page: Page) -> bool:
        """Write the messages of a page to the spool; return whether there are any."""
        with self.seat.locked(self.process):
            state = self.seat.state()
            if page.is_reset:
                # The relay was restored, and will give these numbers again.
                self.spool.drop_through(max(state.told or 0, state.handed))
                first = min((entry.number for entry in page.entries), default=None)
                told = page.cursor if first is None else first - 1
                state = state._replace(told=told, handed=0, seen=())
                self._told = told
            told = max(state.told or 0, self._told)
            spooled = self.spool.entries()
            last = max([told, *(entry.number for entry in spooled)])
            fresh = page.after(last).without(state.seen).entries
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

    def _pending(self) -> Sequence[Entry]:
        """Return the spooled messages that were not handed over in the meantime."""
        with self.seat.locked(self.process):
            self.spool.drop_stale(max(self.seat.state().told or 0, self._told))
            return self.spool.entries()

    # -- hand over ----------------------------------------------------------------

    def _hand_over(self) -> bool:
        """Hand over the spool; return whether the ear ends with that."""
        entries = self._pending()
        if not entries:
            return False
        if self.waker.name == "lines":
            self._write_lines(entries)
        elif self.waker.name == "exit2":
            self._write_error(entries)
            return True
        elif self.waker.name == "queue":
            self._queue(entries)
        if self.spool.entries() and self.waker.is_confirmed_later:
            self._wait_for_confirmation()
        return False

    def _write_lines(self, entries: Sequence[Entry]) -> None:
        batches = self.waker.batches(entries, self.room)
        for place, batch in enumerate(batches):
            self.watch.check()
            if batch.told and batch.told <= (self.seat.state().told or 0):
                continue  # the agent has read it in the meantime
            try:
                self.process.write(batch.text)
            except OSError:
                raise ProgramEnded from None  # nobody reads this any more
            if batch.told is not None:
                self._note_told(batch.told)
            if place < len(batches) - 1:
                self.relay.sleep(BATCH_SECONDS)
        # The next messages may come at once.
        self.relay.sleep(BATCH_SECONDS)

    def _write_error(self, entries: Sequence[Entry]) -> None:
        text = ""
        for batch in self.waker.batches(entries, self.room):
            text += batch.text
            if batch.told is not None:
                break  # at least one message is complete; the next ear has the others
        self.process.note(text.removesuffix("\n"))
        self._note_told(batch.told or 0)
        self.relay.acknowledge(self.seat.state().told)

    def _queue(self, entries: Sequence[Entry]) -> None:
        handed = self.seat.state().handed
        waiting = [each for each in entries if not 0 < each.number <= handed]
        for batch in self.waker.batches(waiting, self.room):
            self.watch.check()
            try:
                queue(self.process, self.waker.thread, batch.text)
            except QueueError as error:
                if not self._queue_is_noted:
                    self.process.note(f"argy: Messages wait: {error}. Trying again.")
                self._queue_is_noted = True
                self.relay.sleep(self._queue_pause)
                self._queue_pause = min(2 * self._queue_pause, LONGEST_PAUSE_SECONDS)
                return
            self._queue_is_noted, self._queue_pause = False, 1.0
            if batch.told is not None:
                self._note_handed(batch.told)
        with self.seat.locked(self.process):
            self.spool.drop_notes()

    def _note_handed(self, number: int) -> None:
        """Note durably that the queue has messages."""
        with self.seat.locked(self.process):
            state = self.seat.state()
            self.seat.save_state(state._replace(handed=max(state.handed, number)))

    def _note_told(self, number: int) -> None:
        """Note durably that messages were handed over, and drop them from the spool."""
        self._told = max(self._told, number)
        with self.seat.locked(self.process):
            state = self.seat.state()
            told = max(state.told or 0, number)
            self.seat.save_state(state._replace(told=told))
            self.spool.drop_through(told)
        self._disk_is_noted = False

    def _wait_for_confirmation(self) -> None:
        """Wait until the agent has read the spool, or it is time for a poll.

        The polls keep the relay's lease; they acknowledge nothing.
        """
        end = self.process.now() + PENDING_LOOK_SECONDS
        while self.process.now() < end and self.spool.entries():
            self.watch.check()
            self.process.sleep(TICK_SECONDS)
