"""The notes that running relays keep for commands of the same user."""

from pathlib import Path

import pytest

from argybargy.serve.running_relays import find_running_relays, noted_relay
from argybargy.store.data_directory import (
    ServerAddress,
    hold_lock,
    publish_server_address,
)

PLACE = ServerAddress("127.0.0.1", 7001, 7)


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/argybargy/relays"


def test_a_relay_is_found_while_it_runs(tmp_path: Path, notes: Path) -> None:
    data = tmp_path / "d\udcff ta"  # a name that is not UTF-8
    assert find_running_relays() == ()
    with hold_lock(data), publish_server_address(data, PLACE), noted_relay(data):
        (found,) = find_running_relays()
        assert (found.data, found.address) == (data, PLACE)
    assert find_running_relays() == ()
    assert list(notes.iterdir()) == []


def test_the_note_of_a_killed_relay_leads_nowhere(tmp_path: Path, notes: Path) -> None:
    killed, running = tmp_path / "killed", tmp_path / "running"
    with hold_lock(killed), noted_relay(killed):
        (left,) = notes.iterdir()
        content = left.read_bytes()
    left.write_bytes(content)
    assert find_running_relays() == ()
    # Once its data are deleted, the next relay removes it.
    (killed / "relay.lock").unlink()
    killed.rmdir()
    with (
        hold_lock(running),
        publish_server_address(running, PLACE),
        noted_relay(running),
    ):
        assert [each.data for each in find_running_relays()] == [running]
        assert not left.exists()


def test_a_damaged_note_is_passed_over(notes: Path) -> None:
    notes.mkdir(parents=True)
    (notes / "0123456789abcdef").write_bytes(b"relative\0\xff")
    (notes / "fedcba9876543210").mkdir()
    assert find_running_relays() == ()
