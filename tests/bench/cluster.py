"""Two relays on one PostgreSQL: wake across them, and a hot room. Linux only.

Run it with ``python tests/bench/cluster.py``. It starts a PostgreSQL of its own in a
temporary directory, or uses that of ``--store postgresql://...``, where it makes a
database and drops it at the end. Relays, server and this program share the cores.
"""

import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import attrs
import cyclopts
import trio

if __name__ == "__main__":
    # Run as a file: the packages ``bench`` and ``support`` are found beside it.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from argybargy.domain.limits import Limits
from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import encode_request
from argybargy.torture.relay_pair import RelayPair, open_relay_pair
from argybargy.torture.relay_process import AgentClient, RelayProcess
from argybargy.torture.shared_server import SharedServer
from bench.meter import Meter
from bench.result import percentile_ms
from support.postgres import find_programs, start_server, stop_server

ROOM_SIZE: Final = 25
"""Agents of each relay in a room."""
AT_ONCE: Final = 16
TIMES_THE_LIMIT: Final = 10
TEXT: Final = "x" * 300
_KNOWN_SECONDS: Final = 30.0


@attrs.frozen
class Bench:
    """Two relays and their server.

    Attributes:
        pair: The relays.
        engine: Meter of the server; ``None`` if it is not ours.
        chance: Picks who is woken.
    """

    pair: RelayPair
    engine: Meter | None
    chance: random.Random = attrs.field(factory=lambda: random.Random(1))

    async def admit(self, relay: RelayProcess, room: str, name: str) -> AgentClient:
        """Invite an agent that stays at one relay, and wait until that knows it."""
        body = {"name": name, "room": room}
        made = await self.pair.admin("POST", "/admin/invite", body)
        agent = AgentClient(name, made.json["code"], relay.address)
        with trio.fail_after(_KNOWN_SECONDS):
            while (await agent.call("GET", "/whoami")).status != 200:  # noqa: ASYNC110
                await trio.sleep(0.02)
        return agent

    async def admit_all(
        self, relay: RelayProcess, prefix: str, count: int, room_size: int
    ) -> list[AgentClient]:
        """Invite agents, some at once; the rooms of both relays are the same."""
        agents: list[AgentClient] = []
        limiter = trio.CapacityLimiter(AT_ONCE)

        async def admit(number: int) -> None:
            async with limiter:
                room, name = f"room{number // room_size}", f"{prefix}{number}"
                agents.append(await self.admit(relay, room, name))

        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(admit, number)
        return agents

    def meters(self) -> list[Meter]:
        relays = [Meter(relay.process.pid) for relay in self.pair.all]
        return [*relays, *([self.engine] if self.engine else [])]


# -- wake across relays ------------------------------------------------------------


@attrs.define
class _Ear:
    """An agent that polls on and on, and when it heard of each text.

    Attributes:
        agent: The agent.
        heard: When it received each text.
        since: Its cursor.
    """

    agent: AgentClient
    heard: dict[str, float] = attrs.field(factory=dict)
    since: int = 0
    _came: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    async def listen(self) -> None:
        while True:
            body = (await self.agent.poll(self.since, 600)).json
            now = trio.current_time()
            for message in body["messages"]:
                self.heard[message["text"]] = now
            self.since = body["cursor"]
            self._came.unpark_all()

    async def wait(self, text: str) -> float:
        with trio.fail_after(_KNOWN_SECONDS):
            while text not in self.heard:
                await self._came.park()
        return self.heard[text]


async def measure_wakes(bench: Bench, polls: int, rounds: int) -> list[str]:
    """Park polls at both relays; post to one of them at a time, from the other."""
    pair, ears = bench.pair, list[list[_Ear]]()
    for number, relay in enumerate(pair.all):
        agents = await bench.admit_all(relay, f"ear{number}-", polls, ROOM_SIZE)
        ears.append([_Ear(agent) for agent in agents])
    posters = {
        (number, room): await bench.admit(relay, room, f"poster{number}")
        for number, relay in enumerate(pair.all)
        for room in sorted({f"room{each // ROOM_SIZE}" for each in range(polls)})
    }
    across, same = list[float](), list[float]()
    async with trio.open_nursery() as nursery:
        for ear in (*ears[0], *ears[1]):
            nursery.start_soon(ear.listen)
        await pair.wait_parked(2 * polls, 60)
        for number in range(rounds):
            to, is_across = number % 2, number % 4 < 2
            ear = bench.chance.choice(ears[to])
            room = f"room{int(ear.agent.name.rpartition('-')[2]) // ROOM_SIZE}"
            poster = posters[1 - to if is_across else to, room]
            text = f"wake {number}"
            began = trio.current_time()
            reply = await poster.post(text, to=ear.agent.name)
            assert reply.status == 200, reply
            took = await ear.wait(text) - began
            (across if is_across else same).append(took)
        nursery.cancel_scope.cancel()
    for agent in (*posters.values(), *(ear.agent for each in ears for ear in each)):
        agent.close()
    parked = f"{polls:,} polls parked at each relay"
    return [
        f"wake at the other relay, {parked}: {_percentiles(across)}",
        f"wake at the same relay, {parked}: {_percentiles(same)}",
    ]


def _percentiles(samples: Sequence[float]) -> str:
    half, most = percentile_ms(samples, 50), percentile_ms(samples, 99)
    return f"p50 {half:.1f} ms, p99 {most:.1f} ms of {len(samples):,}"


# -- a hot room --------------------------------------------------------------------


async def measure_hot_room(bench: Bench, posters: int, seconds: float) -> list[str]:
    """Post into one room from both relays at ten times the default rate limit."""
    pair, limits = bench.pair, Limits()
    pause = limits.window_seconds / limits.posts_per_window / TIMES_THE_LIMIT
    agents = [
        await bench.admit(relay, "hot", f"hot{number}-{each}")
        for number, relay in enumerate(pair.all)
        for each in range(posters)
    ]
    took, seqs = list[float](), dict[int, str]()
    refused: Counter[int] = Counter()

    async def post(agent: AgentClient, until: float) -> None:
        at, number = trio.current_time() + bench.chance.uniform(0, pause), 0
        while at < until:
            await trio.sleep_until(at)
            text = f"{agent.name} {number} {TEXT}"
            began = trio.current_time()
            reply = await agent.post(text, key=f"{agent.name} {number}")
            took.append(trio.current_time() - began)
            if reply.status == 200:
                seqs[reply.json["message"]["seq"]] = text
            else:
                refused[reply.status] += 1
            at, number = max(at + pause, trio.current_time()), number + 1

    before = [meter.cpu_seconds() for meter in bench.meters()]
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for agent in agents:
            nursery.start_soon(post, agent, began + seconds)
    lasted = trio.current_time() - began
    after = [meter.cpu_seconds() for meter in bench.meters()]
    stored = []
    for number, relay in enumerate(pair.all):
        reader = await bench.admit(relay, "hot", f"reader{number}")
        found = {each["seq"]: each["text"] for each in await reader.read_all()}
        stored.append(found == seqs and sorted(found) == list(range(1, len(seqs) + 1)))
        reader.close()
    for agent in agents:
        agent.close()
    wanted = len(agents) / pause
    cores = [
        100 * (end - start) / lasted for start, end in zip(before, after, strict=True)
    ]
    names = ("one relay", "the other", "the server")
    busy = ", ".join(f"{n} {c:.0f} %" for n, c in zip(names, cores, strict=False))
    turns = [await _turns(relay) for relay in pair.all]
    return [
        f"hot room, {len(agents)} agents at {TIMES_THE_LIMIT} times the limit "
        f"({wanted:.0f} posts/s wanted): {len(seqs) / lasted:.0f} posts/s, "
        f"answer {_percentiles(took)}; refused: {dict(refused) or 'none'}; "
        f"lost or doubled: {'none' if all(stored) else 'SOME'}; CPU {busy}",
        *(f"{where}: {each}" for where, each in zip(names, turns, strict=False)),
    ]


async def _turns(relay: RelayProcess) -> str:
    """Return conflicts and waits for turns of a relay since its start."""
    connection = KeepAliveConnection(relay.address)
    fields = {"x-admin-token": relay.token()}
    answer = await connection.exchange(encode_request("GET", "/metrics", fields))
    connection.close_nowait()
    values = dict(
        line.rsplit(" ", 1)
        for line in answer.body.decode().splitlines()
        if not line.startswith("#")
    )
    waits = float(values["argybargy_turn_seconds_count"])
    spent = float(values["argybargy_turn_seconds_sum"])
    each = 1000 * spent / waits if waits else 0.0
    conflicts = float(values["argybargy_conflicts_total"])
    return f"{conflicts:.0f} conflicts, {waits:.0f} waits for a turn of {each:.1f} ms"


# -- the program -------------------------------------------------------------------


@contextmanager
def _server(store: str) -> Iterator[tuple[SharedServer, Meter | None]]:
    if store:
        yield SharedServer(store), None
        return
    programs = find_programs()
    if programs is None:
        sys.exit("PostgreSQL is not installed. Name one: --store postgresql://...")
    folder = Path(tempfile.mkdtemp(prefix="argybargy-pg-"))
    with ExitStack() as stack:
        running = start_server(folder, programs)
        stack.callback(stop_server, running)
        yield SharedServer(running.url("postgres")), Meter(running.pid)


async def _run(
    server: SharedServer, engine: Meter | None, polls: int, rounds: int, seconds: float
) -> None:
    with tempfile.TemporaryDirectory(prefix="argybargy-bench-") as folder:
        path = Path(folder) / "data"
        try:
            async with open_relay_pair(
                path,
                server,
                ARGYBARGY_MAX_MESSAGES_PER_ROOM="0",
                ARGYBARGY_MAX_WAIT="600",
            ) as pair:
                bench = Bench(pair, engine)
                for lines in (
                    await measure_hot_room(bench, 8, seconds),
                    await measure_wakes(bench, polls, rounds),
                ):
                    print("\n".join(lines), flush=True)  # noqa: T201 - the answer
        finally:
            await server.drop_all()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} cores, load {load}")  # noqa: T201 - the same


def main(
    *, store: str = "", polls: int = 500, rounds: int = 400, seconds: float = 10.0
) -> None:
    """Measure two relays on one PostgreSQL.

    Args:
        store: URL of a PostgreSQL database, whose user may create others.
        polls: Polls parked at each relay.
        rounds: Wakes to measure, half of them across the relays.
        seconds: Duration of the hot room.
    """
    with _server(store) as (server, engine):
        trio.run(_run, server, engine, polls, rounds, seconds)


if __name__ == "__main__":
    cyclopts.run(main)
