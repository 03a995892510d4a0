"""Rows of plain requests: empty polls, posts, history, claims."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import attrs
import trio

from argybargy.torture.client.messages import BadResponse
from bench.audience import Audience
from bench.client import Agent
from bench.goals import FULL_BY_EMPTY
from bench.ledger import Ledger, tally_all, tally_claims
from bench.load import (
    Bench,
    Stopwatch,
    names,
    read_rest,
    settle,
    share,
    time_polls,
)
from bench.result import Figure, Result

FILLER = "x" * 100

Worker = Callable[[int], Awaitable[object]]


async def poll(bench: Bench) -> Result:
    """Empty polls without waiting."""
    agents = await bench.admit("poll", names("p", bench.sizes.connections))
    return (await time_polls(bench, agents)).result("poll")


async def history(bench: Bench) -> Result:
    """The newest 50 messages of a room of 100."""
    agents = await bench.admit("history", names("h", bench.sizes.connections))
    for number in range(100):
        await agents[0].post(f"history-{number} {FILLER}")
    watch = Stopwatch(bench.server)

    def reader(agent: Agent) -> Worker:
        request = agent.request("GET", "/history?limit=50")
        return lambda _: watch.time(partial(_get, agent, request))

    with watch:
        workers = [reader(agent) for agent in agents]
        await share(bench.sizes.histories, bench.sizes.seconds, workers)
    return watch.result("history")


async def _get(agent: Agent, request: bytes) -> None:
    answer = await agent.connection.exchange(request)
    if answer.status != 200:
        raise BadResponse(f"status {answer.status}")


async def post(bench: Bench) -> Result:
    """Posts into several rooms without readers; read back afterwards."""
    rooms, readers, ledgers = await _admit_rooms(bench, "post")
    watch = Stopwatch(bench.server)
    with watch:
        await _post_all(bench, watch, rooms, [[ledger] for ledger in ledgers])
    for reader, ledger in zip(readers, ledgers, strict=True):
        await read_rest(reader, ledger)
    return watch.result("post", tally=tally_all(ledgers))


async def one_room(bench: Bench) -> Result:
    """Posts of all agents into one room without readers; read back afterwards."""
    result = await _post_into(bench, "one", filled=0, count=bench.sizes.posts)
    return attrs.evolve(result, row="one-room")


async def post_followed(bench: Bench) -> Result:
    """The same with one polling reader in every room, whose cost is included."""
    rooms, readers, _ = await _admit_rooms(bench, "followed")
    audience = Audience.polling_briefly(readers, bench.sizes)
    watch = Stopwatch(bench.server)
    async with audience.listening():
        await settle(bench.server)
        with watch:
            accounts = [[ledger] for ledger in audience.ledgers]
            await _post_all(bench, watch, rooms, accounts)
            watch.lap()
            await settle(bench.server)
    watch.failed += audience.failed
    polls = Figure("polls answered", audience.polls, adds_up=True)
    return watch.result("post-followed", tally=audience.tally(), figures=(polls,))


async def _admit_rooms(
    bench: Bench, prefix: str
) -> tuple[list[Sequence[Agent]], list[Agent], list[Ledger]]:
    """Return posters, one reader and its delivery record for each room."""
    each = max(1, bench.sizes.connections // bench.sizes.rooms)
    rooms: list[Sequence[Agent]] = []
    readers: list[Agent] = []
    for number in range(bench.sizes.rooms):
        reader, *posters = await bench.admit(
            f"{prefix}-{number}", ["reader", *names("p", each)]
        )
        rooms.append(posters)
        readers.append(reader)
    return rooms, readers, [Ledger() for _ in readers]


async def _post_all(
    bench: Bench,
    watch: Stopwatch,
    rooms: Sequence[Sequence[Agent]],
    accounts: Sequence[Sequence[Ledger]],
) -> None:
    workers = [
        poster(watch, agent, ledgers)
        for agents, ledgers in zip(rooms, accounts, strict=True)
        for agent in agents
    ]
    await share(bench.sizes.posts, bench.sizes.seconds, workers)


def poster(watch: Stopwatch, agent: Agent, ledgers: Sequence[Ledger]) -> Worker:
    """Return a worker that posts and records acknowledged messages in ``ledgers``."""

    async def work(number: int) -> None:
        text = f"{agent.room}-{number} {FILLER}"
        if await watch.time(partial(agent.post, text)):
            for ledger in ledgers:
                ledger.owe(text)

    return work


async def full_room(bench: Bench) -> Result:
    """Posts into a room at its cap, and their cost relative to an empty room."""
    sizes = bench.sizes
    empty = await _post_into(bench, "empty", filled=0, count=sizes.full_posts)
    full = await _post_into(bench, "full", filled=sizes.cap, count=sizes.full_posts)
    figures: tuple[Figure, ...] = ()
    of_empty, of_full = empty.cpu_us_per_operation, full.cpu_us_per_operation
    if of_empty and of_full:
        figures = (
            Figure("empty room", of_empty, "us CPU"),
            Figure(FULL_BY_EMPTY, of_full / of_empty),
        )
    tally = empty.tally + full.tally
    return attrs.evolve(full, tally=tally, figures=figures)


async def _post_into(bench: Bench, room: str, filled: int, count: int) -> Result:
    reader, *agents = await bench.admit(
        room, ["reader", *names("p", bench.sizes.connections)]
    )
    await _fill(agents, filled)
    # Start behind the filling, whose oldest messages retention may remove.
    await read_rest(reader, Ledger())
    ledger, watch = Ledger(), Stopwatch(bench.server)
    with watch:
        workers = [poster(watch, agent, [ledger]) for agent in agents]
        await share(count, bench.sizes.seconds, workers)
    await read_rest(reader, ledger)
    return watch.result("full-room", tally=ledger.tally())


async def _fill(agents: Sequence[Agent], count: int) -> None:
    def filler(agent: Agent) -> Worker:
        return lambda number: agent.post(f"filler-{number} {FILLER}")

    await share(count, 60.0, [filler(agent) for agent in agents])


async def claims(bench: Bench) -> Result:
    """Concurrent claims on the same open questions."""
    asker, *contenders = await bench.admit(
        "claims", ["asker", *names("c", bench.sizes.contenders)]
    )
    questions = [
        await asker.post(f"question-{number}?", expects_reply="anyone")
        for number in range(bench.sizes.questions)
    ]
    wins: Counter[int] = Counter()
    watch = Stopwatch(bench.server)
    with watch:
        async with trio.open_nursery() as nursery:
            for agent in contenders:
                nursery.start_soon(_contend, watch, agent, questions, wins)
    tally = tally_claims(wins, questions)
    won = Figure("questions won", sum(wins.values()), adds_up=True)
    return watch.result("claims", tally=tally, figures=(won,))


async def _contend(
    watch: Stopwatch, agent: Agent, questions: Sequence[int], wins: Counter[int]
) -> None:
    async def claim(seq: int) -> None:
        if await agent.claim(seq):
            wins[seq] += 1

    for seq in questions:
        await watch.time(partial(claim, seq))
