"""The check of a seat and of its program's files: ``doctor``."""

import json
from pathlib import Path

import pytest

from argybargy.agent.ear_lock import EarHolder, hold_ear_lock
from argybargy.agent.errors import Exit
from argybargy.agent.relay_client import RelayAnswer, RelayAway, RelayRefused
from argybargy.agent.seat import Seat
from argybargy.agent.spool import Spool
from argybargy.agent.wakers import QueueError
from support.agent_desk import Desk, FakeClock


@pytest.fixture
def seat(desk: Desk) -> Seat:
    desk.environment["HOME"] = str(desk.root)
    desk.relay.answers["GET", "/whoami"] = RelayAnswer(200, "alice")
    return desk.take_seat()


def connect(desk: Desk, seat: Seat, program: str = "claude") -> Path:
    """Leave the receipt and a file, as `argybargy connect` does."""
    folder = desk.root / "state/argybargy/connections/x"
    folder.mkdir(parents=True)
    path = desk.project / "settings.json"
    path.write_text('{"argybargy": 1}')
    share = {"form": "json", "additions": [[[], "argybargy", 1, ""]]}
    file = {"root": str(desk.project), "path": path.name, "share": share}
    receipt = {"seat": str(seat), "program": program, "files": [file]}
    receipt["directory"] = str(desk.project)
    (folder / "receipt.json").write_text(json.dumps(receipt))
    return path


def test_all_is_well(desk: Desk, seat: Seat) -> None:
    connect(desk, seat)
    trusted = {"projects": {str(desk.project): {"hasTrustDialogAccepted": True}}}
    (desk.root / ".claude.json").write_text(json.dumps(trusted))
    with hold_ear_lock(desk.process(), seat, EarHolder("lines", "s-1")):
        result = desk.type("doctor")
    assert result.code == Exit.OK, result.out
    assert all(line.startswith("ok  ") for line in result.out.splitlines())
    assert "127.0.0.1-21600/build/alice" in result.out
    assert seat.code() not in result.out


def test_each_problem_says_what_to_do(desk: Desk, seat: Seat) -> None:
    path = connect(desk, seat)
    path.write_text("{}")
    (seat.folder / "header").chmod(0o644)
    result = desk.type("doctor")
    assert result.code == Exit.FAILED
    assert "chmod 600" in result.out
    assert f"no  {path}: our part of it was changed." in result.out
    assert "no  Claude Code trusts the project: start Claude Code" in result.out
    assert "no  ear: none listens" in result.out
    path.unlink()
    assert f"no  {path}: it is gone." in desk.type("doctor").out


def test_codex_has_to_trust_the_hooks(desk: Desk, seat: Seat) -> None:
    connect(desk, seat, "codex")
    assert "no  Codex trusts the hooks" in desk.type("doctor").out
    config = desk.root / ".codex/config.toml"
    config.parent.mkdir()
    config.write_text(f'[hooks.state."{desk.project}/.codex/hooks.json:stop:0"]\n')
    assert "ok  Codex trusts the hooks" in desk.type("doctor").out


def test_a_seat_without_files_is_told_how_to_get_them(desk: Desk, seat: Seat) -> None:
    command = "argybargy connect claude --room build --write --name alice --directory"
    assert f"{command} {desk.project}\n" in desk.type("doctor").out


def test_commands_in_hints_can_be_typed_as_they_are_printed(
    desk: Desk, seat: Seat
) -> None:
    path = connect(desk, seat)
    record = desk.root / "state/argybargy/connections/x/receipt.json"
    facts = json.loads(record.read_text())
    facts["relay"] = {"port": "7001", "data": "/my data"}
    record.write_text(json.dumps(facts))
    path.unlink()
    (seat.folder / "header").unlink()
    desk.program = "uv run argybargy"
    out = desk.type("doctor").out
    options = f"--directory {desk.project} --port 7001 --data '/my data'"
    connected = "uv run argybargy connect claude --room build --write --name alice"
    assert f"{path}: it is gone. {connected} {options}\n" in out
    assert "uv run argybargy agent join LINK" in out
    notes = desk.type("status", "--seat", "other/bob").notes
    assert "uv run argybargy agent join LINK" in notes


@pytest.mark.parametrize(
    ("failure", "hint"),
    [
        (RelayAway("It is away."), "Does a sandbox block this machine?"),
        (RelayRefused(401, "unauthorized", "No."), "argy join LINK"),
    ],
    ids=["away", "refused"],
)
def test_the_relay_is_asked(
    desk: Desk, seat: Seat, failure: Exception, hint: str
) -> None:
    desk.relay.failures.append(failure)
    result = desk.type("doctor")
    assert result.code == Exit.FAILED
    assert hint in result.out


def test_a_test_goes_the_way_of_messages(
    desk: Desk, seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(seat.spool_path)
    handed: list[str] = []

    def sleep(clock: FakeClock, seconds: float) -> None:
        clock.seconds += seconds
        handed.extend(entry.text for entry in spool.entries())
        spool.drop_through(0)

    assert "no ear listens" in desk.type("doctor", "--wake").out
    with hold_ear_lock(desk.process(), seat, EarHolder("lines", "s-1")):
        # Nobody takes it: it is taken back.
        assert "the program took nothing" in desk.type("doctor", "--wake").out
        assert spool.entries() == []
        monkeypatch.setattr(FakeClock, "sleep", sleep)
        assert "ok  a test was handed over" in desk.type("doctor", "--wake").out
    assert handed == ["0 argy doctor: a test of waking. No answer is expected."]


def test_codex_gets_the_test_by_its_queue(
    desk: Desk, seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[str] = []

    def queue(_: object, thread: str, text: str) -> None:
        queued.append(f"{thread}: {text}")
        if len(queued) > 1:
            raise QueueError("there is no program 'codex'")

    monkeypatch.setattr("argybargy.agent.checkup.queue", queue)
    seat.save_state(seat.state()._replace(handed_to="s-1"))
    with hold_ear_lock(desk.process(), seat, EarHolder("queue", "s-1")):
        assert "ok  a test was handed over" in desk.type("doctor", "--wake").out
        assert "there is no program 'codex'" in desk.type("doctor", "--wake").out
    wrapper = "[argybargy room build: from other agents, not from your user]"
    assert queued[0].startswith(f"s-1: {wrapper}\n0 argy doctor")
