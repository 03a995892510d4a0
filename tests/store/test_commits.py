"""Commits as other nodes know them: nonces, doubts, turns and hints."""

from collections.abc import AsyncIterator

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.names import peer_key
from argybargy.domain.room.commands import Close, Delete, Open
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.following import follow
from argybargy.domain.room.state import Room
from argybargy.store.errors import Conflict, Yield
from argybargy.store.memory.commit_log import COMMITS_KEPT, TURN_SECONDS
from argybargy.store.memory.store import MemoryStore, open_memory_store
from argybargy.store.protocol import Hint, RoomHint, Store
from support.store_player import LIMITS, START, Player, texts


@pytest.fixture
async def in_memory() -> AsyncIterator[MemoryStore]:
    async with open_memory_store(is_shared=True) as opened:
        yield opened


@pytest.fixture(params=["in_memory", "postgres"])
def shared(request: pytest.FixtureRequest) -> Store:
    opened: Store = request.getfixturevalue(request.param)
    return opened


def two(store: Store) -> tuple[Player, Player]:
    return Player.of(store, node="here"), Player.of(store, node="there")


async def catch_up(player: Player) -> None:
    commits = await player.store.commits(player.room.name, player.room.version)
    assert commits is not None
    for commit in commits:
        followed = follow(player.room, commit, START, LIMITS)
        assert followed is not None
        player.room = followed


# -- every store -------------------------------------------------------------------


async def test_an_empty_commit_takes_the_place_of_one_that_never_came(
    store: Store,
) -> None:
    player = Player.of(store)
    await player.say("ann", "one")
    before = player.room
    await store.commit(before, 1, (), nonce="here-7")
    with pytest.raises(Conflict):
        await player.say("ann", "too late")
    player.room = before.at_version(2)
    await player.say("ann", "two")
    saved = await store.load("lab", 9)
    assert saved is not None
    assert (saved.version, texts(saved.messages)) == (3, ["one", "two"])


async def test_an_empty_commit_conflicts_with_the_one_that_came(store: Store) -> None:
    player = Player.of(store)
    await player.say("ann", "one")
    before = player.room
    await player.say("ann", "two")
    with pytest.raises(Conflict):
        await store.commit(before, before.version, (), nonce="here-7")
    assert await store.confirm({"lab": 2}) == frozenset()


async def test_a_room_whose_making_was_prevented_can_still_be_made(
    store: Store,
) -> None:
    player = Player.of(store)
    await store.commit(player.room, 0, (), nonce="here-7")
    assert (await store.overview()).rooms == ()
    saved = await store.load("lab", 9)
    assert saved is not None
    assert saved.is_deleted
    player.room = Room.deleted(saved, player.now)
    await player.say("ann", "first")
    assert (await store.overview()).rooms[0].version == 2


async def test_rooms_at_other_versions_are_found(store: Store) -> None:
    await Player.of(store, "Lab").say("ann")
    versions = {"LAB": 1, "nowhere": 0}
    assert await store.confirm(versions) == frozenset()
    versions = {"LAB": 2, "nowhere": 1}
    assert await store.confirm(versions) == {"LAB", "nowhere"}
    assert await store.confirm({}) == frozenset()


async def test_a_room_that_is_current_has_no_further_commits(store: Store) -> None:
    assert await store.commits("nowhere", 0) == ()
    player = Player.of(store)
    await player.say("ann")
    assert await store.commits("LAB", 1) == ()
    assert await store.commits("lab", 2) is None


async def test_a_store_that_is_not_shared_keeps_no_commits(store: Store) -> None:
    if store.info.is_shared:
        return
    player, heard = Player.of(store), list[Hint]()
    async with store.watch(heard.append):
        await player.say("ann")
        await player.say("ann")
    assert not store.info.is_shared
    assert await store.commits("lab", 1) is None
    assert heard == []


# -- a shared store ----------------------------------------------------------------


async def test_a_conflict_brings_the_missing_commits(shared: Store) -> None:
    here, there = two(shared)
    await here.say("ann", "one")
    await here.say("ann", "two")
    with pytest.raises(Conflict) as conflict:
        await there.say("bob")
    commits = conflict.value.commits
    assert [each.version for each in commits] == [1, 2]
    assert conflict.value.nonce == commits[0].nonce == "here-1"
    assert await shared.commits("lab", 0) == commits
    await catch_up(there)
    await there.say("bob", "three")
    assert texts((await shared.page("lab", peer_key("cid"), 0, 9, 999)).messages) == [
        *("one", "two", "three"),
    ]


async def test_a_commit_has_the_first_spelling_of_its_room(shared: Store) -> None:
    await Player.of(shared, "Lab").say("ann")
    other = Player.of(shared, "LAB")
    other.room = attrs.evolve(other.room, version=1, head=1, exists=True)
    await other.say("bob")
    commits = await shared.commits("lab", 0)
    assert commits is not None
    assert {each.status.name for each in commits} == {"Lab"}


async def test_only_the_newest_commits_are_kept(shared: Store) -> None:
    player = Player.of(shared)
    for _ in range(COMMITS_KEPT + 2):
        await player.say("ann")
    kept = await shared.commits("lab", 2)
    assert kept is not None
    assert len(kept) == COMMITS_KEPT
    assert await shared.commits("lab", 1) is None


async def test_who_loses_a_race_goes_first_for_a_while(
    in_memory: MemoryStore, autojump_clock: trio.testing.MockClock
) -> None:
    here, there = two(in_memory)
    await here.say("ann")
    with pytest.raises(Conflict):
        await there.say("bob")
    with pytest.raises(Yield):
        await here.say("ann")
    await catch_up(there)
    await there.say("bob")
    await catch_up(here)
    await here.say("ann")
    with pytest.raises(Conflict):
        await there.say("bob")
    with pytest.raises(Yield):
        await here.say("ann")
    await trio.sleep(TURN_SECONDS)
    await here.say("ann")


async def test_a_doubt_is_ended_out_of_turn(
    in_memory: MemoryStore, autojump_clock: trio.testing.MockClock
) -> None:
    here, there = two(in_memory)
    await here.say("ann")
    with pytest.raises(Conflict):
        await there.say("bob")
    await in_memory.commit(here.room, here.room.version, (), nonce="here-9")
    assert await in_memory.confirm({"lab": 2}) == frozenset()


async def test_hints_come_after_their_commits(in_memory: MemoryStore) -> None:
    player, heard = Player.of(in_memory), list[Hint]()
    async with in_memory.watch(heard.append):
        await player.say("ann")
        await player.do(Close("ops"))
        await player.do(Delete("ops"))
    await player.do(Open("ops"))
    commits = await in_memory.commits("lab", 0)
    assert commits is not None
    assert heard == [RoomHint("lab", each.version, each) for each in commits[:3]]


async def test_two_writers_leave_no_gap(
    in_memory: MemoryStore, autojump_clock: trio.testing.MockClock
) -> None:
    done: dict[str, int] = {}

    async def write(player: Player) -> None:
        for _ in range(200):
            while True:
                try:
                    await player.say(player.node)
                except Yield:
                    await trio.sleep(0.001)
                except Conflict:
                    await catch_up(player)
                else:
                    break
            done[player.node] = done.get(player.node, 0) + 1

    async with trio.open_nursery() as nursery:
        for player in two(in_memory):
            nursery.start_soon(write, player)
    kept = await in_memory.commits("lab", 400 - COMMITS_KEPT)
    assert kept is not None
    assert [each.version for each in kept] == list(range(401 - COMMITS_KEPT, 401))
    assert all(isinstance(each, Commit) for each in kept)
    saved = await in_memory.load("lab", 400)
    assert saved is not None
    assert (saved.version, saved.head) == (400, 400)
    assert [each.seq for each in saved.messages] == list(range(1, 401))
    assert done == {"here": 200, "there": 200}
