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

_FILE: Final = "admin.token"
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
    token = _read_token(directory)
    with translated_store_errors(failure):
        from argybargy.serve.shared_token import SETTING, is_token_of, setting_of
        from argybargy.store.moving.move import (
            MovePlan,
            move_from_postgres,
            move_to_postgres,
        )

        keeps = token and from_ is None
        settings = {SETTING: setting_of(token)} if keeps else {}
        now_ms = read_clock().wall_ms
        plan = MovePlan(directory, url, now_ms, dry_run, settings=settings)
        work = move_to_postgres if from_ is None else move_from_postgres
        moved = work(plan, progress_on(out))
    stored = moved.settings.get(SETTING)
    has_token = stored is not None and is_token_of(stored, token)
    where = plan.place if from_ is None else str(directory)
    if out.is_json:
        facts = {"to": where, "dry_run": dry_run, "rows": moved.counts}
        out.write_json({**facts, "same_admin_token": has_token})
        return Exit.OK
    _show(env, plan, moved, where)
    if dry_run:
        return Exit.OK
    if from_ is None:
        start = f"argybargy serve --store {shlex.quote(plan.place)}"
        note = _note_to_postgres(directory, has_token=has_token)
    else:
        start = f"argybargy up --data {shlex.quote(str(directory))}"
        note = "" if has_token or stored is None else _note_to_directory(directory)
    out.say(note + f"Start the relay: {start}")
    return Exit.OK


def _read_token(directory: Path) -> str:
    """Return the admin token of a data directory; an empty string without one.

    Raises:
        CliError: The file cannot be read, or contains no token.
    """
    from argybargy.serve.admin_token import read_token

    try:
        return read_token(directory)
    except OSError as error:
        raise CliError(f"The admin token cannot be read: {error}") from error


def _note_to_postgres(directory: Path, *, has_token: bool) -> str:
    """Return what the operator has to know of the admin token, now in PostgreSQL."""
    if has_token:
        return (
            f"The admin token is the same: copy {directory / _FILE} to the data "
            "directory of each relay.\n"
        )
    return (
        f"There is no {_FILE} in {directory}: the token of the first relay that "
        "starts becomes that of all.\n"
    )


def _note_to_directory(directory: Path) -> str:
    """Return where the admin token is, of which PostgreSQL has only a digest."""
    return (
        f"PostgreSQL has only a digest of the admin token: copy {_FILE} of one of the "
        f"relays to {directory} now. Otherwise the relay has another token, and the "
        "dashboard asks everybody to sign in again.\n"
    )


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
