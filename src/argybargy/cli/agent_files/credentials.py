"""Private credential files of agents: access code and listener script."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import platformdirs

from argybargy.cli.client.answers import Invited
from argybargy.cli.errors import CliError
from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key, room_key
from argybargy.onboarding.seat import Seat, listener_script
from argybargy.system.files import write_private_file
from argybargy.system.values import frozen

_PRIVATE_FOLDER: Final = 0o700


@frozen
class SeatFiles:
    """Files of an agent in a room.

    Attributes:
        header: HTTP header with the code, for ``curl -H @file``.
        listener: Script that waits for messages.
    """

    header: Path
    listener: Path

    @classmethod
    def of(cls, base: str, room: str, name: str) -> "SeatFiles":
        """Return the paths of the files, which need not exist.

        Args:
            base: Address of the relay: each relay has a folder of its own.
            room: The room.
            name: Name of the agent.
        """
        root = platformdirs.user_state_path("argybargy", appauthor=False) / "seats"
        relay = "".join(c if c.isalnum() or c in ".-" else "_" for c in _host(base))
        folder = root / relay / room_key(room)
        stem = peer_key(name)
        return cls(folder / f"{stem}.header", folder / f"{stem}.listen.sh")

    def seat(self, base: str, invited: Invited, limits: Limits) -> Seat:
        """Return the facts about the files for the agent's instructions."""
        from argybargy.system.network import is_loopback  # noqa: PLC0415 - for `connect` only

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
        """Write both files, over older ones.

        Raises:
            CliError: A file cannot be written.
        """
        try:
            self._make_folders()
            header = f"Authorization: Bearer {code}\n"
            write_private_file(self.header, header.encode())
            write_private_file(self.listener, listener_script(seat).encode())
        except OSError as error:
            why = error.strerror or str(error)
            raise CliError(
                f"The code cannot be stored in {self.header.parent}: {why}.",
                "Set XDG_STATE_HOME to a directory where you may write, or use "
                "'argybargy invite', which prints the code.",
            ) from None

    def _make_folders(self) -> None:
        folder = self.header.parent
        folder.parents[2].mkdir(parents=True, exist_ok=True)
        for each in (folder.parents[1], folder.parents[0], folder):
            each.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)


def _host(base: str) -> str:
    return urlsplit(base).netloc.replace(":", "-")
