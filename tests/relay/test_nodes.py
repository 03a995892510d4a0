"""Nodes of one store: how they know each other, and what is logged between them."""

import attrs
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from argybargy.domain.errors import Problem, RelayError
from argybargy.relay.nodes import FAR_MS, SHARE_SECONDS
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore
from argybargy.store.protocol import NODE_SECONDS
from support.nodes import UNLIMITED, Node, guests, open_node, open_nodes, settled
from support.relay import SettableClocks

ROUNDS = 2 * SHARE_SECONDS + 0.1
"""Time in which each node has told the others, and has heard of them."""


def names(node: Node) -> list[str]:
    return sorted(each.name for each in node.relay.nodes.others)


async def test_nodes_know_each_other_until_one_ends(
    autojump_clock: trio.testing.MockClock,
) -> None:
    shared, clocks = MemoryStore(DEFAULT_LIMITS, is_shared=True), SettableClocks()
    async with open_node(shared, clocks, name="a:1") as here:
        async with open_node(shared, clocks, name="b:1") as there:
            bob = await there.guest("bob")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(there.poll, bob, 0, 60)
                await trio.sleep(ROUNDS)
                assert (names(here), names(there)) == (["b:1"], ["a:1"])
                (other,) = here.relay.nodes.others
                assert (other.parked, other.is_leading) == (1, False)
                (other,) = there.relay.nodes.others
                assert (other.parked, other.is_leading) == (0, True)
                nursery.cancel_scope.cancel()
        await trio.sleep(ROUNDS)
        assert names(here) == []


async def test_a_node_that_dies_is_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    shared, clocks = MemoryStore(DEFAULT_LIMITS, is_shared=True), SettableClocks()
    async with open_node(shared, clocks, name="a:1") as here:
        async with open_node(shared, clocks, name="b:1") as there:
            await trio.sleep(ROUNDS)
            there.mine.dies()
        await trio.sleep(NODE_SECONDS / 2)
        assert names(here) == ["b:1"]
        await trio.sleep(NODE_SECONDS / 2 + ROUNDS)
        assert names(here) == []


async def test_different_limits_are_logged_once_by_each_node(
    autojump_clock: trio.testing.MockClock,
) -> None:
    shared, clocks = MemoryStore(DEFAULT_LIMITS, is_shared=True), SettableClocks()
    other = attrs.evolve(UNLIMITED, rooms=7, text_chars=99)
    with capture_logs() as entries:
        async with (
            open_node(shared, clocks, name="a:1"),
            open_node(shared, clocks, other, name="b:1"),
            open_node(shared, clocks, name="c:1"),
        ):
            await trio.sleep(5 * ROUNDS)
    told = [each for each in entries if "different limits" in each["event"]]
    assert len(told) == 4
    assert all("rooms is " in each["limits"][0] for each in told)
    assert all("text_chars is " in each["limits"][1] for each in told)
    assert any(
        f"rooms is 7 at b:1 and {UNLIMITED.rooms:g} at a:1" in each["limits"]
        for each in told
    )


async def test_equal_limits_are_not_logged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with capture_logs() as entries:
        async with open_nodes():
            await trio.sleep(ROUNDS)
    assert entries == []


async def test_a_clock_far_from_that_of_the_store_is_logged_until_it_is_set(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(1) as (node,):
        node.mine.wall_ms = lambda: node.clock.now().wall_ms
        with capture_logs() as entries:
            for ahead_ms in (FAR_MS, -60_000, -60_000, 0, 60_000):
                node.mine.ahead_ms = ahead_ms
                await node.relay.nodes.round()
                await settled()
                assert node.relay.nodes.record().clock_ms == ahead_ms
        seconds = [each["store_is_ahead_seconds"] for each in entries]
        assert seconds == [-60.0, 60.0]


async def test_each_node_counts_the_reads_of_an_agent_for_itself(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = attrs.evolve(UNLIMITED, reads_per_window=3)
    async with open_nodes(2, limits) as nodes:
        (ann,) = await guests(nodes, "ann")
        for node in nodes:
            for _ in range(3):
                await node.poll(ann)
            with pytest.raises(RelayError) as refusal:
                await node.poll(ann)
            assert refusal.value.problem is Problem.RATE_LIMITED
