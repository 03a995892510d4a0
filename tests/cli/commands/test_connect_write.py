"""Connecting an agent by the files of its program, and disconnecting it."""

import json
import os
import re
import shlex
import stat
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from argybargy.cli.agent_files.connection import our_command
from argybargy.cli.agent_files.programs import PROGRAMS, Form, Root
from argybargy.cli.client.protocol import Json
from argybargy.cli.errors import Exit
from argybargy.onboarding.seat import CLIENTS
from support.agent_desk import Desk as AgentDesk
from support.fake_operator import FakeOperator
from support.terminal import Result, Terminal

CODE = re.compile(r"argy_a1_\w+|code-of-\w+")
SEAT = "127.0.0.1-8765/build"
JSON_FILES = {
    "claude": ".claude/settings.local.json",
    "codex": ".codex/hooks.json",
    "gemini": ".gemini/settings.json",
    "cursor": ".cursor/hooks.json",
}
THEIRS = (
    '{\r\n    "theirs": [1.50, "\\u00fc"],\r\n    "hooks": { "Stop": [{"a": 1}] }\r\n}'
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def connect(
    client: str, project: Path, *more: str, terminal: Terminal | None = None
) -> Result:
    words = ("connect", client, "--room", "build", "--write", "--directory")
    return (terminal or Terminal()).type(*words, str(project), *more)


def disconnect(client: str, project: Path, *more: str) -> Result:
    return Terminal().type("disconnect", client, "--directory", str(project), *more)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def folders_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*/")}


@pytest.mark.parametrize("client", PROGRAMS)
def test_everything_that_was_written_is_taken_out(
    client: str, project: Path, home: Path, tmp_path: Path
) -> None:
    result = connect(client, project)
    assert result.code == Exit.OK, result.talk
    written = result.out.splitlines()
    assert len(written) == len(PROGRAMS[client].files) + 1
    assert all(Path(each).is_file() for each in written)
    assert f"argybargy disconnect {client} --directory {project}" in result.talk
    assert CLIENTS[client].while_idle in " ".join(result.talk.split())
    gone = disconnect(client, project)
    assert gone.code == Exit.OK, gone.talk
    assert sorted(gone.out.splitlines()) == sorted(written)
    assert "until it is revoked: argybargy revoke 000000000003\n" in gone.talk
    for folder in (project, home, tmp_path / "state"):
        assert files_of(folder) == {}
    assert folders_of(project) == set()
    assert disconnect(client, project).code == Exit.LOST


@pytest.mark.parametrize("client", PROGRAMS)
def test_the_code_is_in_one_private_file(
    client: str, project: Path, home: Path, tmp_path: Path
) -> None:
    shown = connect(client, project)
    header = tmp_path / "state/argybargy/seats" / SEAT / f"{client}.seat/header"
    (code,) = CODE.findall(header.read_text())
    assert stat.S_IMODE(header.stat().st_mode) == 0o600
    facts = json.loads(header.with_name("seat.json").read_text())
    assert (facts["room"], facts["program"]) == ("build", client)
    assert facts["session"]
    assert code not in shown.out + shown.talk
    everything = files_of(tmp_path)
    assert [name for name, each in everything.items() if code.encode() in each] == [
        str(header.relative_to(tmp_path))
    ]


@pytest.mark.parametrize(("client", "file"), JSON_FILES.items())
def test_a_users_settings_come_back_byte_for_byte(
    client: str, file: str, project: Path, tmp_path: Path
) -> None:
    path = project / file
    path.parent.mkdir()
    path.write_bytes(THEIRS.encode())
    path.chmod(0o640)
    assert connect(client, project).code == Exit.OK
    merged = json.loads(path.read_bytes())
    assert merged["theirs"] == [1.5, "ü"]
    assert merged["hooks"]["Stop"][0] == {"a": 1}
    assert b"argybargy" in path.read_bytes()
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n")
    (kept,) = tmp_path.rglob(f"original-*-{path.name}")
    assert kept.read_bytes() == THEIRS.encode()
    # Once more, with other options: the same copy is kept, and nothing is there twice.
    assert connect(client, project, "--name", "other", "--replace").code == Exit.OK
    assert kept.read_bytes() == THEIRS.encode()
    assert disconnect(client, project).code == Exit.OK
    assert path.read_bytes() == THEIRS.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_connecting_again_changes_nothing_in_the_files(project: Path) -> None:
    for client in PROGRAMS:
        terminal = Terminal()
        connect(client, project, terminal=terminal)
        before = files_of(project)
        assert connect(client, project, terminal=terminal).code == Exit.OK
        assert files_of(project) == before


def test_several_programs_share_a_project(project: Path, tmp_path: Path) -> None:
    for client in PROGRAMS:
        assert connect(client, project).code == Exit.OK
    named = (project / ".argybargy").read_text().splitlines()
    assert named[1:] == [f"{SEAT}/{client}" for client in PROGRAMS]
    drain = tmp_path / "state/argybargy/programs/drain"
    for client in PROGRAMS:
        assert drain.exists() == (client != "goose")  # the others that use it are gone
        assert disconnect(client, project).code == Exit.OK
    assert files_of(project) == {}
    assert not drain.exists()


def test_several_projects_share_the_files_of_the_user(
    project: Path, home: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    connect("copilot", project)
    connect("copilot", other, "--headless", "--name", "copilot-2")
    hooks = home / ".copilot/hooks/argybargy.json"
    assert disconnect("copilot", project).code == Exit.OK
    assert hooks.exists()
    assert disconnect("copilot", other).code == Exit.OK
    assert files_of(home) == {}


def commands_in(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        own = [value[key] for key in ("command", "bash") if key in value]
        return [
            *(each for each in own if isinstance(each, str)),
            *(each for part in value.values() for each in commands_in(part)),
        ]
    if isinstance(value, list):
        return [each for part in value for each in commands_in(part)]
    return []


@pytest.mark.parametrize("client", sorted(set(PROGRAMS) - {"opencode"}))
def test_hooks_run_our_command_by_its_absolute_path(
    client: str, project: Path, home: Path, tmp_path: Path
) -> None:
    connect(client, project, "--json")
    found = [
        command
        for name, content in files_of(tmp_path).items()
        if name.endswith(".json") and "receipt" not in name and "seat.json" not in name
        for command in commands_in(json.loads(content))
    ]
    assert found
    assert Path(our_command()).is_absolute()
    drain = str(tmp_path / "state/argybargy/programs/drain")
    for command in found:
        match shlex.split(command):
            case ["sh", script, program, "tool"]:
                assert (script, program) == (drain, client)
            case [program, "agent", "hook", key, _, *parks]:
                assert (program, key, parks) == (our_command(), client, [])
            case [program, *words]:
                assert program == our_command()
                assert words in ([], ["agent", "ear", "--wake", "lines"])


def test_the_files_of_codex_have_the_right_form(project: Path) -> None:
    there = 'model = "m"\r\n[a]\r\nb = 1'
    (project / ".codex").mkdir()
    config = project / ".codex/config.toml"
    config.write_bytes(there.encode())
    connect("codex", project)
    read = tomllib.loads(config.read_bytes().decode())
    assert read["a"] == {"b": 1}
    server = read["mcp_servers"]["argybargy"]
    assert server["args"] == ["agent", "mcp", "--seat", f"{SEAT}/codex"]
    assert server["command"] == our_command()
    disconnect("codex", project)
    assert config.read_bytes() == there.encode()


def test_headless_programs_wait_at_the_end_of_a_turn(project: Path) -> None:
    connect("claude", project, "--headless")
    settings = json.loads((project / JSON_FILES["claude"]).read_bytes())
    (stop,) = settings["hooks"]["Stop"][0]["hooks"]
    assert stop["command"].endswith("agent ear --wake exit2")
    assert stop["asyncRewake"] is True
    assert settings["env"]["CLAUDE_CODE_STOP_HOOK_BLOCK_CAP"] == "0"
    connect("gemini", project, "--headless")
    settings = json.loads((project / JSON_FILES["gemini"]).read_bytes())
    (stop,) = settings["hooks"]["AfterAgent"][0]["hooks"]
    assert stop["command"].endswith("hook gemini stop --park")
    # The ear that it waits for is another one than beside a person.
    (start,) = settings["hooks"]["SessionStart"][0]["hooks"]
    assert start["command"].endswith("hook gemini start --park")
    assert stop["timeout"] == 86_400_000
    # Without it, the hooks of before are gone.
    connect("claude", project)
    assert "hooks" not in json.loads((project / JSON_FILES["claude"]).read_bytes())


@pytest.mark.parametrize(
    ("client", "file", "there"),
    [
        ("claude", JSON_FILES["claude"], "// mine\n{}"),
        ("claude", JSON_FILES["claude"], "[]"),
        ("claude", JSON_FILES["claude"], b"\xff\xfe"),
        ("claude", JSON_FILES["claude"], '{"env": {"ARGYBARGY_SEAT": "mine"}}'),
        ("codex", ".codex/config.toml", "a = \n"),
        ("codex", ".codex/config.toml", "[mcp_servers.argybargy]\nurl = 'mine'\n"),
        ("codex", ".codex/config.toml", "[mcp_servers]\nargybargy = {}\n"),
        ("opencode", ".opencode/plugins/argybargy.js", "// mine"),
        ("goose", ".argybargy", "not the name of a seat\n"),
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_kept_and_no_code_created(
    client: str, file: str, there: str | bytes, project: Path, tmp_path: Path
) -> None:
    path = project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    content = there.encode() if isinstance(there, str) else there
    path.write_bytes(content)
    terminal = Terminal()
    result = connect(client, project, terminal=terminal)
    assert result.code == Exit.FAILED
    assert f"{path} is left as it is" in result.talk
    assert files_of(project) == {file: content}
    assert terminal.operator.calls == []
    assert not (tmp_path / "state").exists()


def test_a_file_that_somebody_changed_stays_and_is_named(project: Path) -> None:
    connect("opencode", project)
    plugin = project / ".opencode/plugins/argybargy.js"
    plugin.write_text(plugin.read_text() + "// mine\n")
    result = disconnect("opencode", project)
    assert result.code == Exit.FAILED
    assert f"{plugin} stays: somebody has changed it since." in result.talk
    assert plugin.exists()


def test_the_users_changes_since_then_stay(project: Path) -> None:
    connect("claude", project)
    path = project / JSON_FILES["claude"]
    settings = json.loads(path.read_bytes())
    settings["permissions"]["allow"].append("Bash(ls)")
    settings["model"] = "theirs"
    path.write_text(json.dumps(settings))
    assert disconnect("claude", project).code == Exit.OK
    left = json.loads(path.read_bytes())
    assert left == {"permissions": {"allow": ["Bash(ls)"]}, "model": "theirs"}


def lead_out_by_the_file(project: Path, outside: Path) -> str:
    (project / ".codex").mkdir()
    (project / ".codex/hooks.json").symlink_to(outside / "file.md")
    return "codex"


def lead_out_to_nothing(project: Path, outside: Path) -> str:
    (project / ".argybargy").symlink_to(outside / "new")
    return "gemini"


def lead_out_by_a_folder(project: Path, outside: Path) -> str:
    (project / ".claude").symlink_to(outside)
    return "claude"


def lead_out_upwards(project: Path, outside: Path) -> str:
    (project / ".opencode").mkdir()
    (project / ".opencode/plugins").symlink_to(f"../../{outside.name}")
    return "opencode"


def lead_in_a_circle(project: Path, outside: Path) -> str:
    (project / ".goosehints").symlink_to(".goosehints")
    return "goose"


def stand_in_the_way(project: Path, outside: Path) -> str:
    (project / ".cursor").mkdir()
    os.mkfifo(project / ".cursor/hooks.json")
    return "cursor"


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
    terminal = Terminal()
    result = connect(prepare(project, outside), project, terminal=terminal)
    assert result.code == Exit.FAILED
    assert "is left as it is: it " in result.talk
    assert files_of(outside) == {"file.md": b"not of the project\n"}
    assert terminal.operator.calls == []


def test_links_within_the_project_are_followed_and_kept(
    project: Path, tmp_path: Path
) -> None:
    (project / "shared.json").write_text("{}\n")
    (project / ".gemini").mkdir()
    (project / ".gemini/settings.json").symlink_to("../shared.json")
    (tmp_path / "here").symlink_to(project)
    assert connect("gemini", tmp_path / "here").code == Exit.OK
    assert (project / ".gemini/settings.json").is_symlink()
    assert "argybargy" in (project / "shared.json").read_text()
    assert disconnect("gemini", project).code == Exit.OK
    assert (project / "shared.json").read_text() == "{}\n"


def test_a_link_created_during_the_write_is_not_followed(
    project: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    class Racing(FakeOperator):
        def call(self, method: str, path: str, body: Json | None = None) -> Json:
            answer = FakeOperator.call(self, method, path, body)
            if path == "/admin/invite":
                (project / ".gemini").symlink_to(outside)
            return answer

    terminal = Terminal(Racing())
    assert connect("gemini", project, terminal=terminal).code == Exit.FAILED
    assert list(outside.iterdir()) == []
    assert terminal.operator.codes == []


def test_a_code_is_not_put_where_git_would_publish_it(
    project: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    header = state / "argybargy/seats" / SEAT / "gemini.seat/header"
    header.parent.mkdir(parents=True)
    header.write_text("old\n")
    git = ("git", "-C", str(state), "-c", "user.name=a", "-c", "user.email=a@b.example")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "a")):
        subprocess.run([*git, *words], check=True)
    terminal = Terminal()
    result = connect("gemini", project, terminal=terminal)
    assert result.code == Exit.FAILED
    assert "tracked by git" in result.talk
    assert header.read_text() == "old\n"
    assert terminal.operator.codes == []


def test_a_damaged_receipt_stops_and_changes_nothing(
    project: Path, tmp_path: Path
) -> None:
    connect("gemini", project)
    (receipt,) = tmp_path.rglob("receipt.json")
    receipt.write_text("{}")
    before = files_of(project)
    for result in (disconnect("gemini", project), connect("gemini", project)):
        assert result.code == Exit.FAILED
        assert "damaged" in result.talk
    assert files_of(project) == before


def test_no_file_is_of_a_form_that_could_hold_a_users_secret() -> None:
    for program in PROGRAMS.values():
        for file in program.files:
            assert file.form is not Form.SEATS
            assert not Path(file.path).is_absolute()
            assert ".." not in Path(file.path).parts
            # In the user's own directories, we own whole files only.
            assert file.root is Root.PROJECT or file.form is Form.OWN


def test_the_drain_starts_python_only_if_a_message_waits(
    project: Path, tmp_path: Path
) -> None:
    connect("codex", project)
    hooks = json.loads((project / ".codex/hooks.json").read_bytes())
    command = hooks["hooks"]["PostToolUse"][0]["hooks"][0]["command"]
    drain = tmp_path / "state/argybargy/programs/drain"
    told = tmp_path / "told"
    told.write_text('#!/bin/sh\necho "$@"\n')
    told.chmod(0o755)
    drain.write_text(drain.read_text().replace(our_command(), str(told)))
    environment = {"HOME": "/nonexistent", "XDG_STATE_HOME": str(tmp_path / "state")}

    def run() -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            input=b"x" * 1_000_000, env=environment, capture_output=True, check=True,
        )  # fmt: skip
        assert done.stderr == b""
        return done.stdout.decode()

    assert run() == "{}\n"
    spool = tmp_path / "state/argybargy/seats" / SEAT / "codex.seat/spool"
    spool.touch()
    assert run() == "{}\n"
    spool.write_text("something\n")
    assert run() == "agent hook codex tool\n"


@pytest.mark.parametrize("client", PROGRAMS)
def test_the_agents_check_knows_the_files_that_were_written(
    client: str, project: Path, tmp_path: Path
) -> None:
    # A file of the user in place of a new one, and a further seat in the project.
    (project / ".argybargy").write_text("# mine\n127.0.0.1-8765/build/bob\n")
    written = connect(client, project).out.splitlines()
    desk = AgentDesk(tmp_path)
    desk.environment["HOME"] = str(tmp_path / "home")
    result = desk.type("doctor", "--seat", f"build/{client}")
    for path in written:
        assert f"ok  {path}\n" in result.out


# -- the seat of another relay --------------------------------------------------------


def seats_of(project: Path) -> list[str]:
    return (project / ".argybargy").read_text().splitlines()[1:]


ELSEWHERE = ("--port", "7001", "--data", "/my other")


def test_the_seat_of_another_relay_is_not_replaced_unasked(
    project: Path, tmp_path: Path
) -> None:
    assert connect("claude", project, *ELSEWHERE).code == Exit.OK
    before = files_of(tmp_path)
    terminal = Terminal()
    result = connect("claude", project, terminal=terminal)
    assert (result.code, result.out) == (Exit.LOST, "")
    assert terminal.operator.calls == []
    assert files_of(tmp_path) == before
    assert f"Claude Code in {project} has the seat build/claude of another" in (
        result.talk
    )
    assert "another relay (port 7001, data in /my other). Nothing" in result.talk
    again = "argybargy connect claude --room build --write --directory"
    assert f"{again} {project} --port 7001 --data '/my other'\n" in result.talk
    assert "--replace" in result.talk


def test_replace_takes_the_old_seat_out_and_names_its_code(
    project: Path, tmp_path: Path
) -> None:
    connect("claude", project, *ELSEWHERE)
    terminal = Terminal()
    result = connect("claude", project, "--replace", terminal=terminal)
    assert result.code == Exit.OK, result.talk
    command = "argybargy revoke 000000000003 --port 7001 --data '/my other'"
    assert f"Its code is valid until it is revoked: {command}\n" in result.talk
    headers = [path for path in files_of(tmp_path) if path.endswith("header")]
    assert headers == [f"state/argybargy/seats/{SEAT}/claude.seat/header"]
    assert seats_of(project) == [f"{SEAT}/claude"]
    done = connect("claude", project, "--replace", "--json", terminal=terminal)
    assert done.json["replaced"] is None  # the same seat


@pytest.mark.parametrize(("room", "name"), [("build", "ann"), ("review", "claude")])
def test_another_seat_of_the_same_relay_is_not_replaced_unasked(
    project: Path, room: str, name: str
) -> None:
    connect("claude", project)
    terminal = Terminal()
    words = ("connect", "claude", "--write", "--directory", str(project))
    other = (*words, "--room", room, "--name", name)
    result = terminal.type(*other)
    assert result.code == Exit.LOST
    assert "has the seat build/claude of the same relay. Nothing" in result.talk
    assert seats_of(project) == [f"{SEAT}/claude"]
    assert terminal.type(*other, "--replace").code == Exit.OK
    assert seats_of(project) == [f"127.0.0.1-8765/{room}/{name}"]


def test_a_relay_is_the_same_at_another_port_and_another_one_at_the_same(
    project: Path,
) -> None:
    connect("claude", project)
    assert connect("claude", project, "--port", "7001").code == Exit.OK
    assert connect("claude", project, "--data", "/x").code == Exit.LOST


def test_a_seat_of_another_project_keeps_its_code(
    project: Path, tmp_path: Path
) -> None:
    """Two relays that use the same address in turn have seats of the same name."""
    other = tmp_path / "other"
    other.mkdir()
    connect("claude", other, "--data", "/x")
    result = connect("claude", project, "--replace")
    assert result.code == Exit.LOST
    assert f"argybargy disconnect claude --directory {other}\n" in result.talk
    assert connect("claude", project, "--name", "ann").code == Exit.OK


def test_disconnect_names_the_code_that_connect_made(project: Path) -> None:
    connect("claude", project, *ELSEWHERE)
    terminal = Terminal(program="uv run argybargy")
    result = terminal.type(
        "disconnect", "claude", "--json", "--directory", str(project)
    )
    assert (result.json["room"], result.json["name"]) == ("build", "claude")
    assert result.json["key_id"] == "000000000003"
    command = "uv run argybargy revoke 000000000003 --port 7001 --data '/my other'"
    assert result.json["next"][-1] == command


def test_disconnect_says_where_the_program_is_connected(
    project: Path, tmp_path: Path
) -> None:
    connect("claude", project)
    result = disconnect("claude", tmp_path)
    assert f"It is connected in {project}." in result.talk


def test_a_record_of_before_is_read_and_its_relay_known_by_the_address(
    project: Path, tmp_path: Path
) -> None:
    connect("gemini", project)
    (path,) = tmp_path.rglob("receipt.json")
    record = json.loads(path.read_text())
    del record["relay"], record["key_id"]
    path.write_text(json.dumps(record))
    result = connect("gemini", project, "--port", "7001")
    assert result.code == Exit.LOST
    assert "another relay (127.0.0.1-8765)." in result.talk
    gone = disconnect("gemini", project)
    assert "argybargy revoke gemini --room build\n" in gone.talk


# -- the extra that a program needs ---------------------------------------------------


@pytest.mark.parametrize("client", ["codex", "gemini"])
def test_the_extra_is_asked_for_only_where_it_is_missing(
    client: str, project: Path
) -> None:
    assert "argybargy[mcp]" not in connect(client, project).talk
    lacking = Terminal(packages=frozenset())
    result = connect(client, project, terminal=lacking)
    assert "pip install 'argybargy[mcp]', and restart the relay" in result.talk
    under_uv = Terminal(packages=frozenset(), program="uv run argybargy")
    result = connect(client, project, terminal=under_uv)
    assert "uv sync --extra mcp, and restart the relay" in result.talk


def test_a_relay_elsewhere_may_have_the_extra(project: Path) -> None:
    terminal = Terminal(packages=frozenset())
    words = ("--relay", "http://127.0.0.1:7002")
    assert (
        "argybargy[mcp]"
        not in connect("codex", project, *words, terminal=terminal).talk
    )
