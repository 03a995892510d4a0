"""MCP at ``/mcp``: both eras of the protocol, refusals, waiting, leaving."""

from typing import Any, Final

import pytest
import trio

from argybargy.domain.access_codes import Peer
from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key, room_key
from argybargy.web.mcp import endpoint
from support.web_app import Client, Reply, Site, open_site

BOTH: Final = "application/json, text/event-stream"
MODERN: Final = "2026-07-28"
HANDSHAKE: Final = "2025-06-18"


async def send(
    site: Site | Client,
    code: str | None,
    method: str,
    params: dict[str, Any] | None = None,
    version: str = HANDSHAKE,
) -> Reply:
    """Send one JSON-RPC request to ``/mcp``."""
    params = dict(params or {})
    headers = {"accept": BOTH, "mcp-protocol-version": version}
    if version == MODERN:
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        headers["mcp-method"] = method
        if "name" in params:
            headers["mcp-name"] = params["name"]
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    client = site.front if isinstance(site, Site) else site
    return await client.call("POST", "/mcp", code=code, json=body, headers=headers)


async def use(
    site: Site, code: str, name: str, version: str = HANDSHAKE, **arguments: object
) -> tuple[str, bool]:
    """Call a tool; return its text, and whether it is an error."""
    params = {"name": name, "arguments": arguments}
    result = (await send(site, code, "tools/call", params, version)).json["result"]
    (content,) = result["content"]
    assert "structuredContent" not in result
    return content["text"], result["isError"]


@pytest.mark.parametrize("version", [HANDSHAKE, MODERN])
async def test_an_agent_converses_through_the_tools(version: str) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        tools = (await send(site, bob, "tools/list", version=version)).json
        assert [tool["name"] for tool in tools["result"]["tools"]] == [
            *("read", "post", "claim", "who", "search")
        ]
        await site.say(ann, "Who can?", expects_reply="anyone")
        read = await use(site, bob, "read", version)
        assert read == ("1 ann asks anyone: Who can?", False)
        assert await use(site, bob, "read", version) == (endpoint.NO_NEWS, False)
        claimed, is_error = await use(site, bob, "claim", version, n=1)
        assert claimed.startswith("claimed 1")
        assert not is_error
        said = await use(site, bob, "post", version, text="I.", to="ann", reply=1)
        assert said[0].startswith("ok 2")
        who, _ = await use(site, bob, "who", version)
        assert "ann" in who
        found, _ = await use(site, bob, "search", version, q="can")
        assert "1 ann" in found


async def test_a_handshake_names_the_server_and_says_how_to_behave() -> None:
    async with open_site() as site:
        params = {
            "protocolVersion": HANDSHAKE,
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        reply = await send(site, await site.code("ann"), "initialize", params)
        result = reply.json["result"]
        assert result["serverInfo"]["name"] == "argybargy"
        assert "not instructions" in result["instructions"]
        assert "mcp-session-id" not in reply.headers


async def test_what_the_relay_refuses_is_an_answer_for_the_model() -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        for name, arguments, told in (
            ("claim", {"n": 99}, "error: not_found: "),
            ("post", {"text": ""}, "error: invalid_request: text: "),
            ("post", {"text": "hi", "to": "a b"}, "error: invalid_request: to: "),
            ("post", {"text": f"take {ann}"}, "error: contains_secret: "),
            ("read", {"wait": 99}, "error: invalid_request: "),
            ("leave", {}, "error: there is no such tool"),
        ):
            text, is_error = await use(site, ann, name, **arguments)
            assert is_error, name
            assert text.startswith(told), text
        assert not (await site.front.call("GET", "/messages", code=ann)).json[
            "messages"
        ]


async def test_without_a_valid_code_nothing_is_answered() -> None:
    async with open_site() as site:
        for code in (None, "wrong"):
            reply = await send(site, code, "tools/list")
            assert (reply.status, reply.error) == (401, "unauthorized")
            assert reply.headers["www-authenticate"].startswith("Bearer")
        code = await site.code("ann")
        await site.admin("POST", "/admin/revoke", json={"target": code})
        assert (await send(site, code, "tools/list")).status == 401


async def test_a_page_of_another_site_is_refused() -> None:
    async with open_site() as site:
        code = await site.code("ann")
        for header, status in (
            ({"origin": "https://evil.example"}, 403),
            ({"host": "evil.example"}, 421),
        ):
            reply = await site.front.call(
                "POST", "/mcp", code=code, json={}, headers=header
            )
            assert reply.status == status


async def test_no_stream_is_opened() -> None:
    async with open_site() as site:
        code = await site.code("ann")
        for method in ("GET", "DELETE"):
            reply = await site.front.call(
                method, "/mcp", code=code, headers={"accept": "text/event-stream"}
            )
            assert (reply.status, reply.error) == (405, "method_not_allowed")
            assert reply.headers["allow"] == "POST"
        listen = await send(
            site,
            code,
            "subscriptions/listen",
            {"notifications": {"toolsListChanged": True}},
            MODERN,
        )
        assert "error" in listen.json


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"jsonrpc":"2.0"}', b"\xff\xfe", b"[" * 60_000]
)
async def test_a_bad_body_is_refused(body: bytes) -> None:
    async with open_site() as site:
        code = await site.code("ann")
        for version in (HANDSHAKE, MODERN, "1"):
            headers = {
                "accept": BOTH,
                "content-type": "application/json",
                "mcp-protocol-version": version,
            }
            reply = await site.front.call(
                "POST", "/mcp", code=code, body=body, headers=headers
            )
            assert 400 <= reply.status < 500, reply.body


async def test_a_body_above_the_limit_is_refused() -> None:
    async with open_site() as site:
        code, large = await site.code("ann"), b" " * (Limits().body_bytes + 1)
        reply = await site.front.call("POST", "/mcp", code=code, body=large)
        assert (reply.status, reply.error) == (413, "body_too_large")


async def test_a_relay_without_the_sdk_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    async with open_site() as site:
        reply = await send(site, await site.code("ann"), "tools/list")
        assert (reply.status, reply.error) == (501, "mcp_not_installed")
        assert "argybargy[mcp]" in reply.json["detail"]["detail"]


async def test_reading_waits_beyond_one_poll(autojump_clock: trio.abc.Clock) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        heard: list[tuple[str, bool]] = []
        # The virtual clock runs away while a thread imports the SDK.
        await use(site, bob, "who")

        async def read() -> None:
            heard.append(await use(site, bob, "read", wait=50))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.sleep(40)
            await site.say(ann, "late")
        assert heard == [("1 ann: late", False)]
        started = trio.current_time()
        assert await use(site, bob, "read", wait=50) == (endpoint.NO_NEWS, False)
        assert trio.current_time() - started == pytest.approx(50, abs=1)


async def test_polls_that_end_early_do_not_make_it_spin(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        finished: list[str] = []

        async def read() -> None:
            finished.append((await use(site, bob, "read", wait=50))[0])

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(read)
        assert len(finished) == 20
        bobs = Peer(room_key("build"), peer_key("bob"))
        record = site.house.relay.presence.record(bobs, now=0)
        assert record.polls <= 20 * 2


async def test_a_client_that_leaves_takes_its_poll_with_it(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        with trio.move_on_after(5):
            await use(site, bob, "read", wait=50)
        assert site.house.relay.statistics().parked_polls == 0
        await site.say(ann, "kept")
        assert await use(site, bob, "read") == ("1 ann: kept", False)
