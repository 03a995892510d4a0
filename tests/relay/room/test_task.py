"""The room task: batches, commits, failures and recovery."""

from collections.abc import Sequence

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import DAMPED, TO_ALL, SenderKind
from argybargy.domain.room.commands import Claim, Command, Post
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import Write
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim, history, release, thread
from argybargy.relay.api.posting import PostDraft, post_as
from argybargy.relay.housekeeping import tick
from argybargy.relay.lifecycle import open_relay
from argybargy.store.errors import Full, Refused, StoreError, Unknown
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore, open_memory_store
from support.error_log import ErrorLog
from support.relay import ROOM, VirtualClock, open_harness, texts


@attrs.define
class MoodyStore(MemoryStore):
    """A store with configurable outcomes of the next commits."""

    mood: StoreError | Exception | None = None
    applies_anyway: bool = False
    gate: trio.Event | None = None
    committed: int = 0
    empty_mood: StoreError | None = None

    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if not writes:  # it ends a doubt
            if self.empty_mood is not None:
                raise self.empty_mood
            await super().commit(
                room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
            )
            return
        if self.mood is not None and not self.applies_anyway:
            raise self.mood
        await super().commit(
            room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
        )
        self.committed += 1
        if self.mood is not None:
            raise self.mood


def moody_store() -> MoodyStore:
    return MoodyStore(DEFAULT_LIMITS)


async def test_a_cancelled_post_loses_its_reply_but_not_the_write(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = moody_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(harness.post, alice, "still said")
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        store.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert texts((await harness.poll(bob)).page.messages) == ["still said"]
        assert (await harness.post(alice, "next")).message.seq == 2


async def test_queued_commands_are_committed_in_one_batch(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = moody_store()
    async with open_harness(store=store) as harness:
        alice = await harness.guest("alice")
        before = store.committed
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(harness.post, alice, str(number))
            await trio.testing.wait_all_tasks_blocked()
            store.gate.set()
        assert store.committed - before == 1


@pytest.mark.parametrize(
    ("mood", "problem"),
    [
        (Refused("locked"), Problem.STORAGE_UNAVAILABLE),
        (Full("no space"), Problem.STORAGE_FULL),
    ],
)
async def test_a_refused_commit_changes_nothing_and_the_next_post_works(
    autojump_clock: trio.testing.MockClock, mood: StoreError, problem: Problem
) -> None:
    store = moody_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "before")
        store.mood = mood
        with pytest.raises(RelayError) as refusal:
            await harness.post(alice, "lost")
        assert refusal.value.problem is problem
        assert texts((await harness.poll(bob)).page.messages) == ["before"]
        store.mood = None
        assert (await harness.post(alice, "after")).message.seq == 2
        assert texts((await harness.poll(bob)).page.messages) == ["before", "after"]


@pytest.mark.parametrize("is_applied", [True, False])
async def test_the_outcome_of_an_unknown_commit_is_determined(
    autojump_clock: trio.testing.MockClock, is_applied: bool
) -> None:
    store = moody_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        store.mood, store.applies_anyway = Unknown(), is_applied
        if is_applied:
            assert (await harness.post(alice, "said")).message.seq == 1
        else:
            with pytest.raises(RelayError) as refusal:
                await harness.post(alice, "said")
            assert refusal.value.problem is Problem.STORAGE_UNAVAILABLE
        store.mood = None
        expected = ["said", "next"] if is_applied else ["next"]
        await harness.post(alice, "next")
        assert texts((await harness.poll(bob)).page.messages) == expected


@pytest.mark.parametrize("is_applied", [True, False])
async def test_a_commit_that_stays_in_doubt_is_reported_and_resolved_later(
    autojump_clock: trio.testing.MockClock, is_applied: bool
) -> None:
    store = moody_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "before")
        store.mood, store.applies_anyway = Unknown(), is_applied
        store.empty_mood = Unknown()
        for text, problem in [
            ("in doubt", Problem.STORAGE_UNKNOWN),
            ("never tried", Problem.STORAGE_UNAVAILABLE),
        ]:
            with pytest.raises(RelayError) as refusal:
                await harness.post(alice, text)
            assert refusal.value.problem is problem
        assert texts((await harness.poll(bob)).page.messages) == ["before"]
        store.mood = store.empty_mood = None
        expected = ["in doubt"] if is_applied else []
        # No post is needed: a parked poll gets the message once the store answers.
        answer = await harness.poll(bob, since=1, wait=5)
        assert texts(answer.page.messages) == expected
        await harness.post(alice, "after")
        answer = await harness.poll(bob, since=1)
        assert texts(answer.page.messages) == [*expected, "after"]


async def test_a_full_inbox_refuses_with_busy_and_keeps_no_command(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = moody_store()
    limits = Limits(posts_per_window=0, inbox_commands=2, batch_commands=1)
    async with open_harness(limits, store) as harness:
        alice = await harness.guest("alice")
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(harness.post, alice, str(number))
                await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RelayError) as refusal:
                await harness.post(alice, "one too many")
            assert refusal.value.problem is Problem.BUSY
            store.gate.set()
        assert (await harness.post(alice, "next")).message.seq == 4


async def test_a_crashed_room_answers_500_and_starts_again(
    autojump_clock: trio.testing.MockClock, error_log: ErrorLog
) -> None:
    store = moody_store()
    async with open_harness(store=store) as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "before")
        nursery.start_soon(harness.poll, bob, 1, 25)
        await harness.wait_parked(1)
        store.mood = ZeroDivisionError("a bug")
        with pytest.raises(RelayError) as refusal:
            await harness.post(alice, "lost")
        assert refusal.value.problem is Problem.INTERNAL
        assert any("room task crashed" in text for text in error_log.take())
        store.mood = None
        assert (await harness.post(alice, "after")).message.seq == 2
        await harness.wait_parked(0)


async def test_only_the_room_that_keeps_crashing_fails(
    autojump_clock: trio.testing.MockClock, error_log: ErrorLog
) -> None:
    store = moody_store()
    async with open_harness(store=store) as harness:
        alice = await harness.guest("alice")
        carol = await harness.guest("carol", room="elsewhere")
        store.mood = ZeroDivisionError("a bug")
        for _ in range(3):
            with pytest.raises(RelayError):
                await harness.post(alice, "lost")
        store.mood = None
        with pytest.raises(RelayError) as refusal:
            await harness.post(alice, "still lost")
        assert refusal.value.problem is Problem.ROOM_UNAVAILABLE
        assert (await harness.post(carol, "fine here")).message.seq == 1
        assert len(error_log.take()) == 4


async def test_two_relays_on_one_store_let_one_claim_win(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The second commit conflicts with the new version and is decided again."""
    limits = Limits(posts_per_window=0, claims_per_window=0)
    async with open_memory_store() as store, open_harness(limits, store) as here:
        guests = [await here.guest(f"guest{number}") for number in range(8)]
        await here.post(guests[0], "who?", expects="anyone")
        async with open_relay(store, limits, VirtualClock()) as there:
            results: list[str] = []

            async def contend(number: int) -> None:
                relay = there if number % 2 else here.relay
                relay.first_seen(guests[number], relay.clock.now())
                try:
                    granted = await claim(relay, guests[number], 1, None)
                    results.append(granted.lease.holder)
                except RelayError as error:
                    results.append(str(error.facts.get("claimed_by")))

            async with trio.open_nursery() as nursery:
                for number in range(1, 8):
                    nursery.start_soon(contend, number)
            assert len(results) == 7
            assert len(set(results)) == 1


async def test_turns_are_remembered_when_a_room_is_read_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Another node has written: the store knows nothing of loops."""
    limits = Limits(posts_per_window=0)
    async with open_memory_store() as store, open_harness(limits, store) as here:
        pair = [await here.guest("anna"), await here.guest("bob")]
        for number in range(limits.loop_turns + 1):
            await here.post(pair[number % 2], reply_to=number or None)
        async with open_relay(store, limits, VirtualClock()) as there:
            carol = await here.guest("carol")
            await there.codes.load(there.clock.now())
            await post_as(there, carol, PostDraft("hello", TO_ALL))
        await here.post(pair[1], reply_to=limits.loop_turns + 1)
        live = here.relay.find_live(ROOM)
        assert live is not None
        assert live.room.messages[live.room.head].event == DAMPED
        assert live.room.head == limits.loop_turns + 4


async def test_an_idle_room_is_evicted_and_reloaded_unchanged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "remember me")
        await harness.poll(bob, since=1)
        await trio.sleep(305)
        await tick(harness.relay)
        assert harness.relay.find_live(ROOM) is None
        found = await history(harness.relay, bob, before=1_000, limit=10)
        assert texts(found.lookback.messages) == ["remember me"]
        assert (await harness.poll(bob, since=None)).since == 1


async def test_a_room_with_a_live_lease_is_not_evicted_until_it_expires(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, 600)
        await trio.sleep(400)
        await tick(harness.relay)
        assert harness.relay.find_live(ROOM) is not None
        await trio.sleep(600)
        await tick(harness.relay)
        assert harness.relay.find_live(ROOM) is None
        heard = await harness.poll(bob, since=1)
        assert [message.event for message in heard.page.messages] == ["reopened"]


async def test_a_room_with_a_live_damping_is_not_evicted_until_it_ends(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = Limits(
        posts_per_window=0, damping_seconds=600, damping_seconds_max=600, loop_turns=2
    )
    async with open_harness(limits) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for _ in range(2):
            await harness.post(alice, "so?", to=("bob",), expects="none")
            await harness.post(bob, "so?", to=("alice",), expects="none")
        live = harness.relay.find_live(ROOM)
        assert live is not None
        assert live.room.messages[live.room.head].event == DAMPED
        await trio.sleep(590)
        await tick(harness.relay)
        assert harness.relay.find_live(ROOM) is live
        await trio.sleep(400)
        await tick(harness.relay)
        assert harness.relay.find_live(ROOM) is None


async def test_a_released_claim_is_free_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        carol = await harness.guest("carol")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, None)
        await release(harness.relay, bob, 1)
        assert (await claim(harness.relay, carol, 1, None)).lease.fence == 2


async def test_a_huge_seq_is_refused_and_the_room_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """In the original one such claim stops every post until a restart."""
    async with open_harness() as harness:
        alice = await harness.guest("alice")
        with pytest.raises(RelayError) as refusal:
            await claim(harness.relay, alice, 2**53 - 1, None)
        assert refusal.value.problem is Problem.NOT_FOUND
        assert (await harness.post(alice, "fine")).message.seq == 1


async def test_revoking_a_code_releases_its_claims(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        carol = await harness.guest("carol")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, None)
        await operator.revoke(harness.relay, bob.key_id, None, everywhere=False)
        assert (await claim(harness.relay, carol, 1, None)).lease.holder == "carol"


async def test_a_departed_member_is_no_expected_answerer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original narrows `anyone` to agents that are long gone."""
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        carol = await harness.guest("carol")
        await harness.post(carol, "hi")
        live = await harness.relay.live(ROOM)
        assert harness.relay.members(live) == ("alice", "bob", "carol")
        await operator.revoke(harness.relay, "carol", None, everywhere=False)
        assert harness.relay.members(live) == ("alice", "bob")
        assert alice.name != bob.name


async def test_the_first_message_counts_against_the_room_quota(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = Limits(rooms=1, posts_per_window=1)
    async with open_harness(limits) as harness:
        alice = await harness.guest("alice", room="one")
        bob = await harness.guest("bob", room="two")
        await harness.post(alice, "mine")
        with pytest.raises(RelayError) as refusal:
            await harness.post(bob, "no room")
        assert refusal.value.problem is Problem.ROOM_QUOTA
        await trio.sleep(11)
        assert (await harness.post(alice, "still mine")).message.seq == 2


async def test_a_text_with_a_valid_code_is_not_posted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice = await harness.guest("alice")
        code = await harness.code("bob")
        with pytest.raises(RelayError) as refusal:
            await post_as(harness.relay, alice, PostDraft(f"use {code}!", ("all",)))
        assert refusal.value.problem is Problem.CONTAINS_SECRET
        assert (await harness.post(alice, "fine")).message.seq == 1


async def test_closing_the_relay_finishes_queued_commands(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = moody_store()
    async with trio.open_nursery() as nursery, open_harness(store=store) as harness:
        alice = await harness.guest("alice")
        store.gate = trio.Event()
        # The harness closes first, and answers the post before it does.
        nursery.start_soon(harness.post, alice, "just in time")
        await trio.testing.wait_all_tasks_blocked()
        store.gate.set()
    async with open_harness(store=store) as harness:
        found = await history(harness.relay, alice, before=10, limit=10)
        assert texts(found.lookback.messages) == ["just in time"]


async def test_an_unknown_addressee_is_reported_and_gets_the_message_later(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original accepts it and silently delivers it to nobody."""
    async with open_harness() as harness:
        alice = await harness.guest("alice")
        outcome = await harness.post(alice, "for you", to=("Zoe",))
        assert dict(outcome.delivery.to) == {"Zoe": "unknown"}
        zoe = await harness.guest("zoe")
        assert texts((await harness.poll(zoe)).page.messages) == ["for you"]


async def test_an_answer_and_a_claim_in_one_batch_have_one_winner(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The question is older than the tail, and is read before the batch."""
    limits = Limits(posts_per_window=0, claims_per_window=0, tail_messages=1)
    async with open_harness(limits) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        carol = await harness.guest("carol")
        await harness.post(alice, "who?", expects="anyone")
        await harness.post(alice, "anybody there?")
        live = await harness.relay.live(ROOM)
        lost: list[RelayError] = []

        async def contend(command: Command) -> None:
            try:
                await live.ask(command)
            except RelayError as error:
                lost.append(error)

        answer = Post("bob", SenderKind.AGENT, "me", TO_ALL, reply_to=1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(contend, answer)
            nursery.start_soon(contend, Claim("carol", 1))
        claimed = (await thread(harness.relay, carol, 1)).message.claimed_by
        (refusal,) = lost
        if claimed == bob.name:
            assert refusal.facts["reason"] == "answered"
        else:
            assert refusal.facts["claimed_by"] == claimed == "carol"


async def test_a_question_pushed_out_of_the_tail_by_its_batch_can_be_claimed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = Limits(posts_per_window=0, claims_per_window=0, tail_messages=2)
    async with open_harness(limits) as harness:
        alice, _ = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        live = await harness.relay.live(ROOM)
        async with trio.open_nursery() as nursery:
            for text in ("one", "two", "three"):
                post = Post("alice", SenderKind.AGENT, text, TO_ALL)
                nursery.start_soon(live.ask, post)
            nursery.start_soon(live.ask, Claim("bob", 1))
        assert live.room.leases[1].holder == "bob"
