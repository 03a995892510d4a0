"""Rules of addressing: the keys of a speaker, and the expected answerers."""

from collections.abc import Sequence
from typing import Final

from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.names import ANYONE, NOBODY, OPERATOR, PeerKey, peer_key

NO_ADDRESSES: Final[frozenset[PeerKey]] = frozenset()


def default_expects(to: tuple[str, ...], reply_to: int | None = None) -> str:
    """Return the default of `expects` for these addressees.

    A single addressee is expected to answer. Several are not, because all of them
    would answer at once. A reply asks nothing, so that an answer ends an exchange.
    """
    if reply_to is not None:
        return NOBODY
    return to[0] if to != TO_ALL and len(to) == 1 else NOBODY


def default_asked(to: tuple[str, ...]) -> str:
    """Return who is asked by a question to these addressees that does not say it.

    One addressee is asked by name; of several, any one may answer.
    """
    return to[0] if to != TO_ALL and len(to) == 1 else ANYONE


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


def is_asked(
    message: Message, peer: PeerKey, addresses: frozenset[PeerKey] = NO_ADDRESSES
) -> bool:
    """Tell whether the message asks a peer.

    Args:
        message: The message.
        peer: The peer.
        addresses: The addresses ``can:WORD`` of its capabilities.
    """
    expects = peer_key(message.expects)
    return expects in {ANYONE, peer} or expects in addresses


def is_asked_by_name(message: Message, peer: PeerKey) -> bool:
    """Tell whether the message asks the peer and nobody else."""
    return peer_key(message.expects) == peer


def names_of_speaker(sender: str, kind: SenderKind) -> frozenset[PeerKey]:
    """Return the keys by which a speaker is addressed.

    Every operator is also addressed as ``operator``.
    """
    if kind is SenderKind.OPERATOR:
        return frozenset({peer_key(sender), OPERATOR})
    return frozenset({peer_key(sender)})
