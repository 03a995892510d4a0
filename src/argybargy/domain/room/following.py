"""Follow a commit of another node: carry out each of its writes in memory.

Each write is carried out by the method of `Transition` that makes the same write when a
rule decides. So following what was decided gives the room that was decided, but for two
kinds of fields: times on the steady clock, which each process has its own of, and the
times at which receipts and turns expire, which go by the present.

============================  =========================================================
what a commit does not say    is derived
============================  =========================================================
gaps in the seqs              from the seq of the next message
which messages are dropped    from the oldest seq kept, after the last write
what is left of the tail      from the limits of this node
who has spoken, and when      from each message
how many posts of a peer      from each message that was accepted from a peer; one that
count                         was imported has no `heard_ms`, and counts for nobody
============================  =========================================================
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message, SenderKind
from argybargy.domain.names import PeerKey
from argybargy.domain.room.commands import GiveUp
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.speakers import record_speaker
from argybargy.domain.room.state import Room
from argybargy.domain.room.transition import Transition
from argybargy.domain.room.writes import (
    AddAddressee,
    AppendMessage,
    Audit,
    ClearRoom,
    CodesChanged,
    ForgetMember,
    KeepReceipt,
    LiftDampings,
    NoteExchange,
    OpenQuestion,
    ResolveQuestion,
    UpdateClaim,
)
from argybargy.system.values import define


def count_posts_after(room: Room, head: int, now: Instant, limits: Limits) -> Room:
    """Return a room with the posts above a seq counted toward the rate limit.

    For a room that was read from a shared store: other nodes have accepted posts too.
    Posts beyond the tail do not count, and imported ones do if they are new.

    Args:
        room: The room, which counts the posts up to `head`.
        head: The newest seq that it counts.
        now: The present time.
        limits: The limits of the relay.
    """
    transition = Transition(room, now, limits)
    recent = list[Message]()
    for seq in range(room.head, max(head, room.tail_first - 1), -1):
        message = room.messages[seq]
        if now.wall_ms - message.at_ms >= limits.window_seconds * 1000:
            break
        recent.append(message)
    for message in reversed(recent):
        peer = message.agent_key
        if peer is not None and peer in room.members:
            count_post(transition, peer, message.at_ms)
    return transition.room


_NONE_RECALLED: Final[Mapping[int, Message]] = MappingProxyType({})


class _MessageMissing(Exception):
    """A claim is on a message that is not in memory."""


@define
class _Follower:
    """A commit being followed.

    Attributes:
        transition: The change of the room.
        recalled: Messages of the commit itself, and those that the caller has read.
    """

    transition: Transition
    recalled: dict[int, Message]


def follow(
    room: Room,
    commit: Commit,
    now: Instant,
    limits: Limits,
    recalled: Mapping[int, Message] = _NONE_RECALLED,
) -> Room | None:
    """Return the room after a commit of another node.

    Args:
        room: The room at the version before.
        commit: The commit, as :meth:`Commit.received` here.
        now: The present time.
        limits: The limits of the relay.
        recalled: Messages older than the tail, as they were before the commit.

    Returns:
        ``None`` if the room must be read from the store: the commit claims a message
        older than the tail that was not recalled, it has a kind of write that this
        version of the relay does not know, or it is not the one after the room's
        version.
    """
    if commit.version != room.version + 1:
        return None
    follower = _Follower(Transition(room, now, limits), dict(recalled))
    try:
        for write in commit.writes:
            carry_out = FOLLOWED.get(type(write))
            if carry_out is None:
                return None
            carry_out(follower, write)
    except _MessageMissing:
        return None
    transition = follower.transition
    transition.follow_retention(commit.first)
    transition.find_lease_deadline()
    if transition.room.head != commit.head:
        return None
    _take_counters(transition, commit)
    return transition.room


def _take_counters(transition: Transition, commit: Commit) -> None:
    now = transition.now
    if commit.last_spoken_ms != transition.room.last_spoken_ms:
        silence = max(0.0, (now.wall_ms - commit.last_spoken_ms) / 1000)
        transition.change(quiet_since=now.steady_seconds - silence)
    transition.change(
        version=commit.version,
        status=commit.status,
        exists=commit.exists,
        first=commit.first,
        fence=commit.fence,
        created_ms=commit.created_ms,
        last_ms=commit.last_ms,
        last_spoken_ms=commit.last_spoken_ms,
        seq_gaps=commit.seq_gaps,
    )


def _append_message(follower: _Follower, write: AppendMessage) -> None:
    transition, message = follower.transition, write.message
    transition.go_on_after(message.seq - 1)
    transition.append(message, retains=False)
    follower.recalled[message.seq] = message
    if message.kind is SenderKind.SYSTEM:
        return
    silence = max(0.0, (transition.now.wall_ms - message.at_ms) / 1000)
    record_speaker(transition, message, transition.now.steady_seconds - silence)
    if message.agent_key is not None and message.heard_ms is not None:
        count_post(transition, message.agent_key, message.at_ms)


def count_post(transition: Transition, peer: PeerKey, at_ms: int) -> None:
    """Count a post that another node has accepted from a peer.

    It counts even if that makes too many: the other node has accepted it.

    Args:
        transition: The change of the room.
        peer: The peer.
        at_ms: The time of the post, in milliseconds since 1970 UTC.
    """
    now, limits = transition.now, transition.limits
    times: tuple[float, ...] = ()
    if limits.posts_per_window > 0:
        times = transition.room.posts_at.get(peer, ())
        times = times[bisect_right(times, now.steady_seconds - limits.window_seconds) :]
        age = max(0.0, (now.wall_ms - at_ms) / 1000)
        if age < limits.window_seconds:
            at = now.steady_seconds - age
            times = (*times, max(at, times[-1]) if times else at)
    posts_at = transition.room.posts_at.insert(peer, times)
    transition.change(posts_at=posts_at)


def _update_claim(follower: _Follower, write: UpdateClaim) -> None:
    transition, lease = follower.transition, write.lease
    if lease is not None:
        message = transition.room.messages.get(write.seq)
        message = message or follower.recalled.get(write.seq)
        if message is None:
            raise _MessageMissing
        share = transition.limits.renewal_share
        transition.lease(message, lease.received(transition.now, share))
    elif write.claimed_by is None:
        transition.unclaim(write.seq)
    else:
        transition.finalize_claim(write.seq, write.claimed_by, write.fence)
    _change_recalled(follower, write)


def _open_question(follower: _Follower, write: OpenQuestion) -> None:
    follower.transition.open_question(write.question)


def _resolve_question(follower: _Follower, write: ResolveQuestion) -> None:
    follower.transition.resolve(write.seq, write.resolution)
    _change_recalled(follower, write)


def _add_addressee(follower: _Follower, write: AddAddressee) -> None:
    follower.transition.add_addressee(write.seq, write.name)
    _change_recalled(follower, write)


def _change_recalled(
    follower: _Follower, write: UpdateClaim | ResolveQuestion | AddAddressee
) -> None:
    message = follower.recalled.get(write.seq)
    if message is not None:
        follower.recalled[write.seq] = write.apply_to(message)


def _keep_receipt(follower: _Follower, write: KeepReceipt) -> None:
    follower.transition.keep_receipt((write.peer, write.key), write.receipt)


def _forget_member(follower: _Follower, write: ForgetMember) -> None:
    follower.transition.forget_member(write.peer)


def _clear_room(follower: _Follower, _write: ClearRoom) -> None:
    follower.transition.clear()


def _note_exchange(follower: _Follower, write: NoteExchange) -> None:
    follower.transition.follow_exchange(write.pair, write.exchange)


def _lift_dampings(follower: _Follower, write: LiftDampings) -> None:
    follower.transition.lift_dampings(write.pairs)


def _codes_changed(_follower: _Follower, _write: CodesChanged) -> None:
    """Do nothing: the room has no codes. The room task reads them again."""


def _give_up(_follower: _Follower, _write: GiveUp) -> None:
    """Do nothing: the commit says from where messages are kept."""


def _audit(_follower: _Follower, _write: Audit) -> None:
    """Do nothing: rooms have no audit log in memory."""


FOLLOWED: Final[dict[type[Any], Callable[[_Follower, Any], None]]] = {
    AppendMessage: _append_message,
    UpdateClaim: _update_claim,
    OpenQuestion: _open_question,
    ResolveQuestion: _resolve_question,
    AddAddressee: _add_addressee,
    KeepReceipt: _keep_receipt,
    GiveUp: _give_up,
    ForgetMember: _forget_member,
    ClearRoom: _clear_room,
    NoteExchange: _note_exchange,
    LiftDampings: _lift_dampings,
    CodesChanged: _codes_changed,
    Audit: _audit,
}
"""The functions that carry out each kind of write."""
