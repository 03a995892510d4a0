"""G2, ordered: seqs start at 1, rise by 1, and have one order for all readers."""

from typing import Final

import attrs
import trio

from argybargy.system.values import define
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.proofs.durable import KEEP_ALL
from argybargy.torture.relay_process import AgentClient, RelayProcess

ROOMS: Final = 4
POSTERS: Final = 4
READERS: Final = 3
POSTS: Final = 50
"""Posts of each poster between two restarts of the relay."""
_TALK_SECONDS: Final = 60.0


@define
class _Room:
    """Posts and deliveries of one room.

    Attributes:
        name: Name of the room.
        acknowledged: Text of each acknowledged post, by seq.
        heard: Seq and text in the order of delivery, by reader.
        codes: Access codes of its agents, by name.
    """

    name: str
    acknowledged: dict[int, str] = attrs.field(factory=dict)
    heard: dict[str, list[tuple[int, str]]] = attrs.field(factory=dict)
    codes: dict[str, str] = attrs.field(factory=dict)


async def prove(environment: ProofEnvironment) -> ProofResult:
    """Post and poll in several rooms across restarts; compare what readers received."""
    rooms = [_Room(f"room{number}") for number in range(ROOMS)]
    faults, lives = Faults(), 0
    deadline = trio.current_time() + environment.seconds
    seconds = _TALK_SECONDS * environment.patience
    while lives < 2 or trio.current_time() < deadline:
        async with environment.open_relay(**KEEP_ALL) as relay:
            async with trio.open_nursery() as nursery:
                for room in rooms:
                    nursery.start_soon(_talk, relay, room, lives, faults, seconds)
            await relay.stop()
        lives += 1
    for room in rooms:
        _compare(room, faults)
    posts = sum(len(room.acknowledged) for room in rooms)
    figure = (
        f"{faults.count} of {posts:,} posts out of order, missing or numbered twice, "
        f"in {ROOMS} rooms with {READERS} readers each, over {lives} runs"
    )
    facts = {"posts": posts, "lives": lives, "rooms": ROOMS, "readers": READERS}
    return ProofResult(figure, facts, faults.all())


async def _enter(relay: RelayProcess, room: _Room, name: str) -> AgentClient:
    if name not in room.codes:
        room.codes[name] = (await relay.guest(name, room.name)).code
    return relay.returning(name, room.codes[name])


async def _talk(
    relay: RelayProcess, room: _Room, life: int, faults: Faults, seconds: float
) -> None:
    posters = [await _enter(relay, room, f"poster{n}") for n in range(POSTERS)]
    readers = [await _enter(relay, room, f"reader{n}") for n in range(READERS)]
    last = len(room.acknowledged) + POSTERS * POSTS

    async def post_all(guest: AgentClient) -> None:
        for number in range(POSTS):
            text = f"{guest.name} {life} {number}"
            message = await guest.insist(text, text)
            is_new = message["seq"] not in room.acknowledged
            faults.check(f"{room.name} issued {message['seq']} twice", is_good=is_new)
            room.acknowledged[message["seq"]] = message["text"]

    async def read_all(guest: AgentClient) -> None:
        heard = room.heard.setdefault(guest.name, [])
        cursor = heard[-1][0] if heard else 0
        while cursor < last:
            body = (await guest.poll(cursor, wait=5)).json
            heard += [(each["seq"], each["text"]) for each in body["messages"]]
            cursor = body["cursor"]

    with trio.move_on_after(seconds) as patience:
        async with trio.open_nursery() as nursery:
            for guest in posters:
                nursery.start_soon(post_all, guest)
            for guest in readers:
                nursery.start_soon(read_all, guest)
    faults.check(
        f"{room.name} did not reach seq {last} in time",
        is_good=not patience.cancelled_caught,
    )


def _compare(room: _Room, faults: Faults) -> None:
    expected = sorted(room.acknowledged.items())
    is_dense = [seq for seq, _ in expected] == list(range(1, len(expected) + 1))
    faults.check(f"{room.name} has gaps", is_good=is_dense)
    for name, heard in room.heard.items():
        is_same = heard == expected
        faults.check(
            f"{name} received other messages of {room.name}, or in another order",
            is_good=is_same,
        )
