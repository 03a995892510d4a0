"""The lines of an export: read, checked to be all of them, and sent in batches."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs

from argybargy.cli.client.protocol import Json, Operator
from argybargy.cli.errors import CliError, Exit
from argybargy.domain.instant import parse_timestamp
from argybargy.domain.names import fold

MOST_BATCH_BYTES: Final = 60_000
"""What fits into a request body together with what stands around it."""
_MOST_LINE_BYTES: Final = 64 * 1024
_ANOTHER_EXPORT: Final = "Nothing was imported. Export it again: argybargy export"


@attrs.frozen
class Counts:
    """What became of one kind of lines."""

    new: int = 0
    same: int = 0
    passed: int = 0

    def plus(self, answer: Json) -> "Counts":
        """Add what one answer says of this kind."""
        return Counts(
            self.new + int(answer.get("new", 0)),
            self.same + int(answer.get("same", 0)),
            self.passed + int(answer.get("passed", 0)),
        )


@attrs.frozen
class Taken:
    """What became of all lines."""

    messages: Counts = Counts()
    codes: Counts = Counts()
    audit: Counts = Counts()

    def plus(self, answer: Json) -> "Taken":
        """Add what one answer says."""
        return Taken(
            self.messages.plus(answer.get("messages", {})),
            self.codes.plus(answer.get("codes", {})),
            self.audit.plus(answer.get("audit", {})),
        )


def split_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut what comes in pieces into lines, without their ends."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest


def parse_lines(raw: Iterable[bytes], source: object) -> Iterator[Json]:
    """Read the lines of an export, and see that all of them are there.

    Raises:
        CliError: It is no export, or not a whole one.
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
        text = f"{source} is not whole: its last line is missing or does not fit."
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
    """Read an export from a file.

    Args:
        path: The file.
        name: What it is called in an error, if not by its path.

    Raises:
        CliError: It cannot be read, or is no whole export.
    """
    try:
        with path.open("rb") as file:
            yield from parse_lines((line.rstrip(b"\n") for line in file), name or path)
    except FileNotFoundError:
        text, hint = f"There is no file {path}.", "Make one: argybargy export"
        raise CliError(text, hint, Exit.NOT_FOUND) from None
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror or error}."
        raise CliError(text, "Name a file that can.") from None


@attrs.define
class Order:
    """Watches that the messages of each room come in order, in all of a file.

    A relay sees a piece at a time, and so cannot know before it takes one what the
    next one holds.
    """

    _newest: dict[str, tuple[int, int]] = attrs.field(factory=dict)

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
        room = fold(str(line.get("room")))
        seq, at_ms = self._newest.get(room, (0, place[1]))
        if place[0] <= seq or place[1] < at_ms:
            text = f"Message {place[0]} of room {line.get('room')} is out of order."
            hint = "Nothing was imported. Messages come oldest first, each once."
            raise CliError(text, hint)
        self._newest[room] = place


def _place(line: Json) -> tuple[int, int] | None:
    """Return number and time of a message; what has none, the relay refuses."""
    if line.get("type") != "message":
        return None
    try:
        return int(line["seq"]), parse_timestamp(line["ts"])
    except (KeyError, TypeError, ValueError):
        return None


def batches(lines: Iterable[Json]) -> Iterator[bytes]:
    """Put lines together into request bodies.

    Raises:
        CliError: A line does not fit into one.
    """
    batch = bytearray()
    for line in lines:
        content = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        raw = content.encode() + b"\n"
        if len(raw) > _MOST_LINE_BYTES:
            raise CliError(
                f"Message {line.get('seq')} of room {line.get('room')} is too long for "
                f"this relay: {len(raw)} bytes, and {_MOST_LINE_BYTES} is the most.",
                "Nothing was imported. Take that message out first.",
            )
        if batch and len(batch) + len(raw) > MOST_BATCH_BYTES:
            yield bytes(batch)
            batch.clear()
        batch += raw
    if batch:
        yield bytes(batch)


def send(operator: Operator, lines: Iterable[Json], *, is_trial: bool) -> Taken:
    """Have lines imported, or looked at.

    The relay gets them in pieces, and looks at each by itself: whether there is room
    for all rooms and codes together, it only knows when they come.

    Raises:
        CliError: The relay refuses some of them.
    """
    taken = Taken()
    path = "/admin/import?check=1" if is_trial else "/admin/import"
    for batch in batches(lines):
        taken = taken.plus(operator.upload(path, batch))
    return taken
