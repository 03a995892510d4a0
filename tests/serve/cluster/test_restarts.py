"""When a child of a cluster is started again, and when it is given up."""

import signal

import pytest

from argybargy.serve.cluster.restarts import FAILURES_IN_A_ROW, Restarts


def pauses(restarts: Restarts, *runs: tuple[int, float]) -> list[float | None]:
    """Return the pause after each run of a program: its code, and its seconds."""
    now, found = 0.0, list[float | None]()
    for code, seconds in runs:
        pause = restarts.pause_after(code, now, now + seconds)
        found.append(pause)
        now += seconds + (pause or 0)
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_that_is_killed_is_started_again_however_often(number: int) -> None:
    assert None not in pauses(Restarts(), *[(-number, 3.0)] * 1_000)


def test_starts_that_fail_for_a_while_are_no_reason_to_give_up() -> None:
    failures = [(1, 0.1)] * 10
    assert None not in pauses(Restarts(), (-9, 60.0), *failures, (-9, 5.0), *failures)


def test_a_program_that_cannot_start_is_given_up_after_half_a_minute() -> None:
    found = pauses(Restarts(), *[(1, 0.5)] * 15)
    assert found[:5] == [0.25, 0.5, 1.0, 2.0, 2.0]
    tries = found.index(None)
    seconds = sum(pause or 0 for pause in found[:tries]) + 0.5 * (tries + 1)
    assert 30.0 <= seconds < 32.5


def test_a_few_slow_starts_that_fail_are_no_reason_to_give_up() -> None:
    found = pauses(Restarts(), *[(1, 9.0)] * FAILURES_IN_A_ROW)
    assert None not in found[:-1]
    assert found[-1] is None


def test_a_program_that_has_run_for_a_while_has_not_failed() -> None:
    assert None not in pauses(Restarts(), *[(1, 10.0)] * 100)
