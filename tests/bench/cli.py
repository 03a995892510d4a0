"""Benchmark commands: ``run`` starts servers, ``attach`` measures a running one."""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import attrs
import cyclopts
import trio

from argybargy.torture.client.connection import Address
from bench.goals import (
    FIGURE_GOALS,
    ORIGINAL_GOALS,
    Goal,
    goals_against_commit,
)
from bench.machine import BusyMachine, Machine
from bench.meter import Meter
from bench.report import to_json, to_markdown
from bench.revision import NoSuchRevision, checked_out, install_with_uv, server_in
from bench.rows import ROWS, NoSuchRow, Row, select
from bench.runner import (
    Plan,
    Subject,
    attached,
    choose_cores,
    measure,
    measure_shared,
    take_core,
)
from bench.server import Launcher, Server, ServerDied
from bench.sizes import QUICK, SMOKE, Sizes

app = cyclopts.App(name="bench", help=__doc__)
ROUNDS = 3


@app.command
def run(
    *,
    server: str,
    vs: str = "",
    against: str = "",
    rounds: int = ROUNDS,
    only: str = "",
    quick: bool = False,
    smoke: bool = False,
    anyway: bool = False,
    size: dict[str, float] | None = None,
    json: Path | None = None,
) -> None:
    """Start each server afresh for every row and measure it.

    Data directories are temporary. TMPDIR decides on which disk they are, and so the
    cost of an fsync.

    Args:
        server: Command that starts the server in the foreground. It gets
            ARGYBARGY_DATA, ARGYBARGY_PORT and raised rate limits.
        vs: Command of a second server; the ratio is its cost divided by the first's.
            The goals are those against the original Argybargy.
        against: Commit of this repository whose server is the second one. It is
            checked out into a temporary folder with an environment of its own; uv
            installs it. The goal is that no row costs more than 5 % more than there.
        rounds: Number of turns of each server in every row. Two servers take turns;
            the ratio is the median over the rounds, beside its least and most.
        only: Names of rows, comma separated, or "all". Optional rows run only when
            named or with "all".
        quick: Smaller sizes: all rows of two servers in three rounds take about eight
            minutes.
        smoke: Tiny sizes and one start per server; the figures mean nothing.
        anyway: Measure although other processes use the cores; the table says so.
        size: Changed sizes, as in --size.posts 500; names in sizes.py.
        json: File for all results as JSON.
    """
    if vs and against:
        raise SystemExit("--vs or --against, not both: two servers are compared")
    plan = _plan(only, rounds, quick=quick, smoke=smoke, changed=size)
    server_core, client_core = choose_cores()
    goals: tuple[Goal, ...] = FIGURE_GOALS
    with ExitStack() as stack:
        subjects = [_started(stack, "ours", server, server_core)]
        if vs:
            subjects.append(_started(stack, "vs", vs, server_core))
            goals += ORIGINAL_GOALS
        if against:
            tree = _enter_revision(stack, against)
            command = server_in(tree)
            subjects.append(_started(stack, against, command, server_core))
            goals += goals_against_commit(row.name for row in plan.rows)
        take_core(client_core)
        machine = Machine.of_this_process({server_core, client_core})
        if not smoke:
            plan = attrs.evolve(plan, machine=machine, is_busy_accepted=anyway)
        _measure(subjects, plan, goals, json, is_shared=smoke)


def _enter_revision(stack: ExitStack, revision: str) -> Path:
    try:
        return stack.enter_context(checked_out(revision, install_with_uv))
    except NoSuchRevision as error:
        raise SystemExit(str(error)) from None


@app.command
def attach(
    *,
    url: str,
    token_file: Path,
    pid: int | None = None,
    rounds: int = 1,
    only: str = "",
    quick: bool = False,
    smoke: bool = False,
    anyway: bool = False,
    size: dict[str, float] | None = None,
    json: Path | None = None,
) -> None:
    """Measure a running server, with its own limits.

    Args:
        url: Its address, such as http://127.0.0.1:8765.
        token_file: File with its admin token: admin.token in its data directory.
        pid: Process id on this machine, to measure CPU time and memory. Without it the
            load of other processes is not watched.
        rounds: Number of times that every row runs.
        only: Names of rows, comma separated, or "all". Optional rows run only when
            named or with "all".
        quick: Smaller sizes.
        smoke: Tiny sizes; the figures mean nothing.
        anyway: Measure although other processes use the cores; the table says so.
        size: Changed sizes, as in --size.posts 500; names in sizes.py.
        json: File for all results as JSON.
    """
    meter = None if pid is None else Meter(pid)
    running = Server(parse_address(url), token_file.read_text().strip(), meter)
    plan = _plan(only, rounds, quick=quick, smoke=smoke, changed=size)
    server_core, client_core = choose_cores()
    take_core(client_core)
    if meter is not None and not smoke:
        machine = Machine.of_this_process({server_core, client_core}, meter)
        plan = attrs.evolve(plan, machine=machine, is_busy_accepted=anyway)
    subject = Subject("server", "", partial(attached, running))
    _measure([subject], plan, FIGURE_GOALS, json)


@app.command
def rows() -> None:
    """List the rows."""
    for row in ROWS:
        optional = " (optional)" if row.is_optional else ""
        print(f"{row.name:14}{row.title}{optional}")  # noqa: T201  # the answer


def _plan(
    only: str,
    rounds: int,
    *,
    quick: bool,
    smoke: bool,
    changed: dict[str, float] | None,
) -> Plan:
    if rounds < 1:
        raise SystemExit("--rounds is a number from 1 on")
    try:
        rows: tuple[Row, ...] = select(only)
    except NoSuchRow as error:
        raise SystemExit(str(error)) from None
    base = SMOKE if smoke else QUICK if quick else Sizes()
    return Plan(rows, sizes_of(base, changed), rounds)


def _started(stack: ExitStack, label: str, command: str, core: int) -> Subject:
    launcher = Launcher(command, core)
    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-filled-"))
    start = launcher.start
    return Subject(label, command, start, start, Path(scratch))


def _measure(
    subjects: list[Subject],
    plan: Plan,
    goals: tuple[Goal, ...],
    path: Path | None,
    *,
    is_shared: bool = False,
) -> None:
    run = measure_shared if is_shared else measure
    try:
        measured = trio.run(run, subjects, plan)
    except (ServerDied, BusyMachine) as error:
        raise SystemExit(str(error)) from None
    print(to_markdown(measured, goals))  # noqa: T201  # the answer
    if path is not None:
        path.write_text(to_json(measured, plan.sizes, goals))


def sizes_of(base: Sizes, changed: dict[str, float] | None) -> Sizes:
    """Return the sizes of a run, with changes applied.

    Raises:
        SystemExit: Unknown name of a size.
    """
    kinds = {
        field.name: type(getattr(base, field.name)) for field in attrs.fields(Sizes)
    }
    unknown = [name for name in changed or {} if name not in kinds]
    if unknown:
        raise SystemExit(f"no size {', '.join(unknown)}; there are {', '.join(kinds)}")
    values = {name: kinds[name](value) for name, value in (changed or {}).items()}
    return attrs.evolve(base, **values)


def parse_address(url: str) -> Address:
    """Parse ``http://host:port``."""
    scheme, _, rest = url.rstrip("/").partition("://")
    host, _, port = rest.rpartition(":")
    if scheme != "http" or not host or not port.isdigit():
        raise SystemExit(f"not of the form http://host:port: {url}")
    return Address(host, int(port))
