"""Wake hooks, notifications and the directory, with several nodes on one store."""

from collections.abc import Sequence

import pytest
import trio
import trio.testing

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import room_key
from argybargy.domain.notifications import NotificationRules
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import operator
from argybargy.relay.api.answering import find_notified_question
from argybargy.relay.api.joining import JoinRequest, create_invite, join
from argybargy.relay.api.wake import remove_hook
from argybargy.relay.following import CONFIRM_SECONDS
from argybargy.relay.nodes import SHARE_SECONDS
from argybargy.relay.notifications.registry import NotificationPlan
from argybargy.store.protocol import NODE_SECONDS
from support.nodes import Node, guests, open_node, open_nodes, settled
from support.recording_channel import RecordingChannel
from support.relay import ROOM
from support.wake_calls import RecordingCaller

SOON = NotificationRules(after_seconds=5)


def plans(channels: Sequence[RecordingChannel]) -> list[NotificationPlan]:
    return [NotificationPlan((each,), SOON) for each in channels]


async def live_on_both(nodes: list[Node]) -> None:
    for node in nodes:
        await node.room()


# -- wake hooks --------------------------------------------------------------------


@pytest.mark.parametrize("leader", [0, 1])
async def test_a_hook_set_at_one_node_is_called_once_for_a_post_at_the_other(
    autojump_clock: trio.testing.MockClock, leader: int
) -> None:
    callers = [RecordingCaller(), RecordingCaller()]
    async with open_nodes(callers=callers) as nodes:
        here, there = nodes[leader], nodes[1 - leader]
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        await here.set_hook(bob)
        await settled()
        await there.post(anna, "wake up")
        await settled()
        await trio.sleep(5)
        assert [len(each.calls) for each in callers] == [1, 0]
        assert callers[0].counts == [1]


async def test_a_post_into_a_room_that_the_leading_node_has_not_read_is_called_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    callers = [RecordingCaller(), RecordingCaller()]
    async with open_nodes(callers=callers) as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await there.set_hook(bob)
        await settled()
        await there.post(anna, "wake up")
        await settled()
        assert here.relay.find_live(ROOM) is not None
        assert [len(each.calls) for each in callers] == [1, 0]


async def test_an_agent_that_reads_at_another_node_is_not_called_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    callers = [RecordingCaller(), RecordingCaller()]
    async with open_nodes(callers=callers) as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await there.set_hook(bob)
        await there.post(anna, "wake up")
        await settled()
        await there.poll(bob, 1)
        await trio.sleep(60)
        assert [len(each.calls) for each in callers] == [1, 0]
        await here.post(anna, "and again")
        await settled()
        assert [len(each.calls) for each in callers] == [2, 0]


async def test_an_agent_with_a_poll_parked_at_another_node_is_not_called(
    autojump_clock: trio.testing.MockClock,
) -> None:
    callers = [RecordingCaller(), RecordingCaller()]
    async with open_nodes(callers=callers) as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        await there.set_hook(bob)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there.poll, bob, 0, 60)
            await trio.sleep(2 * SHARE_SECONDS + 0.1)
            await here.post(anna, "you hear this")
        assert [len(each.calls) for each in callers] == [0, 0]


@pytest.mark.parametrize("is_orderly", [True, False])
async def test_the_hooks_are_called_by_the_next_node_when_one_ends(
    autojump_clock: trio.testing.MockClock, *, is_orderly: bool
) -> None:
    first, second = RecordingCaller(), RecordingCaller()
    async with open_nodes(1, callers=[second]) as nodes:
        (there,) = nodes
        await there.step_down()
        with trio.CancelScope() as scope:
            async with open_node(there.mine.shared, there.clocks, caller=first) as here:
                assert here.relay.nodes.is_leading
                there.mine.stands = True
                anna, bob = await here.guest("anna"), await here.guest("bob")
                await here.set_hook(bob)
                await here.post(anna, "one")
                await settled()
                await here.poll(bob, 1)
                await here.relay.write_behind.flush()
                if not is_orderly:
                    here.mine.dies()
                    scope.cancel()
        await trio.sleep(NODE_SECONDS + 2 * SHARE_SECONDS)
        assert there.relay.nodes.is_leading
        assert (len(first.calls), len(second.calls)) == (1, 0)
        await there.post(anna, "two")
        await settled()
        assert (len(first.calls), len(second.calls)) == (1, 1)


async def test_a_hook_removed_at_one_node_is_gone_at_the_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        _, bob = await guests(nodes, "anna", "bob")
        await here.set_hook(bob)
        await settled()
        assert there.relay.hooks.hooked_peers(room_key(ROOM)) == {"bob"}
        await remove_hook(there.relay, bob)
        await settled()
        assert here.relay.hooks.hooked_peers(room_key(ROOM)) == set()


# -- notifications -----------------------------------------------------------------


@pytest.mark.parametrize("asked_at", [0, 1])
async def test_the_operator_is_notified_once_of_a_question(
    autojump_clock: trio.testing.MockClock, asked_at: int
) -> None:
    channels = [RecordingChannel(), RecordingChannel()]
    async with open_nodes(plans=plans(channels)) as nodes:
        (anna,) = await guests(nodes, "anna")
        posted = await nodes[asked_at].post(anna, "may I?", expects="operator")
        await trio.sleep(30)
        assert [len(each.pushes) for each in channels] == [1, 0]
        key = room_key(ROOM)
        told = [
            node.relay.notifications.told_ms(key, posted.message.seq) for node in nodes
        ]
        assert told[0] is not None
        assert told[0] == told[1]


@pytest.mark.parametrize("is_orderly", [True, False])
async def test_what_was_told_is_not_told_by_the_node_that_takes_over(
    autojump_clock: trio.testing.MockClock, *, is_orderly: bool
) -> None:
    first, second = RecordingChannel(), RecordingChannel()
    (plan, next_plan) = plans([first, second])
    async with open_nodes(1, plans=[next_plan]) as nodes:
        (there,) = nodes
        shared = there.mine.shared
        await there.step_down()
        with trio.CancelScope() as scope:
            async with open_node(shared, there.clocks, plan=plan) as here:
                assert here.relay.nodes.is_leading
                anna = await here.guest("anna")
                await here.post(anna, "may I?", expects="operator")
                there.mine.stands = True
                await trio.sleep(10)
                assert (len(first.pushes), len(second.pushes)) == (1, 0)
                if not is_orderly:
                    here.mine.dies()
                    scope.cancel()
        await trio.sleep(NODE_SECONDS + 2 * SHARE_SECONDS)
        assert there.relay.nodes.is_leading
        await there.post(anna, "and may I do that?", expects="operator")
        await trio.sleep(10)
        assert (len(first.pushes), len(second.pushes)) == (1, 1)


async def test_a_dashboard_at_another_node_counts_as_watching(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        (anna,) = await guests(nodes, "anna")
        await live_on_both(nodes)
        watcher = there.relay.watchers.watch()
        await trio.sleep(2 * SHARE_SECONDS + 0.1)
        posted = await here.post(anna, "hello", to=("operator",))
        assert str(dict(posted.delivery.receipts)["operator"]) == "watching"
        watcher.close()
        await trio.sleep(2 * SHARE_SECONDS + 0.1)
        posted = await here.post(anna, "hello", to=("operator",))
        assert str(dict(posted.delivery.receipts)["operator"]) == "away"


# -- the directory -----------------------------------------------------------------


async def test_a_lost_hint_of_the_directory_is_made_up_for_within_a_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        anna, bob = await guests(nodes, "anna", "bob")
        await settled()
        there.mine.holds = True
        await operator.revoke(here.relay, "anna", ROOM, everywhere=False)
        await here.set_hook(bob)
        carol = await here.guest("carol")
        there.mine.drop()
        assert there.relay.codes.is_live(anna, there.clock.now())
        await trio.sleep(CONFIRM_SECONDS + 0.1)
        assert not there.relay.codes.is_live(anna, there.clock.now())
        assert there.relay.codes.is_live(carol, there.clock.now())
        assert len(there.relay.hooks) == 1
        with pytest.raises(RelayError) as refusal:
            await there.poll(anna, 0)
        assert refusal.value.problem is Problem.UNAUTHORIZED


async def test_a_directory_that_has_not_changed_is_not_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here, there = nodes
        (anna,) = await guests(nodes, "anna")
        await here.post(anna, "hello")
        await trio.sleep(CONFIRM_SECONDS + 0.1)
        reads = there.mine.code_reads
        await here.post(anna, "hello again")
        await here.poll(anna, 1)
        await trio.sleep(30)
        assert there.mine.code_reads == reads


async def test_a_node_that_has_not_heard_of_a_notice_finds_its_question(
    autojump_clock: trio.testing.MockClock,
) -> None:
    channels = [RecordingChannel(), RecordingChannel()]
    async with open_nodes(plans=plans(channels)) as nodes:
        here, there = nodes
        anna = await here.guest("anna")
        await there.learn_codes()
        await here.post(anna, "may I?", to=("operator",), expects="operator")
        await trio.sleep(7.1)
        (push,) = channels[0].pushes
        notice_id = push.events[0].id
        # As it is until it reads the notices, which takes up to a second.
        there.relay.notifications._notices.clear()
        there.relay.notifications._by_id.clear()
        assert there.relay.notifications.question_of(notice_id) is None
        found = await find_notified_question(there.relay, notice_id)
        assert found is not None
        assert found.message.text == "may I?"
        assert await find_notified_question(there.relay, "0" * 32) is None


@pytest.mark.parametrize("is_room_known", [False, True])
async def test_a_node_that_has_not_heard_of_a_question_says_it_is_not_over(
    autojump_clock: trio.testing.MockClock, *, is_room_known: bool
) -> None:
    channels = [RecordingChannel(), RecordingChannel()]
    async with open_nodes(plans=plans(channels)) as nodes:
        here, there = nodes
        anna = await here.guest("anna")
        await there.learn_codes()
        if is_room_known:
            await there.post(anna, "hello")
            await settled()
        there.mine.holds = True
        await here.post(anna, "may I?", to=("operator",), expects="operator")
        await trio.sleep(7.1)
        (push,) = channels[0].pushes
        notice_id = push.events[0].id
        found = await find_notified_question(there.relay, notice_id)
        assert found is not None
        assert found.message.text == "may I?"


# -- dampings ----------------------------------------------------------------------


async def test_a_damping_lifted_at_one_node_is_lifted_at_the_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes() as nodes:
        here = nodes[0]
        anna, bob = await guests(nodes, "anna", "bob")
        await live_on_both(nodes)
        for number in range(40):
            await nodes[number % 2].post(
                (anna, bob)[number % 2], "no, you", to=(("bob", "anna")[number % 2],)
            )
            await trio.sleep(0.2)
        await settled()

        def damped(node: Node) -> int:
            live = node.relay.find_live(ROOM)
            assert live is not None
            now = node.clock.now().steady_seconds
            return len(list(live.room.exchanges.damped(now)))

        assert [damped(node) for node in nodes] == [1, 1]
        await operator.undamp(here.relay, ROOM, "ops", None)
        await settled()
        assert [damped(node) for node in nodes] == [0, 0]


# -- invites -----------------------------------------------------------------------


async def test_an_invite_of_one_node_is_redeemed_once_at_the_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_nodes(3) as nodes:
        invitation = Invitation(ROOM, "anna")
        issued = await create_invite(nodes[0].relay, invitation, 60)
        await settled()
        outcomes: list[object] = []

        async def redeem(node: Node) -> None:
            try:
                record = node.relay.invites.find(issued.invite)
                assert record is not None
                joined = await join(node.relay, JoinRequest(issued.invite), record)
                outcomes.append(joined.record.name)
            except RelayError as error:
                outcomes.append(error.problem)

        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(redeem, node)
        assert outcomes.count("anna") == 1
        assert len(await nodes[0].mine.shared.codes()) == 1
