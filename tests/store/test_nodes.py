"""What the nodes of a store share besides rooms: seats, duties, settings, the quota."""

from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.names import RoomKey
from argybargy.domain.seat import Ear, SharedSeat
from argybargy.domain.sessions import SessionRecord
from argybargy.domain.wake_policy import Wake, WakePolicy
from argybargy.store.errors import RoomQuotaFull
from argybargy.store.memory.store import MemoryStore, open_memory_store
from argybargy.store.protocol import NODE_SECONDS, DirectoryHint, Hint, Store
from support.store_player import Player

LAB = RoomKey("lab")
ANN = SharedSeat(
    LAB,
    "Ann",
    seen_ms=5,
    is_parked=True,
    is_listening=True,
    status="reading",
    ear="codex/1 queue abc",
    held_ms=9,
    policy=WakePolicy(Wake.ASKS, 1, 2),
)
BOB = SharedSeat(RoomKey("den"), "bob", seen_ms=7)


@pytest.fixture
async def shared() -> AsyncIterator[MemoryStore]:
    async with open_memory_store(is_shared=True) as opened:
        yield opened


# -- every store -------------------------------------------------------------------


async def test_the_last_place_for_rooms_with_messages_is_given_once(
    store: Store,
) -> None:
    lab, den = Player.of(store), Player.of(store, "den")
    lab.most_rooms = den.most_rooms = 1
    await lab.say("ann", "one")
    await lab.say("ann", "two")
    with pytest.raises(RoomQuotaFull):
        await den.say("ann", "one too many")
    assert await store.load("den", 9) is None
    den.most_rooms = 2
    await den.say("ann", "fits")


async def test_a_room_without_messages_takes_no_place(store: Store) -> None:
    empty, lab = Player.of(store, "empty"), Player.of(store)
    await store.commit(empty.room, 0, (), nonce="here-1")
    lab.most_rooms = 1
    await lab.say("ann", "one")


async def test_settings_are_replaced_by_those_who_know_them(store: Store) -> None:
    assert await store.setting("token") is None
    assert not await store.set_setting("token", b"x", b"other")
    assert await store.set_setting("token", b"one", None)
    assert not await store.set_setting("token", b"two", None)
    assert await store.setting("token") == b"one"
    assert await store.set_setting("token", b"two", b"one")
    assert await store.setting("token") == b"two"
    assert await store.setting("other") is None


async def test_the_only_node_leads_and_sees_nobody_else(store: Store) -> None:
    assert await store.lead("here", "sweep")
    assert await store.lead("here", "sweep")
    assert await store.share("here", [ANN], None) == ()
    assert await store.share("here", [], {LAB}) == ()
    await store.leave("here")
    assert await store.lead("here", "sweep")


# -- shared stores -----------------------------------------------------------------


async def test_a_node_sees_who_is_at_the_others(shared: MemoryStore) -> None:
    assert await shared.share("here", [ANN, BOB], None) == ()
    assert set(await shared.share("there", [], None)) == {ANN, BOB}
    assert await shared.share("there", [BOB], {LAB}) == (ANN,)
    later = attrs.evolve(ANN, name="ANN", seen_ms=8, is_parked=False)
    await shared.share("here", [later], ())
    assert await shared.share("there", [], {LAB}) == (later,)
    await shared.share("here", [attrs.evolve(ANN, seen_ms=0)], ())
    assert await shared.share("there", [], {LAB}) == ()
    assert len(await shared.share("third", [], {BOB.room})) == 2


async def test_a_node_that_says_nothing_is_forgotten(
    shared: MemoryStore, autojump_clock: trio.testing.MockClock
) -> None:
    await shared.share("here", [ANN], ())
    await trio.sleep(NODE_SECONDS / 2)
    await shared.share("here", [], ())
    await trio.sleep(NODE_SECONDS - 1)
    assert await shared.share("there", [], None) == (ANN,)
    await trio.sleep(2)
    assert await shared.share("there", [], None) == ()


async def test_one_node_leads_until_it_says_nothing(
    shared: MemoryStore, autojump_clock: trio.testing.MockClock
) -> None:
    assert await shared.lead("here", "sweep")
    assert not await shared.lead("there", "sweep")
    assert await shared.lead("there", "nudges")
    await trio.sleep(NODE_SECONDS - 1)
    assert await shared.lead("here", "sweep")
    await trio.sleep(2)
    assert not await shared.lead("there", "sweep")
    await trio.sleep(NODE_SECONDS)
    assert await shared.lead("there", "sweep")
    assert not await shared.lead("here", "sweep")


async def test_a_node_that_leaves_hands_over_at_once(shared: MemoryStore) -> None:
    assert await shared.lead("here", "sweep")
    await shared.share("here", [ANN], ())
    await shared.leave("here")
    assert await shared.lead("there", "sweep")
    assert await shared.share("there", [], None) == ()


async def test_a_change_of_the_directory_is_counted_and_told(
    shared: MemoryStore,
) -> None:
    heard: list[Hint] = []
    session = SessionRecord(b"s" * 32, "::1", "", 1, 9, 1, "abcd")
    async with shared.watch(heard.append):
        before = await shared.directory_version()
        changes: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: shared.add_codes([CodeRecord(b"c" * 32, "lab", "ann", "", 1)], ()),
            lambda: shared.open_session(session, (), ()),
            lambda: shared.end_sessions([session], ()),
            lambda: shared.set_setting("token", b"x", None),
            lambda: shared.remove_wake_hook("lab", "ann"),
            lambda: shared.save_notices((), ()),
        )
        for number, change in enumerate(changes, start=1):
            await change()
            assert await shared.directory_version() == before + number
            assert heard == [DirectoryHint()] * number
        await shared.update_sessions([session])
        await shared.note({}, ())
        assert not await shared.set_setting("token", b"y", None)
        assert await shared.directory_version() == before + len(changes)


# -- the line of an ear ------------------------------------------------------------


def test_the_line_of_an_ear_is_read_back() -> None:
    ear = Ear.parse(ANN.ear)
    assert ear is not None
    assert ear.line == ANN.ear
