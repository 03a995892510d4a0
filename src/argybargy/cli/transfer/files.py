"""Files that commands make: whole or not at all, and never over another one."""

import contextlib
import errno
import os
import shlex
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from argybargy.cli.errors import CliError, Exit
from argybargy.system.files import sync_directory, sync_file

STANDARD: Final = "-"
"""What is typed for standard input or output in place of a file."""
_DATABASES = ("relay.db", "search.db")
"""How the files of a database begin: its log is one, and so are its copies."""
_OTHERS = frozenset({"relay.lock", "admin.token"})
_TRY_ANOTHER = "Choose another file, or say --force to replace it."


def check_target(target: Path, *, force: bool) -> None:
    """Refuse a file that could not be made, before any work is done for it.

    Raises:
        CliError: It is there already, or its directory is not.
    """
    if target.is_dir():
        raise CliError(f"{target} is a directory.", "Name a file in it.", Exit.USAGE)
    if target.exists() and not force:
        raise CliError(f"{target} is there already.", _TRY_ANOTHER)
    if not target.parent.is_dir():
        text = f"There is no directory {target.parent}."
        hint = f"Make it: {shlex.join(['mkdir', '-p', str(target.parent)])}"
        raise CliError(text, hint, Exit.NOT_FOUND)


def check_not_in_use(target: Path, data: Path) -> None:
    """Refuse a file that is a relay's own, whatever may be replaced.

    Args:
        target: What is to be made.
        data: The data directory.

    Raises:
        CliError: It has the name of a file that a relay keeps there.
    """
    name = target.name.casefold()
    is_own = name.startswith(_DATABASES) or name in _OTHERS
    if is_own and target.parent.resolve() == data.resolve():
        text = f"{target} is a file of the relay's own, and stays as it is."
        raise CliError(text, "Name a file outside the data directory.", Exit.USAGE)


@contextlib.contextmanager
def new_file(target: Path, *, force: bool) -> Iterator[tuple[BinaryIO, Path]]:
    """Make a file that only its owner may read, whole or not at all.

    It has another name until the block is done; then its content is on the disk
    before it gets the one wanted.

    Yields:
        The open file, and the path that it has meanwhile.

    Raises:
        CliError: It cannot be written, or another one has the name by then.
    """
    check_target(target, force=force)
    with translated_errors(target):
        descriptor, name = tempfile.mkstemp(".part", f".{target.name}.", target.parent)
        part = Path(name)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                yield file, part
            sync_file(part)
            _rename(part, target, force=force)
            sync_directory(target.parent)
        finally:
            part.unlink(missing_ok=True)


def _rename(part: Path, target: Path, *, force: bool) -> None:
    if force:
        part.replace(target)
        return
    try:
        os.link(part, target)  # unlike a rename, it never replaces anything
    except FileExistsError:
        raise CliError(f"{target} is there already.", _TRY_ANOTHER) from None
    except OSError:
        check_target(target, force=False)
        part.replace(target)  # a file system without links


@contextlib.contextmanager
def translated_errors(path: Path | str) -> Iterator[None]:
    """Let what the operating system refuses become a sentence.

    Raises:
        CliError: It refused.
    """
    try:
        yield
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror or error}."
        hint = "Write it elsewhere."
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            hint = "Make room, or write it elsewhere. Nothing was left behind."
        raise CliError(text, hint) from None


def binary(stream: TextIO) -> BinaryIO:
    """Return what takes the bytes of an output.

    Raises:
        CliError: It is a terminal.
    """
    if stream.isatty():
        raise CliError(
            "A backup is no text for a terminal.",
            "Name a file, or pipe it: argybargy backup - > FILE",
            Exit.USAGE,
        )
    return stream.buffer


def counted(number: int, what: str) -> str:
    """Return a number of things in words that agree."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def copy_pieces(pieces: Iterable[bytes], file: BinaryIO) -> None:
    """Write pieces as they come, and see that they have left the program."""
    file.writelines(pieces)
    file.flush()
