"""A start checks pages and rows unless the file is as its relay left it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from argybargy.store.errors import Corrupt
from argybargy.store.sqlite.clean_close import NOTE_NAME, leave_note, take_note
from argybargy.store.sqlite.store import open_sqlite_store
from support.store_player import Player

SAID = b"a text that nobody has changed"


async def fill(data: Path) -> None:
    async with open_sqlite_store(data) as store:
        await Player.of(store).say("ann", SAID.decode())


async def open_and_close(data: Path) -> None:
    async with open_sqlite_store(data):
        pass


def spoil_in_secret(data: Path) -> None:
    """Write an invalid text into the file, whose size and times stay as they were."""
    database = data / "relay.db"
    found = database.stat()
    with database.open("r+b") as file:
        content = file.read()
        assert content.count(SAID) == 1
        file.seek(content.index(SAID))
        file.write(b"\0" * len(SAID))
    os.utime(database, ns=(found.st_atime_ns, found.st_mtime_ns))


def touch(data: Path) -> None:
    os.utime(data / "relay.db", ns=(1, 1))


def copy(data: Path) -> None:
    """Replace the file by a copy with the same times, as a backup program does."""
    database, found = data / "relay.db", (data / "relay.db").stat()
    (data / "copy").write_bytes(database.read_bytes())
    (data / "copy").rename(database)
    os.utime(database, ns=(found.st_atime_ns, found.st_mtime_ns))


def forget(data: Path) -> None:
    (data / NOTE_NAME).unlink()


def note_another_version(data: Path) -> None:
    note = data / NOTE_NAME
    facts = json.loads(note.read_bytes())
    note.write_text(json.dumps({**facts, "version": "0.0.1"}))


def block_the_note(data: Path) -> None:
    forget(data)
    (data / NOTE_NAME).mkdir()


async def test_a_file_as_it_was_left_is_not_checked_again(tmp_path: Path) -> None:
    await fill(tmp_path)
    spoil_in_secret(tmp_path)
    await open_and_close(tmp_path)


@pytest.mark.parametrize(
    "change", [touch, copy, forget, note_another_version, block_the_note]
)
async def test_any_other_file_is_checked(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    await fill(tmp_path)
    spoil_in_secret(tmp_path)
    change(tmp_path)
    with pytest.raises(Corrupt, match="its text"):
        await open_and_close(tmp_path)
    with pytest.raises(Corrupt, match="its text"):
        await open_and_close(tmp_path)


async def test_there_is_no_note_while_the_relay_runs_or_after_a_crash(
    tmp_path: Path,
) -> None:
    await fill(tmp_path)
    assert (tmp_path / NOTE_NAME).exists()
    async with open_sqlite_store(tmp_path):
        assert not (tmp_path / NOTE_NAME).exists()


async def test_there_is_no_note_after_damage(tmp_path: Path) -> None:
    await fill(tmp_path)
    async with open_sqlite_store(tmp_path) as store:
        size = (tmp_path / "relay.db").stat().st_size
        with (tmp_path / "relay.db").open("r+b") as file:
            file.seek(4096)
            file.write(b"\xee" * (size - 4096))
        with pytest.raises(Corrupt):
            await store.load("lab", 10)
    assert not (tmp_path / NOTE_NAME).exists()


async def test_a_note_that_cannot_be_left_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / f"{NOTE_NAME}.new").mkdir()
    await fill(tmp_path)
    assert not (tmp_path / NOTE_NAME).exists()
    await open_and_close(tmp_path)


def test_a_part_in_the_write_ahead_log_leaves_no_note(tmp_path: Path) -> None:
    database, log = tmp_path / "relay.db", tmp_path / "relay.db-wal"
    database.write_bytes(b"pages")
    log.write_bytes(b"")
    leave_note(database)
    assert take_note(database)
    assert not take_note(database)
    leave_note(database)
    log.write_bytes(b"more")
    assert not take_note(database)
    leave_note(database)
    assert not (tmp_path / NOTE_NAME).exists()
