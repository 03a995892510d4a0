from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import trio

from argybargy.torture.client.connection import Address, KeepAliveConnection, is_healthy
from argybargy.torture.client.messages import BadResponse, encode_request

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
REQUEST = encode_request("GET", "/", {})


@attrs.define
class Script:
    """Responses of each connection, one per request; then it closes."""

    connections: Sequence[Sequence[bytes]]
    accepted: int = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        answers = self.connections[self.accepted]
        self.accepted += 1
        async with stream:
            for answer in answers:
                await stream.receive_some()
                await stream.send_all(answer)
            if not answers:
                await trio.sleep_forever()


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[KeepAliveConnection]:
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, script.serve, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        port = listeners[0].socket.getsockname()[1]
        connection = KeepAliveConnection(Address("127.0.0.1", port))
        yield connection
        connection.close_nowait()
        nursery.cancel_scope.cancel()


async def test_a_connection_is_kept_for_the_next_request() -> None:
    script = Script([[GOOD, GOOD]])
    async with scripted(script) as connection:
        for _ in range(2):
            assert (await connection.exchange(REQUEST)).body == b"ok"
    assert script.accepted == 1


async def test_a_connection_closed_by_the_server_is_reopened() -> None:
    script = Script([[LAST], [GOOD]])
    async with scripted(script) as connection:
        for _ in range(2):
            assert (await connection.exchange(REQUEST)).body == b"ok"
    assert script.accepted == 2


async def test_a_truncated_response_is_an_error_and_not_retried() -> None:
    script = Script([[GOOD[:-1]], [GOOD]])
    async with scripted(script) as connection:
        with pytest.raises(BadResponse):
            await connection.exchange(REQUEST)
        assert script.accepted == 1
        assert (await connection.exchange(REQUEST)).body == b"ok"


async def test_bytes_after_a_response_are_an_error() -> None:
    async with scripted(Script([[GOOD + GOOD]])) as connection:
        with pytest.raises(BadResponse):
            await connection.exchange(REQUEST)


async def test_a_request_without_a_response_ends_at_its_deadline() -> None:
    script = Script([[], [GOOD]])
    async with scripted(script) as connection:
        with pytest.raises(trio.TooSlowError):
            await connection.exchange(REQUEST, deadline_seconds=0.05)
        assert (await connection.exchange(REQUEST)).body == b"ok"
    assert script.accepted == 2


async def test_health_is_false_without_a_listener() -> None:
    async with scripted(Script([[GOOD]])) as connection:
        assert await is_healthy(connection.address)
    assert not await is_healthy(connection.address)
