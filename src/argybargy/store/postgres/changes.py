"""The changes of a batch of writes to the rows of a room, as one JSON parameter.

A batch may change the same row several times. The parameter has the result: each row
once, so that the function ``ab_commit_1`` changes tables in any order. What belongs to
a room that the same batch deletes is left out, apart from the audit rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs
import msgspec

from argybargy.domain.message import Message, SenderKind
from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import (
    AddAddressee,
    AppendMessage,
    Audit,
    ClearRoom,
    ForgetMember,
    KeepReceipt,
    OpenQuestion,
    ResolveQuestion,
    UpdateClaim,
    Write,
)
from argybargy.store.postgres.rows import encode_gaps
from argybargy.store.postgres.words import scope_of, scopes_of, words_of
from argybargy.store.resolutions import encode_resolution
from argybargy.system.values import define

_Row = dict[str, Any]


@define
class _Changes:
    """Rows to change, by their keys.

    Mutable state: every field; :meth:`parameter` returns the result.
    """

    room: RoomKey
    messages: dict[int, Message] = attrs.field(factory=dict)
    claims: dict[int, UpdateClaim] = attrs.field(factory=dict)
    leases: dict[int, _Row | None] = attrs.field(factory=dict)
    questions: dict[int, _Row | None] = attrs.field(factory=dict)
    resolutions: dict[int, ResolveQuestion] = attrs.field(factory=dict)
    added: dict[tuple[int, PeerKey], AddAddressee] = attrs.field(factory=dict)
    members: dict[PeerKey, _Row | None] = attrs.field(factory=dict)
    forgotten: set[PeerKey] = attrs.field(factory=set)
    receipts: dict[tuple[PeerKey, str], KeepReceipt] = attrs.field(factory=dict)
    audits: dict[str | int, Audit] = attrs.field(factory=dict)
    cleared_to: int | None = None

    def append(self, write: AppendMessage) -> None:
        message = write.message
        self.messages[message.seq] = message
        if message.kind is SenderKind.SYSTEM:
            return
        known = self.members.get(message.sender_key)
        self.members[message.sender_key] = {
            "peer": message.sender_key,
            "name": message.sender if known is None else known["name"],
            "kind": message.kind.value,
            "last_seq": message.seq,
            "last_ms": message.at_ms,
        }

    def claim(self, write: UpdateClaim) -> None:
        if write.seq in self.messages:
            self.messages[write.seq] = write.apply_to(self.messages[write.seq])
        else:
            self.claims[write.seq] = write
        lease = write.lease
        if lease is None:
            self.leases[write.seq] = None
            return
        self.leases[write.seq] = {
            "seq": lease.seq,
            "holder": lease.holder,
            "fence": lease.fence,
            "seconds": lease.seconds,
            "expires_ms": lease.expires_ms,
        }

    def ask(self, write: OpenQuestion) -> None:
        question = write.question
        self.questions[question.seq] = {
            "seq": question.seq,
            "asker": question.asker,
            "expects": question.expects,
        }

    def resolve(self, write: ResolveQuestion) -> None:
        self.questions[write.seq] = None
        if write.seq in self.messages:
            self.messages[write.seq] = write.apply_to(self.messages[write.seq])
        else:
            self.resolutions[write.seq] = write

    def add(self, write: AddAddressee) -> None:
        if write.seq in self.messages:
            self.messages[write.seq] = write.apply_to(self.messages[write.seq])
        else:
            self.added.setdefault((write.seq, peer_key(write.name)), write)

    def keep_receipt(self, write: KeepReceipt) -> None:
        self.receipts[write.peer, write.key] = write

    def forget(self, write: ForgetMember) -> None:
        self.members.pop(write.peer, None)
        self.forgotten.add(write.peer)

    def clear(self, write: ClearRoom) -> None:
        self.cleared_to = write.head
        self.messages, self.claims, self.leases = {}, {}, {}
        self.questions, self.resolutions, self.added = {}, {}, {}
        self.members, self.forgotten, self.receipts = {}, set(), {}

    def audit(self, write: Audit) -> None:
        self.audits[write.tally or len(self.audits)] = write

    def parameter(self) -> _Row:
        """Return the lists of rows that are not empty."""
        messages = self.messages.values()
        lists: Mapping[str, Sequence[Any]] = {
            "messages": [_message(message, self.room) for message in messages],
            "addressees": [row for message in messages for row in _addressees(message)],
            "claims": [
                {
                    "seq": seq,
                    "claimed_by": write.claimed_by,
                    "fence": write.fence,
                    "is_settled": write.is_claim_final,
                }
                for seq, write in self.claims.items()
            ],
            "leases": [row for row in self.leases.values() if row],
            "released": [seq for seq, row in self.leases.items() if not row],
            "questions": [row for row in self.questions.values() if row],
            "settled": [seq for seq, row in self.questions.items() if not row],
            "resolutions": [
                {"seq": seq, "resolution": encode_resolution(write.resolution)}
                for seq, write in self.resolutions.items()
            ],
            "added": [
                {
                    "seq": seq,
                    "name": write.name,
                    "peer": peer,
                    "scope": scope_of(self.room, peer),
                }
                for (seq, peer), write in self.added.items()
            ],
            "members": list(self.members.values()),
            "forgotten": sorted(self.forgotten),
            "receipts": [
                {
                    "peer": write.peer,
                    "key": write.key,
                    "digest": write.receipt.digest.hex(),
                    "seq": write.receipt.seq,
                    "at_ms": write.receipt.at_ms,
                }
                for write in self.receipts.values()
            ],
            "audits": [
                {"place": place, **attrs.asdict(audit)}
                for place, audit in enumerate(self.audits.values())
            ],
        }
        found: _Row = {name: rows for name, rows in lists.items() if rows}
        if self.cleared_to is not None:
            found["cleared_to"] = self.cleared_to
        return found


_TAKE: Final[Mapping[type[Any], Callable[[_Changes, Any], None]]] = {
    AppendMessage: _Changes.append,
    UpdateClaim: _Changes.claim,
    OpenQuestion: _Changes.ask,
    ResolveQuestion: _Changes.resolve,
    AddAddressee: _Changes.add,
    KeepReceipt: _Changes.keep_receipt,
    ForgetMember: _Changes.forget,
    ClearRoom: _Changes.clear,
    Audit: _Changes.audit,
}
"""The writes that change rows; the others only tell other nodes something."""


def changes_of(room: Room, writes: Sequence[Write]) -> str:
    """Return the parameter for a batch of writes.

    Args:
        room: The room after the decision.
        writes: The changes, in order.
    """
    changes = _Changes(room_key(room.name))
    for write in writes:
        take = _TAKE.get(type(write))
        if take is not None:
            take(changes, write)
    counters = {
        "key": changes.room,
        "name": room.name,
        "head": room.head,
        "first": room.first,
        "fence": room.fence,
        "closed_at_ms": room.status.closed_at_ms,
        "closed_by": room.status.closed_by,
        "created_ms": room.created_ms,
        "last_ms": room.last_ms,
        "spoken_ms": room.last_spoken_ms,
        "gaps": encode_gaps(room.seq_gaps),
        "is_deleted": not room.exists,
    }
    return msgspec.json.encode(counters | changes.parameter()).decode()


def _message(message: Message, room: RoomKey) -> _Row:
    scopes = scopes_of(message, room)
    return {
        "seq": message.seq,
        "at_ms": message.at_ms,
        "sender": message.sender,
        "kind": message.kind.value,
        "recipients": message.to,
        "text": message.text,
        "expects": message.expects,
        "reply_to": message.reply_to,
        "event": message.event,
        "claimed_by": message.claimed_by,
        "fence": message.fence,
        "is_settled": message.is_claim_final,
        "resolution": encode_resolution(message.resolution),
        "choices": message.choices,
        "choice": message.choice,
        "is_to_all": message.is_broadcast,
        "agent": message.agent_key,
        "scopes": scopes,
        "forms": words_of(message, scopes),
    }


def _addressees(message: Message) -> Sequence[_Row]:
    """Return a row for each peer that may see a message that is not to everybody."""
    if message.is_broadcast:
        return ()
    own = message.agent_key
    peers = message.addressee_keys | (set() if own is None else {own})
    return [
        {
            "peer": peer,
            "seq": message.seq,
            "is_own": peer == own,
            "reply_to": message.reply_to,
        }
        for peer in sorted(peers)
    ]
