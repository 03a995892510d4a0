"""G6, unkillable: no input crashes the relay, blocks a room or leaks a socket.

One of the attacks searches, since a search costs the most work per byte of request.
"""

from typing import Final

import trio

from argybargy.torture import hostile
from argybargy.torture.fuzzer import fuzz
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.killers import make_killers, send_killers
from argybargy.torture.process_limits import count_descriptors
from argybargy.torture.relay_process import NO_ANSWER, RelayProcess

_RECOVERY_SECONDS: Final = 8.0
"""The relay lingers for 1 s on a cut connection, and closes it within another."""
_SPARE_DESCRIPTORS: Final = 4
"""Allowance for database readers, which are opened on first use."""
KILLER_ROUNDS: Final = 5


async def prove(environment: ProofEnvironment) -> ProofResult:
    """Send known attacks, then thousands of malformed requests; check for leaks."""
    faults = Faults()
    async with environment.open_relay() as relay:
        victim = await relay.guest("victim")
        await victim.post("before")
        # Searching opens the last files that the relay opens lazily.
        await relay.admin("GET", "/admin/search?q=before")
        relay.close_guests()
        baseline = count_descriptors(relay)
        killers = make_killers(victim.code)
        for text in await send_killers(relay.address, killers, KILLER_ROUNDS):
            faults.add(text)
        fuzzed = await fuzz(
            relay, environment.chance.getrandbits(32), environment.seconds
        )
        leaked = await _wait_recovered(relay, baseline)
        deaths = int(relay.process.poll() is not None)
        faults.check("the relay process ended", is_good=deaths == 0)
        faults.check(f"{leaked} descriptors leaked", is_good=leaked == 0)
        try:
            reply = await victim.post("after")
            faults.check(
                f"the next post was answered {reply}", is_good=reply.status == 200
            )
        except NO_ANSWER as error:
            faults.add(f"the next post got no response: {error!r}")
    delays = await hostile.measure(environment, [hostile.SEARCHING], faults)
    sent = len(killers) * KILLER_ROUNDS
    figure = (
        f"{deaths} crashes and {leaked} leaked descriptors after {fuzzed:,} malformed "
        f"connections and {len(killers)} known attacks; {delays.figure}"
    )
    facts = {
        "deaths": deaths,
        "leaked_descriptors": leaked,
        "fuzzed_connections": fuzzed,
        "killers_sent": sent,
        **delays.facts,
    }
    return ProofResult(figure, facts, faults.all())


async def _wait_recovered(relay: RelayProcess, baseline: int) -> int:
    """Wait until the relay has closed its connections; return leaked descriptors."""
    left = 0
    with trio.move_on_after(_RECOVERY_SECONDS):
        while True:
            left = max(0, count_descriptors(relay) - baseline - _SPARE_DESCRIPTORS)
            if left == 0:
                break
            await trio.sleep(0.1)
    return left
