"""Where a poll begins, for every cursor it may ask for."""

from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.cursors import Since, starting_point

seqs = st.integers(0, 9)


@given(st.one_of(seqs, st.sampled_from(Since)), seqs, seqs, seqs)
def test_a_poll_begins_at_the_head_or_before_it_and_says_if_it_was_beyond(
    asked: int | Since, acknowledged: int, answered: int, head: int
) -> None:
    start = starting_point(asked, acknowledged, answered, head)
    assert 0 <= start.since <= head
    wanted = {
        Since.RESUME: acknowledged,
        Since.NEXT: max(acknowledged, answered),
    }
    cursor = asked if isinstance(asked, int) else wanted[asked]
    assert start.is_reset == (cursor > head)
    assert start.is_reset or start.since == cursor
