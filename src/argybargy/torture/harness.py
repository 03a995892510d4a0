"""Interface of a proof: its environment, its result, and the promise it belongs to.

A proof is an async function from a `ProofEnvironment` to a `ProofResult`. It runs for
about ``environment.seconds``, and for one complete round at least. Violations of the
promise go into the result. It raises only if there can be no result: the relay did not
start, or the proof has a bug.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import attrs

from argybargy.system.values import define, frozen
from argybargy.torture.relay_pair import open_relay_pair
from argybargy.torture.relay_process import (
    COMMAND,
    RelayProcess,
    Spawn,
    open_relay_process,
    spawn_process,
)
from argybargy.torture.shared_server import SharedServer

MOST_FAULTS = 20
"""Maximum number of faults listed in a result; further ones are counted."""


@frozen
class ProofResult:
    """Result of one proof.

    Attributes:
        figure: Summary in one line, which begins with a number.
        facts: The numbers in the summary and others, by name.
        faults: Violations of the promise, one sentence each; empty if it was kept.
    """

    figure: str
    facts: Mapping[str, float]
    faults: tuple[str, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept."""
        return not self.faults


@frozen
class ProofEnvironment:
    """Environment of a proof: directory, random source, time and relay command.

    Attributes:
        folder: An empty directory of its own, for data directories and logs.
        chance: Seeded source of all random choices.
        seconds: Approximate running time.
        core: HTTP/1.1 implementation of the relays, as in ``ARGYBARGY_HTTP_CORE``.
        command: Command that starts a relay.
        patience: Factor on all time limits. Above 1 where other work shares the
            machine, as in the test suite.
        spawn: Starts the command.
        server: PostgreSQL for two relays in the place of one; ``None`` for one relay on
            a store of its own.
    """

    folder: Path
    chance: random.Random
    seconds: float
    core: str = "argybargy"
    command: Sequence[str] = COMMAND
    patience: float = 1.0
    spawn: Spawn = spawn_process
    server: SharedServer | None = None

    def open_relay(
        self, name: str = "data", **environment: str
    ) -> AbstractAsyncContextManager[RelayProcess]:
        """Start a relay on the data directory ``folder / name``, or a pair of them."""
        if self.server is not None:
            return open_relay_pair(
                self.folder / name,
                self.server,
                core=self.core,
                command=self.command,
                spawn=self.spawn,
                **environment,
            )
        return open_relay_process(
            self.folder / name,
            core=self.core,
            command=self.command,
            spawn=self.spawn,
            **environment,
        )


Proof = Callable[[ProofEnvironment], Awaitable[ProofResult]]


@frozen
class Promise:
    """One guarantee to users, and its proof.

    Attributes:
        key: Number, such as ``G1``.
        title: Name of one or two words.
        text: The guarantee in one sentence, as the report shows it.
        prove: The proof.
        weight: Share of the total time, relative to the other proofs; 0 for a proof
            that takes a fixed time.
    """

    key: str
    title: str
    text: str
    prove: Proof
    weight: float = 1.0


@define
class Faults:
    """Collects faults: lists the first `MOST_FAULTS`, counts the rest."""

    texts: list[str] = attrs.field(factory=list)
    count: int = 0

    def add(self, text: str) -> None:
        """Record a fault."""
        self.count += 1
        if len(self.texts) < MOST_FAULTS:
            self.texts.append(text)

    def check(self, text: str, *, is_good: bool) -> None:
        """Record a fault unless ``is_good``."""
        if not is_good:
            self.add(text)

    def all(self) -> tuple[str, ...]:
        """Return the listed faults, and one line with the number of further ones."""
        left_out = self.count - len(self.texts)
        more = [f"and {left_out} more like these"] if left_out else []
        return (*self.texts, *more)
