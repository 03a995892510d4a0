"""Sessions and sign-in codes: expiry, eviction and revocation."""

import math

import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import digest_code, is_well_formed
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.access.code_registry import new_code
from argybargy.store.memory.store import MemoryStore
from argybargy.web.access.session import Visitor
from argybargy.web.access.sessions import Sessions
from argybargy.web.identity import IdentityKind, OperatorIdentity
from support.relay import VirtualClock
from support.web_app import FixedToken

LIMITS = Limits(
    sessions=3,
    session_days=100 / 86_400,
    sign_in_codes=2,
    sign_in_seconds=5,
)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(started_at=0.0)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(LIMITS)


@pytest.fixture
def sessions(store: MemoryStore, clock: VirtualClock) -> Sessions:
    return Sessions(store, LIMITS, clock, FixedToken())


async def sign_in(sessions: Sessions, address: str = "here") -> str:
    made = await sessions.open(sessions.token_identity(), Visitor(address))
    return made.token


def who(sessions: Sessions, token: str) -> OperatorIdentity:
    identity = sessions.resolve(token)
    assert identity is not None
    return identity


async def test_a_session_authenticates_the_operator_by_its_secret_alone(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    made = await sessions.open(
        sessions.token_identity(), Visitor("192.0.2.7", "Firefox")
    )
    assert is_well_formed(made.token, "argy_s1_")
    identity = who(sessions, made.token)
    assert identity.kind is IdentityKind.SESSION
    assert sessions.find(identity) is made.session
    digest = made.session.record.digest
    for wrong in (digest.hex(), made.session.id, made.token[:-1], "", "é", "\x00"):
        assert sessions.resolve(wrong) is None
    assert sessions.resolve(new_code("argy_s1_")) is None


async def test_secrets_are_kept_as_digests_and_shown_nowhere(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    made = await sessions.open(sessions.token_identity(), Visitor("here"))
    code = sessions.make_code(sessions.token_identity())
    assert made.session.record.digest == digest_code(made.token)
    shown = f"{sessions!r} {made!r} {made.session!r} {code!r} {code.record!r}"
    for secret in (made.token, code.code):
        assert secret not in shown
        assert repr(digest_code(secret)) not in shown


async def test_an_unused_session_lasts_as_long_as_a_used_one(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    token = await sign_in(sessions)
    await trio.sleep(99)
    assert sessions.resolve(token)
    await trio.sleep(1)
    assert sessions.resolve(token) is None
    assert sessions.live() == []


async def test_a_session_expires_even_in_use(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    token = await sign_in(sessions)
    for _ in range(99):
        await trio.sleep(1)
        assert sessions.resolve(token)
    await trio.sleep(1)
    assert sessions.resolve(token) is None


async def test_a_session_expires_while_the_machine_is_suspended(
    autojump_clock: trio.testing.MockClock, sessions: Sessions, clock: VirtualClock
) -> None:
    token = await sign_in(sessions)
    clock.shift_ms = 100_000
    assert sessions.resolve(token) is None


async def test_above_the_limit_the_session_unused_longest_is_evicted(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    tokens = []
    for _ in range(3):
        tokens.append(await sign_in(sessions))
        await trio.sleep(1)
    sessions.resolve(tokens[0])
    tokens.append(await sign_in(sessions))
    known = [sessions.resolve(token) is not None for token in tokens]
    assert known == [True, False, True, True]


async def test_a_session_with_a_stream_is_in_use_and_evicted_last(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
    clock: VirtualClock,
) -> None:
    token = await sign_in(sessions)
    identity = who(sessions, token)
    session = sessions.find(identity)
    assert session is not None
    with sessions.watching(identity, lambda: None):
        await trio.sleep(50)
        assert session.seconds_since_used(clock.now()) == 0
        for _ in range(5):
            await sign_in(sessions)
        assert sessions.is_live(identity)
    await trio.sleep(9)
    assert session.seconds_since_used(clock.now()) == 9


async def test_a_stream_does_not_prolong_a_session_beyond_its_deadline(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    identity = who(sessions, await sign_in(sessions))
    with sessions.watching(identity, lambda: None):
        await trio.sleep(100)
        assert not sessions.is_live(identity)


async def test_a_session_cannot_open_another_session(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    identity = who(sessions, await sign_in(sessions))
    with pytest.raises(RelayError, match="token_required"):
        await sessions.open(identity, Visitor("here"))


# -- sign-in codes --------------------------------------------------------------------


async def test_a_sign_in_code_opens_one_session(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    code = sessions.make_code(sessions.token_identity()).code
    assert is_well_formed(code, "argy_o1_")
    made = await sessions.redeem(code, Visitor("phone"))
    assert made is not None
    assert made.session.record.address == "phone"
    assert sessions.resolve(made.token)
    assert await sessions.redeem(code, Visitor("thief")) is None


async def test_codes_and_sessions_are_not_interchangeable(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    code = sessions.make_code(sessions.token_identity()).code
    token = await sign_in(sessions)
    assert sessions.resolve(code) is None
    assert await sessions.redeem(token, Visitor("here")) is None
    assert await sessions.redeem(new_code("argy_o1_"), Visitor("here")) is None
    assert len(sessions.codes) == 1


async def test_a_sign_in_code_expires(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    early = sessions.make_code(sessions.token_identity()).code
    late = sessions.make_code(sessions.token_identity()).code
    await trio.sleep(4.9)
    assert await sessions.redeem(early, Visitor("here"))
    await trio.sleep(0.1)
    assert await sessions.redeem(late, Visitor("here")) is None


async def test_above_the_limit_the_oldest_sign_in_code_is_evicted(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    codes = [sessions.make_code(sessions.token_identity()).code for _ in range(3)]
    assert len(sessions.codes) == 2
    bought = [
        await sessions.redeem(code, Visitor("here")) is not None for code in codes
    ]
    assert bought == [False, True, True]


async def test_a_code_of_a_session_opens_no_longer_session(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    token = await sign_in(sessions)
    identity = who(sessions, token)
    with sessions.watching(identity, lambda: None):
        await trio.sleep(97)
        made = sessions.make_code(identity)
        bought = await sessions.redeem(made.code, Visitor("phone"))
        late = sessions.make_code(identity).code
    assert bought is not None
    await trio.sleep(2.9)
    assert sessions.resolve(bought.token)
    await trio.sleep(0.1)
    assert sessions.resolve(bought.token) is None
    assert await sessions.redeem(late, Visitor("phone")) is None


async def test_the_codes_of_a_session_end_with_it(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    identity = who(sessions, await sign_in(sessions))
    code = sessions.make_code(identity).code
    assert identity.id is not None
    assert await sessions.end(identity.id, "sign_out")
    assert not await sessions.end(identity.id, "sign_out")
    assert await sessions.redeem(code, Visitor("here")) is None
    with pytest.raises(RelayError, match="admin_unauthorized"):
        sessions.make_code(identity)


# -- revocation ----------------------------------------------------------------------


async def test_a_rotation_ends_sessions_codes_and_token_identities(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    by_token = sessions.token_identity()
    token, code = await sign_in(sessions), sessions.make_code(by_token).code
    assert sessions.seconds_left(by_token) == math.inf
    await sessions.rotate_token()
    assert sessions.resolve(token) is None
    assert await sessions.redeem(code, Visitor("here")) is None
    assert not sessions.is_live(by_token)
    with pytest.raises(RelayError, match="admin_unauthorized"):
        await sessions.open(by_token, Visitor("here"))
    assert sessions.is_live(sessions.token_identity())


async def test_ending_all_sessions_keeps_token_identities(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    by_token = sessions.token_identity()
    token, code = await sign_in(sessions), sessions.make_code(by_token).code
    assert await sessions.end_sessions() == 1
    assert sessions.resolve(token) is None
    assert await sessions.redeem(code, Visitor("here")) is None
    assert sessions.is_live(by_token)


async def test_only_watchers_of_an_ended_session_are_woken(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    mine, other = (
        who(sessions, await sign_in(sessions)),
        who(sessions, await sign_in(sessions)),
    )
    woken: list[str] = []
    with (
        sessions.watching(mine, lambda: woken.append("mine")),
        sessions.watching(other, lambda: woken.append("other")),
        sessions.watching(sessions.token_identity(), lambda: woken.append("token")),
    ):
        assert mine.id is not None
        await sessions.end(mine.id, "sign_out")
        assert woken == ["mine"]
        woken.clear()
        await sessions.rotate_token()
        assert {"other", "token"} <= set(woken)
    woken.clear()
    await sessions.rotate_token()
    assert woken == []
