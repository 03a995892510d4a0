"""Seq gaps, imports and restores of a room."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import (
    TO_ALL,
    Message,
    Resolution,
    ResolutionKind,
    SenderKind,
)
from argybargy.domain.names import peer_key
from argybargy.domain.pages import read_after
from argybargy.domain.room.commands import (
    Import,
    Imported,
    ImportedMessage,
    Post,
    Restore,
)
from argybargy.domain.room.decide import decide
from argybargy.domain.room.state import Room, RoomStatus
from argybargy.domain.room.transition import Decision
from argybargy.domain.seq_gaps import SeqGap, count_messages, first_kept, present_seqs
from support.room import START, UNHURRIED, kept_messages, message

SOON = Instant(START.wall_ms + 60_000, START.steady_seconds + 60)


def empty_room() -> Room:
    return Room.new("hall", START)


def taking(*messages: Message, **more: object) -> Import:
    imported = tuple(ImportedMessage(each) for each in messages)
    return attrs.evolve(Import("admin", RoomStatus("hall"), imported), **more)  # type: ignore[arg-type]


def imported(room: Room, command: Import) -> tuple[Room, Imported]:
    decision = decide(room, command, SOON, UNHURRIED)
    assert isinstance(decision.answer, Imported)
    return decision.room, decision.answer


def said(room: Room, *seqs: int) -> Room:
    return imported(room, taking(*(message(seq, text=f"no {seq}") for seq in seqs)))[0]


def post(room: Room, text: str = "next", limits: Limits = UNHURRIED) -> Decision:
    command = Post("zoe", SenderKind.AGENT, text, TO_ALL)
    return decide(room, command, SOON, limits)


# -- holes ------------------------------------------------------------------------


@given(st.sets(st.integers(1, 40), min_size=1), st.integers(1, 45))
def test_counts_skip_seq_gaps(there: set[int], keep: int) -> None:
    head = max(there)
    seq_gaps, start = [], 1
    for seq in sorted(there):
        if seq > start:
            seq_gaps.append(SeqGap(start, seq - 1))
        start = seq + 1
    assert count_messages(1, head, seq_gaps) == len(there)
    assert list(present_seqs(1, head + 1, seq_gaps)) == sorted(there)
    first = first_kept(head, keep, seq_gaps)
    if keep <= len(there):
        assert first == sorted(there)[-keep]
    else:
        assert first < min(there)


# -- import -----------------------------------------------------------------------


def test_imported_messages_keep_their_seqs_and_new_ones_follow() -> None:
    room = said(empty_room(), 7, 8, 9)
    assert (room.first, room.head, kept_messages(room)) == (7, 9, 3)
    assert room.seq_gaps == ()
    assert post(room).room.head == 10


def test_an_import_skips_known_messages_and_adds_new_ones() -> None:
    room = said(empty_room(), 1, 2)
    more = taking(*(message(seq, text=f"no {seq}") for seq in (1, 2, 3)))
    room, answer = imported(room, more)
    assert answer == Imported(new=1, same=2)
    assert room.head == 3
    again = decide(room, more, SOON, UNHURRIED)
    assert again.answer == Imported(same=3)
    assert again.writes == ()


def test_a_conflicting_message_is_named_and_nothing_is_changed() -> None:
    room = said(empty_room(), 1, 2)
    with pytest.raises(RelayError) as refused:
        imported(room, taking(message(2, text="otherwise"), message(3)))
    assert refused.value.problem is Problem.IMPORT_CONFLICT
    assert refused.value.facts == {"room": "hall", "seq": 2}


def test_a_trial_counts_and_changes_nothing() -> None:
    room = said(empty_room(), 1)
    command = taking(message(1, text="no 1"), message(2), is_trial=True)
    decision = decide(room, command, SOON, UNHURRIED)
    assert decision.answer == Imported(new=1, same=1)
    assert (decision.room, decision.writes) == (room, ())


def test_messages_of_seqs_that_the_room_skipped_are_not_imported() -> None:
    room = said(empty_room(), 5, 6, 9)
    assert room.seq_gaps == (SeqGap(7, 8),)
    _, answer = imported(room, taking(message(3), message(7), message(9, text="no 9")))
    assert answer == Imported(same=1, passed=2)


def test_messages_before_the_tail_are_compared_with_the_stored_ones() -> None:
    room = said(empty_room(), 1, 4)
    first = message(1, text="no 1")
    _, answer = imported(room, taking(first, known={1: first}))
    assert answer == Imported(same=1)
    with pytest.raises(RelayError):
        imported(room, taking(message(1, text="other"), known={1: first}))


def test_an_import_with_decreasing_timestamps_is_refused() -> None:
    room = said(empty_room(), 1)
    older = attrs.evolve(message(2), at_ms=START.wall_ms - 1)
    with pytest.raises(RelayError) as refused:
        imported(room, taking(older))
    assert refused.value.problem is Problem.INVALID_REQUEST


def test_a_new_room_is_imported_with_its_status() -> None:
    closed = RoomStatus("hall", START.wall_ms - 5, "ops")
    command = taking(message(1), status=closed, created_ms=START.wall_ms - 9)
    room, _ = imported(empty_room(), command)
    assert room.status == closed
    assert room.created_ms == START.wall_ms - 9


def test_an_import_does_not_close_an_existing_room() -> None:
    room = said(empty_room(), 1)
    closed = RoomStatus("hall", START.wall_ms, "ops")
    room, _ = imported(room, taking(message(2), status=closed))
    assert not room.status.is_closed


def test_imported_claims_are_settled_or_get_a_new_lease() -> None:
    asked = [message(seq, text="?", expects="anyone") for seq in (1, 2)]
    settled, leased = (attrs.evolve(each, claimed_by="bob") for each in asked)
    command = attrs.evolve(
        taking(),
        messages=(
            ImportedMessage(settled),
            ImportedMessage(leased, is_open=True, is_leased=True),
        ),
    )
    room, _ = imported(empty_room(), command)
    assert room.messages[1].is_claim_final
    assert room.messages[1].claimed_by == "bob"
    assert not room.messages[2].is_claim_final
    assert room.leases[2].holder == "bob"
    assert room.fence == 2
    assert list(room.questions) == [2]
    assert room.next_lease_deadline == SOON.steady_seconds + UNHURRIED.lease_seconds


def test_an_import_into_a_closed_room_grants_no_lease() -> None:
    asked = attrs.evolve(message(1, expects="anyone"), claimed_by="bob")
    first = ImportedMessage(asked, is_open=True, is_leased=True)
    closed = RoomStatus("hall", START.wall_ms, "ops")
    command = attrs.evolve(taking(status=closed), messages=(first,))
    room, _ = imported(empty_room(), command)
    assert dict(room.leases) == {}
    assert room.messages[1].claimed_by is None


def test_a_question_that_the_other_relay_knows_to_be_answered_is_so_here() -> None:
    asked = message(1, "anna", text="?", expects="bob")
    first = ImportedMessage(asked, is_open=True)
    room, _ = imported(empty_room(), attrs.evolve(taking(), messages=(first,)))
    assert list(room.questions) == [1]
    end = Resolution(ResolutionKind.ANSWERED, "bob", START.wall_ms, 2)
    known = ImportedMessage(asked.with_resolution(end))
    later = attrs.evolve(taking(), messages=(known, ImportedMessage(message(2, "bob"))))
    room, answer = imported(room, later)
    assert answer == Imported(new=1, same=1)
    assert list(room.questions) == []
    assert room.messages[1].resolution == end


def test_a_question_that_is_not_open_counts_as_answered_by_an_unknown_message() -> None:
    room, _ = imported(empty_room(), taking(message(1, expects="BOB")))
    end = room.messages[1].resolution
    assert end == Resolution(ResolutionKind.ANSWERED, "", START.wall_ms)
    assert list(room.questions) == []


# -- restore ----------------------------------------------------------------------


def test_the_tail_never_spans_a_seq_gap() -> None:
    room = said(empty_room(), 1, 2)
    restored = decide(room, Restore(head=10), SOON, UNHURRIED).room
    restored = post(restored).room
    assert (restored.head, restored.tail_first) == (12, 11)
    assert read_after(restored, peer_key("bob"), 1, 9, UNHURRIED.poll_bytes) is None, (
        "the store knows"
    )
    page = read_after(restored, peer_key("bob"), 10, 9, UNHURRIED.poll_bytes)
    assert page is not None
    assert [each.seq for each in page.messages] == [11, 12]


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 20), st.integers(1, 30))
def test_restored_seqs_are_not_reused_and_retention_counts_messages(
    before: int, lost: int, after: int, keep: int
) -> None:
    limits = Limits(posts_per_window=0, messages_per_room=keep)
    room = empty_room()
    for _ in range(before):
        room = post(room, limits=limits).room
    room = decide(room, Restore(head=before + lost), SOON, limits).room
    given_out = [room.head]
    for _ in range(after):
        room = post(room, limits=limits).room
        given_out.append(room.head)
    start = before + lost + 1
    assert given_out == list(range(start, start + 1 + after))
    assert kept_messages(room) == min(keep, min(keep, before) + 1 + after)
    for cursor in range(before, start):
        page = read_after(
            room,
            peer_key("bob"),
            max(cursor, room.tail_first - 1),
            99,
            limits.poll_bytes,
        )
        assert page is not None
        assert [each.seq for each in page.messages] == given_out[-len(page.messages) :]


def test_a_restore_without_losses_posts_no_notice() -> None:
    room = said(empty_room(), 1, 2)
    decision = decide(room, Restore(head=2), SOON, UNHURRIED)
    assert (decision.room.head, decision.writes) == (2, ())


def test_a_claim_before_a_seq_gap_is_kept() -> None:
    asked = attrs.evolve(message(1, expects="anyone"), claimed_by="bob")
    first = ImportedMessage(asked, is_open=True, is_leased=True)
    room, _ = imported(empty_room(), attrs.evolve(taking(), messages=(first,)))
    room = decide(room, Restore(head=5), SOON, UNHURRIED).room
    assert room.messages[1].claimed_by == "bob"
    assert room.leases[1].holder == "bob"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Restore(head=3), "Message 3 is lost"),
        (Restore(head=5), "3 messages, 3 to 5, are lost"),
        (Restore(head=9, is_certain=False), "if anything was, is lost"),
    ],
)
def test_a_notice_tells_the_room_the_number_of_lost_messages(
    command: Restore, words: str
) -> None:
    room = said(empty_room(), 1, 2)
    room = decide(room, command, SOON, UNHURRIED).room
    newest = room.messages[room.head]
    assert newest.seq == command.head + 1
    assert newest.kind is SenderKind.SYSTEM
    assert words in newest.text
    assert f"the next message is {room.head + 1}" in newest.text
