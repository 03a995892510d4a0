"""Who is asked, who is meant, and what the reader is told about it."""

from collections.abc import Sequence

from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.names import ANYONE, NOBODY, OPERATOR, PeerKey, peer_key
from argybargy.domain.room.questions import OpenQuestions


def default_expects(to: tuple[str, ...]) -> str:
    """Return who should answer when the sender does not say.

    A single addressee is asked; several, or everybody, are told: otherwise they
    would all answer at once.
    """
    return to[0] if to != TO_ALL and len(to) == 1 else NOBODY


def resolve_expects(expects: str, sender: str, members: Sequence[str]) -> str:
    """Narrow ``anyone`` to a name when exactly one other member could answer.

    A hint for people. An agent claims whenever `expects` is ``anyone``: two agents
    that read at different times may see different hints.

    Args:
        expects: What the message says.
        sender: Who sent it.
        members: Names of the members, each once.
    """
    if expects != ANYONE or len(members) > 2:  # noqa: PLR2004  a sender and two others
        return expects
    sender_key = peer_key(sender)
    others = [name for name in members if peer_key(name) != sender_key]
    return others[0] if len(others) == 1 else ANYONE


def is_asked(message: Message, peer: PeerKey) -> bool:
    """Tell whether the message asks the peer with the folded name `peer`."""
    return message.expects == ANYONE or peer_key(message.expects) == peer


def names_of_speaker(sender: str, kind: SenderKind) -> frozenset[PeerKey]:
    """Return the folded names under which a speaker is addressed.

    Every human answers to ``operator``, whatever name is in the composer.
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
    """Return the questions that somebody answers by speaking, by their seqs.

    A reply answers what it replies to, and nothing else. Other words answer all that
    was put to the speaker and whose asker hears them: many answer without saying what.
    A claim alone answers nothing; the asker's own words neither.

    Args:
        questions: The open ones of the room.
        names: What the speaker goes by, folded.
        audience: The folded names of those who hear it; ``None`` is everybody.
        reply_to: The message that is replied to.
    """
    if reply_to is None:
        return questions.put_to(names, audience)
    question = questions.get(reply_to)
    return [reply_to] if question is not None and question.is_put_to(names) else []
