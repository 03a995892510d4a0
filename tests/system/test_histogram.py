"""A histogram counts each observation once, in the right bucket."""

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from argybargy.system.histogram import Histogram

NUMBERS = st.lists(st.integers(-5, 50))


@given(bounds=st.sets(st.integers(0, 40), min_size=1), values=NUMBERS)
def test_every_observation_counts_in_each_bucket_that_it_fits(
    bounds: set[int], values: list[int]
) -> None:
    histogram = Histogram(sorted(bounds))
    for value in values:
        histogram.observe(value)
    seen = histogram.statistics()
    for bound, count in seen.cumulative():
        assert count == bisect_left(sorted(values), bound + 0.5)
    assert (seen.count, seen.total) == (len(values), sum(values))


def test_a_snapshot_does_not_change() -> None:
    histogram = Histogram([1])
    before = histogram.statistics()
    histogram.observe(1)
    assert (before.count, histogram.statistics().count) == (0, 1)
    assert repr(histogram) == "<Histogram of 1>"
