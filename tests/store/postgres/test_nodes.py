"""Two nodes on one PostgreSQL: races, turns, hints and gaps."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import psycopg
import pytest
import trio

from argybargy.domain.access_codes import CodeRecord, digest_code
from argybargy.domain.invites import InviteRecord
from argybargy.domain.names import RoomKey
from argybargy.domain.nodes import NodeRecord
from argybargy.domain.room.commands import Close, Delete, Open
from argybargy.domain.room.following import follow
from argybargy.domain.room.writes import Audit
from argybargy.domain.seat import SharedSeat
from argybargy.store.errors import Conflict, Refused, StoreError, Yield
from argybargy.store.memory.commit_log import TURN_SECONDS
from argybargy.store.postgres.hints import PAYLOAD_BYTES
from argybargy.store.postgres.store import PostgresStore
from argybargy.store.protocol import NODE_SECONDS, DirectoryHint, Hint, RoomHint
from support.store_player import LIMITS, START, START_MS, Player

WAIT_SECONDS = 30.0
ANN = SharedSeat(RoomKey("lab"), "Ann", seen_ms=5, is_parked=True)


@attrs.define
class Heard:
    """The hints that a node has heard."""

    hints: list[Hint] = attrs.field(factory=list)
    _more: trio.Event = attrs.field(factory=trio.Event)

    def take(self, hint: Hint) -> None:
        self.hints.append(hint)
        self._more.set()
        self._more = trio.Event()

    async def wait(self, condition: Callable[[list[Hint]], bool]) -> None:
        with trio.fail_after(WAIT_SECONDS):
            while not condition(self.hints):
                await self._more.wait()


@asynccontextmanager
async def listening(store: PostgresStore) -> AsyncIterator[Heard]:
    heard = Heard()
    async with store.watch(heard.take):
        yield heard


def rooms(hints: list[Hint]) -> list[RoomHint]:
    return [hint for hint in hints if isinstance(hint, RoomHint)]


def two(one: PostgresStore, other: PostgresStore) -> tuple[Player, Player]:
    return Player.of(one, node="here"), Player.of(other, node="there")


async def catch_up(player: Player) -> None:
    commits = await player.store.commits(player.room.name, player.room.version)
    assert commits is not None
    for commit in commits:
        followed = follow(player.room, commit, START, LIMITS)
        assert followed is not None
        player.room = followed


async def test_another_node_hears_of_each_commit(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    player = Player.of(postgres, "Lab")
    async with listening(other) as heard, listening(postgres) as own:
        await player.say("ann", "héllo", "bob", expects="bob", idempotency_key="k")
        await player.do(Close("ops"))
        await player.do(Delete("ops"))
        await heard.wait(lambda hints: len(rooms(hints)) == 3)
        commits = await other.commits("lab", 0)
        assert commits is not None
        assert rooms(heard.hints) == [
            RoomHint("Lab", each.version, each) for each in commits
        ]
        assert rooms(own.hints) == []


async def test_a_long_commit_is_hinted_at_without_its_content(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    player = Player.of(postgres)
    async with listening(other) as heard:
        await player.say("ann", "x" * PAYLOAD_BYTES)
        await heard.wait(lambda hints: len(rooms(hints)) == 1)
    assert rooms(heard.hints) == [RoomHint("lab", 1, None)]


async def test_changed_codes_are_told_to_other_nodes(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    code = CodeRecord(digest_code("x"), "lab", "ann", "", START_MS)
    async with listening(other) as heard:
        await postgres.add_codes([code], [])
        await heard.wait(lambda hints: DirectoryHint() in hints)
    assert await other.codes() == (code,)


async def test_a_node_that_starts_tells_others_of_a_gap(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    async with listening(other) as heard, listening(postgres):
        await heard.wait(lambda hints: None in hints)


async def end_connections(url: str, query: str = "%") -> None:
    """End the server's side of connections, by their last statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND query LIKE %s",
            (query,),
        )


async def test_a_lost_connection_is_a_gap_and_hints_go_on(
    postgres: PostgresStore, other: PostgresStore, postgres_url: str
) -> None:
    player = Player.of(postgres)
    async with listening(other) as heard:
        await player.say("ann")
        await heard.wait(lambda hints: len(rooms(hints)) == 1)
        await end_connections(postgres_url)
        # Once for what it missed, and once more when it can hear again.
        await heard.wait(lambda hints: hints.count(None) >= 2)
        await _again(player)
        await heard.wait(lambda hints: len(rooms(hints)) == 2 or None in hints[3:])


async def _again(player: Player) -> None:
    """Say something; the first attempts may meet connections that have ended."""
    for _ in range(5):
        try:
            await player.say("ann", "again")
        except StoreError:
            continue
        return
    raise AssertionError("no attempt succeeded")


async def test_a_sender_that_lost_hints_tells_of_a_gap(
    postgres: PostgresStore, other: PostgresStore, postgres_url: str
) -> None:
    player = Player.of(postgres)
    async with listening(other) as heard:
        await player.say("ann")
        await heard.wait(lambda hints: len(rooms(hints)) == 1)
        await end_connections(postgres_url, "%pg_notify%")
        await player.say("ann")
        await heard.wait(lambda hints: None in hints[1:] or len(rooms(hints)) == 2)


async def test_who_loses_a_race_goes_first_for_a_while(
    postgres: PostgresStore, other: PostgresStore, postgres_url: str
) -> None:
    here, there = two(postgres, other)
    await here.say("ann")
    with pytest.raises(Conflict):
        await there.say("bob")
    hold_turn(postgres_url, "there")
    with pytest.raises(Yield):
        await here.say("ann")
    # A doubt is ended out of turn.
    await postgres.commit(here.room, 1, (), nonce="here-9")
    await catch_up(there)
    await there.say("bob")
    await catch_up(here)
    await here.say("ann")


def hold_turn(url: str, node: str) -> None:
    """Make the turn of a node last, so that a slow machine does not miss it."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT turn FROM rooms").fetchone()
        assert row == (node,)
        connection.execute("UPDATE rooms SET turn_until = 'infinity'")


async def test_a_turn_ends_by_itself(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    here, there = two(postgres, other)
    await here.say("ann")
    with pytest.raises(Conflict):
        await there.say("bob")
    await trio.sleep(TURN_SECONDS)
    await here.say("ann")


async def _say_until_told(player: Player, times: int) -> None:
    """Commit some messages, against other nodes that do the same."""
    for _ in range(times):
        while True:
            try:
                await player.say(player.node)
            except Yield:
                await trio.sleep(0.001)
            except Conflict:
                await catch_up(player)
            else:
                break


async def test_two_writers_leave_no_gap(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    async with trio.open_nursery() as nursery:
        for player in two(postgres, other):
            nursery.start_soon(_say_until_told, player, 40)
    saved = await postgres.load("lab", 100)
    assert saved is not None
    assert (saved.version, saved.head) == (80, 80)
    assert [each.seq for each in saved.messages] == list(range(1, 81))
    kept = await other.commits("lab", 0)
    assert kept is not None
    assert [each.version for each in kept] == list(range(1, 81))


async def test_rooms_of_both_nodes_are_committed_together_without_a_deadlock(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    names = [f"room{number}" for number in range(20)]

    async def write(store: PostgresStore, name: str, node: str) -> None:
        await _say_until_told(Player.of(store, name, node=node), 4)

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(write, postgres, name, "here")
        for name in reversed(names):
            nursery.start_soon(write, other, name, "there")
    assert await postgres.confirm(dict.fromkeys(names, 8)) == frozenset()
    assert postgres.statistics().batches < 80


async def test_an_invite_is_redeemed_on_one_node_only(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    invite = InviteRecord(digest_code("i"), "lab", "", "", "cli", 5, 900_005, None)
    await postgres.save_invites([invite], [])
    outcomes = []

    async def redeem(store: PostgresStore, name: str) -> None:
        code = CodeRecord(digest_code(name), "lab", name, "", START_MS)
        try:
            await store.redeem_invite(invite.used(9, code.key_id), code, [])
        except Conflict:
            outcomes.append("")
        else:
            outcomes.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(redeem, postgres, "ann")
        nursery.start_soon(redeem, other, "bob")
    (winner,) = filter(None, outcomes)
    assert [each.name for each in await postgres.codes()] == [winner]


async def test_a_late_flush_does_not_move_a_cursor_back(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    code = CodeRecord(digest_code("x"), "lab", "ann", "", START_MS)
    await postgres.add_codes([code], [])
    await postgres.note({("lab", "ann"): 7}, [])
    await other.note({("LAB", "Ann"): 5}, [Audit(1, "x")])
    assert await postgres.cursors("lab") == {"ann": 7}


async def test_a_write_that_fails_alone_does_not_fail_the_others(
    postgres: PostgresStore,
) -> None:
    good, bad = Player.of(postgres, "good"), Player.of(postgres, "bad")
    await bad.do(Open("ops"))
    bad.room = attrs.evolve(bad.room, created_ms=2**63)
    outcomes: list[str] = []

    async def say(player: Player) -> None:
        try:
            await player.say("ann", "hi")
        except psycopg.DataError:
            outcomes.append("refused")
        else:
            outcomes.append(player.room.name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(say, bad)
        nursery.start_soon(say, good)
    assert sorted(outcomes) == ["good", "refused"]
    assert math.isfinite(postgres.statistics().commit_seconds.total)


# -- signs of life -----------------------------------------------------------------


def rewind(url: str, table: str, column: str, seconds: float) -> None:
    """Let the server's clock run ahead, for one table."""
    with psycopg.connect(url) as connection:
        sql = f"UPDATE {table} SET {column} = {column} - %s * interval '1 s'"
        connection.execute(sql, (seconds,))


async def test_a_node_that_says_nothing_is_forgotten(
    postgres_url: str, postgres: PostgresStore, other: PostgresStore
) -> None:
    await postgres.share("here", [ANN], ())
    rewind(postgres_url, "nodes", "heard_at", NODE_SECONDS - 5)
    assert await other.share("there", [], None) == (ANN,)
    rewind(postgres_url, "nodes", "heard_at", 6)
    assert await other.share("there", [], None) == ()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT node FROM seats").fetchall() == []


async def test_a_forgotten_node_is_told_to_share_all_again(
    postgres_url: str, postgres: PostgresStore, other: PostgresStore
) -> None:
    await postgres.share("here", [ANN], ())
    rewind(postgres_url, "nodes", "heard_at", NODE_SECONDS + 1)
    await other.share("there", [], None)
    with pytest.raises(Refused, match="forgotten"):
        await postgres.share("here", [], ())
    assert await postgres.share("here", [ANN], ()) == ()
    assert await other.share("there", [], None) == (ANN,)


async def test_a_duty_ends_by_the_clock_of_the_server(
    postgres_url: str, postgres: PostgresStore, other: PostgresStore
) -> None:
    assert await postgres.lead("here", "sweep")
    rewind(postgres_url, "duties", "until", NODE_SECONDS - 5)
    assert not await other.lead("there", "sweep")
    rewind(postgres_url, "duties", "until", 6)
    assert await other.lead("there", "sweep")
    assert not await postgres.lead("here", "sweep")


async def test_nodes_that_forget_the_same_node_do_not_wait_for_each_other(
    postgres_url: str, postgres: PostgresStore, other: PostgresStore
) -> None:
    for number in range(20):
        await postgres.share(f"dead{number}", [ANN], ())
    rewind(postgres_url, "nodes", "heard_at", NODE_SECONDS + 1)
    async with trio.open_nursery() as nursery:
        for number in range(20):
            store = postgres if number % 2 else other
            nursery.start_soon(store.share, f"new{number}", [ANN], None)
    assert len(await postgres.share("one more", [], None)) == 20


async def test_a_room_is_deleted_while_another_node_changes_the_directory(
    postgres: PostgresStore, other: PostgresStore
) -> None:
    players = [
        Player.of(postgres if number % 2 else other, f"room{number}", node=f"n{number}")
        for number in range(10)
    ]

    async def delete(player: Player) -> None:
        await player.say("ann", "hi")
        await player.do(Close("ops"))
        await player.do(Delete("ops"))

    async def change(store: PostgresStore, name: str) -> None:
        code = CodeRecord(digest_code(name), "lab", name, "", START_MS)
        await store.add_codes([code], [])
        await store.remove_codes([code], [])

    before = await other.directory_version()
    async with trio.open_nursery() as nursery:
        for number, player in enumerate(players):
            nursery.start_soon(delete, player)
            nursery.start_soon(change, postgres, f"ann{number}")
            nursery.start_soon(change, other, f"bob{number}")
    # Rooms that are deleted in one batch count as one change.
    assert before + 41 <= await other.directory_version() <= before + 50


async def test_the_clock_of_the_server_is_told(
    postgres_url: str, postgres: PostgresStore
) -> None:
    with psycopg.connect(postgres_url) as connection:
        sql = "SELECT extract(epoch FROM clock_timestamp()) * 1000"
        ((before,),) = connection.execute(sql).fetchall()
        meeting = await postgres.meet(NodeRecord("here"))
        ((after,),) = connection.execute(sql).fetchall()
    assert meeting.clock_ms is not None
    assert before - 1 <= meeting.clock_ms <= after + 1
