"""The cursor law, and pages of history."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.pages import Page, PageBuilder, look_back, read_after, replies_to
from argybargy.domain.room.state import Room
from support.room import UNHURRIED, Scene, message

spoken = st.tuples(
    st.sampled_from(["anna", "bob", "Carol"]),
    st.sampled_from(["", "", "Bob", "anna Carol"]),
    st.sampled_from(["", "x", "ten bytes.", "ü" * 12]),
)
rooms_limits = st.builds(
    Limits,
    posts_per_window=st.just(0),
    messages_per_room=st.integers(0, 12),
    tail_messages=st.integers(1, 12),
    tail_bytes=st.integers(1, 120),
    poll_bytes=st.integers(0, 40),
)


def room_of(spoken: list[tuple[str, str, str]], limits: Limits) -> Scene:
    """Make a room with these messages."""
    scene = Scene(limits)
    for sender, to, text in spoken:
        scene.post(sender, text, to=to)
    return scene


def page_of(scene: Scene, reader: str, after: int, limit: int) -> Page:
    """Read a page, from the store if the tail is too short."""
    room, limits = scene.room, scene.limits
    page = read_after(room, peer_key(reader), after, limit, limits.poll_bytes)
    starts_in_tail = max(after + 1, room.first) >= room.tail_first
    assert (page is not None) == starts_in_tail
    if page is not None:
        return page
    whole = Limits(messages_per_room=0, tail_messages=1_000)
    everything = tuple(scene.durable.messages.values())
    saved = attrs.evolve(scene.durable.saved(), messages=everything)
    stored = Room.restore(saved, scene.now, whole)
    page = read_after(stored, peer_key(reader), after, limit, limits.poll_bytes)
    assert page is not None
    return page


def longest_end_that_fits(
    messages: list[Message], limit: int, max_bytes: int
) -> list[Message]:
    """Return the longest end of `messages` that fits; one message always does."""
    for start in range(len(messages)):
        end = messages[start:]
        size = sum(each.text_bytes for each in end)
        if len(end) <= limit and (size <= max_bytes or len(end) == 1):
            return end
    return []


@given(
    st.lists(spoken, max_size=25),
    rooms_limits,
    st.sampled_from(["anna", "bob", "carol", "dora"]),
    st.integers(0, 26),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
)
def test_consecutive_pages_deliver_each_message_for_the_reader_once_in_order(
    said: list[tuple[str, str, str]],
    limits: Limits,
    reader: str,
    start: int,
    page_sizes: list[int],
) -> None:
    scene = room_of(said, limits)
    room = scene.room
    cursor = start = min(start, room.head)
    walked: list[Message] = []
    for turn in range(len(said) + 1):
        limit = page_sizes[turn % len(page_sizes)]
        page = page_of(scene, reader, cursor, limit)
        assert (page.head, page.first) == (room.head, room.first)
        assert len(page.messages) <= limit
        assert all(cursor < each.seq <= page.cursor for each in page.messages)
        size = sum(each.text_bytes for each in page.messages)
        assert size <= limits.poll_bytes or len(page.messages) <= 1
        walked += page.messages
        if not page.has_more:
            break
        assert page.cursor > cursor
        cursor = page.cursor
    assert page.cursor == room.head
    kept = sorted(scene.durable.messages.items())
    key = peer_key(reader)
    assert walked == [each for seq, each in kept if seq > start and each.is_for(key)]


@given(
    st.lists(spoken, max_size=25),
    rooms_limits,
    st.sampled_from([None, *map(peer_key, ("anna", "bob", "dora"))]),
    st.integers(-1, 30),
    st.integers(0, 6),
    st.integers(0, 60),
)
def test_a_look_back_returns_the_newest_visible_messages_or_none(
    said: list[tuple[str, str, str]],
    limits: Limits,
    reader: PeerKey | None,
    before: int,
    limit: int,
    max_bytes: int,
) -> None:
    scene = room_of(said, limits)
    room = scene.room
    visible = [
        each
        for seq, each in sorted(scene.durable.messages.items())
        if seq < before and (reader is None or each.is_visible_to(reader))
    ]
    wanted = longest_end_that_fits(visible, limit, max_bytes)
    found = look_back(room, reader, before, limit, max_bytes)
    in_tail = [each for each in visible if each.seq >= room.tail_first]
    if found is None:
        assert longest_end_that_fits(in_tail, limit, max_bytes) == in_tail
        assert room.first < room.tail_first
    else:
        assert list(found.messages) == wanted
        assert found.has_more == (len(visible) > len(wanted))
        assert found.first == room.first


@given(
    st.lists(st.tuples(spoken, st.booleans()), max_size=25),
    rooms_limits,
    st.sampled_from(["anna", "bob", "dora"]),
    st.integers(0, 6),
    st.integers(0, 60),
)
def test_replies_are_the_oldest_visible_ones_that_fit(
    said: list[tuple[tuple[str, str, str], bool]],
    limits: Limits,
    reader: str,
    limit: int,
    max_bytes: int,
) -> None:
    scene = Scene(attrs.evolve(limits, messages_per_room=0))
    scene.post("anna", "so?")
    for (sender, to, text), is_reply in said:
        scene.post(sender, text, to=to, reply_to=1 if is_reply else None)
    replies = [
        each
        for _, each in sorted(scene.durable.messages.items())
        if each.reply_to == 1 and each.is_visible_to(peer_key(reader))
    ]
    found = replies_to(scene.room, peer_key(reader), 1, limit, max_bytes)
    if found is None:
        assert scene.room.tail_first > 1
    else:
        newest_first = replies[::-1]
        assert (
            list(found) == longest_end_that_fits(newest_first, limit, max_bytes)[::-1]
        )


def test_pages_reach_the_head_without_messages_for_the_reader() -> None:
    scene = room_of([("anna", "bob", "x")] * 3, UNHURRIED)
    page = read_after(scene.room, peer_key("carol"), 0, 10, UNHURRIED.poll_bytes)
    assert page == Page((), 3, 3, 1)


def test_a_page_ends_before_the_message_that_did_not_fit() -> None:
    scene = room_of(
        [("anna", "", "x"), ("anna", "bob", "x"), ("anna", "", "x")], UNHURRIED
    )
    page = read_after(scene.room, peer_key("carol"), 0, 1, UNHURRIED.poll_bytes)
    assert page is not None
    assert page.cursor == 2
    assert page.has_more


def test_an_empty_room_has_an_empty_page() -> None:
    room = Scene().room
    assert read_after(room, peer_key("anna"), 0, 10, UNHURRIED.poll_bytes) == Page(
        (), 0, 0, 1
    )
    assert look_back(room, None, 2**53, 10, 0) is not None


def test_a_page_begins_at_the_oldest_kept_message() -> None:
    scene = room_of(
        [("anna", "", "x")] * 5, attrs.evolve(UNHURRIED, messages_per_room=2)
    )
    page = read_after(scene.room, peer_key("bob"), 0, 10, UNHURRIED.poll_bytes)
    assert page is not None
    assert [each.seq for each in page.messages] == [4, 5]
    assert page.first == 4


def test_a_claimed_message_beyond_the_tail_is_not_read_from_memory() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, tail_messages=2))
    scene.claim("bob", scene.ask())
    scene.post("anna")
    scene.post("anna")
    assert 1 in scene.room.messages
    assert read_after(scene.room, peer_key("bob"), 0, 10, UNHURRIED.poll_bytes) is None
    assert look_back(scene.room, peer_key("bob"), 4, 10, 99) is None


def test_one_message_always_fits() -> None:
    builder = PageBuilder(limit=10, max_bytes=3)
    assert builder.take(message(1, text="much too long"))
    assert not builder.take(message(2, text="x"))


def test_a_page_is_filled_to_the_byte() -> None:
    builder = PageBuilder(limit=10, max_bytes=4)
    assert builder.take(message(1, text="ab"))
    assert builder.take(message(2, text="ü"))
    assert builder.take(message(3, text=""))
    assert not builder.take(message(4, text="x"))
