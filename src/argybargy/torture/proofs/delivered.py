"""G3, delivered: no message is lost or duplicated while clients cancel polls.

Half of the readers draw random options for each poll. Half of those leave their cursor
to the relay (``next``). These cancel no polls: the relay cannot know which answer a
reader without a cursor has received. Of two relays, the others poll each in turn.
"""

import random
from typing import Final

import attrs
import trio

from argybargy.system.values import define
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.proofs.durable import KEEP_ALL
from argybargy.torture.relay_process import NO_ANSWER, AgentClient, RelayProcess

READERS: Final = 20
POSTERS: Final = 3
ABORTED: Final = 0.2
"""Fraction of polls that the client cancels while they are parked."""
LATE_SECONDS: Final = 1.0
_BURST: Final = 5
_CATCH_UP_SECONDS: Final = 30.0


@define
class _Conversation:
    """Posts into one room and their deliveries.

    Attributes:
        posted: Seqs of all acknowledged posts.
        direct: Seqs of direct messages, by addressee.
        heard: Seqs in the order of delivery, by reader.
        latest_seconds: Longest time from the last acknowledgement of a burst until
            every reader had all of its messages.
        aborted: Number of cancelled polls.
        posts: Number of posts, which is the key of each.
        resets: Number of answers that said ``reset``.
    """

    posted: set[int] = attrs.field(factory=set)
    direct: dict[str, set[int]] = attrs.field(factory=dict)
    heard: dict[str, list[int]] = attrs.field(factory=dict)
    latest_seconds: float = 0.0
    aborted: int = 0
    posts: int = 0
    resets: int = 0
    _newest: dict[str, int] = attrs.field(factory=dict)
    _arrivals: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def due(self, name: str) -> list[int]:
        """Return the seqs that a reader must have received."""
        others = set[int]().union(*(self.direct[n] for n in self.direct if n != name))
        return sorted(self.posted - others)

    def note(self, seq: int, to: str) -> None:
        """Record an acknowledged post."""
        self.posted.add(seq)
        if to != "all":
            self.direct.setdefault(to, set()).add(seq)
        for name in self.heard if to == "all" else (to,):
            self._newest[name] = max(seq, self._newest.get(name, 0))

    async def wait_heard(self) -> None:
        """Wait until every reader has received all its messages.

        The caller sets a deadline, and nobody posts meanwhile: the next post would
        make up for a lost wake-up and hide it.
        """
        while any(
            newest > max(self.heard[name], default=0)
            for name, newest in self._newest.items()
        ):
            await self._arrivals.park()

    async def post_burst(self, guest: AgentClient, chance: random.Random) -> None:
        for number in range(_BURST):
            to = "all"
            if chance.random() < 0.25:
                to = f"reader{chance.randrange(READERS)}"
            self.posts += 1
            text = f"{guest.name} {number}"
            message = await guest.insist(text, f"{self.posts}", to=to)
            self.note(message["seq"], to)

    async def poll_forever(
        self, guest: AgentClient, chance: random.Random, number: int
    ) -> None:
        """Poll and note the deliveries; the number decides what the reader uses."""
        mine = self.heard[guest.name]
        has_options, uses_next = number % 2 == 1, number % 4 == 1
        since: int | str = "next" if uses_next else 0
        while True:
            is_hasty = not uses_next and chance.random() < ABORTED
            patience = chance.uniform(0, 0.05) if is_hasty else 35.0
            options, body = _draw_options(chance) if has_options else "", None
            if not uses_next:
                # What an answer has handed out, other relays know only from a cursor.
                guest.move()
            with trio.move_on_after(patience):
                body = (await guest.poll(since, 25, options)).json
            if body is None:
                self.aborted += 1
                continue
            mine += [message["seq"] for message in body["messages"]]
            self.resets += bool(body.get("reset"))
            since = "next" if uses_next else body["cursor"]
            self._arrivals.unpark_all()


def _draw_options(chance: random.Random) -> str:
    """Draw options that delay a delivery by less than :data:`LATE_SECONDS`."""
    wake = chance.choice(["asks", "direct", "all"])
    hold, settle = chance.choice([0.05, 0.2]), chance.choice([0, 0.1])
    size = chance.choice(["", "&max_bytes=1", "&max_bytes=40"])
    return f"&wake={wake}&hold={hold}&settle={settle}{size}"


async def prove(environment: ProofEnvironment) -> ProofResult:
    """Post in bursts to readers that often cancel their polls; count deliveries."""
    talk, faults = _Conversation(), Faults()
    async with environment.open_relay(**KEEP_ALL) as relay:
        try:
            await _converse(talk, relay, environment)
        except* NO_ANSWER as errors:
            faults.add(f"no response: {errors.exceptions[0]!r}")
        try:
            await relay.wait_parked(0)
        except trio.TooSlowError:
            faults.add(f"{await relay.parked()} polls stayed parked")
    deliveries = _judge(talk, faults)
    faults.check(f"{talk.resets} answers said reset", is_good=talk.resets == 0)
    is_prompt = talk.latest_seconds <= LATE_SECONDS * environment.patience
    faults.check(f"a wake-up took {talk.latest_seconds:.2f} s", is_good=is_prompt)
    figure = (
        f"{faults.count} of {deliveries:,} deliveries lost or duplicated, with "
        f"{talk.aborted:,} parked polls cancelled; every wake-up within "
        f"{talk.latest_seconds:.2f} s"
    )
    facts = {
        "deliveries": deliveries,
        "aborted_polls": talk.aborted,
        "latest_seconds": talk.latest_seconds,
    }
    return ProofResult(figure, facts, faults.all())


async def _converse(
    talk: _Conversation, relay: RelayProcess, environment: ProofEnvironment
) -> None:
    posters = [await relay.guest(f"poster{n}") for n in range(POSTERS)]
    readers = [await relay.guest(f"reader{n}") for n in range(READERS)]
    deadline = trio.current_time() + environment.seconds
    async with trio.open_nursery() as nursery:
        for number, guest in enumerate(readers):
            talk.heard[guest.name] = []
            dice = random.Random(environment.chance.random())
            nursery.start_soon(talk.poll_forever, guest, dice, number)
        while not talk.posted or trio.current_time() < deadline:
            async with trio.open_nursery() as burst:
                for guest in posters:
                    burst.start_soon(talk.post_burst, guest, environment.chance)
            began = trio.current_time()
            with trio.move_on_after(_CATCH_UP_SECONDS):
                await talk.wait_heard()
            took = trio.current_time() - began
            talk.latest_seconds = max(took, talk.latest_seconds)
        nursery.cancel_scope.cancel()


def _judge(talk: _Conversation, faults: Faults) -> int:
    deliveries = 0
    for name, heard in talk.heard.items():
        due = talk.due(name)
        deliveries += len(due)
        for seq in sorted(set(due) - set(heard)):
            faults.add(f"{name} never received {seq}")
        for seq in sorted(set(heard) - set(due)):
            faults.add(f"{name} received {seq}, which is addressed to another agent")
        for _ in range(len(heard) - len(set(heard))):
            faults.add(f"{name} received a message twice")
        faults.check(
            f"{name} received messages out of order", is_good=heard == sorted(heard)
        )
    return deliveries
