"""Errors of the command line: one line, and a hint."""

import pytest

from support.terminal import Terminal


@pytest.mark.parametrize(
    ("line", "text", "hint"),
    [
        (["post"], "ROOM is missing.", "See: argybargy post --help"),
        (["post", "lab"], "TEXT is missing.", "See: argybargy post --help"),
        (
            ["invite"],
            "The code of an agent needs its name.",
            "Give it with --name, or let the agent choose: --once.",
        ),
        (["rooms", "--port"], "--port needs a value.", "See: argybargy rooms --help"),
        (
            ["rooms", "--json=3"],
            "--json takes no value.",
            "See: argybargy rooms --help",
        ),
        (
            ["post", "lab", "hello", "there", "you"],
            "Too many arguments: there you",
            'Put the text in quotes: argybargy post ROOM "TEXT"',
        ),
        (
            ["peers", "lab", "x"],
            "Too many arguments: x",
            "See: argybargy peers --help",
        ),
        (
            ["watch", "lab", "--timeout", "1s"],
            'Invalid value for --timeout: "1s" is not a number.',
            "See: argybargy watch --help",
        ),
        (
            ["--port", "8791", "rooms"],
            "Options such as --port come after the command.",
            "Type: argybargy rooms --port 8791",
        ),
        (["--nonsense"], "Unknown option: --nonsense.", "See: argybargy --help"),
        (
            ["config", "shw"],
            'Unknown command "shw". Did you mean "show"? Available commands: show.',
            "See: argybargy config --help",
        ),
        (
            ["config", "show", "--prt"],
            "Unknown option: --prt. Did you mean --port?",
            "See: argybargy config show --help",
        ),
    ],
)
def test_a_mistake_is_a_line_and_a_hint(line: list[str], text: str, hint: str) -> None:
    result = Terminal().type(*line)
    assert (result.code, result.out) == (2, "")
    assert result.talk == f"argybargy: {text}\n{hint}\n"
