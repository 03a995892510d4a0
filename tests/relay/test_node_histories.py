"""Random histories dealt to several nodes, compared with the model of one room.

Each operation is answered before the next one begins, so the nodes together must answer
as one room would, whatever becomes of the hints between them. A commit whose outcome is
unknown was made or was refused, and the node finds out which.
"""

import random
from collections.abc import Callable, Sequence

import attrs
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, SenderKind
from argybargy.domain.room.commands import (
    Claim,
    ClaimGranted,
    Close,
    Command,
    Dismiss,
    Open,
    Post,
    Posted,
    Release,
    Renew,
)
from argybargy.domain.room.state import Room
from argybargy.relay.overview.room_card import cards_by_room
from argybargy.store.protocol import Hint
from support.nodes import Node, guests, open_nodes
from support.relay import ROOM
from support.room_model import Model, RefusedError

TIGHT = Limits(
    messages_per_room=20,
    open_questions_per_peer=2,
    tail_messages=5,
    tail_bytes=24,
    posts_per_window=4,
    window_seconds=4.0,
    lease_seconds=10_000,
    idempotency_seconds=12,
    idempotency_keys_per_room=2,
    reads_per_window=0,
)
"""Limits that a short history reaches. Leases last: only their end is a tenth late."""
AGENTS = ("anna", "bob", "carol")
NODES = 3


@attrs.frozen
class Wait:
    """Time passes."""

    seconds: int


@attrs.frozen
class Hold:
    """The hints for the node are kept back from now on, or not any more."""

    is_on: bool


@attrs.frozen
class Deliver:
    """The hints kept back are delivered: mixed up, twice, or only some of them."""

    seed: int

    def order(self, hints: list[Hint]) -> Sequence[Hint]:
        chance = random.Random(self.seed)
        found = [hint for hint in hints for _ in range(chance.choice((0, 1, 1, 1, 2)))]
        chance.shuffle(found)
        return found


@attrs.frozen
class Gap:
    """The hints kept back are lost, and the node is told."""


@attrs.frozen
class Doubt:
    """The connection breaks during the next commit of the node.

    Attributes:
        kind: Whether the commit was ``applied`` or ``lost``.
    """

    kind: str


agents = st.sampled_from(AGENTS)
ages = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 9, -1])
posts = st.builds(
    Post,
    sender=agents,
    kind=st.just(SenderKind.AGENT),
    text=st.sampled_from(["x", "ten bytes.", "ü" * 15]),
    to=st.sampled_from([TO_ALL, TO_ALL, ("bob",), ("anna", "carol")]),
    expects=st.sampled_from([None, "none", "anyone", "anyone", "carol"]),
    reply_to=st.none() | ages,
    idempotency_key=st.sampled_from([None, None, "k1", "k2"]),
)
sayings = st.builds(
    Post,
    sender=st.just("ops"),
    kind=st.just(SenderKind.OPERATOR),
    text=st.just("go"),
    to=st.sampled_from([TO_ALL, ("anna",)]),
    expects=st.sampled_from([None, "anyone"]),
    reply_to=st.none() | ages,
    idempotency_key=st.sampled_from([None, "k1"]),
)
commands: st.SearchStrategy[Command] = st.one_of(
    *[posts] * 5,
    sayings,
    *[st.builds(Claim, agents, ages)] * 4,
    st.builds(Release, agents, ages),
    st.builds(Renew, agents),
    st.sampled_from([Close("ops"), Open("ops"), Open("ops")]),
    st.builds(Dismiss, agents),
)
trouble = st.one_of(
    st.builds(Wait, st.integers(1, 5)),
    st.builds(Hold, st.booleans()),
    st.builds(Deliver, st.integers(0, 99)),
    st.builds(Deliver, st.integers(0, 99)),
    st.just(Gap()),
    st.builds(Doubt, st.sampled_from(["applied", "lost"])),
)
steps = st.tuples(st.integers(0, NODES - 1), st.one_of(*[commands] * 3, trouble))
histories = st.lists(steps, min_size=15, max_size=50)


def aimed(command: Command, head: int) -> Command:
    """Turn the age that a command names into the seq of a message."""
    if isinstance(command, (Claim, Release)):
        return attrs.evolve(command, seq=head - command.seq)
    if isinstance(command, Post) and command.reply_to is not None:
        return attrs.evolve(command, reply_to=head - command.reply_to)
    return command


def modelled(model: Model, command: Command) -> object:
    """Return the outcome that one room would have."""
    work: dict[type[object], Callable[[], object]] = {
        Post: lambda: model.post(command).seq,  # type: ignore[arg-type]
        Claim: lambda: model.claim(command.peer, command.seq, None),  # type: ignore[union-attr]
        Release: lambda: model.release(command.peer, command.seq),  # type: ignore[union-attr]
        Renew: lambda: None,
        Close: model.close,
        Open: model.open,
        Dismiss: lambda: model.dismiss(command.peer),  # type: ignore[union-attr]
    }
    try:
        return work[type(command)]()
    except RefusedError as refused:
        return refused.refusal


async def real(node: Node, command: Command) -> object:
    """Return the outcome that a node has."""
    try:
        result = (await node.relay.ask(ROOM, command)).result
    except RelayError as error:
        return error.problem.value.code, error.facts.get("reason")
    if isinstance(result, Posted):
        return result.message.seq
    return result.lease.fence if isinstance(result, ClaimGranted) else None


@attrs.define
class Reader:
    """Reads everything on one node, with polls that wait.

    Attributes:
        seqs: The seqs of what was delivered.
        resets: How often the cursor was said to be of another room.
    """

    node: Node
    seqs: list[int] = attrs.field(factory=list)
    resets: int = 0

    async def run(self, code: object) -> None:
        cursor = 0
        while True:
            try:
                answer = await self.node.poll(code, cursor, wait=5)  # type: ignore[arg-type]
            except RelayError as error:  # in one batch with a commit that was lost
                if error.problem is not Problem.STORAGE_UNAVAILABLE:
                    raise
                await trio.sleep(1)
                continue
            self.seqs += [message.seq for message in answer.page.messages]
            self.resets += answer.is_reset
            cursor = answer.page.cursor
            await trio.sleep(0.5)  # in a closed room, polls do not wait


async def play(history: Sequence[tuple[int, object]], count: int) -> None:
    async with open_nodes(count, TIGHT) as nodes, trio.open_nursery() as nursery:
        (zoe,) = await guests(nodes, "zoe")
        readers = [Reader(node) for node in nodes]
        for reader in readers:
            nursery.start_soon(reader.run, zoe)
        now = nodes[0].clock.now()
        model = Model(TIGHT, now.wall_ms, now.steady_seconds)
        model.exists = True  # the invitation has made the room
        for number, step in history:
            await take(nodes[number % count], model, step)
        await check_equal(nodes, model)
        for reader in readers:
            assert reader.resets == 0
            assert reader.seqs == sorted(set(reader.seqs))
        nursery.cancel_scope.cancel()


async def take(node: Node, model: Model, step: object) -> None:
    match step:
        case Wait(seconds):
            await trio.sleep(seconds)
        case Hold(is_on):
            node.mine.holds = is_on
        case Deliver():
            node.mine.deliver(step.order)
        case Gap():
            node.mine.drop()
            node.mine.tell(None)
        case Doubt(kind):
            node.mine.doubt = kind
        case _:
            command = aimed(step, len(model.said))  # type: ignore[arg-type]
            now = node.clock.now()
            model.wall_ms, model.steady = now.wall_ms, now.steady_seconds
            doubt = node.mine.doubt
            outcome = await real(node, command)
            if doubt == "lost" and not node.mine.doubt:
                assert outcome == ("storage_unavailable", None)
            else:
                assert outcome == modelled(model, command)


async def check_equal(nodes: list[Node], model: Model) -> None:
    """Check that all nodes have the same room, once nothing is under way."""
    for node in nodes:
        node.mine.drop()
        node.mine.doubt, node.mine.holds = "", False
        node.mine.tell(None)
    await trio.sleep(7)
    found = [essence((await node.room()).room) for node in nodes]
    assert all(each == found[0] for each in found)
    room = (await nodes[0].room()).room
    assert (room.head, room.fence) == (len(model.said), model.fence)
    assert [each.text for _, each in sorted(room.messages.items())][-1:] == [
        each.text if each.by != "system" else room.messages[each.seq].text
        for each in model.said[-1:]
    ]
    stored = await nodes[0].mine.shared.overview()
    cards = cards_by_room(stored, nodes[0].clock.now())
    assert all(node.relay.overview.cards == cards for node in nodes)
    newest = nodes[0].relay.overview.recent()
    assert all(node.relay.overview.recent() == newest for node in nodes)


def essence(room: Room) -> dict[str, object]:
    """Return what all nodes must agree on."""
    return {
        "counters": (room.version, room.head, room.first, room.fence, room.tail_first),
        "times": (room.created_ms, room.last_ms, room.last_spoken_ms),
        "status": (room.status, room.exists),
        "messages": dict(room.messages.items()),
        "leases": {seq: each.holder for seq, each in room.leases.items()},
        "questions": dict(room.questions.items()),
        "receipts": {key: each.seq for key, each in room.receipts.items()},
        "members": dict(room.members.items()),
    }


@settings(max_examples=30)
@given(histories, st.integers(2, NODES))
def test_several_nodes_answer_as_one_room_would(
    history: list[tuple[int, object]], count: int
) -> None:
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(play, history, count, clock=clock)
