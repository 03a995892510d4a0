"""What happens when the relay stops: politely, and not."""

import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import attrs
import pytest
import trio

from bench.wire import BadAnswer
from e2e.kit import Guest, RealServer, Reply, open_server

pytestmark = pytest.mark.e2e
# A fast machine posts more than a room keeps by default.
KEEP_ALL = {"ARGYBARGY_MAX_MESSAGES_PER_ROOM": "0"}
POSTERS = 32
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


@attrs.define
class Posters:
    """Thirty-two agents who post until the relay is killed, again and again.

    Attributes:
        acknowledged: The seq of each post that was answered, by its key.
        unanswered: Who posted what without an answer.
        codes: Their codes, by name.
    """

    acknowledged: dict[str, int] = attrs.field(factory=dict)
    unanswered: list[tuple[str, str]] = attrs.field(factory=list)
    codes: dict[str, str] = attrs.field(factory=dict)

    async def enter(self, server: RealServer) -> list[Guest]:
        for number in range(POSTERS):
            name = f"agent{number}"
            if name not in self.codes:
                self.codes[name] = (await server.guest(name)).code
        return [server.returning(*each) for each in self.codes.items()]

    async def retry(self, guests: list[Guest]) -> None:
        """Ask once more for each answer that was lost, with the same key."""
        by_name = {guest.name: guest for guest in guests}
        unanswered, self.unanswered = self.unanswered, []
        for name, key in unanswered:
            await self._post(by_name[name], key)

    async def post_until_killed(self, guest: Guest, round_number: int) -> None:
        for number in range(1_000):
            key = f"{guest.name}-{round_number}-{number}"
            try:
                await self._post(guest, key)
            except (OSError, trio.BrokenResourceError, BadAnswer):
                self.unanswered.append((guest.name, key))
                return

    async def _post(self, guest: Guest, key: str) -> None:
        reply = await guest.post(key, key=key)
        assert reply.status == 200
        self.acknowledged[key] = reply.json["message"]["seq"]


async def read_all(reader: Guest) -> dict[str, int]:
    """Return every message by its text, and fail if one is there twice."""
    found: dict[str, int] = {}
    cursor, more = 0, True
    while more:
        body = (await reader.poll(cursor)).json
        for message in body["messages"]:
            assert message["text"] not in found, "doubled"
            found[message["text"]] = message["seq"]
        cursor, more = body["cursor"], body["more"]
    return found


@pytest.mark.parametrize(
    ("core", "rounds"),
    [
        ("argybargy", 3),
        ("hypercorn", 3),
        pytest.param("argybargy", 50, marks=pytest.mark.long),
    ],
)
async def test_after_kill_minus_nine_every_acknowledged_post_is_there_once(
    tmp_path: Path, core: str, rounds: int
) -> None:
    data, posters, chance = tmp_path / "data", Posters(), random.Random(9)
    for round_number in range(rounds):
        async with open_server(data, core=core, **KEEP_ALL) as server:
            guests = await posters.enter(server)
            await posters.retry(guests)
            async with trio.open_nursery() as nursery:
                for guest in guests:
                    nursery.start_soon(posters.post_until_killed, guest, round_number)
                await trio.sleep(chance.uniform(0.2, 0.6))
                await server.stop(signal.SIGKILL)
    async with open_server(data, core=core, **KEEP_ALL) as server:
        await posters.retry(await posters.enter(server))
        found = await read_all(await server.guest("reader"))
    acknowledged = posters.acknowledged
    assert len(acknowledged) > 50
    assert {key: found.get(key) for key in acknowledged} == acknowledged
    assert sorted(found.values()) == list(range(1, len(found) + 1))
    with closing(sqlite3.connect(data / "relay.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


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
