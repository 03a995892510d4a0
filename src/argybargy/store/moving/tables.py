"""Tables and columns that both stores have, and what PostgreSQL derives from them.

A row is read from either store as the same values, those of PostgreSQL: booleans, lists
and folded names. Left out are the rows that only one store has: commits as deltas,
turns, and the state of the search index.

To add a table or a column, add it here; a test compares this table with both schemas.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs
import msgspec

from argybargy.domain.message import Message, SenderKind
from argybargy.domain.names import EVERYONE, RoomKey, peer_key, room_key
from argybargy.store.postgres.words import scopes_of, words_of
from argybargy.system.values import frozen

Row = tuple[Any, ...]

_decode_list: Final = msgspec.json.Decoder(list[str]).decode


class Kind(enum.Enum):
    """Kind of a column whose value differs in SQLite."""

    SAME = enum.auto()
    BOOL = enum.auto()
    LIST = enum.auto()
    """A JSON array in SQLite."""
    CHOICES = enum.auto()
    """A JSON array in SQLite, or NULL for an empty one."""
    FOLDED = enum.auto()
    """A name of any spelling in SQLite, which compares it without case."""


@frozen
class Column:
    """A column of both stores.

    Attributes:
        name: Its name in PostgreSQL.
        kind: How its value differs in SQLite.
        sqlite: Its name in SQLite.
    """

    name: str
    kind: Kind = Kind.SAME
    sqlite: str = attrs.field()

    @sqlite.default
    def _sqlite(self) -> str:
        return self.name


@frozen
class Table:
    """A table of both stores.

    Attributes:
        name: Its name.
        columns: The columns to copy.
        key: Names of the columns that order its rows, in both stores alike.
        derived: Names of the columns that PostgreSQL has in addition.
        derive: Returns their values for a row.
        has_ids: Whether PostgreSQL numbers its rows.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    derived: tuple[str, ...] = ()
    derive: Callable[[Row, Mapping[int, RoomKey]], Row] = lambda _row, _rooms: ()
    has_ids: bool = False

    def from_sqlite(self, row: Sequence[Any]) -> Row:
        """Return the values of a row of SQLite."""
        values = list(row)
        for place in self._places:
            values[place] = _from_sqlite(self.columns[place].kind, values[place])
        return tuple(values)

    def to_sqlite(self, row: Row) -> Row:
        """Return a row as SQLite has it."""
        values = list(row)
        for place in self._places:
            values[place] = _to_sqlite(self.columns[place].kind, values[place])
        return tuple(values)

    _places: tuple[int, ...] = attrs.field(init=False, repr=False)

    @_places.default
    def _find_places(self) -> tuple[int, ...]:
        return tuple(
            place
            for place, column in enumerate(self.columns)
            if column.kind not in {Kind.SAME, Kind.FOLDED}
        )


def _from_sqlite(kind: Kind, value: Any) -> Any:  # noqa: ANN401 - of any column
    match kind:
        case Kind.BOOL:
            return bool(value)
        case Kind.CHOICES if value is None:
            return []
        case _:
            return _decode_list(value)


def _to_sqlite(kind: Kind, value: Any) -> Any:  # noqa: ANN401 - of any column
    match kind:
        case Kind.BOOL:
            return int(value)
        case Kind.CHOICES if not value:
            return None
        case _:
            return msgspec.json.encode(value).decode()


def _room_key(row: Row, _rooms: Mapping[int, RoomKey]) -> Row:
    return (room_key(row[1]),)


def _hook_keys(row: Row, _rooms: Mapping[int, RoomKey]) -> Row:
    return room_key(row[0]), peer_key(row[1])


def _message_columns(row: Row, rooms: Mapping[int, RoomKey]) -> Row:
    """Return `is_to_all`, `agent`, and the words of the search index."""
    named = dict(zip(_MESSAGE_NAMES, row, strict=True))
    message = Message(
        seq=named["seq"],
        at_ms=named["at_ms"],
        sender=named["sender"],
        kind=SenderKind(named["kind"]),
        to=tuple(named["recipients"]),
        text=named["text"],
        expects=named["expects"],
        choices=tuple(named["choices"]),
        choice=named["choice"],
    )
    scopes = scopes_of(message, rooms[named["room_id"]])
    words = words_of(message, scopes)
    vector = " ".join(_quoted(scope + word) for scope in scopes for word in words)
    return message.to == (EVERYONE,), message.agent_key, vector


def _quoted(word: str) -> str:
    """Return a lexeme in the text form of a ``tsvector``."""
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _columns(names: str, *special: Column) -> tuple[Column, ...]:
    """Return columns by their names, some of them special."""
    known = {column.name: column for column in special}
    return tuple(known.get(name) or Column(name) for name in names.split())


_MESSAGE_NAMES: Final = (
    *("id", "room_id", "seq", "at_ms", "sender", "kind", "recipients", "text"),
    *("expects", "reply_to", "event", "claimed_by", "fence", "is_settled"),
    *("resolution", "choices", "choice"),
)

TABLES: Final = (
    Table(
        "rooms",
        _columns(
            "id name version head first fence closed_at_ms closed_by created_ms "
            "last_ms spoken_ms gaps is_deleted cleared_to is_clearing",
            Column("gaps", sqlite="holes"),
            Column("is_deleted", Kind.BOOL),
            Column("is_clearing", Kind.BOOL),
        ),
        key=("id",),
        derived=("key",),
        derive=_room_key,
        has_ids=True,
    ),
    Table(
        "messages",
        _columns(
            " ".join(_MESSAGE_NAMES),
            Column("recipients", Kind.LIST),
            Column("is_settled", Kind.BOOL),
            Column("choices", Kind.CHOICES),
        ),
        key=("id",),
        derived=("is_to_all", "agent", "words"),
        derive=_message_columns,
        has_ids=True,
    ),
    Table(
        "addressees",
        _columns("room_id peer seq is_own reply_to", Column("is_own", Kind.BOOL)),
        key=("room_id", "peer", "seq"),
    ),
    Table(
        "claims", _columns("room_id seq holder fence seconds"), key=("room_id", "seq")
    ),
    Table("questions", _columns("room_id seq asker expects"), key=("room_id", "seq")),
    Table(
        "receipts",
        _columns("room_id peer key digest seq at_ms"),
        key=("room_id", "peer", "key"),
    ),
    Table(
        "members",
        _columns("room_id peer name kind last_seq last_ms"),
        key=("room_id", "peer"),
    ),
    Table(
        "codes",
        _columns(
            "id digest room name capabilities created_ms expires_ms client model role "
            "presented"
        ),
        key=("id",),
        has_ids=True,
    ),
    Table("revoked", _columns("digest"), key=("digest",)),
    Table(
        "invites",
        _columns(
            "id digest room name capabilities client created_ms expires_ms "
            "code_seconds end ended_ms code_key_id"
        ),
        key=("id",),
        has_ids=True,
    ),
    Table(
        "cursors",
        _columns(
            "room peer seq", Column("room", Kind.FOLDED), Column("peer", Kind.FOLDED)
        ),
        key=("room", "peer"),
    ),
    Table(
        "wake_hooks",
        _columns("room name url key wake"),
        key=("room", "name"),
        derived=("room_key", "peer"),
        derive=_hook_keys,
    ),
    Table(
        "sessions",
        _columns(
            "id digest address device created_ms expires_ms used_ms token_mark",
        ),
        key=("id",),
        has_ids=True,
    ),
    Table(
        "notices",
        _columns(
            "id kind room subject at_ms told_ms",
            Column("room", Kind.FOLDED),
        ),
        key=("id",),
    ),
    Table(
        "audit",
        _columns("id at_ms action actor room detail tally"),
        key=("id",),
        has_ids=True,
    ),
)
"""The tables in the order in which they are copied: rooms before what is in them."""

IS_FULL: Final = """
SELECT EXISTS (SELECT 1 FROM rooms) OR EXISTS (SELECT 1 FROM messages)
    OR EXISTS (SELECT 1 FROM codes) OR EXISTS (SELECT 1 FROM revoked)
    OR EXISTS (SELECT 1 FROM invites) OR EXISTS (SELECT 1 FROM wake_hooks)
"""
"""Query that tells whether a relay lives at a place. One that was only started has rows
in some of the other tables."""
