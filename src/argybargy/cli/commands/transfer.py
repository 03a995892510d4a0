"""Commands that export rooms from one relay and import them into another."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import attrs
from cyclopts import Parameter

from argybargy.cli.client.protocol import Json, Operator
from argybargy.cli.commands.codes import check_room
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.output import Output
from argybargy.cli.transfer.files import (
    STANDARD,
    check_not_in_use,
    check_target,
    copy_pieces,
    counted,
    new_file,
    translated_errors,
)
from argybargy.cli.transfer.lines import (
    Counts,
    Order,
    Taken,
    parse_lines,
    read_file,
    send,
)
from argybargy.cli.transfer.lines import split_lines as split
from argybargy.cli.transfer.transcript import transcript
from argybargy.system.values import define

if TYPE_CHECKING:
    from argybargy.legacy.database import Original

Format = Literal["jsonl", "md"]
AUDIT_ROWS: Final = 20_000
"""Maximum of rows imported from the original Argybargy's audit log (the newest)."""


@define
class Tally:
    """Counters of an export."""

    rooms: int = 0
    messages: int = 0

    def watch(self, lines: Iterable[Json]) -> Iterator[Json]:
        """Yield the lines, and count rooms and messages."""
        for line in lines:
            self.rooms += line["type"] == "room"
            self.messages += line["type"] == "message"
            yield line


def export(
    env: Environment,
    room: str | None = None,
    *,
    format: Annotated[  # noqa: A002 - what it is called on the command line
        Format, Parameter(help="jsonl to import, md to read.")
    ] = "jsonl",
    output: Path | None = None,
    force: bool = False,
) -> int:
    """Export the messages of all rooms or of one room, while the relay runs.

    Access codes and the audit log are not exported.

    Example: argybargy export review --format md

    Args:
        room: The room. Default: all rooms.
        format: Format of the export.
        output: File to create. Default: standard output.
        force: Replace an existing file.
    """
    out = env.output
    if room is not None:
        check_room(room)
    if output is not None:
        check_target(output, force=force)
        check_not_in_use(output, env.read_settings().data)
    elif out.is_json and format == "md":
        text = "--json and --format md exclude each other."
        raise CliError(text, "Use --output FILE, or --format jsonl.", Exit.USAGE)

    def work(operator: Operator) -> int:
        with operator.download("/admin/export", {"room": room}) as pieces:
            tally = Tally()
            lines = tally.watch(parse_lines(split(pieces), "the export"))
            if output is None:
                _print(out, format, lines)
            else:
                _save(output, format, lines, force=force)
        _tell_exported(out, output, tally)
        return Exit.OK

    return env.work(work)


def import_(
    env: Environment,
    file: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    from_original: Path | None = None,
) -> int:
    """Import rooms and messages from an export, or from the original Argybargy.

    Messages keep their numbers. Existing messages are left alone; if a number belongs
    to another message here, nothing at all is imported.

    Example: argybargy import review.jsonl

    Args:
        file: File made by 'argybargy export'; '-' is standard input.
        from_original: The original Argybargy's argybargy.db, or its directory: codes
            and audit log are imported too, and agents keep working.
    """
    out = env.output
    if (file is None) == (from_original is None):
        text = "Name one source: a file, or --from-original PATH."
        hint = "For example: argybargy import rooms.jsonl"
        raise CliError(text, hint, Exit.USAGE)
    if file == Path(STANDARD):
        with _spooled(env) as copy:
            return _import_file(env, out, copy, "standard input")
    if file is not None:
        return _import_file(env, out, file)
    assert from_original is not None
    return _import_original(env, out, from_original)


@contextmanager
def _spooled(env: Environment) -> Iterator[Path]:
    """Copy standard input to a temporary file, because it is read twice."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "import.jsonl"
        with translated_errors(path), path.open("wb") as file:
            copy_pieces(env.machine.read_pieces(), file)
        yield path


def _import_file(
    env: Environment, out: Output, file: Path, name: str | None = None
) -> int:
    for _ in read_file(file, name):
        pass  # the whole file is validated before the relay gets any of it

    def work(operator: Operator) -> int:
        taken = _import(operator, lambda: read_file(file, name))
        _tell_imported(out, taken, ())
        return Exit.OK

    return env.prepare(work)


def _import_original(env: Environment, out: Output, path: Path) -> int:
    from argybargy.legacy.conversion import convert  # noqa: PLC0415 - slow

    switch = convert(_read_original(path))

    def work(operator: Operator) -> int:
        taken = _import(operator, lambda: iter(switch.lines))
        _tell_imported(out, taken, switch.changes)
        if taken.codes.new:
            out.say("Agents keep their codes and cursors; give them the new URL.")
        return Exit.OK

    return env.prepare(work)


# -- export -------------------------------------------------------------------------


def _print(out: Output, format: Format, lines: Iterable[Json]) -> None:  # noqa: A002
    if format == "jsonl":
        for line in lines:
            out.write_json(line)
    else:
        for text in transcript(lines):
            out.write(text.removesuffix("\n"))


def _save(output: Path, format: Format, lines: Iterable[Json], *, force: bool) -> None:  # noqa: A002
    with new_file(output, force=force) as (file, _):
        if format == "jsonl":
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        else:
            for text in transcript(lines):
                file.write(text.encode())


def _tell_exported(out: Output, output: Path | None, tally: Tally) -> None:
    if output is None:
        return
    if out.is_json:
        out.write_json({"file": str(output), **attrs.asdict(tally)})
    else:
        out.write(str(output))
        rooms = counted(tally.rooms, "room")
        out.say(f"Exported {rooms} with {counted(tally.messages, 'message')}.")


# -- import -------------------------------------------------------------------------


def _import(operator: Operator, lines: Callable[[], Iterator[Json]]) -> Taken:
    """Validate all lines first; then import them.

    An invalid line is found before anything is changed. Only if a quota of rooms or
    codes is exhausted on the way, or somebody posts meanwhile, part of the lines is
    imported: importing again continues from there.
    """
    send(operator, Order().check(lines()), is_trial=True)
    return send(operator, lines(), is_trial=False)


def _read_original(path: Path) -> "Original":
    import apsw  # noqa: PLC0415 - slow

    from argybargy.legacy.database import read_original  # noqa: PLC0415 - slow
    from argybargy.store.errors import StoreError  # noqa: PLC0415 - slow

    hint = (
        "Name the original Argybargy's argybargy.db; its default place is ~/.argybargy."
    )
    try:
        return read_original(path, AUDIT_ROWS)
    except FileNotFoundError as error:
        raise CliError(str(error), hint, Exit.NOT_FOUND) from None
    except StoreError as error:
        raise CliError(str(error), hint) from None
    except (apsw.Error, OSError) as error:
        text = f"{path} cannot be read: {error}"
        raise CliError(text, "Stop the original Argybargy, and try again.") from None


def _tell_imported(out: Output, taken: Taken, changes: tuple[str, ...]) -> None:
    if out.is_json:
        out.write_json({**attrs.asdict(taken), "changes": list(changes)})
        return
    for change in changes:
        out.warn(f"Note: {change}.")
    for what in ("messages", "codes", "audit"):
        counts: Counts = getattr(taken, what)
        if counts != Counts():
            name = "audit rows" if what == "audit" else what
            out.write(f"{name}: {counts.new} new, {counts.same} already known")
    if taken.messages.passed:
        out.warn(
            f"Skipped, because the rooms have dropped those numbers: "
            f"{counted(taken.messages.passed, 'message')}."
        )
    if not (taken.messages.new or taken.codes.new or taken.audit.new):
        out.say("Nothing was new.")
