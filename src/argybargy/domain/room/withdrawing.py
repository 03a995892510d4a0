"""Rules of withdrawing questions: by the asker, by an operator, and by the relay.

A system message with the event ``withdrawn`` tells the peers that can see a question,
and so the holder of its claim, that it needs no answer. It names no message that one of
its readers may not see.
"""

from collections.abc import Sequence
from typing import Final

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import (
    TO_ALL,
    WITHDRAWN,
    Message,
    Question,
    Resolution,
    ResolutionKind,
)
from argybargy.domain.names import SYSTEM, PeerKey, peer_key
from argybargy.domain.room.claims import ANSWERED, NOT_A_QUESTION, find_message
from argybargy.domain.room.commands import Acknowledged, Withdraw
from argybargy.domain.room.transition import Decision, Transition

NOT_YOUR_QUESTION: Final = "not_your_question"
SURPLUS: Final = "its sender has asked too many newer questions"
"""The reason for withdrawing the oldest question above the limit per asker."""
NO_CODE: Final = "its sender has no valid access code any more"
"""The reason for withdrawing the questions of a dismissed peer."""


def decide_withdraw(transition: Transition, command: Withdraw) -> Decision:
    """Withdraw a question. One that is withdrawn already is unchanged.

    Raises:
        RelayError: ``not_found``, ``room_closed`` or ``not_withdrawable``.
    """
    message = _find_question(transition, command)
    if command.seq not in transition.room.questions:
        end = message.resolution
        if end is not None and end.kind is ResolutionKind.WITHDRAWN:
            return transition.decision(Acknowledged())
        raise _not_withdrawable(message, ANSWERED)
    status = transition.room.status
    if status.is_closed and command.kind.is_peer:
        raise RelayError(
            Problem.ROOM_CLOSED,
            room=status.name,
            closed_by=status.closed_by,
            closed_at=status.closed_at,
        )
    _withdraw(transition, command.seq, command.by, command.reason)
    because = f": {command.reason}" if command.reason else ""
    text = (
        f"{command.by} has withdrawn question {command.seq}{because}. "
        "It needs no answer."
    )
    for to in _concerned(message, command, transition.limits.addressees):
        transition.announce(WITHDRAWN, to, text, command.seq)
    transition.audit("withdraw", command.by, f"seq={command.seq}")
    return transition.decision(Acknowledged())


def _concerned(
    message: Message, command: Withdraw, most: int
) -> tuple[tuple[str, ...], ...]:
    """Return the addressees of each system message about a withdrawn question.

    Its addressees, and the asker, who may be waiting for the answer to a direct
    question, unless it was the asker that has withdrawn it.
    """
    asker = message.agent_key
    is_told = asker is None or command.kind.is_peer or message.is_broadcast
    if is_told or asker in message.addressee_keys:
        return (message.to,)
    if len(message.to) < most:
        return ((*message.to, message.sender),)
    return (message.to, (message.sender,))


def _find_question(transition: Transition, command: Withdraw) -> Message:
    """Return the question, which an agent must have asked itself."""
    message: Message | None
    if command.kind.is_peer:
        message = find_message(transition, command.seq, peer_key(command.by))
        is_permitted = message.agent_key == peer_key(command.by)
    else:
        message, is_permitted = transition.message(command.seq), True
    if message is None:
        raise RelayError(Problem.NOT_FOUND)
    if not message.is_question:
        raise _not_withdrawable(message, NOT_A_QUESTION)
    if not is_permitted:
        raise _not_withdrawable(message, NOT_YOUR_QUESTION)
    return message


def _not_withdrawable(message: Message, reason: str) -> RelayError:
    return RelayError(Problem.NOT_WITHDRAWABLE, seq=message.seq, reason=reason)


def withdraw_all(transition: Transition, asker: PeerKey, name: str) -> None:
    """Withdraw all open questions of an asker, with one system message.

    Args:
        transition: The decision in the making.
        asker: The asker.
        name: Its name as it was spelled.
    """
    asked = sorted(transition.room.questions.of_asker(asker), key=lambda each: each.seq)
    if not asked:
        return
    for question in asked:
        _withdraw(transition, question.seq, SYSTEM, NO_CODE)
    to, seqs = _named_to(asked, transition.limits.addressees)
    listed = f": {', '.join(map(str, seqs))}" if seqs else ""
    text = (
        f"{name} has no valid access code any more. Its open questions are withdrawn "
        f"and need no answer{listed}."
    )
    transition.announce(
        WITHDRAWN, to, text, seqs[0] if len(asked) == len(seqs) == 1 else None
    )


def _named_to(
    asked: Sequence[Question], most: int
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the addressees of one message about questions, and the seqs it may name.

    A direct question is named only to its own addressees.
    """
    public = tuple(each.seq for each in asked if each.audience_keys is None)
    if public:
        return TO_ALL, public
    audiences = {each.audience_keys or frozenset() for each in asked}
    to = tuple(sorted(frozenset[PeerKey]().union(*audiences)))
    if len(audiences) == 1:
        return to, tuple(each.seq for each in asked)
    return (to if len(to) <= most else TO_ALL), ()


def open_question(
    transition: Transition, message: Message, *, tells_holders: bool = True
) -> None:
    """Record the message as an open question of its sender.

    Above the limit per asker, the oldest questions are withdrawn.

    Args:
        transition: The decision in the making.
        message: The question.
        tells_holders: Whether a system message tells the holder of a claim on a
            withdrawn question. An import must not add messages of its own.
    """
    question = Question.of(message)
    asked = transition.room.questions.asked_by(question.asker)
    surplus = len(asked) + 1 - transition.limits.open_questions_per_peer
    transition.open_question(question)
    for seq in asked[: max(0, surplus)]:
        is_claimed = seq in transition.room.leases
        claimed = transition.room.messages[seq] if is_claimed else None
        _withdraw(transition, seq, SYSTEM, SURPLUS)
        if claimed is not None and tells_holders:
            text = f"Question {seq} is withdrawn: {SURPLUS}. It needs no answer."
            transition.announce(WITHDRAWN, claimed.to, text, seq)


def _withdraw(transition: Transition, seq: int, by: str, reason: str) -> None:
    """End a question and the claim on it."""
    at_ms = transition.now.wall_ms
    resolution = Resolution(ResolutionKind.WITHDRAWN, by, at_ms, reason=reason)
    transition.resolve(seq, resolution)
    if seq in transition.room.leases:
        transition.unclaim(seq)
