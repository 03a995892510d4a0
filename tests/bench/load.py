"""What the rows share: agents, a stopwatch, and workers that stop in time."""

import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Self

import attrs
import trio

from argybargy.torture.client.messages import BadResponse
from bench.client import Agent, Operator
from bench.ledger import Ledger, Tally
from bench.result import Figure, Result, percentile_ms
from bench.server import Server
from bench.sizes import Sizes

SETTLE_SECONDS = 15.0
# What a server may do to a single request without ending the row.
FAILURES = (OSError, BadResponse, trio.TooSlowError, trio.BrokenResourceError)

NONE_LOST = Tally()

Operation = Callable[[], Awaitable[object]]


class Skipped(Exception):
    """A row cannot be measured here; the text says why."""


def names(prefix: str, count: int) -> list[str]:
    """Return ``count`` peer names that begin alike."""
    return [f"{prefix}{number}" for number in range(count)]


@attrs.frozen
class Bench:
    """What a row gets: a server, how much to do, and how to start another one.

    Attributes:
        server: Fresh, if the bench started it.
        sizes: How much to do.
        launch: Starts one more like it; ``None`` if it was running already.
        agents: All that were admitted, so that their connections can be closed.
        run: Ends the name of every room, so that no row meets what another left.
    """

    server: Server
    sizes: Sizes
    launch: Callable[[], AbstractAsyncContextManager[Server]] | None = None
    agents: list[Agent] = attrs.field(factory=list)
    run: str = attrs.field(factory=lambda: secrets.token_hex(4))

    async def admit(self, room: str, names: Iterable[str]) -> tuple[Agent, ...]:
        """Return agents in a new room that the server has seen once."""
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
    """Times operations, and the server's processor meanwhile."""

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
        """Stop the clock but not the processor: the server may have work left."""
        self._ended_at = trio.current_time()

    def __exit__(self, *_: object) -> None:
        if self._ended_at is None:
            self.lap()
        now = self._read_cpu()
        if now is not None and self.cpu_seconds is not None:
            self.cpu_seconds = now - self.cpu_seconds

    async def time(self, operation: Operation) -> bool:
        """Run one operation; its latency counts if it succeeds, else it failed."""
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
        """Return what was measured; operations are those timed unless given."""
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
    """Hands out numbered pieces of work until all are taken or time is up."""

    total: int
    until: float
    taken: int = 0

    def take(self) -> int | None:
        """Return the next number from 0, ``None`` when there is none."""
        if self.taken >= self.total or trio.current_time() >= self.until:
            return None
        self.taken += 1
        return self.taken - 1


async def share(
    total: int,
    seconds: float,
    workers: Iterable[Callable[[int], Awaitable[object]]],
) -> None:
    """Let all workers at once take numbers of ``total`` until ``seconds`` are up."""
    supply = Supply(total, trio.current_time() + seconds)

    async def work(worker: Callable[[int], Awaitable[object]]) -> None:
        while (number := supply.take()) is not None:
            await worker(number)

    async with trio.open_nursery() as nursery:
        for worker in workers:
            nursery.start_soon(work, worker)


async def read_rest(reader: Agent, ledger: Ledger) -> None:
    """Read without waiting until nothing more comes; a failing server ends it.

    A page may be empty and still move the cursor, past what others are addressed in.
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
    """Wait until the server has nothing to do, but not for ever.

    Nothing tells a client that its poll is parked. Where the process is known, it
    is when the processor time stands still; otherwise a second has to do.
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
