"""Many agents at once, over real sockets and a real disk."""

import stat
from pathlib import Path

import pytest
import trio

from e2e.kit import Guest, open_server

pytestmark = pytest.mark.e2e
CORES = pytest.mark.parametrize("core", ["argybargy", "hypercorn"])


@CORES
async def test_a_thousand_posts_reach_every_follower_once_and_in_one_order(
    tmp_path: Path, core: str
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        posters = [await server.guest(f"poster{number}") for number in range(4)]
        followers = [await server.guest(f"follower{number}") for number in range(3)]
        heard: dict[str, list[tuple[int, str]]] = {}
        acknowledged: dict[int, str] = {}

        async def follow(guest: Guest) -> None:
            mine = heard[guest.name] = []
            cursor = 0
            while len(mine) < 1_000:
                reply = await guest.poll(cursor, wait=25)
                mine += [(each["seq"], each["text"]) for each in reply.json["messages"]]
                cursor = reply.json["cursor"]

        async def say(guest: Guest) -> None:
            for number in range(250):
                reply = await guest.post(f"{guest.name} {number}")
                message = reply.json["message"]
                acknowledged[message["seq"]] = message["text"]

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for guest in followers:
                    nursery.start_soon(follow, guest)
                for guest in posters:
                    nursery.start_soon(say, guest)
        assert sorted(acknowledged) == list(range(1, 1_001))
        expected = sorted(acknowledged.items())
        assert list(heard.values()) == [expected] * 3


@CORES
async def test_sixty_four_agents_race_for_fifty_questions_and_each_has_one_winner(
    tmp_path: Path, core: str
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        asker = await server.guest("asker")
        for number in range(50):
            await asker.post(f"question {number}", expects_reply="anyone")
        winners: dict[int, list[str]] = {seq: [] for seq in range(1, 51)}
        losers: list[int] = []

        async def contend(guest: Guest) -> None:
            for seq in range(1, 51):
                reply = await guest.call("POST", f"/messages/{seq}/claim")
                if reply.status == 200:
                    winners[seq].append(guest.name)
                else:
                    assert reply.status == 409
                    losers.append(seq)

        guests = [await server.guest(f"agent{number}") for number in range(64)]
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for guest in guests:
                    nursery.start_soon(contend, guest)
        assert [len(names) for names in winners.values()] == [1] * 50
        assert len(losers) == 63 * 50


@CORES
async def test_a_poll_wakes_at_once_and_others_sleep_through_a_direct_message(
    tmp_path: Path, core: str
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        alice = await server.guest("alice")
        others = [await server.guest(name) for name in ("bob", "carol", "dave")]
        delays: dict[str, float] = {}
        posted_at = 0.0

        async def listen(guest: Guest) -> None:
            reply = await guest.poll(0, wait=25)
            delays[guest.name] = trio.current_time() - posted_at
            assert [each["text"] for each in reply.json["messages"]] == ["psst"]

        async with trio.open_nursery() as nursery:
            for guest in others:
                nursery.start_soon(listen, guest)
            await server.wait_parked(3)
            posted_at = trio.current_time()
            reply = await alice.post("psst", to="carol")
            assert reply.json["delivery"] == {"carol": "parked"}
            await server.wait_parked(2)
            assert set(delays) == {"carol"}
            assert delays["carol"] < 0.25
            nursery.cancel_scope.cancel()


@CORES
@pytest.mark.parametrize("pipelined", [b"", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_client_that_leaves_in_mid_poll_leaves_no_waiter_behind(
    tmp_path: Path, core: str, pipelined: bytes
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        bob = await server.guest("bob")
        request = (
            f"GET /messages?wait=25 HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {bob.code}\r\n\r\n"
        )
        for _ in range(3):
            stream = await trio.open_tcp_stream("127.0.0.1", server.address.port)
            await stream.send_all(request.encode() + pipelined)
            await server.wait_parked(1)
            await stream.aclose()
            await server.wait_parked(0)


@CORES
async def test_no_file_of_the_relay_holds_a_code_or_can_be_read_by_others(
    tmp_path: Path, core: str
) -> None:
    data = tmp_path / "data"
    async with open_server(data, core=core) as server:
        guests = [await server.guest(f"agent{number}") for number in range(20)]
        for guest in guests:
            await guest.post("hello")
        stolen = await guests[0].post(f"my code is {guests[1].code}")
        assert stolen.status == 422
        await server.admin("POST", "/admin/revoke", {"target": guests[2].code})
        await server.admin("GET", "/admin/audit")
        _check_private(data, guests, server.log)
        assert await server.stop() == 0
    _check_private(data, guests, server.log)


def _check_private(data: Path, guests: list[Guest], log: Path) -> None:
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"relay.db", "admin.token"}
    for path in [*files, log]:
        content = path.read_bytes()
        assert not [guest.name for guest in guests if guest.code.encode() in content]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
    assert set(modes.values()) == {0o600}, modes


@CORES
async def test_a_second_relay_on_the_same_data_is_refused_with_a_sentence(
    tmp_path: Path, core: str
) -> None:
    data = tmp_path / "data"
    async with open_server(data, core=core) as server:
        with pytest.raises(RuntimeError, match="Another server is running"):
            async with open_server(data, core=core):
                raise AssertionError("it must not start")
        assert (await server.admin("GET", "/admin/stats")).status == 200
