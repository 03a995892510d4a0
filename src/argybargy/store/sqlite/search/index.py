"""The index of all words, in a file of its own beside the database.

Rules for whoever edits this file:

1. Nothing here is worth keeping: whatever is wrong with the file, it is thrown away
   and made again. What is true stands in the database.
2. Nothing here writes to the database, or locks it: ``BEGIN IMMEDIATE`` would, since
   it locks what is attached too. No post waits for the index, or fails by it.
3. A search catches up first, so that it finds whatever was posted before it. The
   housekeeping catches up as well, so that there is little left to do by then.

Indexing within the transaction of a post cost half as much again as the post itself;
catching up later costs a post nothing.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import apsw
import attrs
import trio

from argybargy.domain.names import EVERYONE, PeerKey, peer_key
from argybargy.domain.search.tokens import line_of
from argybargy.store.errors import Corrupt, Refused, StoreError
from argybargy.store.sqlite.connection import CLOSE_SECONDS, DatabaseThread, Role
from argybargy.store.sqlite.errors import RETRY_SECONDS
from argybargy.store.sqlite.loss import Loss
from argybargy.store.sqlite.readers import READ_SECONDS, snapshot
from argybargy.store.sqlite.schema import check_integrity
from argybargy.system.files import make_private_file

P = ParamSpec("P")
T = TypeVar("T")

INDEX_NAME: Final = "search.db"
INDEX_VERSION: Final = 3
"""Goes up whenever an index made before would be wrong."""
PIECE_ROWS: Final = 500
"""Messages indexed in one transaction."""
PIECE_TERMS: Final = 50_000
"""Words after which no more messages are taken into one transaction.

Few enough that no search waits for long, and that a piece is done before the deadline
of the search that waits for it: a piece that is cut short is undone.
"""
KEEP_UP_SECONDS: Final = 1.0
"""How long housekeeping may take over the index, waiting for its turn included."""

EVERYWHERE: Final = "every"
"""The scope of every message there is."""

# `text` has the words of a message once for each scope that it is in, each with that
# scope in front of it. So the terms that a search goes through are those of messages
# which its reader may see, also where it asks for all words with a beginning: what
# somebody may not see costs their search nothing that they could measure. `scope` has
# the scopes themselves, for searches without words.
_SCHEMA: Final = f"""
CREATE VIRTUAL TABLE words USING fts5(
    text, scope, content='', contentless_delete=1, tokenize="ascii tokenchars './_-'"
);
CREATE TABLE newest (one INTEGER PRIMARY KEY, id, room_id, seq, at_ms, text);
PRAGMA user_version = {INDEX_VERSION};
"""
_NEXT_PIECE: Final = f"""
SELECT id, room_id, iif(kind = 'agent', sender, NULL), recipients, text
FROM relay.messages
WHERE id > (SELECT coalesce(max(id), 0) FROM words_docsize)
ORDER BY id LIMIT {PIECE_ROWS}
"""  # noqa: S608 - constants
_ADD: Final = "INSERT INTO words (rowid, text, scope) VALUES (?, ?, ?)"
_NOTE_NEWEST: Final = """
INSERT OR REPLACE INTO newest
SELECT 1, id, room_id, seq, at_ms, text FROM relay.messages
WHERE id = (SELECT max(id) FROM words_docsize)
"""
# An index made from another state of the database, as before a backup was restored,
# has a newest message that is not there, or is another one.
_IS_OF_DATABASE: Final = """
SELECT NOT EXISTS (SELECT 1 FROM words_docsize) OR EXISTS (
    SELECT 1 FROM newest JOIN relay.messages USING (id, room_id, seq, at_ms, text)
)
"""
_IS_WHOLE: Final = f"""
SELECT (SELECT count(*) FROM words WHERE words MATCH 'scope : "{EVERYWHERE}"')
    = (SELECT count(*) FROM words_docsize)
"""  # noqa: S608 - constants
_FORGET_ORPHANS: Final = """
DELETE FROM words WHERE rowid IN (
    SELECT id FROM words_docsize WHERE id NOT IN (SELECT id FROM relay.messages)
    LIMIT ?
)
"""


def scope_of(room_id: int, reader: PeerKey | None = None) -> str:
    """Return the scope of a room, or of what one reader in it may see.

    Args:
        room_id: The room.
        reader: A folded name, or ``all``. No name or word contains a slash.
    """
    return f"{room_id}" if reader is None else f"{room_id}/{reader}"


def term_of(scope: str, form: str) -> str:
    """Return what a word of a message is in the index, for one of its scopes."""
    return f"{scope}/{form}"


@attrs.define(eq=False)
class Index:
    """Finds messages by their words.

    One at a time uses it, in the order in which they came.

    Mutable state: the connection, what is in the file, and whether that may have
    words of messages which are not kept any more.
    """

    _connection: DatabaseThread
    _database: Path
    _loss: Loss
    _turn: trio.Lock = attrs.field(factory=trio.Lock, repr=False)
    _has_orphans: bool = False

    @property
    def path(self) -> Path:
        """Where the index is."""
        return self._connection.path

    async def read(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Catch up, and call ``work(connection, ...)``: all it reads is one snapshot.

        The tables of the database can be read beside the index.

        Raises:
            Refused: SQLite refused, or `READ_SECONDS` were not enough. What was
                caught up with by then stays: the next one finds less to do.
        """
        with trio.move_on_after(READ_SECONDS):
            await self.catch_up()
            return await self._run(snapshot, work, *args, **kwargs)
        raise Refused(f"searching took over {READ_SECONDS:.0f} s", RETRY_SECONDS)

    async def catch_up(self) -> None:
        """Index what has been posted since, a bounded piece at a time.

        Raises:
            Refused: The index cannot be written now.
        """
        while await self._run(_index_piece):
            pass

    async def keep_up(self, gone: Sequence[int]) -> None:
        """Drop messages that are not kept any more, by their ids, and catch up.

        Searches may hold the index, so this gives up after `KEEP_UP_SECONDS`. Messages
        that were not dropped by then are found by nobody, and the next call drops
        them; catching up goes on from where it was.

        Raises:
            Refused: The index cannot be written now.
        """
        has_orphans, self._has_orphans = self._has_orphans, True
        with trio.move_on_after(KEEP_UP_SECONDS):
            for start in range(0, 0 if has_orphans else len(gone), PIECE_ROWS):
                await self._run(_forget, gone[start : start + PIECE_ROWS])
            while has_orphans and await self._run(_forget_orphans):
                pass
            self._has_orphans = False
            await self.catch_up()

    async def _run(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async with self._turn:
            with contextlib.suppress(Corrupt, apsw.SQLError):
                return await self._work(work, *args, **kwargs)
            # Whatever it is, a new file does not have it.
            await self._throw_away()
            try:
                return await self._work(work, *args, **kwargs)
            except (Corrupt, apsw.SQLError) as error:
                await self._check_database()
                raise Refused(f"no index: {error}", RETRY_SECONDS) from error

    async def _check_database(self) -> None:
        """Find out whether it is the database that is damaged, and not the index.

        Raises:
            Corrupt: It is.
        """
        connection = DatabaseThread(self._database, Role.READER, self._loss)
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
            # Open is what is prepared, and nothing else.
            await self._connection.aclose()
            raise

    async def _throw_away(self) -> None:
        await self._connection.aclose()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    async def aclose(self) -> None:
        """Close the index. Nobody may be using it any more."""
        if self._connection.is_open:
            with contextlib.suppress(StoreError), trio.move_on_after(CLOSE_SECONDS):
                await self._connection.run(_truncate_log)
        await self._connection.aclose()


@contextlib.asynccontextmanager
async def open_index(database: Path, loss: Loss) -> AsyncIterator[Index]:
    """Offer the index of a database while the block runs.

    The file is opened, and made if need be, when it is first used.

    Args:
        database: What it is the index of.
        loss: Told of damage to the database; damage to the index loses nothing.
    """
    path = database.with_name(INDEX_NAME)
    index = Index(DatabaseThread(path, Role.INDEX), database, loss)
    try:
        yield index
    finally:
        with trio.CancelScope(shield=True):  # each step has its own deadline
            await index.aclose()


def _make_file(path: Path) -> None:
    try:
        make_private_file(path)
    except OSError as error:
        raise Refused(f"{path} cannot be used: {error}", RETRY_SECONDS) from error


def _prepare(connection: apsw.Connection, database: Path) -> None:
    """Make sure that a new connection has an index of this database.

    Raises:
        Corrupt: The file is an index of something else.
        apsw.CorruptError: It is damaged.
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
    while _forget_orphans(connection):
        pass


def _index_piece(connection: apsw.Connection) -> bool:
    """Index the next messages, if there are any; tell whether there were."""
    has_more, terms = False, 0
    rows: Any = connection.execute(_NEXT_PIECE)
    with connection:
        for message_id, room_id, agent, recipients, text in rows:
            scopes = _scopes(room_id, agent, recipients)
            forms = line_of(text).split()
            words = " ".join(term_of(scope, form) for scope in scopes for form in forms)
            entry = message_id, words, " ".join((scope_of(room_id), *scopes))
            connection.execute(_ADD, entry)
            has_more, terms = True, terms + len(scopes) * len(forms)
            if terms >= PIECE_TERMS:
                break
        if has_more:
            connection.execute(_NOTE_NEWEST)
    return has_more


def _scopes(room_id: int, agent: str | None, recipients: str) -> list[str]:
    """Return the scopes that the words of a message are in."""
    hearers = set(map(peer_key, json.loads(recipients)))
    if EVERYONE in hearers:
        hearers = {EVERYONE}
    elif agent is not None:
        hearers.add(peer_key(agent))
    return [EVERYWHERE, *(scope_of(room_id, name) for name in sorted(hearers))]


def _forget(connection: apsw.Connection, messages: Sequence[int]) -> None:
    with connection:
        rows = [(message_id,) for message_id in messages]
        connection.executemany("DELETE FROM words WHERE rowid = ?", rows)


def _forget_orphans(connection: apsw.Connection) -> bool:
    """Drop some messages that the database has no more; tell whether there were any."""
    with connection:
        connection.execute(_FORGET_ORPHANS, (PIECE_ROWS,))
        count = connection.changes()
    return count > 0


def _truncate_log(connection: apsw.Connection) -> None:
    connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
