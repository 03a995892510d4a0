"""Each place that looks at the time, and what it must do when the wall clock is set.

A place is a scene: it prepares something, lets the step happen, and checks what comes
of it. What it checks never depends on the step, which is the point.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.roster import WORKING_SECONDS, RosterRow
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim
from argybargy.relay.clock import SETTLE_SECONDS
from argybargy.web.access.session import Visitor
from argybargy.web.access.session_keeper import KEEP_SECONDS, open_sessions
from argybargy.web.access.sessions import Sessions
from argybargy.web.endpoints.operator import _room_rows
from support.relay import ROOM, RelayHarness, open_harness
from support.web_app import FixedToken

DAY = 86_400
LIMITS = Limits(
    posts_per_window=0,
    reads_per_window=0,
    claims_per_window=0,
    idempotency_seconds=1_800,
)
LATE = SETTLE_SECONDS + 10
"""Until housekeeping has seen what a step has done."""
LATER = LATE + 2 * KEEP_SECONDS
"""Until the sessions have been stored after that."""

Step = Callable[[RelayHarness], Awaitable[float]]
"""Sets the wall clock, waits until that is over, and returns how long it took."""
Place = Callable[[RelayHarness, Step], Awaitable[None]]


async def _lasting(harness: RelayHarness, seconds: float) -> float:
    harness.clocks.shift(seconds)
    await trio.sleep(LATE)
    return LATE


async def step_back(harness: RelayHarness) -> float:
    """Set the wall clock back by 30 days."""
    return await _lasting(harness, -30 * DAY)


async def step_ahead(harness: RelayHarness) -> float:
    """Set the wall clock 30 days ahead."""
    return await _lasting(harness, 30 * DAY)


async def step_there_and_back(harness: RelayHarness) -> float:
    """Let the wall clock be two hours ahead for five seconds."""
    harness.clocks.shift(7_200)
    await trio.sleep(5)
    harness.clocks.shift(-7_200)
    await trio.sleep(LATE)
    return 5 + LATE


STEPS: tuple[Step, ...] = (step_back, step_ahead, step_there_and_back)


async def is_let_in(harness: RelayHarness, who: CodeRecord) -> bool:
    """Tell whether a code opens the room."""
    try:
        await harness.poll(who)
    except RelayError as error:
        if error.problem is not Problem.UNAUTHORIZED:
            raise
        return False
    return True


async def roster(harness: RelayHarness) -> dict[str, RosterRow]:
    """Return the rows of the room by name."""
    found = await operator.read_overview_state(harness.relay, None, 10)
    return {row.name: row for row in found.rooms[0].roster}


async def code(harness: RelayHarness, step: Step) -> None:
    """A code lives as long as was said."""
    bob = await harness.guest("bob", lifetime_seconds=600)
    passed = await step(harness)
    await trio.sleep(590 - passed)
    assert await is_let_in(harness, bob)
    await trio.sleep(15)
    assert not await is_let_in(harness, bob)


async def stored_code(harness: RelayHarness, step: Step) -> None:
    """A relay that is started again knows when a code ends."""
    bob = await harness.guest("bob", lifetime_seconds=600)
    passed = await step(harness)
    async with open_harness(store=harness.relay.store, clocks=harness.clocks) as again:
        await trio.sleep(590 - passed)
        assert await is_let_in(again, bob)
        await trio.sleep(15)
        assert not await is_let_in(again, bob)


async def code_made_in_a_wrong_time(harness: RelayHarness, step: Step) -> None:
    """What was made while the clock was wrong ends when it should, stored or not."""
    passed = await step(harness)
    (made,) = await operator.invite(
        harness.relay, [Invitation(ROOM, "bob", lifetime_seconds=600)]
    )
    now = harness.clock.now()
    assert made.record.expires_ms == now.wall_ms + 600_000
    harness.clocks.shift(-harness.clocks.shift_seconds)
    await trio.sleep(LATE)
    bob = harness.relay.codes.match("bob")[0]
    assert bob.expires_ms == harness.clocks.right_ms() + round((600 - LATE) * 1000)
    assert await harness.relay.store.codes() == (bob,)
    async with open_harness(store=harness.relay.store, clocks=harness.clocks) as again:
        for relay in (again, harness):
            assert await is_let_in(relay, made.record)
        await trio.sleep(600 - LATE + 5)
        for relay in (again, harness):
            assert not await is_let_in(relay, made.record)
    assert passed


async def claim_of_a_short_code(harness: RelayHarness, step: Step) -> None:
    """Nobody is let go, and nothing is given away, whose code has not run out."""
    asker, listener = await harness.guest("asker"), await harness.guest("listener")
    holder = await harness.guest("holder", lifetime_seconds=600)
    await harness.post(holder, "here")
    await harness.post(asker, "who?", expects="anyone")
    await claim(harness.relay, holder, 2, None)
    await step(harness)
    answer = await harness.poll(listener)
    assert [each.event for each in answer.page.messages] == [None, None]
    assert answer.page.messages[1].claimed_by == "holder"
    assert set(await roster(harness)) == {"asker", "holder", "listener"}


async def lease(harness: RelayHarness, step: Step) -> None:
    """A lease runs out by the time that passes."""
    asker, holder = await harness.guest("asker"), await harness.guest("holder")
    await harness.post(asker, "who?", expects="anyone")
    await claim(harness.relay, holder, 1, 300)
    passed = await step(harness)
    await trio.sleep(295 - passed)
    assert (await harness.poll(asker)).page.cursor == 1
    await trio.sleep(10)
    (reopened,) = (await harness.poll(asker, since=1, wait=5)).page.messages
    assert reopened.event == "reopened"


async def parked_poll(harness: RelayHarness, step: Step) -> None:
    """A poll waits for as long as it asked, and no longer than its code lives."""
    bob = await harness.guest("bob", lifetime_seconds=600)
    passed = await step(harness)
    await trio.sleep(590 - passed)
    began = trio.current_time()
    with pytest.raises(RelayError):
        await harness.poll(bob, wait=25)
    assert trio.current_time() - began == pytest.approx(10, abs=0.1)


async def idempotency_key(harness: RelayHarness, step: Step) -> None:
    """A retry is one for as long as keys are kept, and no longer."""
    alice = await harness.guest("alice")
    first = await harness.post(alice, "once", key="k1")
    passed = await step(harness)
    again = await harness.post(alice, "once", key="k1")
    assert (again.message, again.is_duplicate) == (first.message, True)
    await harness.post(alice, "another", key="k2")
    assert (await harness.post(alice, "once", key="k1")).is_duplicate
    ends = trio.current_time() + LIMITS.idempotency_seconds - passed - 5
    while trio.current_time() < ends:
        # A room that leaves the memory is left with what the store keeps.
        await harness.poll(alice)
        await trio.sleep(min(250, ends - trio.current_time()))
    assert (await harness.post(alice, "once", key="k1")).is_duplicate
    await trio.sleep(10)
    assert not (await harness.post(alice, "once", key="k1")).is_duplicate


async def ages(harness: RelayHarness, step: Step) -> None:
    """How long ago somebody spoke, or asked, is how much time has passed."""
    alice, bob = await harness.guest("alice"), await harness.guest("bob")
    await harness.post(bob, "hello", expects="none")
    await harness.post(alice, "who?", expects="anyone")
    passed = await step(harness)
    found = await operator.read_overview_state(harness.relay, None, 10)
    (row,) = _room_rows(found)
    (waiting,) = found.waiting
    rows = {each.name: each for each in found.rooms[0].roster}
    told = [row.seconds_since_last, waiting.seconds]
    told += [rows[name].last_message_seconds or 0 for name in ("alice", "bob")]
    assert told == pytest.approx([passed] * 4, abs=0.2)
    assert harness.relay.overview.statistics(
        harness.clock.now()
    ).oldest_wait_seconds == (pytest.approx(passed, abs=0.2))


async def working(harness: RelayHarness, step: Step) -> None:
    """Who has spoken is working for two minutes."""
    bob = await harness.guest("bob")
    await harness.post(bob, "hello", expects="none")
    passed = await step(harness)
    assert (await roster(harness))["bob"].state == "working"
    await trio.sleep(WORKING_SECONDS - passed + 1)
    assert (await roster(harness))["bob"].state != "working"


async def working_in_a_wrong_time(harness: RelayHarness, step: Step) -> None:
    """The same for who speaks when the clock has been set, and is set right again."""
    await step(harness)
    bob = await harness.guest("bob")
    await harness.post(bob, "hello", expects="none")
    harness.clocks.shift(-harness.clocks.shift_seconds)
    await trio.sleep(LATE)
    assert (await roster(harness))["bob"].last_message_seconds == pytest.approx(LATE)
    await trio.sleep(WORKING_SECONDS - LATE + 1)
    assert (await roster(harness))["bob"].state != "working"
    await trio.sleep(1_000)  # meanwhile the room leaves the memory
    carol = await harness.guest("carol")
    await harness.post(carol, "hello", expects="none")
    passed = 1_001 + WORKING_SECONDS
    assert (await roster(harness))["bob"].last_message_seconds == pytest.approx(passed)


async def silence(harness: RelayHarness, step: Step) -> None:
    """A room is as quiet as it has been."""
    alice, bob = await harness.guest("alice"), await harness.guest("bob")
    await harness.post(alice, "hello")
    passed = await step(harness)
    budget = (await harness.poll(bob)).budget
    assert not budget.should_exit
    assert budget.room_quiet_seconds == pytest.approx(passed, abs=0.2)


async def order(harness: RelayHarness, step: Step) -> None:
    """Timestamps never run backwards within a room."""
    alice = await harness.guest("alice")
    for _ in range(2):
        await harness.post(alice, "hello")
        await step(harness)
        await harness.post(alice, "hello")
        harness.clocks.shift(-harness.clocks.shift_seconds)
        await trio.sleep(LATE)
    told = [each.at_ms for each in (await harness.poll(alice)).page.messages]
    assert told == sorted(told)


async def audit_times(harness: RelayHarness, step: Step) -> None:
    """What is noted has the time of the wall clock once that has settled."""
    await step(harness)
    now = harness.clock.now().wall_ms
    assert now == harness.clocks.right_ms() + round(harness.clocks.shift_seconds * 1000)
    await harness.guest("bob")
    rows = await harness.relay.store.audit(10, None)
    assert rows[-1].audit.at_ms == now


async def operators_session(harness: RelayHarness, step: Step) -> None:
    """A session, and a code that buys one, last as long as was said."""
    limits = Limits(session_days=600 / DAY, sign_in_seconds=300)
    async with _sessions(harness, limits) as sessions:
        made = await sessions.open(sessions.token_identity(), Visitor("here"))
        offered = sessions.make_code(sessions.token_identity())
        passed = await step(harness)
        assert len(sessions.codes) == 1
        now = harness.clock.now()
        assert now.on_wall(made.session.ends_ms(now)) == now.wall_ms + round(
            (600 - passed) * 1000
        )
        await trio.sleep(305 - passed)
        assert await sessions.redeem(offered.code, Visitor("there")) is None
        assert sessions.resolve(made.token) is not None
        await trio.sleep(300)
        assert sessions.resolve(made.token) is None


async def stored_session(harness: RelayHarness, step: Step) -> None:
    """A relay that is started again knows when a session ends."""
    limits = Limits(session_days=600 / DAY)
    async with _sessions(harness, limits) as sessions:
        made = await sessions.open(sessions.token_identity(), Visitor("here"))
        passed = await step(harness)
    async with (
        open_harness(store=harness.relay.store, clocks=harness.clocks) as again,
        _sessions(again, limits) as sessions,
    ):
        await trio.sleep(590 - passed)
        assert sessions.resolve(made.token) is not None
        await trio.sleep(15)
        assert sessions.resolve(made.token) is None


async def session_opened_in_a_wrong_time(harness: RelayHarness, step: Step) -> None:
    """A session opened while the clock was wrong ends when it should."""
    limits = Limits(session_days=600 / DAY)
    passed = await step(harness)
    async with _sessions(harness, limits) as sessions:
        made = await sessions.open(sessions.token_identity(), Visitor("here"))
        harness.clocks.shift(-harness.clocks.shift_seconds)
        await trio.sleep(LATER)
        (stored,) = await harness.relay.store.sessions()
        left_ms = round((600 - LATER) * 1000)
        assert stored.expires_ms == harness.clocks.right_ms() + left_ms
    async with _sessions(harness, limits) as sessions:
        await trio.sleep(590 - LATER)
        assert sessions.resolve(made.token) is not None
        await trio.sleep(15)
        assert sessions.resolve(made.token) is None
    assert passed


def _sessions(
    harness: RelayHarness, limits: Limits
) -> AbstractAsyncContextManager[Sessions]:
    return open_sessions(harness.relay.store, limits, harness.clock, FixedToken())


PLACES: tuple[Place, ...] = (
    code,
    stored_code,
    code_made_in_a_wrong_time,
    claim_of_a_short_code,
    lease,
    parked_poll,
    idempotency_key,
    ages,
    working,
    working_in_a_wrong_time,
    silence,
    order,
    audit_times,
    operators_session,
    stored_session,
    session_opened_in_a_wrong_time,
)
