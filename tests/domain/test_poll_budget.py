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
def test_the_shorter_of_the_two_idle_times_counts(
    waited: float, quiet: float, idle: float, left: float, reason: str | None
) -> None:
    budget = poll_budget(waited, quiet, 60, is_closed=False)
    assert (budget.waited_seconds, budget.room_quiet_seconds) == (waited, quiet)
    assert budget.idle_seconds == idle
    assert budget.seconds_left == left
    assert budget.reason == reason
    assert budget.should_exit == (reason is not None)


@pytest.mark.parametrize("idle", [0, 1_000])
def test_a_closed_room_ends_polling_regardless_of_idle_times(idle: float) -> None:
    budget = poll_budget(idle, idle, 60, is_closed=True)
    assert budget.reason == "room_closed"
    assert budget.should_exit


def test_without_an_idle_limit_polling_does_not_end() -> None:
    budget = poll_budget(1e9, 1e9, 0, is_closed=False)
    assert budget.seconds_left is None
    assert not budget.should_exit
    assert poll_budget(0, 0, 0, is_closed=True).should_exit


def test_the_remaining_time_is_never_negative() -> None:
    budget = poll_budget(-5, -0.1, 60, is_closed=False)
    assert (budget.waited_seconds, budget.room_quiet_seconds) == (0, 0)
    assert budget.seconds_left == 60
