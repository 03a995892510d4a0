"""An agent's machine with a seat, and a relay in memory, for the commands of agents."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from argybargy.agent.main import run
from argybargy.agent.process import Process
from argybargy.agent.relay_client import RelayAnswer, RelayClient
from argybargy.agent.seat import Seat, SeatFacts, seat_at
from argybargy.agent.seat_name import seat_name_of

BASE = "http://127.0.0.1:21600"
CODE = "argy_a1_0123456789abcdefghijklmnopqrstuvwxyzAB"


@attrs.define
class FakeClock:
    """A clock that moves when somebody sleeps or a poll waits."""

    seconds: float = 0.0
    slept: list[float] = attrs.field(factory=list)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@attrs.define
class FakeRelay:
    """A relay with one room and one reader, which keeps the law of cursors.

    Attributes:
        lines: The messages, each as its lines in the text form without the number.
        acknowledged: The number up to which they are acknowledged.
        closed_by: The operator who closed the room.
        page_messages: Most messages in an answer.
        answers: Answers to other requests, by method and path.
        failures: Raised by the next requests, the first one first.
        requests: All requests: method, target and body.
        headers: Their additional header fields.
        timeouts: Deadlines of those that have one of their own.
        clock: Moved on while a poll waits.
        while_waiting: Called when a poll would wait; may post.
        while_answering: Called for each request.
    """

    lines: list[str] = attrs.field(factory=list)
    acknowledged: int = 0
    closed_by: str = ""
    page_messages: int = 100
    answers: dict[tuple[str, str], RelayAnswer | Exception] = attrs.field(factory=dict)
    failures: list[Exception | None] = attrs.field(factory=list)
    requests: list[tuple[str, str, Any]] = attrs.field(factory=list)
    headers: list[Mapping[str, str]] = attrs.field(factory=list)
    timeouts: list[float] = attrs.field(factory=list)
    clock: FakeClock = attrs.field(factory=FakeClock)
    while_waiting: Callable[[], None] = lambda: None
    while_answering: Callable[[], None] = lambda: None

    def post(self, text: str, sender: str = "bob", header: str = "") -> int:
        """Post a message to the reader; return its number."""
        first, *further = text.split("\n")
        self.lines.append("\n".join([f"{sender}{header}: {first}", *further]))
        return len(self.lines)

    def ask(
        self,
        method: str,
        target: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        watch: Callable[[], None] | None = None,
        timeout_seconds: float = 0,
        **_: object,
    ) -> RelayAnswer:
        """Answer in place of :meth:`RelayClient.ask`."""
        self.requests.append((method, target, body))
        self.headers.append(dict(headers or {}))
        if timeout_seconds:
            self.timeouts.append(timeout_seconds)
        if watch is not None:
            watch()
        self.while_answering()
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        path = urlsplit(target).path
        answer = self.answers.get((method, path))
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer
        assert (method, path) == ("GET", "/messages"), (method, target)
        return self._poll(parse_qs(urlsplit(target).query))

    def _poll(self, query: Mapping[str, list[str]]) -> RelayAnswer:
        since, head = query["since"][0], len(self.lines)
        start = self.acknowledged if since == "resume" else int(since)
        lines = ["reset"] if start > head else []
        start = min(start, head)
        self.acknowledged = max(self.acknowledged, start)
        if start == head and not self.closed_by and not lines:
            self.clock.seconds += float(query["wait"][0])
            if float(query["wait"][0]):
                self.while_waiting()
        head = len(self.lines)
        end = min(start + self.page_messages, head)
        lines += [f"{n + 1} {self.lines[n]}" for n in range(start, end)]
        if end < head:
            lines.append(f"more: since={end}")
        if self.closed_by:
            lines.append(f"leave: room closed by {self.closed_by}")
        return RelayAnswer(200, "".join(f"{line}\n" for line in lines), end)


@attrs.frozen
class Result:
    """Exit code and output of a command."""

    code: int
    out: str
    notes: str


@attrs.define
class Desk:
    """The machine of an agent.

    Attributes:
        root: A temporary directory, with the project and the state.
        relay: The relay.
        environment: Variables of the environment.
        program: What starts ``argybargy`` in the user's shell.
    """

    root: Path
    relay: FakeRelay = attrs.field(factory=FakeRelay)
    environment: dict[str, str] = attrs.field(factory=dict)
    program: str = "argybargy"

    def __attrs_post_init__(self) -> None:
        self.project.mkdir(exist_ok=True)
        self.environment["XDG_STATE_HOME"] = str(self.root / "state")

    @property
    def project(self) -> Path:
        return self.root / "project"

    def process(self, given: str = "") -> Process:
        clock = self.relay.clock
        return Process(
            environment=self.environment,
            directory=self.project,
            input=io.StringIO(given),
            output=io.StringIO(),
            notes=io.StringIO(),
            now=clock.now,
            sleep=clock.sleep,
            own_program=lambda: self.program,
        )

    def type(self, *words: str, given: str = "") -> Result:
        """Run a command."""
        process = self.process(given)
        code = run(words, process)
        return Result(code, text_of(process.output), text_of(process.notes))

    def take_seat(self, name: str = "alice", room: str = "build") -> Seat:
        """Take a seat, as `join` does."""
        seat = seat_at(self.environment, seat_name_of(BASE, room, name))
        seat.store(SeatFacts(BASE, room, name, "claude"), CODE)
        return seat


def text_of(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def json_answer(body: object, status: int = 200) -> RelayAnswer:
    return RelayAnswer(status, json.dumps(body))


def open_desk(root: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a machine whose requests reach its relay in memory."""
    desk = Desk(root)

    def ask(_: RelayClient, *given: Any, **named: Any) -> RelayAnswer:  # noqa: ANN401 - passed on
        return desk.relay.ask(*given, **named)

    monkeypatch.setattr(RelayClient, "ask", ask)
    return desk
