"""The search command."""

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


def test_results_are_lines_with_their_date() -> None:
    screen = terminal()
    screen.today = date(2026, 1, 3)
    result = screen.type("search", "ship", "--room", "den")
    assert result.code == Exit.OK
    (line,) = result.out.splitlines()
    assert line.startswith("#den 1 2026-01-02 00:00:01 alice")
    assert line.endswith("ship \\x1b[31m\\nhere")


def test_a_search_without_results_is_exit_code_3() -> None:
    result = terminal().type("search", "never")
    assert (result.code, result.out) == (Exit.NOTHING, "")
    assert result.talk == "No messages found.\n"


def test_search_terms_are_joined_and_sent_unchanged() -> None:
    screen = terminal()
    screen.type("search", "ship it", "-word", "from:ann", '"a & b"', "--limit", "3")
    assert asked(screen) == [
        {"q": ['ship it -word from:ann "a & b"'], "limit": ["3"]},
    ]


def test_pages_are_requested_up_to_the_limit() -> None:
    screen = terminal(page=2)
    result = screen.type("search", "ship", "--room", "build", "--limit", "5", "--json")
    found = json.loads(result.out)
    seqs = [each["message"]["seq"] for each in found["results"]]
    assert (seqs, found["more"]) == ([5, 4, 3, 2, 1], False)
    assert [each["limit"] for each in asked(screen)] == [["5"], ["3"], ["1"]]


def test_further_results_are_announced() -> None:
    result = terminal().type("search", "ship", "--limit", "1")
    assert result.talk == "There are more results: raise --limit.\n"


@pytest.mark.parametrize(
    "arguments", [["x", "--limit", "0"], ["x", "--room", "no room"], ["x", "--limt"]]
)
def test_invalid_searches_are_rejected_before_any_request(
    arguments: list[str],
) -> None:
    screen = terminal()
    assert screen.type("search", *arguments).code == Exit.USAGE
    assert screen.operator.calls == []
