"""Row of the operator: the overview of all rooms."""

import trio

from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import BadResponse, encode_request
from bench.client import Agent
from bench.load import Bench, Stopwatch, names, share
from bench.result import Figure, Result
from bench.rows_requests import FILLER, Worker

FILL_SECONDS = 90.0
INVITES_AT_ONCE = 8


async def admin_state(bench: Bench) -> Result:
    """Overview (`/admin/state`) of many rooms with messages."""
    posters = await _admit(bench)
    sizes, watch = bench.sizes, Stopwatch(bench.server)
    await share(
        sizes.state_rooms * sizes.state_messages,
        FILL_SECONDS,
        [_poster(agent) for agent in posters],
    )
    connection = KeepAliveConnection(bench.server.address)
    fields = {"X-Admin-Token": bench.server.admin_token}
    request = encode_request("GET", "/admin/state", fields)
    found: list[int] = []

    async def look() -> None:
        answer = await connection.exchange(request)
        if answer.status != 200:
            raise BadResponse(f"status {answer.status}")
        found.append(len(answer.body))

    try:
        await look()
        with watch:
            await share(sizes.states, sizes.seconds, [lambda _: watch.time(look)])
    finally:
        connection.close_nowait()
    size = Figure("answer", found[-1] / 1024, "KiB")
    return watch.result("admin-state", figures=(size,))


async def _admit(bench: Bench) -> list[Agent]:
    """Fill the rooms with agents, and return one of each."""
    posters: list[Agent] = []
    turns = trio.CapacityLimiter(INVITES_AT_ONCE)

    async def admit(number: int) -> None:
        async with turns:
            agents = await bench.admit(
                f"state-{number}", names("s", bench.sizes.state_agents)
            )
        posters.append(agents[0])

    async with trio.open_nursery() as nursery:
        for number in range(bench.sizes.state_rooms):
            nursery.start_soon(admit, number)
    return posters


def _poster(agent: Agent) -> Worker:
    async def work(number: int) -> None:
        expects = "none" if number % 50 else "anyone"
        await agent.post(f"state-{number} {FILLER}", expects_reply=expects)

    return work
