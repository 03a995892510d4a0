"""Commands that back up the database and restore a backup."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import attrs
from cyclopts import Parameter

from argybargy.cli.client.protocol import Json, Operator
from argybargy.cli.clock import read_clock
from argybargy.cli.engine import (
    parse_store_url,
    progress_on,
    translated_store_errors,
    unusable,
)
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER
from argybargy.cli.terminal.output import Output
from argybargy.cli.transfer.files import (
    STANDARD,
    binary,
    check_not_in_use,
    check_target,
    copy_pieces,
    counted,
    new_file,
    translated_errors,
)

if TYPE_CHECKING:
    from argybargy.domain.instant import Instant
    from argybargy.store.sqlite.backup.restore import Restored, RestoredRoom
    from argybargy.store.sqlite.backup.verify import DatabaseContents

# ruff: noqa: PLC0415 - late imports of SQLite and Trio keep the help fast

SKIP_AHEAD: Final = 1_000
MOST_SKIPPED: Final = 1_000_000_000
_ANOTHER_BACKUP: Final = "Nothing was changed. Take another backup."


def backup(
    env: Environment,
    file: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    force: bool = False,
    store: str | None = None,
) -> int:
    """Copy the relay's whole database into one file, while it runs.

    The copy is a consistent snapshot, and is verified before the command succeeds.
    It holds every message: keep it where nobody else can read it.

    Example: argybargy backup argybargy.db --force

    Args:
        file: File to create. Default: 'argybargy-<time>.db'; '-' is standard output.
        force: Replace an existing file.
        store: URL of a PostgreSQL database, to back it up without a relay.
    """
    out = env.output
    if store is not None:
        return _back_up_store(env, parse_store_url("--store", store), file, force=force)
    if file == STANDARD:
        stream = binary(out.data)

        def send(operator: Operator) -> int:
            with tempfile.TemporaryDirectory() as directory:
                part = Path(directory) / "backup.db"
                contents = _take_backup(operator, part, force=False)
                with translated_errors("standard output"), part.open("rb") as copy:
                    copy_pieces(iter(lambda: copy.read(65_536), b""), stream)
            out.say(f"Backed up {_describe(contents)}.")
            return Exit.OK

        return env.work(send)
    target = Path(file or f"argybargy-{_stamp(read_clock())}.db")
    check_target(target, force=force)
    check_not_in_use(target, env.read_settings().data)

    def work(operator: Operator) -> int:
        _show_backup(out, target, _take_backup(operator, target, force=force))
        return Exit.OK

    return env.work(work)


def _back_up_store(env: Environment, url: str, file: str | None, *, force: bool) -> int:
    """Write a PostgreSQL database to a file that restores as any other backup."""
    target = Path(file or f"argybargy-{_stamp(read_clock())}.db")
    if file == STANDARD:
        text = "A backup with --store goes into a file."
        raise CliError(text, "Name the file.", Exit.USAGE)
    check_target(target, force=force)
    failure = translated_store_errors(unusable(url), "No file was written.")
    with new_file(target, force=force) as (_, part), failure:
        from argybargy.store.moving.backup import back_up_postgres

        contents = back_up_postgres(url, part, progress_on(env.output))
    _show_backup(env.output, target, contents)
    return Exit.OK


def _show_backup(out: Output, target: Path, contents: "DatabaseContents") -> None:
    if out.is_json:
        out.write_json({"file": str(target), **attrs.asdict(contents)})
    else:
        out.write(str(target))
        out.say(f"Backed up {_describe(contents)}; verified.")


def restore(
    env: Environment,
    file: Path,
    *,
    skip_ahead: Annotated[int, INTEGER] = SKIP_AHEAD,
    yes: Annotated[bool, Parameter(help="Do not ask for confirmation.")] = False,
) -> int:
    """Replace the database with a backup; the relay must be stopped.

    No message number is used twice: each room continues after the newest number that
    anybody may have read, and reports the gap. The replaced database is kept. Codes
    that were revoked since the backup stay revoked. Everybody is signed out of the
    dashboard.

    Example: argybargy restore argybargy.db --yes

    Args:
        file: The backup.
        skip_ahead: Numbers to skip in each room, if the replaced database cannot
            tell which ones were read.
        yes: Do not ask for confirmation.
    """
    out = env.output
    if not 0 <= skip_ahead <= MOST_SKIPPED:
        text = f"--skip-ahead must be a whole number from 0 to {MOST_SKIPPED}."
        raise CliError(text, code=Exit.USAGE)
    if env.options.url is not None:
        text = "restore works only on the machine of the data directory."
        hint = "Leave out --url; name the data directory with --data."
        raise CliError(text, hint, Exit.USAGE)
    directory = env.read_settings().data
    with _translated():
        contents = _look_into(file)
    question = f"Replace the database in {directory} with {_describe(contents)}?"
    if not env.agrees(question, is_told=yes):
        raise CliError("Nothing was restored.")
    with _translated():
        restored = _restore(env, file, skip_ahead)
    if out.is_json:
        out.write_json(_restored_json(restored))
    else:
        _show_restored(out, restored, directory)
    return Exit.OK


def _restore(env: Environment, file: Path, skip_ahead: int) -> "Restored":
    from argybargy.store.sqlite.backup.restore import RestorePlan, restore_backup

    settings, now = env.read_settings(), read_clock()
    plan = RestorePlan(file, _stamp(now), skip_ahead, settings.limits(), now)
    return restore_backup(settings.data, plan)


def _stamp(now: "Instant") -> str:
    """Format a time for a file name: ``20260131-235959``."""
    from argybargy.domain.instant import format_timestamp

    digits = format_timestamp(now.wall_ms)[:19]
    return digits.replace("-", "").replace(":", "").replace("T", "-")


def _take_backup(
    operator: Operator, target: Path, *, force: bool
) -> "DatabaseContents":
    """Write a backup, and verify it before it gets its name.

    Raises:
        CliError: The backup cannot be written, or is damaged.
    """
    with new_file(target, force=force) as (file, part):
        with operator.download("/admin/backup", {}) as pieces:
            copy_pieces(pieces, file)
        with _translated():
            return _look_into(part)


def _look_into(file: Path) -> "DatabaseContents":
    from argybargy.store.sqlite.backup.verify import check_file

    if not file.exists():
        text = f"There is no file {file}."
        raise CliError(text, "List the backups: ls argybargy-*.db", Exit.NOT_FOUND)
    return check_file(file)


@contextmanager
def _translated() -> Iterator[None]:
    """Translate errors of the database and of its directory.

    Raises:
        CliError: With what to do next.
    """
    import apsw

    from argybargy.store.errors import Corrupt, Incompatible, StoreError, Unknown

    try:
        yield
    except Corrupt as error:
        raise CliError(str(error), _ANOTHER_BACKUP) from None
    except Incompatible as error:
        hint = (
            "Nothing was changed. Stop the relay with Ctrl+C, and try again."
            if "Another server" in str(error)
            else _ANOTHER_BACKUP
        )
        raise CliError(str(error), hint) from None
    except Unknown as error:
        hint = "Check the disk, then start the relay: argybargy up"
        raise CliError(str(error), hint) from None
    except (StoreError, OSError, apsw.Error) as error:
        text = f"{type(error).__name__}: {error}"
        hint = "Nothing was changed. Find the cause: argybargy doctor"
        raise CliError(text, hint) from None


def _describe(contents: "DatabaseContents") -> str:
    return (
        f"{counted(contents.rooms, 'room')} with "
        f"{counted(contents.messages, 'message')} and "
        f"{counted(contents.codes, 'code')} ({_size(contents.size_bytes)})"
    )


def _size(count: int) -> str:
    mib = 1024 * 1024
    return f"{count // 1024} KiB" if count < mib else f"{count / mib:.1f} MiB"


def _restored_json(restored: "Restored") -> Json:
    return {
        **attrs.asdict(restored.contents),
        "lost": [
            {
                "room": room.name,
                "last_seq": room.head,
                "left_out": room.lost,
                "certain": room.is_certain,
            }
            for room in restored.rooms
            if room.lost
        ],
        "still_closed": [room.name for room in restored.rooms if room.is_closed],
        "kept_as": None if restored.kept_as is None else str(restored.kept_as),
        "revoked": list(restored.revoked),
        "codes_lost": list(restored.codes_lost),
        "hooks_removed": list(restored.hooks_removed),
    }


def _changes(room: "RestoredRoom") -> Iterator[str]:
    if room.lost and room.is_certain:
        yield f"lost after number {room.head}: {counted(room.lost, 'message')}"
    elif room.lost:
        yield (
            f"messages after number {room.head} are unknown; "
            f"skipped: {counted(room.lost, 'number')}"
        )
    if room.is_closed:
        yield "was closed after the backup, and stays closed"


def _show_restored(out: Output, restored: "Restored", directory: Path) -> None:
    out.write(f"Restored {_describe(restored.contents)} in {directory}.")
    for room in restored.rooms:
        for what in _changes(room):
            out.warn(f"  {room.name}: {what}.")
    if restored.revoked:
        out.warn(f"Still revoked: {', '.join(restored.revoked)}.")
    if restored.codes_lost:
        codes = counted(len(restored.codes_lost), "code")
        out.warn(f"Lost, because newer than the backup: {codes}. Invite again.")
    if restored.hooks_removed:
        names = ", ".join(restored.hooks_removed)
        out.warn(f"Wake hooks of the backup left out: {names}. Agents set them again.")
    out.say("Everybody is signed out of the dashboard. Sign in again: argybargy open")
    if restored.kept_as is not None:
        out.say(f"The replaced database is kept as {restored.kept_as}.")
    out.say("Start the relay: argybargy up")
