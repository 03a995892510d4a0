"""Data that cannot be used: one line that says what to do, and exit code 3."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
import trio

from argybargy.store.sqlite.clean_close import NOTE_NAME
from argybargy.store.sqlite.store import open_sqlite_store
from argybargy.torture.relay_process import COMMAND, free_port
from support.relay_process import open_server
from support.store_player import Player

pytestmark = pytest.mark.e2e
EXIT_DATA = 3


async def _fill(data: Path) -> None:
    async with open_sqlite_store(data) as store:
        player = Player.of(store)
        for number in range(30):
            await player.say("alice", f"{number} " + "x" * 4_000)


def _garbage(data: Path) -> None:
    (data / "relay.db").write_bytes(b"This is a shopping list. " * 200)


def _truncated(data: Path) -> None:
    content = (data / "relay.db").read_bytes()
    (data / "relay.db").write_bytes(content[: len(content) // 2 + 100])


def _one_bad_page(data: Path) -> None:
    content = bytearray((data / "relay.db").read_bytes())
    content[2 * 4096 : 3 * 4096] = random.Random(1).randbytes(4096)
    (data / "relay.db").write_bytes(content)


def _newer_schema(data: Path) -> None:
    database = apsw.Connection(str(data / "relay.db"))
    database.execute("PRAGMA user_version = 99")
    database.close()


def _a_directory(data: Path) -> None:
    for path in data.glob("relay.db*"):
        path.unlink()
    (data / "relay.db").mkdir()


DAMAGE: dict[Callable[[Path], None], str] = {
    _garbage: "restore",
    _truncated: "restore",
    _one_bad_page: "restore",
    _newer_schema: "newer version",
    _a_directory: "cannot be used",
}


def _contents(data: Path) -> dict[str, bytes]:
    files = [path for path in data.iterdir() if path.is_file()]
    # Shared memory says nothing of what is stored, and an empty log neither. The note
    # of a clean close is of no use to a file that is damaged.
    contents = {path.name: path.read_bytes() for path in files}
    return {
        name: each
        for name, each in contents.items()
        if each and "-shm" not in name and name != NOTE_NAME
    }


async def _start(data: Path) -> "subprocess.CompletedProcess[bytes]":
    environment = {
        **{k: v for k, v in os.environ.items() if "ARGYBARGY" not in k},  # noqa: TID251
        "ARGYBARGY_DATA": str(data),
        "ARGYBARGY_PORT": str(free_port()),
        "ARGYBARGY_CONFIG": os.devnull,
    }
    with trio.fail_after(30):
        return await trio.run_process(
            list(COMMAND),
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env=environment,
        )


async def test_damaged_data_ends_the_start_with_one_clear_line_and_is_left_alone(
    tmp_path: Path,
) -> None:
    await _fill(tmp_path / "sound")
    ended: dict[str, tuple[int, list[str], bool]] = {}

    async def start(damage: Callable[[Path], None]) -> None:
        data = shutil.copytree(tmp_path / "sound", tmp_path / damage.__name__)
        damage(data)
        before = _contents(data)
        process = await _start(data)
        lines = process.stderr.decode().splitlines()
        ended[damage.__name__] = process.returncode, lines, _contents(data) == before

    async with trio.open_nursery() as nursery:
        for damage in DAMAGE:
            nursery.start_soon(start, damage)
    for damage, next_step in DAMAGE.items():
        code, lines, is_untouched = ended[damage.__name__]
        assert (code, len(lines)) == (EXIT_DATA, 1), lines
        assert str(tmp_path / damage.__name__) in lines[0]
        assert next_step in lines[0], lines
        assert is_untouched, damage


def _overwrite(database: Path) -> None:
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * (size - 4096))


async def test_a_database_damaged_under_a_running_relay_ends_it_with_one_clear_line(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with open_server(data) as server:
        alice = await server.guest("alice")
        assert (await alice.post("acknowledged")).status == 200
        assert await server.stop() == 0
    async with open_server(data) as server:
        alice = server.returning("alice", alice.code)
        _overwrite(data / "relay.db")
        assert (await alice.call("GET", "/history")).status == 503
        ready = await alice.call("GET", "/ready")
        assert ready.status == 503
        assert ready.json["detail"]["error"] == "storage_unavailable"
        assert "damaged" in ready.json["detail"]["reason"]
        assert str(tmp_path) not in str(ready.json)
        with trio.fail_after(20):
            assert await server.process.wait() == EXIT_DATA
        last = server.log.read_text().splitlines()[-1]
        assert last.startswith(f"argybargy: The data in {data} cannot be used: ")
        assert "is damaged; restore it from a backup" in last


def _delete_log(data: Path) -> None:
    (data / "relay.db-wal").unlink()


@pytest.mark.parametrize("take_away", [_delete_log, shutil.rmtree])
async def test_data_taken_away_from_a_running_relay_ends_it_with_one_clear_line(
    tmp_path: Path, take_away: Callable[[Path], None]
) -> None:
    data = tmp_path / "data"
    async with open_server(data) as server:
        alice = await server.guest("alice")
        assert (await alice.post("acknowledged")).status == 200
        take_away(data)
        refused = await alice.post("into the void")
        assert refused.status == 503
        assert refused.json["detail"]["error"] == "storage_unavailable"
        history = (await alice.call("GET", "/history")).json
        assert [each["text"] for each in history["messages"]] == ["acknowledged"]
        with trio.fail_after(20):
            assert await server.process.wait() == EXIT_DATA
        last = server.log.read_text().splitlines()[-1]
        assert last.startswith(f"argybargy: The data in {data} cannot be used: ")
        assert "removed or replaced while in use" in last
        assert "restore it from a backup" in last
    if take_away is _delete_log:
        async with open_server(data) as server:
            alice = server.returning("alice", alice.code)
            history = (await alice.call("GET", "/history")).json
            assert [each["text"] for each in history["messages"]] == ["acknowledged"]
