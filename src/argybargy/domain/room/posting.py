"""Rules of posting.

The order of the checks is part of the contract: a retry of an accepted post gets its
first result, whatever has happened since, and a closed room rejects a post before the
rate limit counts it. Nothing changes before the last check has passed.
"""

from argybargy.domain.addressing import default_expects, names_of_speaker
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import Message, Receipt, SenderKind
from argybargy.domain.names import NOBODY, peer_key
from argybargy.domain.rate_limit import admit
from argybargy.domain.room.claims import claimed_by_other, is_claimable_by, renew_all
from argybargy.domain.room.commands import Post, Posted
from argybargy.domain.room.state import ReceiptKey
from argybargy.domain.room.transition import (
    Decision,
    Transition,
    close_answered_questions,
    open_question,
    record_speaker,
)


def decide_post(transition: Transition, post: Post) -> Decision:
    """Accept a message, or raise."""
    earlier = _earlier_message(transition, post)
    if earlier is not None:
        return transition.decision(Posted(earlier, is_duplicate=True))
    _check_room(transition, post)
    _admit(transition, post)
    subject = _find_subject(transition, post)
    is_answer = _check_claim(transition, post, subject)

    message = _message(transition, post)
    transition.append(message)
    close_answered_questions(transition, message)
    if is_answer:
        assert subject is not None
        _finalize_claim(transition, post, subject)
    if post.kind is SenderKind.AGENT:
        renew_all(transition, peer_key(post.sender))
    _record(transition, post, message)
    return transition.decision(Posted(message))


def _receipt_key(post: Post) -> ReceiptKey | None:
    if post.idempotency_key is None:
        return None
    return peer_key(post.sender), post.idempotency_key


def _earlier_message(transition: Transition, post: Post) -> Message | None:
    """Return the message of the first attempt, if this post is a retry.

    Composed from the retry, whose digest equals that of the first attempt, so that it
    is available even if retention has dropped the message.
    """
    key = _receipt_key(post)
    receipt = None if key is None else transition.room.receipts.get(key)
    if receipt is None or transition.is_outdated(receipt):
        return None
    if receipt.digest != post.digest:
        raise RelayError(Problem.IDEMPOTENCY_CONFLICT, seq=receipt.seq)
    return _compose(post, receipt.seq, receipt.at_ms)


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
        to=post.to,
        text=post.text,
        expects=post.expects or default_expects(post.to),
        reply_to=post.reply_to,
        heard_ms=heard_ms,
    )


def _check_room(transition: Transition, post: Post) -> None:
    status = transition.room.status
    if status.is_closed and post.kind is SenderKind.AGENT:
        raise RelayError(
            Problem.ROOM_CLOSED,
            room=status.name,
            closed_by=status.closed_by,
            closed_at=status.closed_at,
        )
    if transition.room.head == 0 and not post.has_room_quota:
        raise RelayError(Problem.ROOM_QUOTA, limit=transition.limits.rooms)


def _admit(transition: Transition, post: Post) -> None:
    if post.kind is not SenderKind.AGENT:
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


def _check_claim(transition: Transition, post: Post, subject: Message | None) -> bool:
    """Tell whether the post makes the claim on `subject` permanent.

    Raises:
        RelayError: ``claimed_by_other``, when another agent holds the claim. Operators
            may always answer, so that they can step in for a silent claimer.
    """
    names = names_of_speaker(post.sender, post.kind)
    if subject is None or not any(is_claimable_by(subject, name) for name in names):
        return False
    held = transition.room.leases.get(subject.seq)
    if (
        held is not None
        and post.kind is SenderKind.AGENT
        and peer_key(held.holder) != peer_key(post.sender)
    ):
        raise claimed_by_other(subject.seq, held.holder, held.expires_ms)
    return subject.sender_key not in names


def _finalize_claim(transition: Transition, post: Post, subject: Message) -> None:
    """Make the claim of the answerer permanent, granting one first if needed."""
    held = transition.room.leases.get(subject.seq)
    if subject.seq < transition.room.first:
        return  # appending the answer made retention drop the question
    if held is not None and peer_key(held.holder) == peer_key(post.sender):
        transition.finalize_claim(subject, post.sender, held.fence)
    else:
        transition.finalize_claim(subject, post.sender, transition.room.fence + 1)
        transition.audit("claim", post.sender, f"seq={subject.seq}")


def _record(transition: Transition, post: Post, message: Message) -> None:
    record_speaker(transition, message, transition.now.steady_seconds)
    is_question = peer_key(message.expects) not in {NOBODY, message.sender_key}
    if post.kind is SenderKind.AGENT and is_question:
        open_question(transition, message)
    if post.kind is SenderKind.OPERATOR:
        transition.audit("say", post.sender, f"-> {', '.join(post.to)}")
    key = _receipt_key(post)
    if key is not None:
        receipt = Receipt(post.digest, message.seq, message.at_ms, message.heard_ms)
        transition.keep_receipt(key, receipt)
