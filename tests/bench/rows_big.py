"""Rows of big stores: what a start and a request cost, beside those of a small store.

Each store is filled once in a run, without the server. The first start on it checks
every row and is not measured; the next one, after a clean stop, is.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import attrs
import trio

from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import BadResponse, encode_request
from bench.goals import SMALL
from bench.load import Bench, Skipped, settle
from bench.result import Figure, Result
from bench.rows_start import interpreter_of, program_of
from bench.server import OK, Server

FILL = Path(__file__).with_name("fill.py")
READY = encode_request("GET", "/ready", {})
SMALL_STORE = (10, 100, 20)
WARM_UP = 10
SEARCH = "/search?q=parser&limit=20"
KEEP_ALL = {"ARGYBARGY_MAX_MESSAGES_PER_ROOM": "0"}


@attrs.frozen
class _Costs:
    """Costs of one store.

    Attributes:
        start_ms: CPU time from the start to ``/ready``.
        memory_mb: Memory after all requests.
        requests: CPU time of each kind of request, in microseconds.
    """

    start_ms: float
    memory_mb: float
    requests: dict[str, float]


async def many_rooms(bench: Bench) -> Result:
    """A start and requests with 1,000 rooms of 2,000 messages and 5,000 codes."""
    sizes = bench.sizes
    store = sizes.many_rooms, sizes.many_messages, sizes.many_codes
    return await _compare(bench, "many-rooms", store)


async def long_room(bench: Bench) -> Result:
    """A start and requests with 400,000 messages in one room, all kept."""
    return await _compare(bench, "long-room", (1, bench.sizes.long_messages, 5))


async def _compare(bench: Bench, row: str, store: tuple[int, int, int]) -> Result:
    small = await _measure(bench, "small", SMALL_STORE)
    big = await _measure(bench, row, store)
    pairs = [
        ("start", big.start_ms, small.start_ms),
        ("memory", big.memory_mb, small.memory_mb),
        *((name, cost, small.requests[name]) for name, cost in big.requests.items()),
    ]
    figures = [
        Figure("start, CPU", big.start_ms, "ms", decides=True),
        Figure("memory", big.memory_mb, "MB"),
        *(Figure(name, cost, "us CPU") for name, cost in big.requests.items()),
        *(
            Figure(f"{name} {SMALL}", of_big / of_small)
            for name, of_big, of_small in pairs
        ),
    ]
    return Result(row, operations=bench.sizes.asked, figures=tuple(figures))


async def _measure(bench: Bench, name: str, store: tuple[int, int, int]) -> _Costs:
    if bench.launch is None or bench.scratch is None:
        raise Skipped("the server was running already")
    folder = bench.scratch / name
    code = await _fill(bench, folder, store)
    async with bench.launch(folder, READY, KEEP_ALL):
        pass
    async with bench.launch(folder, READY, KEEP_ALL) as server:
        if server.meter is None:
            raise Skipped("the process of the server is not known")
        start_ms = 1e3 * server.meter.cpu_seconds()
        # It loads the rest in a thread after the start.
        await settle(server)
        agent = {"Authorization": f"Bearer {code}"}
        operator = {"X-Admin-Token": server.admin_token}
        requests = {
            "poll": encode_request("GET", f"/messages?since={store[1]}&wait=0", agent),
            "history": encode_request("GET", "/history?limit=50", agent),
            "search": encode_request("GET", SEARCH, agent),
            "state": encode_request("GET", "/admin/state", operator),
        }
        costs = {
            name: await _ask(server, request, bench.sizes.asked)
            for name, request in requests.items()
        }
        return _Costs(start_ms, server.meter.memory_bytes() / 1e6, costs)


async def _fill(bench: Bench, folder: Path, store: Sequence[int]) -> str:
    """Fill a store unless it is there; return the code of an agent of its first room.

    Raises:
        Skipped: The server is not an Argybargy with such a store.
    """
    told = folder.with_name(f"{folder.name}.code")
    if not told.exists():
        python = interpreter_of(program_of(bench.command))
        words = [str(python), str(FILL), str(folder), *map(str, store)]
        done = await trio.run_process(
            words, check=False, capture_stdout=True, stderr=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise Skipped(f"{python} has no store that can be filled")
        told.write_bytes(done.stdout)
    return told.read_text()


async def _ask(server: Server, request: bytes, count: int) -> float:
    """Send a request several times; return its CPU time in microseconds."""
    assert server.meter is not None
    connection = KeepAliveConnection(server.address)
    try:
        for _ in range(WARM_UP):
            await _expect_ok(connection, request)
        before = server.meter.cpu_seconds()
        for _ in range(count):
            await _expect_ok(connection, request)
        return 1e6 * (server.meter.cpu_seconds() - before) / count
    finally:
        connection.close_nowait()


async def _expect_ok(connection: KeepAliveConnection, request: bytes) -> None:
    answer = await connection.exchange(request)
    if answer.status != OK:
        raise BadResponse(f"status {answer.status}: {answer.body[:120]!r}")
