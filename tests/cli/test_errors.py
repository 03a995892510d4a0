"""Texts of refusals, worded for the command line."""

from pathlib import Path
from typing import Final

import pytest

from argybargy.cli.client.protocol import asked_room, read_answer
from argybargy.cli.errors import CliError
from argybargy.domain.errors import Problem, RelayError
from argybargy.web.errors import error_response
from support.fake_operator import FakeCode, FakeOperator
from support.real_commands import Desk
from support.terminal import Terminal

FACTS: Final = {
    "closed_at": "noon", "closed_by": "ann", "limit": 5, "retry_after": 3,
    "room": "lab", "seq": 7,
}  # fmt: skip
OF_HTTP: Final = ("HTTP", "/admin", "Idempotency", "X-Admin", "'all'", "'errors'")
MET: Final = (
    Problem.ADMIN_UNAUTHORIZED, Problem.AMBIGUOUS, Problem.CODE_QUOTA,
    Problem.IMPORT_CONFLICT, Problem.INTERNAL, Problem.MISDIRECTED, Problem.ROOM_CLOSED,
    Problem.ROOM_NOT_FOUND, Problem.ROOM_QUOTA, Problem.SENDER_TAKEN,
    Problem.SESSION_NOT_FOUND, Problem.STORAGE_FULL, Problem.STORAGE_UNKNOWN,
)  # fmt: skip


def refused(error: RelayError, room: str | None = None) -> CliError:
    with pytest.raises(CliError) as caught:
        read_answer(error.problem.value.status, error_response(error).body, room)
    return caught.value


@pytest.mark.parametrize("problem", MET)
def test_no_refusal_mentions_http(problem: Problem) -> None:
    error = refused(RelayError(problem, **FACTS))
    assert not [word for word in OF_HTTP if word in error.text + error.hint]


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        (Problem.AMBIGUOUS, "all"),
        (Problem.IMPORT_CONFLICT, "import into"),
        (Problem.CODE_QUOTA, "revoke"),
        (Problem.MISDIRECTED, "allowed_hosts"),
    ],
)
def test_a_hint_is_printed_once(problem: Problem, advice: str) -> None:
    error = refused(RelayError(problem, **FACTS))
    assert advice not in error.text.lower()
    assert advice in error.hint.lower()


def test_request_fields_are_named_by_their_options() -> None:
    fields = [("sender", "none of all"), ("reply_to", "a number"), ("text", "shorter")]
    text = refused(RelayError.invalid_fields(fields)).text
    assert text == (
        "--sender: none of all\n  --reply-to: a number\n  the text: shorter"
    )


@pytest.mark.parametrize(
    ("path", "body", "room"),
    [
        ("/admin/rooms/lab/close", {"by": "ann"}, "lab"),
        ("/admin/rooms/lab/history?limit=5", None, "lab"),
        ("/admin/rooms/lab/damping?by=ann", None, "lab"),
        ("/admin/search?q=a&room=lab&limit=5", None, "lab"),
        ("/admin/search?q=a&limit=5", None, None),
        ("/admin/export", {"room": "lab"}, "lab"),
        ("/admin/export", {"room": None}, None),
    ],
)
def test_the_room_of_a_request_is_found(
    path: str, body: object, room: str | None
) -> None:
    assert asked_room(path, body) == room


@pytest.mark.parametrize(
    "line",
    [
        "close lab --yes",
        "reopen lab",
        "undamp lab",
        "history lab",
        "peers lab",
        "watch lab",
    ],
)
def test_an_unknown_room_has_one_error_text(line: str) -> None:
    operator = FakeOperator(codes=[FakeCode("0a", "ann", "other")])
    operator.streams = [[{"type": "snapshot", "version": 1, "rooms": []}]]
    result = Terminal(operator).type(*line.split())
    assert result.code == 5
    assert result.talk == (
        "argybargy: There is no room 'lab'.\nList the rooms: argybargy rooms\n"
    )


def test_the_text_is_the_same_without_a_relay(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "data")
    desk.type("invite", "--name", "ann")
    result = desk.type("export", "lab")
    assert result.code == 5
    assert result.talk.startswith("argybargy: There is no room 'lab'.\n")


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("body", ["<html>", '{"detail": "Not Found"}'])
def test_status_and_health_reject_a_server_that_is_not_a_relay(
    status: int, body: str
) -> None:
    operator = FakeOperator()
    terminal = Terminal(operator)

    def call(*_: object) -> object:
        return read_answer(status, body.encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeOperator, "call", call)
        codes = [terminal.type(verb).code for verb in ("status", "health")]
    assert codes == [7, 7]
