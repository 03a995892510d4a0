"""The time of nudges."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.nudging import MAX_NUDGE_SECONDS, NUDGE_SECONDS, Nudging


def test_the_first_message_is_due_at_once_and_the_next_nudges_back_off() -> None:
    state = Nudging().noted(7)
    assert state.due_at == -inf
    pauses = []
    now = 100.0
    for _ in range(12):
        state = state.nudged(now, has_failed=False)
        pauses.append(state.due_at - now)
        now = state.due_at
    assert pauses[:4] == [10, 20, 40, 80]
    assert pauses[-1] == MAX_NUDGE_SECONDS


def test_a_new_message_shortens_the_pause_after_a_success_only() -> None:
    for has_failed, due_at in ((False, 110.0), (True, 140.0)):
        state = Nudging().noted(1)
        for _ in range(3):
            state = state.nudged(100.0, has_failed=has_failed)
        assert state.due_at == 140.0
        state = state.noted(2)
        assert (state.count, state.newest, state.due_at) == (2, 2, due_at)


def test_reading_all_ends_the_nudges_and_reading_some_does_not() -> None:
    state = Nudging().noted(3).noted(5).nudged(1.0, has_failed=False)
    assert state.read_up_to(4) == state
    assert state.read_up_to(5) == Nudging()
    assert Nudging().due_at == inf
    assert Nudging().nudged(1.0, has_failed=True) == Nudging()


EVENTS = st.lists(
    st.one_of(st.just("message"), st.just("read"), st.booleans()), max_size=40
)


@given(EVENTS, st.lists(st.floats(0, 5_000), min_size=40, max_size=40))
def test_two_nudges_without_a_read_are_ten_seconds_apart(
    events: list[str | bool], pauses: list[float]
) -> None:
    state, now, seq, last = Nudging(), 0.0, 0, -inf
    for event, pause in zip(events, pauses, strict=False):
        now += pause
        if event == "message":
            seq += 1
            state = state.noted(seq)
        elif event == "read":
            state, last = state.read_up_to(seq), -inf
        elif state.due_at <= now:
            assert now - last >= NUDGE_SECONDS
            state, last = state.nudged(now, has_failed=bool(event)), now
        assert (state.count > 0) == (state.due_at < inf)
        assert state.due_at <= max(now, last) + MAX_NUDGE_SECONDS or not state.count
