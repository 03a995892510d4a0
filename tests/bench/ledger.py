"""Who was promised which message, and who got it: lost and doubled, exactly.

Every message of a run has a text of its own, so a message stored twice under two
numbers is as visible as one delivered twice.
"""

from collections import Counter
from collections.abc import Iterable

import attrs

from bench.client import Message


@attrs.frozen
class Tally:
    """What went wrong between the acknowledgement and the reader."""

    lost: int = 0
    doubled: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(self.lost + other.lost, self.doubled + other.doubled)


@attrs.define
class Ledger:
    """The account of one reader: what it is owed and what it has seen.

    Attributes:
        owed: Texts of acknowledged messages that this reader must get.
        seen: How often each text arrived.
    """

    owed: set[str] = attrs.field(factory=set)
    seen: Counter[str] = attrs.field(factory=Counter)

    def owe(self, text: str) -> None:
        """Note that the server acknowledged ``text`` to its sender."""
        self.owed.add(text)

    def see(self, messages: Iterable[Message]) -> None:
        """Note what one poll returned."""
        self.seen.update(message.text for message in messages)

    def tally(self) -> Tally:
        """Return what is owed and never came, and what came more than once.

        A message that came without an acknowledgement is neither: its post may have
        been applied although the answer was lost.
        """
        doubled = sum(times - 1 for times in self.seen.values())
        return Tally(lost=len(self.owed - self.seen.keys()), doubled=doubled)


def tally_all(ledgers: Iterable[Ledger]) -> Tally:
    """Return the sum over readers."""
    return sum((ledger.tally() for ledger in ledgers), Tally())


def tally_claims(wins: Counter[int], questions: Iterable[int]) -> Tally:
    """Count questions that nobody won as lost, further winners as doubled."""
    counts = [wins[seq] for seq in questions]
    return Tally(lost=counts.count(0), doubled=sum(max(0, n - 1) for n in counts))
