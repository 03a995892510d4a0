"""G8, graceful: SIGTERM answers all parked polls before the process exits."""

from typing import Final

import trio

from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.relay_process import NO_ANSWER, AgentClient, JsonResponse

POLLS: Final = 1_000
MOST_SECONDS: Final = 3.0
_ROOM_OF: Final = 50


async def prove(environment: ProofEnvironment, polls: int = POLLS) -> ProofResult:
    """Stop a relay with many parked polls; count their responses."""
    faults, replies = Faults(), list[JsonResponse]()

    async def poll(guest: AgentClient) -> None:
        try:
            replies.append(await guest.poll(0, wait=25))
        except NO_ANSWER as error:
            faults.add(f"{guest.name} got no response: {error!r}")

    async with environment.open_relay() as relay:
        guests = [
            await relay.guest(f"agent{n % _ROOM_OF}", f"room{n // _ROOM_OF}")
            for n in range(polls)
        ]
        async with trio.open_nursery() as nursery:
            for guest in guests:
                nursery.start_soon(poll, guest)
            await relay.wait_parked(polls)
            began = trio.current_time()
            code = await relay.stop()
            took = trio.current_time() - began
    good = [reply for reply in replies if reply.status == 200]
    complete = [reply for reply in good if reply.json["cursor"] == 0]
    is_all = len(complete) == polls
    faults.check(
        f"{len(complete)} of {polls} responses have the cursor", is_good=is_all
    )
    faults.check(f"the exit code was {code}", is_good=code == 0)
    faults.check(
        f"stopping took {took:.1f} s",
        is_good=took < MOST_SECONDS * environment.patience,
    )
    figure = (
        f"{len(complete):,} of {polls:,} parked polls answered 200 with their cursor, "
        f"exit after {took:.1f} s"
    )
    facts = {"answered": len(complete), "polls": polls, "exit_seconds": took}
    return ProofResult(figure, facts, faults.all())
