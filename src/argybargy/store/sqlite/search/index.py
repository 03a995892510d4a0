"""Full-text index over all messages, in a file of its own beside the database.

Invariants:

1. The index is derived data: on any error the file is deleted and rebuilt.
2. Nothing here writes to the database or locks it. ``BEGIN IMMEDIATE`` would, since it
   locks attached databases too. No post waits for the index or fails because of it.
3. A search catches up first, so that it finds every earlier message. Housekeeping
   catches up as well, which leaves little for the search to do.

Indexing inside the transaction of a post was measured to add half the cost of the post;
catching up later adds nothing.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import apsw
import attrs
import trio

from argybargy.domain.capabilities import word_of_address
from argybargy.domain.choices import text_with_choices
from argybargy.domain.names import EVERYONE, PeerKey, peer_key
from argybargy.domain.search.tokens import line_of
from argybargy.store.errors import Corrupt, Refused, StoreError
from argybargy.store.sqlite.choices import decode_choices
from argybargy.store.sqlite.connection import CLOSE_SECONDS, DatabaseThread, Role
from argybargy.store.sqlite.corruption import CorruptionSignal
from argybargy.store.sqlite.errors import RETRY_SECONDS
from argybargy.store.sqlite.readers import READ_SECONDS, snapshot
from argybargy.store.sqlite.schema import check_integrity
from argybargy.system.files import make_private_file

P = ParamSpec("P")
T = TypeVar("T")

INDEX_NAME: Final = "search.db"
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
MERGE_PAGES: Final = 500
"""Pages written in one step of :meth:`Index.scrub`; a step takes about 0.1 s."""
KEEP_UP_SECONDS: Final = 1.0
"""Deadline of housekeeping on the index, including the wait for its lock."""

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


@attrs.define(eq=False)
class Index:
    """Full-text index of a database; one user at a time, in order of arrival.

    Mutable state: the connection, the file, and whether the file may have orphans,
    which are entries of deleted messages.
    """

    _connection: DatabaseThread
    _database: Path
    _corruption: CorruptionSignal
    _turn: trio.Lock = attrs.field(factory=trio.Lock, repr=False)
    _has_orphans: bool = False

    @property
    def path(self) -> Path:
        """Path of the index file."""
        return self._connection.path

    async def read(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Catch up, then call ``work(connection, ...)`` in one snapshot.

        The database is attached as ``relay``: `work` can join its tables.

        Raises:
            Refused: SQLite refused, or `READ_SECONDS` ran out. The pieces indexed by
                then are kept, so that the next search has less to do.
        """
        with trio.move_on_after(READ_SECONDS):
            await self.catch_up()
            return await self._run(snapshot, work, *args, **kwargs)
        raise Refused(f"searching took over {READ_SECONDS:.0f} s", RETRY_SECONDS)

    async def catch_up(self) -> None:
        """Index the messages posted since the last call, in bounded pieces.

        Raises:
            Refused: The index cannot be written now.
        """
        while await self._run(_index_piece):
            pass
        while await self._run(_index_readdressed):
            pass

    async def keep_up(self, deleted: Sequence[int]) -> None:
        """Drop deleted messages, by id, and catch up.

        Stops after `KEEP_UP_SECONDS`, since searches may hold the index. The next
        call drops the remaining messages, which no search finds meanwhile.

        Raises:
            Refused: The index cannot be written now.
        """
        await self._drop(deleted, catches_up=True)

    async def drop(self, deleted: Sequence[int]) -> None:
        """Drop deleted messages, by id; otherwise as :meth:`keep_up`.

        Catching up between two pieces of a deleted room would index messages that the
        next piece deletes.
        """
        await self._drop(deleted, catches_up=False)

    async def _drop(self, deleted: Sequence[int], *, catches_up: bool) -> None:
        # Until this call completes, some of `deleted` may remain as orphans.
        has_orphans, self._has_orphans = self._has_orphans, True
        with trio.move_on_after(KEEP_UP_SECONDS):
            for start in range(0, 0 if has_orphans else len(deleted), PIECE_ROWS):
                await self._run(_delete, deleted[start : start + PIECE_ROWS])
            while has_orphans and await self._run(_delete_orphans):
                pass
            self._has_orphans = False
            if catches_up:
                await self.catch_up()

    async def scrub(self) -> None:
        """Remove the words of deleted messages from the file, in bounded pieces.

        A deleted entry is only marked as such, and its words stay in the file until
        FTS5 merges the part of the index that they are in. Merging all parts takes
        time in proportion to the index; searches get their turn between two steps.

        Raises:
            Refused: The index cannot be written now.
        """
        while await self._run(_delete_orphans):
            pass
        pages = -MERGE_PAGES  # negative: begin to merge all parts; then go on
        while await self._run(_merge, pages):
            pages = MERGE_PAGES
        await self._run(_truncate_wal)

    async def _run(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async with self._turn:
            with contextlib.suppress(Corrupt, apsw.SQLError):
                return await self._work(work, *args, **kwargs)
            # Damaged, outdated or of another database: rebuild it.
            await self._delete_files()
            try:
                return await self._work(work, *args, **kwargs)
            except (Corrupt, apsw.SQLError) as error:
                failure = error
            # Outside the handler: cancelled in it, the check would hide the failure.
            await self._check_database()
            raise Refused(f"no index: {failure}", RETRY_SECONDS) from failure

    async def _check_database(self) -> None:
        """Check the attached database, which may be the damaged one.

        Raises:
            Corrupt: The database is damaged.
        """
        connection = DatabaseThread(self._database, Role.READER, self._corruption)
        try:
            await connection.run(check_integrity, self._database)
        finally:
            await connection.aclose()

    async def _work(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if not self._connection.is_open:
            await self._open()
        return await self._connection.run(work, *args, **kwargs)

    async def _open(self) -> None:
        _make_file(self.path)
        try:
            await self._connection.run(_prepare, self._database)
        except BaseException:
            # An open connection must be a prepared one: `_work` relies on it.
            await self._connection.aclose()
            raise

    async def _delete_files(self) -> None:
        await self._connection.aclose()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    async def aclose(self) -> None:
        """Close the index. No search may be in progress."""
        if self._connection.is_open:
            with contextlib.suppress(StoreError), trio.move_on_after(CLOSE_SECONDS):
                await self._connection.run(_truncate_wal)
        await self._connection.aclose()


@contextlib.asynccontextmanager
async def open_index(
    database: Path, corruption: CorruptionSignal
) -> AsyncIterator[Index]:
    """Open the index of a database while the block runs.

    The file is opened on first use, and created if missing.

    Args:
        database: Path of the indexed database.
        corruption: Receives damage of the database. Damage of the index is repaired
            and not reported.
    """
    path = database.with_name(INDEX_NAME)
    index = Index(DatabaseThread(path, Role.INDEX), database, corruption)
    try:
        yield index
    finally:
        with trio.CancelScope(shield=True):  # `aclose` has deadlines of its own
            await index.aclose()


def _make_file(path: Path) -> None:
    try:
        make_private_file(path)
    except OSError as error:
        raise Refused(f"{path} cannot be used: {error}", RETRY_SECONDS) from error


def _prepare(connection: apsw.Connection, database: Path) -> None:
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
    while _delete_orphans(connection):
        pass


def _index_piece(connection: apsw.Connection) -> bool:
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


def _index_readdressed(connection: apsw.Connection) -> bool:
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


def _delete(connection: apsw.Connection, messages: Sequence[int]) -> None:
    with connection:
        rows = [(message_id,) for message_id in messages]
        connection.executemany(_DELETE, rows)
        _renew_newest(connection)


def _delete_orphans(connection: apsw.Connection) -> bool:
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


def _merge(connection: apsw.Connection, pages: int) -> bool:
    """Merge parts of the index, writing about `pages`; return whether it did work.

    A command that finds nothing to merge counts as one change.
    """
    before = connection.total_changes()
    with connection:
        connection.execute(
            "INSERT INTO words (words, rank) VALUES ('merge', ?)", (pages,)
        )
    return connection.total_changes() - before > 1


def _truncate_wal(connection: apsw.Connection) -> None:
    connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
