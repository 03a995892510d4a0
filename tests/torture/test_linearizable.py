from itertools import pairwise

import pytest

from argybargy.torture.linearizable import (
    LOST,
    REFUSED,
    RELEASED,
    WON,
    ClaimCall,
    is_linearizable,
)


def won(began: float, ended: float, caller: str, fence: int) -> ClaimCall:
    return ClaimCall(began, ended, caller, WON, caller, fence)


def lost(began: float, ended: float, caller: str, holder: str) -> ClaimCall:
    return ClaimCall(began, ended, caller, LOST, holder)


def released(began: float, ended: float, caller: str) -> ClaimCall:
    return ClaimCall(began, ended, caller, RELEASED)


def refused(began: float, ended: float, caller: str) -> ClaimCall:
    return ClaimCall(began, ended, caller, REFUSED)


GOOD = {
    "nothing": [],
    "one winner, one loser": [won(0, 1, "a", 1), lost(0, 1, "b", "a")],
    "a loser that asked first": [won(1, 3, "a", 1), lost(0, 2, "b", "a")],
    "the winner asks again": [won(0, 1, "a", 1), won(2, 3, "a", 1)],
    "handed on": [won(0, 1, "a", 1), released(2, 3, "a"), won(4, 5, "b", 2)],
    "handed on meanwhile": [won(0, 9, "a", 1), released(1, 8, "a"), won(2, 7, "b", 2)],
    "nothing to release": [released(0, 1, "a"), won(2, 3, "b", 1)],
    "not one's own": [won(0, 1, "a", 1), refused(2, 3, "b")],
}
BAD = {
    "two winners": [won(0, 1, "a", 1), won(0, 1, "b", 2)],
    "lost to nobody": [lost(0, 1, "b", "a")],
    "lost before it was won": [lost(0, 1, "b", "a"), won(2, 3, "a", 1)],
    "a fence again": [won(0, 1, "a", 1), released(2, 3, "a"), won(4, 5, "b", 1)],
    "another fence for the holder": [won(0, 1, "a", 1), won(2, 3, "a", 2)],
    "won after a release that was refused": [
        won(0, 1, "a", 1),
        refused(2, 3, "a"),
        won(4, 5, "b", 2),
    ],
    "the wrong holder": [won(0, 1, "a", 1), lost(2, 3, "c", "b")],
}


@pytest.mark.parametrize("calls", GOOD.values(), ids=GOOD)
def test_a_history_with_a_sequential_order_is_linearizable(
    calls: list[ClaimCall],
) -> None:
    assert is_linearizable(calls)


@pytest.mark.parametrize("calls", BAD.values(), ids=BAD)
def test_a_history_without_a_sequential_order_is_not_linearizable(
    calls: list[ClaimCall],
) -> None:
    assert not is_linearizable(calls)


def test_a_long_history_with_many_concurrent_calls_is_checked() -> None:
    """Six rivals take turns; each call overlaps its neighbours."""
    names = [f"agent{number % 6}" for number in range(60)]
    calls = []
    for at, (mine, following) in enumerate(pairwise(names)):
        calls += [
            won(at, at + 0.9, mine, at + 1),
            lost(at + 0.3, at + 1.2, following, mine),
            released(at + 0.5, at + 1.1, mine),
        ]
    assert is_linearizable(calls)
    assert not is_linearizable([*calls, lost(100, 101, "agent0", "agent5")])
