"""G3: nothing is skipped or doubled, though many polls end before their answer."""

import random
from typing import Final

import attrs
import trio

from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.proofs.durable import KEEP_ALL
from argybargy.torture.relay_process import NO_ANSWER, AgentClient, RelayProcess

READERS: Final = 20
POSTERS: Final = 3
ABORTED: Final = 0.2
"""The part of all polls that their client gives up while they are parked."""
LATE_SECONDS: Final = 1.0
_BURST: Final = 5
_CATCH_UP_SECONDS: Final = 30.0


@attrs.define
class _Talk:
    """A room in which some speak in bursts, and others listen badly.

    Attributes:
        posted: The seqs of all posts that were answered.
        direct: The seqs of direct messages, by addressee.
        heard: What each reader was given, by name.
        latest_seconds: The longest time from the last answer to a burst of posts
            until every reader had all of it.
        aborted: Polls that were given up.
    """

    posted: set[int] = attrs.field(factory=set)
    direct: dict[str, set[int]] = attrs.field(factory=dict)
    heard: dict[str, list[int]] = attrs.field(factory=dict)
    latest_seconds: float = 0.0
    aborted: int = 0
    _newest: dict[str, int] = attrs.field(factory=dict)
    _arrivals: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def due(self, name: str) -> list[int]:
        """Return what a reader must have been given."""
        others = set[int]().union(*(self.direct[n] for n in self.direct if n != name))
        return sorted(self.posted - others)

    def note(self, seq: int, to: str) -> None:
        """Note a post."""
        self.posted.add(seq)
        if to != "all":
            self.direct.setdefault(to, set()).add(seq)
        for name in self.heard if to == "all" else (to,):
            self._newest[name] = max(seq, self._newest.get(name, 0))

    async def wait_heard(self) -> None:
        """Wait until every reader has all there is for it; the caller has a deadline.

        Nothing else is said meanwhile: a wake-up that was lost would be made good by
        the next one.
        """
        while any(
            newest > max(self.heard[name], default=0)
            for name, newest in self._newest.items()
        ):
            await self._arrivals.park()

    async def say(self, guest: AgentClient, chance: random.Random) -> None:
        for number in range(_BURST):
            to = "all"
            if chance.random() < 0.25:
                to = f"reader{chance.randrange(READERS)}"
            reply = await guest.post(f"{guest.name} {number}", to=to)
            seq = reply.json["message"]["seq"]
            self.note(seq, to)

    async def listen(self, guest: AgentClient, chance: random.Random) -> None:
        mine, cursor = self.heard[guest.name], 0
        while True:
            patience = chance.uniform(0, 0.05) if chance.random() < ABORTED else 35.0
            body = None
            with trio.move_on_after(patience):
                body = (await guest.poll(cursor, wait=25)).json
            if body is None:
                self.aborted += 1
                continue
            mine += [message["seq"] for message in body["messages"]]
            cursor = body["cursor"]
            self._arrivals.unpark_all()


async def prove(stage: ProofEnvironment) -> ProofResult:
    """Speak in bursts to readers who often hang up, and count what they were given."""
    talk, faults = _Talk(), Faults()
    async with stage.open_relay(**KEEP_ALL) as relay:
        try:
            await _hold(talk, relay, stage)
        except* NO_ANSWER as errors:
            faults.add(f"no answer: {errors.exceptions[0]!r}")
        try:
            await relay.wait_parked(0)
        except trio.TooSlowError:
            faults.add(f"{await relay.parked()} polls stayed parked")
    deliveries = _judge(talk, faults)
    is_prompt = talk.latest_seconds <= LATE_SECONDS * stage.patience
    faults.check(f"a wake-up took {talk.latest_seconds:.2f} s", is_good=is_prompt)
    figure = (
        f"{faults.count} of {deliveries:,} deliveries lost or doubled, with "
        f"{talk.aborted:,} polls given up while parked; no wake-up later than "
        f"{talk.latest_seconds:.2f} s"
    )
    facts = {
        "deliveries": deliveries,
        "aborted_polls": talk.aborted,
        "latest_seconds": talk.latest_seconds,
    }
    return ProofResult(figure, facts, faults.all())


async def _hold(talk: _Talk, relay: RelayProcess, stage: ProofEnvironment) -> None:
    posters = [await relay.guest(f"poster{n}") for n in range(POSTERS)]
    readers = [await relay.guest(f"reader{n}") for n in range(READERS)]
    deadline = trio.current_time() + stage.seconds
    async with trio.open_nursery() as nursery:
        for guest in readers:
            talk.heard[guest.name] = []
            dice = random.Random(stage.chance.random())
            nursery.start_soon(talk.listen, guest, dice)
        while not talk.posted or trio.current_time() < deadline:
            async with trio.open_nursery() as burst:
                for guest in posters:
                    burst.start_soon(talk.say, guest, stage.chance)
            began = trio.current_time()
            with trio.move_on_after(_CATCH_UP_SECONDS):
                await talk.wait_heard()
            took = trio.current_time() - began
            talk.latest_seconds = max(took, talk.latest_seconds)
        nursery.cancel_scope.cancel()


def _judge(talk: _Talk, faults: Faults) -> int:
    deliveries = 0
    for name, heard in talk.heard.items():
        due = talk.due(name)
        deliveries += len(due)
        for seq in sorted(set(due) - set(heard)):
            faults.add(f"{name} was never given {seq}")
        for seq in sorted(set(heard) - set(due)):
            faults.add(f"{name} was given {seq}, which is somebody else's")
        for _ in range(len(heard) - len(set(heard))):
            faults.add(f"{name} was given a message twice")
        faults.check(f"{name} heard out of order", is_good=heard == sorted(heard))
    return deliveries
