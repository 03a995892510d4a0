"""The rules compared with a simple model, over random histories.

After every step the room must equal the model, and the state rebuilt from its writes
must equal the room: then a restart loses nothing, and deciding a command again has the
same result.
"""

import copy

import attrs
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import Lease, Message, SenderKind
from argybargy.domain.room.commands import (
    Claim,
    ClaimGranted,
    Close,
    Command,
    Delete,
    Dismiss,
    Open,
    Post,
    Posted,
    Release,
    Renew,
)
from argybargy.domain.room.decide import decide
from argybargy.domain.room.state import Room
from support.room import START, Scene
from support.room_model import Model, Refusal, RefusedError, Said

TIGHT = Limits(
    messages_per_room=9,
    open_questions_per_peer=2,
    tail_messages=5,
    tail_bytes=24,
    posts_per_window=4,
    window_seconds=4.0,
    lease_seconds=6,
    idempotency_seconds=12,
    idempotency_keys_per_room=2,
)
"""Limits so small that a short history reaches all of them."""

AGENTS = ("anna", "bob", "carol")


@attrs.frozen
class Wait:
    """Time passes."""

    seconds: int


@attrs.frozen
class SetWallBack:
    """Somebody corrects the wall clock."""

    seconds: int


@attrs.frozen
class Restart:
    """The relay is restarted."""


Step = Command | Wait | SetWallBack | Restart

# Seqs count back from the head, so that most of them are of something.
agents = st.sampled_from(AGENTS)
ages = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 7, 9, -1])
questions = st.builds(
    Post,
    sender=agents,
    kind=st.just(SenderKind.AGENT),
    text=st.just("who?"),
    to=st.sampled_from([*[("all",)] * 6, ("bob", "carol"), ("anna",)]),
    expects=st.sampled_from([*["anyone"] * 5, "bob", "operator", None]),
)
posts = st.builds(
    Post,
    sender=agents,
    kind=st.just(SenderKind.AGENT),
    text=st.sampled_from(["", "x", "ten bytes.", "ü" * 15]),
    to=st.sampled_from([("all",), ("all",), ("bob",), ("anna", "carol")]),
    expects=st.sampled_from([None, None, "none", "anyone", "carol"]),
    reply_to=st.none() | ages,
    idempotency_key=st.sampled_from([None, None, "k1", "k2", "k3"]),
    other_agents=st.sampled_from([None, (), ("anna",), ("anna", "carol")]),
)
sayings = st.builds(
    Post,
    sender=st.sampled_from(["operator", "ops"]),
    kind=st.just(SenderKind.OPERATOR),
    text=st.just("go"),
    to=st.sampled_from([("all",), ("anna",)]),
    expects=st.sampled_from([None, "anyone"]),
    reply_to=st.none() | ages,
    idempotency_key=st.sampled_from([None, "k1"]),
)
claims = st.builds(Claim, agents, ages, st.sampled_from([None, None, 3, 9]))
rare = st.one_of(
    st.builds(Close, st.just("ops")),
    st.builds(Delete, st.just("ops")),
    st.builds(Open, st.just("ops")),
    st.builds(Open, st.just("ops")),
    st.builds(Dismiss, agents),
    st.just(Restart()),
    st.builds(SetWallBack, st.integers(1, 20)),
)
waits = st.builds(Wait, st.integers(1, 7))
# Common steps are listed several times; rare ones must not end every history early.
steps: st.SearchStrategy[Step] = st.sampled_from(
    [
        *[questions] * 4,
        *[posts] * 4,
        *[claims] * 6,
        *[waits] * 3,
        *[st.builds(Release, agents, ages)] * 2,
        st.builds(Renew, agents),
        sayings,
        rare,
    ]
).flatmap(lambda kind: kind)
histories = st.lists(steps, min_size=30, max_size=60)


def aimed(step: Command, head: int) -> Command:
    """Turn the age that a step names into the seq of a message."""
    if isinstance(step, (Claim, Release)):
        return attrs.evolve(step, seq=head - step.seq)
    if isinstance(step, Post) and step.reply_to is not None:
        return attrs.evolve(step, reply_to=head - step.reply_to)
    return step


@attrs.define
class Both:
    """A scene and a model that process the same history."""

    scene: Scene = attrs.Factory(lambda: Scene(TIGHT))
    model: Model = attrs.Factory(
        lambda: Model(TIGHT, START.wall_ms, START.steady_seconds)
    )
    granted: dict[int, tuple[int, str]] = attrs.field(factory=dict)

    def take(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                self.scene.pass_time(seconds)
            case SetWallBack(seconds):
                self.scene.set_wall_back(seconds)
            case Restart():
                self.scene.restart()
                self.model.restart()
            case _:
                self.command(aimed(step, self.scene.room.head))
        self.model.wall_ms = self.scene.now.wall_ms
        self.model.steady = self.scene.now.steady_seconds

    def command(self, command: Command) -> None:
        self.model.lapse()
        self.scene.end_leases()
        self.check()
        self.check_deterministic(command)
        before = self.scene.room
        untouched = copy.copy(before)
        outcome = self.real(command)
        assert outcome == self.modelled(command)
        if isinstance(outcome, tuple):
            assert self.scene.room is before
        assert before == untouched
        new = self.scene.room.fence - before.fence
        assert new in {0, 1}, "fences are granted one at a time"

    def real(self, command: Command) -> object:
        try:
            answer = self.scene.do(command)
        except RelayError as error:
            return error.problem.value.code, error.facts.get("reason")
        if isinstance(answer, Posted):
            return answer.message.seq
        if isinstance(answer, ClaimGranted):
            self.note_grant(answer.lease)
            return answer.lease.fence
        return None

    def note_grant(self, lease: Lease) -> None:
        """Check that each fence belongs to one grant."""
        grant = lease.seq, lease.holder
        assert self.granted.setdefault(lease.fence, grant) == grant

    def modelled(self, command: Command) -> int | Refusal | None:
        try:
            return self.model_answer(command)
        except RefusedError as refused:
            return refused.refusal

    def model_answer(  # noqa: C901  one case per command
        self, command: Command
    ) -> int | None:
        model = self.model
        match command:
            case Post():
                return model.post(command).seq
            case Claim(peer, seq, seconds):
                return model.claim(peer, seq, seconds)
            case Release(peer, seq):
                model.release(peer, seq)
            case Renew(peer):
                model.refresh(peer)
            case Close():
                model.close()
            case Delete():
                model.delete()
            case Open():
                model.open()
            case Dismiss(peer):
                model.dismiss(peer)
        return None

    def check_deterministic(self, command: Command) -> None:
        scene = self.scene
        recalled = scene.recall(command)
        outcomes = []
        for _ in range(2):
            try:
                outcome = decide(scene.room, recalled, scene.now, scene.limits)
            except RelayError as error:
                outcomes.append((error.problem, error.facts))
            else:
                outcomes.append(outcome)  # type: ignore[arg-type]
        assert outcomes[0] == outcomes[1]

    # -- what must hold after every step ---------------------------------------

    def check_lapses_once(self) -> None:
        self.model.lapse()
        self.scene.end_leases()
        self.check()
        self.scene.end_leases()
        assert self.scene.writes == ()

    def check(self) -> None:
        self.check_as_modelled()
        check_sound(self.scene.room)
        self.check_durable()

    def check_as_modelled(self) -> None:
        room, model = self.scene.room, self.model
        assert (room.head, room.first) == (len(model.said), model.first)
        assert room.fence == model.fence
        assert room.status.is_closed == model.is_closed
        assert room.exists == model.exists
        assert set(room.members) == set(model.members)
        kept = [self.scene.message(seq) for seq in range(room.first, room.head + 1)]
        assert [as_said(each) for each in kept] == model.said[room.first - 1 :]
        assert {
            lease.seq: (lease.holder, lease.fence, lease.lapses_at)
            for lease in room.leases.values()
        } == {
            seq: (held.holder, held.fence, held.until)
            for seq, held in model.held.items()
        }
        assert {
            question.seq: (question.asker, question.expects)
            for question in room.questions.values()
        } == model.waiting
        assert {key: kept.seq for key, kept in room.receipts.items()} == {
            key: new.seq for key, (_, new, _) in model.keys.items()
        }

    def check_durable(self) -> None:
        scene = self.scene
        durable = scene.durable
        assert sorted(durable.messages) == list(
            range(scene.room.first, scene.room.head + 1)
        )
        if not durable.version:
            return
        restored = Room.restore(durable.saved(), scene.now, scene.limits)
        assert what_lasts(restored) == what_lasts(scene.room)


def as_said(message: Message) -> Said:
    is_system = message.kind is SenderKind.SYSTEM
    end = message.resolution
    return Said(
        message.seq,
        message.at_ms,
        message.sender,
        message.kind.value,
        message.to,
        "" if is_system else message.text,
        message.expects,
        message.reply_to,
        message.claimed_by,
        message.fence,
        message.is_claim_final,
        None if end is None else (end.kind.value, end.by, end.seq),
    )


def what_lasts(room: Room) -> tuple[object, ...]:
    """Return the state of a room that a restart must restore."""
    order = sorted(room.receipt_order.items())
    leases = {
        lease.seq: attrs.evolve(lease, lapses_at=0.0, expires_ms=None)
        for lease in room.leases.values()
    }
    counters = (room.version, room.head, room.first, room.tail_first, room.tail_bytes)
    times = (room.last_ms, room.created_ms, room.last_spoken_ms)
    if not room.exists:
        times = (room.last_ms, 0, 0)
    keys = [key for _, key in order]
    maps = (room.messages, room.questions, room.receipts, room.members)
    return room.status, counters, room.fence, times, leases, keys, maps


def check_sound(room: Room) -> None:
    """Check the invariants of every room."""
    tail = [room.messages[seq] for seq in range(room.tail_first, room.head + 1)]
    assert room.tail_bytes == sum(each.text_bytes for each in tail)
    assert len(tail) <= TIGHT.tail_messages
    assert room.tail_bytes <= TIGHT.tail_bytes or len(tail) == 1
    assert room.first <= room.tail_first <= room.head + 1
    stray = {seq for seq in room.messages if seq < room.tail_first}
    assert stray == {seq for seq in room.leases if seq < room.tail_first}
    for seq, lease in room.leases.items():
        held = room.messages[seq]
        assert (held.claimed_by, held.fence) == (lease.holder, lease.fence)
        assert not held.is_claim_final
    lapses = [lease.lapses_at for lease in room.leases.values()]
    assert room.next_lease_deadline == min(lapses, default=float("inf"))
    held_in_tail = {
        each.seq for each in tail if each.claimed_by and not each.is_claim_final
    }
    assert held_in_tail == {seq for seq in room.leases if seq >= room.tail_first}
    times = [each.at_ms for each in tail]
    assert times == sorted(times)
    assert all(seq >= room.first for seq in (*room.leases, *room.questions))
    assert {each.seq for each in tail if each.is_open} == {
        seq for seq in room.questions if seq >= room.tail_first
    }
    assert set(room.leases) <= set(room.questions)
    assert len(room.receipts) == len(room.receipt_order)
    assert not (room.status.is_closed and room.leases)


@given(histories)
def test_a_room_agrees_with_the_model_and_its_writes_rebuild_it(
    history: list[Step],
) -> None:
    both = Both()
    for step in history:
        both.take(step)
        both.check()
        both.check_lapses_once()
