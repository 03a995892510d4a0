"""Commits whose connection to the server is cut after each byte, in both directions.

Two relays share a database. One reaches it through a proxy that cuts. Whatever is cut,
the answer to a post is 200 and it is stored, or it is 503 and a retry with the same
key stores it once.
"""

import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus

import attrs
import psycopg
import pytest
import trio

from argybargy.store.postgres.store import open_postgres_store
from support.cutting_proxy import Cut, CuttingProxy, How, Side, open_cutting_proxy
from support.postgres import PostgresServer
from support.web_app import Reply, Site, open_site

OFTEN = 17
"""Bytes between two cuts of an ordinary run; odd, so that the ways to cut alternate."""
SELDOM = 67
PARTS = 4
"""Tests that share the bytes, so that they run side by side."""
OF_A_COMMIT = 40
"""Bytes at the end of an exchange that have all of COMMIT or of its answer."""
SOME_CUTS = 5
NEVER = 100_000
"""More bytes than a commit has."""
SILENCES = [
    *((Side.TO_SERVER, 0.0, 0), (Side.TO_SERVER, 0.5, 0), (Side.TO_SERVER, 1.0, 2)),
    *((Side.TO_CLIENT, 0.0, 0), (Side.TO_CLIENT, 0.5, 0), (Side.TO_CLIENT, 1.0, 2)),
]
"""Where a connection falls silent: the way, the share of its bytes that pass, and how
many less."""
UNAVAILABLE = {"storage_unavailable", "storage_unknown"}
MOST_TRIES = 200
PAUSE_SECONDS = 0.1
SECONDS = 60


@attrs.define
class Scene:
    """Two relays with an agent that posts and two readers that listen.

    Attributes:
        proxy: The proxy before the database of the first relay.
        here: The first relay.
        there: The second relay, without a proxy.
        url: The database.
        room: The room.
        poster: The code of the agent that posts.
        readers: The codes of the readers, of which each listens at a relay.
        posted: The texts that were acknowledged, by seq.
        heard: The seqs and texts that each reader was handed, in order.
        resets: How many answers had a `reset`.
    """

    proxy: CuttingProxy
    here: Site
    there: Site
    url: str
    room: str = "build"
    poster: str = ""
    readers: list[str] = attrs.field(factory=list)
    posted: dict[int, str] = attrs.field(factory=dict)
    heard: list[list[tuple[int, str]]] = attrs.field(factory=lambda: [[], []])
    resets: int = 0

    async def enter(self) -> None:
        """Make the codes, and wait until both relays know them."""
        self.poster = await self.here.code("poster", self.room)
        self.readers = [await self.here.code(name, self.room) for name in ("r1", "r2")]
        reader = self.readers[1]
        while await self._status(self.there, reader) != HTTPStatus.OK:  # noqa: ASYNC110
            await trio.sleep(PAUSE_SECONDS)

    async def _status(self, site: Site, code: str) -> int:
        return (await site.front.call("GET", "/messages", code=code)).status

    async def post(self, site: Site, text: str) -> Reply:
        """Post once; the text is the key."""
        reply = await site.front.call(
            "POST",
            "/messages",
            code=self.poster,
            json={"text": text},
            headers={"idempotency-key": text},
        )
        if reply.status == HTTPStatus.OK:
            seq = reply.json["message"]["seq"]
            assert self.posted.setdefault(seq, text) == text
        else:
            assert reply.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert reply.error in UNAVAILABLE
            assert int(reply.headers["retry-after"]) > 0
        return reply

    async def insist(self, text: str) -> list[str]:
        """Post at the first relay until it is accepted; return the errors before."""
        errors = list[str]()
        for number in range(MOST_TRIES):
            reply = await self.post(self.here, text)
            if reply.status == HTTPStatus.OK:
                return errors
            errors.append(reply.error)
            if number:  # the second try is made at once
                await trio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"'{text}' was never accepted: {errors}")

    async def listen(self, site: Site, number: int) -> None:
        """Poll on and on, until cancelled."""
        since = 0
        while True:
            reply = await site.front.call(
                "GET", f"/messages?since={since}&wait=20", code=self.readers[number]
            )
            if reply.status != HTTPStatus.OK:
                assert reply.status == HTTPStatus.SERVICE_UNAVAILABLE
                await trio.sleep(PAUSE_SECONDS)
                continue
            body = reply.json
            self.resets += bool(body.get("reset"))
            self.heard[number] += [
                (each["seq"], each["text"]) for each in body["messages"]
            ]
            since = body["cursor"]

    async def check(self) -> None:
        """Check that everything acknowledged is stored and was heard exactly once."""
        expected = sorted(self.posted.items())
        assert [seq for seq, _ in expected] == list(range(1, len(expected) + 1))
        assert len(set(self.posted.values())) == len(expected)
        with trio.fail_after(SECONDS):
            while any(len(heard) < len(expected) for heard in self.heard):  # noqa: ASYNC110
                await trio.sleep(PAUSE_SECONDS)
        assert self.heard == [expected, expected]
        assert self.resets == 0
        assert self._stored() == expected
        for site in (self.here, self.there):
            live = site.house.relay.find_live(self.room)
            assert live is not None
            await live.confirm()
            assert "SERVING" in repr(live)
            assert live.room.version == self._version()

    def _stored(self) -> list[tuple[int, str]]:
        sql = (
            "SELECT seq, text FROM messages JOIN rooms ON rooms.id = room_id "
            "WHERE rooms.key = %s ORDER BY seq"
        )
        with psycopg.connect(self.url) as connection:
            return list(connection.execute(sql, (self.room,)))

    def _version(self) -> int:
        with psycopg.connect(self.url) as connection:
            sql = "SELECT version FROM rooms WHERE key = %s"
            row = connection.execute(sql, (self.room,)).fetchone()
        assert row is not None
        return int(row[0])


@asynccontextmanager
async def open_scene(
    server: PostgresServer, url: str, room: str = "build"
) -> AsyncIterator[Scene]:
    """Open two relays on a database; when the block ends, check what they did."""
    # Raised behind the blocks of all the tasks: each of them would wrap it in a group.
    failure: BaseException | None = None
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(open_cutting_proxy(server.folder))
        sites = []
        for each in (proxy.url(url), url):
            store = await stack.enter_async_context(
                open_postgres_store(each, needs_fsync=False)
            )
            sites.append(await stack.enter_async_context(open_site(store=store)))
        here, there = sites
        scene = Scene(proxy, here, there, url, room)
        try:
            await scene.enter()
            async with trio.open_nursery() as nursery:
                for number, site in enumerate(sites):
                    nursery.start_soon(scene.listen, site, number)
                await scene.insist("first")
                yield scene
                await scene.check()
                nursery.cancel_scope.cancel()
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - raised below
            failure = error
    if failure is not None:
        raise failure


@attrs.frozen
class Counts:
    """What became of the posts whose commit was cut.

    Attributes:
        cuts: Their number.
        accepted: Those answered 200 all the same: the commit was found to be applied.
    """

    cuts: int
    accepted: int


async def cut_at(
    scene: Scene, side: Side, offsets: Iterable[int], *, is_fresh: bool = False
) -> Counts:
    """Post, with a cut after some bytes, until a commit has no more bytes.

    Args:
        scene: The relays.
        side: The way whose bytes count.
        offsets: The numbers of bytes, rising.
        is_fresh: Whether the commit is the first of a new connection.
    """
    cuts = accepted = 0
    for after_bytes in offsets:
        text = f"cut {after_bytes:04}"
        how = How.RESET if cuts % 2 else How.CLOSE
        scene.proxy.arm(Cut(side, after_bytes, text.encode(), is_fresh, how))
        if is_fresh:
            scene.proxy.cut_idle_writers()
        errors = await scene.insist(text)
        if not scene.proxy.was_cut:
            break
        cuts += 1
        accepted += not errors  # never if the old connection was closed before
    return Counts(cuts, accepted)


async def some_bytes(scene: Scene, side: Side, step: int) -> list[int]:
    """Return some numbers of bytes of a commit, and all of those near its end.

    COMMIT and its answer are there: what is cut before has no unknown outcome.
    """
    for after_bytes, text in (0, "cut 9998"), (NEVER, "cut 9999"):
        # The second commit on a new connection, as those that follow a cut are.
        scene.proxy.arm(Cut(side, after_bytes, text.encode()))
        await scene.insist(text)
    total = scene.proxy.passed[side]
    return [*range(0, total - OF_A_COMMIT, step), *range(total - OF_A_COMMIT, NEVER)]


BOTH_WAYS = pytest.mark.parametrize("side", list(Side))


@BOTH_WAYS
async def test_a_post_is_stored_once_wherever_its_commit_is_cut(
    postgres_server: PostgresServer, postgres_url: str, side: Side
) -> None:
    async with open_scene(postgres_server, postgres_url) as scene:
        offsets = await some_bytes(scene, side, OFTEN)
        counts = await cut_at(scene, side, offsets)
    assert counts.accepted > 0
    assert counts.cuts > OF_A_COMMIT


@BOTH_WAYS
async def test_a_post_is_stored_once_wherever_a_new_connection_is_cut(
    postgres_server: PostgresServer, postgres_url: str, side: Side
) -> None:
    async with open_scene(postgres_server, postgres_url) as scene:
        counts = await cut_at(scene, side, itertools.count(0, SELDOM), is_fresh=True)
    assert counts.cuts > SOME_CUTS


@pytest.mark.cluster
@pytest.mark.parametrize("part", range(PARTS))
@BOTH_WAYS
async def test_a_post_is_stored_once_after_whichever_byte_its_commit_is_cut(
    postgres_server: PostgresServer, postgres_url: str, side: Side, part: int
) -> None:
    async with open_scene(postgres_server, postgres_url) as scene:
        counts = await cut_at(scene, side, itertools.count(part, PARTS))
    print(f"{side.name} {part}: {counts}")  # noqa: T201 - the figures
    assert counts.cuts > OF_A_COMMIT


@BOTH_WAYS
async def test_a_doubt_that_lasts_ends_though_the_other_relay_posts_meanwhile(
    postgres_server: PostgresServer, postgres_url: str, side: Side
) -> None:
    errors = set[str]()
    async with open_scene(postgres_server, postgres_url) as scene:
        for after_bytes in await some_bytes(scene, side, SELDOM):
            text = f"cut {after_bytes:04}"
            scene.proxy.arm(Cut(side, after_bytes, text.encode()))
            scene.proxy.is_refusing = True
            reply = await scene.post(scene.here, text)
            if reply.status != HTTPStatus.OK:
                errors.add(reply.error)
            other = await scene.post(scene.there, f"between {after_bytes}")
            assert other.status == HTTPStatus.OK
            scene.proxy.is_refusing = False
            await scene.insist(text)
            if not scene.proxy.was_cut:
                break
    assert errors == UNAVAILABLE


async def test_a_post_whose_bytes_are_late_is_accepted(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with open_scene(postgres_server, postgres_url) as scene:
        scene.proxy.delay_seconds = 0.05
        assert await scene.insist("late") == []


@pytest.mark.cluster
@pytest.mark.parametrize("how", [How.SILENCE, How.HALF])
async def test_a_post_is_stored_once_if_the_connection_falls_silent_in_its_commit(
    postgres_server: PostgresServer, postgres_url: str, how: How
) -> None:
    """The server may keep the room locked until it gives the connection up."""

    async def try_one(room: str, side: Side, share: float, less: int) -> None:
        async with open_scene(postgres_server, postgres_url, room) as scene:
            scene.proxy.arm(Cut(side, NEVER, b"mark"))
            await scene.insist("mark 1")
            after_bytes = int(scene.proxy.passed[side] * share) - less
            scene.proxy.arm(Cut(side, after_bytes, b"mark", how=how))
            await scene.insist("mark 2")
            assert scene.proxy.was_cut

    async with trio.open_nursery() as nursery:
        for number, place in enumerate(SILENCES):
            nursery.start_soon(try_one, f"room{number}", *place)
