"""Records of connections: which files were written for which seat of which relay."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import platformdirs

from argybargy.agent.errors import AgentError
from argybargy.agent.seat_name import SeatName, parse_seat_name
from argybargy.cli.agent_files.forms import Share, dump
from argybargy.cli.agent_files.safe_file import SafeFile
from argybargy.cli.errors import CliError
from argybargy.system.files import make_private_directory, write_private_file
from argybargy.system.values import frozen

_VERSION: Final = 1
_DIGITS: Final = 16
_RECEIPT: Final = "receipt.json"


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
        relay: Options of commands that lead to the relay, by name; empty if unknown.
        key_id: Public id of the seat's code; empty if unknown.
    """

    folder: Path
    program: str
    directory: Path
    seat: str
    files: tuple[WrittenFile, ...]
    relay: Mapping[str, str] = attrs.field(factory=dict)
    key_id: str = ""

    @property
    def seat_name(self) -> SeatName:
        """Name of the seat."""
        return parse_seat_name(self.seat)

    def is_of_relay(self, relay: Mapping[str, str], folder: str) -> bool:
        """Tell whether the seat belongs to a relay.

        A relay is known by its data directory or its URL. Where the address of a
        relay changes, as with a tunnel, it is the same relay still.

        Args:
            relay: Options that lead to the relay.
            folder: Folder name of its address.
        """
        for option in ("url", "data"):
            if option in relay and option in self.relay:
                return relay[option] == self.relay[option]
        return self.seat_name.relay == folder

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
            "relay": dict(self.relay),
            "key_id": self.key_id,
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
            parse_seat_name(seat)
            relay = {str(k): str(v) for k, v in dict(read.get("relay", {})).items()}
            key_id, program = str(read.get("key_id", "")), str(read["program"])
            if read["version"] == _VERSION:
                return cls(folder, program, directory, seat, files, relay, key_id)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AgentError):
            pass  # said below
        text = (
            f"{path}, the list of what was written, is damaged or of a newer version."
        )
        raise CliError(
            text, "Remove the lines of argybargy from the program's files by hand."
        )


def receipts() -> list[Receipt]:
    """Return the records of all connections."""
    found = []
    for path in sorted(state_folder().glob(f"connections/*/{_RECEIPT}")):
        with contextlib.suppress(CliError):  # reported where it is needed
            if receipt := Receipt.load(path.parent):
                found.append(receipt)
    return found


def connection_folder(key: str, directory: Path) -> Path:
    """Return our directory for the connection of a program in a project."""
    digest = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()
    return state_folder() / "connections" / f"{digest[:_DIGITS]}-{key}"


def state_folder() -> Path:
    """Return our directory for the agents of this machine."""
    return platformdirs.user_state_path("argybargy", appauthor=False)
