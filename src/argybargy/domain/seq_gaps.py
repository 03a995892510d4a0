"""Gaps in the sequence numbers of a room.

A room restored from a backup continues after the newest seq that a reader may have
seen, so that no seq is given twice. The seqs in between form a gap and never get a
message. The tail of a live room starts after its newest gap, so it is contiguous.
"""

from collections.abc import Iterator, Sequence

from argybargy.system.values import frozen


@frozen
class SeqGap:
    """A range of seqs without messages, both ends included."""

    first: int
    last: int

    @property
    def seqs(self) -> int:
        """The number of seqs in the gap."""
        return self.last - self.first + 1


def count_messages(first: int, head: int, seq_gaps: Sequence[SeqGap]) -> int:
    """Count the messages from `first` to `head`."""
    return max(0, head - first + 1 - sum(gap.seqs for gap in seq_gaps))


def first_kept(head: int, keep: int, seq_gaps: Sequence[SeqGap]) -> int:
    """Return the seq from which there are `keep` messages up to `head`.

    The result may be below 1. It is never in a gap.
    """
    first = head - keep + 1
    for gap in reversed(seq_gaps):
        if gap.last < first:
            break
        first -= gap.seqs
    return first


def present_seqs(first: int, end: int, seq_gaps: Sequence[SeqGap]) -> Iterator[int]:
    """Yield the seqs outside gaps from `first` up to `end`, exclusive."""
    for gap in seq_gaps:
        yield from range(first, min(gap.first, end))
        first = max(first, gap.last + 1)
    yield from range(first, end)


def gaps_from(first: int, seq_gaps: Sequence[SeqGap]) -> tuple[SeqGap, ...]:
    """Return the gaps that end at or above `first`."""
    return tuple(gap for gap in seq_gaps if gap.last >= first)
