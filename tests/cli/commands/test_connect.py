"""Connecting an agent: credential files, and instructions in a project."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.connect import ClientKey
from argybargy.cli.errors import Exit
from argybargy.onboarding.seat import AS_OF, CLIENTS
from support.fake_operator import FakeOperator
from support.terminal import Result, Terminal

CODE = re.compile(r"argy_a1_\w+|code-of-\w+")
OURS = "<!-- argybargy build: made by 'argybargy connect' -->"
END = "<!-- argybargy build: end -->"
INSTALLED = {
    "claude": ".claude/skills/argybargy-build/SKILL.md",
    "codex": "AGENTS.md",
    "gemini": "GEMINI.md",
}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home" / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def connect(*arguments: str, terminal: Terminal | None = None) -> Result:
    return (terminal or Terminal()).type("connect", *arguments, "--room", "build")


def seat(result: Result) -> Any:  # noqa: ANN401 - JSON
    assert result.code == Exit.OK, result.talk
    return result.json


def test_every_known_program_is_accepted() -> None:
    assert set(get_args(ClientKey)) == set(CLIENTS)


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


@pytest.mark.parametrize("client", ["claude", "codex", "gemini"])
def test_the_facts_on_wake_ups_have_a_date(
    client: str,
) -> None:
    told = connect(client).talk
    idle = f"While it is idle: {CLIENTS[client].while_idle}"
    assert idle in " ".join(told.split())
    _, _, said = told.partition("While it works")
    assert max(map(len, said.partition("The listener")[0].splitlines())) <= 80
    assert AS_OF in idle


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


@pytest.mark.parametrize(("client", "file"), INSTALLED.items())
def test_instructions_contain_no_code_and_are_idempotent(
    client: str, file: str, project: Path
) -> None:
    terminal = Terminal()
    wanted = (client, "--write", "--directory", str(project))
    result = connect(*wanted, terminal=terminal)
    assert result.code == Exit.OK
    assert result.out == f"{project / file}\n"
    assert "To undo: delete" in result.talk
    text = (project / file).read_text()
    assert OURS in text
    assert "Bearer" not in text
    connect(*wanted, terminal=terminal)
    assert (project / file).read_text() == text
    assert [path for path in project.rglob("*") if path.is_file()] == [project / file]


def test_a_skill_file_has_valid_front_matter(project: Path) -> None:
    terminal = Terminal()
    terminal.type(
        "connect", "claude", "--room", "My.Room_1", "--write", "--directory",
        str(project),
    )  # fmt: skip
    (file,) = project.rglob("SKILL.md")
    head = file.read_text().split("---\n")[1]
    name, description = re.findall(r"^(?:name|description): (.*)$", head, re.MULTILINE)
    assert name == file.parent.name == "argybargy-my-room-1"
    assert "My.Room_1" in description
    assert ": " not in description


@pytest.mark.parametrize(
    ("there", "distance"),
    [
        ("# Mine\n\nKeep it.\n", "\n"),
        ("no newline at the end", "\n\n"),
        ("\ufeffünï\r\ncode\r\n", "\r\n"),
        ("# Rules\r\n\r\nKeep CRLF.\r\n\r\n", ""),
        ("blank lines at the end\n\n\n\n", ""),
        ("one\r\ntwo\nthree\n", "\n"),
        ("ends in blanks  \t", "\n\n"),
        ("\ufeff", ""),
        (" \n", ""),
        ("", ""),
    ],
)
def test_text_of_other_authors_is_unchanged(
    there: str, distance: str, project: Path
) -> None:
    file = project / "AGENTS.md"
    file.write_bytes(there.encode())
    file.chmod(0o640)
    wanted = ("codex", "--write", "--directory", str(project))
    connect(*wanted)
    first = file.read_bytes().decode()
    end = "\r\n" if distance == "\r\n" or "CRLF" in there else "\n"
    assert first.startswith(there + distance + OURS + end)
    assert first.endswith(END + end)
    block = first.removeprefix(there)
    assert block.count("\r\n") == (block.count("\n") if end == "\r\n" else 0)
    file.write_bytes(first.encode() + b"\nAnd below it.  ")
    connect(*wanted, "--url", "https://elsewhere.example.com")
    second = file.read_bytes().decode()
    assert second.startswith(there + distance + OURS + end)
    assert second.endswith(f"{END}{end}\nAnd below it.  ")
    assert second.count(OURS) == 1
    assert "elsewhere.example.com" in second
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_symbolic_link_is_followed_and_kept(project: Path) -> None:
    (project / "shared.md").write_text("shared\n")
    (project / "AGENTS.md").symlink_to("shared.md")
    connect("codex", "--write", "--directory", str(project))
    assert (project / "AGENTS.md").is_symlink()
    assert OURS in (project / "shared.md").read_text()


def lead_out_by_the_file(project: Path, outside: Path) -> str:
    (project / "AGENTS.md").symlink_to(outside / "file.md")
    return "codex"


def lead_out_to_nothing(project: Path, outside: Path) -> str:
    (project / "AGENTS.md").symlink_to(outside / "new.md")
    return "codex"


def lead_out_by_a_folder(project: Path, outside: Path) -> str:
    (project / ".claude").symlink_to(outside)
    return "claude"


def lead_out_upwards(project: Path, outside: Path) -> str:
    (project / ".claude").mkdir()
    (project / ".claude" / "skills").symlink_to(f"../../{outside.name}")
    return "claude"


def lead_in_a_circle(project: Path, outside: Path) -> str:
    (project / "AGENTS.md").symlink_to("AGENTS.md")
    return "codex"


def stand_in_the_way(project: Path, outside: Path) -> str:
    os.mkfifo(project / "AGENTS.md")
    return "codex"


@pytest.mark.parametrize(
    "prepare",
    [
        lead_out_by_the_file,
        lead_out_to_nothing,
        lead_out_by_a_folder,
        lead_out_upwards,
        lead_in_a_circle,
        stand_in_the_way,
    ],
)
def test_nothing_is_written_outside_of_the_project(
    prepare: Callable[[Path, Path], str], project: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file.md").write_text("not of the project\n")
    client, terminal = prepare(project, outside), Terminal()
    wanted = (client, "--write", "--directory", str(project))
    result = connect(*wanted, terminal=terminal)
    assert result.code == Exit.FAILED
    assert "is left as it is: it " in result.talk
    assert [path.name for path in outside.rglob("*")] == ["file.md"]
    assert (outside / "file.md").read_text() == "not of the project\n"
    assert terminal.operator.calls == []


def test_a_project_directory_may_be_a_symbolic_link(
    project: Path, tmp_path: Path
) -> None:
    (tmp_path / "here").symlink_to(project)
    connect("claude", "--write", "--directory", str(tmp_path / "here"))
    assert (project / INSTALLED["claude"]).is_file()


def test_a_link_created_during_the_write_is_not_followed(
    project: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    class Racing(FakeOperator):
        def call(self, method: str, path: str, body: Json | None = None) -> Json:
            answer = FakeOperator.call(self, method, path, body)
            if path == "/admin/invite":
                (project / ".claude").symlink_to(outside)
            return answer

    terminal = Terminal(Racing())
    wanted = ("claude", "--write", "--directory", str(project))
    assert connect(*wanted, terminal=terminal).code == Exit.FAILED
    assert list(outside.iterdir()) == []
    assert terminal.operator.codes == []


@pytest.mark.parametrize(
    ("file", "there"),
    [
        ("AGENTS.md", f"{OURS}\nno end\n"),
        ("AGENTS.md", f"{END}\n{OURS}\n"),
        ("AGENTS.md", f"{OURS}\n{END}\n{OURS}\n{END}\n"),
        ("AGENTS.md", b"\xff\xfe"),
        (INSTALLED["claude"], "---\nname: mine\n---\n"),
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_kept_and_no_code_created(
    file: str, there: str | bytes, project: Path, state: Path
) -> None:
    path = project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    content = there.encode() if isinstance(there, str) else there
    path.write_bytes(content)
    terminal = Terminal()
    client = "codex" if file == "AGENTS.md" else "claude"
    wanted = (client, "--write", "--directory", str(project))
    result = connect(*wanted, terminal=terminal)
    assert result.code == Exit.FAILED
    assert f"{path} is left as it is" in result.talk
    assert path.read_bytes() == content
    assert terminal.operator.calls == []
    assert not state.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("curl", "--write", "--directory", "."),
        ("codex", "--write"),
        ("codex", "--write", "--directory", "nowhere"),
        ("codex", "--directory", "."),
        ("codex", "--name", "system"),
        ("cursor",),
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


def test_a_missing_project_directory_is_named() -> None:
    result = connect("codex", "--write", "--directory", "/nonexistent")
    assert "There is no directory /nonexistent." in result.talk


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
