"""Mutation fuzzer: valid requests of every endpoint, damaged and cut off at random.

Each worker draws from a random generator with a seed of its own, so that the same bytes
can be sent again; the timing of the server is not reproducible.
"""

import json
import random
from collections.abc import Callable

import trio

from argybargy.system.values import frozen
from argybargy.torture.client.connection import Address
from argybargy.torture.client.raw import Leaving, RawClient, connect, encode
from argybargy.torture.relay_process import RelayProcess

WORKERS = 8
ONCE = "once "
"""Prefix of texts that must not occur twice: sent with an idempotency key, or once."""
_READ_SECONDS = 0.03
"""Time that a worker reads the response before it closes the connection."""
Chance = random.Random
Maker = Callable[[Chance], bytes]


@frozen
class Fuzzer:
    """Generates damaged requests.

    Attributes:
        makers: Functions that each return one valid request.
    """

    makers: tuple[Maker, ...]

    def make(self, chance: Chance) -> bytes:
        """Return the bytes of one connection: one to three requests, maybe cut off."""
        parts = [self._make_part(chance) for _ in range(chance.choice((1, 1, 2, 3)))]
        data = b"".join(parts)
        if chance.random() < 0.2:
            data = data[: chance.randrange(len(data))]
        return data

    def _make_part(self, chance: Chance) -> bytes:
        data = bytearray(chance.choice(self.makers)(chance))
        for _ in range(chance.randrange(5)):
            _edit(data, chance)
        return bytes(data)


def _edit(data: bytearray, chance: Chance) -> None:
    at = chance.randrange(len(data))
    byte = chance.choice((chance.randrange(256), *b"\0\r\n: ;,\xff"))
    match chance.randrange(3):
        case 0:
            data[at] = byte
        case 1:
            data.insert(at, byte)
        case _:
            del data[at]


def make_fuzzer(agent: str, token: str) -> Fuzzer:
    """Return a fuzzer for all endpoints but the one that replaces the admin token.

    Replacing it would turn everything after that into a 401.

    Args:
        agent: An access code for a room without other members.
        token: The admin token.
    """
    bearer, admin = f"Authorization: Bearer {agent}", f"X-Admin-Token: {token}"
    return Fuzzer((*_agent_makers(bearer), *_operator_makers(admin)))


def _agent_makers(bearer: str) -> list[Maker]:
    def get(target: str) -> Maker:
        return lambda _: encode("GET", target, [bearer])

    def post(chance: Chance) -> bytes:
        once = f"{chance.getrandbits(64):x}"
        fields = [bearer, f"Idempotency-Key: {once}"]
        body = {"text": ONCE + once, "expects_reply": "anyone"}
        return encode("POST", "/messages", fields, json.dumps(body).encode())

    def post_chunked(_: Chance) -> bytes:
        fields = [bearer, "Transfer-Encoding: chunked"]
        fields.append("Content-Type: application/json")
        body = b'5\r\n{"tex\r\n9\r\nt":"abc"}\r\n0\r\n\r\n'
        return encode("POST", "/messages", fields) + body

    def claim(chance: Chance) -> bytes:
        method = chance.choice(("POST", "DELETE"))
        return encode(method, f"/messages/{chance.randrange(1, 50)}/claim", [bearer])

    parked = get("/messages?since=9007199254740991&wait=25")
    reads = ["/health", "/ready", "/", "/whoami", "/resume", "/peers", "/messages/1"]
    reads += ("/messages?limit=5", "/history?limit=5", "/docs", "/openapi.json")
    return [*map(get, reads), parked, post, post, post_chunked, claim]


def _operator_makers(admin: str) -> list[Maker]:
    def get(target: str) -> Maker:
        return lambda _: encode("GET", target, [admin])

    def post(target: str, body: object) -> Maker:
        return lambda _: encode("POST", target, [admin], json.dumps(body).encode())

    invite = {"name": "passer-by", "room": "elsewhere", "expires": "1s"}
    return [
        *map(get, ("/admin/state", "/admin/stats", "/admin/audit?limit=5")),
        post("/admin/invite", invite),
        post("/admin/revoke", {"target": "passer-by", "room": "elsewhere"}),
        post("/admin/say", {"text": "order!", "room": "elsewhere"}),
        *(post(f"/admin/rooms/elsewhere/{verb}", {}) for verb in _VERBS),
    ]


_VERBS = ("open", "close", "reopen")


async def fuzz(relay: RelayProcess, seed: int, seconds: float) -> int:
    """Fuzz a relay with `WORKERS` connections at a time; return their number."""
    agent = await relay.guest("fuzzer", "fuzzed")
    fuzzer = make_fuzzer(agent.code, relay.token())
    count = 0

    async def work(chance: Chance) -> None:
        nonlocal count
        while True:
            await _run_connection(relay.address, fuzzer, chance)
            count += 1

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for number in range(WORKERS):
                nursery.start_soon(work, random.Random(f"{seed} {number}"))
    return count


async def _run_connection(address: Address, fuzzer: Fuzzer, chance: Chance) -> None:
    data = fuzzer.make(chance)
    leaving = chance.choice((Leaving.FIN, Leaving.RST))
    cut = chance.randrange(len(data) + 1) if chance.random() < 0.3 else len(data)
    try:
        client = await connect(address)
    except OSError:
        await trio.sleep(_READ_SECONDS)  # the proof checks whether the server is alive
        return
    try:
        await _send_parts(
            client, data[:cut], data[cut:], is_patient=chance.random() < 0.5
        )
    finally:
        client.leave(leaving)


async def _send_parts(client: RawClient, *parts: bytes, is_patient: bool) -> None:
    try:
        for part in parts:
            await client.send(part)
            await trio.lowlevel.checkpoint()
        if is_patient:
            with trio.move_on_after(_READ_SECONDS):
                await client.receive_all()
    except OSError:
        return  # the server may close the connection
