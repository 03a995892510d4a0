"""Table of requests that crash, hang or confuse weak HTTP servers.

Each row has the bytes, how the client ends the connection, and the correct status.
"""

import trio

from argybargy.system.values import frozen
from argybargy.torture.client.connection import Address
from argybargy.torture.client.raw import Leaving, ask, connected, encode

TOGETHER = 16
_CRLF2 = b"\r\n\r\n"
_GIGABYTE = 1 << 30


@frozen
class Killer:
    """One malicious or malformed request.

    Attributes:
        name: Name in the report.
        data: The bytes to send.
        status: Expected status; 0 if the client closes without waiting for a response.
        leaving: Ending of the connection, if the client does not wait.
    """

    name: str
    data: bytes
    status: int
    leaving: Leaving = Leaving.FIN


def make_killers(code: str) -> list[Killer]:
    """Return all killers; those behind authentication use ``code``."""
    agent = f"Authorization: Bearer {code}"
    return [
        *_protocols(),
        *_rude_exits(agent),
        *_framing(agent),
        *_syntax(),
        *_sizes(agent),
        *_content(agent),
    ]


def _protocols() -> list[Killer]:
    socket = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    socket.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    h2c = ["Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c"]
    h2c.append("HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)
    return [
        Killer("websocket and a byte", encode("GET", "/messages", socket) + b"x", 501),
        Killer("h2 preface", preface + bytes(9), 505),
        Killer("h2c upgrade", encode("GET", "/health", h2c), 200),
        Killer("TLS hello", hello, 400),
        Killer("CONNECT", b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501),
        Killer("HTTP/0.9", b"GET /health\r\n\r\n", 505),
        Killer("HTTP/3", b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 505),
        Killer("RTSP", b"SETUP / RTSP/1.0\r\nHost: localhost\r\n\r\n", 400),
    ]


def _rude_exits(agent: str) -> list[Killer]:
    health = encode("GET", "/health")
    park = encode("GET", "/messages?since=1000&wait=25", [agent])
    return [
        Killer("half a method, reset", b"GE\xd1 /", 0, Leaving.RST),
        Killer("3 pipelined, reset", health * 3, 0, Leaving.RST),
        Killer("3 pipelined, closed", health * 3, 0),
        Killer("parked and pipelined, reset", park + health * 2, 0, Leaving.RST),
        Killer("parked and pipelined, closed", park * 3 + b"G", 0),
        Killer("nothing, reset", b"", 0, Leaving.RST),
    ]


def _framing(agent: str) -> list[Killer]:
    def chunked(body: bytes) -> bytes:
        fields = [agent, "Content-Type: application/json"]
        fields.append("Transfer-Encoding: chunked")
        return encode("POST", "/messages", fields) + body

    def sized(*lengths: str) -> bytes:
        fields = [agent, *(f"Content-Length: {length}" for length in lengths)]
        return encode("POST", "/messages", fields)

    sizes = [b"zz", b"-1", b"0x5", b"+5", b"", b"5 5", b"\xff", b"5\n", b"1_0"]
    sizes.append(b"f" * 17)
    both = ["Transfer-Encoding: chunked", "Content-Length: 5", agent]
    closing = encode("GET", "/health", ["Connection: close"])
    return [
        *(Killer(f"chunk {s!r}", chunked(s + b"\r\nabcde\r\n"), 400) for s in sizes),
        Killer("chunk too long", chunked(b"1\r\nabc\r\n0\r\n\r\n"), 400),
        Killer("chunk line", chunked(b"1;" + b"x" * 300 + b"\r\na\r\n"), 400),
        Killer("chunk of a gigabyte", chunked(b"40000000\r\nabc"), 413),
        Killer("both lengths", encode("POST", "/messages", both) + b"0\r\n\r\n", 400),
        Killer("two lengths", sized("5", "6") + b"abcdef", 400),
        Killer("negative length", sized("-5"), 400),
        Killer("length with a sign", sized("+5"), 400),
        Killer("length of 5000 digits", sized("1" * 5_000), 400),
        Killer("close, and more", closing + b"extra" * 100, 200),
    ]


def _syntax() -> list[Killer]:
    def fields(*lines: bytes) -> bytes:
        # The manual, since /health and /ready answer under any host.
        return b"\r\n".join([b"GET / HTTP/1.1", *lines]) + _CRLF2

    host, close = b"Host: localhost", b"Connection: close"
    absolute = b"GET http://%b/ HTTP/1.1\r\nHost: localhost\r\n" + close + _CRLF2
    wish = b"Upgrade: h2c\r\nConnection: Upgrade, close"
    absolute_h2c = absolute.replace(close, wish) % b"evil.example"
    return [
        Killer("host of a byte", fields(b"Host: \xff"), 400),
        Killer("no host", fields(close), 400),
        Killer("two hosts", fields(host, host), 400),
        Killer("foreign host", fields(b"Host: evil.example", close), 421),
        Killer("absolute form", absolute % b"localhost", 200),
        Killer("absolute form, foreign", absolute % b"evil.example", 421),
        Killer("absolute form, foreign, h2c", absolute_h2c, 421),
        Killer("a user before the host", fields(b"Host: evil:@localhost"), 400),
        Killer(
            "two slashes", encode("GET", "//admin/state", ["Connection: close"]), 404
        ),
        Killer("NUL in a value", fields(host, b"A: a\0b"), 400),
        Killer("NUL in a name", fields(host, b"A\0: b"), 400),
        Killer("NUL in the target", b"GET /\0 HTTP/1.1\r\n" + host + _CRLF2, 400),
        Killer("bare LF", b"GET /health HTTP/1.1\nHost: localhost\n\n", 400),
        Killer("folded", fields(host, b"A: b", b" c"), 400),
        Killer("space before colon", fields(host, b"A : b"), 400),
        Killer("no colon", fields(host, b"nonsense"), 400),
        Killer("expectation", fields(host, b"Expect: a miracle"), 417),
        Killer("high bytes in a value", fields(host, close, b"A: \xff\x80"), 200),
        Killer("escaped path", encode("GET", "/%ff%00", ["Connection: close"]), 404),
    ]


def _sizes(agent: str) -> list[Killer]:
    def declared(*fields: str) -> bytes:
        length = f"Content-Length: {_GIGABYTE}"
        return encode("POST", "/messages", [*fields, length])

    def endless(*fields: str) -> bytes:
        coding = ["Transfer-Encoding: chunked", "Content-Type: application/json"]
        head = encode("POST", "/messages", [*fields, *coding])
        return head + (b"400\r\n" + b"x" * 1_024 + b"\r\n") * 1_000

    many = [f"A{number}: b" for number in range(65)]
    return [
        Killer("20 KB head", encode("GET", "/health", ["A: " + "b" * 20_000]), 431),
        Killer("66 fields", encode("GET", "/health", many), 431),
        Killer("5 KB of URL", encode("GET", "/" + "a" * 5_000), 414),
        Killer("1 GB declared", declared(agent), 413),
        Killer("1 GB declared by nobody", declared(), 413),
        Killer("1 GB expecting", declared(agent, "Expect: 100-continue"), 413),
        Killer("endless", endless(agent), 413),
        Killer("endless by nobody", endless(), 401),
    ]


def _content(agent: str) -> list[Killer]:
    def post(body: bytes) -> bytes:
        return encode("POST", "/messages", [agent, "Connection: close"], body)

    odd = "/messages/" + "9" * 5_000
    close = "Connection: close"
    return [
        Killer("deep JSON", post(b"[" * 60_000), 422),
        Killer("no UTF-8", post(b'{"text":"\xff\xfe"}'), 422),
        Killer("lone surrogate", post(b'{"text":"\\ud800"}'), 422),
        Killer("NUL in a text", post(b'{"text":"a\\u0000b"}'), 422),
        Killer("huge number", post(b'{"text":"a","reply_to":1e400}'), 422),
        Killer("huge seq", encode("GET", odd[:4_000], [agent, close]), 404),
        # 401, and 429 after ten of them: the status is not checked.
        Killer("code of bytes", encode("GET", "/whoami", ["Authorization: \xff"]), 0),
    ]


async def send_killers(address: Address, killers: list[Killer], times: int) -> set[str]:
    """Send each killer ``times`` times, `TOGETHER` at once; return the faults."""
    faults: set[str] = set()
    limiter = trio.CapacityLimiter(TOGETHER)

    async def send(killer: Killer) -> None:
        async with limiter:
            faults.update(await _send(address, killer))

    async with trio.open_nursery() as nursery:
        for killer in killers * times:
            nursery.start_soon(send, killer)
    return faults


async def _send(address: Address, killer: Killer) -> set[str]:
    try:
        if killer.status == 0:
            async with connected(address, killer.leaving) as client:
                await client.send(killer.data)
            return set()
        answer = await ask(address, killer.data)
    except (OSError, trio.TooSlowError) as error:
        return {f"{killer.name}: {error!r}"}
    if answer.startswith(b"HTTP/1.1 %d " % killer.status):
        return set()
    return {f"{killer.name}: expected {killer.status}, got {answer[:60]!r}"}
