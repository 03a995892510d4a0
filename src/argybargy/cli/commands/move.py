"""The command that moves a relay between SQLite and PostgreSQL."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from argybargy.cli.clock import read_clock
from argybargy.cli.engine import (
    parse_store_url,
    progress_on,
    translated_store_errors,
)
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.transfer.files import counted
from argybargy.store.postgres.address import masked

if TYPE_CHECKING:
    from argybargy.store.moving.move import Moved, MovePlan

# ruff: noqa: PLC0415 - late imports of SQLite and psycopg keep the help fast

_BOTH: Final = "Into PostgreSQL: move --to URL. Back: move --from URL --to DIRECTORY."


def move(
    env: Environment,
    *,
    to: str,
    from_: Annotated[
        str | None,
        Parameter(name="--from", help="URL of the PostgreSQL database to move from."),
    ] = None,
    dry_run: bool = False,
) -> int:
    """Move a stopped relay from SQLite to PostgreSQL, or back.

    Everything keeps its number, so agents notice nothing. All rows are compared before
    the move is done; if it fails or is interrupted, nothing is changed. The new place
    must be empty. The old place keeps its data, and refuses to start.

    Example: argybargy move --to postgresql://relay@localhost/relay

    Args:
        to: URL of the PostgreSQL database; with --from, the new data directory.
        dry_run: Do everything, and undo it instead of the last step.
    """
    out, data = env.output, env.read_settings().data
    if from_ is None:
        url, directory = parse_store_url("--to", to), data
        failure = f"The relay of {directory} cannot be moved to {masked(url)}"
    elif "://" in to:
        raise CliError("With --from, --to is a directory.", _BOTH, Exit.USAGE)
    else:
        url, directory = parse_store_url("--from", from_), Path(to)
        failure = f"The relay of {masked(url)} cannot be moved to {directory}"
    with translated_store_errors(failure):
        from argybargy.store.moving.move import (
            MovePlan,
            move_from_postgres,
            move_to_postgres,
        )

        plan = MovePlan(directory, url, read_clock().wall_ms, dry_run)
        work = move_to_postgres if from_ is None else move_from_postgres
        moved = work(plan, progress_on(out))
    where = plan.place if from_ is None else str(directory)
    if out.is_json:
        out.write_json({"to": where, "dry_run": dry_run, "rows": moved.counts})
        return Exit.OK
    _show(env, plan, moved, where)
    if not dry_run:
        start = f"argybargy serve --store {shlex.quote(plan.place)}"
        if from_ is not None:
            start = f"argybargy up --data {shlex.quote(str(directory))}"
        out.say(f"Start the relay: {start}")
    return Exit.OK


def _show(env: Environment, plan: "MovePlan", moved: "Moved", where: str) -> None:
    counts = moved.counts
    if not counts:
        env.output.write(f"An earlier attempt has moved everything to {where}.")
        return
    what = (
        f"{counted(counts['rooms'], 'room')} with "
        f"{counted(counts['messages'], 'message')} and "
        f"{counted(counts['codes'], 'code')}"
    )
    if plan.is_dry_run:
        env.output.write(f"{what} can be moved to {where}. Nothing was changed.")
    else:
        env.output.write(f"Moved {what} to {where}; compared.")
