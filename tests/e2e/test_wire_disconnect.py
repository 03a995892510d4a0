"""A client may leave at any moment: at every byte it sends, and while it is told."""

import json
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import trio

from argybargy.torture.client.raw import Leaving, RawClient, connected, encode
from argybargy.torture.fuzzer import ONCE
from support.health_check import call_witness
from support.relay_process import RealServer, open_server

pytestmark = pytest.mark.e2e
TOGETHER = 24
QUESTIONS = 40


@attrs.frozen
class Kind:
    """A kind of request.

    Attributes:
        name: What it is called in a report.
        make: Makes one; the text makes it different from others, if it matters.
    """

    name: str
    make: Callable[[str], bytes]


def agents_kinds(code: str) -> list[Kind]:
    """Return what an agent asks."""
    bearer = f"Authorization: Bearer {code}"

    def post(text: str) -> bytes:
        return encode_post(code, text)

    def plain(method: str, target: str) -> Callable[[str], bytes]:
        return lambda _: encode(method, target, [bearer])

    return [
        Kind("post", post),
        Kind("park", plain("GET", "/messages?since=1000000&wait=25")),
        Kind("read", plain("GET", "/messages?since=0")),
        Kind("claim", plain("POST", "/messages/1/claim")),
        Kind("release", plain("DELETE", "/messages/1/claim")),
        Kind("history", plain("GET", "/history?limit=500")),
        Kind("message", plain("GET", "/messages/1")),
    ]


def operators_kinds(token: str) -> list[Kind]:
    """Return what the operator asks."""
    admin = f"X-Admin-Token: {token}"

    def post(target: str, body: object) -> Callable[[str], bytes]:
        return lambda _: encode("POST", target, [admin], json.dumps(body).encode())

    return [
        Kind("invite", post("/admin/invite", {"name": "eve", "room": "other"})),
        Kind("say", post("/admin/say", {"text": "order!", "room": "other"})),
        Kind("close", post("/admin/rooms/closing/close", {"by": "titus"})),
        Kind("state", lambda _: encode("GET", "/admin/state", [admin])),
    ]


def encode_post(code: str, text: str) -> bytes:
    """Return a post that may be repeated; its text is its key."""
    fields = [f"Authorization: Bearer {code}", f"Idempotency-Key: {text}"]
    body = json.dumps({"text": text, "expects_reply": "none"}).encode()
    return encode("POST", "/messages", fields, body)


async def test_a_client_that_leaves_at_any_byte_of_its_request_leaves_no_trace(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        kinds = await _prepare(server)
        witness = await call_witness(server)
        limiter = trio.CapacityLimiter(TOGETHER)

        async def leave(kind: Kind, count: int, leaving: Leaving) -> None:
            data = kind.make(key_of(count, leaving))
            async with limiter, connected(server.address, leaving) as client:
                await client.send(data[:count])
                await trio.sleep(0.02 * (count % 2))  # half of them are looked at

        async with trio.open_nursery() as nursery:
            for kind in kinds:
                for count in range(len(kind.make(key_of(0, Leaving.FIN))) + 1):
                    for leaving in Leaving:
                        nursery.start_soon(leave, kind, count, leaving)
        await witness.check()
        await _repeat_whole_posts(server)
        await witness.check()
        assert await server.stop() == 0


async def _receive_exactly(client: RawClient, count: int) -> bytes:
    """Wait for so many bytes, or fewer if the answer ends before."""
    data = b""
    while len(data) < count and (more := await client.receive(count - len(data))):
        data += more
    return data


async def test_a_client_that_leaves_within_its_answer_leaves_no_trace(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        kinds = [kind for kind in await _prepare(server) if kind.name != "park"]
        witness = await call_witness(server)

        async def leave(kind: Kind, count: int) -> None:
            data = kind.make(f"{ONCE}{count} of an answer")
            async with connected(server.address, Leaving.RST) as client:
                await client.send(data)
                assert len(await _receive_exactly(client, count)) == count

        async with trio.open_nursery() as nursery:
            for kind in kinds:
                for count in (0, 1, 9, 100, 250):
                    nursery.start_soon(leave, kind, count)
        await witness.check()
        assert await server.stop() == 0


def key_of(count: int, leaving: Leaving) -> str:
    """Return the text and key of the post that is cut there."""
    return f"{ONCE}cut at {count:04} with {leaving.value}"


async def _prepare(server: RealServer) -> list[Kind]:
    """Fill a room with what the kinds ask for: questions, and much to read."""
    asker = await server.guest("asker", "cut")
    for number in range(QUESTIONS):
        text = f"question {number} " + "?" * 2_000
        await asker.post(text, expects_reply="anyone")
    await server.admin("POST", "/admin/rooms/closing/open")
    guest = await server.guest("cutter", "cut")
    return [*agents_kinds(guest.code), *operators_kinds(server.token())]


async def _repeat_whole_posts(server: RealServer) -> None:
    """Say again what may have been heard: it is said once."""
    cutter = await server.guest("cutter", "cut")
    whole = len(encode_post(cutter.code, key_of(0, Leaving.FIN)))
    for count in range(whole - 2, whole + 1):
        for leaving in Leaving:
            text = key_of(count, leaving)
            reply = await cutter.post(text, key=text, expects_reply="none")
            assert reply.status == 200
            if count < whole:
                assert not reply.json.get("duplicate"), "half a request was taken"
