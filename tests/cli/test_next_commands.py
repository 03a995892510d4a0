"""Commands in hints, typed in a shell that may not have the program on its path."""

from pathlib import Path

import pytest

from argybargy.cli.next_commands import NextCommands, find_program
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


# -- what starts the program ----------------------------------------------------------


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".venv" / "bin").mkdir(parents=True)
    script = tmp_path / "project" / ".venv" / "bin" / "argybargy"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return tmp_path / "project" / ".venv"


def find(prefix: Path, directory: Path, script: str = "", **environment: str) -> str:
    given = script or str(prefix / "bin" / "argybargy")
    return find_program(given, {"PATH": "/nowhere", **environment}, directory, prefix)


def test_the_program_on_the_path_is_named_alone(prefix: Path) -> None:
    assert find(prefix, Path("/"), PATH=f"/nowhere:{prefix}/bin") == "argybargy"


def test_a_link_on_the_path_leads_to_the_program(prefix: Path) -> None:
    (prefix.parent / "argybargy").symlink_to(prefix / "bin" / "argybargy")
    assert find(prefix, Path("/"), PATH=str(prefix.parent)) == "argybargy"


def test_under_uv_run_the_command_is_uv_run(prefix: Path) -> None:
    """`uv run` puts the environment on the path of its command, and of no other."""
    (prefix.parent / "pyproject.toml").touch()
    path = f"{prefix}/bin:/nowhere"
    found = find(prefix, prefix.parent, PATH=path, UV_RUN_RECURSION_DEPTH="1")
    assert found == "uv run argybargy"
    (prefix.parent / "src").mkdir()
    found = find(prefix, prefix.parent / "src", UV_RUN_RECURSION_DEPTH="1")
    assert found == "uv run argybargy"


def test_elsewhere_the_program_has_its_path(prefix: Path, tmp_path: Path) -> None:
    assert find(prefix, prefix.parent) == ".venv/bin/argybargy"
    whole = str(prefix / "bin" / "argybargy")
    assert find(prefix, Path("/usr")) == whole
    assert find(prefix, tmp_path, UV_RUN_RECURSION_DEPTH="1").endswith("argybargy")
    assert find(prefix, prefix / "bin", UV_RUN_RECURSION_DEPTH="1") == "argybargy" or (
        find(prefix, prefix / "lib") == whole
    )


def test_another_program_of_that_name_on_the_path_is_not_this_one(
    prefix: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "argybargy"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    found = find(prefix, Path("/usr"), PATH=str(other.parent))
    assert found == str(prefix / "bin" / "argybargy")


def test_a_module_is_the_script_beside_it(prefix: Path) -> None:
    module = "/lib/argybargy/__main__.py"
    assert find(prefix, Path("/usr"), module) == str(prefix / "bin" / "argybargy")
    assert find(prefix, Path("/usr"), module, PATH=f"{prefix}/bin") == "argybargy"


def test_a_module_without_a_script_is_run_by_python(tmp_path: Path) -> None:
    found = find(tmp_path, Path("/usr"), "/lib/argybargy/__main__.py")
    assert found == f"{tmp_path}/bin/python -m argybargy"


@pytest.mark.parametrize(
    ("program", "is_so"),
    [
        ("argybargy", True),
        ("/opt/argybargy", True),
        ("'/my tools/argybargy'", True),
        ("uv run argybargy", False),
        (".venv/bin/argybargy", False),
        ("/opt/python -m argybargy", True),
    ],
)
def test_a_relative_program_is_for_one_directory(program: str, is_so: bool) -> None:
    assert NextCommands(program).is_for_any_directory is is_so
