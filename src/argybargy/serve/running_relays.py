"""The relays that this user runs on this machine, for commands that look for one.

A running relay keeps a note in the user's state directory: the path of its data
directory. Its address is in the lock file there, and counts only while the lock is
held. So the note of a relay that was killed leads nowhere.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from argybargy.store.data_directory import ServerAddress, find_server_address
from argybargy.store.errors import StoreError
from argybargy.system.files import make_private_directory, write_private_file
from argybargy.system.values import frozen

_DIGITS: Final = 16


@frozen
class LocalRelay:
    """A relay that runs on this machine.

    Attributes:
        data: Its data directory.
        address: The address that it listens on.
    """

    data: Path
    address: ServerAddress


@contextmanager
def noted_relay(data: Path) -> Iterator[None]:
    """Keep a note of a running relay while the block runs.

    Args:
        data: Its data directory, whose lock the caller holds.

    Raises:
        OSError: The note cannot be written.
    """
    place = data.absolute()
    note = _note_of(place)
    make_private_directory(note.parent)
    _remove_notes_without_data(note.parent)
    write_private_file(note, str(place).encode("utf-8", "surrogateescape"))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def find_running_relays() -> tuple[LocalRelay, ...]:
    """Return the relays that this user runs on this machine, by data directory."""
    found = []
    for note in _notes(_folder()):
        data = _read(note)
        address = None if data is None else _address_of(data)
        if data is not None and address is not None:
            found.append(LocalRelay(data, address))
    return tuple(sorted(found, key=lambda each: str(each.data)))


def _address_of(data: Path) -> ServerAddress | None:
    try:
        return find_server_address(data)
    except (OSError, StoreError):
        return None  # such as data on a file system that is gone: no relay to use


def _remove_notes_without_data(folder: Path) -> None:
    """Remove what killed relays have left whose data directory is deleted."""
    for note in _notes(folder):
        data = _read(note)
        if data is None or not data.exists():
            note.unlink(missing_ok=True)


def _notes(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if len(each.name) == _DIGITS]
    except OSError:
        return []


def _read(note: Path) -> Path | None:
    try:
        text = note.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None
    return Path(text) if Path(text).is_absolute() else None


def _note_of(data: Path) -> Path:
    name = hashlib.sha256(str(data).encode("utf-8", "surrogateescape")).hexdigest()
    return _folder() / name[:_DIGITS]


def _folder() -> Path:
    import platformdirs  # noqa: PLC0415 - most commands find their relay at once

    return platformdirs.user_state_path("argybargy", appauthor=False) / "relays"
