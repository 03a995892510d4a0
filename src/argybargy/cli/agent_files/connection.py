"""Write the files that connect a program, and take out exactly what was written.

A receipt in our state directory says for each file which part of it is ours. It is
written before the files, so that a crash between the two leaves nothing unknown. The
user's file of before is kept beside it, once.
"""

import contextlib
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from argybargy.agent.errors import AgentError
from argybargy.agent.seat import Seat, seat_at
from argybargy.agent.seat_name import PROJECT_FILE, SeatName
from argybargy.cli.agent_files.forms import put_in, take_back
from argybargy.cli.agent_files.programs import PROGRAMS
from argybargy.cli.agent_files.programs.setup import Form, Program, Root, Setup
from argybargy.cli.agent_files.receipt import (
    Receipt,
    WrittenFile,
    connection_folder,
    receipts,
    state_folder,
)
from argybargy.cli.agent_files.safe_file import SafeFile
from argybargy.cli.errors import CliError, Exit
from argybargy.system.files import write_private_file
from argybargy.system.values import frozen


@frozen
class _Change:
    """A file with its content now, and with our part."""

    written: WrittenFile
    before: bytes | None
    original: bytes | None
    after: bytes


@frozen
class Connection:
    """A planned connection: everything is checked, and nothing is written.

    Attributes:
        program: The program.
        receipt: Its record.
        older: The record of an earlier connection that this one replaces.
    """

    program: Program
    receipt: Receipt
    older: Receipt | None
    _changes: tuple[_Change, ...]

    @classmethod
    def plan(
        cls,
        key: str,
        seat: SeatName,
        directory: Path,
        *,
        is_headless: bool = False,
        relay: Mapping[str, str] | None = None,
        key_id: str = "",
    ) -> "Connection":
        """Read the files, and plan the changes.

        Args:
            key: The program.
            seat: The seat.
            directory: The project.
            is_headless: Whether the program runs without a person.
            relay: Options of commands that lead to the relay, by name.
            key_id: Public id of the seat's code.

        Raises:
            CliError: There is no such program or directory, or a file cannot be
                changed safely.
        """
        program = _program(key, is_headless=is_headless)
        folder = connection_folder(key, directory)
        older = Receipt.load(folder)
        known = {} if older is None else {str(each.file): each for each in older.files}
        setup = Setup(key, seat.room, str(seat), our_command(), ours(), is_headless)
        changes, wanted = [], _files(program, setup, directory)
        for file, form, name, content in wanted:
            changes.append(_plan_change(file, form, name, content, known))
        kept = {str(each.written.file) for each in changes}
        gone = [each for path, each in known.items() if path not in kept]
        # Files of an earlier connection with other options stay on record.
        files = (*gone, *(each.written for each in changes))
        place = directory.resolve()
        receipt = Receipt(folder, key, place, str(seat), files, relay or {}, key_id)
        return cls(program, receipt, older, tuple(changes))

    @property
    def paths(self) -> tuple[str, ...]:
        """The files, as the user knows them."""
        return tuple(str(each.written.file) for each in self._changes)

    def write(self) -> None:
        """Write the receipt, a copy of each of the user's files, and the files.

        Raises:
            CliError: A file cannot be written.
        """
        self.receipt.save()
        for place, change in enumerate(self._changes):
            file = change.written.file
            if change.after == change.before:
                continue
            if change.original is not None:
                _back_up(self.receipt.folder, place, file, change.original)
            file.root.mkdir(parents=True, exist_ok=True)
            file.write(change.after)

    def remove_older_seat(self) -> Receipt | None:
        """Delete the files of the seat that this one has replaced.

        Returns:
            The record of the replaced connection; ``None`` if the seat is the same.
        """
        older, new = self.older, self.receipt
        if older is None:
            return None
        if older.seat != new.seat:
            _remove_seat(older)
        # A relay may change its address, and two may use the same one in turn.
        is_same_relay = older.is_of_relay(new.relay, new.seat_name.relay)
        is_same = is_same_relay and older.seat_name[:2] == new.seat_name[:2]
        return None if is_same else older


def _plan_change(
    file: SafeFile,
    form: Form,
    name: str,
    content: Any,  # noqa: ANN401 - JSON or text, as the form wants it
    known: Mapping[str, WrittenFile],
) -> _Change:
    before = file.read()
    older = known.get(str(file))
    try:
        original = before
        if older is not None:
            original = take_back(before, older.share, _digests(file))
        elif form is Form.OWN and before is not None and _digests(file):
            # Another project's connection has written the same file.
            original = None
        after, share = put_in(form, name, original, content)
    except (ValueError, AgentError) as error:
        raise file.refusal(str(error)) from None
    folders = file.missing_folders() if older is None else list(older.folders)
    return _Change(WrittenFile(file, share, tuple(folders)), before, original, after)


def _back_up(folder: Path, place: int, file: SafeFile, content: bytes) -> None:
    """Keep the user's file, unless an earlier copy is there."""
    path = folder / f"original-{place}-{Path(file.path).name}"
    if not path.exists():
        write_private_file(path, content)


@frozen
class Removal:
    """The outcome of taking a connection out.

    Attributes:
        receipt: Its record.
        changed: Files that were changed or deleted.
        kept: Sentences on files of ours that somebody has changed, and that stay.
    """

    receipt: Receipt
    changed: tuple[str, ...]
    kept: tuple[str, ...]


def take_out_connection(key: str, directory: Path) -> Removal:
    """Take everything of a connection out of the files.

    Raises:
        CliError: There is no connection, or a file cannot be changed. What can be
            taken out has been; the record stays until all is.
    """
    folder = connection_folder(key, directory)
    receipt = Receipt.load(folder)
    if receipt is None:
        text = f"Nothing connects {key} in {directory}."
        known = [each.directory for each in receipts() if each.program == key]
        places = [str(each) for each in known if each.is_dir()]
        named = f" It is connected in {', '.join(places)}." if places else ""
        hint = f"Name the project: --directory DIR.{named}"
        raise CliError(text, hint, Exit.LOST)
    changed, kept = [], []
    for written in receipt.files:
        try:
            if _take_out(written, _others(receipt)):
                changed.append(str(written.file))
        except ValueError as error:
            kept.append(f"{written.file} stays: {error}.")
    for written in reversed(receipt.files):
        for each in reversed(written.folders):
            with contextlib.suppress(OSError):  # it has other files, or is gone
                (written.file.root / each).rmdir()
    _remove_seat(receipt)  # the code was written by us too
    shutil.rmtree(folder, ignore_errors=True)
    return Removal(receipt, tuple(changed), tuple(kept))


def _remove_seat(receipt: Receipt) -> None:
    """Delete the files of a connection's seat, unless another connection uses it."""
    if receipt.seat not in {each.seat for each in _others(receipt)}:
        seat_in_state(receipt.seat_name).remove()


def _take_out(written: WrittenFile, others: Sequence[Receipt]) -> bool:
    """Take our part out of a file; return whether that changed it.

    A file that other connections need stays.
    """
    file, share = written.file, written.share
    users = [each for other in others for each in other.files if each.file == file]
    if share.form is Form.OWN and users:
        return False
    before = file.read()
    after = take_back(before, share, _digests(file))
    if after == before:
        return False
    if after is None:
        file.delete()
    else:
        file.write(after)
    return True


def _others(receipt: Receipt) -> list[Receipt]:
    return [each for each in receipts() if each.folder != receipt.folder]


def _digests(file: SafeFile) -> list[str]:
    """Return the digests of a file of ours in the records of all connections."""
    found = [each for receipt in receipts() for each in receipt.files]
    return [each.share.digest for each in found if each.file == file]


def _files(
    program: Program, setup: Setup, directory: Path
) -> list[tuple[SafeFile, Form, str, Any]]:
    """Return the files of a program: place, form, name of our part, and our part."""
    roots = {Root.PROJECT: directory, Root.HOME: Path.home(), Root.OURS: setup.ours}
    files = [
        (SafeFile(roots[each.root], each.path), each.form, setup.program, content)
        for each in program.files
        for content in [each.content(setup)]
    ]
    seats = SafeFile(directory, PROJECT_FILE)
    return [*files, (seats, Form.SEATS, setup.seat, setup.seat)]


def _program(key: str, *, is_headless: bool) -> Program:
    program = PROGRAMS.get(key)
    if program is None:
        names = ", ".join(PROGRAMS)
        text = f"There is nothing to write for {key}."
        hint = f"Leave out --write, or name one of {names}."
        raise CliError(text, hint, Exit.USAGE)
    if is_headless and not program.has_headless:
        text = f"{program.title} has no other files without a person."
        raise CliError(text, "Leave out --headless.", Exit.USAGE)
    return program


def seat_in_state(name: SeatName) -> Seat:
    """Return the seat of a name; its directory need not exist."""
    return seat_at({"XDG_STATE_HOME": str(state_folder().parent)}, name)


def ours() -> Path:
    """Return the directory of the files that programs read and that are ours alone."""
    return state_folder() / "programs"


def our_command() -> str:
    """Return the absolute path of the command ``argybargy`` of this installation."""
    beside = Path(sys.executable).with_name("argybargy")
    if beside.exists():
        return str(beside)
    return shutil.which("argybargy") or "argybargy"
