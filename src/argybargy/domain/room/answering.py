"""The rule for which open questions a message answers.

The first line that fits a question of asker A decides; nothing else answers it:

==================  ==================================  ==============================
the message         comes from                          and so answers
==================  ==================================  ==============================
replies to it       the peer asked, the holder of the   the question, if A can see the
                    claim, the operator; for            message
                    ``anyone`` and ``can:WORD`` any
                    peer that may claim
replies to nothing  the holder of a claim of A          the claimed question, if A can
                                                        see the message
replies to nothing  the peer asked by name, and goes    that question
                    to A alone
==================  ==================================  ==============================

A message that replies to nothing and could answer several questions of A answers none
of them: its sender is told to say which. A message of the operator to everybody answers
only what it replies to.

A message that asks answers nothing, since it asks back: one whose sender has given it
``expects_reply`` (as ``POST /ask`` does) or choices. Two messages are answers although
they expect a reply: one that takes a choice, and one to a single peer that leaves
``expects_reply`` out. The addressee is then only the default, and agents of the
original Argybargy answer like this.
"""

from collections.abc import Callable, Iterable

import attrs

from argybargy.domain.message import Lease, Message, Question, SenderKind
from argybargy.domain.names import ANYONE, NOBODY, OPERATOR, PeerKey, peer_key
from argybargy.system.values import frozen


@frozen
class Answers:
    """The effect of a message on open questions.

    Attributes:
        seqs: The questions that it answers, oldest first.
        unclear: By asker, the several questions that it could answer.
        asked_back: The questions that it would have answered if it did not ask.
    """

    seqs: tuple[int, ...] = ()
    unclear: tuple[tuple[PeerKey, tuple[int, ...]], ...] = ()
    asked_back: tuple[int, ...] = ()


@frozen
class Speech:
    """A message and what the rule needs to know of its sender.

    Attributes:
        message: The message.
        names: The keys under which its sender is addressed.
        leases: The live claims of its sender.
        sole_reader: The key of the only other member of the room, if there is just
            one; a message to everybody goes to that peer alone.
        hearers: The keys of the askers that can see the message; ``None`` means all.
        addresses: The addresses ``can:WORD`` of its sender's capabilities.
        has_asked: Whether its sender has said that it asks.
    """

    message: Message
    names: frozenset[PeerKey]
    leases: tuple[Lease, ...] = ()
    sole_reader: PeerKey | None = None
    hearers: frozenset[PeerKey] | None = attrs.field()
    addresses: frozenset[PeerKey] = frozenset()
    has_asked: bool = False

    @hearers.default
    def _addressees(self) -> frozenset[PeerKey] | None:
        return self.message.audience_keys

    def is_heard_by(self, asker: PeerKey) -> bool:
        """Tell whether the asker of a question can see the message."""
        return self.hearers is None or asker in self.hearers

    @property
    def asks_back(self) -> bool:
        """Whether it asks, and so answers nothing."""
        return self.has_asked and self.message.choice is None

    @property
    def only_addressee(self) -> PeerKey | None:
        """The key of the peer that the message goes to alone, or ``None``."""
        if self.hearers is None:
            is_operator = self.message.kind is SenderKind.OPERATOR
            return None if is_operator else self.sole_reader
        return next(iter(self.hearers)) if len(self.hearers) == 1 else None


def answers_of(
    speech: Speech,
    question_of: Callable[[int], Question | None],
    asked_by: Callable[[PeerKey], Iterable[Question]],
) -> Answers:
    """Return the open questions that a message answers.

    Takes as long as the sender has claims and the addressee open questions, however
    many others are open.

    Args:
        speech: The message and its sender.
        question_of: Returns the open question of a seq, if it is one.
        asked_by: Returns the open questions of an asker.
    """
    reply_to = speech.message.reply_to
    if reply_to is not None:
        question = question_of(reply_to)
        is_answered = question is not None and _is_answered_by_reply(speech, question)
        seqs = (reply_to,) if is_answered else ()
        return Answers(asked_back=seqs) if speech.asks_back else Answers(seqs)
    candidates: dict[PeerKey, set[int]] = {}
    for lease in speech.leases:
        claimed = question_of(lease.seq)
        if claimed is None or claimed.asker in speech.names:
            continue
        if speech.is_heard_by(claimed.asker):
            candidates.setdefault(claimed.asker, set()).add(claimed.seq)
    asker = speech.only_addressee
    if asker is not None and asker not in speech.names:
        named = {each.seq for each in asked_by(asker) if each.expects in speech.names}
        if named:
            candidates.setdefault(asker, set()).update(named)
    if speech.asks_back:
        back = candidates.get(asker, ()) if asker is not None else ()
        return Answers(asked_back=tuple(sorted(back)))
    return Answers(
        tuple(sorted(min(seqs) for seqs in candidates.values() if len(seqs) == 1)),
        tuple(
            (name, tuple(sorted(seqs)))
            for name, seqs in sorted(candidates.items())
            if len(seqs) > 1
        ),
    )


def _is_answered_by_reply(speech: Speech, question: Question) -> bool:
    if question.asker in speech.names or not speech.is_heard_by(question.asker):
        return False
    if speech.message.kind is SenderKind.OPERATOR or question.expects in speech.names:
        return True
    if any(lease.seq == question.seq for lease in speech.leases):
        return True
    if question.expects in speech.addresses:
        return True
    return question.expects == ANYONE and question.is_put_to(speech.names)


def is_asking_back(message: Message, question: Message) -> bool:
    """Tell whether a message asks the asker of a question back, and is unanswered.

    The asker cannot go on waiting for the answer: it has something to answer itself.

    Args:
        message: A message of the same room.
        question: The question.
    """
    asker = question.asker_key
    is_later = message.is_open and message.seq > question.seq
    if not is_later or message.asker_key == asker:
        return False
    if not (asker == OPERATOR or message.is_visible_to(asker)):
        return False
    if message.reply_to is not None:
        return message.reply_to == question.seq
    asked = {peer_key(question.expects), peer_key(question.claimed_by or NOBODY)}
    return peer_key(message.expects) == asker and message.sender_key in asked


def hint_for(answers: Answers, spelling: Callable[[PeerKey], str] = str) -> str | None:
    """Return what to tell a sender whose message has left a question open.

    It has asked back, or it could answer several questions.

    Args:
        answers: The effect of the message.
        spelling: Returns the name that belongs to a key.
    """
    if answers.asked_back:
        return (
            f"Your message asks, so it has not answered {_listed(answers.asked_back)}. "
            "To answer, reply without expects_reply and choices."
        )
    if not answers.unclear:
        return None
    return " ".join(
        f"{spelling(asker)} has asked you {_listed(seqs)}: say which with reply_to."
        for asker, seqs in answers.unclear
    )


def _listed(seqs: tuple[int, ...]) -> str:
    *most, last = map(str, seqs)
    return f"{', '.join(most)} and {last}" if most else last
