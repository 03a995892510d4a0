"""Rows on the start: from the command to the first responses."""

import attrs
import trio

from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import encode_request
from bench.load import Bench, Skipped
from bench.result import Figure, Result, percentile_ms
from bench.server import Server

HEALTH = encode_request("GET", "/health", {})
DASHBOARD = encode_request("GET", "/dashboard", {})
OK = 200


@attrs.define
class _Sentry:
    """Asks for ``/health`` again and again, until it is told to stop.

    The mutable state is the longest time that an answer took.
    """

    server: Server
    longest_seconds: float = 0.0
    is_over: bool = False

    async def watch(self) -> None:
        connection = KeepAliveConnection(self.server.address)
        try:
            while not self.is_over:
                began = trio.current_time()
                await connection.exchange(HEALTH)
                took = trio.current_time() - began
                self.longest_seconds = max(self.longest_seconds, took)
        finally:
            connection.close_nowait()


async def start(bench: Bench) -> Result:
    """Time from the start of the command to the first response of ``/health``."""
    if bench.launch is None:
        raise Skipped("the server was running already")
    samples, spent = [], []
    for _ in range(bench.sizes.starts):
        async with bench.launch() as server:
            samples.append(server.start_seconds or 0.0)
            if server.meter is not None:
                spent.append(server.meter.cpu_seconds())
    median = percentile_ms(samples, 50)
    return Result(
        "start",
        operations=len(samples),
        p50_ms=median,
        p99_ms=percentile_ms(samples, 99),
        figures=(
            Figure("start", median or 0.0, "ms", decides=True),
            Figure("CPU", percentile_ms(spent, 50) or 0.0, "ms"),
        ),
    )


async def dashboard(bench: Bench) -> Result:
    """Time from the start of the command to the dashboard, asked for at once."""
    if bench.launch is None:
        raise Skipped("the server was running already")
    samples, failed, longest = [], 0, 0.0
    for _ in range(bench.sizes.starts):
        async with bench.launch() as server, trio.open_nursery() as nursery:
            sentry = _Sentry(server)
            nursery.start_soon(sentry.watch)
            began = trio.current_time()
            failed += await _status(server, DASHBOARD) != OK
            took = trio.current_time() - began
            samples.append((server.start_seconds or 0.0) + took)
            longest = max(longest, sentry.longest_seconds)
            sentry.is_over = True
    median = percentile_ms(samples, 50)
    return Result(
        "dashboard",
        operations=len(samples) - failed,
        failed=failed,
        p50_ms=median,
        p99_ms=percentile_ms(samples, 99),
        figures=(
            Figure("dashboard", median or 0.0, "ms", decides=True),
            Figure("longest /health meanwhile", 1000 * longest, "ms"),
        ),
    )


async def _status(server: Server, request: bytes) -> int:
    connection = KeepAliveConnection(server.address)
    try:
        return (await connection.exchange(request)).status
    finally:
        connection.close_nowait()
