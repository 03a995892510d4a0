"""G1: what was answered with 200 is there after ``kill -9``, once."""

import signal
from typing import Final

import attrs
import trio

from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.relay_process import NO_ANSWER, AgentClient, RelayProcess

POSTERS: Final = 32
ACTORS: Final = 4
"""Those who claim, and the operators who close and revoke, go on beside them."""
KEEP_ALL: Final = {"ARGYBARGY_MAX_MESSAGES_PER_ROOM": "0"}
"""What retention takes would look like a loss."""
_LONGEST_LIFE_SECONDS: Final = 1.0
_MOST_POSTS: Final = 100_000


@attrs.define
class _Ledger:
    """What the relay has acknowledged, and what it left unanswered.

    Attributes:
        posts: The seq of each acknowledged post, by its key and text.
        unanswered: Who posted what without an answer.
        claims: Who was told to have won which question.
        closed: Rooms that were acknowledged to be closed.
        revoked: Codes that were acknowledged to be revoked.
    """

    posts: dict[str, int] = attrs.field(factory=dict)
    unanswered: list[tuple[str, str]] = attrs.field(factory=list)
    claims: dict[int, str] = attrs.field(factory=dict)
    closed: list[str] = attrs.field(factory=list)
    revoked: list[AgentClient] = attrs.field(factory=list)

    async def post(self, guest: AgentClient, key: str) -> None:
        """Ask a question, and note its seq or that nothing came back."""
        try:
            reply = await guest.post(key, key=key, expects_reply="anyone")
        except NO_ANSWER:
            self.unanswered.append((guest.name, key))
            raise
        if reply.status == 200:
            self.posts[key] = reply.json["message"]["seq"]


@attrs.define
class _Company:
    """Everybody who acts on one relay until it is killed."""

    ledger: _Ledger
    relay: RelayProcess
    guests: list[AgentClient]
    life: int

    async def act_until_killed(self, seconds: float) -> None:
        async with trio.open_nursery() as nursery:
            for guest in self.guests[:POSTERS]:
                nursery.start_soon(self._post, guest)
            for number, guest in enumerate(self.guests[POSTERS:]):
                nursery.start_soon(self._claim, guest, number)
            nursery.start_soon(self._close)
            nursery.start_soon(self._revoke)
            await trio.sleep(seconds)
            await self.relay.stop(signal.SIGKILL)

    async def _post(self, guest: AgentClient) -> None:
        for number in range(_MOST_POSTS):
            try:
                await self.ledger.post(guest, f"{guest.name} {self.life} {number}")
            except NO_ANSWER:
                return

    async def _claim(self, guest: AgentClient, number: int) -> None:
        open_seqs = sorted(set(self.ledger.posts.values()) - set(self.ledger.claims))
        for seq in open_seqs[number::ACTORS]:
            try:
                reply = await guest.claim(seq)
            except NO_ANSWER:
                return
            if reply.status == 200:
                self.ledger.claims[seq] = guest.name

    async def _close(self) -> None:
        for number in range(_MOST_POSTS):
            room = f"room-{self.life}-{number}"
            try:
                await self.relay.admin("POST", f"/admin/rooms/{room}/open")
                await self.relay.admin("POST", f"/admin/rooms/{room}/close")
            except NO_ANSWER:
                return
            self.ledger.closed.append(room)

    async def _revoke(self) -> None:
        for number in range(_MOST_POSTS):
            try:
                guest = await self.relay.guest(f"g{self.life}-{number}", "elsewhere")
                body = {"target": guest.code}
                await self.relay.admin("POST", "/admin/revoke", body)
            except NO_ANSWER:
                return
            self.ledger.revoked.append(guest)


async def prove(stage: ProofEnvironment) -> ProofResult:
    """Kill the relay among its guests again and again, and look what is left."""
    ledger, codes, kills = _Ledger(), dict[str, str](), 0
    deadline = trio.current_time() + stage.seconds
    while kills == 0 or trio.current_time() < deadline:
        async with stage.open_relay(**KEEP_ALL) as relay:
            guests = await _let_in(relay, codes)
            await _retry(ledger, guests)
            life = stage.chance.uniform(0.1, _LONGEST_LIFE_SECONDS)
            company = _Company(ledger, relay, guests, kills)
            await company.act_until_killed(life)
        kills += 1
    async with stage.open_relay(**KEEP_ALL) as relay:
        await _retry(ledger, await _let_in(relay, codes))
        faults = await _find_faults(relay, ledger)
    acts = len(ledger.claims) + len(ledger.closed) + len(ledger.revoked)
    facts = {"kills": kills, "posts": len(ledger.posts), "other_acts": acts}
    lost = faults.count
    figure = (
        f"{lost} of {len(ledger.posts):,} posts and {acts:,} claims, closings and "
        f"revocations lost over {kills} kill -9"
    )
    return ProofResult(figure, facts, faults.all())


async def _let_in(relay: RelayProcess, codes: dict[str, str]) -> list[AgentClient]:
    for number in range(POSTERS + ACTORS):
        name = f"agent{number}"
        if name not in codes:
            codes[name] = (await relay.guest(name)).code
    return [relay.returning(*each) for each in codes.items()]


async def _retry(ledger: _Ledger, guests: list[AgentClient]) -> None:
    """Ask once more for each answer that was lost, with the same key."""
    by_name = {guest.name: guest for guest in guests}
    unanswered, ledger.unanswered = ledger.unanswered, []
    for name, key in unanswered:
        await ledger.post(by_name[name], key)


async def _find_faults(relay: RelayProcess, ledger: _Ledger) -> Faults:
    faults = Faults()
    await _check_posts(relay, ledger, faults)
    status = (await relay.admin("GET", "/admin/state")).json["room_status"]
    for room in ledger.closed:
        is_closed = status.get(room, {}).get("status") == "closed"
        faults.check(f"{room} was closed and is not", is_good=is_closed)
    for guest in ledger.revoked:
        reply = await relay.returning(guest.name, guest.code).call("GET", "/whoami")
        # 429: valid codes are never throttled, so this one is not valid either
        is_gone = reply.status in {401, 429}
        faults.check(f"{guest.name} was revoked and is in", is_good=is_gone)
    return faults


async def _check_posts(relay: RelayProcess, ledger: _Ledger, faults: Faults) -> None:
    reader = await relay.guest("reader")
    messages = await reader.read_all()
    seqs = [message["seq"] for message in messages]
    is_dense = seqs == list(range(1, len(seqs) + 1))
    faults.check("the seqs have holes, or came in disorder", is_good=is_dense)
    found: dict[str, int] = {}
    for message in messages:
        is_new = message["text"] not in found
        faults.check(f"doubled: {message['text']}", is_good=is_new)
        found[message["text"]] = message["seq"]
        holder = ledger.claims.get(message["seq"])
        is_held = holder is None or message["claimed_by"] == holder
        faults.check(f"{message['seq']} is not {holder}'s any more", is_good=is_held)
    for key, seq in ledger.posts.items():
        is_there = found.get(key) == seq
        faults.check(f"'{key}' was {seq}, is {found.get(key)}", is_good=is_there)
