"""The directory of a seat, and which seat a command takes."""

import json
import stat
import subprocess
from pathlib import Path

import pytest

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.relay_client import RelayAnswer
from argybargy.agent.seat import (
    SeatState,
    bind_session,
    choose_seat,
    seat_at,
    seats_folder,
)
from argybargy.agent.seat_name import parse_seat_name
from argybargy.cli.agent_files.credentials import SeatFiles
from support.agent_desk import BASE, CODE, Desk, json_answer


def test_only_the_owner_can_read_a_seat(desk: Desk) -> None:
    seat = desk.take_seat()
    with seat.locked(desk.process()):
        seat.save_state(SeatState(told=3))
    files = [seat.folder, *seat.folder.iterdir()]
    assert {each.name for each in files[1:]} >= {"header", "seat.json", "state.json"}
    for each in files:
        assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0, each
    others = [each for each in files[1:] if each.name != "header"]
    assert CODE not in "".join(each.read_text() for each in others)
    assert seat.code() == CODE


def test_seats_are_beside_the_files_of_connect(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", desk.environment["XDG_STATE_HOME"])
    for base in (BASE, "https://[::1]:8765", "https://relay.example"):
        seat = seat_at(desk.environment, parse_seat_name("x/build/alice"))
        there = SeatFiles.of(base, "Build", "Alice").header
        assert there.parents[2] == seats_folder(desk.environment)
        assert there.parent.name == seat.folder.parent.name
        assert there != seat.folder


@pytest.mark.parametrize("state", ["", "relative/path"])
def test_without_a_state_directory_it_is_below_home(state: str) -> None:
    folder = seats_folder({"XDG_STATE_HOME": state, "HOME": "/home/alice"})
    assert folder == Path("/home/alice/.local/state/argybargy/seats")


def test_a_seat_is_chosen_by_option_environment_session_and_directory(
    desk: Desk,
) -> None:
    seats = {name: desk.take_seat(name) for name in ("a", "b", "c", "d")}
    (desk.project / ".argybargy").write_text("build/d\n")
    assert choose_seat(desk.process(), None) == seats["d"]
    bind_session(desk.environment, "session-1", seats["c"])
    desk.environment["ARGYBARGY_SESSION"] = "session-1"
    assert choose_seat(desk.process(), None) == seats["c"]
    desk.environment["ARGYBARGY_SEAT"] = "build/b"
    assert choose_seat(desk.process(), None) == seats["b"]
    assert choose_seat(desk.process(), "BUILD/A") == seats["a"]


@pytest.mark.parametrize("session", ["", "..", "../x", "a/b", "x" * 65, "unbound"])
def test_a_session_that_is_not_bound_chooses_nothing(desk: Desk, session: str) -> None:
    seat = desk.take_seat()
    bind_session(desk.environment, session, seat) if session != "unbound" else None
    desk.environment["ARGYBARGY_SESSION"] = session
    desk.take_seat("bob")
    with pytest.raises(AgentError, match="Several seats are on this machine"):
        choose_seat(desk.process(), None)


def test_the_nearest_project_file_upwards_counts(desk: Desk) -> None:
    alice, _ = desk.take_seat(), desk.take_seat("bob")
    (desk.project / ".argybargy").write_text("# us\nbuild/alice\n")
    (desk.root / ".argybargy").write_text("build/bob\n")
    below = desk.project / "src" / "deep"
    below.mkdir(parents=True)
    assert choose_seat(desk.process()._replace(directory=below), None) == alice


def test_a_shared_project_file_may_name_seats_of_other_machines(desk: Desk) -> None:
    alice, _ = desk.take_seat(), desk.take_seat("bob")
    (desk.project / ".argybargy").write_text("build/carol\nbuild/alice\n")
    assert choose_seat(desk.process(), None) == alice
    (desk.project / ".argybargy").write_text("build/carol\n")
    assert choose_seat_code(desk) == Exit.NOT_FOUND


def test_the_only_seat_of_the_machine_needs_no_name(desk: Desk) -> None:
    assert choose_seat_code(desk) == Exit.NOT_FOUND
    seat = desk.take_seat()
    assert choose_seat(desk.process(), None) == seat


def choose_seat_code(desk: Desk) -> Exit:
    with pytest.raises(AgentError) as caught:
        choose_seat(desk.process(), None)
    return caught.value.code


def test_a_link_that_leads_out_of_the_project_is_refused(desk: Desk) -> None:
    desk.take_seat()
    outside = desk.root / "elsewhere"
    outside.write_text("build/alice\n")
    (desk.project / ".argybargy").symlink_to(outside)
    with pytest.raises(AgentError, match="it leads out of its directory"):
        choose_seat(desk.process(), None)
    (desk.project / ".argybargy").unlink()
    (desk.project / "names").write_text("build/alice\n")
    (desk.project / ".argybargy").symlink_to("names")
    assert choose_seat(desk.process(), None).seat_name.name == "alice"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 70_000, b"argy_a1_secret"])
def test_a_project_file_that_is_none_is_refused(desk: Desk, content: bytes) -> None:
    desk.take_seat()
    (desk.project / ".argybargy").write_bytes(content)
    with pytest.raises(AgentError) as caught:
        choose_seat(desk.process(), None)
    assert caught.value.code is Exit.USAGE
    assert "argy_a1_secret" not in caught.value.text


@pytest.mark.parametrize("content", ["", "{", "[]", '{"told": "3"}', "\x00" * 99])
def test_a_damaged_state_is_that_of_a_new_seat(desk: Desk, content: str) -> None:
    seat = desk.take_seat()
    (seat.folder / "state.json").write_text(content)
    assert seat.state() == SeatState()


@pytest.mark.parametrize("name", ["seat.json", "header"])
@pytest.mark.parametrize("content", [None, "", "{ }", '{"base": 1}'])
def test_a_damaged_seat_says_how_to_mend_it(
    desk: Desk, name: str, content: str | None
) -> None:
    seat = desk.take_seat()
    path = seat.folder / name
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    result = desk.type("who", "--seat", "build/alice")
    assert result.code == Exit.NOT_FOUND
    assert "argy join LINK" in result.notes


def test_the_lock_of_a_seat_is_waited_for_and_then_given_up(desk: Desk) -> None:
    seat, process = desk.take_seat(), desk.process()
    with (
        seat.locked(process),
        pytest.raises(AgentError, match="Another command"),
        seat.locked(process),
    ):
        raise AssertionError("it is held")
    assert process.now() >= 10
    with seat.locked(process):
        pass


def test_a_code_in_a_file_that_git_tracks_is_refused(desk: Desk) -> None:
    path = desk.project / "code"
    path.write_text(f"Authorization: Bearer {CODE}\n")
    git(desk.project, "init", "--quiet")
    words = ("join", BASE, "--header-file", "code")
    desk.relay.answers["GET", "/whoami"] = _whoami()
    assert desk.type(*words).code == Exit.OK
    git(desk.project, "add", "code")
    result = desk.type(*words)
    assert result.code == Exit.FAILED
    assert "is tracked by git" in result.notes
    assert CODE not in result.notes


def _whoami() -> RelayAnswer:
    return json_answer({"name": "alice", "room": "build", "capabilities": ""})


def git(directory: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(directory), *words], check=True)


def test_facts_are_kept_as_spelled(desk: Desk) -> None:
    seat = desk.take_seat("Alice", "Build")
    assert str(seat) == "127.0.0.1-21600/build/alice"
    assert seat.facts().name == "Alice"
    assert json.loads((seat.folder / "seat.json").read_text())["room"] == "Build"
