"""Many agents at once, over real sockets and a real disk."""

from pathlib import Path

import pytest
import trio

from support.relay_process import AgentClient, open_server

pytestmark = pytest.mark.e2e
CORES = pytest.mark.parametrize("core", ["argybargy", "hypercorn"])


@CORES
async def test_a_direct_message_wakes_its_addressee_and_nobody_else(
    tmp_path: Path, core: str
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        alice = await server.guest("alice")
        others = [await server.guest(name) for name in ("bob", "carol", "dave")]
        woken: list[str] = []

        async def listen(guest: AgentClient) -> None:
            reply = await guest.poll(0, wait=25)
            woken.append(guest.name)
            assert [each["text"] for each in reply.json["messages"]] == ["psst"]

        async with trio.open_nursery() as nursery:
            for guest in others:
                nursery.start_soon(listen, guest)
            await server.wait_parked(3)
            reply = await alice.post("psst", to="carol")
            assert reply.json["delivery"] == {"carol": "parked"}
            await server.wait_parked(2)
            assert woken == ["carol"]
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
async def test_a_second_relay_on_the_same_data_is_refused_with_a_sentence(
    tmp_path: Path, core: str
) -> None:
    data = tmp_path / "data"
    async with open_server(data, core=core) as server:
        with pytest.raises(RuntimeError, match="The relay of this data listens on"):
            async with open_server(data, core=core):
                raise AssertionError("it must not start")
        assert (await server.admin("GET", "/admin/stats")).status == 200
