"""Dampen loops of two agents that answer each other without end.

Each message of an agent is noted for the pairs that it belongs to. The first line that
fits decides, for each other agent:

===========================================  =======================================
the message                                  is noted as
===========================================  =======================================
replies to the operator, a person or the     nothing
relay, or comes from them
answers a question of the other agent that   the first turn: all earlier ones are
begins an exchange, or that its sender had   forgotten
claimed
replies to a message of the other agent, or  a turn
answers its question, could answer it, or
asks back
asks                                         nothing: it begins an exchange
goes to the other agent by name, which had   a turn
the last word of the two
goes to the other agent by name              the last word
goes to everybody (a status)                 nothing
===========================================  =======================================

More turns of a pair within the window than the limit are a loop. Its turns from then
on wake neither for a minute. A pair that goes on afterwards is damped for 2, 4, 8 and
then 15 minutes; after a window without a loop, the next damping is a short one again.

The notes are kept in memory only: after a restart, each pair starts anew.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final, Self

import attrs
from rpds import HashTrieMap

from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey
from argybargy.system.values import frozen

Pair = tuple[PeerKey, PeerKey]
"""Two peers, in alphabetical order."""
_DOUBLINGS: Final = 32
"""Enough to reach any limit."""


def pair_of(one: PeerKey, other: PeerKey) -> Pair:
    """Return the pair of two peers."""
    return (one, other) if one < other else (other, one)


@frozen
class Exchange:
    """The recent turns of a pair, and its damping. All times are steady seconds.

    Attributes:
        last: The peer that had the last word.
        turns: The times of the turns within the window, as many as a loop takes.
        dampings: The number of dampings without a calm window in between.
        until: The end of the latest damping.
        from_seq: The message that began it.
    """

    last: PeerKey
    turns: tuple[float, ...] = ()
    dampings: int = 0
    until: float = -inf
    from_seq: int = 0

    def begun_anew(self, speaker: PeerKey, now: float) -> Self:
        """Return the exchange with one first turn, and without a damping."""
        until = min(self.until, now)
        return attrs.evolve(self, last=speaker, turns=(now,), until=until)

    def shifted(self, seconds: float) -> Self:
        """Return the exchange with all times later by some seconds."""
        turns = tuple(each + seconds for each in self.turns)
        return attrs.evolve(self, turns=turns, until=self.until + seconds)

    def with_turn(self, speaker: PeerKey, seq: int, now: float, limits: Limits) -> Self:
        """Return the exchange after one more turn, damped if that makes a loop."""
        window = limits.loop_window_seconds
        turns = (*(each for each in self.turns if now - each < window), now)
        turns = turns[-limits.loop_turns - 1 :]
        noted = attrs.evolve(self, last=speaker, turns=turns)
        if len(turns) <= limits.loop_turns or now < self.until:
            return noted
        dampings = self.dampings + 1 if now - self.until < window else 1
        seconds = damping_seconds(dampings, limits)
        return attrs.evolve(noted, dampings=dampings, until=now + seconds, from_seq=seq)


def damping_seconds(dampings: int, limits: Limits) -> float:
    """Return how long the damping lasts that is the so-many-th in a row."""
    doublings = min(dampings - 1, _DOUBLINGS)
    return min(limits.damping_seconds * (1 << doublings), limits.damping_seconds_max)


@frozen
class Exchanges:
    """The exchanges of a room: a bounded, immutable map by pair.

    It has two generations. When the newer one is full it becomes the older one, whose
    pairs are dropped; a pair moves to the newer one whenever it is noted. So a new pair
    takes no search for the one to drop.

    Attributes:
        lifted: How often a damping may have been lifted: parked polls look again
            when this changes.
    """

    _newer: HashTrieMap[Pair, Exchange] = attrs.field(factory=HashTrieMap)
    _older: HashTrieMap[Pair, Exchange] = attrs.field(factory=HashTrieMap)
    lifted: int = 0

    def of(self, one: PeerKey, other: PeerKey) -> Exchange | None:
        """Return the exchange of two peers, if it is remembered."""
        pair = pair_of(one, other)
        return self._newer.get(pair) or self._older.get(pair)

    def put(self, one: PeerKey, other: PeerKey, exchange: Exchange, most: int) -> Self:
        """Return the exchanges with a changed one; at most `most` pairs are kept."""
        pair, newer, older = pair_of(one, other), self._newer, self._older
        if pair not in newer and len(newer) >= max(1, most // 2):
            newer, older = HashTrieMap(), newer
        return attrs.evolve(
            self, newer=newer.insert(pair, exchange), older=older.discard(pair)
        )

    def lift(self, pair: Pair | None = None) -> Self:
        """Return the exchanges without those of a pair, or without any."""
        if pair is None:
            return type(self)(lifted=self.lifted + 1) if len(self) else self
        newer, older = self._newer.discard(pair), self._older.discard(pair)
        return type(self)(newer, older, self.lifted + 1)

    def noted_lift(self) -> Self:
        """Return the exchanges, saying that a damping was lifted."""
        return attrs.evolve(self, lifted=self.lifted + 1)

    def damped_until(
        self, message: Message, reader: PeerKey, now: float
    ) -> float | None:
        """Return until when a message ends no wait of a reader; ``None`` if it may.

        Args:
            message: The message.
            reader: The reader.
            now: The time on the steady clock, in seconds.
        """
        if reader not in message.turn_with:
            return None
        found = self.of(message.sender_key, reader)
        if found is None or message.seq < found.from_seq or now >= found.until:
            return None
        return found.until

    def damped(self, now: float) -> Iterator[tuple[Pair, Exchange]]:
        """Yield the damped pairs."""
        for generation in (self._newer, self._older):
            for pair, exchange in generation.items():
                if now < exchange.until:
                    yield pair, exchange

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)


@frozen
class Utterance:
    """A message of an agent, as far as loops are concerned.

    Attributes:
        speaker: Its sender.
        seq: Its number.
        begins_with: The agents whose exchange it begins, by its answer.
        answers: The agents that it answers otherwise.
        addressed: The agents that it goes to by name, if it asks nothing.
    """

    speaker: PeerKey
    seq: int
    begins_with: frozenset[PeerKey] = frozenset()
    answers: frozenset[PeerKey] = frozenset()
    addressed: frozenset[PeerKey] = frozenset()

    @property
    def others(self) -> list[PeerKey]:
        """The agents that it concerns, in alphabetical order."""
        return sorted(
            (self.begins_with | self.answers | self.addressed) - {self.speaker}
        )


@frozen
class Noted:
    """The effect of a message on the exchanges.

    Attributes:
        exchanges: The exchanges after it.
        turn_with: The agents for whose pair it is a turn, the first one included.
        damped: The agents with which a damping begins.
    """

    exchanges: Exchanges
    turn_with: frozenset[PeerKey] = frozenset()
    damped: tuple[PeerKey, ...] = ()


def note(exchanges: Exchanges, said: Utterance, now: float, limits: Limits) -> Noted:
    """Note a message of an agent.

    Args:
        exchanges: The exchanges before it.
        said: The message.
        now: The time on the steady clock, in seconds.
        limits: The limits of the relay; without `loop_turns`, nothing is damped.
    """
    turn_with, damped = set[PeerKey](), list[PeerKey]()
    others = said.others
    if not limits.loop_turns or not others:
        return Noted(exchanges)
    for other in others:
        before = exchanges.of(said.speaker, other)
        after = before or Exchange(said.speaker)
        if other in said.begins_with:
            after = after.begun_anew(said.speaker, now)
            turn_with.add(other)
            if before is not None and now < before.until:
                exchanges = exchanges.noted_lift()
        elif other in said.answers or after.last == other:
            after = after.with_turn(said.speaker, said.seq, now, limits)
            turn_with.add(other)
            if after.until > max(now, -inf if before is None else before.until):
                damped.append(other)
        else:
            after = attrs.evolve(after, last=said.speaker)
        exchanges = exchanges.put(
            said.speaker, other, after, limits.loop_pairs_per_room
        )
    return Noted(exchanges, frozenset(turn_with), tuple(damped))
