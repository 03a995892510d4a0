"""Claims: leased, fenced, repeatable, and exactly one winner.

Who may claim what, as a table; the first line that fits decides.

=======================================  ===========================================
the message                              a claim of it
=======================================  ===========================================
is not there, or not for the asker's     404, with no difference between the two
eyes
was asked by the claimer                 409 ``own_question``
asks nobody, or somebody else            409 ``not_a_question``
is held by the claimer                   200, same fence, lease renewed
is settled                               409 ``answered``
is held by somebody else                 409, who and until when
is in a closed room                      409 ``room_closed``
is free                                  200, a new fence
=======================================  ===========================================
"""

from collections.abc import Mapping
from heapq import nsmallest
from math import inf
from typing import Final

import attrs

from argybargy.domain.addressing import is_asked
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import format_timestamp
from argybargy.domain.message import REOPENED, Lease, Message, SenderKind
from argybargy.domain.names import NOBODY, SYSTEM, PeerKey, peer_key
from argybargy.domain.room.commands import (
    Acknowledged,
    Claim,
    ClaimGranted,
    Release,
    Renew,
)
from argybargy.domain.room.transition import Decision, Transition

OWN_QUESTION: Final = "own_question"
NOT_A_QUESTION: Final = "not_a_question"
ANSWERED: Final = "answered"
ROOM_CLOSED: Final = "room_closed"

MAX_RENEWED_AT_ONCE: Final = 64
"""Leases of one peer that one post or poll renews: nothing else is served meanwhile."""
MAX_ENDED_AT_ONCE: Final = 64
"""Leases that one decision ends, for the same reason."""


def decide_claim(transition: Transition, claim: Claim) -> Decision:
    """Grant, renew or refuse."""
    message = check_claim(transition, claim)
    held = transition.room.leases.get(claim.seq)
    if message.is_claim_final:
        return transition.decision(ClaimGranted(_settled(message)))
    if held is not None:
        return _renew(transition, held, claim)
    return _grant(transition, message, claim)


def check_claim(transition: Transition, claim: Claim) -> Message:
    """Return the message that is claimed, if it may be; the transition stays as it is.

    Raises:
        RelayError: The claim is lost, or was none.
    """
    room, peer = transition.room, peer_key(claim.peer)
    message = find_message(transition, claim.seq, peer)
    reason = _why_not(message, peer)
    if reason is not None:
        raise _not_claimable(message, reason)
    if message.is_claim_final:
        if peer_key(message.claimed_by or "") != peer:
            raise _not_claimable(message, ANSWERED)
        return message
    if room.status.is_closed:
        raise _not_claimable(message, ROOM_CLOSED)
    held = room.leases.get(claim.seq)
    if held is not None and peer_key(held.holder) != peer:
        raise claimed_by_other(claim.seq, held.holder, held.expires_ms)
    return message


def find_message(transition: Transition, seq: int, peer: PeerKey) -> Message:
    """Return the message that `peer` speaks of.

    Raises:
        RelayError: ``not_found``, when it is not there or not visible to `peer`.
    """
    message = transition.message(seq)
    if message is None or not message.is_visible_to(peer):
        raise RelayError(Problem.NOT_FOUND)
    return message


def _why_not(message: Message, peer: PeerKey) -> str | None:
    """Tell why `peer` could never claim the message, whoever holds it."""
    if message.sender_key == peer:
        return OWN_QUESTION
    return None if is_asked(message, peer) else NOT_A_QUESTION


def is_claimable_by(message: Message, peer: PeerKey) -> bool:
    """Tell whether the message is an unsettled question that `peer` may take."""
    return not message.is_claim_final and _why_not(message, peer) is None


def _not_claimable(message: Message, reason: str) -> RelayError:
    return RelayError(
        Problem.NOT_CLAIMABLE,
        seq=message.seq,
        reason=reason,
        claimed_by=message.claimed_by,
    )


def _settled(message: Message) -> Lease:
    """Describe a claim that an answer has made permanent, to the one who holds it."""
    return Lease(
        seq=message.seq,
        holder=message.claimed_by or "",
        fence=message.fence,
        seconds=None,
        lapses_at=float("inf"),
        expires_ms=None,
    )


def claimed_by_other(seq: int, holder: str, until_ms: int | None) -> RelayError:
    """Make the refusal that names the winner."""
    return RelayError(
        Problem.CLAIMED_BY_OTHER,
        seq=seq,
        claimed_by=holder,
        expires_at=None if until_ms is None else format_timestamp(until_ms),
    )


def _renew(transition: Transition, held: Lease, claim: Claim) -> Decision:
    seconds = held.seconds if claim.lease_seconds is None else claim.lease_seconds
    renewed = attrs.evolve(held, seconds=seconds).renewed(transition.now)
    if seconds == held.seconds:
        transition.renew(renewed)
    else:
        message = transition.room.messages[claim.seq]
        transition.lease(message, renewed)
    return transition.decision(ClaimGranted(renewed))


def _grant(transition: Transition, message: Message, claim: Claim) -> Decision:
    seconds = claim.lease_seconds or transition.limits.lease_seconds or None
    lease = Lease.granted(
        message.seq, claim.peer, transition.room.fence + 1, seconds, transition.now
    )
    transition.lease(message, lease)
    transition.audit("claim", claim.peer, f"seq={message.seq}")
    return transition.decision(ClaimGranted(lease))


def decide_release(transition: Transition, release: Release) -> Decision:
    """Give a question back. Asking again after a lost answer changes nothing."""
    peer = peer_key(release.peer)
    message = find_message(transition, release.seq, peer)
    held = transition.room.leases.get(release.seq)
    if message.is_claim_final:
        raise _not_claimable(message, ANSWERED)
    if held is not None and peer_key(held.holder) != peer:
        raise claimed_by_other(release.seq, held.holder, held.expires_ms)
    if held is not None:
        release_claim(transition, held)
        transition.audit("release", release.peer, f"seq={release.seq}")
    return transition.decision(Acknowledged())


def decide_renew(transition: Transition, renew: Renew) -> Decision:
    """Renew every lease of a peer that has shown itself."""
    renew_all(transition, peer_key(renew.peer))
    return transition.decision(Acknowledged())


def renew_all(transition: Transition, peer: PeerKey) -> None:
    """Renew the leases of `peer` that have not run out.

    One that has is there only while its end cannot be written; it comes to no life.
    Of very many, those are renewed that run out first; the others are still far from
    that, and the next sign of life renews them.
    """
    now = transition.now.steady_seconds
    can_lapse = (
        lease
        for lease in transition.room.leases_of(peer)
        if now < lease.lapses_at < float("inf")
    )
    first = nsmallest(MAX_RENEWED_AT_ONCE, can_lapse, key=lambda each: each.lapses_at)
    for lease in first:
        transition.renew(lease.renewed(transition.now))


def release_claim(transition: Transition, lease: Lease) -> None:
    """Take a claim away and tell those who were asked that they may have it.

    The word goes out as a message of the room, addressed as the question was: the
    cursor law brings it to everybody, clients that know nothing of leases included.
    The word about an earlier question may have made retention take this one: then
    there is nothing left to say.
    """
    if lease.seq not in transition.room.leases:
        return
    question = transition.room.messages[lease.seq]
    transition.unclaim(question)
    room, seq = transition.room, lease.seq
    transition.append(
        Message(
            seq=room.head + 1,
            at_ms=max(transition.now.wall_ms, room.last_ms),
            sender=SYSTEM,
            kind=SenderKind.SYSTEM,
            to=question.to,
            text=f"Message {seq} of {question.sender} is an open question again: "
            f"{lease.holder} no longer holds the claim. "
            f"POST /messages/{seq}/claim to take it.",
            expects=NOBODY,
            reply_to=seq,
            event=REOPENED,
            heard_ms=transition.now.counted_ms,
        )
    )


def end_expired_leases(
    transition: Transition, present: Mapping[PeerKey, float]
) -> None:
    """End leases that have run out, the oldest questions first; these are open again.

    A lease whose holder is present since before it ran out is renewed instead. At most
    :data:`MAX_ENDED_AT_ONCE` leases are handled; the rest remain due.
    """
    now = transition.now.steady_seconds
    if now < transition.room.next_lease_deadline:
        return
    due = [lease for lease in transition.room.leases.values() if lease.lapses_at <= now]
    for lease in nsmallest(MAX_ENDED_AT_ONCE, due, key=lambda lease: lease.seq):
        if present.get(peer_key(lease.holder), inf) <= lease.lapses_at:
            transition.renew(lease.renewed(transition.now))
            continue
        transition.audit("expire", lease.holder, f"seq={lease.seq}")
        release_claim(transition, lease)
