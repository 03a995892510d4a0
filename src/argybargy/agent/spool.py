"""The spool of a seat: messages that are about to be handed over.

A line of JSON for each message. A message is in the spool, on the disk, before it is
handed over, and leaves it after that. So the shell can test the file for messages, and
what was handed over is known by its number. A line that a crash left incomplete is
dropped: its message was not acknowledged, so the relay sends it again.
"""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from argybargy.agent.message_lines import Entry
from argybargy.system.files import write_private_file

MOST_SPOOL_BYTES: Final = 256 * 1024
"""Largest spool. A fuller one takes no message: the relay keeps the others until an ear
has handed over these."""


def encode_entry(entry: Entry) -> bytes:
    """Encode a message as a line; ASCII, so that no text can end the line."""
    return json.dumps([entry.number, entry.text]).encode() + b"\n"


def decode_entries(content: bytes) -> list[Entry]:
    """Decode lines up to the first one that is incomplete."""
    entries: list[Entry] = []
    for line in content.split(b"\n")[:-1]:
        try:
            number, text = json.loads(line)
        except (ValueError, TypeError):
            break
        if not isinstance(number, int) or not isinstance(text, str):
            break
        entries.append(Entry(number, text))
    return entries


class Spool(NamedTuple):
    """A spool. The caller holds the lock of the seat.

    Attributes:
        path: Its file.
        most_bytes: Its bound; a single longer message fits into an empty spool.
    """

    path: Path
    most_bytes: int = MOST_SPOOL_BYTES

    def entries(self) -> list[Entry]:
        """Read the messages."""
        return decode_entries(self._content())

    def append(self, entries: Iterable[Entry]) -> bool:
        """Append messages durably, as many as fit; return whether all of them did."""
        content = self._content()
        there = b"".join(map(encode_entry, decode_entries(content)))
        added, size, fits = [], len(there), True
        for entry in entries:
            line = encode_entry(entry)
            if size and size + len(line) > self.most_bytes:
                fits = False
                break
            added.append(line)
            size += len(line)
        if there != content:
            # A crash left an incomplete line, which would spoil the next one.
            write_private_file(self.path, there)
        if added:
            self._append(b"".join(added))
        return fits

    def drop_through(self, number: int) -> None:
        """Drop the messages up to a number, and with the last one all notes."""
        is_last = all(each.number <= number for each in self.entries())
        self._keep(lambda entry: not is_last and not 0 < entry.number <= number)

    def drop_stale(self, number: int) -> None:
        """Drop the messages up to a number that a killed ear had handed over."""
        self._keep(lambda entry: not 0 < entry.number <= number)

    def drop_notes(self) -> None:
        """Drop notes that belong to no message."""
        self._keep(lambda entry: entry.number > 0)

    def _keep(self, is_kept: Callable[[Entry], bool]) -> None:
        there = self.entries()
        kept = list(filter(is_kept, there))
        if kept != there:
            write_private_file(self.path, b"".join(map(encode_entry, kept)))

    def _append(self, lines: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self.path, flags, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(descriptor)

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
