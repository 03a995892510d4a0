"""Names that are about to be given, to the human or to an agent of a room.

Whether a name is free is looked up before it is given, and giving it takes a write.
In between, the name is held here, so that two who ask at once cannot both have it.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import Problem, RelayError


@attrs.define
class NameReservations:
    """The names that requests are about to give; bounded by those requests.

    Hold a name first, look then whether somebody has it, and give it.
    """

    _human: Counter[Peer] = attrs.field(factory=Counter)
    _agents: Counter[Peer] = attrs.field(factory=Counter)

    @contextmanager
    def for_human(self, peer: Peer) -> Iterator[None]:
        """Hold the name that the human is about to speak under.

        Raises:
            RelayError: ``sender_taken``, when an agent is about to get it.
        """
        if peer in self._agents:
            raise RelayError(Problem.SENDER_TAKEN)
        with _held(self._human, [peer]):
            yield

    @contextmanager
    def for_agents(self, peers: Collection[Peer]) -> Iterator[None]:
        """Hold the names that codes are about to be made for.

        Raises:
            RelayError: ``name_taken``, when the human is about to speak under one.
        """
        if any(peer in self._human for peer in peers):
            raise RelayError(Problem.NAME_TAKEN)
        with _held(self._agents, peers):
            yield


@contextmanager
def _held(names: Counter[Peer], peers: Collection[Peer]) -> Iterator[None]:
    names.update(peers)
    try:
        yield
    finally:
        names.subtract(peers)
        for peer in peers:
            if not names[peer]:
                del names[peer]
