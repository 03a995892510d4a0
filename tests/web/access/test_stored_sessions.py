"""Sessions over a restart of the relay, a crash, and a store that fails."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing
from typing_extensions import override

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.room.writes import Audit
from argybargy.domain.sessions import SessionRecord
from argybargy.relay.clock import Clock
from argybargy.store.errors import Refused, StoreError, Unknown
from argybargy.store.memory.store import MemoryStore
from argybargy.web.access.session import CERTAIN_SECONDS, Visitor
from argybargy.web.access.session_keeper import KEEP_SECONDS, open_sessions
from argybargy.web.access.sessions import USE_MS, Sessions
from support.relay import SettableClocks, VirtualClock
from support.web_app import FixedToken

LIMITS = Limits(sessions=3, session_days=100_000 / 86_400)
HERE = Visitor("192.0.2.7", "Firefox on Linux")


@attrs.define(eq=False)
class FailingStore(MemoryStore):
    """A store whose writes of sessions fail, before or after they were applied."""

    error: StoreError | None = None

    @override
    async def open_session(
        self,
        session: SessionRecord,
        ended: Sequence[SessionRecord],
        audits: Sequence[Audit],
    ) -> None:
        self._refuse()
        error, self.error = self.error, None
        await MemoryStore.open_session(self, session, ended, audits)
        self.error = error
        self._lose_answer()

    @override
    async def end_sessions(
        self, sessions: Sequence[SessionRecord], audits: Sequence[Audit]
    ) -> None:
        self._refuse()
        await MemoryStore.end_sessions(self, sessions, audits)
        self._lose_answer()

    def _refuse(self) -> None:
        if isinstance(self.error, Refused):
            raise self.error

    def _lose_answer(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def store() -> FailingStore:
    return FailingStore(LIMITS)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(started_at=0.0)


@pytest.fixture
def token() -> FixedToken:
    return FixedToken()


async def crashed(
    store: MemoryStore,
    clock: VirtualClock,
    token: FixedToken,
    limits: Limits = LIMITS,
) -> Sessions:
    """Return the sessions of a relay that starts after a crash: nothing was flushed."""
    sessions = Sessions(store, limits, clock, token)
    await sessions.load()
    return sessions


@asynccontextmanager
async def running(
    store: MemoryStore, clock: Clock, token: FixedToken
) -> AsyncIterator[Sessions]:
    async with open_sessions(store, LIMITS, clock, token) as sessions:
        yield sessions


async def sign_in(sessions: Sessions) -> str:
    return (await sessions.open(sessions.token_identity(), HERE)).token


async def test_a_session_is_there_after_a_crash_right_behind_its_opening(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    sessions = await crashed(store, clock, token)
    split = attrs.evolve(HERE, keeps_cookie=True)
    made = await sessions.open(sessions.token_identity(), split)
    again = await crashed(store, clock, token)
    assert again.resolve(made.token) is None
    identity = again.resolve(made.token, made.cookie)
    assert identity is not None
    found = again.find(identity)
    assert found is not None
    assert found.record == made.session.record
    (row,) = await store.audit(9, None)
    assert row.audit.detail == f"{found.id} by token from 192.0.2.7"


async def test_an_ended_session_does_not_come_back_after_a_crash(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    sessions = await crashed(store, clock, token)
    one, two, three = [await sign_in(sessions) for _ in range(3)]
    identity = sessions.resolve(one)
    assert identity is not None
    assert identity.id is not None
    assert await sessions.end(identity.id, "sign_out")
    again = await crashed(store, clock, token)
    assert [again.resolve(each) is None for each in (one, two, three)] == [True, 0, 0]
    assert await again.end_sessions() == 2
    assert (await crashed(store, clock, token)).live() == []
    actions = [row.audit.action for row in await store.audit(9, None)]
    assert actions[3:] == ["sign_out", "session_revoke"]


async def test_a_session_evicted_by_another_is_gone_from_the_store_too(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    sessions = await crashed(store, clock, token)
    tokens = []
    for _ in range(4):
        tokens.append(await sign_in(sessions))
        await trio.sleep(1)
    again = await crashed(store, clock, token)
    assert [again.resolve(each) is None for each in tokens] == [True, 0, 0, 0]


async def test_a_session_keeps_its_end_over_restarts(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    secret = await sign_in(await crashed(store, clock, token))
    for _ in range(9):
        await trio.sleep(10_000)
        async with running(store, clock, token) as sessions:
            assert sessions.resolve(secret) is not None
    await trio.sleep(10_000)
    async with running(store, clock, token) as sessions:
        assert sessions.resolve(secret) is None
        assert sessions.live() == []


async def test_a_shorter_lifetime_applies_to_stored_sessions(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    secret = await sign_in(await crashed(store, clock, token))
    await trio.sleep(500)
    for days, is_valid in ((501 / 86_400, True), (499 / 86_400, False)):
        limits = attrs.evolve(LIMITS, session_days=days)
        sessions = await crashed(store, clock, token, limits)
        assert (sessions.resolve(secret) is not None) is is_valid


async def test_a_clock_that_is_behind_after_a_restart_gives_no_used_time_back(
    autojump_clock: trio.testing.MockClock, store: FailingStore, token: FixedToken
) -> None:
    clocks = SettableClocks()
    async with running(store, clocks.clock(), token) as sessions:
        secret = await sign_in(sessions)
        await trio.sleep(60_000)
        assert sessions.resolve(secret)
    clocks.shift(-10_000_000)
    for left in (40_000, 20_000, 1):
        async with running(store, clocks.clock(), token) as sessions:
            identity = sessions.resolve(secret)
            assert (0 if identity is None else sessions.seconds_left(identity)) == left
            await trio.sleep(19_999)
            sessions.resolve(secret)
            await trio.sleep(1)
            sessions.resolve(secret)


async def test_an_expired_session_is_deleted_once_its_end_is_certain(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    secret = await sign_in(await crashed(store, clock, token))
    clock.shift_ms = 200_000_000
    async with running(store, clock, token) as sessions:
        await trio.sleep(CERTAIN_SECONDS - KEEP_SECONDS)
        assert sessions.resolve(secret) is None
        clock.shift_ms = 0
        await trio.sleep(KEEP_SECONDS)
        assert sessions.resolve(secret) is not None
        clock.shift_ms = 200_000_000
        await trio.sleep(CERTAIN_SECONDS + 3 * KEEP_SECONDS)
    assert await store.sessions() == ()


async def test_uses_are_stored_once_a_minute_and_when_the_relay_stops(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    async with running(store, clock, token) as sessions:
        secret = await sign_in(sessions)
        (first,) = await store.sessions()
        writes = set()
        for _ in range(200):
            await trio.sleep(1)
            sessions.resolve(secret)
            writes.add((await store.sessions())[0].used_ms)
        assert len(writes) == 1 + 200_000 // USE_MS
        await trio.sleep(1)
        sessions.resolve(secret)
    (last,) = await store.sessions()
    assert last.used_ms - first.used_ms == 201_000


# -- the admin token -----------------------------------------------------------------


async def test_a_rotation_ends_the_stored_sessions(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    sessions = await crashed(store, clock, token)
    await sign_in(sessions)
    await sessions.rotate_token()
    assert await store.sessions() == ()
    assert await sign_in(sessions)
    assert len(await store.sessions()) == 1


async def test_a_rotation_succeeds_though_the_store_refuses_and_the_sessions_end(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    async with running(store, clock, token) as sessions:
        secret = await sign_in(sessions)
        store.error = Refused("no space")
        assert await sessions.rotate_token() == token.value
        assert sessions.resolve(secret) is None
        assert (await crashed(store, clock, token)).resolve(secret) is None
        store.error = None
        await trio.sleep(KEEP_SECONDS + 1)
        assert await store.sessions() == ()


async def test_a_token_replaced_while_no_relay_ran_ends_the_sessions(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    secret = await sign_in(await crashed(store, clock, token))
    async with running(store, clock, FixedToken("another")) as sessions:
        assert sessions.resolve(secret) is None
    assert await store.sessions() == ()


# -- a store that fails --------------------------------------------------------------


async def test_a_session_that_is_not_stored_is_not_opened(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    async with running(store, clock, token) as sessions:
        code = sessions.make_code(sessions.token_identity()).code
        store.error = Refused("no space")
        with pytest.raises(RelayError, match="storage_unavailable"):
            await sessions.redeem(code, HERE)
        assert sessions.live() == []
        store.error = None
        assert await sessions.redeem(code, HERE), "the code was not spent"


async def test_a_session_that_may_be_stored_is_deleted(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    async with running(store, clock, token) as sessions:
        store.error = Unknown("no answer")
        with pytest.raises(RelayError, match="storage_unknown"):
            await sign_in(sessions)
        assert len(await store.sessions()) == 1
        assert sessions.live() == []
        store.error = None
        await trio.sleep(KEEP_SECONDS + 1)
        assert await store.sessions() == ()


@pytest.mark.parametrize("error", [Refused("no space"), Unknown("no answer")])
async def test_a_session_ends_at_once_and_in_the_store_as_soon_as_that_works(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
    error: StoreError,
) -> None:
    async with running(store, clock, token) as sessions:
        secret = await sign_in(sessions)
        identity = sessions.resolve(secret)
        assert identity is not None
        assert identity.id is not None
        store.error = error
        for _ in range(2):
            with pytest.raises(RelayError, match="storage_un"):
                await sessions.end(identity.id, "session_revoke")
            assert sessions.resolve(secret) is None
        store.error = None
        assert await sessions.end(identity.id, "session_revoke")
        assert await store.sessions() == ()
        assert not await sessions.end(identity.id, "session_revoke")


async def test_a_code_redeemed_many_times_at_once_opens_one_session(
    autojump_clock: trio.testing.MockClock,
    store: FailingStore,
    clock: VirtualClock,
    token: FixedToken,
) -> None:
    sessions = await crashed(store, clock, token)
    code = sessions.make_code(sessions.token_identity()).code
    opened = []

    async def redeem() -> None:
        opened.append(await sessions.redeem(code, HERE))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(redeem)
    assert sum(made is not None for made in opened) == 1
    assert len(await store.sessions()) == 1
