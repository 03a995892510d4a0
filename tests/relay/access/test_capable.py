"""Peers by capability: the right ones, found without looking at all codes."""

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.names import PeerKey
from argybargy.relay.access.capable import Capable
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import operator
from argybargy.relay.api.me import Statement, state
from support.relay import ROOM, RelayHarness, open_harness
from support.work_counters import count_calls

FREE = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)


async def _invite(
    it: RelayHarness, name: str, can: str, seconds: float | None = None
) -> CodeRecord:
    invitation = Invitation(ROOM, name, can, lifetime_seconds=seconds)
    (invited,) = await operator.invite(it.relay, [invitation])
    return invited.record


def _names(it: RelayHarness, *words: str) -> tuple[str, ...]:
    capable = Capable(it.relay.codes, ROOM, it.clock.now())
    return capable.names([f"can:{word}" for word in words])


async def test_capabilities_are_those_of_the_newest_valid_code(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(FREE) as it:
        await _invite(it, "ann", "sql go")
        await _invite(it, "bob", "sql")
        await _invite(it, "ann", "rust", seconds=60)
        assert _names(it, "sql") == ("bob",)
        assert _names(it, "rust") == ("ann",)
        assert set(_names(it, "rust", "sql")) == {"ann", "bob"}
        await trio.sleep(61)
        assert set(_names(it, "sql")) == {"ann", "bob"}
        assert _names(it, "rust") == ()


async def test_capabilities_follow_statements_and_revocations(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(FREE) as it:
        ann, _ = await it.guest("ann"), await _invite(it, "bob", "sql")
        await state(it.relay, ann, Statement(capabilities=("sql", "go")))
        assert set(_names(it, "sql")) == {"ann", "bob"}
        await state(it.relay, ann, Statement(capabilities=("go",)))
        await operator.revoke(it.relay, "bob", None, everywhere=False)
        assert _names(it, "sql") == ()
        assert _names(it, "go") == ("ann",)


async def test_a_post_to_many_capabilities_does_not_look_at_all_codes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(FREE) as it:
        invitations = [Invitation(ROOM, f"a{n}", "sql go rust") for n in range(300)]
        await operator.invite(it.relay, invitations)
        ann = await it.guest("ann")
        words = tuple(f"can:word{n}" for n in range(16))
        posted = await it.post(ann, to=words)
        live = await it.relay.live(ROOM)
        report = live.context.delivery.report

        def again() -> None:
            report(live.room, live.polls, live.cursors, posted.message)
            _names(it, *(word.removeprefix("can:") for word in words))

        assert posted.delivery.missing == tuple(f"word{n}" for n in range(16))
        assert count_calls(again) < 1_500


async def test_too_many_capable_peers_are_refused_before_all_are_found(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(attrs.evolve(FREE, called_peers=5)) as it:
        invitations = [Invitation(ROOM, f"a{n}", "sql go") for n in range(300)]
        await operator.invite(it.relay, invitations)
        ann = await it.guest("ann")
        with pytest.raises(RelayError, match="invalid_request"):
            await it.post(ann, to=("can:sql", "can:go"))
        assert count_calls(lambda: _names(it, "sql", "go")) < 300
        assert len(_names(it, "sql")) == 6


async def test_the_sender_alone_does_not_count(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(FREE) as it:
        ann = await it.guest("ann")
        await state(it.relay, ann, Statement(capabilities=("sql",)))
        posted = await it.post(ann, to=("can:sql",))
        assert posted.delivery.missing == ("sql",)
        await _invite(it, "bob", "sql")
        posted = await it.post(ann, to=("can:sql",))
        assert posted.delivery.missing == ()
        assert posted.message.addressee_keys >= {PeerKey("bob")}
