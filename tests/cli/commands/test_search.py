"""Looking for what was said, from the command line."""

import json
from datetime import date
from urllib.parse import parse_qs

import pytest

from argybargy.cli.errors import Exit
from support.fake_operator import FakeOperator, spoken
from support.terminal import Terminal


def terminal(page: int = 500) -> Terminal:
    said = [spoken(seq, f"ship {seq}") for seq in range(1, 6)]
    rooms = {"build": said, "den": [spoken(1, "ship \x1b[31m\nhere")]}
    return Terminal(FakeOperator(said=rooms, page=page))


def asked(screen: Terminal) -> list[dict[str, list[str]]]:
    return [parse_qs(path.partition("?")[2]) for path in screen.operator.paths()]


def test_what_was_found_is_shown_a_line_each_with_its_day() -> None:
    screen = terminal()
    screen.today = date(2026, 1, 3)
    result = screen.type("search", "ship", "--room", "den")
    assert result.code == Exit.OK
    (line,) = result.out.splitlines()
    assert line.startswith("#den 1 2026-01-02 00:00:01 alice")
    assert line.endswith("ship \\x1b[31m\\nhere")


def test_nothing_found_is_exit_code_three() -> None:
    result = terminal().type("search", "never")
    assert (result.code, result.out) == (Exit.NOTHING, "")
    assert result.talk == "Nothing was found.\n"


def test_words_are_put_together_and_sent_as_they_are() -> None:
    screen = terminal()
    screen.type("search", "ship it", "-word", "from:ann", '"a & b"', "--limit", "3")
    assert asked(screen) == [
        {"q": ['ship it -word from:ann "a & b"'], "limit": ["3"]},
    ]


def test_pages_are_asked_for_until_there_is_enough() -> None:
    screen = terminal(page=2)
    result = screen.type("search", "ship", "--room", "build", "--limit", "5", "--json")
    found = json.loads(result.out)
    seqs = [each["message"]["seq"] for each in found["results"]]
    assert (seqs, found["more"]) == ([5, 4, 3, 2, 1], False)
    assert [each["limit"] for each in asked(screen)] == [["5"], ["3"], ["1"]]


def test_that_there_is_more_is_said() -> None:
    result = terminal().type("search", "ship", "--limit", "1")
    assert result.talk == "There is more: --limit shows it.\n"


@pytest.mark.parametrize(
    "arguments", [["x", "--limit", "0"], ["x", "--room", "no room"], ["x", "--limt"]]
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(
    arguments: list[str],
) -> None:
    screen = terminal()
    assert screen.type("search", *arguments).code == Exit.USAGE
    assert screen.operator.calls == []
