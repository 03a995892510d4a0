"""Rules of posting.

The order of the checks is part of the contract: a retry of an accepted post gets its
first result, whatever has happened since, and a closed room rejects a post before the
rate limit counts it. So does a room with messages that the sender has not read, if it
asked for that. Nothing changes before the last check has passed.
"""

from collections.abc import Sequence
from typing import Final

from argybargy.domain.addressing import default_expects, names_of_speaker
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import (
    Message,
    Receipt,
    Resolution,
    ResolutionKind,
    SenderKind,
)
from argybargy.domain.names import OPERATOR, PeerKey, peer_key
from argybargy.domain.pages import has_unread_in_tail
from argybargy.domain.rate_limit import admit
from argybargy.domain.room.answering import Speech, answers_of
from argybargy.domain.room.calling import addressees_of, check_called
from argybargy.domain.room.choosing import as_offered, check_choices
from argybargy.domain.room.claims import claimed_by_other, is_claimable_by, renew_all
from argybargy.domain.room.commands import Post, Posted
from argybargy.domain.room.damped_pairs import announce_damping, note_exchange
from argybargy.domain.room.speakers import record_speaker
from argybargy.domain.room.state import ReceiptKey, Room, RoomStatus
from argybargy.domain.room.transition import Decision, Transition
from argybargy.domain.room.withdrawing import open_question

MAX_CLAIMS_MEANT: Final = 64
"""Maximum claims of a sender that its message without ``reply_to`` may mean.

The sender of more must reply: a decision blocks other tasks.
"""


def decide_post(transition: Transition, post: Post) -> Decision:
    """Accept a message, or raise."""
    earlier = _earlier_outcome(transition, post)
    if earlier is not None:
        return transition.decision(earlier)
    _check_room(transition, post)
    _check_read(transition.room, post)
    check_called(transition, post)
    _admit(transition, post)
    subject = _find_subject(transition, post)
    _check_claim(transition, post, subject)
    message = as_offered(_message(transition, post), subject)
    check_choices(message, subject)

    if not transition.room.exists:  # a deleted room is closed; this one begins open
        transition.change(status=RoomStatus(transition.room.name))
    room = transition.room
    speech = _speech(room, post, message)
    answers = answers_of(speech, room.questions.get, room.questions.of_asker)
    message, damped = note_exchange(transition, message, subject, answers)
    transition.append(message)
    answered = [seq for seq in answers.seqs if _answer(transition, message, seq)]
    if post.kind.is_peer:
        renew_all(transition, peer_key(post.sender))
    _record(transition, post, message, answered)
    announce_damping(transition, message, damped)
    return transition.decision(Posted(message, answers=answers))


def _receipt_key(post: Post) -> ReceiptKey | None:
    if post.idempotency_key is None:
        return None
    return peer_key(post.sender), post.idempotency_key


def find_receipt(room: Room, post: Post) -> Receipt | None:
    """Return the receipt of the post's idempotency key, expired or not."""
    key = _receipt_key(post)
    return None if key is None else room.receipts.get(key)


def _earlier_outcome(transition: Transition, post: Post) -> Posted | None:
    """Return the outcome of the first attempt, if this post is a retry.

    The message is as it is now: its question may have been answered. One that
    retention has dropped is composed from the retry, whose digest equals that of the
    first attempt.
    """
    room, receipt = transition.room, find_receipt(transition.room, post)
    if receipt is None or transition.is_outdated(receipt):
        return None
    if receipt.digest != post.digest:
        raise RelayError(Problem.IDEMPOTENCY_CONFLICT, seq=receipt.seq)
    kept = room.messages.get(receipt.seq)
    if kept is None and receipt.seq >= room.first:
        kept = post.earlier
    if kept is None:
        subject = None if post.reply_to is None else transition.message(post.reply_to)
        composed = as_offered(_compose(post, receipt.seq, receipt.at_ms), subject)
        return Posted(composed, is_duplicate=True, is_kept=False)
    return Posted(kept, is_duplicate=True, lease=room.leases.get(receipt.seq))


def _message(transition: Transition, post: Post) -> Message:
    room = transition.room
    at_ms = max(transition.now.wall_ms, room.last_ms)
    return _compose(post, room.head + 1, at_ms, transition.now.counted_ms)


def _compose(post: Post, seq: int, at_ms: int, heard_ms: int | None = None) -> Message:
    return Message(
        seq=seq,
        at_ms=at_ms,
        sender=post.sender,
        kind=post.kind,
        to=addressees_of(post),
        text=post.text,
        expects=post.expects or default_expects(post.to, post.reply_to),
        reply_to=post.reply_to,
        choices=post.choices,
        choice=post.choice,
        heard_ms=heard_ms,
    )


def _check_room(transition: Transition, post: Post) -> None:
    status = transition.room.status
    if not transition.room.exists and not post.may_create:
        raise RelayError(Problem.ROOM_NOT_FOUND)
    if status.is_closed and post.kind.is_peer:
        raise RelayError(
            Problem.ROOM_CLOSED,
            room=status.name,
            closed_by=status.closed_by,
            closed_at=status.closed_at,
        )
    if transition.room.is_empty and not post.has_room_quota:
        raise RelayError(Problem.ROOM_QUOTA, limit=transition.limits.rooms)


def _check_read(room: Room, post: Post) -> None:
    """Reject a post whose sender has not read all that a poll would return.

    A cursor beyond the newest message is one of another room, such as the room before a
    restore. A poll from there begins anew.

    Raises:
        RelayError: ``unread_messages``.
    """
    if post.read_to is None:
        return
    is_behind = (
        post.read_to > room.head
        or post.has_older_unread
        or has_unread_in_tail(
            room, peer_key(post.sender), max(post.read_to, post.looked_to)
        )
    )
    if is_behind:
        raise RelayError(Problem.UNREAD_MESSAGES, read_to=post.read_to)


def _admit(transition: Transition, post: Post) -> None:
    if not post.kind.is_peer:
        return
    limits, room, peer = transition.limits, transition.room, peer_key(post.sender)
    admission = admit(
        room.posts_at.get(peer, ()),
        transition.now.steady_seconds,
        limits.posts_per_window,
        limits.window_seconds,
    )
    if not admission.is_accepted:
        raise RelayError(
            Problem.RATE_LIMITED,
            limit=limits.posts_per_window,
            what="messages",
            window_seconds=limits.window_seconds,
            retry_after=admission.retry_after_seconds,
        )
    transition.change(posts_at=room.posts_at.insert(peer, admission.times))


def _find_subject(transition: Transition, post: Post) -> Message | None:
    """Return the message that the post replies to.

    An agent must be able to see it; operators see all messages.

    Raises:
        RelayError: ``invalid_request``, when it does not exist or is not visible.
    """
    if post.reply_to is None:
        return None
    found = transition.message(post.reply_to)
    may_see = post.kind is SenderKind.OPERATOR or (
        found is not None and found.is_visible_to(peer_key(post.sender))
    )
    if found is None or not may_see:
        raise RelayError.invalid(
            "reply_to", "there is no message of that number that you may see"
        )
    return found


def _check_claim(transition: Transition, post: Post, subject: Message | None) -> None:
    """Reject the reply of an agent to a question that another one has claimed.

    Raises:
        RelayError: ``claimed_by_other``, when another agent holds the claim. Operators
            may always answer, so that they can step in for a silent claimer.
    """
    names = names_of_speaker(post.sender, post.kind)
    if subject is None or not any(
        is_claimable_by(subject, name, post.addresses) for name in names
    ):
        return
    held = transition.room.leases.get(subject.seq)
    if (
        held is not None
        and post.kind.is_peer
        and peer_key(held.holder) != peer_key(post.sender)
    ):
        raise claimed_by_other(subject.seq, held.holder, held.expires_ms)


def _speech(room: Room, post: Post, message: Message) -> Speech:
    leases = room.leases_of(post.sender) if message.agent_key else []
    if post.reply_to is not None:
        leases = [each for each in leases if each.seq == post.reply_to]
    return Speech(
        message,
        names_of_speaker(post.sender, post.kind),
        tuple(leases) if len(leases) <= MAX_CLAIMS_MEANT else (),
        _sole_reader(room, post),
        _hearers(room, message),
        post.addresses,
        has_asked=message.is_question
        and (bool(post.choices) or post.expects is not None),
    )


def _sole_reader(room: Room, post: Post) -> PeerKey | None:
    """Return the only other member of the room, if there is just one.

    Operators are one member, if they have spoken or nobody else is left.
    """
    if post.other_agents is None or len(post.other_agents) > 1:
        return None
    others = {peer_key(name) for name in post.other_agents}
    operators = (each.kind is SenderKind.OPERATOR for each in room.members.values())
    if not others or any(operators):
        others.add(OPERATOR)
    return others.pop() if len(others) == 1 else None


def _hearers(room: Room, message: Message) -> frozenset[PeerKey] | None:
    """Return the keys of the addressees, with ``operator`` for each operator's name."""
    if message.is_broadcast:
        return None
    return frozenset(
        OPERATOR if _is_operator(room, name) else name
        for name in message.addressee_keys
    )


def _is_operator(room: Room, peer: PeerKey) -> bool:
    member = room.members.get(peer)
    return member is not None and member.kind is SenderKind.OPERATOR


def _answer(transition: Transition, message: Message, seq: int) -> bool:
    """End a question, and make the claim of the answerer permanent.

    Grants the claim first if needed.

    Returns:
        ``False`` if appending the answer made retention drop the question.
    """
    if seq not in transition.room.questions:
        return False
    held = transition.room.leases.get(seq)
    resolution = Resolution(
        ResolutionKind.ANSWERED, message.sender, message.at_ms, message.seq
    )
    transition.resolve(seq, resolution)
    if held is not None and peer_key(held.holder) == message.sender_key:
        transition.finalize_claim(seq, message.sender, held.fence)
    else:
        transition.finalize_claim(seq, message.sender, transition.room.fence + 1)
        transition.audit("claim", message.sender, f"seq={seq}")
    return True


def _record(
    transition: Transition, post: Post, message: Message, answered: Sequence[int]
) -> None:
    record_speaker(transition, message, transition.now.steady_seconds)
    if message.is_question:
        open_question(transition, message)
    if post.kind is SenderKind.OPERATOR:
        to = f"-> {', '.join(post.to)}"
        seqs = " ".join(f"seq={seq}" for seq in answered)
        detail = f"{seqs} {to}" if answered else to
        transition.audit("answer" if answered else "say", post.sender, detail)
    key = _receipt_key(post)
    if key is not None:
        receipt = Receipt(post.digest, message.seq, message.at_ms, message.heard_ms)
        transition.keep_receipt(key, receipt)
