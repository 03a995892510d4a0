"""Parts shared by the rows: agents, stopwatch, concurrent workers with a deadline."""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol, Self

import attrs
import trio

from argybargy.torture.client.messages import BadResponse
from bench.client import Agent, Operator
from bench.ledger import Ledger, Tally
from bench.result import Figure, Result, percentile_ms
from bench.server import HEALTH, NONE_SET, Server
from bench.sizes import Sizes

SETTLE_SECONDS = 15.0
# Failures of a single request that do not end the row.
FAILURES = (OSError, BadResponse, trio.TooSlowError, trio.BrokenResourceError)

NONE_LOST = Tally()

Operation = Callable[[], Awaitable[object]]


class Launch(Protocol):
    """Starts another server like the measured one."""

    def __call__(
        self,
        folder: Path | None = None,
        first: bytes = HEALTH,
        settings: Mapping[str, str] = NONE_SET,
    ) -> AbstractAsyncContextManager[Server]:
        """Run it until the block ends.

        Args:
            folder: Its data directory; ``None`` for a new one.
            first: Request whose first answer 200 ends the start.
            settings: Variables of its environment besides the usual ones.
        """


class Skipped(Exception):
    """A row cannot be measured on this machine; the text has the reason."""


def names(prefix: str, count: int) -> list[str]:
    """Return ``count`` names of agents with a common prefix."""
    return [f"{prefix}{number}" for number in range(count)]


@attrs.frozen
class Bench:
    """Environment of a row: server, sizes, and a launcher of further servers.

    Attributes:
        server: The server; freshly started unless it was attached to.
        sizes: Sizes of the rows.
        launch: Starts another such server; ``None`` if attached.
        command: Command that starts it; empty if attached.
        scratch: Directory for what later rounds use again; ``None`` if attached.
        agents: All invited agents, whose connections are closed at the end.
        run: Suffix of all room names, so that rows never share a room.
    """

    server: Server
    sizes: Sizes
    launch: Launch | None = None
    command: str = ""
    scratch: Path | None = None
    agents: list[Agent] = attrs.field(factory=list)
    run: str = attrs.field(factory=lambda: secrets.token_hex(4))

    async def admit(self, room: str, names: Iterable[str]) -> tuple[Agent, ...]:
        """Return agents in a new room, each authenticated once."""
        operator = Operator(self.server.address, self.server.admin_token)
        agents = await operator.invite(f"{room}-{self.run}", tuple(names))
        self.agents.extend(agents)
        for agent in agents:
            await agent.enter()
        return agents

    def close_nowait(self) -> None:
        """Close the connections of all agents."""
        for agent in self.agents:
            agent.connection.close_nowait()


@attrs.define
class Stopwatch:
    """Measures latencies, and the CPU time of the server over a block."""

    server: Server
    latencies_seconds: list[float] = attrs.field(factory=list)
    failed: int = 0
    cpu_seconds: float | None = None
    _began_at: float = 0.0
    _ended_at: float | None = None

    def __enter__(self) -> Self:
        self.cpu_seconds = self._read_cpu()
        self._began_at = trio.current_time()
        return self

    def lap(self) -> None:
        """Stop the clock but not the CPU meter: the server may have work left."""
        self._ended_at = trio.current_time()

    def __exit__(self, *_: object) -> None:
        if self._ended_at is None:
            self.lap()
        now = self._read_cpu()
        if now is not None and self.cpu_seconds is not None:
            self.cpu_seconds = now - self.cpu_seconds

    async def time(self, operation: Operation) -> bool:
        """Run one operation; record its latency, or a failure."""
        began = trio.current_time()
        try:
            await operation()
        except FAILURES:
            self.failed += 1
            return False
        self.latencies_seconds.append(trio.current_time() - began)
        return True

    def result(
        self,
        row: str,
        *,
        operations: int | None = None,
        tally: Tally = NONE_LOST,
        figures: tuple[Figure, ...] = (),
    ) -> Result:
        """Return the result; ``operations`` defaults to the number of latencies."""
        samples = self.latencies_seconds
        ended_at = self._began_at if self._ended_at is None else self._ended_at
        return Result(
            row=row,
            operations=len(samples) if operations is None else operations,
            failed=self.failed,
            elapsed_seconds=ended_at - self._began_at,
            cpu_seconds=self.cpu_seconds,
            p50_ms=percentile_ms(samples, 50),
            p99_ms=percentile_ms(samples, 99),
            tally=tally,
            figures=figures,
        )

    def _read_cpu(self) -> float | None:
        meter = self.server.meter
        return None if meter is None else meter.cpu_seconds()


@attrs.define
class Supply:
    """Counter of work items, with a deadline."""

    total: int
    until: float
    taken: int = 0

    def take(self) -> int | None:
        """Return the next item, from 0; ``None`` if all are taken or time is up."""
        if self.taken >= self.total or trio.current_time() >= self.until:
            return None
        self.taken += 1
        return self.taken - 1


async def share(
    total: int,
    seconds: float,
    workers: Iterable[Callable[[int], Awaitable[object]]],
) -> None:
    """Run all workers concurrently on ``total`` items, for at most ``seconds``."""
    supply = Supply(total, trio.current_time() + seconds)

    async def work(worker: Callable[[int], Awaitable[object]]) -> None:
        while (number := supply.take()) is not None:
            await worker(number)

    async with trio.open_nursery() as nursery:
        for worker in workers:
            nursery.start_soon(work, worker)


async def time_polls(bench: Bench, agents: Iterable[Agent]) -> Stopwatch:
    """Poll without waiting, all agents at once; return the stopwatch."""
    watch = Stopwatch(bench.server)

    def reader(agent: Agent) -> Callable[[int], Awaitable[object]]:
        return lambda _: watch.time(agent.poll)

    with watch:
        workers = [reader(agent) for agent in agents]
        await share(bench.sizes.polls, bench.sizes.seconds, workers)
    return watch


async def read_rest(reader: Agent, ledger: Ledger) -> None:
    """Read all remaining messages without waiting; stop if the server fails.

    An empty page may still advance the cursor, past messages for other agents.
    """
    while True:
        before = reader.cursor
        try:
            messages = await reader.poll()
        except FAILURES:
            return
        ledger.see(messages)
        if not messages and reader.cursor == before:
            return


async def settle(server: Server) -> None:
    """Wait until the server is idle, at most `SETTLE_SECONDS`.

    A client cannot see that its poll is parked. If the process is known, wait until its
    CPU time stops growing; otherwise wait one second.
    """
    meter = server.meter
    if meter is None:
        await trio.sleep(1.0)
        return
    with trio.move_on_after(SETTLE_SECONDS):
        before, used = meter.cpu_seconds(), 1.0
        while used > 0.02:
            await trio.sleep(0.2)
            now = meter.cpu_seconds()
            before, used = now, now - before
