"""Room cards: what the overview keeps of a room, as one frozen value.

A card has the source data of all views of the operator. Its members are a persistent
map, shared with the room that published it. The open questions are a dictionary that
nobody changes: to copy it costs less than to go through a persistent map once, which
each outline does.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, Self

import attrs
from rpds import HashTrieMap

from argybargy.domain.damping import Exchanges
from argybargy.domain.instant import Instant
from argybargy.domain.message import Member, Message, SenderKind
from argybargy.domain.names import OPERATOR, PeerKey, RoomKey, fold, peer_key, room_key
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.speakers import speaking_member
from argybargy.domain.room.state import Room, RoomStatus
from argybargy.domain.room.writes import (
    AddAddressee,
    AppendMessage,
    ForgetMember,
    OpenQuestion,
    ResolveQuestion,
    UpdateClaim,
    Write,
)
from argybargy.domain.seq_gaps import present_seqs
from argybargy.store.protocol import RoomSummary, StoredOverview
from argybargy.system.values import frozen

_QUESTION_WRITES: Final = (OpenQuestion, ResolveQuestion, UpdateClaim, AddAddressee)
"""Writes that may change the open questions of a room."""


@frozen
class RoomCard:
    """The source data of a room's views.

    Attributes:
        summary: Status, counters and times of the room.
        members: Peers that have posted, by key.
        questions: The open questions of agents by seq, with their claims; the same
            object until they change. Retention bounds them, as it bounds messages.
        exchanges: Which agents answer each other, to tell which pairs are damped.
    """

    summary: RoomSummary
    members: HashTrieMap[PeerKey, Member] = attrs.field(factory=HashTrieMap)
    questions: Mapping[int, Message] = attrs.field(factory=dict)
    exchanges: Exchanges = attrs.field(factory=Exchanges, eq=False)

    @classmethod
    def new(cls, status: RoomStatus) -> Self:
        """Return the card of a room without messages."""
        return cls(RoomSummary(status, head=0, first=1, created_ms=0, last_ms=0))

    def expired_seqs(self, first: int) -> Iterator[int]:
        """Yield the seqs that retention drops when it moves on to `first`."""
        known = self.summary
        return present_seqs(known.first, min(first, known.head + 1), known.seq_gaps)

    @cached_property
    def askers(self) -> frozenset[PeerKey]:
        """The peers that wait for an answer."""
        return frozenset(question.sender_key for question in self.questions.values())

    @cached_property
    def claimed(self) -> int:
        """The number of open questions that somebody has claimed."""
        return sum(each.claimed_by is not None for each in self.questions.values())

    def follow(self, room: Room, writes: Sequence[Write]) -> Self:
        """Return the card after a batch.

        Args:
            room: The room as published.
            writes: The writes of the batch.
        """
        return self._with(room, self._open_questions(room, writes))

    def follow_commit(
        self, commit: Commit, writes: Sequence[Write], now: Instant
    ) -> Self:
        """Return the card after a commit to a room that is not in memory.

        Args:
            commit: The commit, as received here.
            writes: The writes of it that concern the present room of that name.
            now: The present time.
        """
        members = self.members
        for write in writes:
            match write:
                case AppendMessage(message) if message.kind is not SenderKind.SYSTEM:
                    known = members.get(message.sender_key)
                    member = speaking_member(message, known, now)
                    members = members.insert(message.sender_key, member)
                case ForgetMember(peer):
                    members = members.discard(peer)
        summary = RoomSummary(
            commit.status,
            commit.head,
            commit.first,
            commit.created_ms,
            commit.last_ms,
            commit.seq_gaps,
            now.counted(commit.last_ms),
            commit.version,
        )
        questions = self._questions_after(commit.first, writes)
        return type(self)(summary, members, questions)

    def reread(self, room: Room) -> Self:
        """Return the card after the room was read again and may differ in anything."""
        questions = _reconciled(self.questions, room)
        standing = {seq: current_copy(room, each) for seq, each in questions.items()}
        return self._with(room, standing)

    def _with(self, room: Room, questions: Mapping[int, Message]) -> Self:
        return type(self)(
            summary=RoomSummary(
                room.status,
                room.head,
                room.first,
                room.created_ms,
                room.last_ms,
                room.seq_gaps,
                room.heard_ms,
                room.version,
            ),
            members=room.members,
            questions=questions,
            exchanges=room.exchanges,
        )

    def _open_questions(
        self, room: Room, writes: Sequence[Write]
    ) -> Mapping[int, Message]:
        """Return the open questions after a batch, with their claims."""
        questions = self._questions_after(room.first, writes)
        asked = len(room.questions) - room.questions.count_of(OPERATOR)
        if len(questions) != asked:
            return _reconciled(questions, room)
        return questions

    def _questions_after(
        self, first: int, writes: Sequence[Write]
    ) -> Mapping[int, Message]:
        """Return the open questions from the seq `first` on, after some writes.

        It is the same object if none has changed. Most posts change none, and are not
        to copy thousands.
        """
        expired_seqs = [
            seq for seq in self.expired_seqs(first) if seq in self.questions
        ]
        has_changes = any(isinstance(write, _QUESTION_WRITES) for write in writes)
        if not (expired_seqs or has_changes):
            return self.questions
        questions, said = dict(self.questions), dict[int, Message]()
        for write in writes:
            match write:
                case AppendMessage(message):
                    said[message.seq] = message
                case OpenQuestion(question) if question.asker != OPERATOR:
                    questions[question.seq] = said[question.seq]
                case ResolveQuestion(seq):
                    questions.pop(seq, None)
                case UpdateClaim(seq=seq) | AddAddressee(seq=seq) if seq in questions:
                    questions[seq] = write.apply_to(questions[seq])
        for seq in (*expired_seqs, *(seq for seq in said if seq < first)):
            questions.pop(seq, None)
        return self.questions if questions == self.questions else questions


def _reconciled(questions: Mapping[int, Message], room: Room) -> Mapping[int, Message]:
    """Return the room's open questions, after another node has written to it.

    A question whose message is not in memory is left out. The room still counts it,
    and it appears again after a restart.
    """
    known = {
        seq: room.messages.get(seq) or questions.get(seq)
        for seq, question in room.questions.items()
        if question.asker != OPERATOR
    }
    return {seq: each for seq, each in known.items() if each is not None}


def current_copy(room: Room, message: Message) -> Message:
    """Return a message with its present claim, even if it has left the room's tail.

    The room keeps every message with a live claim. So one that it does not keep is
    either answered, and stays as it is, or unclaimed.
    """
    held = room.messages.get(message.seq)
    if held is not None:
        return held
    if message.seq in room.questions and message.claimed_by is not None:
        return attrs.evolve(message, claimed_by=None, fence=0, is_claim_final=False)
    return message


def cards_by_room(overview: StoredOverview, now: Instant) -> dict[RoomKey, RoomCard]:
    """Return the cards of all stored rooms.

    Stored times are converted once: ages are counted from now on, so that setting the
    wall clock does not change them.
    """
    questions: dict[str, dict[int, Message]] = {}
    for name, question in overview.questions:
        if question.kind is SenderKind.OPERATOR:
            continue
        questions.setdefault(fold(name), {})[question.seq] = attrs.evolve(
            question, heard_ms=now.counted(question.at_ms)
        )
    return {
        key: RoomCard(
            summary=attrs.evolve(summary, heard_ms=now.counted(summary.last_ms)),
            members=HashTrieMap(
                {
                    peer_key(each.name): attrs.evolve(
                        each, heard_ms=now.counted(each.last_ms)
                    )
                    for each in overview.members.get(key, ())
                }
            ),
            questions=questions.get(key, {}),
        )
        for summary in overview.rooms
        for key in [room_key(summary.status.name)]
    }
