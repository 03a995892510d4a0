"""G6: no bytes from anyone end the relay, wedge it, or leave anything open in it.

Searches are the requests that can ask for most work with the fewest bytes.
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
"""A connection that was cut lingers for a second, and is swept within another."""
_SPARE_DESCRIPTORS: Final = 4
"""Readers of the database are opened when they are first needed."""
KILLER_ROUNDS: Final = 5


async def prove(stage: ProofEnvironment) -> ProofResult:
    """Send what has ended other servers, then damaged requests by the thousand."""
    faults = Faults()
    async with stage.open_relay() as relay:
        victim = await relay.guest("victim")
        await victim.post("before")
        # Until every file is open that ever will be.
        await relay.admin("GET", "/admin/search?q=before")
        relay.close_guests()
        base = count_descriptors(relay)
        killers = make_killers(victim.code)
        for text in await send_killers(relay.address, killers, KILLER_ROUNDS):
            faults.add(text)
        fuzzed = await fuzz(relay, stage.chance.getrandbits(32), stage.seconds)
        leaked = await _wait_recovered(relay, base)
        deaths = int(relay.process.poll() is not None)
        faults.check("the process has ended", is_good=deaths == 0)
        faults.check(f"{leaked} descriptors stay open", is_good=leaked == 0)
        try:
            reply = await victim.post("after")
            faults.check(f"the next post: {reply}", is_good=reply.status == 200)
        except NO_ANSWER as error:
            faults.add(f"the next post was not answered: {error!r}")
    delays = await hostile.measure(stage, [hostile.SEARCHING], faults)
    sent = len(killers) * KILLER_ROUNDS
    figure = (
        f"{deaths} deaths and {leaked} leaked descriptors after {fuzzed:,} damaged "
        f"connections and {len(killers)} known killers; {delays.figure}"
    )
    facts = {
        "deaths": deaths,
        "leaked_descriptors": leaked,
        "fuzzed_connections": fuzzed,
        "killers_sent": sent,
        **delays.facts,
    }
    return ProofResult(figure, facts, faults.all())


async def _wait_recovered(relay: RelayProcess, base: int) -> int:
    """Wait until the relay has closed what it opened; return what is left open."""
    left = 0
    with trio.move_on_after(_RECOVERY_SECONDS):
        while True:
            left = max(0, count_descriptors(relay) - base - _SPARE_DESCRIPTORS)
            if left == 0:
                break
            await trio.sleep(0.1)
    return left
