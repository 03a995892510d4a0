import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.rate_limit import admit

# Times in 1/1024 s are exact in binary, so that the bounds can be tested exactly.
gaps = st.lists(st.integers(0, 4 * 1024).map(lambda n: n / 1024), max_size=60)
limits = st.integers(1, 5)
WINDOW = 4.0


@given(gaps, limits)
def test_no_window_ever_holds_more_than_the_limit(
    pauses: list[float], limit: int
) -> None:
    times: tuple[float, ...] = ()
    accepted: list[float] = []
    now = 0.0
    for pause in pauses:
        now += pause
        admission = admit(times, now, limit, WINDOW)
        if admission.is_accepted:
            accepted.append(now)
        times = admission.times
        assert len(times) <= limit
        assert len([at for at in accepted if at > now - WINDOW]) <= limit


@given(gaps, limits)
def test_a_refusal_contains_the_remaining_time(pauses: list[float], limit: int) -> None:
    times: tuple[float, ...] = ()
    now = 0.0
    for pause in pauses:
        now += pause
        admission = admit(times, now, limit, WINDOW)
        if not admission.is_accepted:
            wait = admission.retry_after_seconds
            assert isinstance(wait, int)
            assert admit(times, now + wait, limit, WINDOW).is_accepted
            assert not admit(times, now + wait - 1, limit, WINDOW).is_accepted
        times = admission.times


def test_refused_attempts_do_not_count() -> None:
    times = admit((), 0.0, 1, 10.0).times
    for second in range(1, 10):
        refused = admit(times, float(second), 1, 10.0)
        assert refused.retry_after_seconds == 10 - second
        times = refused.times
    assert admit(times, 10.0, 1, 10.0).is_accepted


def test_a_fraction_of_a_second_is_rounded_up() -> None:
    times = admit((), 0.0, 1, 10.0).times
    assert admit(times, 9.75, 1, 10.0).retry_after_seconds == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_zero_refuses_nothing_and_keeps_no_state(limit: int) -> None:
    assert admit((1.0, 1.0), 1.0, limit, 10.0).is_accepted
    assert admit((1.0, 1.0), 1.0, limit, 10.0).times == ()


def test_a_lowered_limit_applies_at_once() -> None:
    refused = admit((1.0, 2.0, 3.0), 4.0, 1, 10.0)
    assert refused.retry_after_seconds == 9
