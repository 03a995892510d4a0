"""The listener for numbers: one page, at an address of its own, for no token."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import httptools
import pytest
import trio
import trio.testing

from argybargy.http.server import ConnectionStatistics
from argybargy.serve.metrics_listener import (
    METRICS_CONNECTIONS,
    MetricsAddressError,
    measure_server,
    open_metrics_listener,
)
from argybargy.web.metrics import Metrics
from support.http_server import render
from support.relay import open_harness


@attrs.define
class Answered:
    """An answer, as the parser reads it."""

    headers: dict[bytes, bytes] = attrs.field(factory=dict)
    body: bytes = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, data: bytes) -> None:
        self.body += data


@attrs.frozen
class Busy:
    """A server that has done something."""

    def statistics(self) -> ConnectionStatistics:
        return ConnectionStatistics(3, 40, 500, {"busy": 6}, {"app_failed": 7})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def open_listener(host: str = "127.0.0.1") -> AsyncIterator[int]:
    port = free_port()
    async with open_harness() as house:
        metrics = Metrics(house.relay)
        measure_server(metrics, Busy())
        listener = open_metrics_listener(
            f"{host}:{port}", metrics, render=render, wall_clock=lambda: 0.0
        )
        async with listener:
            yield port


async def ask(port: int, head: str) -> tuple[int, Answered]:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(f"{head}\r\nConnection: close\r\n\r\n".encode())
        answered = Answered()
        parser = httptools.HttpResponseParser(answered)
        async for data in stream:
            parser.feed_data(data)
        return parser.get_status_code(), answered


async def test_it_shows_the_numbers_of_relay_server_and_process() -> None:
    async with open_listener() as port:
        head = f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{port}"
        status, answered = await ask(port, head)
        assert status == 200
        assert answered.headers[b"content-type"].startswith(
            b"text/plain; version=0.0.4"
        )
        page = answered.body.decode()
        for line in (
            "argybargy_connections_open 3.0",
            "argybargy_connections_total 40.0",
            "argybargy_requests_total 500.0",
            'argybargy_connection_refusals_total{error="busy"} 6.0',
            'argybargy_failures_total{event="app_failed"} 7.0',
            "argybargy_messages_total 0.0",
        ):
            assert f"\n{line}\n" in page
        assert re.search(r"^process_cpu_seconds_total \d", page, re.MULTILINE)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /admin/state HTTP/1.1\r\nHost: localhost", 404),
        ("GET / HTTP/1.1\r\nHost: localhost", 404),
        ("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0", 405),
        ("GET /metrics HTTP/1.1\r\nHost: evil.example", 421),
        ("GET /metrics HTTP/1.1\r\nHost: a b", 400),
    ],
)
async def test_it_shows_nothing_else_and_not_to_pages_of_other_sites(
    head: str, status: int
) -> None:
    async with open_listener() as port:
        seen, answered = await ask(port, head)
        assert seen == status
        assert answered.headers.get(b"allow") == (b"GET" if status == 405 else None)


async def test_an_address_that_is_taken_is_named_with_the_way_out() -> None:
    async with open_listener() as port:
        metrics = open_metrics_listener(
            f"127.0.0.1:{port}",
            Metrics(None),  # type: ignore[arg-type]
            render=render,
            wall_clock=lambda: 0.0,
        )
        with pytest.raises(MetricsAddressError, match="ARGYBARGY_METRICS_BIND") as info:
            await metrics.__aenter__()
        assert f"127.0.0.1:{port}: Address already in use" in str(info.value)


async def test_without_an_address_there_is_no_listener() -> None:
    async with open_harness() as house:
        metrics = Metrics(house.relay)
        listener = open_metrics_listener(
            None, metrics, render=render, wall_clock=lambda: 0.0
        )
        async with listener:
            assert not metrics.relay.is_draining


async def test_connections_beyond_the_bound_are_refused() -> None:
    head = "GET /metrics HTTP/1.1\r\nHost: localhost"
    async with open_listener() as port, AsyncExitStack() as stack:
        for _ in range(METRICS_CONNECTIONS):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stack.enter_async_context(stream)
        await trio.testing.wait_all_tasks_blocked()
        assert (await ask(port, head))[0] == 503
        await stack.aclose()
        with trio.fail_after(10):
            while (await ask(port, head))[0] != 200:  # noqa: ASYNC110 - it is asked
                await trio.sleep(0.01)
