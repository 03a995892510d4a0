"""G4: whoever loses an answer asks again, and nothing happens twice."""

import random
from collections import Counter
from typing import Any, Final

import attrs
import trio

from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.proofs.durable import KEEP_ALL
from argybargy.torture.relay_process import AgentClient, JsonResponse

AGENTS: Final = 8
DROPPED: Final = 0.3
"""The part of all answers that are dropped."""
_MOST_TRIES: Final = 50


@attrs.define
class _Deaf:
    """An agent whose answers are often lost, and who asks again until one is not.

    Attributes:
        guest: The agent.
        chance: Says which answers are lost.
        dropped: How many were.
    """

    guest: AgentClient
    chance: random.Random
    dropped: int = 0

    async def call(
        self, method: str, target: str, body: object = None, key: str | None = None
    ) -> JsonResponse:
        headers = {"idempotency-key": key} if key else None
        for _ in range(_MOST_TRIES):
            if self.chance.random() >= DROPPED:
                return await self.guest.call(method, target, body, headers)
            self.dropped += 1
            if self.chance.random() < 0.5:
                # It arrived: the relay has acted, and only the answer is lost.
                await self.guest.call(method, target, body, headers)
            else:
                with trio.move_on_after(self.chance.uniform(0, 0.01)):
                    await self.guest.call(method, target, body, headers)
        raise AssertionError("chance cannot be that bad")


@attrs.define
class _Tally:
    """What the agents were told, to be compared with what there is."""

    seqs: dict[str, int] = attrs.field(factory=dict)
    fences: dict[int, int] = attrs.field(factory=dict)
    faults: Faults = attrs.field(factory=Faults)


async def prove(stage: ProofEnvironment) -> ProofResult:
    """Post, claim and read with a third of all answers lost, and look for doubles."""
    tally = _Tally()
    async with stage.open_relay(**KEEP_ALL) as relay:
        agents = [
            _Deaf(guest, random.Random(stage.chance.random()))
            for guest in await relay.guests(AGENTS)
        ]
        deadline = trio.current_time() + stage.seconds
        async with trio.open_nursery() as nursery:
            for agent in agents:
                nursery.start_soon(_work, agent, tally, deadline)
        messages = await (await relay.guest("reader")).read_all()
    _judge(messages, tally)
    dropped = sum(agent.dropped for agent in agents)
    faults = tally.faults
    figure = (
        f"{faults.count} doubled of {len(tally.seqs):,} posts and "
        f"{len(tally.fences):,} claims, with {dropped:,} answers dropped"
    )
    facts = {
        "posts": len(tally.seqs),
        "claims": len(tally.fences),
        "dropped_answers": dropped,
    }
    return ProofResult(figure, facts, faults.all())


async def _work(agent: _Deaf, tally: _Tally, deadline: float) -> None:
    name, number, cursor = agent.guest.name, 0, 0
    while number == 0 or trio.current_time() < deadline:
        key = f"{name} {number}"
        body = {"text": key, "expects_reply": "anyone"}
        reply = await agent.call("POST", "/messages", body, key)
        tally.seqs[key] = reply.json["message"]["seq"]
        number += 1
        cursor = await _claim_one(agent, cursor, tally)


async def _claim_one(agent: _Deaf, cursor: int, tally: _Tally) -> int:
    """Read on, and claim the first question there is; return the new cursor."""
    first = (await agent.call("GET", f"/messages?since={cursor}&limit=1")).json
    again = (await agent.call("GET", f"/messages?since={cursor}&limit=1")).json
    is_same = _seqs(first) == _seqs(again) or not _seqs(first)
    tally.faults.check("a repeated read gave something else", is_good=is_same)
    for seq in _seqs(first):
        won = await agent.call("POST", f"/messages/{seq}/claim")
        if won.status == 200:
            fence = won.json["fence"]
            earlier = tally.fences.setdefault(seq, fence)
            is_one = earlier == fence
            tally.faults.check(f"{seq} was granted twice", is_good=is_one)
    cursor = first["cursor"]
    return int(cursor)


def _seqs(body: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in body["messages"]]


def _judge(messages: list[dict[str, Any]], tally: _Tally) -> None:
    times = Counter(message["text"] for message in messages)
    for text, count in times.items():
        tally.faults.check(f"'{text}' is there {count} times", is_good=count == 1)
    found = {message["text"]: message["seq"] for message in messages}
    for key, seq in tally.seqs.items():
        is_there = found.get(key) == seq
        tally.faults.check(f"'{key}' was {seq}, is {found.get(key)}", is_good=is_there)
