"""Benchmark commands: ``run`` starts servers, ``attach`` measures a running one."""

from functools import partial
from pathlib import Path

import attrs
import cyclopts
import trio

from argybargy.torture.client.connection import Address
from bench.meter import Meter
from bench.report import to_json, to_markdown
from bench.rows import ROWS, NoSuchRow, select
from bench.runner import (
    Subject,
    attached,
    choose_cores,
    measure,
    measure_shared,
    take_core,
)
from bench.server import Launcher, Server, ServerDied
from bench.sizes import QUICK, Sizes

app = cyclopts.App(name="bench", help=__doc__)


@app.command
def run(
    *,
    server: str,
    vs: str = "",
    only: str = "",
    quick: bool = False,
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
        only: Names of rows, comma separated, or "all". Optional rows run only when
            named or with "all".
        quick: Smoke run with one start per server; its figures mean nothing.
        size: Changed sizes, as in --size.posts 500; names in sizes.py.
        json: File for all results as JSON.
    """
    server_core, client_core = choose_cores()
    subjects = [_started("server", server, server_core)]
    if vs:
        subjects.append(_started("vs", vs, server_core))
    take_core(client_core)
    _measure(subjects, only, sizes_of(quick=quick, changed=size), json, is_shared=quick)


@app.command
def attach(
    *,
    url: str,
    token_file: Path,
    pid: int | None = None,
    only: str = "",
    quick: bool = False,
    size: dict[str, float] | None = None,
    json: Path | None = None,
) -> None:
    """Measure a running server, with its own limits.

    Args:
        url: Its address, such as http://127.0.0.1:8765.
        token_file: File with its admin token: admin.token in its data directory.
        pid: Process id on this machine, to measure CPU time and memory.
        only: Names of rows, comma separated, or "all". Optional rows run only when
            named or with "all".
        quick: Smoke run; its figures mean nothing.
        size: Changed sizes, as in --size.posts 500; names in sizes.py.
        json: File for all results as JSON.
    """
    meter = None if pid is None else Meter(pid)
    running = Server(parse_address(url), token_file.read_text().strip(), meter)
    _, client_core = choose_cores()
    take_core(client_core)
    subject = Subject("server", "", partial(attached, running))
    _measure([subject], only, sizes_of(quick=quick, changed=size), json)


@app.command
def rows() -> None:
    """List the rows."""
    for row in ROWS:
        optional = " (optional)" if row.is_optional else ""
        print(f"{row.name:14}{row.title}{optional}")  # noqa: T201  # the answer


def _started(label: str, command: str, core: int) -> Subject:
    launcher = Launcher(command, core)
    return Subject(label, command, launcher.start, launcher.start)


def _measure(
    subjects: list[Subject],
    only: str,
    sizes: Sizes,
    path: Path | None,
    *,
    is_shared: bool = False,
) -> None:
    run = measure_shared if is_shared else measure
    try:
        measured = trio.run(run, subjects, select(only), sizes)
    except (NoSuchRow, ServerDied) as error:
        raise SystemExit(str(error)) from None
    print(to_markdown(measured))  # noqa: T201  # the answer
    if path is not None:
        path.write_text(to_json(measured, sizes))


def sizes_of(*, quick: bool, changed: dict[str, float] | None) -> Sizes:
    """Return the sizes of a run, with changes applied.

    Raises:
        SystemExit: Unknown name of a size.
    """
    base = QUICK if quick else Sizes()
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
