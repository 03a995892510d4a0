"""Commands in hints, typed in a shell that may not have the program on its path."""

import pytest

from argybargy.cli.next_commands import NextCommands
from argybargy.cli.registry import OPTIONS
from support.terminal import Terminal


def commands(program: str = "argybargy", **given: object) -> NextCommands:
    options = {verb: kind.words(given) for verb, kind in OPTIONS.items()}
    return NextCommands(program, options)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("List them: argybargy rooms", "List them: argybargy rooms --port 9"),
        ("'argybargy open' prints one.", "'argybargy open --port 9' prints one."),
        (
            "argybargy codes, argybargy revoke x",
            "argybargy codes --port 9, argybargy revoke --port 9 x",
        ),
        ("argybargy room delete ROOM", "argybargy room delete --port 9 ROOM"),
        ("argybargy room build", "argybargy room --port 9 build"),
        ("argybargy status --port 7", "argybargy status --port 7"),
        ("argybargy: it failed", "argybargy: it failed"),
        ("argybargy join LINK", "argybargy join LINK"),
        ("~/.local/argybargy rooms", "~/.local/argybargy rooms"),
        ("argybargy roomservice", "argybargy roomservice"),
        ("no command", "no command"),
    ],
)
def test_options_that_lead_to_the_relay_follow_the_verb(text: str, typed: str) -> None:
    assert commands(port=9).typed(text) == typed
    with_uv = typed.replace("argybargy r", "uv run argybargy r")
    if " --port 9" in typed and "codes" not in typed and "open" not in typed:
        assert commands("uv run argybargy", port=9).typed(text) == with_uv


def test_each_command_gets_the_options_that_it_knows() -> None:
    typed = commands(url="http://relay", port=9, data="/my data").typed
    assert typed("argybargy up") == "argybargy up --port 9 --data '/my data'"
    assert "--url http://relay" in typed("argybargy rooms")
    assert "--relay http://relay" in typed("argybargy room build")


def test_a_hint_of_a_command_leads_to_the_relay_that_it_asked() -> None:
    terminal = Terminal(program="uv run argybargy")
    result = terminal.type("rooms", "-p", "9")
    assert result.talk == (
        "There are no rooms. Make one: uv run argybargy room --port 9 build\n"
    )
    result = terminal.type("close", "nowhere", "--yes", "--url", "http://127.0.0.1:7")
    assert result.talk.endswith(
        "List the rooms: uv run argybargy rooms --url http://127.0.0.1:7\n"
    )
    assert terminal.type("wach").talk.endswith("See: uv run argybargy --help\n")
    result = terminal.type("close")
    assert result.talk.endswith("See: uv run argybargy close --help\n")


def test_a_variable_is_before_the_program_in_any_directory_too() -> None:
    commands = NextCommands("uv run argybargy", {}, "/opt/argybargy")
    commands = commands.with_variable("ARGYBARGY_HOST", "10.0.0.7")
    assert commands.program == "ARGYBARGY_HOST=10.0.0.7 uv run argybargy"
    there = commands.in_any_directory.program
    assert there == "ARGYBARGY_HOST=10.0.0.7 /opt/argybargy"
    alone = NextCommands().with_variable("A", "b c").in_any_directory.program
    assert alone == "A='b c' argybargy"


def test_a_command_for_any_directory_is_typed_with_the_whole_path() -> None:
    there = NextCommands("bin/argybargy", {}, "/my/bin/argybargy").in_any_directory
    assert there.typed("argybargy --help") == "/my/bin/argybargy --help"
    assert NextCommands("argybargy").in_any_directory.program == "argybargy"
