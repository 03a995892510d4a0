"""Following rooms: every message once and in order, despite lost connections."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.cli.client.protocol import Json
from argybargy.cli.errors import CliError, Exit
from argybargy.web.codec.bodies import PostedMessage
from support.fake_operator import FakeOperator, builtins, read, spoken
from support.terminal import Terminal

TS = "2026-01-02T00:00:00.000+00:00"
GONE = CliError("No relay can be reached.", "Start one.", Exit.UNREACHABLE)


def hello(epoch: str = "e", version: int = 1, *, resumed: bool = False) -> Json:
    return {"type": "hello", "epoch": epoch, "version": version, "resumed": resumed}


def card(room: str = "build", last_seq: int = 0, status: str = "open") -> Json:
    closed = {"closed_at": TS, "closed_by": "titus"} if status == "closed" else {}
    return {
        "room": room, "status": status, "last_seq": last_seq, "first_seq": 1,
        "closed_at": None, "closed_by": None, **closed,
    }  # fmt: skip


def row(seq: int, room: str = "build", **facts: object) -> Json:
    said = spoken(seq, f"text {seq}", **facts)  # type: ignore[arg-type]
    return builtins(read(said)) | {"room": room}


def snapshot(*cards: Json, messages: tuple[Json, ...] = (), version: int = 1) -> Json:
    return {
        "type": "snapshot", "version": version, "now": TS, "room": None,
        "rooms": list(cards), "messages": list(messages),
    }  # fmt: skip


def delta(version: int, *messages: Json, rooms: tuple[Json, ...] = ()) -> Json:
    frame: Json = {"type": "delta", "version": version, "now": TS}
    return frame | {"messages": list(messages), "rooms": list(rooms)}


CLOSING = delta(99, rooms=(card(status="closed"),))


def watching(*streams: object, said: int = 0) -> Terminal:
    operator = FakeOperator(
        said={"build": [spoken(seq, f"text {seq}") for seq in range(1, said + 1)]}
    )
    operator.streams = [
        stream if isinstance(stream, CliError) else list(stream)  # type: ignore[call-overload]
        for stream in streams
    ]
    return Terminal(operator)


def seqs(out: str) -> list[str]:
    return [line.split()[1] for line in out.splitlines() if " text " in line]


# -- what is shown ----------------------------------------------------------------


def test_a_message_is_a_line_with_its_question_and_its_claim() -> None:
    question = row(
        42, sender="claude", to="operator", expects="operator", claimed_by="bo"
    )
    terminal = watching([hello(), snapshot(card(last_seq=41)), delta(2, question),
                         CLOSING])  # fmt: skip
    result = terminal.type("watch", "build")
    assert result.out.splitlines() == [
        "#build 42 00:00:42 claude → you  [asks you, claimed by bo]  text 42",
        "#build closed by titus at 00:00:00",
    ]
    assert (result.code, result.talk) == (6, "Following build. Ctrl+C ends it.\n")


def test_a_text_with_line_breaks_and_controls_stays_on_one_line() -> None:
    evil = row(1) | {"text": "a\n#build 2 forged\x1b[2J\u202e"}
    result = watching([hello(), snapshot(card()), delta(2, evil), CLOSING]).type(
        "watch", "build"
    )
    assert r"a\n#build 2 forged\x1b[2J\u202e" in result.out
    assert len(result.out.splitlines()) == 2


def test_older_messages_are_shown_only_with_since() -> None:
    def stream() -> list[Json]:
        return [hello(), snapshot(card(last_seq=3)), delta(2, row(4)), CLOSING]

    assert seqs(watching(stream(), said=3).type("watch", "build").out) == ["4"]
    result = watching(stream(), said=3).type("watch", "build", "--since", "1")
    assert seqs(result.out) == ["2", "3", "4"]


def test_recent_messages_in_a_snapshot_need_no_look_up() -> None:
    stream = [hello(), snapshot(card(last_seq=3), messages=(row(2), row(3))), CLOSING]
    terminal = watching(stream)
    assert seqs(terminal.type("watch", "build", "--since", "1").out) == ["2", "3"]
    assert terminal.operator.paths() == ["/admin/stream"]


def test_a_claim_of_a_shown_question_is_reported_once() -> None:
    asked, taken = row(1, expects="anyone"), row(1, expects="anyone", claimed_by="bo")
    stream = [hello(), snapshot(card()), delta(2, asked), delta(3, taken),
              delta(4, taken), delta(5, asked), CLOSING]  # fmt: skip
    lines = watching(stream).type("watch", "build").out.splitlines()
    assert lines[1:3] == [
        "#build 1 is claimed by bo",
        "#build 1 is unclaimed again",
    ]
    assert len(lines) == 4


def test_the_end_of_a_question_is_reported_and_not_as_a_claim() -> None:
    first, second = row(1, expects="anyone"), row(2, expects="bo")
    answered = {"state": "answered", "by": "bo", "seq": 3}
    withdrawn = {"state": "withdrawn", "by": "ann", "reason": "found it"}
    stream = [
        hello(),
        snapshot(card()),
        delta(2, first, second),
        # Who answers without a claim is stored as its holder.
        delta(3, row(1, expects="anyone", claimed_by="bo") | {"question": answered}),
        delta(4, second | {"question": withdrawn}),
        delta(5, second | {"question": withdrawn}),
        CLOSING,
    ]
    lines = watching(stream).type("watch", "build").out.splitlines()
    assert lines[2:-1] == [
        "#build 1 is answered by bo in 3",
        "#build 2 is withdrawn by ann: found it",
    ]
    events = watching(stream).type("watch", "build", "--json").lines
    assert events[2] == {
        "type": "answered", "room": "build", "seq": 1, "by": "bo", "answer": 3,
    }  # fmt: skip
    assert events[3]["type"] == "withdrawn"
    assert events[3]["reason"] == "found it"


def test_following_all_rooms_continues_after_one_is_closed() -> None:
    stream = [
        hello(),
        snapshot(card(), card("other", 7)),
        delta(2, row(1), row(8, "other"), row(1, "new"), rooms=(card("new", 1),)),
        delta(3, rooms=(card("other", 8, "closed"),)),
        delta(4, rooms=(card("other", 8),)),
        delta(5, row(2)),
    ]
    terminal = watching(stream, CliError("no", "", Exit.NOT_AUTHORISED))
    result = terminal.type("watch")
    assert [line.split(" ", 2)[:2] for line in result.out.splitlines()] == [
        ["#build", "1"],
        ["#other", "8"],
        ["#new", "1"],
        ["#other", "closed"],
        ["#other", "is"],
        ["#build", "2"],
    ]
    assert result.code == 4


@pytest.mark.parametrize("page", [100, 7, 1])
def test_a_seq_gap_is_reported_once_with_few_requests(page: int) -> None:
    kept = [*range(1, 11), *range(50_011, 50_121), 50_130]
    operator = FakeOperator(
        said={"build": [spoken(seq, f"text {seq}") for seq in kept]}, page=page
    )
    operator.streams = [[hello(), snapshot(card(last_seq=50_130)), CLOSING]]
    result = Terminal(operator).type("watch", "build", "--since", "0")
    lines = [line.split(" at ")[0] for line in result.out.splitlines()]
    assert [line for line in lines if "gap" in line] == [
        "#build gap: messages 11 to 50010 are gone",
        "#build gap: messages 50121 to 50129 are gone",
    ]
    assert seqs(result.out) == list(map(str, kept))
    assert len(operator.paths()) < 30 + 5 * len(kept) // page


def test_json_output_has_objects_with_a_type() -> None:
    operator = watching([hello(), snapshot(card(last_seq=3)), CLOSING], said=3).operator
    operator.said["build"] = operator.said["build"][2:]
    result = Terminal(operator).type("watch", "build", "--since", "0", "--json")
    gap, message, closed = result.lines
    assert gap == {"type": "gap", "room": "build", "first": 1, "last": 2}
    assert (message["type"], message["seq"], message["room"]) == ("message", 3, "build")
    assert closed == {"type": "room_closed", "room": "build", "by": "titus", "at": TS}


# -- how it ends --------------------------------------------------------------------


def test_once_ends_after_the_first_messages() -> None:
    stream = [hello(), snapshot(card()), delta(2, row(1), row(2)), delta(3, row(3))]
    result = watching(stream).type("watch", "build", "--once")
    assert (result.code, seqs(result.out)) == (0, ["1", "2"])


def test_watching_a_closed_room_ends_at_once() -> None:
    stream = [hello(), snapshot(card(status="closed"))]
    result = watching(stream).type("watch", "build")
    assert (result.code, result.out) == (6, "#build closed by titus at 00:00:00\n")


def test_an_unknown_room_is_not_found() -> None:
    result = watching([hello(), snapshot(card("other"))]).type("watch", "build")
    assert (result.code, result.out) == (5, "")
    assert "argybargy rooms" in result.talk


def test_a_timeout_is_exit_code_3() -> None:
    terminal = watching([hello(), snapshot(card()), GONE], GONE, GONE, GONE, GONE)
    result = terminal.type("watch", "build", "--timeout", "2")
    assert (result.code, result.out) == (3, "")
    assert terminal.seconds == pytest.approx(2)


def test_a_minute_without_a_relay_ends_the_watch() -> None:
    terminal = watching([hello(), snapshot(card()), GONE], *[GONE] * 50)
    result = terminal.type("watch", "build")
    assert result.code == 7
    assert result.talk.count("Lost the relay") == 1
    assert "No relay can be reached." in result.talk
    assert 60 <= terminal.seconds <= 80
    assert len(terminal.operator.calls) < 20


def test_ctrl_c_is_exit_code_130() -> None:
    terminal = watching([hello(), KeyboardInterrupt()])
    assert terminal.type("watch", "build").code == 130


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "3"],
        ["build", "--since", "-1"],
        ["build", "--timeout", "0"],
        ["build", "--timeout", "nan"],
        ["no spaces"],
    ],
)
def test_invalid_watch_options_are_usage_errors(arguments: list[str]) -> None:
    terminal = watching()
    assert terminal.type("watch", *arguments).code == 2
    assert terminal.operator.calls == []


# -- connections ----------------------------------------------------------------------


def test_watch_resumes_after_a_lost_connection() -> None:
    terminal = watching(
        [hello(version=7), snapshot(card(), version=7), delta(8, row(1)), GONE],
        GONE,
        [hello(version=9, resumed=True), delta(9, row(2)), CLOSING],
    )
    result = terminal.type("watch", "build")
    assert (result.code, seqs(result.out)) == (6, ["1", "2"])
    assert result.talk.splitlines() == [
        "Following build. Ctrl+C ends it.",
        "Lost the relay (No relay can be reached.); reconnecting.",
        "Reconnected.",
    ]
    bodies = [body for _, _, body in terminal.operator.calls]
    assert bodies[0] == {"room": "build"}
    assert (
        bodies[1]
        == bodies[2]
        == {
            "room": "build",
            "resume": {"epoch": "e", "version": 8, "room": "build"},
        }
    )


def test_a_reconnect_gives_another_program_no_token() -> None:
    """Each attempt locates the relay again, with all checks."""
    operator = watching([hello(), snapshot(card()), GONE], [hello(), CLOSING]).operator
    stranger = CliError("Something else listens.", "", Exit.UNREACHABLE)
    found: list[FakeOperator | CliError] = [operator, stranger, stranger, operator]

    def connect(*_: object, **__: object) -> FakeOperator:
        next_one = found.pop(0)
        if isinstance(next_one, CliError):
            raise next_one
        return next_one

    assert Terminal(connect=connect).type("watch", "build").code == 6
    assert found == []
    assert len(operator.calls) == 2


def test_a_hello_does_not_advance_the_position() -> None:
    """A version counts only when its frames have arrived."""
    terminal = watching(
        [hello(version=1), snapshot(card()), GONE],
        [hello(version=5, resumed=True), GONE],
        [hello(version=5, resumed=True), delta(5, row(1)), CLOSING],
    )
    assert seqs(terminal.type("watch", "build").out) == ["1"]
    assert terminal.operator.calls[2][2] == {
        "room": "build",
        "resume": {"epoch": "e", "version": 1, "room": "build"},
    }


def test_messages_after_a_restart_of_the_relay_are_shown() -> None:
    terminal = watching(
        [
            hello("one"),
            snapshot(card(last_seq=1)),
            {"type": "bye", "reason": "draining"},
        ],
        [hello("two"), snapshot(card(last_seq=4), messages=(row(4),)), CLOSING],
        said=4,
    )
    assert seqs(terminal.type("watch", "build").out) == ["2", "3", "4"]


def lines(terminal: Terminal, *arguments: str) -> list[str]:
    shown = terminal.type("watch", *arguments).out.splitlines()
    return [" ".join(line.split()[:3]) for line in shown]


BREAK = CliError("gone", "", Exit.UNREACHABLE)


def test_a_room_with_restarted_numbers_is_shown_from_its_beginning() -> None:
    terminal = watching(
        [hello("a"), snapshot(card(last_seq=5)), delta(2, row(6)), BREAK],
        [hello("b"), snapshot(card(last_seq=2), messages=(row(2),)), BREAK],
        [hello("c"), snapshot(card(last_seq=3), messages=(row(2), row(3)))],
        [hello("c", 2), delta(2, row(4)), CLOSING],
        said=2,
    )
    assert lines(terminal, "build") == [
        "#build 6 00:00:06",
        "#build restarted its",
        "#build 1 00:00:01",
        "#build 2 00:00:02",
        "#build 3 00:00:03",
        "#build 4 00:00:04",
        "#build closed by",
    ]


@pytest.mark.parametrize("arguments", [("build",), ()])
def test_a_vanished_room_is_reported_once_and_may_return(
    arguments: tuple[str, ...],
) -> None:
    end = CliError("no", "", Exit.NOT_AUTHORISED)
    terminal = watching(
        [hello("a"), snapshot(card(last_seq=5)), BREAK],
        [hello("b"), snapshot(), BREAK],
        [hello("c"), snapshot(), delta(2, row(1), rooms=(card(last_seq=1),))],
        end,
    )
    assert lines(terminal, *arguments) == ["#build restarted its", "#build 1 00:00:01"]


def test_another_room_of_the_same_name_is_detected_by_a_timestamp() -> None:
    other = row(2) | {"ts": "2026-01-02T09:00:00.000+00:00"}
    stream = [hello("b"), snapshot(card(last_seq=2), messages=(row(1), other)), CLOSING]
    terminal = watching(
        [hello("a"), snapshot(card(last_seq=1)), delta(2, row(2)), BREAK], stream
    )
    assert lines(terminal, "build") == [
        "#build 2 00:00:02",
        "#build restarted its",
        "#build 1 00:00:01",
        "#build 2 09:00:00",
        "#build closed by",
    ]


def test_a_deleted_room_ends_the_watch_and_is_told() -> None:
    gone = delta(2) | {"rooms_gone": ["build"]}
    terminal = watching([snapshot(card()), gone])
    result = terminal.type("watch", "build")
    assert (result.code, result.out) == (6, "#build is deleted\n")
    terminal = watching([snapshot(card()), gone])
    result = terminal.type("watch", "build", "--json")
    assert result.json == {"type": "room_deleted", "room": "build"}


def test_json_reports_a_restarted_room() -> None:
    terminal = watching(
        [hello("a"), snapshot(card(last_seq=5)), BREAK],
        [hello("b"), snapshot(card()), CLOSING],
    )
    (restart, _) = terminal.type("watch", "build", "--json").lines
    assert restart == {"type": "room_restarted", "room": "build"}


def test_a_failed_look_up_is_retried() -> None:
    terminal = watching(
        [hello(), snapshot(card(last_seq=2))],
        [hello(), snapshot(card(last_seq=2)), CLOSING],
        said=2,
    )
    busy = (503, {"error": "busy", "detail": "Later."})
    path = "/admin/rooms/build/history?limit=100&before=3"
    terminal.operator.refusals[path] = [busy]
    result = terminal.type("watch", "build", "--since", "0")
    assert (result.code, seqs(result.out)) == (6, ["1", "2"])


def test_a_relay_without_the_missing_messages_is_given_up() -> None:
    terminal = watching(*[[hello(), snapshot(card(last_seq=2))]] * 50, said=2)
    broken = (500, {"error": "internal_error", "detail": "A bug."})
    path = "/admin/rooms/build/history?limit=100&before=3"
    terminal.operator.refusals[path] = [broken] * 50
    result = terminal.type("watch", "build", "--since", "0")
    assert (result.code, result.out) == (7, "")
    assert "The relay failed" in result.talk
    assert 60 <= terminal.seconds <= 80


def test_a_truncated_page_is_requested_again_in_smaller_parts() -> None:
    terminal = watching([hello(), snapshot(card(last_seq=250)), CLOSING], said=250)
    terminal.operator.page = 7
    result = terminal.type("watch", "build", "--since", "10")
    assert seqs(result.out) == [str(seq) for seq in range(11, 251)]
    assert "gap" not in result.out


@attrs.define
class Rough:
    """A relay with failing connections, a short change log and restarts.

    It streams as the real one does: deltas after the client's version if its log
    reaches back to it, a snapshot otherwise.
    """

    rng: random.Random
    total: int
    operator: FakeOperator = attrs.field(factory=FakeOperator)
    version: int = 1
    epoch: int = 0
    url: str = "http://127.0.0.1:8765"

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        if self.rng.random() < 0.2:
            raise GONE
        return self.operator.call(method, path, body)

    @contextmanager
    def stream(
        self, path: str, body: Json, patience: Callable[[], float]
    ) -> Iterator[Iterator[Json]]:
        assert path == "/admin/stream"
        assert patience() > 0
        if self.rng.random() < 0.2:
            raise GONE
        yield self._frames(body)

    def _frames(self, body: Json) -> Iterator[Json]:
        if self.rng.random() < 0.2:
            self.epoch += 1
        self._grow(self.rng.randrange(12))
        resume = body.get("resume", {})
        sent = resume.get("version", 0)
        resumed = resume.get("epoch") == str(self.epoch) and sent > self.version - 20
        yield hello(str(self.epoch), self.version, resumed=resumed)
        if not resumed:
            sent = self.version
            yield self._snapshot()
        while True:
            if self.rng.random() < 0.3:
                raise GONE
            self._grow(self.rng.randrange(5))
            if self.rng.random() < 0.1:
                sent = self.version
                yield self._snapshot()
                continue
            news = [
                builtins(read(said)) | {"room": "build"}
                for said in self._said
                if said.seq >= sent
            ]
            sent = self.version
            is_over = self.version > self.total
            status = "closed" if is_over else "open"
            head = card(last_seq=self.version - 1, status=status)
            yield delta(self.version, *news, rooms=(head,))

    @property
    def _said(self) -> list[PostedMessage]:
        return self.operator.said.setdefault("build", [])

    def _grow(self, count: int) -> None:
        for _ in range(min(count, self.total + 1 - self.version)):
            self._said.append(spoken(self.version, f"text {self.version}"))
            self.version += 1
        if self.rng.random() < 0.1:
            del self._said[:-5]

    def _snapshot(self) -> Json:
        recent = tuple(
            builtins(read(said)) | {"room": "build"} for said in self._said[-3:]
        )
        head = card(last_seq=self.version - 1)
        return snapshot(head, messages=recent, version=self.version)


@given(st.integers(0, 2**32), st.integers(0, 60))
def test_nothing_is_lost_and_nothing_is_shown_twice(seed: int, total: int) -> None:
    rough = Rough(random.Random(seed), total)

    def connect(*_: object, **__: object) -> Any:  # noqa: ANN401 - it only watches
        return rough

    terminal = Terminal(connect=connect)
    result = terminal.type("watch", "build", "--since", "0", "--json")
    seen: list[int] = []
    for line in result.lines:
        if line["type"] == "message":
            seen.append(line["seq"])
        elif line["type"] == "gap":
            seen += range(line["first"], line["last"] + 1)
    assert result.code == 6
    assert seen == list(range(1, total + 1))
