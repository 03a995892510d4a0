"""The doctor on a database with a deleted room."""

from pathlib import Path

from argybargy.cli.doctor.database import find_newest_message
from argybargy.domain.room.commands import Close, Delete
from argybargy.store.sqlite.store import open_sqlite_store
from support.store_player import LIMITS, Player


async def test_a_deleted_room_has_no_newest_message(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        player = Player.of(store)
        said = await player.say("ann")
        assert find_newest_message(tmp_path) == ("lab", said.at_ms)
        await player.do(Close("ops"), Delete("ops"))
        assert find_newest_message(tmp_path) is None
