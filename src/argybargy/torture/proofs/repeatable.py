"""G4, repeatable: retries after lost responses are safe."""

import random
from collections import Counter
from typing import Any, Final

import attrs
import trio

from argybargy.system.values import define
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.proofs.durable import KEEP_ALL
from argybargy.torture.relay_process import AgentClient, JsonResponse

AGENTS: Final = 8
DROPPED: Final = 0.3
"""Fraction of responses that are dropped."""
_MOST_TRIES: Final = 50


@define
class _LossyAgent:
    """An agent that loses responses at random and retries until it gets one.

    Of two relays, each retry goes to the other one.

    Attributes:
        guest: The agent.
        chance: Random source that picks the lost responses.
        dropped: Number of lost responses.
    """

    guest: AgentClient
    chance: random.Random
    dropped: int = 0

    async def call(
        self, method: str, target: str, body: object = None, key: str | None = None
    ) -> JsonResponse:
        """Call until a response is not dropped."""
        headers = {"idempotency-key": key} if key else None
        for _ in range(_MOST_TRIES):
            if self.chance.random() >= DROPPED:
                reply = await self.guest.call(method, target, body, headers)
                if not (self.guest.others and reply.status == 503):
                    return reply
            self.dropped += 1
            self.guest.move()
            if self.chance.random() < 0.5:
                # The request arrives and takes effect; only the response is lost.
                await self.guest.call(method, target, body, headers)
            else:
                # The request may be lost too, since cancelling closes the connection.
                with trio.move_on_after(self.chance.uniform(0, 0.01)):
                    await self.guest.call(method, target, body, headers)
        raise AssertionError("every retry was dropped, which has no real probability")


@define
class _Received:
    """Responses that agents received, to be compared with the stored messages."""

    seqs: dict[str, int] = attrs.field(factory=dict)
    fences: dict[int, int] = attrs.field(factory=dict)
    faults: Faults = attrs.field(factory=Faults)


async def prove(environment: ProofEnvironment) -> ProofResult:
    """Post, claim and read while 30 % of responses are dropped; find duplicates."""
    received = _Received()
    async with environment.open_relay(**KEEP_ALL) as relay:
        agents = [
            _LossyAgent(guest, random.Random(environment.chance.random()))
            for guest in await relay.guests(AGENTS)
        ]
        deadline = trio.current_time() + environment.seconds
        async with trio.open_nursery() as nursery:
            for agent in agents:
                nursery.start_soon(_work, agent, received, deadline)
        messages = await (await relay.guest("reader")).read_all()
    _judge(messages, received)
    dropped = sum(agent.dropped for agent in agents)
    faults = received.faults
    figure = (
        f"{faults.count} of {len(received.seqs):,} posts and "
        f"{len(received.fences):,} claims duplicated, with {dropped:,} responses "
        "dropped"
    )
    facts = {
        "posts": len(received.seqs),
        "claims": len(received.fences),
        "dropped_answers": dropped,
    }
    return ProofResult(figure, facts, faults.all())


async def _work(agent: _LossyAgent, received: _Received, deadline: float) -> None:
    name, number, cursor = agent.guest.name, 0, 0
    while number == 0 or trio.current_time() < deadline:
        key = f"{name} {number}"
        body = {"text": key, "expects_reply": "anyone"}
        reply = await agent.call("POST", "/messages", body, key)
        received.seqs[key] = reply.json["message"]["seq"]
        number += 1
        cursor = await _claim_one(agent, cursor, received)


async def _claim_one(agent: _LossyAgent, cursor: int, received: _Received) -> int:
    """Read one message after the cursor and claim it; return the new cursor."""
    first = (await agent.call("GET", f"/messages?since={cursor}&limit=1")).json
    again = (await agent.call("GET", f"/messages?since={cursor}&limit=1")).json
    # A relay may not have heard yet of a post at the other one.
    may_lag = bool(agent.guest.others) and not _seqs(again)
    is_same = _seqs(first) == _seqs(again) or not _seqs(first) or may_lag
    received.faults.check("a repeated read returned other messages", is_good=is_same)
    for seq in _seqs(first):
        won = await agent.call("POST", f"/messages/{seq}/claim")
        if won.status == 200:
            fence = won.json["fence"]
            earlier = received.fences.setdefault(seq, fence)
            is_one = earlier == fence
            received.faults.check(f"{seq} was granted twice", is_good=is_one)
    cursor = first["cursor"]
    return int(cursor)


def _seqs(body: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in body["messages"]]


def _judge(messages: list[dict[str, Any]], received: _Received) -> None:
    times = Counter(message["text"] for message in messages)
    for text, count in times.items():
        received.faults.check(f"'{text}' is stored {count} times", is_good=count == 1)
    found = {message["text"]: message["seq"] for message in messages}
    for key, seq in received.seqs.items():
        is_there = found.get(key) == seq
        received.faults.check(
            f"'{key}' was {seq}, is {found.get(key)}", is_good=is_there
        )
