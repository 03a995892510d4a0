"""Following a commit of another node."""

from collections.abc import Sequence
from typing import get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import DAMPED, TO_ALL, Message, SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.commands import (
    Call,
    Claim,
    Close,
    Command,
    Delete,
    Dismiss,
    EndCodes,
    Import,
    ImportedMessage,
    Open,
    Post,
    Release,
    Renew,
    Restore,
    Retain,
    Undamp,
    Withdraw,
)
from argybargy.domain.room.commit import Commit, make_nonce, node_of
from argybargy.domain.room.following import FOLLOWED, follow
from argybargy.domain.room.state import Room, RoomStatus
from argybargy.domain.room.writes import UpdateClaim, Write
from argybargy.relay.access.room_quota import RoomQuota
from argybargy.relay.room.batch import Facts, decide_batch, seqs_of
from argybargy.store.memory.room import APPLY as APPLY_IN_MEMORY
from argybargy.store.sqlite.tables.commit import APPLY as APPLY_IN_SQLITE
from support.replayed_room import DurableRoom
from support.room import START, Scene

KINDS_OF_WRITES = set(get_args(Write))
AHEAD = 5_000.0
"""How much later the steady clock of the other node is."""
TIGHT = Limits(
    messages_per_room=12,
    open_questions_per_peer=3,
    tail_messages=5,
    tail_bytes=60,
    posts_per_window=9,
    window_seconds=4.0,
    lease_seconds=10,
    idempotency_seconds=12,
    idempotency_keys_per_room=2,
    loop_turns=2,
    loop_pairs_per_room=2,
    damping_seconds=6.0,
)
AGENTS = ("anna", "bob", "carol")


@pytest.mark.parametrize("table", [FOLLOWED, APPLY_IN_MEMORY, APPLY_IN_SQLITE])
def test_every_kind_of_write_is_followed_and_stored(table: dict[type, object]) -> None:
    assert set(table) == KINDS_OF_WRITES


def test_a_nonce_names_its_node() -> None:
    assert node_of(make_nonce("a1b2", 255)) == "a1b2"


@attrs.define
class TwoNodes:
    """A room as one node decides it, and as another one follows it.

    Attributes:
        limits: The limits of both.
        now: The time of the first; the steady clock of the other is ahead.
        room: The room of the first.
        other: The room of the other.
        durable: The rows of a store.
        seen: The kinds of writes so far.
    """

    limits: Limits
    now: Instant = START
    room: Room = attrs.field(init=False)
    other: Room = attrs.field(init=False)
    durable: DurableRoom = attrs.field(init=False)
    seen: set[type[object]] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.room = Room.new("hall", self.now)
        self.other = Room.new("HALL", self.now_there)
        self.durable = DurableRoom(self.limits, self.room)

    @property
    def now_there(self) -> Instant:
        return attrs.evolve(self.now, steady_seconds=self.now.steady_seconds + AHEAD)

    def pass_time(self, seconds: float) -> None:
        wall, steady = self.now.wall_ms, self.now.steady_seconds
        self.now = Instant(wall + round(seconds * 1000), steady + seconds)

    def set_wall_back(self, seconds: int) -> None:
        self.now = attrs.evolve(self.now, wall_ms=self.now.wall_ms - seconds * 1000)

    def do(self, *commands: Command) -> None:
        """Decide a batch, commit it, and follow the commit."""
        recalled = {
            seq: self.durable.messages[seq]
            for command in commands
            for seq in seqs_of(self.room, command)
            if seq in self.durable.messages
        }
        facts = Facts(self.now, self.limits, RoomQuota(0), recalled)
        decided = decide_batch(self.room, commands, facts)
        self.seen.update(map(type, decided.writes))
        if not decided.writes:
            self.room = decided.room
            return
        version = self.room.version + 1
        commit = Commit.of(decided.room, version, "here-1", decided.writes)
        followed = follow(
            self.other,
            commit.received(self.now_there),
            self.now_there,
            self.limits,
            self.claimed_earlier(decided.writes),
        )
        assert followed is not None
        self.other = followed
        self.room = decided.room.at_version(version)
        self.durable.commit(decided.room, decided.writes, self.now)

    def claimed_earlier(self, writes: Sequence[Write]) -> dict[int, Message]:
        """Return the claimed messages that are in the store alone."""
        claimed = (each.seq for each in writes if isinstance(each, UpdateClaim))
        rows = self.durable.messages
        return {seq: rows[seq] for seq in claimed if seq in rows}

    def check(self, *, leases: bool) -> None:
        """Compare the two rooms.

        Args:
            leases: Whether the ends of leases and the exchanges are compared as well.
        """
        if not self.room.version:
            return  # each node has its own spelling of a room that nobody has made
        here = essence(self.room, 0.0, leases=leases)
        assert essence(self.other, AHEAD, leases=leases) == here


def essence(room: Room, ahead: float, *, leases: bool) -> dict[str, object]:
    """Return all fields of a room, with times that count from the same moment."""

    def common(at: float) -> float:
        return round(at - ahead, 6)

    exchanges = room.exchanges
    generations = (exchanges._newer, exchanges._older)
    found = dict(room.__dict__) | {
        "heard_ms": room.heard_ms,
        "quiet_since": common(room.quiet_since),
        "messages": {
            seq: (each, each.heard_ms, each.turn_with, each.answers_to)
            for seq, each in room.messages.items()
        },
        "leases": {
            seq: attrs.evolve(each, lapses_at=common(each.lapses_at))
            for seq, each in room.leases.items()
        },
        "next_lease_deadline": common(room.next_lease_deadline),
        "receipts": {key: (each, each.heard_ms) for key, each in room.receipts.items()},
        "receipt_order": dict(room.receipt_order.items()),
        "members": {key: (each, each.heard_ms) for key, each in room.members.items()},
        "posts_at": {
            peer: tuple(map(common, times)) for peer, times in room.posts_at.items()
        },
        "exchanges": [
            {
                pair: attrs.evolve(
                    each,
                    turns=tuple(map(common, each.turns)),
                    until=common(each.until),
                )
                for pair, each in generation.items()
            }
            for generation in generations
        ],
        "lifted": exchanges.lifted,
    }
    if not leases:
        del found["next_lease_deadline"], found["exchanges"], found["lifted"]
        found["leases"] = {
            seq: (each.holder, each.fence, each.seconds)
            for seq, each in room.leases.items()
        }
    return found


# -- the law, over random histories ------------------------------------------------


@attrs.frozen
class Wait:
    """Time passes."""

    seconds: float


@attrs.frozen
class SetWallBack:
    """Somebody corrects the wall clock."""

    seconds: int


agents = st.sampled_from(AGENTS)
ages = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 6, 9, -1])
kinds = st.sampled_from([*[SenderKind.AGENT] * 8, SenderKind.OPERATOR])
addressees = st.sampled_from(
    [TO_ALL, TO_ALL, ("bob",), ("anna",), ("anna", "carol"), ("can:sql",)]
)
posts = st.builds(
    Post,
    sender=agents,
    kind=kinds,
    text=st.sampled_from(["", "x", "ten bytes.", "ü" * 15]),
    to=addressees,
    expects=st.sampled_from([None, None, "none", "anyone", "anyone", "carol"]),
    reply_to=st.none() | ages,
    idempotency_key=st.sampled_from([None, "k1", "k2", "k3"]),
    called=st.sampled_from([(), ("bob",)]),
)
imports = st.builds(
    lambda gap, sender, is_open, is_leased: (gap, sender, is_open, is_leased),
    st.integers(1, 4),
    agents,
    st.booleans(),
    st.booleans(),
)
commands: st.SearchStrategy[Command] = st.one_of(
    *[posts] * 5,
    *[st.builds(Claim, agents, ages, st.sampled_from([None, 3, 9]))] * 4,
    st.builds(Release, agents, ages),
    st.builds(Renew, agents),
    st.builds(Withdraw, agents, st.just(SenderKind.AGENT), ages),
    st.builds(Call, agents, st.just(frozenset({PeerKey("can:sql")}))),
    st.sampled_from(
        [Close("ops"), Open("ops"), Open("ops"), Delete("ops"), Retain(), Undamp("o")]
    ),
    st.builds(Dismiss, agents),
)
batches = st.lists(commands, min_size=1, max_size=7)
steps = st.lists(
    st.one_of(
        *[batches] * 8,
        st.builds(Wait, st.sampled_from([0.25, 0.5, 1.0, 2.0, 5.0])),
        st.builds(SetWallBack, st.integers(1, 9)),
        imports,
        st.builds(lambda lost: ("restore", lost), st.integers(0, 3)),
    ),
    min_size=10,
    max_size=40,
)


def aimed(command: Command, head: int) -> Command:
    """Turn the age that a command names into the seq of a message."""
    if isinstance(command, (Claim, Release, Withdraw)):
        return attrs.evolve(command, seq=head - command.seq)
    if isinstance(command, Post) and command.reply_to is not None:
        return attrs.evolve(command, reply_to=head - command.reply_to)
    return command


def imported(
    room: Room, at_ms: int, gap: int, sender: str, *, is_open: bool, is_leased: bool
) -> Import:
    message = Message(
        seq=room.head + gap,
        at_ms=max(room.last_ms, at_ms),
        sender=sender,
        kind=SenderKind.AGENT,
        to=TO_ALL,
        text="from elsewhere",
        expects="anyone" if is_open or is_leased else "none",
        claimed_by="dora" if is_leased else None,
    )
    one = ImportedMessage(message, is_open=is_open, is_leased=is_leased)
    return Import("ops", RoomStatus("hall"), (one,))


def run(nodes: TwoNodes, history: Sequence[object], *, leases: bool) -> None:
    for step in history:
        head = nodes.room.head
        match step:
            case Wait(seconds):
                nodes.pass_time(seconds)
            case SetWallBack(seconds):
                nodes.set_wall_back(seconds)
            case ("restore", int(lost)):
                nodes.do(Restore(head + lost, nodes.room.fence + lost))
            case (int(gap), str(sender), bool(is_open), bool(is_leased)):
                about = {"is_open": is_open, "is_leased": is_leased}
                nodes.do(imported(nodes.room, nodes.now.wall_ms, gap, sender, **about))
            case list(batch):
                nodes.do(*(aimed(command, head) for command in batch))
        nodes.check(leases=leases)


@given(steps)
def test_what_is_followed_is_what_was_decided(history: list[object]) -> None:
    """Where renewals are written, even the ends of leases agree."""
    limits = attrs.evolve(TIGHT, renewal_share=0.1)
    run(TwoNodes(limits), history, leases=True)


@given(steps)
def test_renewals_and_exchanges_are_all_that_the_only_node_does_not_write(
    history: list[object],
) -> None:
    run(TwoNodes(TIGHT), history, leases=False)


# -- single cases ------------------------------------------------------------------


def agent(sender: str, **how: object) -> Post:
    plain = Post(sender=sender, kind=SenderKind.AGENT, text="hello", to=TO_ALL)
    return attrs.evolve(plain, **how)  # type: ignore[arg-type]


def test_one_history_has_every_kind_of_write() -> None:
    nodes = TwoNodes(attrs.evolve(TIGHT, posts_per_window=0, renewal_share=0.1))
    nodes.do(agent("anna", expects="anyone", idempotency_key="k"), Claim("bob", 1))
    nodes.do(agent("bob", reply_to=1))
    for number in range(2):
        nodes.do(agent(("anna", "bob")[number % 2], reply_to=number + 2))
    assert nodes.room.messages[nodes.room.head].event == DAMPED
    nodes.do(Undamp("ops"))
    nodes.do(agent("anna", to=("can:sql",), expects="can:sql"))
    nodes.do(Call("carol", frozenset({PeerKey("can:sql")})))
    nodes.do(*(agent("bob") for _ in range(9)), Dismiss("bob"))
    nodes.limits = attrs.evolve(nodes.limits, messages_per_room=3)
    nodes.do(Retain())
    nodes.do(EndCodes(("abc",)))
    nodes.do(Close("ops"))
    nodes.do(Delete("ops"), Open("ops"), agent("anna", text="anew"))
    assert nodes.seen == KINDS_OF_WRITES
    nodes.check(leases=True)
    assert [each.text for each in nodes.other.messages.values()] == ["anew"]


def commit_of(room: Room, *writes: Write) -> Commit:
    return Commit.of(room, room.version + 1, "there-1", writes)


def test_a_claim_beyond_the_tail_is_followed_only_with_its_message() -> None:
    scene = Scene(attrs.evolve(TIGHT, posts_per_window=0))
    seq = scene.ask()
    for _ in range(6):
        scene.post("bob")
    before, question = scene.room, scene.message(seq)
    assert seq not in before.messages
    scene.claim("bob", seq)
    commit = Commit.of(scene.room, before.version + 1, "there-1", scene.writes)
    now, limits = scene.now, scene.limits
    assert follow(before, commit, now, limits) is None
    followed = follow(before, commit, now, limits, {seq: question})
    assert followed is not None
    assert followed.leases[seq].holder == "bob"
    assert followed.messages[seq].claimed_by == "bob"


def test_only_the_next_commit_with_known_writes_is_followed() -> None:
    scene = Scene()
    scene.post("anna")
    now, limits, room = scene.now, scene.limits, scene.room
    following = commit_of(room)
    assert follow(room, following, now, limits) == room.at_version(room.version + 1)
    later = attrs.evolve(following, version=room.version + 2)
    assert follow(room, later, now, limits) is None
    written = ("a write of a newer version",)
    unknown = attrs.evolve(following, writes=written)  # type: ignore[arg-type]
    assert follow(room, unknown, now, limits) is None
    unlike = attrs.evolve(following, head=room.head + 1)
    assert follow(room, unlike, now, limits) is None


def test_posts_that_another_node_has_accepted_count() -> None:
    nodes = TwoNodes(TIGHT)
    nodes.do(agent("anna"), agent("anna"))
    nodes.pass_time(1)
    nodes.do(agent("anna"))
    at = nodes.now_there.steady_seconds
    assert nodes.other.posts_at[peer_key("anna")] == (at - 1, at - 1, at)


def test_a_lease_ends_when_its_node_says_but_never_later_than_after_its_term() -> None:
    limits = attrs.evolve(TIGHT, renewal_share=0.1)
    nodes = TwoNodes(limits)
    nodes.do(agent("anna", expects="anyone"), Claim("bob", 1, 10))
    (lease,) = nodes.room.leases.values()
    at = START.steady_seconds
    assert lease.lapses_at == at + 11
    late = Instant(START.wall_ms + 4_000, 0.0)
    assert lease.received(late, 0.1).lapses_at == 7.0
    behind = Instant(START.wall_ms - 60_000, 0.0)
    assert lease.received(behind, 0.1).lapses_at == 11.0
    assert attrs.evolve(lease, seconds=None).received(late, 0.1).lapses_at == at + 11


def test_a_renewal_is_written_once_it_moves_the_lease_by_a_tenth_of_its_term() -> None:
    scene = Scene(attrs.evolve(TIGHT, renewal_share=0.1))
    seq = scene.ask()
    granted = scene.claim("bob", seq, 100)
    scene.pass_time(9)
    scene.renew("bob")
    assert not scene.writes
    assert scene.room.leases[seq] == granted
    scene.pass_time(1)
    scene.renew("bob")
    (write,) = scene.writes
    assert isinstance(write, UpdateClaim)
    assert write.lease == scene.room.leases[seq] == granted.renewed(scene.now, 0.1)
