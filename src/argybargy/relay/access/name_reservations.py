"""Reservations of names, between the check that a name is free and its use.

Giving a name takes a write, and other tasks run meanwhile. A reservation keeps the
human and an agent from getting the same name in that time.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import Problem, RelayError
from argybargy.system.values import define


@define
class NameReservations:
    """The reserved names, for as long as the requests that reserve them last.

    Reserve first, then check whether the name is free, then write. Two requests of the
    same kind may reserve the same name, since both give it to the same holder.

    Mutable state: two counters, bounded by the requests under way.
    """

    _human: Counter[Peer] = attrs.field(factory=Counter)
    _agents: Counter[Peer] = attrs.field(factory=Counter)

    @contextmanager
    def for_human(self, peer: Peer) -> Iterator[None]:
        """Reserve the name that the human is about to post under.

        Raises:
            RelayError: ``sender_taken``: it is reserved for an agent.
        """
        if peer in self._agents:
            raise RelayError(Problem.SENDER_TAKEN)
        with _reserved(self._human, [peer]):
            yield

    @contextmanager
    def for_agents(self, peers: Collection[Peer]) -> Iterator[None]:
        """Reserve the names that codes are about to be issued for.

        Raises:
            RelayError: ``name_taken``: one is reserved for the human.
        """
        if any(peer in self._human for peer in peers):
            raise RelayError(Problem.NAME_TAKEN)
        with _reserved(self._agents, peers):
            yield


@contextmanager
def _reserved(names: Counter[Peer], peers: Collection[Peer]) -> Iterator[None]:
    names.update(peers)
    try:
        yield
    finally:
        names.subtract(peers)
        for peer in peers:
            if not names[peer]:
                del names[peer]
