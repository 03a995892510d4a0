"""A start waits for a command that has the data directory, and for no relay."""

from pathlib import Path

import pytest
import trio
import trio.testing

from argybargy.serve.data_directory_wait import WAIT_SECONDS, wait_for_command
from argybargy.store.data_directory import (
    ServerAddress,
    hold_lock,
    publish_server_address,
)

Clock = trio.testing.MockClock


async def waited(directory: Path) -> tuple[float, list[str]]:
    """Return how long a start waits, and what it says."""
    said, began = list[str](), trio.current_time()
    await wait_for_command(directory, said.append)
    return trio.current_time() - began, said


async def test_nobody_is_waited_for_where_nobody_is(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    assert await waited(tmp_path / "none") == (0, [])
    (tmp_path / "relay.lock").touch()
    assert await waited(tmp_path) == (0, [])


async def test_a_command_is_waited_for(tmp_path: Path, autojump_clock: Clock) -> None:
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


async def test_a_command_that_takes_too_long_is_not(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    with hold_lock(tmp_path):
        seconds, _ = await waited(tmp_path)
    assert seconds == pytest.approx(WAIT_SECONDS)


async def test_a_relay_that_listens_is_not(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    with (
        hold_lock(tmp_path),
        publish_server_address(tmp_path, ServerAddress("127.0.0.1", 19250, 7)),
    ):
        assert await waited(tmp_path) == (0, [])
