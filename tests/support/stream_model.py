"""Reference model of a stream client: its state after a snapshot and any deltas.

It implements the rules for clients in ``docs/reference/stream.md``, and nothing else.
"""

from datetime import datetime
from typing import Any

import attrs

Row = dict[str, Any]


@attrs.frozen(eq=False)
class About:
    """A time computed from a rounded age; equal within 0.2 seconds."""

    seconds: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, About) and abs(self.seconds - other.seconds) < 0.2

    __hash__ = None  # type: ignore[assignment]


@attrs.define
class ModelClient:
    """The state of a client.

    Attributes:
        most: Number of newest messages to keep.
    """

    most: int
    rooms: dict[str, Row] = attrs.field(factory=dict)
    waiting: dict[tuple[str, int], Row] = attrs.field(factory=dict)
    codes: dict[str, Row] = attrs.field(factory=dict)
    roster: dict[str, Row] = attrs.field(factory=dict)
    messages: dict[tuple[str, int], Row] = attrs.field(factory=dict)

    def apply(self, frame: Row) -> None:
        """Apply a snapshot or delta."""
        if frame["type"] == "snapshot":
            for rows in (self.rooms, self.waiting, self.codes, self.roster):
                rows.clear()
            self.messages.clear()
        now = _seconds(frame["now"])
        self._put(frame, now)
        for room in frame.get("rooms_gone", ()):
            self._remove_room(room)
        for key in frame.get("waiting_gone", ()):
            self.waiting.pop((key["room"], key["seq"]), None)
        for key in frame.get("codes_gone", ()):
            self.codes.pop(key, None)
        for key in frame.get("roster_gone", ()):
            self.roster.pop(key, None)
        self._keep_newest()

    def _put(self, frame: Row, now: float) -> None:
        for row in frame.get("rooms", ()):
            self.rooms[row["room"]] = row
        for row in frame.get("waiting", ()):
            asked_at = About(now - row.pop("waiting_seconds"))
            assert asked_at == About(_seconds(row["ts"]))
            self.waiting[row["room"], row["seq"]] = row
        for row in frame.get("codes", ()):
            self.codes[row["key_id"]] = row
        for row in frame.get("roster", ()):
            self.roster[row["name"]] = _without_ages(row, now)
        for row in frame.get("messages", ()):
            self.messages[row["room"], row["seq"]] = row

    def _remove_room(self, room: str) -> None:
        self.rooms.pop(room, None)
        for rows in (self.waiting, self.messages):
            for key in [key for key in rows if key[0] == room]:
                del rows[key]

    def _keep_newest(self) -> None:
        """Remove messages below `first_seq`, and all but the newest `most`."""
        kept = [
            row
            for row in self.messages.values()
            if row["seq"] >= self.rooms[row["room"]]["first_seq"]
        ]
        kept.sort(key=lambda row: (row["ts"], row["seq"]))
        newest = kept[max(0, len(kept) - self.most) :]
        self.messages = {(row["room"], row["seq"]): row for row in newest}


def _without_ages(row: Row, now: float) -> Row:
    """Replace ages by times, except the age of an online peer, which stays at 0."""
    seen, spoken = row["seconds_since_seen"], row["last_message_seconds"]
    return row | {
        "seconds_since_seen": None
        if row["online"] or seen is None
        else About(now - seen),
        "last_message_seconds": None if spoken is None else About(now - spoken),
    }


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
