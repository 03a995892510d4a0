"""Rows 8, 9, 12 and 18: what nodes tell each other beside commits."""

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key, room_key
from argybargy.domain.seat import Ear, Listening
from argybargy.relay.api import operator
from argybargy.relay.api.agent import peers
from argybargy.relay.api.deletion import delete_room
from argybargy.relay.nodes import LEAD_SECONDS, SHARE_SECONDS
from argybargy.store.errors import Refused
from argybargy.store.protocol import NODE_SECONDS
from support.nodes import UNLIMITED, Node, guests, open_node, open_nodes, settled
from support.relay import ROOM

QUOTA = attrs.evolve(UNLIMITED, rooms=1)
ROUNDS = 2 * SHARE_SECONDS + 0.1
"""Time in which each node has told the others, and has heard of them."""


async def live_on_both(nodes: list[Node]) -> None:
    for node in nodes:
        await node.room()


# -- row 8: the quota of rooms -----------------------------------------------------


async def test_two_nodes_do_not_give_the_last_place_twice(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(limits=QUOTA) as nodes:
        here, there = nodes
        anna = await here.guest("anna", room="one")
        bob = await here.guest("bob", room="two")
        await there.learn_codes()
        outcomes: list[object] = []

        async def say(node: Node, code: object) -> None:
            try:
                outcomes.append((await node.post(code, "first")).message.seq)  # type: ignore[arg-type]
            except RelayError as error:
                outcomes.append(error.problem)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(say, here, anna)
            nursery.start_soon(say, there, bob)
        assert sorted(map(str, outcomes)) == sorted(map(str, (1, Problem.ROOM_QUOTA)))
        stored = await here.mine.shared.overview()
        assert sum(each.messages > 0 for each in stored.rooms) == 1


async def test_a_place_given_back_at_one_node_is_free_at_the_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(limits=QUOTA) as nodes:
        here, there = nodes
        anna = await here.guest("anna", room="one")
        bob = await here.guest("bob", room="two")
        await there.learn_codes()
        await here.post(anna, "first")
        with pytest.raises(RelayError) as refusal:
            await there.post(bob, "second")
        assert refusal.value.problem is Problem.ROOM_QUOTA
        assert not there.relay.quota.has_places_for(["two"])
        await operator.close_room(here.relay, "one", "ops")
        await delete_room(here.relay, "one", "ops")
        await settled()
        assert there.relay.quota.has_places_for(["two"])
        assert (await there.post(bob, "second")).message.seq == 1


# -- row 9: presence ---------------------------------------------------------------


async def listening(node: Node, code: object) -> dict[str, Listening]:
    found = await peers(node.relay, code)  # type: ignore[arg-type]
    return {seen.name: seen.listening for seen, _ in found}


async def test_a_poll_parked_at_one_node_is_seen_at_the_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "first")
        await live_on_both(nodes)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there.poll, bob, 1, 60)
            await trio.sleep(ROUNDS)
            assert (await listening(here, anna))["bob"] is Listening.PARKED
            overview, now = here.relay.overview, here.clock.now()
            overview.recompute(now)
            roster = overview.view(room_key(ROOM), now).roster
            assert {row.name: row.is_online for row in roster}["bob"]
            posted = await here.post(anna, "hello", to=("bob",))
            assert posted.delivery.to == (("bob", "parked"),)
            assert str(dict(posted.delivery.receipts)["bob"]) == "parked"
        await here.post(anna, "to all")
        await trio.sleep(ROUNDS)
        assert (await listening(here, anna))["bob"] is Listening.ONLINE
        posted = await here.post(anna, "again", to=("bob",))
        assert posted.delivery.to == (("bob", "online"),)


async def test_a_node_whose_seats_the_store_has_lost_stores_them_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there.poll, bob, 0, 300)
            await trio.sleep(ROUNDS)
            there.mine.forgets = True
            await trio.sleep(SHARE_SECONDS)
            assert not there.mine.forgets
            await trio.sleep(ROUNDS)
            assert (await listening(here, anna))["bob"] is Listening.PARKED
            nursery.cancel_scope.cancel()


async def test_a_node_that_was_stopped_for_long_stores_its_seats_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there.poll, bob, 0, 300)
            await trio.sleep(ROUNDS)
            # As if it had not run meanwhile: the store has forgotten it.
            await here.mine.shared.leave(there.relay.nodes.node)
            there.relay.nodes._shared_at -= NODE_SECONDS
            await trio.sleep(ROUNDS)
            assert (await listening(here, anna))["bob"] is Listening.PARKED
            nursery.cancel_scope.cancel()


async def test_who_was_at_a_node_that_dies_disappears(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(1) as nodes:
        (here,) = nodes
        anna = await here.guest("anna")
        with trio.CancelScope() as scope:
            async with open_node(here.mine.shared, here.clocks) as there:
                bob = await there.guest("bob")
                await here.learn_codes()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(there.poll, bob, 0, 60)
                    await here.room()
                    await trio.sleep(ROUNDS)
                    assert "bob" in await listening(here, anna)
                    there.mine.dies()
                    scope.cancel()
        assert "bob" in await listening(here, anna)
        await trio.sleep(NODE_SECONDS + ROUNDS)
        assert "bob" not in await listening(here, anna)


async def test_a_node_that_stops_in_order_takes_its_peers_with_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(1) as nodes:
        (here,) = nodes
        anna = await here.guest("anna")
        async with open_node(here.mine.shared, here.clocks) as there:
            bob = await there.guest("bob")
            await here.learn_codes()
            await there.poll(bob, 0)
            await here.room()
            await trio.sleep(ROUNDS)
            assert "bob" in await listening(here, anna)
        await trio.sleep(SHARE_SECONDS + 0.1)
        assert "bob" not in await listening(here, anna)


async def test_a_status_is_told_at_the_other_node(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        await there.poll(bob, 0)
        now = there.clock.now()
        there.relay.presence.state(bob.peer, "reading", now.steady_seconds)
        await trio.sleep(ROUNDS)
        found = await peers(here.relay, anna)
        assert [seen.status for seen, _ in found if seen.name == "bob"] == ["reading"]


async def test_an_ear_holds_its_seat_at_all_nodes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first, second = Ear.parse("codex/1 queue aaa"), Ear.parse("codex/1 queue bbb")
    async with open_nodes() as nodes:
        here, there = nodes
        _, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        await there.poll(bob, 0, ear=first)
        await trio.sleep(ROUNDS)
        with pytest.raises(RelayError) as refusal:
            await here.poll(bob, 0, ear=second)
        assert refusal.value.problem is Problem.SEAT_TAKEN
        assert refusal.value.facts["held_by"] == "codex/1 queue"
        await here.poll(bob, 0, ear=first)
        await trio.sleep(60)
        await here.poll(bob, 0, ear=second)


async def test_of_two_ears_at_two_nodes_at_once_one_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first, second = Ear.parse("codex/1 queue aaa"), Ear.parse("codex/1 queue bbb")
    async with open_nodes() as nodes:
        here, there = nodes
        _, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        await here.poll(bob, 0, ear=second)
        await there.poll(bob, 0, ear=first)
        await trio.sleep(ROUNDS)
        with pytest.raises(RelayError):
            await here.poll(bob, 0, ear=second)
        await there.poll(bob, 0, ear=first)


# -- row 12: the idle budget -------------------------------------------------------


async def test_an_agent_that_changes_nodes_is_not_taken_for_one_that_returns(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        _, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        await here.poll(bob, 0)
        await trio.sleep(ROUNDS)
        for _ in range(12):
            await trio.sleep(10)
            await here.poll(bob, 0)
        await trio.sleep(ROUNDS)
        before = there.relay.presence.record(bob.peer, 0).waiting_since
        await there.poll(bob, 0)
        assert there.relay.presence.record(bob.peer, 0).waiting_since == before


# -- row 17: the first spelling ----------------------------------------------------


async def test_a_room_has_its_first_spelling_at_all_nodes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        for node in nodes:
            node.mine.holds = True
        await operator.open_room(here.relay, "Lab", "ops")
        await operator.open_room(there.relay, "LAB", "ops")
        for node in nodes:
            node.mine.deliver()
        await settled()
        assert [node.relay.spelling("lab") for node in nodes] == ["Lab", "Lab"]
        assert [(await node.relay.live("lab")).room.name for node in nodes] == [
            *("Lab", "Lab"),
        ]


# -- row 18: one node leads --------------------------------------------------------


async def test_one_node_at_a_time_leads(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(3) as nodes:
        for _ in range(5):
            assert [each.relay.nodes.is_leading for each in nodes] == [
                *(True, False, False),
            ]
            await trio.sleep(SHARE_SECONDS)
        nodes[0].mine.trouble = Refused("no connection")
        led = list[tuple[bool, ...]]()
        for _ in range(30):
            led.append(tuple(each.relay.nodes.is_leading for each in nodes))
            await trio.sleep(0.5)
        assert all(sum(each) <= 1 for each in led)
        assert led[-1][0] is False
        assert sum(led[-1]) == 1
        assert led.index(led[-1]) * 0.5 <= NODE_SECONDS + SHARE_SECONDS
        assert LEAD_SECONDS < NODE_SECONDS


async def test_only_the_leading_node_sweeps_the_store(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(1) as nodes:
        (here,) = nodes
        async with open_node(here.mine.shared, here.clocks) as there:
            await trio.sleep(9)
            assert here.mine.sweeps > 2
            assert there.mine.sweeps == 0


async def test_a_node_that_stops_hands_over(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(1) as nodes:
        (outer,) = nodes
        outer.mine.trouble = Refused("no connection")
        await trio.sleep(NODE_SECONDS + 1)
        async with open_node(outer.mine.shared, outer.clocks) as inner:
            assert inner.relay.nodes.is_leading
            outer.mine.trouble = None
            await trio.sleep(SHARE_SECONDS + 0.1)
            assert not outer.relay.nodes.is_leading
        await trio.sleep(SHARE_SECONDS + 0.1)
        assert outer.relay.nodes.is_leading


# -- a room deleted at another node ------------------------------------------------


@pytest.mark.parametrize("is_hinted", [True, False])
async def test_nothing_is_left_of_a_room_that_was_deleted_at_another_node(
    autojump_clock: trio.testing.MockClock, *, is_hinted: bool
) -> None:
    limits = Limits(reads_per_window=100)
    async with open_nodes(limits=limits) as nodes:
        here, there = nodes
        (anna,) = await guests(nodes, "anna")
        await there.set_hook(anna)
        await there.poll(anna, 0)
        await settled()
        assert len(here.relay.hooks) == 1
        there.mine.holds = not is_hinted
        await operator.close_room(here.relay, ROOM, "ops")
        await delete_room(here.relay, ROOM, "ops")
        there.mine.drop()
        if not is_hinted:
            there.mine.tell(None)
        await trio.sleep(1.1)
        assert len(there.relay.hooks) == 0
        assert there.relay.presence.find(anna.peer) is None
        assert not there.relay.knows(ROOM)
        assert peer_key("anna") not in there.relay.parked_peers(ROOM)
