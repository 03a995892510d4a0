"""The mark of a data directory that a relay has moved from, or is moving to.

A relay that is at two places gives a number to two messages. So the old place refuses
to start, until the operator says otherwise. The mark is written before the other place
is complete: what is interrupted in between starts at neither place by itself.
"""

import contextlib
import enum
import json
from pathlib import Path
from typing import Final

import attrs

from argybargy.domain.instant import format_timestamp
from argybargy.store.errors import Incompatible, Refused
from argybargy.system.files import sync_directory, write_private_file
from argybargy.system.values import frozen

MARK_NAME: Final = "moved.json"


class MoveState(enum.Enum):
    """State of a move, as seen from the data directory."""

    LEAVING = "leaving"
    LEFT = "left"
    ARRIVING = "arriving"


@frozen
class Mark:
    """Mark of a data directory.

    Attributes:
        id: Random id of the move, which both places have.
        state: State of the move.
        place: The other place: the URL of a store, without its password.
        at_ms: Time of the move.
    """

    id: str
    state: MoveState
    place: str
    at_ms: int


def read_mark(directory: Path) -> Mark | None:
    """Return the mark of a data directory; ``None`` without one.

    Raises:
        Refused: It cannot be read.
    """
    path = directory / MARK_NAME
    try:
        facts = json.loads(path.read_text("utf-8"))
        place, at_ms = str(facts["place"]), int(facts["at_ms"])
        return Mark(str(facts["id"]), MoveState(facts["state"]), place, at_ms)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"the mark of a move, {path}, cannot be read: {error}") from error


def write_mark(directory: Path, mark: Mark) -> None:
    """Write the mark of a data directory, durably. The caller holds its lock.

    Raises:
        Refused: It cannot be written.
    """
    try:
        facts = attrs.asdict(mark) | {"state": mark.state.value}
        write_private_file(directory / MARK_NAME, json.dumps(facts).encode())
        sync_directory(directory)
    except OSError as error:
        raise Refused(f"{directory / MARK_NAME} cannot be written: {error}") from error


def remove_mark(directory: Path) -> None:
    """Remove the mark of a data directory. The caller holds its lock.

    Raises:
        Refused: It cannot be removed.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            (directory / MARK_NAME).unlink()
            sync_directory(directory)
    except OSError as error:
        raise Refused(f"{directory / MARK_NAME} cannot be removed: {error}") from error


def check_not_moved(directory: Path) -> None:
    """Refuse a data directory that a relay has moved from.

    Raises:
        Incompatible: A relay has moved from it, or a move was interrupted.
        Refused: The mark cannot be read.
    """
    mark = read_mark(directory)
    if mark is not None:
        raise Incompatible(describe(mark, directory))


def describe(mark: Mark, directory: Path) -> str:
    """Return what a mark means, and what to do about it."""
    day = format_timestamp(mark.at_ms)[:10]
    anyway = "To use this directory all the same, add --anyway to 'argybargy up'"
    match mark.state:
        case MoveState.LEFT:
            return (
                f"this relay has moved to {mark.place} on {day}. Start it there: "
                f"argybargy serve --store {mark.place}. {anyway} or 'argybargy "
                "serve'; then later messages exist only there, and numbers are given "
                "twice."
            )
        case MoveState.LEAVING:
            return (
                f"a move of this relay to {mark.place} was interrupted on {day}. "
                f"Finish it: argybargy move --to {mark.place}. {anyway}."
            )
        case MoveState.ARRIVING:
            return (
                f"a move of a relay from {mark.place} was interrupted on {day}. Finish "
                f"it: argybargy move --from {mark.place} --to {directory}. {anyway}."
            )
