"""Files and descriptors lost while the store is in use."""

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from argybargy.store.errors import Corrupt, Refused
from argybargy.store.sqlite.store import open_sqlite_store
from support.store_player import Player, texts


async def test_a_deleted_log_is_detected_and_its_commits_are_saved(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path) as store:
        player = Player.of(store)
        await player.say("ann", "acknowledged")
        (tmp_path / "relay.db-wal").unlink()
        for _ in range(2):  # also on a new connection
            with pytest.raises(Corrupt, match="removed or replaced"):
                await player.say("ann", "into the void")
        saved = await store.load("lab", 9)
        assert saved is not None
        assert texts(saved.messages) == ["acknowledged"]
    async with open_sqlite_store(tmp_path) as store:
        recent = await store.recent(None, 9)
        assert [each.text for _, each in recent] == ["acknowledged"]


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_a_removed_directory_is_detected_before_a_write_is_acknowledged(
    tmp_path: Path, is_replaced: bool
) -> None:
    directory = tmp_path / "data"
    async with open_sqlite_store(directory) as store:
        player = Player.of(store)
        await player.say("ann", "gone")
        copy = shutil.copytree(directory, tmp_path / "copy")
        shutil.rmtree(directory)
        if is_replaced:
            copy.rename(directory)
        for _ in range(2):
            with pytest.raises(Corrupt, match="removed or replaced"):
                await player.say("ann", "into the void")
        with pytest.raises(Corrupt, match="restore"):
            await store.probe()


@contextmanager
def _no_descriptor_left() -> Iterator[None]:
    """Keep this process from opening more files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_without_file_descriptors_writes_are_refused_until_some_are_free(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path) as store:
        player = Player.of(store)
        await player.say("ann", "before")
        await store._writer._connection.aclose()
        # Take exactly the descriptors that closing has freed.
        with _no_descriptor_left():
            for _ in range(2):
                with pytest.raises(Refused, match="open"):
                    await player.say("ann", "refused")
                with pytest.raises(Refused, match="open"):
                    await store.recent(None, 9)
        await player.say("ann", "after")
        recent = await store.recent(None, 9)
        assert [each.text for _, each in recent] == ["before", "after"]
