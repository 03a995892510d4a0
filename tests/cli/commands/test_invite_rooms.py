"""One code for several rooms, on the command line."""

import attrs
import pytest

from argybargy.cli.client.protocol import Json
from argybargy.cli.errors import Exit
from support.fake_operator import FakeOperator
from support.terminal import Terminal


@pytest.mark.parametrize(
    "words",
    [
        ("--rooms", "build,ops", "--name", "alice"),
        ("--rooms", "build, ops", "alice"),
    ],
)
def test_a_code_is_made_for_several_rooms(words: tuple[str, ...]) -> None:
    terminal = Terminal()
    result = terminal.type("invite", *words)
    assert result.code == Exit.OK, result.talk
    method, path, body = terminal.operator.calls[-1]
    assert (method, path) == ("POST", "/admin/invite")
    assert body is not None
    assert body["rooms"] == ["build", "ops"]
    assert (body["room"], body["name"]) == ("build", "alice")
    assert "A code for alice in rooms build, ops" in result.talk
    assert "?room=" in result.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--rooms", "build,../up", "alice"), "'../up' is not a valid room name"),
        (("--rooms", "build,ops", "--once"), "does not go with --once"),
        (("--rooms", "a,b", "--room", "c", "--name", "d"), "does not go with --room"),
        (("--rooms", "a,b"), "needs its name"),
    ],
)
def test_what_does_not_go_with_several_rooms(words: tuple[str, ...], says: str) -> None:
    result = Terminal().type("invite", *words)
    assert result.code == Exit.USAGE
    assert says in result.talk


def test_no_code_is_made_when_one_of_the_rooms_is_closed() -> None:
    operator = FakeOperator(closed={"ops"})
    result = Terminal(operator).type("invite", "--rooms", "build,ops", "alice")
    assert result.code == Exit.LOST
    assert "closed" in result.talk
    assert "/admin/invite" not in operator.paths()


@attrs.define
class OldOperator(FakeOperator):
    """A relay that does not know of codes of several rooms."""

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = super().call(method, path, body)
        return {key: value for key, value in answer.items() if key != "rooms"}


def test_a_relay_that_makes_a_code_for_one_room_only_is_noticed() -> None:
    result = Terminal(OldOperator()).type("invite", "--rooms", "build,ops", "alice")
    assert result.code == Exit.UNREACHABLE
    assert "'rooms' is missing" in result.talk
