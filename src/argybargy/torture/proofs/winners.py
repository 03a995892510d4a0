"""G5, one winner: one claim wins a question, and claim histories are linearizable.

Of two relays, each is stopped for a moment again and again while the histories are
recorded, also while it is the one that may commit next.
"""

import random
from http import HTTPStatus
from typing import Final

import attrs
import trio

from argybargy.system.values import define
from argybargy.torture.client.messages import BadResponse
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.linearizable import (
    LOST,
    REFUSED,
    RELEASED,
    WON,
    ClaimCall,
    is_linearizable,
)
from argybargy.torture.relay_process import (
    AgentClient,
    JsonResponse,
    RelayProcess,
)

AGENTS: Final = 64
QUESTIONS: Final = 200
RIVALS: Final = 6
"""Agents that claim and release the same few questions, for the histories."""
DISPUTED: Final = 4
CALLS: Final = 12
"""Number of calls of each rival on each disputed question."""
_UNTOUCHED: Final = {"busy", "storage_unavailable"}
"""Errors after which nothing has changed."""


@define
class _Outcomes:
    """Outcomes of all claims.

    Attributes:
        winners: Names of agents that won a claim, one per win.
        losers: Number of lost claims.
        histories: Calls on each disputed question, by room and seq.
    """

    winners: list[str] = attrs.field(factory=list)
    losers: int = 0
    histories: dict[tuple[str, int], list[ClaimCall]] = attrs.field(factory=dict)


async def prove(environment: ProofEnvironment) -> ProofResult:
    """Claim the same questions from many agents at once, round after round."""
    outcomes, faults, rounds = _Outcomes(), Faults(), 0
    deadline = trio.current_time() + environment.seconds
    async with environment.open_relay() as relay:
        while rounds == 0 or trio.current_time() < deadline:
            await _race(relay, f"race{rounds}", outcomes, faults)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(relay.disturb)
                await _dispute(relay, f"dispute{rounds}", outcomes, environment.chance)
                nursery.cancel_scope.cancel()
            rounds += 1
    for (room, seq), calls in outcomes.histories.items():
        text = f"question {seq} of {room} has an impossible history: {calls}"
        faults.check(text, is_good=is_linearizable(calls))
    questions = rounds * QUESTIONS
    recorded = sum(map(len, outcomes.histories.values()))
    figure = (
        f"{len(outcomes.winners):,} winners for {questions:,} questions "
        f"among {AGENTS} agents; "
        f"{len(outcomes.histories)} histories of {recorded:,} claims and releases, "
        + ("all linearizable" if faults.count == 0 else f"{faults.count} faults")
    )
    facts = {
        "questions": questions,
        "winners": len(outcomes.winners),
        "losers": outcomes.losers,
        "histories": len(outcomes.histories),
        "recorded_calls": recorded,
    }
    return ProofResult(figure, facts, faults.all())


async def _ask(relay: RelayProcess, room: str, count: int) -> None:
    asker = await relay.guest("asker", room)
    for number in range(count):
        text = f"question {number}"
        await asker.insist(text, text, expects_reply="anyone")


async def _claim(guest: AgentClient, seq: int) -> JsonResponse:
    """Claim a question; of several relays, one may be busy first."""
    reply = await guest.claim(seq)
    while guest.others and _changed_nothing(reply):
        reply = await guest.claim(seq)
    return reply


async def _race(
    relay: RelayProcess, room: str, outcomes: _Outcomes, faults: Faults
) -> None:
    await _ask(relay, room, QUESTIONS)
    wins: dict[int, list[str]] = {seq: [] for seq in range(1, QUESTIONS + 1)}

    async def contend(guest: AgentClient) -> None:
        for seq, winners in wins.items():
            reply = await _claim(guest, seq)
            if reply.status == 200:
                winners.append(guest.name)
            elif reply.status == 409:
                outcomes.losers += 1
            else:
                faults.add(
                    f"{guest.name} got status {reply.status} for a claim on {seq}"
                )

    async with trio.open_nursery() as nursery:
        for guest in await relay.guests(AGENTS, room):
            nursery.start_soon(contend, guest)
    for seq, names in wins.items():
        faults.check(
            f"question {seq} of {room} was won by {names}", is_good=len(names) == 1
        )
        if names:
            outcomes.winners += names


async def _dispute(
    relay: RelayProcess, room: str, outcomes: _Outcomes, chance: random.Random
) -> None:
    await _ask(relay, room, DISPUTED)
    rivals = await relay.guests(RIVALS, room)
    for seq in range(1, DISPUTED + 1):
        history = outcomes.histories.setdefault((room, seq), [])
        async with trio.open_nursery() as nursery:
            for guest in rivals:
                dice = random.Random(chance.random())
                nursery.start_soon(_claim_and_release, guest, seq, history, dice)


async def _claim_and_release(
    guest: AgentClient, seq: int, history: list[ClaimCall], chance: random.Random
) -> None:
    for _ in range(CALLS):
        began = trio.current_time()
        is_claim = chance.random() < 0.5
        target = f"/messages/{seq}/claim"
        reply = await guest.call("POST" if is_claim else "DELETE", target)
        ended = trio.current_time()
        if _changed_nothing(reply):
            continue
        if reply.status not in {HTTPStatus.OK, HTTPStatus.CONFLICT}:
            raise BadResponse(f"{guest.name} got {reply} for question {seq}")
        is_good, holder, fence = reply.status == HTTPStatus.OK, "", 0
        answer = RELEASED if is_good else REFUSED
        if is_claim:
            answer = WON if is_good else LOST
            holder, fence = reply.json["claimed_by"], reply.json.get("fence", 0)
        history.append(ClaimCall(began, ended, guest.name, answer, holder, fence))


def _changed_nothing(reply: JsonResponse) -> bool:
    """Tell whether a call was refused because of the store, or of other calls."""
    is_refused = reply.status == HTTPStatus.SERVICE_UNAVAILABLE
    return is_refused and reply.json["detail"]["error"] in _UNTOUCHED
