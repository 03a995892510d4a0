"""Delivery records of readers: exact counts of lost and doubled messages.

Every message of a run has a unique text, so that a message stored twice under two seqs
counts as doubled, like one delivered twice.
"""

from collections import Counter
from collections.abc import Iterable

import attrs

from bench.client import Message


@attrs.frozen
class Tally:
    """Number of acknowledged messages that were lost, and of doubled deliveries."""

    lost: int = 0
    doubled: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Return the sum."""
        return Tally(self.lost + other.lost, self.doubled + other.doubled)


@attrs.define
class Ledger:
    """Acknowledged and delivered messages of one reader.

    Attributes:
        owed: Texts of acknowledged messages for this reader.
        seen: Number of deliveries of each text.
    """

    owed: set[str] = attrs.field(factory=set)
    seen: Counter[str] = attrs.field(factory=Counter)

    def owe(self, text: str) -> None:
        """Record an acknowledged message for this reader."""
        self.owed.add(text)

    def see(self, messages: Iterable[Message]) -> None:
        """Record the messages of one poll."""
        self.seen.update(message.text for message in messages)

    def tally(self) -> Tally:
        """Count lost messages and surplus deliveries.

        A delivered message without an acknowledgement is neither: its post may have
        been committed although the response was lost.
        """
        doubled = sum(times - 1 for times in self.seen.values())
        return Tally(lost=len(self.owed - self.seen.keys()), doubled=doubled)


def tally_all(ledgers: Iterable[Ledger]) -> Tally:
    """Return the sum over all readers."""
    return sum((ledger.tally() for ledger in ledgers), Tally())


def tally_claims(wins: Counter[int], questions: Iterable[int]) -> Tally:
    """Count questions without a winner as lost, additional winners as doubled."""
    counts = [wins[seq] for seq in questions]
    return Tally(lost=counts.count(0), doubled=sum(max(0, n - 1) for n in counts))
