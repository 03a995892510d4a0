"""Concurrent searches: one at a time per peer."""

import attrs
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.search.query import Findings, Query, Scope, parse_search
from argybargy.relay.access.concurrency_limit import QUEUE_SECONDS
from argybargy.relay.api.search import search_as, search_everywhere
from argybargy.store.memory.store import MemoryStore
from support.relay import RelayHarness, open_harness

LIMITS = Limits()


@attrs.define(eq=False)
class HeldStore(MemoryStore):
    """A store whose searches wait for a gate."""

    asked: list[str | None] = attrs.field(factory=list)
    may_go: trio.Event = attrs.field(factory=trio.Event)

    async def search(
        self, query: Query, scope: Scope, before: int, limit: int, max_bytes: int
    ) -> Findings:
        self.asked.append(scope.reader)
        await self.may_go.wait()
        return await super().search(query, scope, before, limit, max_bytes)


async def look(harness: RelayHarness, who: CodeRecord, said: list[str]) -> None:
    query = parse_search("word", LIMITS)
    try:
        await search_as(harness.relay, who, query, MAX_SEQ, 20)
    except RelayError as error:
        said.append(error.problem.name)
    else:
        said.append("found")


async def test_searches_of_one_peer_run_one_at_a_time_beside_those_of_others() -> None:
    store = HeldStore(LIMITS)
    async with open_harness(LIMITS, store) as harness:
        eve, bob = await harness.guest("eve"), await harness.guest("bob")
        said: list[str] = []
        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(look, harness, eve, said)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(look, harness, bob, said)
            nursery.start_soon(
                search_everywhere,
                *(harness.relay, parse_search("word", LIMITS), None, MAX_SEQ, 20),
            )
            await trio.testing.wait_all_tasks_blocked()
            assert sorted(store.asked, key=str) == [None, "bob", "eve"]
            assert said == [Problem.BUSY.name] * 2
            store.may_go.set()
        assert said.count("found") == 5
        assert store.asked.count("eve") == LIMITS.searches_per_peer


async def test_a_search_waits_for_its_peers_earlier_one_up_to_a_deadline(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = HeldStore(LIMITS)
    async with open_harness(LIMITS, store) as harness:
        eve = await harness.guest("eve")
        said: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look, harness, eve, said)
            nursery.start_soon(look, harness, eve, said)
            await trio.sleep(QUEUE_SECONDS + 1)
            assert said == [Problem.BUSY.name]
            store.may_go.set()
        await look(harness, eve, said)
        assert said[1:] == ["found", "found"]


async def test_a_cancelled_search_gives_up_its_turn() -> None:
    store = HeldStore(LIMITS)
    async with open_harness(LIMITS, store) as harness:
        eve = await harness.guest("eve")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look, harness, eve, [])
            nursery.start_soon(look, harness, eve, [])
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        store.may_go.set()
        said: list[str] = []
        with trio.fail_after(60):
            await look(harness, eve, said)
        assert said == ["found"]


async def test_unused_search_queues_are_dropped() -> None:
    async with open_harness(LIMITS) as harness:
        eve = await harness.guest("eve")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look, harness, eve, [])
            nursery.start_soon(look, harness, eve, [])
        assert harness.relay.searches._queues == {}
