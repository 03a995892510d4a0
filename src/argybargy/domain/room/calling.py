"""Rules of messages to ``can:WORD``: who is addressed, who may claim, who is called.

==============================  ======================================================
at this time                    this happens
==============================  ======================================================
a message to ``can:sql`` is     Its addressees are ``can:sql`` and the names of all
posted                          peers with the capability, but its sender. They are
                                stored: losing the capability hides nothing later.
nobody has the capability       It is stored, with ``can:sql`` alone. Its sender is
                                warned.
too many have it                It is refused.
a question to ``can:sql`` is    Each peer that gains the capability is added to the
open                            addressees. It may be behind the seq already, so a
                                system message (event ``called``) to it alone replies
                                to the question: a later seq, which its polls deliver.
the question expects a reply    A peer may claim and answer it while it has the
from ``can:sql``                capability. Others are refused with ``not_capable``.
the question has its full       Nobody is added.
number of addressees
the room is closed              Nobody is called. Peers are called at their first poll
                                after it was opened again.
==============================  ======================================================

Only a question's addressees change, so every rule of visibility stays a look-up in one
set of names. ``can:sql`` is in that set as well; no peer can have such a name.
"""

from typing import Final

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import CALLED, Question
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.commands import Acknowledged, Call, Post
from argybargy.domain.room.transition import Decision, Transition

MAX_CALLED_AT_ONCE: Final = 64
"""Maximum questions that one decision calls a peer to, since it blocks other tasks."""


def check_called(transition: Transition, post: Post) -> None:
    """Refuse a post that too many peers would get by their capability.

    Raises:
        RelayError: ``invalid_request``.
    """
    most = transition.limits.called_peers
    if len(post.called) > most:
        problem = f"more than {most} peers can do that: name some of them, or write to"
        raise RelayError.invalid("to", f"{problem} all")


def addressees_of(post: Post) -> tuple[str, ...]:
    """Return the addressees of a post, those with a wanted capability included."""
    known = {peer_key(name) for name in (*post.to, post.sender)}
    return (*post.to, *(name for name in post.called if peer_key(name) not in known))


def decide_call(transition: Transition, call: Call) -> Decision:
    """Call a peer to the open questions that fit its capabilities.

    Calls it to a bounded number of them. The result says whether there are more.

    Raises:
        RelayError: ``room_closed``: nobody can answer now. The peer is called when the
            room is open again.
    """
    peer, room = peer_key(call.peer), transition.room
    if room.status.is_closed:
        raise RelayError(
            Problem.ROOM_CLOSED,
            room=room.status.name,
            closed_by=room.status.closed_by,
            closed_at=room.status.closed_at,
        )
    seqs = sorted(
        {
            question.seq
            for address in call.addresses
            for question in room.questions.calling(address)
            if _may_call(transition, question, peer)
        }
    )
    for seq in seqs[:MAX_CALLED_AT_ONCE]:
        transition.add_addressee(seq, call.peer)
    if seqs:
        _announce(transition, call.peer, seqs[:MAX_CALLED_AT_ONCE])
    is_partial = len(seqs) > MAX_CALLED_AT_ONCE
    return transition.decision(Acknowledged(is_partial=is_partial))


def _may_call(transition: Transition, question: Question, peer: PeerKey) -> bool:
    audience = question.audience_keys or frozenset()
    most = transition.limits.addressees + transition.limits.called_peers
    return question.asker != peer and peer not in audience and len(audience) < most


def _announce(transition: Transition, name: str, seqs: list[int]) -> None:
    if len(seqs) == 1:
        text = (
            f"Your capabilities fit the open question {seqs[0]}. "
            f"GET /messages/{seqs[0]} shows it; claim it before you answer."
        )
    else:
        text = (
            f"Your capabilities fit the open questions {', '.join(map(str, seqs))}. "
            "GET /messages/{seq} shows each; claim one before you answer it."
        )
    transition.announce(CALLED, (name,), text, seqs[0] if len(seqs) == 1 else None)
