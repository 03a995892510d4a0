"""The wall clock does not run backwards, whatever the machine's does."""

import trio.testing

from argybargy.relay.clock import SystemClock

FAR_MS = 10_000_000_000_000


async def test_an_expired_code_stays_expired_when_the_clock_is_set_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    was_ahead, is_right = SystemClock(FAR_MS), SystemClock()
    assert was_ahead.now().wall_ms == FAR_MS
    assert 0 < is_right.now().wall_ms < FAR_MS
    assert was_ahead.now().steady_seconds == is_right.now().steady_seconds
