"""A real relay that is killed while it deletes a room."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
import trio

from support.relay_process import RealServer, open_server

pytestmark = pytest.mark.e2e

SECRET = "Xylophonsekret"
MESSAGES = 40


def files_with(secret: str, data: Path) -> list[str]:
    return sorted(
        path.name for path in data.iterdir() if secret.encode() in path.read_bytes()
    )


async def fill(server: RealServer) -> None:
    """Close a room with long messages, each a row of several pages."""
    await server.guest("alice", "doomed")
    for number in range(MESSAGES):
        said = {"room": "doomed", "text": f"{SECRET} {number} " + "x" * 7_000}
        assert (await server.admin("POST", "/admin/say", said)).status == 200
    await server.admin("POST", "/admin/rooms/doomed/close")


def is_erased(data: Path) -> bool:
    connection = sqlite3.connect(data / "relay.db", timeout=5)
    try:
        (left,) = connection.execute("SELECT sum(is_clearing) FROM rooms").fetchone()
    finally:
        connection.close()
    return not left


@pytest.mark.parametrize("delay_ms", [0, 5, 40])
async def test_a_kill_at_any_time_leaves_a_whole_room_or_none(
    tmp_path: Path, delay_ms: int
) -> None:
    data = tmp_path / "data"
    async with open_server(data) as server:
        await fill(server)
        bob = await server.guest("bob", "doomed")

        async def delete() -> None:
            with trio.move_on_after(5):
                with contextlib.suppress(Exception):  # of the killed process
                    await server.admin("DELETE", "/admin/rooms/doomed")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(delete)
            await trio.sleep(delay_ms / 1000)
            server.process.kill()
            await server.process.wait()
    async with open_server(data) as server:
        state = (await server.admin("GET", "/admin/state")).json
        bob = server.returning("bob", bob.code)
        status = (await bob.call("GET", "/whoami")).status
        if not state["room_status"]:
            assert (state["codes"], status) == ([], 401)
        else:
            assert len(state["messages"]) == MESSAGES
            assert (len(state["codes"]), status) == (2, 200)
            await server.admin("DELETE", "/admin/rooms/doomed")
        with trio.fail_after(20):
            while not is_erased(data):  # noqa: ASYNC110 - another process erases
                await trio.sleep(0.1)
        said = {"room": "doomed", "text": "second life"}
        again = await server.admin("POST", "/admin/say", said)
        assert again.json["message"]["seq"] == MESSAGES + 1
        assert await server.stop() == 0
    assert files_with(SECRET, data) == []
