"""What happens when the relay stops: politely, and not."""

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

from argybargy.store.data_directory import find_server_address, is_held
from argybargy.system.files import LOCK_NAME
from argybargy.torture.relay_process import COMMAND, plain_environment
from support.relay_process import JsonResponse, free_port, open_server

pytestmark = pytest.mark.e2e
# A fast machine posts more than a room keeps by default.
KEEP_ALL = {"ARGYBARGY_MAX_MESSAGES_PER_ROOM": "0"}
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
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


@needs_posix
async def test_a_hangup_is_as_polite_as_a_request_to_terminate(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        alice, bob = await server.guest("alice"), await server.guest("bob")
        await alice.post("hello")
        answers = list[JsonResponse]()

        async def wait() -> None:
            answers.append(await bob.call("GET", "/messages?since=1&wait=20"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await server.wait_parked(1)
            assert await server.stop(signal.SIGHUP) == 0
        assert (answers[0].status, answers[0].json["cursor"]) == (200, 1)


@needs_posix
@pytest.mark.parametrize(
    ("verb", "ends"),
    [(["serve"], b"urls"), (["up", "--no-tunnel"], b"Ctrl+C stops the relay.")],
    ids=["serve", "up --no-tunnel"],
)
async def test_a_terminal_that_closes_stops_the_relay_politely(
    tmp_path: Path, verb: list[str], ends: bytes
) -> None:
    data = tmp_path / "data"
    ours, theirs = os.openpty()
    environment = {
        **plain_environment(),
        "ARGYBARGY_DATA": str(data),
        "ARGYBARGY_PORT": str(free_port()),
        "ARGYBARGY_CONFIG": os.devnull,
    }
    # The first terminal that a session leader opens is the one it hangs up with.
    open_terminal = "import os, sys; os.open(os.ttyname(2), os.O_RDWR)"
    code = f"{open_terminal}; os.execv(*eval(sys.argv[1]))"
    command = repr((COMMAND[0], [*COMMAND[:-1], *verb]))
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", code, command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    with trio.fail_after(30):
        while find_server_address(data) is None:  # noqa: ASYNC110 - another process
            await trio.sleep(0.05)
        shown = b""
        while ends not in shown:  # before that, it cannot print what it has to say
            await trio.lowlevel.wait_readable(ours)
            shown += os.read(ours, 4_096)
        os.close(ours)
        assert await process.wait() == 0
    assert (data / LOCK_NAME).read_bytes() == b""


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
        place = find_server_address(data)
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
