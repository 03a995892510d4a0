"""Validation of every row of a database that another program may have written.

The code of the relay relies on valid numbers, names, times and lengths, and on messages
without unexpected gaps. This module checks them once, before the database is used. Rows
are streamed: memory use does not grow with the database.

Errors name the position of a row and never repeat its content. Lengths are checked
against the maximum of each setting and not its current value: lowering a setting must
not make a database unusable.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

from argybargy.domain.limits import MAX_SEQ, MOST_TEXT_CHARS, Limits
from argybargy.domain.message import EVENTS
from argybargy.domain.names import NOBODY, SYSTEM, fold, is_name
from argybargy.domain.seq_gaps import SeqGap, present_seqs
from argybargy.store.errors import Corrupt
from argybargy.store.resolutions import decode_resolution, encode_resolution
from argybargy.store.sqlite.access_rows import (
    validate_codes,
    validate_cursors,
    validate_invites,
    validate_notices,
    validate_revoked,
    validate_sessions,
    validate_wake_hooks,
)
from argybargy.store.sqlite.column_rules import (
    are_valid_choices,
    is_peer_or_operator,
    is_single_line,
    is_valid_choice,
    is_valid_expects,
    is_valid_recipients,
    is_valid_sender,
    parse_seq_gaps,
)
from argybargy.store.sqlite.database_rows import (
    DIGEST_BYTES,
    NEWEST_MS,
    OLDEST_MS,
    DatabaseRows,
    Problems,
    invalid_fields,
)
from argybargy.system.values import define, frozen

ROW_BYTES: Final = 2 * 1024 * 1024
"""Longest row: the longest text at four bytes a character, plus the other columns."""
_LEASE_SECONDS: Final = 10 * Limits().lease_seconds_max
_KEY: Final = re.compile(r"[\x20-\x7e]+")

_MESSAGE_FIELDS: Final = (
    "its number",
    "its id",
    "its time",
    "its sender",
    "its recipients",
    "its text",
    "who is to answer",
    "which message it answers",
    "its event",
    "who claimed it",
    "its claim",
    "how its question ended",
    "its choices",
    "its choice",
)


@frozen
class _Room:
    """Counters of a room, to validate the rows that refer to it."""

    head: int
    first: int
    fence: int
    seq_gaps: tuple[SeqGap, ...]


@define
class _RowValidator:
    """Validates the tables of one database, rooms first.

    Mutable state: the counters of the rooms read so far.
    """

    rows: DatabaseRows
    _rooms: dict[int, _Room] = attrs.field(factory=dict)

    def tables(self) -> Sequence[tuple[str, Callable[[], Problems]]]:
        """Return the validators in order: the other tables refer to the rooms."""
        return (
            ("rooms", self.rooms),
            ("messages", self.messages),
            ("claims", self.claims),
            ("questions", self.questions),
            ("receipts", self.receipts),
            ("members", self.members),
            ("codes", partial(validate_codes, self.rows)),
            ("invites", partial(validate_invites, self.rows)),
            ("sessions", partial(validate_sessions, self.rows)),
            ("cursors", partial(validate_cursors, self.rows)),
            ("readdressed", self.readdressed),
            ("wake_hooks", partial(validate_wake_hooks, self.rows)),
            ("notices", partial(validate_notices, self.rows)),
            ("audit", self.audit),
            ("revoked", partial(validate_revoked, self.rows)),
            ("message_ids", self.message_ids),
            ("probes", self.probes),
        )

    # -- rooms and messages --------------------------------------------------------

    def rooms(self) -> Problems:
        """Validate the rooms, and keep their counters."""
        holes = "holes" if self.rows.has("rooms", "holes") else "'[]'"
        has_ends = self.rows.has("rooms", "is_deleted")
        ends = "is_deleted, cleared_to, is_clearing" if has_ends else "0, 0, 0"
        sql = f"""
            SELECT id, name, version, head, first, fence, closed_at_ms, closed_by,
                   {ends}, created_ms, last_ms, spoken_ms, {holes}
            FROM rooms ORDER BY id
        """  # noqa: S608 - constants
        for row in self.rows.select(sql):
            room_id, name, version, head, first, fence, *rest = row
            closed_at_ms, closed_by, is_deleted, cleared_to, is_clearing, *rest = rest
            *times, gaps_column = rest
            seq_gaps = parse_seq_gaps(gaps_column, first, head)
            counters = room_id, version, fence + 1
            closed_ms = 0 if closed_at_ms is None else closed_at_ms
            yield from invalid_fields(
                f"row {room_id}",
                (all(1 <= each <= MAX_SEQ for each in counters), "its counters"),
                (is_name(name), "the name of the room"),
                (0 <= first - 1 <= head <= MAX_SEQ, "its numbers"),
                (all(map(self.rows.is_time, times)), "a time"),
                (self.rows.is_time(closed_ms), "the time at which it was closed"),
                (is_single_line(closed_by or ""), "the name of who closed it"),
                (seq_gaps is not None, "the numbers that it has left out"),
                (
                    {is_deleted, is_clearing} <= {0, 1}
                    and 0 <= cleared_to <= head
                    and (not is_deleted or first > head),
                    "whether it was deleted",
                ),
            )
            self._rooms[room_id] = _Room(head, first, fence, seq_gaps or ())

    def messages(self) -> Problems:
        """Validate the messages, and that no room lacks one."""
        resolution = "resolution" if self.rows.has("messages", "resolution") else "NULL"
        has_choices = self.rows.has("messages", "choices")
        sql = f"""
            SELECT room_id, seq, id, at_ms, sender, kind, recipients, text, expects,
                   reply_to, event, claimed_by, fence, is_settled,
                   {resolution}, {"choices, choice" if has_choices else "NULL, NULL"}
            FROM messages ORDER BY room_id, seq
        """  # noqa: S608 - constants
        unvisited = dict(self._rooms)
        found = self.rows.select(sql)
        for room_id, rows in itertools.groupby(found, lambda row: row[0]):
            room = unvisited.pop(room_id, None)
            if room is None:
                yield f"room {room_id}", "it is in no room"
            else:
                yield from self._messages(room_id, room, rows)
        for room_id, room in unvisited.items():
            yield from self._messages(room_id, room, iter(()))

    def _messages(self, room_id: int, room: _Room, rows: Iterator[Any]) -> Problems:
        expected = present_seqs(room.first, room.head + 1, room.seq_gaps)
        for _, seq, *row in rows:
            validity = self._check_message(seq, room, row)
            if False in validity:
                problem = _MESSAGE_FIELDS[validity.index(False)]
                yield f"message {seq} of room {room_id}", problem
            if seq >= room.first and next(expected, None) != seq:
                yield f"room {room_id}", f"a message before {seq}, which is missing"
        missing = next(expected, None)
        if missing is not None:
            yield f"room {room_id}", f"message {missing}, which is missing"

    def _check_message(
        self, seq: int, room: _Room, row: Sequence[Any]
    ) -> Sequence[bool]:
        """Return the validity of each of `_MESSAGE_FIELDS`."""
        row_id, at_ms, sender, kind, recipients, text, expects, *rest = row
        reply_to, event, claimed_by, fence, is_claim_final, *rest = rest
        resolution, choices, choice = rest
        return (
            1 <= seq <= room.head,
            1 <= row_id <= MAX_SEQ,
            OLDEST_MS <= at_ms <= self.rows.latest_ms,
            is_valid_sender(sender, kind),
            is_valid_recipients(recipients),
            1 <= len(text) <= MOST_TEXT_CHARS and "\0" not in text,
            is_valid_expects(expects),
            reply_to is None or 1 <= reply_to < seq,
            event is None or (event in EVENTS and kind == "system"),
            claimed_by is None or is_peer_or_operator(claimed_by),
            0 <= fence <= room.fence and 0 <= is_claim_final <= 1,
            self._is_valid_resolution(resolution, seq, room),
            choices is None or (are_valid_choices(choices) and fold(expects) != NOBODY),
            choice is None or (is_valid_choice(choice) and reply_to is not None),
        )

    def _is_valid_resolution(self, column: str | None, seq: int, room: _Room) -> bool:
        try:
            end = decode_resolution(column)
        except ValueError:
            return False
        return end is None or (
            encode_resolution(end) == column
            and (end.by in {"", SYSTEM} or is_peer_or_operator(end.by))
            and self.rows.is_time(end.at_ms)
            and (end.seq is None or seq < end.seq <= room.head)
            and is_single_line(end.reason)
        )

    def claims(self) -> Problems:
        """Validate the live claims; each refers to a message."""
        sql = """
            SELECT claims.room_id, claims.seq, holder, claims.fence, seconds,
                   messages.id IS NOT NULL
            FROM claims LEFT JOIN messages USING (room_id, seq)
        """
        for room_id, seq, holder, fence, seconds, has_message in self.rows.select(sql):
            where, room = f"room {room_id}", self._rooms.get(room_id)
            if room is None or not has_message or seq < room.first:
                yield where, "which message it is on"
            elif not is_peer_or_operator(holder):
                yield where, "who holds it"
            elif not 0 <= fence <= room.fence:
                yield where, "its fence"
            elif seconds is not None and not 0 < seconds <= _LEASE_SECONDS:
                yield where, "how long it lasts"

    def questions(self) -> Problems:
        """Validate the open questions; each refers to a message."""
        sql = """
            SELECT questions.room_id, asker, questions.expects, messages.id IS NOT NULL
            FROM questions LEFT JOIN messages USING (room_id, seq)
        """
        for room_id, asker, expects, has_message in self.rows.select(sql):
            where = f"room {room_id}"
            if room_id not in self._rooms or not has_message:
                yield where, "which message it is"
            elif not is_name(asker) or not is_valid_expects(expects):
                yield where, "a name"

    def receipts(self) -> Problems:
        """Validate the receipts of idempotency keys."""
        most = Limits().idempotency_key_chars
        sql = "SELECT id, room_id, peer, key, digest, seq, at_ms FROM receipts"
        for row_id, room_id, peer, key, digest, seq, at_ms in self.rows.select(sql):
            room = self._rooms.get(room_id)
            yield from invalid_fields(
                f"row {row_id}",
                (room is not None and 1 <= seq <= room.head, "which message it is for"),
                (is_name(peer), "whose it is"),
                (len(key) <= most and _KEY.fullmatch(key) is not None, "the key"),
                (1 <= len(digest) <= DIGEST_BYTES, "the digest"),
                (self.rows.is_time(at_ms) and 1 <= row_id <= MAX_SEQ, "its time"),
            )

    def members(self) -> Problems:
        """Validate the members."""
        sql = "SELECT room_id, peer, name, kind, last_seq, last_ms FROM members"
        for room_id, peer, name, kind, last_seq, last_ms in self.rows.select(sql):
            where, room = f"room {room_id}", self._rooms.get(room_id)
            if room is None:
                yield where, "the room"
            elif not is_valid_sender(name, kind) or peer != fold(name):
                yield where, "the name"
            elif not 0 <= last_seq <= room.head or not self.rows.is_time(last_ms):
                yield where, "what was posted last"

    # -- the log and counters ------------------------------------------------------

    def readdressed(self) -> Problems:
        """Validate the list of messages with new addressees, if there is one."""
        if not self.rows.has("readdressed", "id"):
            return
        for numbers in self.rows.select("SELECT id, message_id FROM readdressed"):
            if not all(1 <= number <= MAX_SEQ for number in numbers):
                yield f"row {numbers[0]}", "a number"

    def audit(self) -> Problems:
        """Validate the audit log."""
        sql = "SELECT id, at_ms, action, actor, room, detail, tally FROM audit"
        for row_id, at_ms, *texts in self.rows.select(sql):
            if not (self.rows.is_time(at_ms) and 1 <= row_id <= MAX_SEQ):
                yield f"row {row_id}", "its time"
            if not all(map(is_single_line, texts)):
                yield f"row {row_id}", "a text"

    def message_ids(self) -> Problems:
        """Validate the row with the highest id that is not used again."""
        if not self.rows.has("message_ids", "newest"):
            return
        rows = [row for (row,) in self.rows.select("SELECT newest FROM message_ids")]
        if len(rows) != 1 or not 0 <= rows[0] <= MAX_SEQ:
            yield "its only row", "the number in it"

    def probes(self) -> Problems:
        """Validate the row that probes write to."""
        times = [times for (times,) in self.rows.select("SELECT times FROM probes")]
        if len(times) != 1 or not 0 <= times[0] <= MAX_SEQ:
            yield "its only row", "the number in it"


def validate_rows(
    connection: apsw.Connection, path: Path, latest_ms: int = NEWEST_MS
) -> None:
    """Validate every row of a database whose schema was checked.

    Args:
        connection: A connection to the database.
        path: Path of the database, for the error.
        latest_ms: The newest valid time.

    Raises:
        Corrupt: A row is invalid.
        apsw.Error: The database cannot be read.
    """
    longest = connection.limit(apsw.SQLITE_LIMIT_LENGTH)
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, ROW_BYTES)
    table, rows = "", DatabaseRows(connection, latest_ms)
    try:
        for table, validate in _RowValidator(rows).tables():
            for position, problem in validate():
                raise _invalid(path, f"{table}, {position}: {problem}")
    except apsw.TooBigError:
        raise _invalid(path, f"{table}: a row of over {ROW_BYTES} bytes") from None
    except UnicodeDecodeError:
        raise _invalid(path, f"{table}: a text that is not UTF-8") from None
    finally:
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, longest)


def _invalid(path: Path, reason: str) -> Corrupt:
    return Corrupt(
        f"{path} holds what Argybargy does not write; restore it from a backup. "
        f"({reason})"
    )
