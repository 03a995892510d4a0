"""A world for commands: an operator API in memory, and output to look at."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import attrs

from argybargy.cli.exits import CliError
from argybargy.cli.main import run
from argybargy.cli.operator import Json, LiveOperator, Work, read_answer
from argybargy.cli.output import Output
from argybargy.cli.world import Announce, Common, Connect, Surroundings, World
from argybargy.domain.limits import Limits
from argybargy.serve.settings import Settings, parse_settings
from data_fake import DOWNLOADS, UPLOADED

BASE = "http://127.0.0.1:8765"
CLOSED_AT = "2026-01-02T03:04:05.678+00:00"


@attrs.frozen
class FakeCode:
    """A code of the fake."""

    key_id: str
    name: str
    room: str
    capabilities: str = ""
    expires: str | None = None


@attrs.define
class FakeOperator:
    """Answers the operator API's calls in its shapes, out of lists.

    Attributes:
        codes: The codes there are.
        closed: The rooms that are closed.
        refusals: Answers to give instead, by path: status and detail.
        streams: What streams say, one after the other; an error is raised.
        calls: What was called: method, path, body.
    """

    codes: list[FakeCode] = attrs.field(factory=list)
    closed: set[str] = attrs.field(factory=set)
    refusals: dict[str, list[tuple[int, Json] | None]] = attrs.field(factory=dict)
    streams: list[Sequence[Json | Exception] | CliError] = attrs.field(factory=list)
    calls: list[tuple[str, str, Json | None]] = attrs.field(factory=list)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        self.calls.append((method, path, body))
        planned = self.refusals.get(path)
        refusal = planned.pop(0) if planned else None
        if refusal is not None:
            status, detail = refusal
            return read_answer(status, json.dumps({"detail": detail}).encode())
        answer = self._answer(method, path.split("/")[2:], body or {})
        return read_answer(200, json.dumps(answer).encode())

    @property
    def url(self) -> str:
        return BASE

    @contextmanager
    def stream(self, path: str, body: Json, seconds: float) -> Iterator[Iterator[Json]]:
        assert 0 < seconds <= 60
        self.calls.append(("POST", path, body))
        frames = self.streams.pop(0)
        if isinstance(frames, CliError):
            raise frames
        yield self._frames(frames)

    @staticmethod
    def _frames(frames: Sequence[Json | Exception]) -> Iterator[Json]:
        for frame in frames:
            if isinstance(frame, Exception):
                raise frame
            yield frame

    @contextmanager
    def download(self, path: str, body: Json) -> Iterator[Iterator[bytes]]:
        self.calls.append(("POST", path, body))
        yield iter(DOWNLOADS[path]())

    def upload(self, path: str, content: bytes) -> Json:
        self.calls.append(("POST", path, {"lines": content.count(b"\n")}))
        return UPLOADED

    def _answer(self, method: str, path: list[str], body: Json) -> Json:
        match method, path:
            case "GET", ["state"]:
                return self._state()
            case "POST", ["invite"]:
                return self._invite(body)
            case "POST", ["revoke"]:
                return self._revoke(body)
            case "POST", ["rooms", room, "open"]:
                return {"ok": True, "room": self._room(room)}
        raise AssertionError(f"nobody calls {method} {path}")

    def _room(self, name: str) -> Json:
        is_closed = name in self.closed
        return {
            "name": name,
            "status": "closed" if is_closed else "open",
            "closed_at": CLOSED_AT if is_closed else None,
            "closed_by": "operator" if is_closed else None,
        }

    def _state(self) -> Json:
        rooms = {code.room for code in self.codes} | self.closed
        return {
            "codes": [{"code": "argy_a1_…", **attrs.asdict(c)} for c in self.codes],
            "room_status": {name: self._room(name) for name in sorted(rooms)},
            "limits": {**attrs.asdict(Limits()), "of_a_later_version": 1},
        }

    def _invite(self, body: Json) -> Json:
        number = len(self.calls)
        code = FakeCode(
            f"{number:012x}", body["name"], body["room"], body["capabilities"] or ""
        )
        self.codes.append(code)
        return {
            **attrs.asdict(code),
            "code": f"argy_a1_SECRET{number}",
            "url": BASE,
            "instruction": "as the relay says it",
        }

    def _revoke(self, body: Json) -> Json:
        target = body["target"]
        gone = [code for code in self.codes if target in {code.key_id, code.name}]
        self.codes = [code for code in self.codes if code not in gone]
        rows = [
            {"key_id": code.key_id, "name": code.name, "room": code.room}
            for code in gone
        ]
        return {"revoked": len(rows), "codes": rows}

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.calls]


@attrs.frozen
class Result:
    """What came of a command."""

    code: int
    out: str
    talk: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        return json.loads(self.out)


@attrs.define
class Terminal:
    """Where commands are typed.

    Attributes:
        operator: The relay they talk to.
        yes: What is answered to a question; ``None`` is no terminal at all.
        environment: The variables.
        urls: The addresses that work was done with.
        questions: What was asked.
        served: The settings that relays were started with.
        reach: Replaces the fake relay, to try the real ways.
        connect: Likewise, for a relay that runs.
        typed: What there is on standard input.
        seconds: What the clock says; whoever sleeps moves it.
        serve: What becomes of a relay that is started.
    """

    operator: FakeOperator = attrs.field(factory=FakeOperator)
    yes: bool | None = None
    environment: dict[str, str] = attrs.field(factory=dict)
    urls: list[str | None] = attrs.field(factory=list)
    questions: list[str] = attrs.field(factory=list)
    served: list[Settings] = attrs.field(factory=list)
    reach: Callable[[Settings, Common, Work], int] | None = None
    connect: Connect | None = None
    serve: Callable[[], int] = attrs.field(default=lambda: 0)
    typed: str = ""
    seconds: float = 0.0
    token: Callable[[Settings], str] = attrs.field(default=lambda _: "the-token")

    def type(self, *arguments: str) -> Result:
        data, talk = io.StringIO(), io.StringIO()
        world = World(
            output=Output(data, talk),
            settings=self._settings,
            reach=self.reach or self._reach,
            connect=self.connect or self._connect,
            find_token=self.token,
            serve=self._serve,
            confirm=None if self.yes is None else self._confirm,
            around=Surroundings(
                now=lambda: self.seconds,
                sleep=self._sleep,
                zone=UTC,
                read_input=lambda most: self.typed[:most],
            ),
        )
        code = run(arguments, world)
        return Result(code, data.getvalue(), talk.getvalue())

    def _settings(self, overrides: Mapping[str, object]) -> Settings:
        return parse_settings(
            {"ARGYBARGY_DATA": str(Path.cwd()), **self.environment}, overrides
        )

    def _reach(self, _settings: Settings, common: Common, work: Work) -> int:
        self.urls.append(common.url)
        return work(self.operator)

    def _connect(
        self,
        settings: Settings,  # noqa: ARG002 - as the real one
        common: Common,
        *,
        with_token: bool = True,  # noqa: ARG002
    ) -> LiveOperator:
        self.urls.append(common.url)
        return self.operator

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def _serve(self, settings: Settings, announce: Announce) -> int:
        self.served.append(settings)
        urls: Sequence[str] = [f"http://{settings.host}:{settings.port}"]
        announce(urls)
        return self.serve()

    def _confirm(self, question: str) -> bool:
        self.questions.append(question)
        return bool(self.yes)
