"""An ear that is killed at any step loses nothing, and repeats what it was saying.

Every effect of the ear is a step: requests, writes to the disk and to the program. The
ear is killed before and after each of them in turn; a new one goes on.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import pytest

from argybargy.agent.main import run
from argybargy.agent.process import Process
from argybargy.agent.program_watch import ProgramEnded, ProgramWatch
from argybargy.agent.relay_client import RelayAnswer, RelayClient
from argybargy.agent.seat import choose_seat
from argybargy.agent.spool import Spool
from argybargy.system.files import write_private_file
from support.agent_desk import Desk, open_desk

NUMBER = re.compile(r"^([0-9]+) bob: ", re.MULTILINE)
RUN_SECONDS = 60.0
_OK = RelayAnswer(200, "ok 9\n")


class Killed(BaseException):
    """Ends the ear at once, like SIGKILL: nothing of it handles this."""


@attrs.define
class Steps:
    """Counts the effects of an ear, and kills it at one of them.

    Attributes:
        kill_at: The step to kill at; each effect has one before and one after it.
        count: Steps so far.
    """

    kill_at: int = sys.maxsize
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.kill_at:
            raise Killed

    def around(self, effect: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
            self.step()
            result = effect(*given, **named)
            self.step()
            return result

        return counted


class Told(NamedTuple):
    """Numbers that a run handed over to the program, in order."""

    numbers: list[int]
    was_killed: bool


@attrs.define
class Room:
    """A relay, a machine, and everything that its ears handed over."""

    desk: Desk
    steps: Steps
    waker: str
    runs: list[Told] = attrs.field(factory=list)
    queued: list[str] = attrs.field(factory=list)

    def listen(self) -> None:
        """Run an ear until it ends, or is killed."""
        clock = self.desk.relay.clock
        end = clock.seconds + RUN_SECONDS
        self.queued.clear()
        process = self.desk.process()
        killed = False

        def check(_: ProgramWatch) -> None:
            if clock.seconds >= end:
                raise ProgramEnded

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ProgramWatch, "check", check)
            try:
                self._run(process)
            except Killed:
                killed = True
        text = process.output.getvalue() + process.notes.getvalue()  # type: ignore[attr-defined]  # StringIO
        if self.waker.startswith("queue"):
            text = "".join(self.queued)
        self.runs.append(Told([int(n) for n in NUMBER.findall(text)], killed))

    def _run(self, process: Process) -> None:
        run(["ear", "--wake", self.waker], process)

    @property
    def spool(self) -> Spool:
        return Spool(choose_seat(self.desk.process(), None).spool_path)

    @property
    def told(self) -> Counter[int]:
        return Counter(number for each in self.runs for number in each.numbers)


@pytest.fixture
def open_room(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], Room]:
    append, ask_relay = Spool._append, RelayClient.ask
    write, note = Process.write, Process.note

    def open_one(waker: str, kill_at: int) -> Room:
        monkeypatch.setattr(RelayClient, "ask", ask_relay)
        room = Room(
            open_desk(tmp_path_factory.mktemp("desk"), monkeypatch), Steps(), waker
        )
        steps = room.steps
        room.desk.take_seat()
        around = steps.around
        for module in ("seat", "spool"):
            name = f"argybargy.agent.{module}.write_private_file"
            monkeypatch.setattr(name, around(write_private_file))
        monkeypatch.setattr(Spool, "_append", around(append))
        monkeypatch.setattr(Process, "write", around(write))
        monkeypatch.setattr(Process, "note", around(note))
        monkeypatch.setattr(RelayClient, "ask", around(RelayClient.ask))

        def queue(_: Process, __: str, text: str) -> None:
            room.queued.append(text)

        monkeypatch.setattr("argybargy.agent.ear.queue", around(queue))
        steps.kill_at = kill_at
        return room

    return open_one


def play(room: Room) -> None:
    """Post five messages in three pieces, and kill the first ear at some step."""
    relay = room.desk.relay
    relay.page_messages = 2
    for _ in range(3):
        relay.post("first")
    later = iter(["second", "third"])

    def speak() -> None:
        text = next(later, None)
        if text is not None:
            relay.post(text)

    relay.while_waiting = speak
    room.listen()
    while next(later, None) is not None:
        relay.post("late")
    relay.while_waiting = lambda: None
    room.steps.kill_at = sys.maxsize


def drain(room: Room) -> None:
    """Run further ears until nothing is left; an `exit2` ends with each piece."""
    for _ in range(8 if room.waker == "exit2" else 2):
        room.listen()


@pytest.mark.parametrize("waker", ["lines", "exit2"])
def test_a_killed_ear_loses_nothing_and_repeats_only_what_it_was_saying(
    open_room: Callable[[str, int], Room], waker: str
) -> None:
    kill_at, was_killed = 1, True
    while was_killed:
        room = open_room(waker, kill_at)
        play(room)
        (first,) = room.runs
        was_killed = first.was_killed
        acknowledged = room.desk.relay.acknowledged
        assert acknowledged <= max(first.numbers, default=0), kill_at
        drain(room)
        everything = range(1, len(room.desk.relay.lines) + 1)
        assert set(room.told) == set(everything), kill_at
        again = {number for number, times in room.told.items() if times > 1}
        assert max(room.told.values()) <= 2, kill_at
        assert again <= set(first.numbers[-2:]), kill_at
        assert again.isdisjoint(range(1, acknowledged + 1)), kill_at
        kill_at += 1
    assert kill_at > 10, "the ear has that many steps"


def test_a_killed_ear_keeps_the_spool_for_the_agent(
    open_room: Callable[[str, int], Room],
) -> None:
    kill_at, was_killed = 1, True
    while was_killed:
        room = open_room("spool", kill_at)
        play(room)
        was_killed = room.runs[0].was_killed
        assert room.desk.relay.acknowledged == 0, kill_at
        room.listen()
        read = room.desk.type("read").out
        numbers = [int(number) for number in NUMBER.findall(read)]
        assert numbers == list(range(1, len(room.desk.relay.lines) + 1)), kill_at
        assert room.spool.entries() == []
        kill_at += 1
    assert kill_at > 10


def test_a_killed_ear_queues_a_message_at_most_twice(
    open_room: Callable[[str, int], Room],
) -> None:
    kill_at, was_killed = 1, True
    while was_killed:
        room = open_room("queue:t-1", kill_at)
        play(room)
        was_killed = room.runs[0].was_killed
        assert room.desk.relay.acknowledged == 0, kill_at
        for _ in range(3):
            room.listen()
            # The agent wakes, and speaks.
            room.desk.relay.answers["POST", "/messages"] = _OK
            room.desk.type("say", "yes")
        everything = range(1, len(room.desk.relay.lines) + 1)
        assert set(room.told) == set(everything), kill_at
        assert max(room.told.values()) <= 2, kill_at
        kill_at += 1
    assert kill_at > 10
