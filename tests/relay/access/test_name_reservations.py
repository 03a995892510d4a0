"""The human and an agent never get the same name, even at the same time."""

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import peer_key, room_key
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import imports, operator
from argybargy.relay.api.posting import PostDraft
from support.paused_store import AFTER, BEFORE, COMMIT, LOAD, StagedStore, staged_store
from support.relay import RelayHarness, open_harness

ROOM = room_key("new")
Act = Callable[[RelayHarness], Awaitable[Problem | None]]


async def invite(harness: RelayHarness) -> Problem | None:
    try:
        await operator.invite(harness.relay, [Invitation(ROOM, "boss")])
    except RelayError as error:
        return error.problem
    return None


async def take_over(harness: RelayHarness) -> Problem | None:
    """Import a code of that name from another relay."""
    (made,) = await operator.invite(harness.relay, [Invitation("elsewhere", "boss")])
    await operator.remove_codes(harness.relay, [made.record])
    # Not the code itself: what was revoked is not taken over.
    moved = attrs.evolve(made.record, digest=bytes(32), room=ROOM)
    try:
        await imports.import_codes(harness.relay, [moved])
    except RelayError as error:
        return error.problem
    return None


async def say(harness: RelayHarness) -> Problem | None:
    try:
        await operator.say(harness.relay, ROOM, "Boss", PostDraft("hi", ("all",)))
    except RelayError as error:
        return error.problem
    return None


async def check(harness: RelayHarness, outcomes: list[Problem | None]) -> None:
    has_code = harness.relay.codes.codes_of(Peer(ROOM, peer_key("boss"))) != []
    members = (await harness.relay.live(ROOM)).room.members
    assert not (has_code and "boss" in members)
    refusals = {Problem.NAME_TAKEN, Problem.SENDER_TAKEN}
    assert len([each for each in outcomes if each is None]) == 1
    assert len(refusals.intersection(outcomes)) == 1


@pytest.mark.parametrize("second", ["say", "give"])
@pytest.mark.parametrize("give", [invite, take_over])
@pytest.mark.parametrize(
    ("call", "side"), [(LOAD, BEFORE), (COMMIT, BEFORE), (COMMIT, AFTER)]
)
async def test_the_first_of_two_requests_gets_the_name(
    autojump_clock: trio.testing.MockClock,
    call: str,
    side: str,
    give: Act,
    second: str,
) -> None:
    store: StagedStore = staged_store()
    async with open_harness(store=store) as harness:
        outcomes: list[Problem | None] = []

        async def run(act: Act) -> None:
            outcomes.append(await act(harness))

        order = [give, say] if second == "say" else [say, give]
        async with trio.open_nursery() as nursery:
            stop = store.stop(call, side)
            nursery.start_soon(run, order[0])
            await stop.wait_reached()
            nursery.start_soon(run, order[1])
            await trio.testing.wait_all_tasks_blocked()
            stop.release()
        await check(harness, outcomes)
