"""Requests over real sockets: deadlines, refusals, and what is not a relay."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.relay_client import (
    RelayAnswer,
    RelayAway,
    RelayClient,
    RelayRefused,
)
from support.agent_desk import CODE
from support.relay_process import free_port


@asynccontextmanager
async def answering(response: bytes, heard: list[bytes]) -> AsyncIterator[str]:
    """Serve one response for each connection, and close it."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            heard.append(await stream.receive_some())
            await stream.send_all(response)

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(partial(trio.serve_listeners, serve, listeners))
        port = listeners[0].socket.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


async def asked(
    response: bytes, watch: Callable[[], None] | None = None
) -> tuple[RelayAnswer, bytes]:
    heard: list[bytes] = []
    failure: AgentError | None = None
    async with answering(response, heard) as base:
        client = RelayClient(base, CODE)
        body = {"text": "grüße"}
        ask = partial(client.ask, "POST", "/messages?a=1", body, watch=watch)
        try:
            answer = await trio.to_thread.run_sync(ask)
        except AgentError as error:
            failure = error
    if failure is not None:
        raise failure  # outside of the nursery, which would wrap it in a group
    return answer, heard[0]


def http(status: str, body: str, *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in fields)
    length = len(body.encode())
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{head}\r\n{body}".encode()


async def test_a_request_carries_the_code_and_asks_for_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A proxy would be asked for the whole address, and would be sent the code.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    response = http("200 OK", "ok 21 · codex wakes now\n", "X-Argybargy-Cursor: 21")
    watched: list[None] = []
    answer, request = await asked(response, lambda: watched.append(None))
    assert answer == (200, "ok 21 · codex wakes now\n", 21)
    assert request.startswith(b"POST /messages?a=1 HTTP/1.1\r\n")
    assert f"Authorization: Bearer {CODE}".encode() in request
    assert b"Accept: text/plain" in request
    assert watched
    assert CODE not in repr(RelayClient("http://x", CODE))


@pytest.mark.parametrize(
    ("response", "code", "text"),
    [
        (
            http("409 Conflict", "error: claimed_by_other: gem has it.\n"),
            Exit.CLOSED,
            "claimed_by_other: gem has it.",
        ),
        (
            http("401 No", '{"detail": {"error": "unauthorized", "detail": "No."}}'),
            Exit.REFUSED,
            "unauthorized: No.",
        ),
        (
            http(
                "422 No",
                '{"detail": {"error": "invalid_request", "detail": "See errors.", '
                '"errors": [{"field": "name", "problem": "choose one"}, '
                '{"field": "to", "problem": "1 to 64 names"}]}}',
            ),
            Exit.USAGE,
            "invalid_request: name: choose one; to: 1 to 64 names",
        ),
        (
            http("422 No", '{"detail": {"error": "x", "detail": "y", "errors": 3}}'),
            Exit.USAGE,
            "x: y",
        ),
        (http("404 Not Found", "<html>"), Exit.NOT_FOUND, "which is no relay's"),
        (http("302 Found", "", "Location: http://x/"), Exit.FAILED, "status 302"),
        (http("418 Odd", "error: x: y: z"), Exit.FAILED, "x: y: z"),
    ],
)
async def test_a_refusal_is_told_by_its_code(
    response: bytes, code: Exit, text: str
) -> None:
    with pytest.raises(RelayRefused) as caught:
        await asked(response)
    assert caught.value.code == code
    assert text in caught.value.text


@pytest.mark.parametrize("response", [b"", b"SSH-2.0\r\n", b"HTTP/1.1 200 OK\r\n"])
async def test_a_server_that_breaks_off_is_a_relay_that_is_away(
    response: bytes,
) -> None:
    with pytest.raises(RelayAway) as caught:
        await asked(response)
    assert caught.value.code == Exit.AWAY
    assert caught.value.was_sent


async def test_an_overloaded_relay_says_when_to_come_back() -> None:
    response = http("503 Busy", "error: overloaded: Try again.\n", "Retry-After: 3")
    with pytest.raises(RelayAway) as caught:
        await asked(response)
    assert caught.value.seconds == 3


def test_a_refused_connection_was_not_sent() -> None:
    with pytest.raises(RelayAway, match="nothing listens there") as caught:
        RelayClient(f"http://127.0.0.1:{free_port()}").ask("GET", "/")
    assert not caught.value.was_sent


async def test_a_watcher_may_give_up_the_wait() -> None:
    def give_up() -> None:
        raise AgentError("over")

    with pytest.raises(AgentError, match="over"):
        await asked(b"", give_up)


def test_an_answer_without_a_cursor_is_not_that_of_a_poll() -> None:
    """Else all messages would come again, from number 0."""
    with pytest.raises(RelayRefused, match="not the answer of a relay"):
        RelayAnswer(200, "").page()


@pytest.mark.parametrize("text", ["", "[]", "3", "{"])
def test_an_answer_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(RelayRefused, match="not the answer of a relay"):
        RelayAnswer(200, text).json()
