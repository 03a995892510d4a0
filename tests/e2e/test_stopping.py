"""What happens when the relay stops: politely, and not."""

import random
import signal
from pathlib import Path

import pytest
import trio

from bench.wire import BadAnswer
from e2e.kit import Guest, Reply, open_server

pytestmark = pytest.mark.e2e
CORES = pytest.mark.parametrize("core", ["argybargy", "hypercorn"])


@CORES
async def test_sigterm_answers_every_parked_poll_and_exits(
    tmp_path: Path, core: str
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        alice = await server.guest("alice")
        await alice.post("before")
        guests = [await server.guest(f"agent{number}") for number in range(100)]
        replies: list[Reply] = []

        async def listen(guest: Guest) -> None:
            replies.append(await guest.poll(1, wait=25))

        async with trio.open_nursery() as nursery:
            for guest in guests:
                nursery.start_soon(listen, guest)
            await server.wait_parked(100)
            began = trio.current_time()
            assert await server.stop() == 0
            took = trio.current_time() - began
        assert [reply.status for reply in replies] == [200] * 100
        assert {reply.json["cursor"] for reply in replies} == {1}
        assert {reply.json["retry_after"] for reply in replies} == {1}
        assert took < 10


@CORES
async def test_after_kill_minus_nine_every_acknowledged_post_is_there_once(
    tmp_path: Path, core: str
) -> None:
    data = tmp_path / "data"
    acknowledged: dict[str, int] = {}
    unknown: list[tuple[str, str]] = []
    codes: dict[str, str] = {}
    chance = random.Random(9)

    async def say(guest: Guest, start: int) -> None:
        for number in range(start, start + 1_000):
            key = f"{guest.name}-{number}"
            try:
                reply = await guest.post(key, key=key)
            except (OSError, trio.BrokenResourceError, BadAnswer):
                unknown.append((guest.name, key))
                return
            assert reply.status == 200
            acknowledged[key] = reply.json["message"]["seq"]

    for round_number in range(3):
        async with open_server(data, core=core) as server:
            names = [f"agent{number}" for number in range(8)]
            guests = []
            for name in names:
                if name not in codes:
                    codes[name] = (await server.guest(name)).code
                guests.append(server.returning(name, codes[name]))
            by_name = {guest.name: guest for guest in guests}
            for name, key in unknown:
                reply = await by_name[name].post(key, key=key)
                acknowledged[key] = reply.json["message"]["seq"]
            unknown.clear()
            async with trio.open_nursery() as nursery:
                for guest in guests:
                    nursery.start_soon(say, guest, round_number * 1_000)
                await trio.sleep(chance.uniform(0.2, 0.6))
                await server.stop(signal.SIGKILL)
    async with open_server(data, core=core) as server:
        reader = await server.guest("reader")
        found: dict[str, int] = {}
        cursor, more = 0, True
        while more:
            body = (await reader.poll(cursor)).json
            for message in body["messages"]:
                assert message["text"] not in found, "doubled"
                found[message["text"]] = message["seq"]
            cursor, more = body["cursor"], body["more"]
    assert len(acknowledged) > 50
    lost = {key: seq for key, seq in acknowledged.items() if found.get(key) != seq}
    assert lost == {}
    assert sorted(found.values()) == list(range(1, len(found) + 1))


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
