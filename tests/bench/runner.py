"""Runs rows against servers, each row on a fresh one, and survives what they do."""

import os
import resource
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from functools import partial

import attrs
import trio

from argybargy.torture.client.connection import is_healthy
from bench.load import FAILURES, Bench, Skipped
from bench.result import Result
from bench.rows import Row
from bench.server import Server, ServerDied
from bench.sizes import Sizes

ROW_SECONDS = 120.0


@attrs.frozen
class Subject:
    """A server to measure.

    Attributes:
        label: As in the table.
        command: What starts it; empty if it was running already.
        open: Gives a server for one row.
        launch: Starts one more; ``None`` if the bench starts none.
    """

    label: str
    command: str
    open: Callable[[], AbstractAsyncContextManager[Server]]
    launch: Callable[[], AbstractAsyncContextManager[Server]] | None = None


@attrs.frozen
class Measured:
    """A server and what was found, one result for each row."""

    subject: Subject
    results: tuple[Result, ...]


@asynccontextmanager
async def attached(server: Server) -> AsyncIterator[Server]:
    """Give a server that runs already, and leave it running."""
    yield server


async def measure(
    subjects: Sequence[Subject], rows: Sequence[Row], sizes: Sizes
) -> tuple[Measured, ...]:
    """Run every row on every subject.

    The subjects take turns within a row, so that whatever else the machine does
    meanwhile meets all of them. A row that cannot be measured, or that its server
    does not survive, has a result that says so.
    """
    found: list[list[Result]] = [[] for _ in subjects]
    for row in rows:
        for subject, results in zip(subjects, found, strict=True):
            print(f"{row.name}: {subject.label} ...", file=sys.stderr)  # noqa: T201
            results.append(await run_row(subject, row, sizes))
    pairs = zip(subjects, found, strict=True)
    return tuple(Measured(subject, tuple(results)) for subject, results in pairs)


async def measure_shared(
    subjects: Sequence[Subject], rows: Sequence[Row], sizes: Sizes
) -> tuple[Measured, ...]:
    """Run every row with each subject started once: quicker, but rows may interfere.

    Raises:
        ServerDied: If a subject does not become healthy.
    """
    async with AsyncExitStack() as stack:
        running = []
        for subject in subjects:
            server = await stack.enter_async_context(subject.open())
            running.append(attrs.evolve(subject, open=partial(attached, server)))
        return await measure(running, rows, sizes)


async def run_row(subject: Subject, row: Row, sizes: Sizes) -> Result:
    """Return what ``row`` found, or why it found nothing."""
    result = Result(row.name)
    try:
        with trio.fail_after(ROW_SECONDS):
            async with subject.open() as server:
                bench = Bench(server, sizes, subject.launch)
                try:
                    result = await row.run(bench)
                finally:
                    bench.close_nowait()
                result = await _note_health(result, server)
    except* Skipped as skipped:
        result = Result(row.name, note=f"skipped: {_reason(skipped)}")
    except* (*FAILURES, ServerDied) as broken:
        result = Result(row.name, note=f"not measured: {_reason(broken)}")
    return result


async def _note_health(result: Result, server: Server) -> Result:
    if await is_healthy(server.address, 5.0):
        return result
    note = f"{result.note}; the server no longer answers".removeprefix("; ")
    return attrs.evolve(result, note=note)


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def choose_cores() -> tuple[int, int]:
    """Return a core for the server and one for the client; the same if there is one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


def take_core(core: int) -> None:
    """Pin this process to ``core``, and let it open as many files as it ever may.

    A server started afterwards inherits the limit.
    """
    os.sched_setaffinity(0, {core})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
