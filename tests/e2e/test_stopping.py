"""What happens when the relay stops: politely, and not."""

import signal
from pathlib import Path

import pytest

from argybargy.store.sqlite.directory import LOCK_NAME, find_place, is_held
from e2e.kit import open_server

pytestmark = pytest.mark.e2e
# A fast machine posts more than a room keeps by default.
KEEP_ALL = {"ARGYBARGY_MAX_MESSAGES_PER_ROOM": "0"}
CORES = pytest.mark.parametrize("core", ["argybargy", "hypercorn"])


@CORES
async def test_rooms_claims_cursors_and_codes_outlive_a_restart(
    tmp_path: Path, core: str
) -> None:
    data = tmp_path / "data"
    async with open_server(data, core=core) as server:
        alice, bob = await server.guest("alice"), await server.guest("bob")
        await alice.post("who?", expects_reply="anyone")
        won = await bob.call("POST", "/messages/1/claim")
        await bob.poll(1)
        await server.admin("POST", "/admin/rooms/other/open")
        await server.admin("POST", "/admin/rooms/other/close", {"by": "titus"})
        assert await server.stop() == 0
    async with open_server(data, core=core) as server:
        bob = server.returning("bob", bob.code)
        again = await bob.call("POST", "/messages/1/claim")
        assert again.json["fence"] == won.json["fence"]
        resumed = await bob.call("GET", "/resume")
        assert resumed.json["cursor"] == 1
        assert [claim["seq"] for claim in resumed.json["claims"]] == [1]
        state = (await server.admin("GET", "/admin/state")).json
        assert state["room_status"]["other"]["closed_by"] == "titus"


async def test_a_second_signal_forces_the_relay_to_stop(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        server.process.send_signal(signal.SIGINT)
        assert await server.stop(signal.SIGINT) in {0, 1, 130}


@CORES
async def test_where_the_relay_listens_is_in_its_lock_while_it_does(
    tmp_path: Path, core: str
) -> None:
    data = tmp_path / "data"
    async with open_server(data, core=core) as server:
        place = find_place(data)
        assert place is not None
        assert (place.host, place.port) == (server.address.host, server.address.port)
        assert place.pid == server.process.pid
        assert await server.stop() == 0
    assert not is_held(data)
    assert (data / LOCK_NAME).read_bytes() == b""


async def test_an_ephemeral_relay_keeps_nothing_but_its_token(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with open_server(data, ARGYBARGY_EPHEMERAL="1") as server:
        alice = await server.guest("alice")
        assert (await alice.post("soon forgotten")).status == 200
        token = server.token()
        assert await server.stop() == 0
    assert {path.name for path in data.iterdir()} == {"admin.token", "relay.lock"}
    async with open_server(data, ARGYBARGY_EPHEMERAL="1") as server:
        assert server.token() == token
        state = (await server.admin("GET", "/admin/state")).json
        assert (state["rooms"], state["codes"]) == ([], [])
