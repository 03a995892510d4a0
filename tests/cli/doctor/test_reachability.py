"""The doctor's checks of reachable and unreachable relays."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from argybargy import __version__
from argybargy.cli.doctor.finding import Finding, Level
from argybargy.cli.doctor.probe import Heard, ProbeError, ask
from argybargy.cli.doctor.reachability import (
    Reached,
    check_here,
    check_outside,
    judge_public,
    judge_ready,
    judge_stream,
    judge_version,
)

URL = "https://relay.example.com"
HEALTH = f'{{"status":"ok","version":"{__version__}"}}'.encode()
HELLO = b'{"type":"hello","version":1}\n'


def answer(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def streamed(*chunks: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks)


@asynccontextmanager
async def answering(
    *answers: bytes, seen: list[bytes] | None = None, is_held: bool = False
) -> AsyncIterator[str]:
    """Serve one answer to each connection, and keep the last connections open."""
    left = list(answers)

    async def serve(stream: trio.SocketStream) -> None:
        data = await stream.receive_some()
        if seen is not None:
            seen.append(bytes(data))
        await stream.send_all(left.pop(0))
        if is_held and not left:
            await trio.sleep_forever()
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(
            partial(trio.serve_tcp, serve, 0, host="127.0.0.1")
        )
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def free_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def with_token(data: Path) -> Path:
    (data / "admin.token").write_text("the-token\n")
    return data


def by_level(findings: Sequence[Finding]) -> list[tuple[str, Level]]:
    return [(each.check, each.level) for each in findings]


# -- asking -------------------------------------------------------------------------


async def test_a_response_is_read_completely() -> None:
    seen: list[bytes] = []
    async with answering(answer(b"hello", "503 Busy"), seen=seen) as url:
        heard = await ask(url, "POST", "/x", headers=(("X-A", "b"),), body=b"{}")
    assert heard == Heard(503, b"hello")
    assert seen[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert b"x-a: b\r\n" in seen[0].lower()
    assert seen[0].endswith(b"\r\n\r\n{}")


async def test_the_first_line_of_a_stream_is_enough() -> None:
    async with answering(streamed(b'{"a', b'":1}\n{"b"'), is_held=True) as url:
        heard = await ask(url, "POST", "/s", only_first_line=True)
    assert heard == Heard(200, b'{"a":1}')


async def test_an_unterminated_line_ends_at_the_deadline() -> None:
    async with answering(streamed(b"half"), is_held=True) as url:
        with pytest.raises(ProbeError, match="no response within"):
            await ask(url, "GET", "/", only_first_line=True, deadline_seconds=0.1)


async def test_an_endless_body_is_truncated() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000_000
    async with answering(endless, is_held=True) as url:
        heard = await ask(url, "GET", "/", deadline_seconds=20)
    assert len(heard.body) < 400_000


@pytest.mark.parametrize(
    "reply", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
)
async def test_a_response_that_is_not_http_is_an_error(reply: bytes) -> None:
    async with answering(reply) as url:
        with pytest.raises(ProbeError):
            await ask(url, "GET", "/")


async def test_a_refused_connection_gives_the_system_s_reason() -> None:
    with pytest.raises(ProbeError, match="refused"):
        await ask(free_url(), "GET", "/")


async def test_a_server_without_tls_is_an_error() -> None:
    async with answering(answer(b"")) as url:
        with pytest.raises(ProbeError):
            await ask(url.replace("http:", "https:"), "GET", "/")


# -- judging ------------------------------------------------------------------------


def reached(status: int, body: bytes = b"") -> Reached:
    return Reached(URL, Heard(status, body))


GONE = Reached(URL, failure="no response within 5 seconds")
FULL = b'{"detail":{"error":"storage_full","detail":"The disk is full."}}'


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        (judge_ready(reached(200)), Level.OK, "is ready"),
        (judge_ready(reached(503, FULL)), Level.PROBLEM, "The disk is full."),
        (judge_ready(reached(502, b"<html>")), Level.PROBLEM, "answers HTTP 502"),
        (judge_ready(GONE), Level.PROBLEM, "does not answer: no response"),
        (judge_version(reached(200, HEALTH)), Level.OK, f"are {__version__}"),
        (judge_version(reached(200, b'{"version":"9"}')), Level.WARNING, "is 9, this"),
        (judge_version(reached(200, b"[]")), Level.WARNING, "does not report"),
        (judge_public(reached(200, HEALTH)), Level.OK, "leads to a relay"),
        (judge_public(reached(421)), Level.PROBLEM, "does not accept that host name"),
        (judge_public(reached(530, b"<html>")), Level.PROBLEM, "HTTP 530"),
        (judge_public(GONE), Level.PROBLEM, "cannot be reached: no response"),
        (judge_stream(reached(200, HELLO)), Level.OK, "arrives at once"),
        (judge_stream(reached(200, b"<html>")), Level.PROBLEM, "brings no stream"),
        (judge_stream(reached(401)), Level.PROBLEM, "has other data"),
        (judge_stream(reached(404)), Level.WARNING, "too old to stream"),
        (judge_stream(GONE), Level.PROBLEM, "a proxy buffers it"),
    ],
)
def test_responses_are_judged(finding: Finding, level: Level, words: str) -> None:
    assert finding.level is level
    assert words in finding.text
    assert bool(finding.fix) is (level is not Level.OK)


# -- both together --------------------------------------------------------------------


async def test_a_local_relay_is_asked_for_readiness_and_version() -> None:
    async with answering(answer(b"{}"), answer(HEALTH)) as url:
        findings = await check_here(url)
    assert by_level(findings) == [("ready", Level.OK), ("version", Level.OK)]


async def test_a_public_url_that_streams_is_fine(tmp_path: Path) -> None:
    seen: list[bytes] = []
    async with answering(
        answer(HEALTH), streamed(HELLO), seen=seen, is_held=True
    ) as url:
        findings = await check_outside(url, with_token(tmp_path))
    assert by_level(findings) == [("public_url", Level.OK), ("streaming", Level.OK)]
    assert b"the-token" not in seen[0]
    assert b"x-admin-token: the-token\r\n" in seen[1].lower()


async def test_a_server_that_is_not_a_relay_gets_no_token(tmp_path: Path) -> None:
    seen: list[bytes] = []
    async with answering(answer(b"<html>"), seen=seen) as url:
        findings = await check_outside(url, with_token(tmp_path))
    assert by_level(findings) == [("public_url", Level.PROBLEM)]
    assert len(seen) == 1


async def test_the_token_does_not_travel_unencrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def at_home(host: str, *rest: object, **more: object) -> object:
        assert host == "relay.example.com"
        return resolve("127.0.0.1", *rest, **more)  # type: ignore[arg-type]

    seen: list[bytes] = []
    async with answering(answer(HEALTH), seen=seen) as url:
        monkeypatch.setattr(socket, "getaddrinfo", at_home)
        abroad = url.replace("127.0.0.1", "relay.example.com")
        findings = await check_outside(abroad, with_token(tmp_path))
    assert "not encrypted" in findings[1].text
    assert len(seen) == 1


async def test_without_a_token_the_stream_is_not_tried(tmp_path: Path) -> None:
    async with answering(answer(HEALTH)) as url:
        findings = await check_outside(url, tmp_path)
    assert by_level(findings)[1] == ("streaming", Level.WARNING)
