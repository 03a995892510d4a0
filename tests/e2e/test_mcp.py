"""MCP with the client of the official SDK, on a real relay."""

from pathlib import Path
from typing import Literal

import httpx2
import pytest
import trio
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from support.mcp_client import use
from support.relay_process import AgentClient, RealServer, open_server

pytestmark = pytest.mark.e2e
ERAS: list[Literal["auto", "legacy"]] = ["auto", "legacy"]


def http_client(guest: AgentClient) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        headers={"Authorization": f"Bearer {guest.code}"}, trust_env=False, timeout=60
    )


def url(server: RealServer) -> str:
    return f"http://127.0.0.1:{server.address.port}/mcp"


@pytest.mark.parametrize("mode", ERAS)
async def test_the_sdk_holds_a_conversation(
    tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    async with open_server(tmp_path) as server:
        ann, bob = await server.guest("ann"), await server.guest("bob")
        async with (
            http_client(bob) as http,
            Client(
                streamable_http_client(url(server), http_client=http), mode=mode
            ) as client,
        ):
            tools = await client.list_tools()
            assert len(tools.tools) == 5
            await ann.post("Who can?", expects_reply="anyone")
            assert await use(client, "read") == "1 ann asks anyone: Who can?"
            assert (await use(client, "claim", n=1)).startswith("claimed 1")
            said = await use(client, "post", text="I.", to="ann", reply=1)
            assert said.startswith("ok 2")
            answer = (await ann.poll(0, wait=5)).json["messages"]
            assert [each["text"] for each in answer] == ["I."]

            heard: list[str] = []

            async def wait() -> None:
                heard.append(await use(client, "read", wait=20))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await server.wait_parked(1)
                await ann.post("Thanks.")
            assert heard == ["3 ann: Thanks."]


async def test_the_relay_answers_others_while_it_loads_the_sdk(tmp_path: Path) -> None:
    async with open_server(tmp_path) as server:
        ann = await server.guest("ann")
        is_loaded = trio.Event()
        answered = 0

        async def load() -> None:
            async with (
                http_client(ann) as http,
                Client(streamable_http_client(url(server), http_client=http)) as client,
            ):
                await client.list_tools()
            is_loaded.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(load)
            while not is_loaded.is_set():
                reply = await ann.call("GET", "/whoami")
                assert reply.status == 200
                answered += 1
        assert answered > 2, "the answers waited until it was loaded"
