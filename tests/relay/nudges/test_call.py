"""One call of a wake hook, against a server on loopback."""

from typing import Any

import h11
import pytest
import trio

from argybargy.domain.wake_hooks import WakeHosts, WakeUrl, parse_wake_url
from argybargy.relay.nudges import call
from argybargy.relay.nudges.call import ANSWER_BYTES, CallFailedError, HookCaller
from support.wake_calls import open_hook

LOCAL = WakeHosts(frozenset({"127.0.0.1", "localhost"}))


def url_of(text: str) -> WakeUrl:
    url = parse_wake_url(text)
    assert url is not None
    return url


async def test_a_call_is_one_post_request() -> None:
    async with open_hook() as hook:
        url = url_of(f"http://localhost:{hook.port}/wake?agent=bob")
        await HookCaller(LOCAL).post(url, [("X-Mark", "1")], b'{"count": 1}')
    ((request, body),) = hook.requests
    assert (request.method, request.target) == (b"POST", b"/wake?agent=bob")
    assert body == b'{"count": 1}'
    headers = dict(request.headers)
    assert headers[b"host"] == f"localhost:{hook.port}".encode()
    assert headers[b"x-mark"] == b"1"
    assert headers[b"connection"] == b"close"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (ANSWER_BYTES + 1),
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000,
        b"HTTP/1.1",
        b"",
    ],
)
async def test_every_other_answer_is_a_failure(answer: bytes) -> None:
    async with open_hook(answer) as hook:
        url = url_of(f"http://127.0.0.1:{hook.port}/")
        with pytest.raises(CallFailedError):
            await HookCaller(LOCAL).post(url, [], b"{}")
        assert len(hook.requests) == 1, "no redirect is followed"


async def test_the_body_of_an_answer_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    async with open_hook(head) as hook:
        await HookCaller(LOCAL).post(url_of(f"http://127.0.0.1:{hook.port}/"), [], b"")


async def test_a_hook_that_does_not_answer_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(call, "CALL_SECONDS", 0.05)
    async with open_hook(None) as hook:
        url = url_of(f"http://127.0.0.1:{hook.port}/")
        with pytest.raises(CallFailedError, match="TooSlowError"):
            await HookCaller(LOCAL).post(url, [], b"{}")


async def test_nothing_listens() -> None:
    async with open_hook() as hook:
        port = hook.port
    with pytest.raises(CallFailedError):
        await HookCaller(LOCAL).post(url_of(f"http://127.0.0.1:{port}/"), [], b"{}")


async def test_a_server_without_tls_is_no_https_hook() -> None:
    async with open_hook() as hook:
        url = url_of(f"https://localhost:{hook.port}/")
        with pytest.raises(CallFailedError):
            await HookCaller(LOCAL).post(url, [], b"{}")


async def test_a_host_that_is_not_allowed_is_not_called() -> None:
    async with open_hook() as hook:
        caller = HookCaller(WakeHosts(frozenset({"*.example.com"})))
        with pytest.raises(CallFailedError, match="not allowed"):
            await caller.post(url_of(f"http://127.0.0.1:{hook.port}/"), [], b"{}")
        assert hook.requests == []


class Resolver(trio.abc.HostnameResolver):
    """Answers each look-up with other addresses, as a rebinding name does."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.looked_up: list[str] = []

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,  # noqa: ARG002 - Trio's interface
        type: int = 0,  # noqa: A002, ARG002 - Trio's interface
        proto: int = 0,  # noqa: ARG002 - Trio's interface
        flags: int = 0,  # noqa: ARG002 - Trio's interface
    ) -> list[Any]:
        name: Any = host
        self.looked_up.append(name if isinstance(name, str) else name.decode())
        kind = trio.socket.AF_INET, trio.socket.SOCK_STREAM, 6, ""
        return [(*kind, (address, port)) for address in self.answers.pop(0)]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:  # noqa: ANN401 - Trio's
        raise NotImplementedError  # part of the interface; hooks have no use for it


async def test_a_name_that_leads_inside_is_not_called() -> None:
    async with open_hook() as hook:
        resolver = Resolver(["127.0.0.1"])
        trio.socket.set_custom_hostname_resolver(resolver)
        caller = HookCaller(WakeHosts(frozenset({"*.example.com"})))
        with pytest.raises(CallFailedError, match="address that is not allowed"):
            await caller.post(
                url_of(f"http://evil.example.com:{hook.port}/"), [], b"{}"
            )
        assert hook.requests == []


async def test_a_name_is_looked_up_once() -> None:
    """The address that was checked is the one that is called."""
    async with open_hook() as hook:
        resolver = Resolver(["127.0.0.1"], ["192.0.2.1"])
        trio.socket.set_custom_hostname_resolver(resolver)
        caller = HookCaller(WakeHosts(frozenset({"hook.test"})))
        await caller.post(url_of(f"http://hook.test:{hook.port}/"), [], b"{}")
        assert resolver.looked_up == ["hook.test"]
        ((request, _),) = hook.requests
        assert isinstance(request, h11.Request)
        assert dict(request.headers)[b"host"] == f"hook.test:{hook.port}".encode()


async def test_only_a_few_addresses_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    async def refuse(address: str, _: int) -> trio.SocketStream:
        tried.append(address)
        raise ConnectionRefusedError

    resolver = Resolver([f"198.41.0.{number}" for number in range(1, 10)])
    trio.socket.set_custom_hostname_resolver(resolver)
    monkeypatch.setattr(trio, "open_tcp_stream", refuse)
    caller = HookCaller(WakeHosts(frozenset({"hook.test"})))
    with pytest.raises(CallFailedError, match="no address"):
        await caller.post(url_of("http://hook.test/"), [], b"{}")
    assert len(tried) == call.MAX_ADDRESSES
