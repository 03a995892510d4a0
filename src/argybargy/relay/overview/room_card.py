"""What the board keeps of a room: one frozen card, replaced whole.

A card holds what all views of the operator are made of, and shares its maps with
the room that published it.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Self

import attrs
from rpds import HashTrieMap

from argybargy.domain.instant import Instant
from argybargy.domain.message import Member, Message
from argybargy.domain.names import RoomKey, fold, room_key
from argybargy.domain.room.state import Room, RoomStatus
from argybargy.domain.room.writes import (
    AppendMessage,
    CloseQuestion,
    OpenQuestion,
    UpdateClaim,
    Write,
)
from argybargy.domain.seq_gaps import present_seqs
from argybargy.store.protocol import RoomSummary, StoredOverview


@attrs.frozen
class RoomCard:
    """A room, as far as the operator's views look into it.

    Attributes:
        summary: The room at a glance.
        members: Those who have posted, by folded name.
        questions: The unanswered questions by seq, as they stand now. There are
            no more of them than retention keeps messages.
    """

    summary: RoomSummary
    members: HashTrieMap[PeerKey, Member] = attrs.field(factory=HashTrieMap)
    questions: HashTrieMap[int, Message] = attrs.field(factory=HashTrieMap)

    @classmethod
    def new(cls, status: RoomStatus) -> Self:
        """Return the card of a room in which nothing was said yet."""
        return cls(RoomSummary(status, head=0, first=1, created_ms=0, last_ms=0))

    def expired_seqs(self, first: int) -> Iterator[int]:
        """Yield the kept numbers below `first`, the oldest that is kept from now on."""
        known = self.summary
        return present_seqs(known.first, min(first, known.head + 1), known.seq_gaps)

    @cached_property
    def askers(self) -> frozenset[PeerKey]:
        """The folded names of those who wait for an answer."""
        return frozenset(question.sender_key for question in self.questions.values())

    def follow(self, room: Room, writes: Sequence[Write]) -> Self:
        """Return the card after a batch.

        Args:
            room: The room as published.
            writes: What the batch wrote.
        """
        return self._with(room, self._open_questions(room, writes))

    def reread(self, room: Room) -> Self:
        """Return the card of a room that was read again, and may differ in anything."""
        questions = _reconciled(self.questions, room)
        standing = {seq: current_copy(room, each) for seq, each in questions.items()}
        return self._with(room, HashTrieMap(standing))

    def _with(self, room: Room, questions: HashTrieMap[int, Message]) -> Self:
        return type(self)(
            summary=RoomSummary(
                room.status,
                room.head,
                room.first,
                room.created_ms,
                room.last_ms,
                room.seq_gaps,
                room.heard_ms,
            ),
            members=room.members,
            questions=questions,
        )

    def _open_questions(
        self, room: Room, writes: Sequence[Write]
    ) -> HashTrieMap[int, Message]:
        """Return the questions that are open now, as they stand now."""
        questions, said = self.questions, dict[int, Message]()
        for write in writes:
            match write:
                case AppendMessage(message):
                    said[message.seq] = message
                case OpenQuestion(question):
                    questions = questions.insert(question.seq, said[question.seq])
                case CloseQuestion(seq):
                    questions = questions.discard(seq)
                case UpdateClaim(seq=seq) if seq in questions:
                    claimed = write.apply_to(questions[seq])
                    questions = questions.insert(seq, claimed)
        expired_seqs = [seq for seq in said if seq < room.first]
        for seq in (*self.expired_seqs(room.first), *expired_seqs):
            questions = questions.discard(seq)
        if len(questions) != len(room.questions):
            questions = _reconciled(questions, room)
        return questions


def _reconciled(
    questions: HashTrieMap[int, Message], room: Room
) -> HashTrieMap[int, Message]:
    """Return the questions that the room has, where somebody else wrote to it too.

    One whose message is at hand nowhere is left out: the room counts it, and it
    comes back when the relay is started again.
    """
    known = {
        seq: room.messages.get(seq) or questions.get(seq) for seq in room.questions
    }
    return HashTrieMap({seq: each for seq, each in known.items() if each is not None})


def current_copy(room: Room, message: Message) -> Message:
    """Return a message as it stands in a room, also if the room's tail is past it.

    Whatever is claimed and not settled is in the room; what is not there is settled,
    and stays so, or free.
    """
    held = room.messages.get(message.seq)
    if held is not None:
        return held
    if message.seq in room.questions and message.claimed_by is not None:
        return attrs.evolve(message, claimed_by=None, fence=0, is_claim_final=False)
    return message


def cards_by_room(overview: StoredOverview, now: Instant) -> dict[RoomKey, RoomCard]:
    """Return the cards of all rooms that a store knows, by folded name.

    Ages are counted from now on, whatever the wall clock will be set to.
    """
    questions: dict[str, dict[int, Message]] = {}
    for name, question in overview.questions:
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
            questions=HashTrieMap(questions.get(key, {})),
        )
        for summary in overview.rooms
        for key in [room_key(summary.status.name)]
    }
