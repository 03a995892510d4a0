"""Commits of other nodes on their way to a room task."""

import pytest
import trio
import trio.testing

from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import RoomStatus
from argybargy.relay.room.commits_ahead import MAX_AHEAD, CommitsAhead


def commit(version: int) -> Commit:
    status = RoomStatus("hall")
    return Commit(version, f"there-{version}", status, True, 0, 1, 0, 0, 0, 0)


def test_commits_are_taken_in_order_and_old_ones_are_dropped() -> None:
    ahead = CommitsAhead()
    for version in (5, 3, 4, 3, 1):
        ahead.put(commit(version))
    taken = []
    version = 2
    while (found := ahead.pop_next(version)) is not None:
        version = found.version
        taken.append(version)
    assert taken == [3, 4, 5]
    assert ahead.is_empty


def test_a_commit_that_is_not_next_waits() -> None:
    ahead = CommitsAhead()
    ahead.put(commit(5))
    assert ahead.pop_next(3) is None
    assert not ahead.is_empty
    assert ahead.pop_next(4) == commit(5)


def test_with_too_many_commits_ahead_all_are_read_from_the_store() -> None:
    ahead = CommitsAhead()
    for version in range(2, MAX_AHEAD + 2):
        ahead.put(commit(version))
    asked = [ahead.must_read]
    ahead.put(commit(MAX_AHEAD + 2))
    asked.append(ahead.must_read)
    assert asked == [False, True]
    assert ahead.pop_next(1) is None


@pytest.mark.parametrize("has_found", [True, False])
def test_what_comes_during_a_read_is_not_lost(*, has_found: bool) -> None:
    ahead = CommitsAhead()
    ahead.miss()
    reading = ahead.begin_reading()
    ahead.put(commit(9))
    ahead.miss()
    ahead.end_reading(reading, has_found=has_found)
    assert ahead.must_read
    assert ahead.pop_next(8) == commit(9)


def test_commits_ahead_of_a_store_with_nothing_new_are_dropped() -> None:
    ahead = CommitsAhead()
    ahead.put(commit(9))
    ahead.end_reading(ahead.begin_reading(), has_found=False)
    assert ahead.is_empty


async def test_the_wait_for_news_ends_with_them(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ahead, began = CommitsAhead(), trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ahead.wait_came, 10)
        await trio.sleep(1)
        ahead.put(commit(2))
    assert trio.current_time() - began == 1
    await ahead.wait_came(10)
    assert trio.current_time() - began == 1
    ahead.pop_next(1)
    await ahead.wait_came(10)
    assert trio.current_time() - began == 11
