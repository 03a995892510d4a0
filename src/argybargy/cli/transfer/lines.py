"""Lines of an export: parse, check for completeness, and send in batches."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs

from argybargy.cli.client.protocol import Json, Operator
from argybargy.cli.errors import CliError, Exit
from argybargy.domain.instant import parse_timestamp
from argybargy.domain.names import RoomKey, room_key
from argybargy.system.values import define, frozen

MOST_BATCH_BYTES: Final = 60_000
"""Size of a batch, below the relay's limit of 64 KiB on a request body."""
_MOST_LINE_BYTES: Final = 64 * 1024
_ANOTHER_EXPORT: Final = "Nothing was imported. Export it again: argybargy export"


@frozen
class Counts:
    """Outcome of one kind of lines: imported, already there, and skipped."""

    new: int = 0
    same: int = 0
    passed: int = 0

    def plus(self, answer: Json) -> "Counts":
        """Add the counts of an answer."""
        return Counts(
            self.new + int(answer.get("new", 0)),
            self.same + int(answer.get("same", 0)),
            self.passed + int(answer.get("passed", 0)),
        )


@frozen
class Taken:
    """Outcome of an import."""

    messages: Counts = Counts()
    codes: Counts = Counts()
    audit: Counts = Counts()

    def plus(self, answer: Json) -> "Taken":
        """Add the counts of an answer."""
        return Taken(
            self.messages.plus(answer.get("messages", {})),
            self.codes.plus(answer.get("codes", {})),
            self.audit.plus(answer.get("audit", {})),
        )


def split_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Split chunks into lines, without their line endings."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest


def parse_lines(raw: Iterable[bytes], source: object) -> Iterator[Json]:
    """Parse the lines of an export, and check that none is missing.

    Raises:
        CliError: The lines are not an export, or not a complete one.
    """
    count: int | None = None
    last: Json = {}
    for number, content in enumerate(raw, start=1):
        last = _parse(content, number, source)
        if count is None:
            _check_header(last, source)
            count = 0
        count += last.get("type") == "message"
        yield last
    if last.get("type") != "end" or last.get("messages") != count:
        text = f"{source} is incomplete: its last line is missing or wrong."
        raise CliError(text, _ANOTHER_EXPORT)


def _parse(content: bytes, number: int, source: object) -> Json:
    try:
        line = json.loads(content)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict) or "type" not in line:
        text = f"Line {number} of {source} is not a line of an export."
        raise CliError(text, _ANOTHER_EXPORT)
    return line


def _check_header(line: Json, source: object) -> None:
    from argybargy.web.codec.export_lines import FORMAT  # noqa: PLC0415 - it is slow

    if line["type"] != "header":
        raise CliError(f"{source} is not an export of a relay.", _ANOTHER_EXPORT)
    if line.get("format") != FORMAT:
        text = f"{source} has format {line.get('format')}; this version reads {FORMAT}."
        raise CliError(text, "Use the version of the program that made it.")


def read_file(path: Path, name: str | None = None) -> Iterator[Json]:
    """Parse an export in a file.

    Args:
        path: The file.
        name: Name of the file in errors; ``None`` takes the path.

    Raises:
        CliError: It cannot be read, or is not a complete export.
    """
    try:
        with path.open("rb") as file:
            yield from parse_lines((line.rstrip(b"\n") for line in file), name or path)
    except FileNotFoundError:
        text, hint = f"There is no file {path}.", "Create one: argybargy export"
        raise CliError(text, hint, Exit.NOT_FOUND) from None
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror or error}."
        raise CliError(text, "Name a readable file.") from None


@define
class Order:
    """Checks the order of messages across all batches of a file.

    The relay sees one batch at a time, so it cannot check this before it imports the
    first. The mutable state is the newest number and time of each room.
    """

    _newest: dict[RoomKey, tuple[int, int]] = attrs.field(factory=dict)

    def check(self, lines: Iterable[Json]) -> Iterator[Json]:
        """Yield the lines.

        Raises:
            CliError: Numbers or times of a room run backwards.
        """
        for line in lines:
            place = _place(line)
            if place is not None:
                self._check(line, place)
            yield line

    def _check(self, line: Json, place: tuple[int, int]) -> None:
        room = room_key(str(line.get("room")))
        seq, at_ms = self._newest.get(room, (0, place[1]))
        if place[0] <= seq or place[1] < at_ms:
            text = f"Message {place[0]} of room {line.get('room')} is out of order."
            hint = "Nothing was imported. Messages come oldest first, each once."
            raise CliError(text, hint)
        self._newest[room] = place


def _place(line: Json) -> tuple[int, int] | None:
    """Return number and time of a message; ``None`` for a line the relay rejects."""
    if line.get("type") != "message":
        return None
    try:
        return int(line["seq"]), parse_timestamp(line["ts"])
    except (KeyError, TypeError, ValueError):
        return None


def batches(lines: Iterable[Json]) -> Iterator[bytes]:
    """Join lines into request bodies.

    Raises:
        CliError: A line is too long for a request.
    """
    batch = bytearray()
    for line in lines:
        content = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        raw = content.encode() + b"\n"
        if len(raw) > _MOST_LINE_BYTES:
            raise CliError(
                f"Message {line.get('seq')} of room {line.get('room')} is too long for "
                f"this relay: {len(raw)} bytes; the maximum is {_MOST_LINE_BYTES}.",
                "Nothing was imported. Remove that message from the file first.",
            )
        if batch and len(batch) + len(raw) > MOST_BATCH_BYTES:
            yield bytes(batch)
            batch.clear()
        batch += raw
    if batch:
        yield bytes(batch)


def send(operator: Operator, lines: Iterable[Json], *, is_trial: bool) -> Taken:
    """Send lines to the relay, to be validated or imported.

    The relay validates each batch by itself: only an import shows whether the quotas of
    rooms and codes suffice for all batches.

    Raises:
        CliError: The relay refuses a line.
    """
    taken = Taken()
    path = "/admin/import?check=1" if is_trial else "/admin/import"
    for batch in batches(lines):
        taken = taken.plus(operator.upload(path, batch))
    return taken
