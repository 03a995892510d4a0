"""What the nodes of a store share besides rooms: seats, duties, settings, the quota."""

from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.invites import InviteRecord
from argybargy.domain.names import RoomKey
from argybargy.domain.nodes import NodeRecord
from argybargy.domain.room.commands import Close, Delete
from argybargy.domain.seat import Ear, SharedSeat
from argybargy.domain.sessions import SessionRecord
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake, WakePolicy
from argybargy.store.errors import RoomQuotaFull
from argybargy.store.memory.store import MemoryStore, open_memory_store
from argybargy.store.postgres.store import open_postgres_store
from argybargy.store.protocol import NODE_SECONDS, DirectoryHint, Hint, Store
from support.store_player import Player

WAIT_SECONDS = 30.0
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


@attrs.define
class Heard:
    """The hints that a node has heard."""

    hints: list[Hint] = attrs.field(factory=list)
    _more: trio.Event = attrs.field(factory=trio.Event)

    def take(self, hint: Hint) -> None:
        self.hints.append(hint)
        self._more.set()
        self._more = trio.Event()

    async def wait(self, count: int) -> None:
        with trio.fail_after(WAIT_SECONDS):
            while len(self.hints) < count:
                await self._more.wait()


@attrs.frozen
class Pair:
    """The store of a node, and that of another one on the same data."""

    here: Store
    there: Store


@pytest.fixture
async def shared() -> AsyncIterator[MemoryStore]:
    async with open_memory_store(is_shared=True) as opened:
        yield opened


@pytest.fixture(params=["memory", "postgres"])
async def pair(
    request: pytest.FixtureRequest, shared: MemoryStore
) -> AsyncIterator[Pair]:
    if request.param == "memory":
        yield Pair(shared, shared)
        return
    url = request.getfixturevalue("postgres_url")
    async with (
        open_postgres_store(url, needs_fsync=False) as here,
        open_postgres_store(url, needs_fsync=False) as there,
    ):
        yield Pair(here, there)


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
    assert (await store.meet(NodeRecord("here"))).others == ()
    await store.leave("here")
    assert await store.lead("here", "sweep")


# -- shared stores -----------------------------------------------------------------


async def test_of_two_nodes_one_gets_the_last_place_for_a_room(pair: Pair) -> None:
    full = list[str]()
    players = [
        Player.of(store, f"room{number}", node=f"node{number % 2}")
        for number, store in enumerate([pair.here, pair.there] * 4)
    ]

    async def begin(player: Player) -> None:
        player.most_rooms = 3
        try:
            await player.say("ann", "first")
        except RoomQuotaFull:
            full.append(player.room.name)

    async with trio.open_nursery() as nursery:
        for player in players:
            nursery.start_soon(begin, player)
    assert len(full) == len(players) - 3
    assert len((await pair.here.overview()).rooms) == 3


async def test_of_two_nodes_one_replaces_a_setting(pair: Pair) -> None:
    for before in None, b"0", b"1":
        replaced = list[bytes]()

        async def replace(store: Store, expected: bytes | None, value: bytes) -> None:
            if await store.set_setting("token", value, expected):
                replaced.append(value)  # noqa: B023 - awaited in this round

        if before is not None:
            now = await pair.here.setting("token")
            assert await pair.here.set_setting("token", before, now)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(replace, pair.here, before, b"here")
            nursery.start_soon(replace, pair.there, before, b"there")
        assert [await pair.there.setting("token")] == replaced


async def test_a_node_sees_who_is_at_the_others(pair: Pair) -> None:
    here, there = pair.here, pair.there
    assert await here.share("here", [ANN, BOB], None) == ()
    assert set(await there.share("there", [], None)) == {ANN, BOB}
    assert await there.share("there", [BOB], {LAB}) == (ANN,)
    later = attrs.evolve(ANN, name="ANN", seen_ms=8, is_parked=False)
    await here.share("here", [later], ())
    assert await there.share("there", [], {LAB}) == (later,)
    await here.share("here", [attrs.evolve(ANN, seen_ms=0)], ())
    assert await there.share("there", [], {LAB}) == ()
    assert len(await here.share("third", [], {BOB.room})) == 2


async def test_nodes_say_what_they_are(pair: Pair) -> None:
    here = NodeRecord("here", "a:1", "1.0", 5, 3, limits={"rooms": 7.0})
    there = NodeRecord("there", "b:1", "1.1", 6, 0, is_leading=True, clock_ms=-4)
    for store, node in (pair.here, here), (pair.there, there):
        await store.share(node.id, [], ())
    assert (await pair.here.meet(here)).others == ()
    assert (await pair.there.meet(there)).others == (here,)
    later = attrs.evolve(here, parked=9)
    assert (await pair.here.meet(later)).others == (there,)
    assert (await pair.there.meet(there)).others == (later,)
    await pair.here.leave("here")
    assert (await pair.there.meet(there)).others == ()


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


async def test_a_node_that_leaves_hands_over_at_once(pair: Pair) -> None:
    assert await pair.here.lead("here", "sweep")
    assert not await pair.there.lead("there", "sweep")
    await pair.here.share("here", [ANN], ())
    await pair.here.leave("here")
    assert await pair.there.lead("there", "sweep")
    assert await pair.there.share("there", [], None) == ()


async def test_of_nodes_that_ask_at_once_one_leads(pair: Pair) -> None:
    leading = list[str]()

    async def ask(store: Store, node: str) -> None:
        if await store.lead(node, "sweep"):
            leading.append(node)

    async with trio.open_nursery() as nursery:
        for number in range(6):
            store = pair.there if number % 2 else pair.here
            nursery.start_soon(ask, store, f"node{number}")
    assert len(leading) == 1


async def test_a_change_of_the_directory_is_counted_and_told(pair: Pair) -> None:
    heard, here = Heard(), pair.here
    session = SessionRecord(b"s" * 32, "::1", "", 1, 9, 1, "abcd")
    code = CodeRecord(b"c" * 32, "lab", "ann", "", 1)
    invite = InviteRecord(b"i" * 32, "lab", "bob", "", "", 1, 9, None)
    hook = WakeHook("lab", "ann", "https://a.example", "k")
    async with pair.there.watch(heard.take):
        before = await pair.there.directory_version()
        changes: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: here.add_codes([code], ()),
            lambda: here.update_codes([code]),
            lambda: here.save_invites([invite], ()),
            lambda: here.delete_invites([invite]),
            lambda: here.set_wake_hook(hook),
            lambda: here.remove_wake_hook("lab", "ann"),
            lambda: here.remove_codes([code], ()),
            lambda: here.open_session(session, (), ()),
            lambda: here.end_sessions([session], ()),
            lambda: here.set_setting("token", b"x", None),
            lambda: here.save_notices((), ()),
            lambda: here.adopt((), {}),
        )
        for number, change in enumerate(changes, start=1):
            await change()
            assert await pair.there.directory_version() == before + number
            await heard.wait(number)
            assert heard.hints == [DirectoryHint()] * number
        await here.update_sessions([session])
        await here.note({}, ())
        assert not await here.set_setting("token", b"y", None)
        assert await here.directory_version() == before + len(changes)


async def test_a_deleted_room_is_a_change_of_the_directory(pair: Pair) -> None:
    player = Player.of(pair.here)
    await player.say("ann", "hi")
    before = await pair.there.directory_version()
    await player.do(Close("ops"))
    assert await pair.there.directory_version() == before
    await player.do(Delete("ops"))
    assert await pair.there.directory_version() == before + 1


# -- the line of an ear ------------------------------------------------------------


def test_the_line_of_an_ear_is_read_back() -> None:
    ear = Ear.parse(ANN.ear)
    assert ear is not None
    assert ear.line == ANN.ear
