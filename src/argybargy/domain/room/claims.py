"""Rules of claims: leased, fenced, repeatable, and with exactly one winner.

Outcomes of a claim; the first matching row applies.

=======================================  ===========================================
the message                              a claim of it
=======================================  ===========================================
does not exist, or is not visible to     404 in both cases
the claimer
was asked by the claimer                 409 ``own_question``
asks ``can:WORD``, which the claimer      409 ``not_capable``
cannot
is no question, or for somebody else     409 ``not_a_question``
is held by the claimer                   200, same fence, lease renewed
was answered by the claimer              200, same fence, a lease without a term
was answered by somebody else            409 ``answered``
is withdrawn                             409 ``withdrawn``
is held by somebody else                 409, with the holder and the expiry
is in a closed room                      409 ``room_closed``
is free                                  200, a new fence
=======================================  ===========================================
"""

from collections.abc import Mapping
from heapq import nsmallest
from math import inf
from typing import Final

import attrs

from argybargy.domain.addressing import NO_ADDRESSES, is_asked
from argybargy.domain.capabilities import word_of_address
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import format_timestamp
from argybargy.domain.message import (
    REOPENED,
    Lease,
    Message,
    ResolutionKind,
)
from argybargy.domain.names import PeerKey, peer_key
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
NOT_CAPABLE: Final = "not_capable"
ANSWERED: Final = "answered"
WITHDRAWN: Final = "withdrawn"
ROOM_CLOSED: Final = "room_closed"

MAX_RENEWED_AT_ONCE: Final = 64
"""Maximum leases that one post or poll renews: a decision blocks other tasks."""
MAX_ENDED_AT_ONCE: Final = 64
"""Maximum leases that one decision ends, for the same reason."""


def decide_claim(transition: Transition, claim: Claim) -> Decision:
    """Grant or renew a claim, or raise."""
    message = check_claim(transition, claim)
    held = transition.room.leases.get(claim.seq)
    if message.is_claim_final:
        return transition.decision(ClaimGranted(_permanent_lease(message), message))
    if held is not None:
        return _renew(transition, held, claim)
    return _grant(transition, message, claim)


def check_claim(transition: Transition, claim: Claim) -> Message:
    """Return the message of a permitted claim. Changes nothing.

    Raises:
        RelayError: ``not_found``, ``not_claimable`` or ``claimed_by_other``.
    """
    room, peer = transition.room, peer_key(claim.peer)
    message = find_message(transition, claim.seq, peer)
    reason = _permanent_refusal(message, peer, claim.addresses)
    if reason is not None:
        raise not_claimable(message, reason)
    if message.is_claim_final and peer_key(message.claimed_by or "") == peer:
        return message
    if claim.seq not in room.questions:
        raise not_claimable(message, _reason_of_end(message))
    if room.status.is_closed:
        raise not_claimable(message, ROOM_CLOSED)
    held = room.leases.get(claim.seq)
    if held is not None and peer_key(held.holder) != peer:
        raise claimed_by_other(claim.seq, held.holder, held.expires_ms)
    return message


def find_message(transition: Transition, seq: int, peer: PeerKey) -> Message:
    """Return a message that is visible to `peer`.

    Raises:
        RelayError: ``not_found``, when it does not exist or is not visible.
    """
    message = transition.message(seq)
    if message is None or not message.is_visible_to(peer):
        raise RelayError(Problem.NOT_FOUND)
    return message


def _permanent_refusal(
    message: Message, peer: PeerKey, addresses: frozenset[PeerKey]
) -> str | None:
    """Return why `peer` cannot claim the message with its capabilities, if so."""
    if message.sender_key == peer:
        return OWN_QUESTION
    if is_asked(message, peer, addresses):
        return None
    is_for_capable = word_of_address(message.expects) is not None
    return NOT_CAPABLE if is_for_capable else NOT_A_QUESTION


def _reason_of_end(message: Message) -> str:
    """Return how a question has ended."""
    end = message.resolution
    is_withdrawn = end is not None and end.kind is ResolutionKind.WITHDRAWN
    return WITHDRAWN if is_withdrawn else ANSWERED


def is_claimable_by(
    message: Message, peer: PeerKey, addresses: frozenset[PeerKey] = NO_ADDRESSES
) -> bool:
    """Tell whether the message is an open question that `peer` may claim.

    Args:
        message: The message.
        peer: The peer.
        addresses: The addresses ``can:WORD`` of its capabilities.
    """
    return message.is_open and _permanent_refusal(message, peer, addresses) is None


def not_claimable(message: Message, reason: str) -> RelayError:
    """Make the error that says why a question cannot be had."""
    return RelayError(
        Problem.NOT_CLAIMABLE,
        seq=message.seq,
        reason=reason,
        claimed_by=message.claimed_by,
    )


def _permanent_lease(message: Message) -> Lease:
    """Return the permanent claim on an answered message as a lease without a term."""
    holder = message.claimed_by or ""
    return Lease(message.seq, holder, message.fence, None, inf, None)


def claimed_by_other(seq: int, holder: str, until_ms: int | None) -> RelayError:
    """Make the error that names the current holder."""
    return RelayError(
        Problem.CLAIMED_BY_OTHER,
        seq=seq,
        claimed_by=holder,
        expires_at=None if until_ms is None else format_timestamp(until_ms),
    )


def _renew(transition: Transition, held: Lease, claim: Claim) -> Decision:
    seconds = held.seconds if claim.lease_seconds is None else claim.lease_seconds
    share = transition.limits.renewal_share
    renewed = attrs.evolve(held, seconds=seconds).renewed(transition.now, share)
    if seconds == held.seconds:
        transition.renew(renewed)
    else:
        message = transition.room.messages[claim.seq]
        transition.lease(message, renewed)
    return _granted(transition, renewed)


def _grant(transition: Transition, message: Message, claim: Claim) -> Decision:
    limits, fence = transition.limits, transition.room.fence + 1
    seconds = claim.lease_seconds or limits.lease_seconds or None
    mine = message.seq, claim.peer, fence, seconds
    lease = Lease.granted(*mine, transition.now, late_share=limits.renewal_share)
    transition.lease(message, lease)
    transition.audit("claim", claim.peer, f"seq={message.seq}")
    return _granted(transition, lease)


def _granted(transition: Transition, lease: Lease) -> Decision:
    message = transition.room.messages[lease.seq]
    return transition.decision(ClaimGranted(lease, message))


def decide_release(transition: Transition, release: Release) -> Decision:
    """Release a claim. Without one, nothing changes, so a retry is harmless."""
    peer = peer_key(release.peer)
    message = find_message(transition, release.seq, peer)
    held = transition.room.leases.get(release.seq)
    if message.is_claim_final:
        raise not_claimable(message, ANSWERED)
    if held is not None and peer_key(held.holder) != peer:
        raise claimed_by_other(release.seq, held.holder, held.expires_ms)
    if held is not None:
        release_claim(transition, held)
        transition.audit("release", release.peer, f"seq={release.seq}")
    return transition.decision(Acknowledged())


def decide_renew(transition: Transition, renew: Renew) -> Decision:
    """Renew the leases of a peer that has polled."""
    renew_all(transition, peer_key(renew.peer))
    return transition.decision(Acknowledged())


def renew_all(transition: Transition, peer: PeerKey) -> None:
    """Renew the unexpired leases of `peer`.

    An expired lease is still present only while the store rejects writes, and must not
    be revived. At most :data:`MAX_RENEWED_AT_ONCE` are renewed, those that expire
    first; the next post or poll renews others.
    """
    now = transition.now.steady_seconds
    can_lapse = (
        lease
        for lease in transition.room.leases_of(peer)
        if now < lease.lapses_at < inf
    )
    first = nsmallest(MAX_RENEWED_AT_ONCE, can_lapse, key=lambda each: each.lapses_at)
    for lease in first:
        _extend(transition, lease)


def _extend(transition: Transition, lease: Lease) -> None:
    """Restart the term of a lease."""
    share = transition.limits.renewal_share
    transition.renew(lease.renewed(transition.now, share))


def release_claim(transition: Transition, lease: Lease) -> None:
    """Remove a claim and announce that the question can be claimed again.

    The announcement is a system message with the addressees of the question, so every
    poll delivers it, also to clients that know nothing of leases. Does nothing if
    retention has dropped the question, which an earlier announcement may have caused.
    """
    if lease.seq not in transition.room.leases:
        return
    question = transition.room.messages[lease.seq]
    transition.unclaim(lease.seq)
    seq = lease.seq
    transition.announce(
        REOPENED,
        question.to,
        f"Message {seq} of {question.sender} is an open question again: "
        f"{lease.holder} no longer holds the claim. "
        f"POST /messages/{seq}/claim to take it.",
        seq,
    )


def end_expired_leases(
    transition: Transition, present: Mapping[PeerKey, float]
) -> None:
    """End expired leases, oldest questions first, and reopen those questions.

    A lease is renewed instead if its holder has been present since before the deadline.
    At most :data:`MAX_ENDED_AT_ONCE` leases are handled; the rest remain due.
    """
    now = transition.now.steady_seconds
    if now < transition.room.next_lease_deadline:
        return
    due = [lease for lease in transition.room.leases.values() if lease.lapses_at <= now]
    for lease in nsmallest(MAX_ENDED_AT_ONCE, due, key=lambda lease: lease.seq):
        if present.get(peer_key(lease.holder), inf) <= lease.lapses_at:
            _extend(transition, lease)
            continue
        transition.audit("expire", lease.holder, f"seq={lease.seq}")
        release_claim(transition, lease)
