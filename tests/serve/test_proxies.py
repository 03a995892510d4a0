"""Who is behind a proxy, and whose word counts for it."""

from collections.abc import Sequence
from typing import Any

import pytest

from argybargy.http.asgi import Message, Receive, Scope, Send
from argybargy.serve.proxies import ForwardedApp, TrustedProxies

OURS = TrustedProxies.make(("192.0.2.9/32", "10.0.0.0/8", "fd00::/8", "127.0.0.1/32"))


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("192.0.2.9", True),
        ("192.0.2.8", False),
        ("10.200.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("fd00::1%eth0", True),
        ("fe80::1%eth0", False),
        ("", False),
        ("relay.example.com", False),
        (None, False),
    ],
)
def test_a_proxy_is_trusted_by_its_address(address: object, is_trusted: bool) -> None:
    assert (address in OURS) is is_trusted
    assert address not in TrustedProxies()


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        # What the client itself claims is further left, and not looked at.
        ("10.0.0.1", ["6.6.6.6, 203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5, 192.0.2.9,10.9.9.9"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5, unknown, 10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
        ("10.0.0.1", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("10.0.0.1", ["2001:DB8::5"], "2001:db8::5"),
        ("10.0.0.1", ["203.0.113.5\x1b[31m"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5é"], "10.0.0.1"),
        ("203.0.113.7", ["127.0.0.1"], "203.0.113.7"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy(
    peer: str, forwarded: Sequence[str], client: str
) -> None:
    assert OURS.find_client(peer, forwarded) == client


async def seen_client(client: object, *values: bytes, kind: str = "http") -> object:
    seen: list[object] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope.get("client"))

    async def receive() -> Message:
        raise AssertionError("nobody reads")

    async def send(_message: Message) -> None:
        raise AssertionError("nobody answers")

    headers = [(b"host", b"relay"), *((b"x-forwarded-for", value) for value in values)]
    scope: dict[str, Any] = {"type": kind, "client": client, "headers": headers}
    await ForwardedApp(app, OURS)(scope, receive, send)
    assert scope["client"] == client
    return seen[0]


async def test_an_app_sees_who_is_behind_a_proxy_of_ours() -> None:
    assert await seen_client(("10.0.0.1", 9), b"6.6.6.6", b"203.0.113.5") == (
        "203.0.113.5",
        0,
    )


async def test_an_app_sees_everybody_else_as_they_come() -> None:
    assert await seen_client(("192.0.2.1", 9), b"203.0.113.5") == ("192.0.2.1", 9)
    assert await seen_client(None, b"203.0.113.5") is None
    assert await seen_client(None, kind="lifespan") is None
