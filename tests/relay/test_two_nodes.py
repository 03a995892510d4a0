"""Two relays on one store: what one node commits holds on the other as well."""

from functools import partial

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import REOPENED
from argybargy.domain.names import room_key
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim, read_thread, release, resume
from argybargy.relay.api.deletion import delete_room
from argybargy.relay.api.poll_answer import PollAnswer
from argybargy.relay.following import CONFIRM_SECONDS
from argybargy.relay.overview.room_card import cards_by_room
from argybargy.store.errors import Refused
from support.cancel_points import cutting
from support.nodes import UNLIMITED, Node, guests, open_node, open_nodes, settled
from support.relay import ROOM, texts

LEASED = attrs.evolve(UNLIMITED, lease_seconds=2)


async def stored_texts(node: Node) -> list[str]:
    saved = await node.mine.shared.load(ROOM, 1_000)
    assert saved is not None
    return texts(saved.messages)


async def live_on_both(nodes: list[Node]) -> None:
    for node in nodes:
        await node.room()


# -- row 1: a commit with an unknown outcome ---------------------------------------


@pytest.mark.parametrize("has_followed", [True, False])
async def test_a_lost_commit_is_not_taken_for_that_of_another_node(
    autojump_clock: trio.testing.MockClock, *, has_followed: bool
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "first")
        await live_on_both(nodes)
        here.mine.holds = not has_followed
        here.mine.doubt = "lost"
        here.mine.meanwhile = partial(there.post, bob, "from B")
        with pytest.raises(RelayError) as refusal:
            await here.post(anna, "from A")
        assert refusal.value.problem is Problem.STORAGE_UNAVAILABLE
        assert await stored_texts(here) == ["first", "from B"]
        assert (await here.post(anna, "from A")).message.seq == 3
        assert await stored_texts(here) == ["first", "from B", "from A"]


async def test_an_applied_commit_is_acknowledged_though_another_node_went_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "first")
        await live_on_both(nodes)
        here.mine.holds = True
        here.mine.doubt = "applied"
        here.mine.meanwhile = partial(there.post, bob, "from B")
        assert (await here.post(anna, "from A")).message.seq == 2
        assert await stored_texts(here) == ["first", "from A", "from B"]
        await settled()
        assert (await here.room()).room.version == (await there.room()).room.version


async def test_a_lost_commit_without_anybody_else_never_comes_later(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "first")
        await live_on_both(nodes)
        here.mine.doubt = "lost"
        with pytest.raises(RelayError):
            await here.post(anna, "lost")
        assert (await there.post(bob, "second")).message.seq == 2
        assert (await here.post(anna, "third")).message.seq == 3
        assert await stored_texts(here) == ["first", "second", "third"]


# -- row 2: the wake-up ------------------------------------------------------------


@pytest.mark.parametrize("is_hinted", [True, False])
async def test_a_poll_is_woken_by_a_post_on_another_node(
    autojump_clock: trio.testing.MockClock, *, is_hinted: bool
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await there.poll(bob, 0, wait=20))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await there.wait_parked(1)
            there.mine.holds = not is_hinted
            began = trio.current_time()
            await here.post(anna, "wake up")
        assert texts(answers[0].page.messages) == ["wake up"]
        seconds = trio.current_time() - began
        assert seconds == 0 if is_hinted else seconds <= CONFIRM_SECONDS


async def test_a_gap_in_the_hints_makes_all_rooms_read_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        (anna,) = await guests(nodes, "anna")
        await live_on_both(nodes)
        there.mine.holds = True
        await here.post(anna, "missed")
        elsewhere = await here.guest("carol", room="elsewhere")
        await here.post(elsewhere, "missed as well")
        there.mine.drop()
        there.mine.tell(None)
        await settled()
        assert (await there.room()).room.head == 1
        assert there.relay.knows("elsewhere")
        found = {room: texts((each,)) for room, each in there.relay.overview.recent()}
        assert found == {ROOM: ["missed"], "elsewhere": ["missed as well"]}


# -- row 3: the reset --------------------------------------------------------------


async def test_a_cursor_of_another_node_is_not_beyond_the_head(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        there.mine.holds = True
        for number in range(5):
            await here.post(anna, str(number))
        answer = await there.poll(bob, 5)
        assert (answer.is_reset, answer.since, answer.page.messages) == (False, 5, ())
        await here.post(anna, "5")
        answer = await there.poll(bob, 6)
        assert (answer.is_reset, answer.since) == (False, 6)
        assert (await there.poll(bob, 99)).is_reset


# -- row 4: refusals ---------------------------------------------------------------


async def test_nothing_is_refused_because_a_node_has_not_heard(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        there.mine.holds = True
        await here.post(anna, "who?", expects="anyone")
        assert (await claim(there.relay, bob, 1, None)).lease.fence == 1
        there.mine.drop()
        await here.post(anna, "and who else?", expects="anyone")
        thread = await read_thread(there.relay, await there.room(), bob.reads_as, 2)
        assert thread.message.text == "and who else?"
        await operator.close_room(there.relay, ROOM, "ops")
        await operator.open_room(here.relay, ROOM, "ops")
        assert (await there.post(bob, "open?")).message.seq == 3
        await operator.open_room(here.relay, "new", "ops")
        there.mine.drop()
        assert (await operator.close_room(there.relay, "NEW", "ops")).name == "new"


async def test_a_poll_does_not_end_because_its_node_takes_a_room_for_closed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        (bob,) = await guests(nodes, "bob")
        await operator.close_room(there.relay, ROOM, "ops")
        there.mine.holds = True
        await operator.open_room(here.relay, ROOM, "ops")
        answer = await there.poll(bob, 0, wait=3)
        assert not answer.status.is_closed
        assert not answer.budget.should_exit


async def test_a_claim_that_ended_elsewhere_is_neither_kept_nor_renewed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob, carol = await guests(nodes, "anna", "bob", "carol")
        await here.post(anna, "who?", expects="anyone")
        await live_on_both(nodes)
        there.mine.holds = True
        await claim(here.relay, bob, 1, None)
        await release(there.relay, bob, 1)
        there.mine.drop()
        assert (await claim(here.relay, bob, 1, None)).lease.fence == 2
        await release(here.relay, bob, 1)
        assert (await claim(here.relay, carol, 1, None)).lease.fence == 3
        with pytest.raises(RelayError) as refusal:
            await claim(there.relay, bob, 1, None)
        assert refusal.value.problem is Problem.CLAIMED_BY_OTHER


async def test_of_many_claims_on_both_nodes_one_wins(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        peers = await guests(nodes, *(f"peer{number}" for number in range(16)))
        for number in range(1, 11):
            await nodes[number % 2].post(peers[0], "who?", expects="anyone")
        holders: dict[int, list[str]] = {}
        refusals = set[Problem]()

        async def contend(number: int, seq: int) -> None:
            try:
                granted = await claim(nodes[number % 2].relay, peers[number], seq, None)
            except RelayError as error:
                refusals.add(error.problem)
            else:
                holders.setdefault(seq, []).append(granted.lease.holder)

        async with trio.open_nursery() as nursery:
            for seq in range(1, 11):
                for number in range(1, 16):
                    nursery.start_soon(contend, number, seq)
        assert sorted(holders) == list(range(1, 11))
        assert all(len(won) == 1 for won in holders.values())
        assert refusals == {Problem.CLAIMED_BY_OTHER}


# -- row 5: leases -----------------------------------------------------------------


async def test_a_holder_that_polls_one_node_keeps_its_claim_on_the_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(limits=LEASED) as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "who?", expects="anyone")
        await live_on_both(nodes)
        await claim(here.relay, bob, 1, None)
        for _ in range(20):
            await trio.sleep(0.5)
            await here.poll(bob, 1)
        assert (await there.room()).room.leases[1].holder == "bob"
        await release(here.relay, bob, 1)


async def test_a_parked_poll_keeps_a_claim_on_all_nodes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(limits=LEASED) as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "who?", expects="anyone")
        await live_on_both(nodes)
        await claim(here.relay, bob, 1, None)
        assert not (await here.poll(bob, 1, wait=20)).page.messages
        assert (await there.room()).room.leases[1].fence == 1


async def test_the_claim_of_a_silent_holder_ends_once_and_at_most_a_tenth_late(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = attrs.evolve(UNLIMITED, lease_seconds=20)
    async with open_nodes(limits=limits) as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "who?", expects="anyone")
        await live_on_both(nodes)
        await claim(here.relay, bob, 1, None)
        await trio.sleep(19)
        await here.poll(bob, 1)
        await trio.sleep(20)
        assert (await there.room()).room.leases
        await trio.sleep(2.1)
        assert not (await there.room()).room.leases
        heard = (await there.poll(anna, 1)).page.messages
        assert [(each.event, each.reply_to) for each in heard] == [(REOPENED, 1)]


async def test_a_node_that_loads_a_room_knows_when_its_leases_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = attrs.evolve(UNLIMITED, lease_seconds=20)
    async with open_nodes(limits=limits) as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "who?", expects="anyone")
        await claim(here.relay, bob, 1, None)
        await trio.sleep(15)
        leases = (await there.room()).room.leases
        assert leases[1].lapses_at == (await here.room()).room.leases[1].lapses_at


# -- row 6: the rate limit ---------------------------------------------------------


@pytest.mark.parametrize("holds", [True, False])
async def test_both_nodes_together_accept_as_many_posts_as_one(
    autojump_clock: trio.testing.MockClock, *, holds: bool
) -> None:
    limits = Limits(posts_per_window=10, reads_per_window=0)
    async with open_nodes(limits=limits) as nodes:
        (anna,) = await guests(nodes, "anna")
        for node in nodes:
            node.mine.holds = holds
        accepted, refusals = 0, set[Problem]()
        for number in range(40):
            try:
                await nodes[number % 2].post(anna, str(number))
            except RelayError as error:
                refusals.add(error.problem)
            else:
                accepted += 1
        assert accepted == 10
        assert refusals == {Problem.RATE_LIMITED}


async def test_a_node_that_loads_a_room_counts_the_posts_in_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = Limits(posts_per_window=3, reads_per_window=0)
    async with open_nodes(limits=limits) as nodes:
        here, there = nodes
        (anna,) = await guests(nodes, "anna")
        for number in range(3):
            await here.post(anna, str(number))
        with pytest.raises(RelayError) as refusal:
            await there.post(anna, "one more")
        assert refusal.value.problem is Problem.RATE_LIMITED
        await trio.sleep(limits.window_seconds)
        await there.post(anna, "one more")


# -- row 7: codes ------------------------------------------------------------------


async def test_a_code_made_on_one_node_works_on_the_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna = await here.guest("anna")
        await settled()
        assert (await there.post(anna, "hello")).message.seq == 1


@pytest.mark.parametrize("is_in_memory", [True, False])
async def test_a_code_revoked_on_one_node_posts_nothing_on_the_other(
    autojump_clock: trio.testing.MockClock, *, is_in_memory: bool
) -> None:
    """Though the other has not heard of it."""
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "before")
        if is_in_memory:
            await there.room()
        await settled()
        there.mine.holds = True
        await operator.revoke(here.relay, "anna", ROOM, everywhere=False)
        assert there.relay.codes.is_live(anna, there.clock.now())
        with pytest.raises(RelayError) as refusal:
            await there.post(anna, "after")
        assert refusal.value.problem is Problem.UNAUTHORIZED
        assert (await there.post(bob, "I may")).message.text == "I may"
        assert "after" not in await stored_texts(here)


async def test_a_parked_poll_ends_when_its_code_is_revoked_on_another_node(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        (anna,) = await guests(nodes, "anna")
        problems: list[Problem] = []

        async def listen() -> None:
            with pytest.raises(RelayError) as refusal:
                await there.poll(anna, 0, wait=20)
            problems.append(refusal.value.problem)

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await there.wait_parked(1)
            await operator.revoke(here.relay, "anna", ROOM, everywhere=False)
        assert problems == [Problem.UNAUTHORIZED]
        assert trio.current_time() - began <= CONFIRM_SECONDS


# -- row 10: cursors ---------------------------------------------------------------


async def test_an_agent_that_changes_nodes_resumes_where_it_was(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        for number in range(4):
            await here.post(anna, str(number))
        await here.poll(bob, 3)
        await here.relay.write_behind.flush()
        there.mine.holds = True
        answer = await there.poll(bob, None)
        assert (answer.since, texts(answer.page.messages)) == (3, ["3"])
        assert (await resume(there.relay, bob)).cursor == 3


async def test_a_late_flush_does_not_move_a_cursor_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        for number in range(4):
            await here.post(anna, str(number))
        await here.poll(bob, 1)
        await there.poll(bob, 4)
        await there.relay.write_behind.flush()
        await here.relay.write_behind.flush()
        assert await here.mine.shared.cursors(ROOM) == {"bob": 4}
        assert (await here.poll(bob, None)).since == 4


# -- row 20: receipts --------------------------------------------------------------


async def test_a_retry_on_another_node_is_no_second_post(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        (anna,) = await guests(nodes, "anna")
        await live_on_both(nodes)
        there.mine.holds = True
        first = await here.post(anna, "once", key="k")
        again = await there.post(anna, "once", key="k")
        assert (again.is_duplicate, again.message.seq) == (True, first.message.seq)
        assert await stored_texts(here) == ["once"]


# -- the overview ------------------------------------------------------------------


async def test_the_overview_follows_rooms_that_are_not_in_memory(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        carol = await here.guest("carol", room="Other")
        await here.post(anna, "who?", expects="anyone")
        await here.post(anna, "and who else?", to=("bob",))
        await claim(here.relay, bob, 1, None)
        await here.post(carol, "hello")
        await operator.close_room(here.relay, "other", "ops")
        assert there.relay.find_live(ROOM) is None
        now, overview = there.clock.now(), there.relay.overview
        stored = await there.mine.shared.overview()
        assert overview.cards == cards_by_room(stored, now)
        assert overview.recent() == here.relay.overview.recent()
        await delete_room(here.relay, "other", "ops")
        assert not there.relay.knows("other")
        assert there.relay.spelling("other") == "other"
        await here.post(bob, "mine", reply_to=1)
        stored = await there.mine.shared.overview()
        assert overview.cards == cards_by_room(stored, now)
        assert overview.recent() == here.relay.overview.recent()


async def test_the_overview_reads_a_room_whose_hints_were_lost(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        there.mine.holds = True
        await here.post(anna, "lost")
        there.mine.drop()
        there.mine.holds = False
        await here.post(bob, "heard")
        await settled()
        assert there.relay.find_live(ROOM) is None
        assert texts(tuple(each for _, each in there.relay.overview.recent())) == [
            *("lost", "heard"),
        ]
        version = there.relay.overview.version_of(room_key(ROOM))
        assert version == (await here.room()).room.version


# -- hints -------------------------------------------------------------------------


async def test_hints_during_a_read_of_missing_commits_are_not_lost(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        (anna,) = await guests(nodes, "anna")
        await live_on_both(nodes)
        there.mine.holds = True
        await here.post(anna, "one")
        there.mine.drop()
        await here.post(anna, "two")
        there.mine.gate = trio.Event()
        there.mine.deliver()
        there.mine.holds = False
        await settled()
        await here.post(anna, "three")
        await settled()
        there.mine.gate.set()
        await settled()
        live = await there.room()
        assert texts(tuple(map(live.room.messages.__getitem__, (1, 2, 3)))) == [
            *("one", "two", "three"),
        ]
        assert live.ahead.is_empty


async def test_a_room_that_cannot_be_followed_is_read_again_once_that_works(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A claim of a question beyond the tail."""
    limits = attrs.evolve(UNLIMITED, tail_messages=2)
    async with open_nodes(limits=limits) as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await here.post(anna, "who?", expects="anyone")
        for _ in range(3):
            await here.post(anna, "well?")
        await live_on_both(nodes)
        await settled()
        there.mine.trouble = Refused("no connection")
        await claim(here.relay, bob, 1, None)
        await trio.sleep(3)
        live = await there.room()
        assert not live.room.leases
        there.mine.trouble = None
        await trio.sleep(1.5)
        assert live.room.leases[1].holder == "bob"
        assert live.ahead.is_empty


@pytest.mark.parametrize("count", [2, 3])
async def test_all_nodes_can_post_into_one_room_at_once(
    autojump_clock: trio.testing.MockClock, count: int
) -> None:
    async with open_nodes(count) as nodes:
        peers = await guests(nodes, *(f"peer{number}" for number in range(count)))
        seqs: list[int] = []

        async def talk(number: int) -> None:
            for turn in range(30):
                posted = await nodes[number].post(peers[number], f"{number}/{turn}")
                seqs.append(posted.message.seq)

        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(talk, number)
        assert sorted(seqs) == list(range(1, 30 * count + 1))
        await settled()
        versions = {(await node.room()).room.version for node in nodes}
        heads = {(await node.room()).room.head for node in nodes}
        assert (len(versions), heads) == (1, {30 * count})
        counters = [node.relay.counters for node in nodes]
        assert sum(each.conflicts for each in counters) > 0
        assert sum(each.turn_seconds.statistics().count for each in counters) > 0


# -- cancellation ------------------------------------------------------------------


async def test_a_request_cancelled_anywhere_in_the_catch_up_loses_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    was_reached, at = True, 0
    while was_reached:
        at += 1
        async with open_nodes() as nodes:
            here, there = nodes
            anna, bob = await guests(nodes, "anna", "bob")
            await live_on_both(nodes)
            there.mine.holds = True
            for number in range(3):
                await here.post(anna, str(number))
            there.mine.drop()
            with trio.CancelScope() as scope, cutting(scope, at) as knife:
                await there.poll(bob, 3)
            was_reached = knife.was_reached
            answer = await there.poll(bob, 3)
            assert not answer.is_reset
            assert texts((await there.poll(bob, 0)).page.messages) == ["0", "1", "2"]
    assert at > 4


async def test_a_node_cancelled_anywhere_in_the_catch_up_harms_no_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    was_reached, at = True, 0
    while was_reached:
        at += 1
        was_reached = await _cancel_a_node(at)
    assert at > 5


async def _cancel_a_node(at: int) -> bool:
    """Cancel a node at pause `at` of everybody, while it catches up and posts."""
    async with open_nodes(1) as nodes:
        (here,) = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        with trio.CancelScope() as scope:
            async with open_node(here.mine.shared, here.clocks) as there:
                await there.room()
                there.mine.holds = True
                await here.post(anna, "one")
                there.mine.drop()
                with cutting(scope, at) as knife:
                    await there.post(bob, "two")
        await here.post(anna, "three")
        found = await stored_texts(here)
        assert found in (["one", "two", "three"], ["one", "three"])
        heard = await here.poll(bob, 0)
        assert texts(heard.page.messages) == ["one", "three"]
        return knife.was_reached
