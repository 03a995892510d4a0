"""A starting relay waits for a command that holds the data directory."""

from pathlib import Path

import pytest
import trio
import trio.testing

from argybargy.serve.services import LOCK_WAIT_SECONDS, wait_for_command
from argybargy.store.data_directory import (
    ServerAddress,
    hold_lock,
    publish_server_address,
)

Clock = trio.testing.MockClock


async def waited(directory: Path) -> tuple[float, list[str]]:
    """Return the seconds a start waits, and the sentences it prints."""
    said, began = list[str](), trio.current_time()
    await wait_for_command(directory, said.append)
    return trio.current_time() - began, said


async def test_an_unlocked_directory_needs_no_wait(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    assert await waited(tmp_path / "none") == (0, [])
    (tmp_path / "relay.lock").touch()
    assert await waited(tmp_path) == (0, [])


async def test_a_start_waits_for_a_command(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    async def command(task_status: trio.TaskStatus[None]) -> None:
        with hold_lock(tmp_path):
            task_status.started()
            await trio.sleep(2)

    async with trio.open_nursery() as nursery:
        await nursery.start(command)
        seconds, said = await waited(tmp_path)
    assert seconds == pytest.approx(2, abs=0.2)
    assert len(said) == 1
    assert str(tmp_path) in said[0]


async def test_the_wait_for_a_command_has_a_deadline(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    with hold_lock(tmp_path):
        seconds, _ = await waited(tmp_path)
    assert seconds == pytest.approx(LOCK_WAIT_SECONDS)


async def test_a_start_does_not_wait_for_a_relay_that_listens(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    with (
        hold_lock(tmp_path),
        publish_server_address(tmp_path, ServerAddress("127.0.0.1", 19250, 7)),
    ):
        assert await waited(tmp_path) == (0, [])
