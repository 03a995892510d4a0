"""The cost of a read grows with the visible messages, not with the room."""

from collections.abc import Callable, Sequence
from pathlib import Path

import apsw
import attrs
import pytest
import trio
import trio.lowlevel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argybargy.domain.message import SenderKind
from argybargy.domain.names import peer_key
from argybargy.domain.pages import PageBuilder
from argybargy.domain.room.commands import Post
from argybargy.store.errors import Corrupt
from argybargy.store.memory.store import open_memory_store
from argybargy.store.protocol import Store
from argybargy.store.sqlite.backup.verify import check_file
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from argybargy.store.sqlite.tables.addressees import do_addressees_match
from argybargy.store.sqlite.tables.messages import (
    count_for,
    read_back,
    read_page,
    read_replies,
)
from support.store_player import LIMITS, Player, post

BYTES = 256 * 1024
KEEP_ALL = attrs.evolve(LIMITS, messages_per_room=0, tail_messages=5)
PEERS = ("ann", "bob", "cid", "eve")


@attrs.define
class Steps:
    """Work of SQLite, counted in steps of its virtual machine."""

    path: Path
    taken: int = 0

    def count(self, work: Callable[[apsw.Connection], object]) -> int:
        connection, self.taken = apsw.Connection(str(self.path)), 0
        connection.execute("SELECT count(*) FROM rooms").fetchall()
        connection.set_progress_handler(self._note, 1)
        try:
            work(connection)
        finally:
            connection.close()
        return self.taken

    def _note(self) -> bool:
        self.taken += 1
        return False


EVE, BOB = peer_key("eve"), peer_key("bob")
READS: dict[str, Callable[[apsw.Connection], object]] = {
    "a page": lambda it: read_page(it, "lab", EVE, 0, PageBuilder(100, BYTES)),
    "a later page": lambda it: read_page(it, "lab", EVE, 20, PageBuilder(100, BYTES)),
    "history": lambda it: read_back(it, "lab", EVE, 9_999, PageBuilder(50, BYTES)),
    "what is unread": lambda it: count_for(it, "lab", EVE, 0),
    "replies": lambda it: read_replies(it, "lab", EVE, 1, PageBuilder(50, BYTES)),
    "a page of many": lambda it: read_page(it, "lab", BOB, 0, PageBuilder(5, BYTES)),
    "the last of many": lambda it: read_back(
        it, "lab", BOB, 9_999, PageBuilder(5, BYTES)
    ),
    "the last of all": lambda it: read_back(
        it, "lab", None, 9_999, PageBuilder(5, BYTES)
    ),
}


async def fill(store: SqliteStore, length: int) -> None:
    """Fill a room with direct messages of two peers, between a few messages to all."""
    player = Player.of(store, limits=KEEP_ALL)
    few = [post("ann", "all"), post("bob", "for you", "eve"), post("eve", "I", "ann")]
    await player.do(*few)
    said = post("ann", "psst", "bob", reply_to=1, subject=player.room.messages[1])
    for _ in range(length // 50):
        await player.do(*[said] * 50)
    await player.do(*few)


async def test_hidden_messages_do_not_raise_the_cost_of_a_read(
    tmp_path: Path,
) -> None:
    steps: list[dict[str, int]] = []
    for length in (200, 2_000):
        async with open_sqlite_store(tmp_path / str(length)) as store:
            await fill(store, length)
        counter = Steps(tmp_path / str(length) / "relay.db")
        steps.append({what: counter.count(read) for what, read in READS.items()})
    short, long = steps
    assert {
        what: long[what] - short[what]
        for what in READS
        if long[what] > short[what] + 20
    } == {}


async def reads(store: Store, peer: str, at: int) -> tuple[object, ...]:
    """Read by every method as a peer."""
    return (
        await store.page("lab", peer_key(peer), at, 4, BYTES),
        await store.look_back("lab", peer_key(peer), at, 4, BYTES),
        await store.count_unread("lab", peer_key(peer), at),
        await store.replies("lab", peer_key(peer), 1, 4, BYTES),
    )


posts = st.builds(
    post,
    st.sampled_from(PEERS),
    st.just("x"),
    st.sampled_from(["all", "all", "bob", "Ann,bob", "eve,cid", "ann", "operator"]),
    kind=st.sampled_from([SenderKind.AGENT] * 4 + [SenderKind.OPERATOR]),
    reply_to=st.none(),
)
replies = st.builds(attrs.evolve, posts, reply_to=st.just(1))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(posts | replies, min_size=1, max_size=40), keep=st.integers(5, 50))
def test_both_stores_return_the_same_to_every_reader(
    said: Sequence[Post], keep: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def compare() -> None:
        limits = attrs.evolve(LIMITS, messages_per_room=keep)
        where = tmp_path_factory.mktemp("both")
        async with open_memory_store() as memory, open_sqlite_store(where) as sqlite:
            players = [Player.of(store, limits=limits) for store in (memory, sqlite)]
            for player in players:
                await player.say("ann", "first", "all")
                await player.do(
                    *(
                        each if number < keep - 1 else attrs.evolve(each, reply_to=None)
                        for number, each in enumerate(said)
                    )
                )
                await player.store.sweep()
            for peer in PEERS:
                for at in range(0, players[0].room.head + 2, 3):
                    seen = [await reads(store, peer, at) for store in (memory, sqlite)]
                    assert seen[0] == seen[1]
        connection = apsw.Connection(str(where / "relay.db"))
        assert do_addressees_match(connection)
        connection.close()

    trio.run(compare)


async def test_retention_deletes_addressees_with_their_messages(
    sqlite: SqliteStore, tmp_path: Path
) -> None:
    player = Player.of(sqlite, limits=attrs.evolve(LIMITS, messages_per_room=2))
    for _ in range(10):
        await player.say("ann", "psst", "bob,cid")
    await sqlite.sweep()
    connection = apsw.Connection(str(tmp_path / "data" / "relay.db"))
    rows = connection.execute("SELECT peer, seq FROM addressees ORDER BY seq, peer")
    assert list(rows) == [
        (who, seq) for seq in (9, 10) for who in ("ann", "bob", "cid")
    ]
    connection.close()


def test_the_migration_adds_addressees_of_older_messages(tmp_path: Path) -> None:
    steps = load_migrations()
    connection = apsw.Connection(str(tmp_path / "relay.db"))
    migrate(connection, steps[:3])
    connection.execute(
        """
        INSERT INTO rooms VALUES (1, 'lab', 1, 6, 1, 0, NULL, NULL, 1, 1, 1, '[]');
        INSERT INTO messages VALUES
            (1, 1, 1, 1, 'Ann', 'agent', '["all"]', 'a', 'none', NULL,
             NULL, NULL, 0, 0),
            (2, 1, 2, 1, 'Ann', 'agent', '["Bob","ann"]', 'b', 'none', 1,
             NULL, NULL, 0, 0),
            (3, 1, 3, 1, 'Ann', 'operator', '["bob"]', 'c', 'none', NULL,
             NULL, NULL, 0, 0),
            (4, 1, 4, 1, 'bob', 'agent', '["ann"]', 'd', 'none', 1, NULL, NULL, 0, 0),
            (5, 1, 5, 1, 'Pat', 'person', '["bob","pat"]', 'e', 'none', NULL,
             NULL, NULL, 0, 0),
            (6, 1, 6, 1, 'Pat', 'person', '["bob"]', 'f', 'none', 1, NULL, NULL, 0, 0);
        """
    ).fetchall()
    migrate(connection, steps)
    rows = connection.execute("SELECT * FROM addressees ORDER BY seq, peer").fetchall()
    assert rows == [
        (1, "ann", 2, 1, 1),
        (1, "bob", 2, 0, 1),
        (1, "bob", 3, 0, None),
        (1, "ann", 4, 0, 1),
        (1, "bob", 4, 1, 1),
        (1, "bob", 5, 0, None),
        (1, "pat", 5, 1, None),
        (1, "bob", 6, 0, 1),
        (1, "pat", 6, 1, 1),
    ]
    assert do_addressees_match(connection)
    connection.close()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM addressees WHERE peer = 'bob'",
        "INSERT INTO addressees VALUES (1, 'eve', 1, 0, NULL)",
        "UPDATE addressees SET is_own = 1",
    ],
)
async def test_a_backup_whose_addressees_contradict_the_messages_is_damaged(
    change: str, tmp_path: Path
) -> None:
    async with open_sqlite_store(tmp_path / "data") as store:
        await Player.of(store).say("ann", "psst", "bob")
    path = tmp_path / "data" / "relay.db"
    assert check_file(path).messages == 1
    connection = apsw.Connection(str(path))
    connection.execute(change).fetchall()
    connection.close()
    with pytest.raises(Corrupt, match="who may read what"):
        check_file(path)


async def test_reads_of_one_peer_leave_a_connection_to_the_others(
    sqlite: SqliteStore,
) -> None:
    """Reads of one peer wait for its earlier ones; reads of others do not."""
    await Player.of(sqlite).say("ann", "hi")
    readers = sqlite._readers
    order: list[str] = []
    held, token = trio.Event(), trio.lowlevel.current_trio_token()

    def slow(_connection: apsw.Connection) -> None:
        trio.from_thread.run(held.wait, trio_token=token)

    async def read(name: str, work: Callable[[apsw.Connection], object]) -> None:
        await readers.read_as(("lab", name), work)
        order.append(name)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(read, "eve", slow)
        await trio.lowlevel.checkpoint()
        with trio.fail_after(3):
            await read("bob", lambda _connection: None)
        assert order == ["bob"]
        held.set()
    assert order == ["bob", "eve", "eve", "eve"]
    assert readers._peers == {}
