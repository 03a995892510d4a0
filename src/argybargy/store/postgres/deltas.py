"""Commits as bytes: a version byte, then MessagePack.

Each value is an array that begins with a tag or has fixed places. A node of another
version may send what this one does not know; then :func:`decode_commit` returns
``None``, and the room is read from its rows.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import msgspec

from argybargy.domain.damping import Exchange
from argybargy.domain.message import (
    Lease,
    Message,
    Question,
    Receipt,
    Resolution,
    ResolutionKind,
    SenderKind,
)
from argybargy.domain.names import PeerKey
from argybargy.domain.room.commands import GiveUp
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import (
    AddAddressee,
    AppendMessage,
    Audit,
    ClearRoom,
    CodesChanged,
    ForgetMember,
    KeepReceipt,
    LiftDampings,
    NoteExchange,
    OpenQuestion,
    ResolveQuestion,
    UpdateClaim,
    Write,
)
from argybargy.domain.seq_gaps import SeqGap

VERSION: Final = b"\x01"
_Fields = list[Any]


def encode_commit(commit: Commit) -> bytes:
    """Encode a commit."""
    status = commit.status
    fields = [
        *(commit.version, commit.nonce, status.closed_at_ms, status.closed_by),
        *(commit.exists, commit.head, commit.first, commit.fence),
        *(commit.created_ms, commit.last_ms, commit.last_spoken_ms),
        [(gap.first, gap.last) for gap in commit.seq_gaps],
        [_encode_write(write) for write in commit.writes],
    ]
    return VERSION + msgspec.msgpack.encode(fields)


def decode_commit(delta: bytes, name: str) -> Commit | None:
    """Decode a commit to the room `name`, as first spelled.

    Returns:
        ``None`` if it is of another version, or has a write that this one lacks.
    """
    if delta[:1] != VERSION:
        return None
    try:
        version, nonce, closed_at_ms, closed_by, *rest = msgspec.msgpack.decode(
            delta[1:]
        )
        *counters, gaps, writes = rest
        status = RoomStatus(name, closed_at_ms, closed_by)
        exists, head, first, fence, created_ms, last_ms, last_spoken_ms = counters
        return Commit(
            version=version,
            nonce=nonce,
            status=status,
            exists=exists,
            head=head,
            first=first,
            fence=fence,
            created_ms=created_ms,
            last_ms=last_ms,
            last_spoken_ms=last_spoken_ms,
            seq_gaps=tuple(SeqGap(*gap) for gap in gaps),
            writes=tuple(_decode_write(fields) for fields in writes),
        )
    except (ValueError, TypeError, KeyError, msgspec.DecodeError):
        return None


def _encode_write(write: Write) -> _Fields:
    tag, encode = _ENCODERS[type(write)]
    return [tag, *encode(write)]


def _decode_write(fields: _Fields) -> Write:
    tag, *rest = fields
    return _DECODERS[tag](rest)


def _plain(value: Any) -> _Fields:  # noqa: ANN401 - any attrs value
    return list(attrs.astuple(value, recurse=False))


# -- values ------------------------------------------------------------------------


def _encode_message(message: Message) -> _Fields:
    return [
        *(message.seq, message.at_ms, message.sender, message.kind.value, message.to),
        *(message.text, message.expects, message.reply_to, message.event),
        *(message.claimed_by, message.fence, message.is_claim_final),
        _encode_resolution(message.resolution),
        *(message.choices, message.choice, message.heard_ms is not None),
        *(sorted(message.turn_with), sorted(message.answers_to)),
    ]


def _decode_message(fields: _Fields) -> Message:
    seq, at_ms, sender, kind, to, text, *rest = fields
    expects, reply_to, event, claimed_by, fence, is_claim_final, *rest = rest
    resolution, choices, choice, is_heard, turn_with, answers_to = rest
    return Message(
        seq=seq,
        at_ms=at_ms,
        sender=sender,
        kind=SenderKind(kind),
        to=tuple(to),
        text=text,
        expects=expects,
        reply_to=reply_to,
        event=event,
        claimed_by=claimed_by,
        fence=fence,
        is_claim_final=is_claim_final,
        resolution=_decode_resolution(resolution),
        choices=tuple(choices),
        choice=choice,
        # Whether it counts is known; when, only `Commit.received` can say here.
        heard_ms=at_ms if is_heard else None,
        turn_with=frozenset(turn_with),
        answers_to=frozenset(answers_to),
    )


def _encode_resolution(resolution: Resolution | None) -> _Fields | None:
    if resolution is None:
        return None
    kind, *rest = _plain(resolution)
    return [kind.value, *rest]


def _decode_resolution(fields: _Fields | None) -> Resolution | None:
    if fields is None:
        return None
    kind, *rest = fields
    return Resolution(ResolutionKind(kind), *rest)


# -- writes ------------------------------------------------------------------------


def _encode_claim(write: UpdateClaim) -> _Fields:
    lease = None if write.lease is None else _plain(write.lease)
    return [write.seq, write.claimed_by, write.fence, write.is_claim_final, lease]


def _decode_claim(fields: _Fields) -> UpdateClaim:
    seq, claimed_by, fence, is_claim_final, lease = fields
    granted = None if lease is None else Lease(*lease)
    return UpdateClaim(seq, claimed_by, fence, is_claim_final, granted)


def _encode_question(write: OpenQuestion) -> _Fields:
    question = write.question
    audience = question.audience_keys
    names = None if audience is None else sorted(audience)
    return [question.seq, question.asker, question.expects, names]


def _decode_question(fields: _Fields) -> OpenQuestion:
    seq, asker, expects, names = fields
    audience = None if names is None else frozenset(map(PeerKey, names))
    return OpenQuestion(Question(seq, asker, expects, audience))


def _encode_receipt(write: KeepReceipt) -> _Fields:
    receipt = write.receipt
    return [write.peer, write.key, receipt.digest, receipt.seq, receipt.at_ms]


def _decode_receipt(fields: _Fields) -> KeepReceipt:
    peer, key, *rest = fields
    return KeepReceipt(peer, key, Receipt(*rest))


def _encode_exchange(write: NoteExchange) -> _Fields:
    return [write.pair, _plain(write.exchange)]


def _decode_exchange(fields: _Fields) -> NoteExchange:
    pair, (last, turns, *rest) = fields
    return NoteExchange(tuple(pair), Exchange(last, tuple(turns), *rest))


def _decode_liftings(fields: _Fields) -> LiftDampings:
    (pairs,) = fields
    return LiftDampings(None if pairs is None else tuple(map(tuple, pairs)))


_ENCODERS: Final[Mapping[type[Any], tuple[str, Callable[[Any], _Fields]]]] = {
    AppendMessage: ("message", lambda write: _encode_message(write.message)),
    UpdateClaim: ("claim", _encode_claim),
    OpenQuestion: ("question", _encode_question),
    ResolveQuestion: (
        "resolved",
        lambda write: [write.seq, _encode_resolution(write.resolution)],
    ),
    AddAddressee: ("addressee", _plain),
    KeepReceipt: ("receipt", _encode_receipt),
    GiveUp: ("give_up", _plain),
    ForgetMember: ("forget", _plain),
    ClearRoom: ("clear", _plain),
    NoteExchange: ("exchange", _encode_exchange),
    LiftDampings: ("lift", _plain),
    CodesChanged: ("codes", _plain),
    Audit: ("audit", _plain),
}


def _decode_resolved(fields: _Fields) -> ResolveQuestion:
    seq, resolution = fields
    decoded = _decode_resolution(resolution)
    if decoded is None:
        raise ValueError("a resolved question without its end")
    return ResolveQuestion(seq, decoded)


_DECODERS: Final[Mapping[str, Callable[[_Fields], Write]]] = {
    "message": lambda fields: AppendMessage(_decode_message(fields)),
    "claim": _decode_claim,
    "question": _decode_question,
    "resolved": _decode_resolved,
    "addressee": lambda fields: AddAddressee(*fields),
    "receipt": _decode_receipt,
    "give_up": lambda fields: GiveUp(*fields),
    "forget": lambda fields: ForgetMember(*fields),
    "clear": lambda fields: ClearRoom(*fields),
    "exchange": _decode_exchange,
    "lift": _decode_liftings,
    "codes": lambda fields: CodesChanged(tuple(fields[0])),
    "audit": lambda fields: Audit(*fields),
}
