"""Rules of addressing: expected answerers, and questions answered by a message."""

from collections.abc import Sequence

from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.names import ANYONE, NOBODY, OPERATOR, PeerKey, peer_key
from argybargy.domain.room.questions import OpenQuestions


def default_expects(to: tuple[str, ...]) -> str:
    """Return the default of `expects` for these addressees.

    A single addressee is expected to answer. Several are not, because all of them
    would answer at once.
    """
    return to[0] if to != TO_ALL and len(to) == 1 else NOBODY


def resolve_expects(expects: str, sender: str, members: Sequence[str]) -> str:
    """Narrow ``anyone`` to a name when exactly one other member could answer.

    Only a hint for display. Agents must claim whenever `expects` is ``anyone``,
    because agents that read at different times may see different hints.

    Args:
        expects: The field of the message.
        sender: Its sender, in any spelling.
        members: Names of the members, each once.
    """
    if expects != ANYONE or len(members) > 2:  # noqa: PLR2004  a sender and two others
        return expects
    sender_key = peer_key(sender)
    others = [name for name in members if peer_key(name) != sender_key]
    return others[0] if len(others) == 1 else ANYONE


def is_asked(message: Message, peer: PeerKey) -> bool:
    """Tell whether the message asks `peer`."""
    return message.expects == ANYONE or peer_key(message.expects) == peer


def names_of_speaker(sender: str, kind: SenderKind) -> frozenset[PeerKey]:
    """Return the keys by which a speaker is addressed.

    Every operator is also addressed as ``operator``.
    """
    if kind is SenderKind.OPERATOR:
        return frozenset({peer_key(sender), OPERATOR})
    return frozenset({peer_key(sender)})


def answered(
    questions: OpenQuestions,
    names: frozenset[PeerKey],
    audience: frozenset[PeerKey] | None,
    reply_to: int | None = None,
) -> list[int]:
    """Return the seqs of the questions that a new message answers.

    A reply answers only the message it replies to. Any other message answers every
    question put to the speaker by somebody who can read the message, since many agents
    answer without ``reply_to``. Claims, and messages of the asker, answer nothing.

    Args:
        questions: The open questions of the room.
        names: The speaker's keys, see :func:`names_of_speaker`.
        audience: The addressees; ``None`` means everybody.
        reply_to: The seq that the message replies to.
    """
    if reply_to is None:
        return questions.put_to(names, audience)
    question = questions.get(reply_to)
    return [reply_to] if question is not None and question.is_put_to(names) else []
