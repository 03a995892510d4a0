"""Hooks: what a program runs at the start of a session, a prompt, a tool call, a stop.

A hook hands over what the spool has, notes that, and ends: a message is noted after it
was written, so one whose hook was killed comes once more. While an ear hands messages
over by itself, hooks leave them to it. Without an ear, a hook asks the relay itself,
and starts the ear again for programs whose ear a hook starts.

A hook never fails and never holds up its program: trouble of any kind is an answer that
changes nothing.
"""

import argparse
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from argybargy.agent.ear_lock import read_holder
from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.hook_contracts import (
    ANSWERS,
    MOST_TEXT_UNITS,
    NOTHING,
    Answer,
    Payload,
    encode_answer,
    facts,
    is_foreign,
    parse_payload,
    taken,
)
from argybargy.agent.message_lines import Entry
from argybargy.agent.process import Process
from argybargy.agent.reading import client_of
from argybargy.agent.seat import (
    SEAT_VARIABLE,
    Seat,
    choose_seat,
    find_project_file,
    read_project_file,
    seat_at,
    seats,
)
from argybargy.agent.spool import Spool
from argybargy.agent.wrapping import Limits, cut_batches, wrapper
from argybargy.system.files import is_locked

PARKED_LOOK_SECONDS: Final = 0.5
"""Time between two looks at the spool of a hook that waits."""
END_SECONDS: Final = 2.0
"""Time for the ear of an earlier session to end."""
_LOOK_SECONDS: Final = 0.05
ASK_SECONDS: Final = 0.8
"""Time for the relay's answer to a hook; the program waits as long."""
_SELF_HANDING: Final = frozenset({"lines", "exit2", "queue", "wait"})
"""Wakers that hand messages over without a hook."""
_LIMITS: Final = Limits(line=MOST_TEXT_UNITS, batch=MOST_TEXT_UNITS)


def hook(process: Process, options: argparse.Namespace) -> Exit:
    """Answer the hook of a program. It always succeeds."""
    payload = parse_payload(_read_input(process))
    inside = process
    if payload.directory:
        inside = process._replace(directory=Path(payload.directory))
    try:
        seat = _choose(inside, options.program)
        if not is_foreign(options.program, process.environment):
            run = _Hook(inside, options.program, seat, payload)
            run.answer(options.event, parks=options.park)
            return Exit.OK
    except (AgentError, NoSeatError, OSError):
        pass  # said nowhere: a note would be shown at each turn
    process.write(encode_answer(NOTHING))
    return Exit.OK


class NoSeatError(Exception):
    """The session has no seat, so the hook has nothing to do."""


def _read_input(process: Process) -> bytes:
    raw = getattr(process.input, "buffer", None)
    if process.input.isatty():
        return b""
    return bytes(raw.read()) if raw is not None else process.input.read().encode()


def _choose(process: Process, program: str) -> Seat:
    """Choose the seat of a session: the one of the environment, or the project's.

    Of several seats in a project, it is the one of this program.

    Raises:
        NoSeatError: There is none.
        AgentError: Its name is invalid.
    """
    if process.environment.get(SEAT_VARIABLE):
        return choose_seat(process, None)
    path = find_project_file(process.directory)
    if path is None:
        raise NoSeatError
    there = seats(process.environment)
    named = read_project_file(path)
    found = [
        seat_at(process.environment, each)
        for each in there
        if any(name.fits(each) for name in named)
    ]
    own = [each for each in found if each.facts().program == program]
    if len(own) != 1:
        raise NoSeatError
    return own[0]


class _Hook:
    """A run of a hook."""

    def __init__(
        self, process: Process, program: str, seat: Seat, payload: Payload
    ) -> None:
        self.process = process
        self.program = program
        self.seat = seat
        self.payload = payload
        self.facts = seat.facts()
        self.spool = Spool(seat.spool_path)

    def answer(self, event: str, *, parks: bool) -> None:
        """Answer an event.

        Raises:
            AgentError: There is no answer.
            OSError: As above.
        """
        if event == "start":
            self._start(parks=parks)
        elif event == "peek":
            self._peek()
        elif event == "took":
            with self.seat.locked(self.process):
                self._note_told(self.payload.through)
            self._write(NOTHING)
        else:
            if event == "prompt":
                self._confirm_queued()
            if event != "tool":
                self._keep_ear(parks=parks)
            if event == "stop" and parks:
                self._park()
            self._drain(event)

    # -- start --------------------------------------------------------------------

    def _start(self, *, parks: bool) -> None:
        named = find_project_file(self.process.directory)
        is_shared = named is not None and len(read_project_file(named)) > 1
        is_found = bool(self.process.environment.get(SEAT_VARIABLE)) or not is_shared
        text = facts(
            self.program,
            self.facts.name,
            self.facts.room,
            seat="" if is_found else str(self.seat),
        )
        self._end_own_older_ear()
        self._keep_ear(parks=parks)
        if self._is_taken():
            text = taken(self.facts.name, self.facts.room, self.program)
        if self.program == "opencode":
            spool = str(self.seat.spool_path)
            self._write({"additionalContext": text, "spool": spool})
            return
        shape = ANSWERS.get(self.program, {}).get("start")
        self._write(NOTHING if shape is None else shape(text))

    def _is_taken(self) -> bool:
        """Tell whether the ear of another session has the seat."""
        if not self.payload.session or not self._has_ear():
            return False
        session = read_holder(self.seat.ear_lock_path).session
        return bool(session) and session != self.payload.session

    def _end_own_older_ear(self) -> None:
        from argybargy.agent.hook_ear import (  # noqa: PLC0415 - seldom needed
            end_ear_of,
            owner_pid,
        )

        if not self._is_taken():
            return
        owner = owner_pid(self.process.directory)
        end_ear_of(read_holder(self.seat.ear_lock_path), owner)
        deadline = self.process.now() + END_SECONDS
        while self._is_taken() and self.process.now() < deadline:
            self.process.sleep(_LOOK_SECONDS)

    def _keep_ear(self, *, parks: bool) -> None:
        """Start the ear of a program whose hooks have to, unless one runs."""
        from argybargy.agent.hook_ear import start_ear  # noqa: PLC0415 - seldom needed

        if not is_locked(self.seat.ear_lock_path):
            start_ear(
                self.process, self.program, self.seat, self.payload.session,
                parks=parks,
            )  # fmt: skip

    # -- hand over ----------------------------------------------------------------

    def _confirm_queued(self) -> None:
        """Note that the program has run what was queued for it."""
        if not self.payload.prompt.startswith(wrapper(self.facts.room)):
            return
        with self.seat.locked(self.process):
            state = self.seat.state()
            if state.handed > (state.told or 0):
                self._note_told(state.handed)

    def _drain(self, event: str) -> None:
        """Hand over what waits, as an answer to the program."""
        shape = ANSWERS.get(self.program, {}).get(event)
        if shape is None or self._is_taken() or self._ear_hands_over():
            self._write(NOTHING)
            return
        with self.seat.locked(self.process):
            entries = self._pending()
            if not entries and event != "tool" and not self._has_ear():
                entries = self._ask()
            text, told = _text_of(entries, self.facts.room)
            self._write(shape(text) if text else NOTHING)
            if text:
                self._note_told(told)

    def _peek(self) -> None:
        """Show what waits; the plugin says when it has handed it over."""
        text, told = _text_of(self._pending(), self.facts.room)
        self._write({"text": text, "through": told})

    def _park(self) -> None:
        """Wait until there is a message, or the program is gone.

        The program stops waiting by ending this process.
        """
        parent = os.getppid()
        while not self._pending() and os.getppid() == parent:
            self.process.sleep(PARKED_LOOK_SECONDS)

    def _has_ear(self) -> bool:
        return is_locked(self.seat.ear_lock_path)

    def _ear_hands_over(self) -> bool:
        """Tell whether an ear runs that needs no hook."""
        if not self._has_ear():
            return False
        return read_holder(self.seat.ear_lock_path).waker in _SELF_HANDING

    def _pending(self) -> Sequence[Entry]:
        told = self.seat.state().told or 0
        there = self.spool.entries()
        return [each for each in there if not each.number or each.number > told]

    def _ask(self) -> Sequence[Entry]:
        """Ask the relay, once and for a short time."""
        told = self.seat.state().told
        since = "resume" if told is None else str(told)
        target = f"/messages?{urlencode({'since': since, 'wait': 0})}"
        with suppress(AgentError):
            page = (
                client_of(self.seat).ask("GET", target, timeout_seconds=ASK_SECONDS)
            ).page()
            leave = [Entry(0, page.leave)] if page.leave and page.entries else []
            return [*page.entries, *leave]
        return ()

    def _note_told(self, number: int) -> None:
        """Note what was handed over. The caller holds the lock."""
        state = self.seat.state()
        told = max(state.told or 0, number)
        self.seat.save_state(state._replace(told=told))
        self.spool.drop_through(told)

    def _write(self, answer: Answer) -> None:
        self.process.write(encode_answer(answer))


def _text_of(entries: Sequence[Entry], room: str) -> tuple[str, int]:
    """Return as many messages as an answer holds, and the number of the last one.

    Of one that is too long for an answer it is the beginning: programs cut the rest.
    """
    for batch in cut_batches(entries, room, _LIMITS):
        if batch.told is not None:
            return batch.text.rstrip("\n"), batch.told
        number = entries[0].number
        return f"{batch.text}| (it goes on: argy read {number})", number
    return "", 0
