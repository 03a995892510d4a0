import pytest

from argybargy.domain.poll_budget import poll_budget


@pytest.mark.parametrize(
    ("waited", "quiet", "idle", "left", "reason"),
    [
        (10, 100, 10, 50, None),
        (100, 10, 10, 50, None),
        (59.9, 100, 59.9, 0.1, None),
        (60, 60, 60, 0, "idle_timeout"),
        (100, 59.9, 59.9, 0.1, None),
        (900, 700, 700, 0, "idle_timeout"),
        (0, 0, 0, 60, None),
    ],
)
def test_the_smaller_clock_counts(
    waited: float, quiet: float, idle: float, left: float, reason: str | None
) -> None:
    budget = poll_budget(waited, quiet, 60, is_closed=False)
    assert (budget.waited_seconds, budget.room_quiet_seconds) == (waited, quiet)
    assert budget.idle_seconds == idle
    assert budget.seconds_left == left
    assert budget.reason == reason
    assert budget.should_exit == (reason is not None)


@pytest.mark.parametrize("idle", [0, 1_000])
def test_a_closed_room_is_reason_enough_whatever_the_clocks_say(idle: float) -> None:
    budget = poll_budget(idle, idle, 60, is_closed=True)
    assert budget.reason == "room_closed"
    assert budget.should_exit


def test_no_bound_sends_nobody_away() -> None:
    budget = poll_budget(1e9, 1e9, 0, is_closed=False)
    assert budget.seconds_left is None
    assert not budget.should_exit
    assert poll_budget(0, 0, 0, is_closed=True).should_exit


def test_clocks_that_disagree_never_show_less_than_nothing() -> None:
    budget = poll_budget(-5, -0.1, 60, is_closed=False)
    assert (budget.waited_seconds, budget.room_quiet_seconds) == (0, 0)
    assert budget.seconds_left == 60
