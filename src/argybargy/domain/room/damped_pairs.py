"""Rules of damping in a room: noting posts, announcing a loop, and lifting it.

`argybargy.domain.damping` says what a loop is.
"""

from collections.abc import Iterable
from typing import Final

import attrs

from argybargy.domain.capabilities import word_of_address
from argybargy.domain.damping import Pair, Utterance, note, pair_of
from argybargy.domain.instant import format_timestamp
from argybargy.domain.message import DAMPED, TO_ALL, Message, Question, SenderKind
from argybargy.domain.names import (
    RESERVED_PEER_NAMES,
    PeerKey,
    peer_key,
)
from argybargy.domain.room.answering import Answers
from argybargy.domain.room.commands import Undamp, Undamped
from argybargy.domain.room.transition import Decision, Transition

_NAMED: Final = 8
"""Maximum pairs that a row of the audit log names."""


def note_exchange(
    transition: Transition,
    message: Message,
    subject: Message | None,
    answers: Answers,
) -> tuple[Message, tuple[PeerKey, ...]]:
    """Note a new message in the exchanges of the room.

    A word of the operator ends every damping.

    Args:
        transition: The decision in the making; the message is not appended yet.
        message: The message.
        subject: The message that it replies to.
        answers: The questions that it answers, could answer, or asks back about.

    Returns:
        The message with what is known of it, and the agents with which it begins a
        damping.
    """
    room = transition.room
    if message.kind is SenderKind.OPERATOR:
        transition.lift_dampings()
    is_reply = (
        subject is not None or answers.seqs or answers.unclear or answers.asked_back
    )
    if not is_reply and (message.is_broadcast or message.is_question):
        return message, ()  # nearly all messages
    answered = [room.questions[seq] for seq in answers.seqs]
    askers = frozenset(each.asker for each in answered)
    if askers:
        message = attrs.evolve(message, answers_to=askers)
    if message.kind is not SenderKind.AGENT:
        return message, ()
    said = _utterance(transition, message, subject, answered, answers)
    now = transition.now.steady_seconds
    noted = note(room.exchanges, said, now, transition.limits)
    if noted.exchanges is not room.exchanges:
        pairs = (pair_of(said.speaker, other) for other in said.others)
        transition.note_exchanges(noted.exchanges, pairs)
    if noted.turn_with:
        message = attrs.evolve(message, turn_with=noted.turn_with)
    return message, noted.damped


def _utterance(
    transition: Transition,
    message: Message,
    subject: Message | None,
    answered: list[Question],
    answers: Answers,
) -> Utterance:
    """Return what a message of an agent says to which other agents."""
    speaker = message.sender_key
    if subject is not None and subject.kind is not SenderKind.AGENT:
        return Utterance(speaker, message.seq)
    asked = {each.asker for each in answered} | {peer for peer, _ in answers.unclear}
    asked |= {transition.room.questions[seq].asker for seq in answers.asked_back}
    others = _agents(transition, asked)
    if subject is not None:
        others |= {subject.sender_key}
    addressed = frozenset[PeerKey]()
    if not (message.is_broadcast or message.is_question):
        addressed = _agents(transition, message.addressee_keys)
    begins_with = frozenset(
        each.asker for each in answered if _begins(transition, each, speaker)
    )
    begun = _agents(transition, begins_with)
    return Utterance(speaker, message.seq, begun, frozenset(others), addressed)


def _agents(transition: Transition, names: Iterable[PeerKey]) -> frozenset[PeerKey]:
    """Return the names of agents among these.

    People are left out, as are addresses of capabilities. A person that has not spoken
    is not known as one, but nobody can answer it either.
    """
    members = transition.room.members

    def is_agent(name: PeerKey) -> bool:
        member = members.get(name)
        return (
            name not in RESERVED_PEER_NAMES
            and word_of_address(name) is None
            and (member is None or member.kind is SenderKind.AGENT)
        )

    return frozenset(filter(is_agent, names))


def _begins(transition: Transition, question: Question, speaker: PeerKey) -> bool:
    """Tell whether an answer to a question begins an exchange.

    It does unless the question was a turn itself, as one that an answer asks back.
    """
    held = transition.room.leases.get(question.seq)
    if held is not None and peer_key(held.holder) == speaker:
        return True
    asking = transition.message(question.seq)
    return asking is None or speaker not in asking.turn_with


def announce_damping(
    transition: Transition, message: Message, damped: tuple[PeerKey, ...]
) -> None:
    """Append a system message for each damping that a message begins.

    It goes to everybody if the message did, else to the two agents: nobody else knows
    that they talk.
    """
    room, limits = transition.room, transition.limits
    for other in damped:
        found = room.exchanges.of(message.sender_key, other)
        assert found is not None
        name, now = _spelled(transition, other), transition.now
        until_ms = now.wall_ms + round((found.until - now.steady_seconds) * 1000)
        transition.announce(
            DAMPED,
            TO_ALL if message.is_broadcast else (message.sender, name),
            f"{message.sender} and {name} have answered each other more than "
            f"{limits.loop_turns} times in {limits.loop_window_seconds / 60:g} "
            f"minutes. Until {format_timestamp(until_ms)[11:16]} UTC their answers "
            "to each other wake neither of them; they are delivered then, or with "
            "the next message that does. Any message of the operator ends this.",
        )


def _spelled(transition: Transition, peer: PeerKey) -> str:
    member = transition.room.members.get(peer)
    return peer if member is None else member.name


def decide_undamp(transition: Transition, command: Undamp) -> Decision:
    """Lift the damping of a pair or of all pairs. Without one, nothing changes."""
    exchanges, now = transition.room.exchanges, transition.now.steady_seconds
    wanted = None if command.peers is None else _pair(command.peers)
    lifted = sorted(pair for pair, _ in exchanges.damped(now) if wanted in (None, pair))
    names = tuple(
        (_spelled(transition, one), _spelled(transition, other))
        for one, other in lifted
    )
    if lifted:
        transition.lift_dampings(tuple(lifted))
        detail = ", ".join(f"{one} and {other}" for one, other in names)
        if len(names) > _NAMED:
            detail = f"{len(names)} pairs"
        transition.audit("undamp", command.by, detail)
    return transition.decision(Undamped(names))


def _pair(names: tuple[str, str]) -> Pair:
    return pair_of(peer_key(names[0]), peer_key(names[1]))
