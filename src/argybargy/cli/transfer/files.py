"""Create files atomically, and never over an existing file by accident."""

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
"""Name of standard input and standard output on the command line."""
_DATABASES = ("relay.db", "search.db")
"""Name prefixes of the relay's own files (database, WAL, snapshots)."""
_OTHERS = frozenset({"relay.lock", "relay.closed", "admin.token", "moved.json"})
_TRY_ANOTHER = "Choose another file, or use --force to replace it."


def check_target(target: Path, *, force: bool) -> None:
    """Reject a file that cannot be created, before any work is done.

    Raises:
        CliError: The file exists, or its directory does not.
    """
    if target.is_dir():
        raise CliError(f"{target} is a directory.", "Name a file in it.", Exit.USAGE)
    if target.exists() and not force:
        raise CliError(f"{target} already exists.", _TRY_ANOTHER)
    if not target.parent.is_dir():
        text = f"There is no directory {target.parent}."
        hint = f"Create it: {shlex.join(['mkdir', '-p', str(target.parent)])}"
        raise CliError(text, hint, Exit.NOT_FOUND)


def check_not_in_use(target: Path, data: Path) -> None:
    """Reject the relay's own files, even with ``--force``.

    Args:
        target: File to create.
        data: The data directory.

    Raises:
        CliError: The name is that of a file in the data directory.
    """
    name = target.name.casefold()
    is_own = name.startswith(_DATABASES) or name in _OTHERS
    if is_own and target.parent.resolve() == data.resolve():
        text = f"{target} is one of the relay's own files."
        raise CliError(text, "Name a file outside the data directory.", Exit.USAGE)


@contextlib.contextmanager
def new_file(target: Path, *, force: bool) -> Iterator[tuple[BinaryIO, Path]]:
    """Create a private file atomically.

    It has a temporary name until the block ends; then its content is flushed to disk,
    and the file is renamed.

    Yields:
        The open file, and its temporary path.

    Raises:
        CliError: It cannot be written, or the target exists by then.
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
        raise CliError(f"{target} already exists.", _TRY_ANOTHER) from None
    except OSError:
        check_target(target, force=False)
        part.replace(target)  # a file system without links


@contextlib.contextmanager
def translated_errors(path: Path | str) -> Iterator[None]:
    """Translate errors of the operating system.

    Raises:
        CliError: The file cannot be written.
    """
    try:
        yield
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror or error}."
        hint = "Write it elsewhere."
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            hint = "Free disk space, or write it elsewhere. No partial file is left."
        raise CliError(text, hint) from None


def binary(stream: TextIO) -> BinaryIO:
    """Return the binary stream below a text output.

    Raises:
        CliError: The output is a terminal.
    """
    if stream.isatty():
        raise CliError(
            "A backup is binary, and standard output is a terminal.",
            "Name a file, or pipe it: argybargy backup - > FILE",
            Exit.USAGE,
        )
    return stream.buffer


def counted(number: int, what: str) -> str:
    """Return a number with its noun in singular or plural."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def copy_pieces(pieces: Iterable[bytes], file: BinaryIO) -> None:
    """Write chunks, and flush."""
    file.writelines(pieces)
    file.flush()
