"""Tables of the full-text index: schema, checks, and the transactions that fill it.

All functions run in the thread of the index's connection. Indexing, deleting orphans
and merging do one bounded piece per call and tell whether there may be more, since a
search waits for the piece in progress.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from argybargy.domain.capabilities import word_of_address
from argybargy.domain.choices import text_with_choices
from argybargy.domain.names import EVERYONE, PeerKey, peer_key
from argybargy.domain.search.tokens import line_of
from argybargy.store.errors import Corrupt
from argybargy.store.sqlite.choices import decode_choices

INDEX_VERSION: Final = 4
"""Version of the index; raise it with every change that makes existing indexes
wrong."""
PIECE_ROWS: Final = 500
"""Messages indexed in one transaction."""
PIECE_TERMS: Final = 50_000
"""Terms after which an indexing transaction takes no further message.

A piece must fit well within the deadline of a waiting search: an interrupted piece is
rolled back, and the search would never make progress.
"""
EVERYWHERE: Final = "every"
"""The scope that every message is in."""

# `text` holds the words of a message once per scope, each prefixed with the scope. A
# search therefore scans only terms of messages visible to its reader, even for a word
# prefix: hidden messages do not show in its timing. `scope` holds the scopes alone, for
# searches without words.
_SCHEMA: Final = f"""
CREATE VIRTUAL TABLE words USING fts5(
    text, scope, content='', contentless_delete=1, tokenize="ascii tokenchars './_-'"
);
CREATE TABLE newest (one INTEGER PRIMARY KEY, id, room_id, seq, at_ms, text);
CREATE TABLE handled (one INTEGER PRIMARY KEY, id INTEGER NOT NULL);
INSERT INTO handled VALUES (1, 0);
PRAGMA user_version = {INDEX_VERSION};
"""  # noqa: S608 - constants
_NEXT_PIECE: Final = f"""
SELECT id, room_id, iif(kind IN ('agent', 'person'), sender, NULL), recipients, text,
    choices, choice
FROM relay.messages
WHERE id > (SELECT coalesce(max(id), 0) FROM words_docsize)
ORDER BY id LIMIT {PIECE_ROWS}
"""  # noqa: S608 - constants
# Messages indexed already that have got another addressee since; see migration 0009.
_NEXT_READDRESSED: Final = f"""
SELECT readdressed.id, message_id, room_id,
    iif(kind IN ('agent', 'person'), sender, NULL), recipients, text, choices, choice
FROM relay.readdressed JOIN relay.messages ON messages.id = message_id
WHERE readdressed.id > (SELECT id FROM handled)
    AND message_id <= (SELECT coalesce(max(id), 0) FROM words_docsize)
ORDER BY readdressed.id LIMIT {PIECE_ROWS}
"""  # noqa: S608 - constants
_LAST_READDRESSED: Final = """
SELECT coalesce(max(seq), 0) FROM relay.sqlite_sequence WHERE name = 'readdressed'
"""
_SAVE_HANDLED: Final = "UPDATE handled SET id = ?"
_DELETE: Final = "DELETE FROM words WHERE rowid = ?"
_INSERT: Final = "INSERT INTO words (rowid, text, scope) VALUES (?, ?, ?)"
_SAVE_NEWEST: Final = """
INSERT OR REPLACE INTO newest
SELECT 1, id, room_id, seq, at_ms, text FROM relay.messages
WHERE id = (SELECT max(id) FROM words_docsize)
"""
# It has the text of a message, which must not outlive the message.
_FORGET_NEWEST: Final = """
DELETE FROM newest WHERE id NOT IN (SELECT id FROM words_docsize)
"""
# The newest indexed message is missing or different if the index belongs to another
# state of the database, such as the one before a restore.
_IS_OF_DATABASE: Final = """
SELECT NOT EXISTS (SELECT 1 FROM words_docsize) OR EXISTS (
    SELECT 1 FROM newest JOIN relay.messages USING (id, room_id, seq, at_ms, text)
)
"""
_IS_WHOLE: Final = f"""
SELECT (SELECT count(*) FROM words WHERE words MATCH 'scope : "{EVERYWHERE}"')
    = (SELECT count(*) FROM words_docsize)
"""  # noqa: S608 - constants
_DELETE_ORPHANS: Final = """
DELETE FROM words WHERE rowid IN (
    SELECT id FROM words_docsize WHERE id NOT IN (SELECT id FROM relay.messages)
    LIMIT ?
)
"""


def scope_of(room_id: int, reader: PeerKey | None = None) -> str:
    """Return the scope of a room, or of the messages in it for one reader.

    Args:
        room_id: Primary key of the room.
        reader: A `PeerKey`, or ``all``. The separator is safe: neither names nor
            words contain a slash.
    """
    return f"{room_id}" if reader is None else f"{room_id}/{reader}"


def term_of(scope: str, form: str) -> str:
    """Return the index term of a word within a scope."""
    return f"{scope}/{form}"


def prepare(connection: apsw.Connection, database: Path) -> None:
    """Attach the database to a new connection, and create or check the index.

    Raises:
        Corrupt: The index is outdated, incomplete or of another database.
        apsw.CorruptError: The index is damaged.
    """
    connection.execute("ATTACH ? AS relay", (str(database),))
    version = connection.execute("PRAGMA main.user_version").get
    if version == 0:
        with connection:
            connection.execute(_SCHEMA).fetchall()
    elif version != INDEX_VERSION:
        raise Corrupt(f"an index of version {version}")
    connection.execute(
        "CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, words, row)"
    )
    connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    if not connection.execute(_IS_WHOLE).get:
        raise Corrupt("an index that lacks messages")
    if not connection.execute(_IS_OF_DATABASE).get:
        raise Corrupt("an index of another state of the database")
    (handled,) = connection.execute("SELECT id FROM handled").fetchone() or (0,)
    if handled > int(connection.execute(_LAST_READDRESSED).get):
        raise Corrupt("an index of a later state of the database")
    while delete_orphans(connection):
        pass


def index_piece(connection: apsw.Connection) -> bool:
    """Index the next messages; return whether there were any."""
    has_more, terms = False, 0
    rows: Any = connection.execute(_NEXT_PIECE)
    with connection:
        for row in rows:
            has_more, terms = True, terms + _index(connection, row)
            if terms >= PIECE_TERMS:
                break
        if has_more:
            connection.execute(_SAVE_NEWEST)
    return has_more


def index_readdressed(connection: apsw.Connection) -> bool:
    """Index messages again that have new addressees; return whether there were any.

    A message that is not indexed yet gets its addressees with its first entry. So this
    is called when all messages are.
    """
    handled, terms = 0, 0
    rows: Any = connection.execute(_NEXT_READDRESSED)
    with connection:
        for row_id, *row in rows:
            connection.execute(_DELETE, row[:1])
            handled, terms = row_id, terms + _index(connection, row)
            if terms >= PIECE_TERMS:
                break
        if handled:
            connection.execute(_SAVE_HANDLED, (handled,))
    return handled > 0


def _index(connection: apsw.Connection, row: Sequence[Any]) -> int:
    """Index a message: its id, room, sender, recipients, text, choices and choice.

    Returns:
        The number of its terms.
    """
    message_id, room_id, agent, recipients, text, choices, choice = row
    said = text_with_choices(text, decode_choices(choices), choice)
    scopes, forms = _scopes(room_id, agent, recipients), line_of(said).split()
    words = " ".join(term_of(scope, form) for scope in scopes for form in forms)
    entry = message_id, words, " ".join((scope_of(room_id), *scopes))
    connection.execute(_INSERT, entry)
    return len(scopes) * len(forms)


def _scopes(room_id: int, agent: str | None, recipients: str) -> list[str]:
    """Return the scopes of a message: one for each peer that may see it."""
    names = map(peer_key, json.loads(recipients))
    readers = {name for name in names if word_of_address(name) is None}
    if EVERYONE in readers:
        readers = {EVERYONE}
    elif agent is not None:
        readers.add(peer_key(agent))
    return [EVERYWHERE, *(scope_of(room_id, name) for name in sorted(readers))]


def delete_entries(connection: apsw.Connection, messages: Sequence[int]) -> None:
    """Delete the entries of messages, by id."""
    with connection:
        rows = [(message_id,) for message_id in messages]
        connection.executemany(_DELETE, rows)
        _renew_newest(connection)


def delete_orphans(connection: apsw.Connection) -> bool:
    """Delete a piece of the orphans; return whether there were any."""
    with connection:
        connection.execute(_DELETE_ORPHANS, (PIECE_ROWS,))
        count = connection.changes()
        if count:
            _renew_newest(connection)
    return count > 0


def _renew_newest(connection: apsw.Connection) -> None:
    """Replace the copy of the newest message, if that message was deleted."""
    connection.execute(_FORGET_NEWEST)
    if connection.changes():
        connection.execute(_SAVE_NEWEST)


def merge(connection: apsw.Connection, pages: int) -> bool:
    """Merge parts of the index, writing about `pages`; return whether it did work.

    A command that finds nothing to merge counts as one change.
    """
    before = connection.total_changes()
    with connection:
        connection.execute(
            "INSERT INTO words (words, rank) VALUES ('merge', ?)", (pages,)
        )
    return connection.total_changes() - before > 1
