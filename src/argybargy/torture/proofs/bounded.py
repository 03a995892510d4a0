"""G7, bounded: memory of 10,000 parked polls, and latency beside a hostile agent."""

from typing import Final

import trio

from argybargy.torture import hostile
from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.process_limits import allow_descriptors, memory_bytes
from argybargy.torture.relay_process import NO_ANSWER, AgentClient, RelayProcess

MOST_POLLS: Final = 10_000
MOST_MEGABYTES: Final = 300
_POLLS_PER_PEER: Final = 4
_ROOM_OF: Final = 50
_AT_ONCE: Final = 125
"""Number of peers whose polls start together."""
_SPARE_DESCRIPTORS: Final = 200
_PARKING_SECONDS: Final = 60.0


async def prove(
    environment: ProofEnvironment, most_polls: int = MOST_POLLS
) -> ProofResult:
    """Park ``most_polls`` polls, or as many as the descriptor limit allows.

    The client needs one descriptor per connection, and the relay another one in its
    own process, with the same limit.
    """
    allowed = allow_descriptors(most_polls + _SPARE_DESCRIPTORS)
    count = min(most_polls, allowed - _SPARE_DESCRIPTORS) // _POLLS_PER_PEER
    faults = Faults()
    async with environment.open_relay(ARGYBARGY_MAX_WAIT="600") as relay:
        idle_bytes = memory_bytes(relay)
        guests = [
            await relay.guest(f"agent{n % _ROOM_OF}", f"room{n // _ROOM_OF}")
            for n in range(count)
        ]
        parked, used = await _park(relay, guests, faults)
    megabytes = used / 1_000_000
    is_small = megabytes < MOST_MEGABYTES
    faults.check(f"{megabytes:.0f} MB for {parked:,} polls", is_good=is_small)
    kib_each = (used - idle_bytes) / max(1, parked) / 1024
    attacks = (hostile.POLLING, hostile.ASKING)
    delays = await hostile.measure(environment, attacks, faults)
    figure = (
        f"{parked:,} parked polls in {megabytes:.0f} MB, {kib_each:.1f} KiB each; "
        f"{delays.figure}"
    )
    facts = {
        "parked_polls": parked,
        "megabytes": megabytes,
        "kib_per_poll": kib_each,
        **delays.facts,
    }
    return ProofResult(figure, facts, faults.all())


async def _park(
    relay: RelayProcess, guests: list[AgentClient], faults: Faults
) -> tuple[int, int]:
    """Park the polls of all agents; return their number and the memory in bytes."""
    count = len(guests) * _POLLS_PER_PEER
    async with trio.open_nursery() as nursery:
        try:
            await _start_polls(nursery, relay, guests, faults)
        except trio.TooSlowError:
            faults.add(f"only {await relay.parked()} of {count} polls were parked")
        except NO_ANSWER as error:
            faults.add(f"no response while {count} polls were parking: {error!r}")
        parked, used = await relay.parked(), memory_bytes(relay)
        nursery.cancel_scope.cancel()
    return parked, used


async def _start_polls(
    nursery: trio.Nursery,
    relay: RelayProcess,
    guests: list[AgentClient],
    faults: Faults,
) -> None:
    """Start polls in groups: the accept backlog holds only a thousand connections."""
    for number, guest in enumerate(guests, start=1):
        for _ in range(_POLLS_PER_PEER):
            nursery.start_soon(_poll, relay, guest, faults)
        if number % _AT_ONCE == 0 or guest is guests[-1]:
            await relay.wait_parked(number * _POLLS_PER_PEER, _PARKING_SECONDS)


async def _poll(relay: RelayProcess, guest: AgentClient, faults: Faults) -> None:
    connection = KeepAliveConnection(relay.address)
    try:
        request = guest.encode("GET", "/messages?wait=600")
        await connection.exchange(request, 600.0)
    except NO_ANSWER as error:
        faults.add(f"a poll of {guest.name} got no response: {error!r}")
    finally:
        connection.close_nowait()
