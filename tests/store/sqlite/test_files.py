"""Start of the SQLite store: files, locks, schema versions and damage."""

import os
import stat
import sys
from pathlib import Path

import apsw
import pytest

from argybargy.domain.access_codes import CodeRecord, digest_code, format_code
from argybargy.store.data_directory import (
    ServerAddress,
    find_server_address,
    hold_lock,
    publish_server_address,
)
from argybargy.store.errors import Corrupt, Incompatible, Refused
from argybargy.store.sqlite.schema import Migration, load_migrations
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from argybargy.system.files import LOCK_NAME
from support.store_player import Player


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
async def test_only_the_owner_may_read_the_files_of_the_store(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "data"
    async with open_sqlite_store(directory) as store:
        await Player.of(store).say("ann")
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()
        }
    names = {"relay.db", "relay.db-wal", "relay.db-shm", "relay.lock"}
    assert modes == dict.fromkeys(names, 0o600)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
async def test_a_database_that_others_could_read_is_made_private(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path):
        pass
    (tmp_path / "relay.db").chmod(0o644)
    async with open_sqlite_store(tmp_path):
        assert stat.S_IMODE((tmp_path / "relay.db").stat().st_mode) == 0o600


async def test_a_second_server_is_refused_with_the_address_of_the_first(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path):
        with pytest.raises(Incompatible, match=r"relay\.lock"):
            await _open_and_close(tmp_path)
    await _open_and_close(tmp_path)


async def test_a_database_with_a_second_name_is_refused(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    async with open_sqlite_store(here):
        pass
    there.mkdir()
    os.link(here / "relay.db", there / "relay.db")
    for directory in (here, there):
        with pytest.raises(Incompatible, match="hard link"):
            async with open_sqlite_store(directory):
                pass
    (there / "relay.db").unlink()
    os.link(here / "relay.db", here / "relay.db.before-restore-1")
    async with open_sqlite_store(here):
        pass


def test_the_server_address_is_published_while_it_listens(tmp_path: Path) -> None:
    place, lock = ServerAddress("127.0.0.1", 8765, 7, "/c.pem"), tmp_path / LOCK_NAME
    seen = [find_server_address(tmp_path)]
    with hold_lock(tmp_path):
        seen.append(find_server_address(tmp_path))
        with publish_server_address(tmp_path, place):
            seen.append(find_server_address(tmp_path))
            told = lock.read_bytes()
        seen.append(find_server_address(tmp_path))
    lock.write_bytes(told)
    seen.append(find_server_address(tmp_path))
    with hold_lock(tmp_path):
        seen.append(find_server_address(tmp_path))
    assert seen == [None, None, place, None, None, None]


async def _open_and_close(directory: Path) -> None:
    async with open_sqlite_store(directory):
        pass


async def test_a_directory_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot be opened: "):
        await _open_and_close(tmp_path / "file" / "data")


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    await _open_and_close(tmp_path)
    _execute(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(Incompatible, match="schema 99"):
        await _open_and_close(tmp_path)
    assert _execute(tmp_path, "PRAGMA user_version") == [(99,)]


async def test_every_write_reaches_the_disk_before_it_is_acknowledged(
    sqlite: SqliteStore,
) -> None:
    def read(connection: apsw.Connection) -> tuple[object, object]:
        mode = connection.execute("PRAGMA journal_mode").get
        return mode, connection.execute("PRAGMA synchronous").get

    assert await sqlite._writer._connection.run(read) == ("wal", 2)


async def test_a_database_of_another_program_is_refused_and_left_alone(
    tmp_path: Path,
) -> None:
    _execute(tmp_path, "CREATE TABLE recipes (name)")
    before = (tmp_path / "relay.db").read_bytes()
    with pytest.raises(Incompatible, match="not one of Argybargy's"):
        await _open_and_close(tmp_path)
    assert (tmp_path / "relay.db").read_bytes() == before


def _execute(directory: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(directory / "relay.db"))
    try:
        return list(connection.execute(sql))
    finally:
        connection.close()


async def test_a_file_that_is_no_database_is_named_and_left_alone(
    tmp_path: Path,
) -> None:
    rubbish = b"This is a shopping list. " * 200
    (tmp_path / "relay.db").write_bytes(rubbish)
    with pytest.raises(Corrupt, match=r"relay\.db"):
        await _open_and_close(tmp_path)
    assert (tmp_path / "relay.db").read_bytes() == rubbish


async def test_a_damaged_database_is_named_and_left_alone(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path) as store:
        await Player.of(store).say("ann", "x" * 8_000)
    path = tmp_path / "relay.db"
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xa5" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    with pytest.raises(Corrupt, match=r"relay\.db"):
        await _open_and_close(tmp_path)
    assert path.read_bytes() == damaged


async def test_a_migration_keeps_a_copy_of_the_old_database(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path) as store:
        await Player.of(store).say("ann", "before")
    known = load_migrations()
    newest = known[-1].number
    steps = (*known, Migration(newest + 1, "DELETE FROM messages"))
    async with open_sqlite_store(tmp_path, migrations=steps) as store:
        assert store.info.schema == newest + 1
        assert await store.recent(None, 9) == ()
    copy = tmp_path / f"relay.db.v{newest}"
    if sys.platform != "win32":
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    copy.replace(tmp_path / "relay.db")
    async with open_sqlite_store(tmp_path) as store:
        assert len(await store.recent(None, 9)) == 1


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path) as store:
        await Player.of(store).say("ann", "before")
    known = load_migrations()
    number = known[-1].number + 1
    broken = Migration(number, "DELETE FROM messages; DELETE FROM nowhere")
    with pytest.raises(apsw.SQLError, match="nowhere"):
        async with open_sqlite_store(tmp_path, migrations=(*known, broken)):
            pass
    async with open_sqlite_store(tmp_path) as store:
        assert len(await store.recent(None, 9)) == 1


def test_the_migrations_are_numbered_without_gaps() -> None:
    numbers = [migration.number for migration in load_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_no_file_contains_a_code(tmp_path: Path) -> None:
    secret = format_code("Zq7" * 10 + "ab")
    record = CodeRecord(digest_code(secret), "lab", "ann", "", 1)
    async with open_sqlite_store(tmp_path) as store:
        await store.add_codes([record], [])
        await store.note({("lab", "ann"): 1}, [])
        _assert_nowhere(secret, tmp_path)
        await store.remove_codes([record], [])
    _assert_nowhere(secret, tmp_path)


def _assert_nowhere(secret: str, directory: Path) -> None:
    contents = [path.read_bytes() for path in directory.iterdir()]
    assert any(contents)
    assert not any(secret.encode() in content for content in contents)
    assert not any(secret[8:24].encode() in content for content in contents)


async def test_a_clean_close_leaves_an_empty_write_ahead_log(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path) as store:
        await Player.of(store).say("ann", "kept")
    _remove_empty_log(tmp_path)
    async with open_sqlite_store(tmp_path) as store:
        assert len(await store.recent(None, 9)) == 1


def _remove_empty_log(directory: Path) -> None:
    assert (directory / "relay.db-wal").stat().st_size == 0
    (directory / "relay.db-wal").unlink()
    (directory / "relay.db-shm").unlink()
