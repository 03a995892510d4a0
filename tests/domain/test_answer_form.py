"""A digest and its page cover what the cursor covers."""

from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.answer_form import digested, is_whole_in_digest
from argybargy.domain.names import peer_key
from argybargy.domain.pages import read_after
from support.room import UNHURRIED, Scene

BOB = peer_key("bob")
spoken = st.tuples(
    st.sampled_from(["alice", "bob", "Carol"]),
    st.sampled_from(["", "", "", "Bob", "carol"]),
    st.sampled_from(["x", "four", "ten bytes."]),
    st.sampled_from(["none", "none", "none", "anyone", "bob"]),
)


@given(
    st.lists(spoken, max_size=20),
    st.integers(0, 20),
    st.integers(1, 5),
    st.integers(1, 30),
)
def test_walking_digests_gives_or_counts_every_message_once(
    said: list[tuple[str, str, str, str]], start: int, limit: int, max_bytes: int
) -> None:
    scene = Scene(UNHURRIED)
    for sender, to, text, expects in said:
        scene.post(sender, text, to=to, expects=expects)
    room = scene.room
    cursor = start = min(start, room.head)
    given_whole, counted = [], 0
    while cursor < room.head:
        page = read_after(room, BOB, cursor, room.head, room.tail_bytes)
        assert page is not None
        whole, digest = digested(page, room, BOB, limit, max_bytes)
        assert whole.cursor > cursor
        assert all(cursor < each.seq <= whole.cursor for each in whole.messages)
        assert len(whole.messages) <= limit
        size = sum(each.text_bytes for each in whole.messages)
        assert size <= max_bytes or len(whole.messages) == 1
        if digest is not None:
            assert cursor < digest.first <= digest.last <= whole.cursor
            counted += sum(count for _, count in digest.counts)
        given_whole += [each.seq for each in whole.messages]
        cursor = whole.cursor
    mine = [
        each
        for each in map(scene.message, range(start + 1, room.head + 1))
        if each.is_for(BOB)
    ]
    due = [each.seq for each in mine if is_whole_in_digest(each, room, BOB)]
    assert given_whole == due
    assert counted == len(mine) - len(due)


def test_questions_and_direct_messages_are_given_whole() -> None:
    scene = Scene(UNHURRIED)
    scene.post("alice", "a question to another", expects="carol")
    scene.post("alice", "direct", to="bob", expects="none")
    scene.post("alice", "for information")
    kinds = [
        is_whole_in_digest(scene.message(seq), scene.room, BOB) for seq in (1, 2, 3)
    ]
    assert kinds == [True, True, False]
