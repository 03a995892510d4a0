"""Where the codes of agents are kept: in files that only their user can read."""

import contextlib
import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs
import platformdirs

from argybargy.cli.client.answers import Invited
from argybargy.cli.errors import CliError
from argybargy.domain.limits import Limits
from argybargy.domain.names import fold
from argybargy.onboarding.seat import Seat, listener_script

_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600


@attrs.frozen
class SeatFiles:
    """The files of an agent in a room.

    Attributes:
        header: Holds the header with the code, as ``curl -H @file`` reads it.
        listener: The script that listens.
    """

    header: Path
    listener: Path

    @classmethod
    def of(cls, base: str, room: str, name: str) -> "SeatFiles":
        """Return where they are, whether they exist or not.

        Args:
            base: The relay's address: each relay has a folder of its own.
            room: The room.
            name: What the agent is called.
        """
        root = platformdirs.user_state_path("argybargy", appauthor=False) / "seats"
        relay = "".join(c if c.isalnum() or c in ".-" else "_" for c in _host(base))
        folder = root / relay / fold(room)
        stem = fold(name)
        return cls(folder / f"{stem}.header", folder / f"{stem}.listen.sh")

    def seat(self, base: str, invited: Invited, limits: Limits) -> Seat:
        """Return the seat that these files are for."""
        from argybargy.system.network import is_loopback  # noqa: PLC0415 - not every verb

        return Seat(
            base=base,
            room=invited.room,
            name=invited.name,
            header=str(self.header),
            listener=str(self.listener),
            limits=limits,
            is_local=is_loopback(urlsplit(base).hostname or ""),
        )

    def store(self, code: str, seat: Seat) -> None:
        """Write both, in the place of older ones.

        Raises:
            CliError: They cannot be written.
        """
        try:
            self._make_folders()
            write_file(self.header, f"Authorization: Bearer {code}\n", _PRIVATE_FILE)
            write_file(self.listener, listener_script(seat), _PRIVATE_FILE)
        except OSError as error:
            why = error.strerror or str(error)
            raise CliError(
                f"The code cannot be stored in {self.header.parent}: {why}.",
                "Set XDG_STATE_HOME to a directory that you may write in, or use "
                "'argybargy invite', which prints the code.",
            ) from None

    def _make_folders(self) -> None:
        folder = self.header.parent
        folder.parents[2].mkdir(parents=True, exist_ok=True)
        for each in (folder.parents[1], folder.parents[0], folder):
            each.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)


def _host(base: str) -> str:
    return urlsplit(base).netloc.replace(":", "-")


def write_file(path: Path, text: str, mode: int, folder: int | None = None) -> None:
    """Put a file in the place of whatever is there, whole or not at all.

    No link is followed, neither to the new file nor to the old one.

    Args:
        path: Which.
        text: What is in it.
        mode: Who may read and write it, from the first byte on.
        folder: The descriptor of the folder that the path begins in, if it is not
            the current one.

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    fresh = path.with_name(f"{path.name}.new")
    _remove(fresh, folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    number = os.open(fresh, flags, mode, dir_fd=folder)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
            os.fchmod(number, mode)
            file.write(text)
        # With a descriptor: the path could lead elsewhere by now.
        os.replace(fresh, path, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        _remove(fresh, folder)
        raise


def _remove(path: Path, folder: int | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)
