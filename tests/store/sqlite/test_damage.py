"""Damage found while the store is open is reported to the waiting task."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import pytest
import trio

from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key
from argybargy.domain.search.query import Scope, parse_search
from argybargy.store.errors import Corrupt
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.store_player import Player

Use = Callable[[SqliteStore], Awaitable[object]]


async def _snapshot(store: SqliteStore) -> None:
    await (await store.snapshot()).aclose()


USES: dict[str, Use] = {
    "load": lambda store: store.load("lab", 1_000),
    "page": lambda store: store.page("lab", peer_key("bob"), 0, 100, 10**6),
    "look_back": lambda store: store.look_back("lab", None, 31, 100, 10**6),
    "overview": lambda store: store.overview(),
    "recent": lambda store: store.recent(None, 100),
    "codes": lambda store: store.codes(),
    "cursors": lambda store: store.cursors("lab"),
    "audit": lambda store: store.audit(10, None),
    "search": lambda store: store.search(
        parse_search("xx", Limits()), Scope(None), 2**53, 10, 10**6
    ),
    "snapshot": _snapshot,
}
"""All methods but writes: the writer may have the needed pages in memory."""


def overwrite(database: Path) -> None:
    """Damage every page but the first, as a disk may."""
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * (size - 4096))


async def fill(data: Path) -> None:
    async with open_sqlite_store(data) as store:
        player = Player.of(store)
        for number in range(30):
            await player.say("ann", f"{number} " + "xx " * 2_000)


async def is_lost(store: Store) -> bool:
    with trio.move_on_after(0.01):
        await store.wait_lost()
        return True
    return False


@pytest.mark.parametrize("use", USES)
async def test_every_use_of_a_damaged_database_reports_it(
    tmp_path: Path, use: str
) -> None:
    await fill(tmp_path)
    async with open_sqlite_store(tmp_path) as store:
        overwrite(tmp_path / "relay.db")
        assert not await is_lost(store)
        with pytest.raises(Corrupt):
            await USES[use](store)
        assert "damaged" in str(await store.wait_lost())


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE messages SET kind = 'evil'",
        "UPDATE messages SET recipients = '[all'",
        "UPDATE messages SET text = CAST(x'ff' AS TEXT)",
        "UPDATE rooms SET head = 9223372036854775807",
        "UPDATE rooms SET head = 9007199254740991",
        "DELETE FROM messages WHERE seq = 20",
    ],
)
async def test_a_contradictory_room_is_reported_as_damage(
    tmp_path: Path, sql: str
) -> None:
    await fill(tmp_path)
    async with open_sqlite_store(tmp_path) as store:
        connection = apsw.Connection(str(tmp_path / "relay.db"))
        connection.execute(sql).fetchall()
        connection.close()
        with pytest.raises(Corrupt, match="damaged"):
            await store.load("lab", 1_000)
        assert await is_lost(store)


async def test_a_damaged_index_is_not_reported_as_damage(tmp_path: Path) -> None:
    await fill(tmp_path)
    async with open_sqlite_store(tmp_path) as store:
        await USES["search"](store)
        overwrite(tmp_path / "search.db")
        await USES["search"](store)
        assert not await is_lost(store)


async def test_a_sound_store_reports_no_damage(store: Store) -> None:
    await store.probe()
    assert not await is_lost(store)
