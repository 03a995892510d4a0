"""Sessions and sign-in codes: expiry, eviction and revocation."""

import math

import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import digest_code, is_well_formed
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.access.code_registry import new_code
from argybargy.web.access.sessions import Sessions
from argybargy.web.identity import IdentityKind, OperatorIdentity
from support.relay import VirtualClock

LIMITS = Limits(
    sessions=3,
    session_seconds=100,
    session_idle_seconds=10,
    sign_in_codes=2,
    sign_in_seconds=5,
)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(started_at=0.0)


@pytest.fixture
def sessions(clock: VirtualClock) -> Sessions:
    return Sessions(LIMITS, clock)


def sign_in(sessions: Sessions, address: str = "here") -> str:
    return sessions.open(sessions.token_identity(), address).token


def who(sessions: Sessions, token: str) -> OperatorIdentity:
    identity = sessions.resolve(token)
    assert identity is not None
    return identity


async def test_a_session_authenticates_the_operator_by_its_secret_alone(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    made = sessions.open(sessions.token_identity(), "192.0.2.7")
    assert is_well_formed(made.token, "argy_s1_")
    identity = who(sessions, made.token)
    assert identity.kind is IdentityKind.SESSION
    assert sessions.find(identity) is made.session
    digest = made.session.digest
    for wrong in (digest.hex(), made.session.id, made.token[:-1], "", "é", "\x00"):
        assert sessions.resolve(wrong) is None
    assert sessions.resolve(new_code("argy_s1_")) is None


async def test_secrets_are_kept_as_digests_and_shown_nowhere(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    made = sessions.open(sessions.token_identity(), "here")
    code = sessions.make_code(sessions.token_identity())
    assert made.session.digest == digest_code(made.token)
    shown = f"{sessions!r} {made!r} {made.session!r} {code!r} {code.record!r}"
    for secret in (made.token, code.code):
        assert secret not in shown
        assert repr(digest_code(secret)) not in shown


async def test_an_idle_session_expires(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    token = sign_in(sessions)
    for _ in range(3):
        await trio.sleep(9)
        assert sessions.resolve(token)
    await trio.sleep(10)
    assert sessions.resolve(token) is None
    assert sessions.live() == []


async def test_a_session_expires_even_in_use(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    token = sign_in(sessions)
    for _ in range(99):
        await trio.sleep(1)
        assert sessions.resolve(token)
    await trio.sleep(1)
    assert sessions.resolve(token) is None


async def test_a_session_expires_while_the_machine_is_suspended(
    autojump_clock: trio.testing.MockClock, sessions: Sessions, clock: VirtualClock
) -> None:
    token = sign_in(sessions)
    clock.shift_ms = 100_000
    assert sessions.resolve(token) is None


async def test_above_the_limit_the_longest_idle_session_is_evicted(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    tokens = []
    for _ in range(3):
        tokens.append(sign_in(sessions))
        await trio.sleep(1)
    sessions.resolve(tokens[0])
    tokens.append(sign_in(sessions))
    known = [sessions.resolve(token) is not None for token in tokens]
    assert known == [True, False, True, True]


async def test_a_session_with_a_stream_is_not_idle_and_evicted_last(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    token = sign_in(sessions)
    with sessions.watching(who(sessions, token), lambda: None):
        await trio.sleep(50)
        for _ in range(5):
            sign_in(sessions)
        identity = who(sessions, token)
        assert sessions.seconds_left(identity) == 50
    await trio.sleep(9)
    assert sessions.is_live(identity)
    await trio.sleep(1)
    assert not sessions.is_live(identity)


async def test_a_stream_does_not_prolong_a_session_beyond_its_deadline(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    identity = who(sessions, sign_in(sessions))
    with sessions.watching(identity, lambda: None):
        await trio.sleep(100)
        assert not sessions.is_live(identity)


async def test_a_session_cannot_open_another_session(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    identity = who(sessions, sign_in(sessions))
    with pytest.raises(RelayError, match="token_required"):
        sessions.open(identity, "here")


# -- sign-in codes --------------------------------------------------------------------


async def test_a_sign_in_code_opens_one_session(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    code = sessions.make_code(sessions.token_identity()).code
    assert is_well_formed(code, "argy_o1_")
    made = sessions.redeem(code, "phone")
    assert made is not None
    assert made.session.address == "phone"
    assert sessions.resolve(made.token)
    assert sessions.redeem(code, "thief") is None


async def test_codes_and_sessions_are_not_interchangeable(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    code = sessions.make_code(sessions.token_identity()).code
    token = sign_in(sessions)
    assert sessions.resolve(code) is None
    assert sessions.redeem(token, "here") is None
    assert sessions.redeem(new_code("argy_o1_"), "here") is None
    assert sessions.open_codes() == 1


async def test_a_sign_in_code_expires(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    early = sessions.make_code(sessions.token_identity()).code
    late = sessions.make_code(sessions.token_identity()).code
    await trio.sleep(4.9)
    assert sessions.redeem(early, "here")
    await trio.sleep(0.1)
    assert sessions.redeem(late, "here") is None


async def test_above_the_limit_the_oldest_sign_in_code_is_evicted(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    codes = [sessions.make_code(sessions.token_identity()).code for _ in range(3)]
    assert sessions.open_codes() == 2
    bought = [sessions.redeem(code, "here") is not None for code in codes]
    assert bought == [False, True, True]


async def test_a_code_of_a_session_opens_no_longer_session(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    token = sign_in(sessions)
    identity = who(sessions, token)
    with sessions.watching(identity, lambda: None):
        await trio.sleep(97)
        made = sessions.make_code(identity)
        bought = sessions.redeem(made.code, "phone")
        late = sessions.make_code(identity).code
    assert bought is not None
    await trio.sleep(2.9)
    assert sessions.resolve(bought.token)
    await trio.sleep(0.1)
    assert sessions.resolve(bought.token) is None
    assert sessions.redeem(late, "phone") is None


async def test_the_codes_of_a_session_end_with_it(
    autojump_clock: trio.testing.MockClock, sessions: Sessions
) -> None:
    identity = who(sessions, sign_in(sessions))
    code = sessions.make_code(identity).code
    assert identity.id is not None
    assert sessions.end(identity.id)
    assert not sessions.end(identity.id)
    assert sessions.redeem(code, "here") is None
    with pytest.raises(RelayError, match="admin_unauthorized"):
        sessions.make_code(identity)


# -- revocation ----------------------------------------------------------------------


async def test_a_rotation_ends_sessions_codes_and_token_identities(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    by_token = sessions.token_identity()
    token, code = sign_in(sessions), sessions.make_code(by_token).code
    assert sessions.seconds_left(by_token) == math.inf
    sessions.end_all()
    assert sessions.resolve(token) is None
    assert sessions.redeem(code, "here") is None
    assert not sessions.is_live(by_token)
    with pytest.raises(RelayError, match="admin_unauthorized"):
        sessions.open(by_token, "here")
    assert sessions.is_live(sessions.token_identity())


async def test_ending_all_sessions_keeps_token_identities(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    by_token = sessions.token_identity()
    token, code = sign_in(sessions), sessions.make_code(by_token).code
    assert sessions.end_sessions() == 1
    assert sessions.resolve(token) is None
    assert sessions.redeem(code, "here") is None
    assert sessions.is_live(by_token)


async def test_only_watchers_of_an_ended_session_are_woken(
    autojump_clock: trio.testing.MockClock,
    sessions: Sessions,
) -> None:
    mine, other = who(sessions, sign_in(sessions)), who(sessions, sign_in(sessions))
    woken: list[str] = []
    with (
        sessions.watching(mine, lambda: woken.append("mine")),
        sessions.watching(other, lambda: woken.append("other")),
        sessions.watching(sessions.token_identity(), lambda: woken.append("token")),
    ):
        assert mine.id is not None
        sessions.end(mine.id)
        assert woken == ["mine"]
        woken.clear()
        sessions.end_all()
        assert {"other", "token"} <= set(woken)
    woken.clear()
    sessions.end_all()
    assert woken == []
