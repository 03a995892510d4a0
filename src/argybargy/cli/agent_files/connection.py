"""Write the files that connect a program, and take out exactly what was written.

A receipt in our state directory says for each file which part of it is ours. It is
written before the files, so that a crash between the two leaves nothing unknown. The
user's file of before is kept beside it, once.
"""

import contextlib
import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import platformdirs

from argybargy.agent.errors import AgentError
from argybargy.agent.seat import Seat, seat_at
from argybargy.agent.seat_name import PROJECT_FILE, SeatName, parse_seat_name
from argybargy.cli.agent_files.forms import Share, dump, put_in, take_back
from argybargy.cli.agent_files.programs import PROGRAMS
from argybargy.cli.agent_files.programs.setup import Form, Program, Root, Setup
from argybargy.cli.agent_files.safe_file import SafeFile
from argybargy.cli.errors import CliError, Exit
from argybargy.system.files import make_private_directory, write_private_file
from argybargy.system.values import frozen

_VERSION: Final = 1
_DIGITS: Final = 16


@frozen
class WrittenFile:
    """A file with a part of ours.

    Attributes:
        file: The file.
        share: Our part.
        folders: Folders that were created for it.
    """

    file: SafeFile
    share: Share
    folders: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as a value for a file."""
        return {
            "root": str(self.file.root),
            "path": self.file.path,
            "share": self.share.to_json(),
            "folders": list(self.folders),
        }

    @classmethod
    def from_json(cls, read: Any) -> "WrittenFile":  # noqa: ANN401 - JSON
        """Return what `to_json` made.

        Raises:
            ValueError: It is something else.
        """
        try:
            file = SafeFile(Path(read["root"]), str(read["path"]))
            folders = tuple(map(str, read["folders"]))
            return cls(file, Share.from_json(read["share"]), folders)
        except (KeyError, TypeError):
            raise ValueError("not the record of a file") from None


@frozen
class Receipt:
    """The record of a connection.

    Attributes:
        folder: Our directory for it.
        program: Key of the program.
        directory: The project.
        seat: Name of the seat: ``RELAY/ROOM/NAME``.
        files: The files.
    """

    folder: Path
    program: str
    directory: Path
    seat: str
    files: tuple[WrittenFile, ...]

    def save(self) -> None:
        """Write the record.

        Raises:
            CliError: It cannot be written.
        """
        content = {
            "version": _VERSION,
            "program": self.program,
            "directory": str(self.directory),
            "seat": self.seat,
            "files": [each.to_json() for each in self.files],
        }
        try:
            make_private_directory(self.folder)
            write_private_file(self.folder / _RECEIPT, dump(content))
        except OSError as error:
            text = f"{self.folder} cannot be written: {error.strerror}."
            hint = "Set XDG_STATE_HOME to a directory where you may write."
            raise CliError(text, hint) from None

    @classmethod
    def load(cls, folder: Path) -> "Receipt | None":
        """Return the record in a directory; ``None`` without one.

        Raises:
            CliError: It is damaged.
        """
        path = folder / _RECEIPT
        try:
            read = json.loads(path.read_bytes())
            files = tuple(map(WrittenFile.from_json, read["files"]))
            directory, seat = Path(read["directory"]), str(read["seat"])
            if read["version"] == _VERSION:
                return cls(folder, str(read["program"]), directory, seat, files)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            pass  # said below
        text = (
            f"{path}, the list of what was written, is damaged or of a newer version."
        )
        raise CliError(
            text, "Remove the lines of argybargy from the program's files by hand."
        )


_RECEIPT: Final = "receipt.json"


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
        cls, key: str, seat: SeatName, directory: Path, *, is_headless: bool = False
    ) -> "Connection":
        """Read the files, and plan the changes.

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
        receipt = Receipt(folder, key, directory.resolve(), str(seat), files)
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
        raise CliError(text, "Name the project: --directory DIR", Exit.LOST)
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
    if receipt.seat not in {each.seat for each in _others(receipt)}:
        # The code was written by us too.
        seat_in_state(parse_seat_name(receipt.seat)).remove()
    shutil.rmtree(folder, ignore_errors=True)
    return Removal(receipt, tuple(changed), tuple(kept))


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


def receipts() -> list[Receipt]:
    """Return the records of all connections."""
    found = []
    for path in sorted(_state().glob(f"connections/*/{_RECEIPT}")):
        with contextlib.suppress(CliError):  # reported where it is needed
            if receipt := Receipt.load(path.parent):
                found.append(receipt)
    return found


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


def connection_folder(key: str, directory: Path) -> Path:
    """Return our directory for the connection of a program in a project."""
    digest = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()
    return _state() / "connections" / f"{digest[:_DIGITS]}-{key}"


def seat_in_state(name: SeatName) -> Seat:
    """Return the seat of a name; its directory need not exist."""
    return seat_at({"XDG_STATE_HOME": str(_state().parent)}, name)


def ours() -> Path:
    """Return the directory of the files that programs read and that are ours alone."""
    return _state() / "programs"


def _state() -> Path:
    return platformdirs.user_state_path("argybargy", appauthor=False)


def our_command() -> str:
    """Return the absolute path of the command ``argybargy`` of this installation."""
    beside = Path(sys.executable).with_name("argybargy")
    if beside.exists():
        return str(beside)
    return shutil.which("argybargy") or "argybargy"
