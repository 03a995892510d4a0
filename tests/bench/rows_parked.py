"""Rows on idle cost: memory and CPU of parked polls."""

import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs
import trio

from argybargy.torture.client.connection import KeepAliveConnection, is_healthy
from bench.client import Agent
from bench.goals import OF_20_000
from bench.load import FAILURES, Bench, Skipped, Stopwatch, names, settle
from bench.meter import Meter
from bench.result import Figure, Result

# The longest wait that all servers of this protocol accept.
PARK_SECONDS = 25
ROOM_SIZE = 100
# Below every listener's backlog, so that no connection is refused or delayed.
CONNECT_BATCH = 100
SPARE_FILES = 200


@attrs.define
class _Parked:
    """Polls that stay parked."""

    count: int = 0
    ended: int = 0

    async def hold(self, agent: Agent) -> None:
        self.count += 1
        with suppress(*FAILURES):
            await agent.poll(PARK_SECONDS)
        agent.connection.close_nowait()
        self.ended += 1


async def parked(bench: Bench) -> Result:
    """Memory of a parked poll, one poll for each agent."""
    return await _measure_memory(bench, "parked", bench.sizes.parked, polls_each=1)


async def parked_many(bench: Bench) -> Result:
    """Memory of a parked poll among very many, four for each agent.

    If the system allows fewer files than are needed, as many are parked as it allows.
    """
    count = min(bench.sizes.parked_many, _allowed_files() - SPARE_FILES)
    return await _measure_memory(bench, "parked-20000", count, polls_each=4)


async def idle(bench: Bench) -> Result:
    """CPU use of the server while polls are parked and nobody posts."""
    _require_meter(bench)
    agents = await _admit(bench, bench.sizes.idle_parked, polls_each=4)
    watch = Stopwatch(bench.server)
    async with _park(bench, agents) as held:
        with watch:
            await trio.sleep(bench.sizes.idle_seconds)
        busy = 100 * (watch.cpu_seconds or 0.0) / bench.sizes.idle_seconds
        figure = Figure("idle CPU", busy, "%", decides=True)
        return _parked_result(watch.result("idle", figures=(figure,)), held)


async def _measure_memory(
    bench: Bench, row: str, count: int, polls_each: int
) -> Result:
    meter = _require_meter(bench)
    agents = await _admit(bench, count, polls_each)
    watch = Stopwatch(bench.server)
    before = meter.memory_bytes()
    with watch:
        async with _park(bench, agents) as held:
            watch.lap()
            stayed = held.count - held.ended
            each = (meter.memory_bytes() - before) / max(1, stayed) / 1024
            figures = [
                Figure("memory", each, "KiB a poll", decides=True),
                Figure("process before", before / 1e6, "MB"),
            ]
            if not held.ended:  # a server that refuses some would look small
                whole = (before + 20_000 * each * 1024) / 1e6
                figures.append(Figure(OF_20_000, whole, "MB"))
            result = _parked_result(Result(row, figures=tuple(figures)), held)
    return result


def _require_meter(bench: Bench) -> Meter:
    if bench.server.meter is None:
        raise Skipped("the process of the server is not known")
    return bench.server.meter


async def _admit(bench: Bench, count: int, polls_each: int) -> list[Agent]:
    """Return ``count`` clients, ``polls_each`` of them for each agent."""
    _require_files(count)
    agents: list[Agent] = []
    per_room = ROOM_SIZE // polls_each
    while len(agents) < count:
        room = f"parked-{len(agents)}"
        for agent in await bench.admit(room, names("a", per_room)):
            agent.connection.close_nowait()
            agents += [_twin(agent) for _ in range(polls_each)]
    return agents[:count]


def _twin(agent: Agent) -> Agent:
    return attrs.evolve(agent, connection=KeepAliveConnection(agent.connection.address))


def _require_files(count: int) -> None:
    """Check that the descriptor limit allows ``count`` connections.

    Raises:
        Skipped: It does not.
    """
    allowed, needed = _allowed_files(), count + SPARE_FILES
    if allowed < needed:
        raise Skipped(f"{needed} open files are needed, {allowed} are allowed")


def _allowed_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@asynccontextmanager
async def _park(bench: Bench, agents: list[Agent]) -> AsyncIterator[_Parked]:
    """Park a poll for each agent; inside the block the server has settled."""
    held = _Parked()
    async with trio.open_nursery() as nursery:
        for number, agent in enumerate(agents):
            nursery.start_soon(held.hold, agent)
            if number % CONNECT_BATCH == 0:
                await is_healthy(bench.server.address, 5.0)
        await settle(bench.server)
        yield held
        nursery.cancel_scope.cancel()


def _parked_result(result: Result, held: _Parked) -> Result:
    note = f"{held.ended} of {held.count} polls did not stay" if held.ended else ""
    count = Figure("parked", held.count - held.ended)
    return attrs.evolve(result, figures=(*result.figures, count), note=note)
