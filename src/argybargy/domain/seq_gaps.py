"""Numbers that a room has left out, so that none is ever given twice.

A room whose database was restored from a backup goes on after the newest number that
any reader may have seen. What lies between is a hole: no message has those numbers,
and none ever will. The tail of a live room always begins after its newest hole, so
whatever reads the tail alone may take it that numbers follow on each other.
"""

from collections.abc import Iterator, Sequence

import attrs


@attrs.frozen
class SeqGap:
    """Numbers without messages, both ends included."""

    first: int
    last: int

    @property
    def seqs(self) -> int:
        """How many numbers there are in it."""
        return self.last - self.first + 1


def count_messages(first: int, head: int, seq_gaps: Sequence[SeqGap]) -> int:
    """Count the messages from `first` to `head`."""
    return max(0, head - first + 1 - sum(hole.seqs for hole in seq_gaps))


def first_kept(head: int, keep: int, seq_gaps: Sequence[SeqGap]) -> int:
    """Return the number from which on there are `keep` messages up to `head`.

    It may be below 1, and is never in a hole.
    """
    first = head - keep + 1
    for hole in reversed(seq_gaps):
        if hole.last < first:
            break
        first -= hole.seqs
    return first


def present_seqs(first: int, end: int, seq_gaps: Sequence[SeqGap]) -> Iterator[int]:
    """Yield the numbers from `first` up to, not including, `end` outside of holes."""
    for hole in seq_gaps:
        yield from range(first, min(hole.first, end))
        first = max(first, hole.last + 1)
    yield from range(first, end)


def gaps_from(first: int, seq_gaps: Sequence[SeqGap]) -> tuple[SeqGap, ...]:
    """Return the holes that lie above the oldest number kept."""
    return tuple(hole for hole in seq_gaps if hole.last >= first)
