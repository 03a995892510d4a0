"""Connecting an agent: credential files, and instructions in a project."""

import re
import stat
from pathlib import Path
from typing import Any, get_args

import pytest

from argybargy.cli.agent_files.programs import PROGRAMS
from argybargy.cli.commands.connect import ClientKey
from argybargy.cli.commands.disconnect import ProgramKey
from argybargy.cli.errors import Exit
from argybargy.onboarding.seat import CLIENTS
from support.fake_operator import FakeOperator
from support.terminal import Result, Terminal

CODE = re.compile(r"argy_a1_\w+|code-of-\w+")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home" / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def connect(*arguments: str, terminal: Terminal | None = None) -> Result:
    return (terminal or Terminal()).type("connect", *arguments, "--room", "build")


def seat(result: Result) -> Any:  # noqa: ANN401 - JSON
    assert result.code == Exit.OK, result.talk
    return result.json


def test_every_known_program_is_accepted() -> None:
    assert set(get_args(ClientKey)) == set(CLIENTS)
    assert set(get_args(ProgramKey)) == set(PROGRAMS) == set(CLIENTS) - {"curl"}


@pytest.mark.parametrize("client", CLIENTS)
def test_the_code_is_in_a_private_file_and_nowhere_else(
    client: str, state: Path
) -> None:
    terminal = Terminal()
    shown = [connect(client, terminal=terminal), connect(client, "--json")]
    header = Path(seat(shown[1])["header_file"])
    (code,) = re.findall(r"Authorization: Bearer (\S+)\n", header.read_text())
    for result in shown:
        assert code not in result.out + result.talk
    files = [path for path in state.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert [path for path in files if code in path.read_text()] == [header]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [path for path in (state / "argybargy").rglob("*") if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_connecting_again_replaces_the_code_and_reports_it() -> None:
    terminal = Terminal()
    first = seat(connect("claude", "--json", terminal=terminal))
    second = connect("claude", terminal=terminal)
    assert f"revoked ({first['key_id']})" in second.talk
    assert [code.name for code in terminal.operator.codes] == ["claude"]
    other = connect("claude", "--name", "claude-2", terminal=terminal)
    assert "revoked" not in other.talk
    assert len(terminal.operator.codes) == 2


def test_each_relay_room_and_name_has_a_file_of_its_own() -> None:
    terminal = Terminal()
    told = [
        seat(connect("curl", *each, "--json", terminal=terminal))["header_file"]
        for each in (
            (),
            ("--name", "a.b"),
            ("--url", "https://relay.example.com"),
            ("--url", "http://[::1]:9000"),
        )
    ]
    assert len(set(told)) == 4


def test_without_files_no_wake_up_is_promised() -> None:
    for client in PROGRAMS:
        told = " ".join(connect(client).talk.split())
        assert "not after its turn has ended" in told
        assert CLIENTS[client].while_idle not in told
        assert seat(connect(client, "--json"))["while_idle"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("curl", "--write", "--directory", "."),
        ("codex", "--write", "--directory", "nowhere"),
        ("codex", "--directory", "."),
        ("codex", "--headless"),
        ("opencode", "--write", "--headless", "--directory", "."),
        ("codex", "--name", "system"),
        ("emacs",),
    ],
)
def test_invalid_connect_options_are_rejected_before_any_request(
    arguments: tuple[str, ...], state: Path
) -> None:
    terminal = Terminal()
    result = connect(*arguments, terminal=terminal)
    assert result.code == Exit.USAGE
    assert terminal.operator.calls == []
    assert not state.exists()


def test_a_code_that_cannot_be_stored_is_revoked(state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text("a file in the way")
    terminal = Terminal()
    result = connect("claude", terminal=terminal)
    assert result.code == Exit.FAILED
    assert "cannot be stored" in result.talk
    assert "XDG_STATE_HOME" in result.talk
    assert terminal.operator.codes == []


def test_a_closed_room_refuses_an_agent(state: Path) -> None:
    terminal = Terminal(FakeOperator(closed={"build"}))
    assert connect("claude", terminal=terminal).code == Exit.LOST
    assert not state.exists()
