"""What a proof is given, and what it says.

A proof is a function from a stage and a length of time to a finding. It goes on for
about as long as it is told and does one whole round at the least. It says what was
kept and what was broken; it raises only when there is nothing to say, because the
relay would not start or the proof itself is wrong.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import attrs

from argybargy.torture.relay_process import COMMAND, RelayProcess, open_relay_process

MOST_FAULTS = 20
"""Faults that a finding spells out; the rest are a number."""


@attrs.frozen
class ProofResult:
    """What became of one promise.

    Attributes:
        figure: It, in a line that begins with a number.
        facts: The numbers behind it.
        faults: What was broken, a sentence each; none when the promise was kept.
    """

    figure: str
    facts: Mapping[str, float]
    faults: tuple[str, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept."""
        return not self.faults


@attrs.frozen
class ProofEnvironment:
    """Where a proof takes place.

    Attributes:
        folder: Empty, and the proof's own.
        chance: Draws what is left to chance; the same seed draws the same.
        seconds: How long to go on, about.
        core: Which HTTP/1.1 connection the relays use.
        command: What starts a relay.
        patience: By how much what should take a time may take longer. More than 1
            where the machine is busy with other things, as in a test.
    """

    folder: Path
    chance: random.Random
    seconds: float
    core: str = "argybargy"
    command: Sequence[str] = COMMAND
    patience: float = 1.0

    def open_relay(
        self, name: str = "data", **environment: str
    ) -> AbstractAsyncContextManager[RelayProcess]:
        """Start a relay over the data directory of that name."""
        return open_relay_process(
            self.folder / name, core=self.core, command=self.command, **environment
        )


Proof = Callable[[ProofEnvironment], Awaitable[ProofResult]]


@attrs.frozen
class Promise:
    """One line of what users may rely on.

    Attributes:
        key: Its number, such as ``G1``.
        title: In a word.
        text: What is promised.
        prove: Tries it.
        weight: Its share of the time, compared with the others'.
    """

    key: str
    title: str
    text: str
    prove: Proof
    weight: float = 1.0


@attrs.define
class Faults:
    """Collects what was broken, without end but not without bound."""

    texts: list[str] = attrs.field(factory=list)
    count: int = 0

    def add(self, text: str) -> None:
        """Note a fault."""
        self.count += 1
        if len(self.texts) < MOST_FAULTS:
            self.texts.append(text)

    def check(self, text: str, *, is_good: bool) -> None:
        """Note a fault unless all is good."""
        if not is_good:
            self.add(text)

    def all(self) -> tuple[str, ...]:
        """Return the faults, and how many more there were."""
        left_out = self.count - len(self.texts)
        more = [f"and {left_out} more like these"] if left_out else []
        return (*self.texts, *more)
