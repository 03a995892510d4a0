"""Rows of delivery: ping-pong, one message to many, one message to one of many.

Since a server may lose a message or a wake-up, each wait has a deadline. Losses are
counted at the end, after every reader has read its remaining messages.
"""

from collections.abc import Callable, Sequence
from functools import partial

import attrs
import trio

from bench.audience import Audience
from bench.client import Agent
from bench.goals import DELIVERY
from bench.ledger import Ledger, Tally
from bench.load import (
    FAILURES,
    Bench,
    Stopwatch,
    names,
    read_rest,
    settle,
    time_polls,
)
from bench.result import Figure, Result, percentile_ms
from bench.sizes import Sizes

# Short, so that a lost wake-up shows as an empty answer soon after.
ROUND_WAIT_SECONDS = 1
ROUND_POLLS = 2


class Stalled(Exception):
    """A ping was not answered."""


@attrs.define
class _Pair:
    """Two agents in a room; the left one pings, the right one answers."""

    left: Agent
    right: Agent
    watch: Stopwatch
    to_left: Ledger = attrs.field(factory=Ledger)
    to_right: Ledger = attrs.field(factory=Ledger)
    stalled: int = 0
    _is_over: bool = False

    async def serve(self, rounds: int, until: float) -> None:
        for number in range(rounds):
            if trio.current_time() >= until:
                break
            try:
                await self.watch.time(partial(self._round, f"ping-{number}"))
            except Stalled:
                self.stalled += 1
        self._is_over = True

    async def give_back(self) -> None:
        while not self._is_over:
            try:
                await self._return_all()
            except FAILURES:
                self.watch.failed += 1
                await trio.sleep(ROUND_WAIT_SECONDS)

    async def read_rest(self) -> None:
        await read_rest(self.left, self.to_left)
        await read_rest(self.right, self.to_right)

    def tally(self) -> Tally:
        return self.to_left.tally() + self.to_right.tally()

    async def _round(self, ping: str) -> None:
        await self.left.post(ping, to=self.right.name)
        self.to_right.owe(ping)
        for _ in range(ROUND_POLLS):
            self.to_left.see(await self.left.poll(ROUND_WAIT_SECONDS))
            if _pong(ping) in self.to_left.seen:
                return
        raise Stalled

    async def _return_all(self) -> None:
        messages = await self.right.poll(ROUND_WAIT_SECONDS)
        self.to_right.see(messages)
        for message in messages:
            pong = _pong(message.text)
            await self.right.post(pong, to=self.left.name)
            self.to_left.owe(pong)


def _pong(ping: str) -> str:
    return ping.replace("ping", "pong")


async def ping_pong(bench: Bench) -> Result:
    """Round trips of direct messages in pairs, each pair in a room of its own."""
    watch = Stopwatch(bench.server)
    pairs = []
    for number in range(bench.sizes.pairs):
        left, right = await bench.admit(f"pair-{number}", ["left", "right"])
        pairs.append(_Pair(left, right, watch))
    await _play(bench, watch, pairs)
    for pair in pairs:
        await pair.read_rest()
    tally = sum((pair.tally() for pair in pairs), Tally())
    stalled = sum(pair.stalled for pair in pairs)
    result = watch.result("ping-pong", tally=tally)
    counted = Figure("rounds stalled", stalled, adds_up=True)
    rate = result.operations_per_second
    # By the clock: a message that is woken late costs time and no CPU.
    trip = [Figure("a round trip", 1e3 / rate, "ms", decides=True)] if rate else []
    return attrs.evolve(result, figures=(*trip, counted))


async def _play(bench: Bench, watch: Stopwatch, pairs: list[_Pair]) -> None:
    async with trio.open_nursery() as returning:
        for pair in pairs:
            returning.start_soon(pair.give_back)
        # Long enough to be parked, shorter than the first polls wait.
        await trio.sleep(ROUND_WAIT_SECONDS / 4)
        until = trio.current_time() + bench.sizes.seconds
        with watch:
            async with trio.open_nursery() as serving:
                for pair in pairs:
                    serving.start_soon(pair.serve, bench.sizes.rounds, until)
        if not sum(pair.tally().lost for pair in pairs):
            # Otherwise the polls end by themselves, and show lost messages.
            returning.cancel_scope.cancel()


async def broadcast(bench: Bench) -> Result:
    """One post at a time to many parked polls; latency is post to arrival."""
    audience, watch = await _speak(
        bench,
        "broadcast",
        bench.sizes.broadcasts,
        to="all",
        make=Audience.polling_briefly,
    )
    return await _delivered(bench, audience, watch, "broadcast")


async def burst(bench: Bench) -> Result:
    """The same posts back to back, while readers poll again."""
    audience, watch = await _speak(
        bench,
        "burst",
        bench.sizes.broadcasts,
        to="all",
        make=Audience.polling_briefly,
        is_patient=False,
    )
    return await _delivered(bench, audience, watch, "burst")


async def _delivered(
    bench: Bench, audience: Audience, watch: Stopwatch, row: str
) -> Result:
    """Return the result, with the cost of a delivery in costs of an empty poll."""
    result = _heard(audience, watch.result(row, tally=audience.tally()))
    polls = await time_polls(bench, audience.readers[: bench.sizes.connections])
    empty = polls.result(row).cpu_us_per_operation
    deliveries = sum(ledger.seen.total() for ledger in audience.ledgers)
    if not empty or not deliveries or result.cpu_seconds is None:
        return result
    each = 1e6 * result.cpu_seconds / deliveries
    figures = (Figure("a delivery", each, "us CPU"), Figure(DELIVERY, each / empty))
    return attrs.evolve(result, figures=(*result.figures, *figures))


async def direct(bench: Bench) -> Result:
    """One direct message at a time beside many parked polls that must not wake."""
    # Polls that end during the row would cost more than the measured messages.
    make = Audience.polling_long
    audience, watch = await _speak(
        bench, "direct", bench.sizes.directs, to="r0", make=make
    )
    _, *others = audience.ledgers
    count = sum(ledger.seen.total() for ledger in others)
    strays = Figure("strays", count, adds_up=True)
    result = watch.result("direct", tally=audience.tally(), figures=(strays,))
    return _heard(audience, result)


async def _speak(
    bench: Bench,
    room: str,
    count: int,
    *,
    to: str,
    make: Callable[[Sequence[Agent], Sizes], Audience],
    is_patient: bool = True,
) -> tuple[Audience, Stopwatch]:
    speaker, *readers = await bench.admit(
        room, ["speaker", *names("r", bench.sizes.audience)]
    )
    audience, watch = make(readers, bench.sizes), Stopwatch(bench.server)
    speech = _Speech(speaker, to, audience, watch, is_patient)
    async with audience.listening():
        await settle(bench.server)
        until = trio.current_time() + bench.sizes.seconds
        with watch:
            for number in range(count):
                await speech.say(f"{room}-{number}")
                if trio.current_time() >= until:
                    break
            watch.lap()
            await settle(bench.server)
    return audience, watch


@attrs.frozen
class _Speech:
    """Sender, addressee, and whether to wait for each delivery."""

    speaker: Agent
    to: str
    audience: Audience
    watch: Stopwatch
    is_patient: bool

    async def say(self, text: str) -> None:
        everybody = self.audience.ledgers
        addressed = everybody if self.to == "all" else everybody[:1]
        self.audience.announce(text)
        if not await self.watch.time(partial(self.speaker.post, text, to=self.to)):
            return
        for ledger in addressed:
            ledger.owe(text)
        if self.is_patient:
            await self.audience.wait_seen(text, addressed)


def _heard(audience: Audience, result: Result) -> Result:
    samples = audience.latencies_seconds
    late = Figure("late", audience.late, adds_up=True)
    polls = Figure("polls answered", audience.polls, adds_up=True)
    return attrs.evolve(
        result,
        p50_ms=percentile_ms(samples, 50),
        p99_ms=percentile_ms(samples, 99),
        failed=result.failed + audience.failed,
        figures=(*result.figures, late, polls),
    )
