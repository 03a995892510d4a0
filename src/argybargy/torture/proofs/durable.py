"""G1, durable: acknowledged writes survive ``kill -9``, exactly once.

One agent listens and leaves its cursor to the relay (``since=next``). It may hear twice
what it had not acknowledged, and must miss nothing. Of two relays on a server, one, the
other and the server are killed in turn, and the rest goes on for a moment.
"""

from collections import Counter
from http import HTTPStatus
from typing import Final

import attrs
import trio

from argybargy.system.values import define
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.relay_process import NO_ANSWER, AgentClient, RelayProcess

POSTERS: Final = 32
ACTORS: Final = 4
"""Agents that claim, beside the posters and the operator."""
KEEP_ALL: Final = {"ARGYBARGY_MAX_MESSAGES_PER_ROOM": "0"}
"""Settings without retention, whose deletions would look like losses."""
LISTENER: Final = "listener"
_LONGEST_LIFE_SECONDS: Final = 1.0
_MOST_POSTS: Final = 100_000
_MOST_QUESTIONS: Final = 200
"""Questions of one agent. Of more, the relay would withdraw the oldest, claimed or not.
"""


@define
class _Record:
    """Acknowledged writes, and posts without a response.

    Attributes:
        posts: Seq of each acknowledged post, by its text, which is also its key.
        questions: Seqs of the acknowledged posts that ask.
        asked: Number of questions sent by each agent, by name.
        unanswered: Agent, key and expected answerer of each post without a response.
        claims: Winner of each claimed question, by seq.
        closed: Rooms whose closing was acknowledged.
        revoked: Agents whose revocation was acknowledged.
        heard: Seqs of all messages that the listener received.
    """

    posts: dict[str, int] = attrs.field(factory=dict)
    questions: set[int] = attrs.field(factory=set)
    asked: Counter[str] = attrs.field(factory=Counter)
    unanswered: list[tuple[str, str, str]] = attrs.field(factory=list)
    claims: dict[int, str] = attrs.field(factory=dict)
    closed: list[str] = attrs.field(factory=list)
    revoked: list[AgentClient] = attrs.field(factory=list)
    heard: set[int] = attrs.field(factory=set)

    async def ask(self, guest: AgentClient, key: str) -> None:
        """Post a question, or a message if the agent has asked enough."""
        if self.asked[guest.name] >= _MOST_QUESTIONS:
            return await self.post(guest, key, "none")
        self.asked[guest.name] += 1
        return await self.post(guest, key, "anyone")

    async def post(self, guest: AgentClient, key: str, expects: str) -> None:
        """Post a message; record its seq, or that there was no response."""
        try:
            reply = await guest.post(key, key=key, expects_reply=expects)
        except NO_ANSWER:
            self.unanswered.append((guest.name, key, expects))
            raise
        if reply.status != HTTPStatus.OK:
            return
        seq = self.posts[key] = reply.json["message"]["seq"]
        if expects == "anyone":
            self.questions.add(seq)

    async def listen(self, listener: AgentClient, wait: float) -> bool:
        """Read on from the last answer; tell whether there is more."""
        reply = await listener.poll("next", wait)
        if reply.status != HTTPStatus.OK:
            return False
        self.heard.update(message["seq"] for message in reply.json["messages"])
        return bool(reply.json["more"])


@define
class _Workload:
    """Concurrent writes of agents and operator, until the relay is killed."""

    record: _Record
    relay: RelayProcess
    guests: list[AgentClient]
    life: int

    async def run_until_killed(self, seconds: float) -> None:
        """Write from all clients at once; kill the relay after some seconds."""
        async with trio.open_nursery() as nursery:
            for guest in self.guests[:POSTERS]:
                nursery.start_soon(self._post, guest)
            for number, guest in enumerate(self.guests[POSTERS:-1]):
                nursery.start_soon(self._claim, guest, number)
            nursery.start_soon(self._listen, self.guests[-1])
            nursery.start_soon(self._close)
            nursery.start_soon(self._revoke)
            await trio.sleep(seconds)
            await self.relay.kill()

    async def _post(self, guest: AgentClient) -> None:
        for number in range(_MOST_POSTS):
            try:
                await self.record.ask(guest, f"{guest.name} {self.life} {number}")
            except NO_ANSWER:
                return

    async def _claim(self, guest: AgentClient, number: int) -> None:
        open_seqs = sorted(self.record.questions - set(self.record.claims))
        for seq in open_seqs[number::ACTORS]:
            try:
                reply = await guest.claim(seq)
            except NO_ANSWER:
                return
            if reply.status == 200:
                self.record.claims[seq] = guest.name

    async def _listen(self, listener: AgentClient) -> None:
        for _ in range(_MOST_POSTS):
            try:
                await self.record.listen(listener, wait=25)
            except NO_ANSWER:
                return

    async def _close(self) -> None:
        for number in range(_MOST_POSTS):
            room = f"room-{self.life}-{number}"
            try:
                await self.relay.admin("POST", f"/admin/rooms/{room}/open")
                reply = await self.relay.admin("POST", f"/admin/rooms/{room}/close")
            except NO_ANSWER:
                return
            if reply.status != HTTPStatus.OK:
                return  # the server was killed
            self.record.closed.append(room)

    async def _revoke(self) -> None:
        for number in range(_MOST_POSTS):
            try:
                guest = await self.relay.guest(f"g{self.life}-{number}", "elsewhere")
                body = {"target": guest.code}
                reply = await self.relay.admin("POST", "/admin/revoke", body)
            except NO_ANSWER:
                return
            if reply.status != HTTPStatus.OK:
                return
            self.record.revoked.append(guest)


async def prove(environment: ProofEnvironment, least_kills: int = 1) -> ProofResult:
    """Kill the relay under load repeatedly, then compare its data with the record."""
    record, codes, kills = _Record(), dict[str, str](), 0
    deadline = trio.current_time() + environment.seconds
    while kills < least_kills or trio.current_time() < deadline:
        async with environment.open_relay(**KEEP_ALL) as relay:
            guests = await _enter_agents(relay, codes)
            await _retry(record, guests)
            life = environment.chance.uniform(0.1, _LONGEST_LIFE_SECONDS)
            load = _Workload(record, relay, guests, kills)
            await load.run_until_killed(life)
        kills += 1
    async with environment.open_relay(**KEEP_ALL) as relay:
        guests = await _enter_agents(relay, codes)
        await _retry(record, guests)
        while await record.listen(guests[-1], wait=0):
            pass
        faults = await _find_faults(relay, record)
    others = len(record.claims) + len(record.closed) + len(record.revoked)
    facts = {"kills": kills, "posts": len(record.posts), "other_acts": others}
    lost = faults.count
    figure = (
        f"{lost} of {len(record.posts):,} posts and {others:,} claims, closings and "
        f"revocations lost over {kills} kill -9"
    )
    return ProofResult(figure, facts, faults.all())


async def _enter_agents(
    relay: RelayProcess, codes: dict[str, str]
) -> list[AgentClient]:
    agents = [f"agent{number}" for number in range(POSTERS + ACTORS)]
    for name in (*agents, LISTENER):
        if name not in codes:
            codes[name] = (await relay.guest(name)).code
    return [relay.returning(*each) for each in codes.items()]


async def _retry(record: _Record, guests: list[AgentClient]) -> None:
    """Repeat each post without a response, with the same key."""
    by_name = {guest.name: guest for guest in guests}
    unanswered, record.unanswered = record.unanswered, []
    for name, key, expects in unanswered:
        await record.post(by_name[name], key, expects)


async def _find_faults(relay: RelayProcess, record: _Record) -> Faults:
    faults = Faults()
    await _check_posts(relay, record, faults)
    missed = sorted(set(record.posts.values()) - record.heard)
    faults.check(f"the listener never received {missed[:9]}", is_good=not missed)
    status = (await relay.admin("GET", "/admin/state")).json["room_status"]
    for room in record.closed:
        is_closed = status.get(room, {}).get("status") == "closed"
        faults.check(f"{room} was closed and is open again", is_good=is_closed)
    for guest in record.revoked:
        reply = await relay.returning(guest.name, guest.code).call("GET", "/whoami")
        # Valid codes are never throttled, so 429 also means that the code is invalid.
        is_gone = reply.status in {401, 429}
        faults.check(f"{guest.name} was revoked and still has access", is_good=is_gone)
    return faults


async def _check_posts(relay: RelayProcess, record: _Record, faults: Faults) -> None:
    reader = await relay.guest("reader")
    messages = await reader.read_all()
    seqs = [message["seq"] for message in messages]
    is_dense = seqs == list(range(1, len(seqs) + 1))
    faults.check("the seqs have gaps or are out of order", is_good=is_dense)
    found: dict[str, int] = {}
    for message in messages:
        is_new = message["text"] not in found
        faults.check(f"duplicated: {message['text']}", is_good=is_new)
        found[message["text"]] = message["seq"]
        holder = record.claims.get(message["seq"])
        is_held = holder is None or message["claimed_by"] == holder
        faults.check(
            f"{message['seq']} is no longer claimed by {holder}", is_good=is_held
        )
    for key, seq in record.posts.items():
        is_there = found.get(key) == seq
        faults.check(f"'{key}' was {seq}, is {found.get(key)}", is_good=is_there)
