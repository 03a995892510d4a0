"""A restore takes the wake hooks that are set now, not those of the backup."""

from pathlib import Path

import apsw
import pytest
import trio

from argybargy.domain.access_codes import CodeRecord, digest_code, format_code
from argybargy.domain.instant import Instant
from argybargy.domain.room.writes import Audit
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake
from argybargy.store.sqlite.backup.restore import Restored, RestorePlan, restore_backup
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.store_player import LIMITS, START

LATER = Instant(START.wall_ms + 86_400_000, 500.0)
BACKED_UP = ("ann", "bob", "carol", "dan")


def _code(name: str, number: int = 0) -> CodeRecord:
    digest = digest_code(format_code(f"{name}{number}".ljust(32, "0")))
    return CodeRecord(digest, "lab", name, "", START.wall_ms)


def _hook(name: str, path: str = "old") -> WakeHook:
    return WakeHook("lab", name, f"http://hook/{path}", "ab" * 32, Wake.DIRECT)


async def _back_up(store: SqliteStore, target: Path) -> None:
    snapshot = await store.snapshot()
    content = bytearray()
    while part := await snapshot.read(1000):
        content += part
    await snapshot.aclose()
    await trio.Path(target).write_bytes(content)


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    """A backup with four agents and their hooks, of the database in `data`."""
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await store.add_codes([_code(name) for name in BACKED_UP], [])
        for name in BACKED_UP:
            await store.set_wake_hook(_hook(name))
        await _back_up(store, tmp_path / "backup.db")
    return tmp_path / "backup.db"


def _restore(directory: Path, backup: Path) -> Restored:
    return restore_backup(directory, RestorePlan(backup, "now", 1000, LIMITS, LATER))


async def _hooks(directory: Path) -> tuple[WakeHook, ...]:
    async with open_sqlite_store(directory, LIMITS) as store:
        return await store.wake_hooks()


async def test_hooks_changed_since_the_backup_stay_changed(
    tmp_path: Path, backup: Path
) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await store.remove_wake_hook("lab", "bob")
        await store.set_wake_hook(_hook("carol", "new"))
        revoked = Audit(START.wall_ms, "revoke", "admin", "lab", "dan")
        await store.remove_codes([_code("dan")], [revoked])
        await store.add_codes([_code("eve"), _code("fay")], [])
        await store.set_wake_hook(_hook("eve"))
    restored = _restore(tmp_path / "data", backup)
    assert await _hooks(tmp_path / "data") == (_hook("ann"), _hook("carol", "new"))
    assert restored.hooks_removed == ("lab/bob", "lab/dan")


async def test_hooks_set_since_the_backup_are_kept(
    tmp_path: Path, backup: Path
) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        for name in BACKED_UP:
            await store.remove_wake_hook("lab", name)
        await _back_up(store, backup)
        await store.set_wake_hook(_hook("bob", "new"))
    assert _restore(tmp_path / "data", backup).hooks_removed == ()
    assert await _hooks(tmp_path / "data") == (_hook("bob", "new"),)


async def test_without_a_database_no_hook_comes_back(
    tmp_path: Path, backup: Path
) -> None:
    restored = _restore(tmp_path / "other", backup)
    assert await _hooks(tmp_path / "other") == ()
    assert restored.hooks_removed == tuple(f"lab/{name}" for name in BACKED_UP)


async def test_hooks_of_another_relay_are_not_taken(
    tmp_path: Path, backup: Path
) -> None:
    async with open_sqlite_store(tmp_path / "other", LIMITS) as store:
        await store.add_codes([_code("ann", 1)], [])
        await store.set_wake_hook(_hook("ann", "elsewhere"))
    _restore(tmp_path / "other", backup)
    assert await _hooks(tmp_path / "other") == ()


async def test_an_older_database_without_hooks_has_none(
    tmp_path: Path, backup: Path
) -> None:
    older = tmp_path / "older"
    older.mkdir()
    connection = apsw.Connection(str(older / "relay.db"))
    migrate(connection, [each for each in load_migrations() if each.number < 9])
    connection.execute(
        "INSERT INTO revoked VALUES (?)", (_code("bob").digest,)
    ).fetchall()
    connection.close()
    restored = _restore(older, backup)
    assert await _hooks(older) == ()
    assert restored.revoked == (_code("bob").key_id,), "the rest of it counts"


@pytest.mark.parametrize("column", ["url = 'nonsense'", "wake = 'never'", "key = 'x'"])
async def test_an_invalid_hook_is_left_out(
    tmp_path: Path, backup: Path, column: str
) -> None:
    connection = apsw.Connection(str(tmp_path / "data" / "relay.db"))
    sql = f"UPDATE wake_hooks SET {column} WHERE name = 'bob'"
    connection.execute("PRAGMA ignore_check_constraints = ON").fetchall()
    connection.execute(sql).fetchall()
    connection.close()
    restored = _restore(tmp_path / "data", backup)
    kept = [hook.name for hook in await _hooks(tmp_path / "data")]
    assert kept == ["ann", "carol", "dan"]
    assert restored.hooks_removed == ("lab/bob",)
