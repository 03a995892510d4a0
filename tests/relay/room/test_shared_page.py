"""Readers at one cursor of a room share its page, and get what they would get alone."""

from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key
from argybargy.domain.pages import read_after
from argybargy.relay.room.shared_page import SharedPage
from support.room import Scene

LIMITS = Limits(posts_per_window=0, messages_per_room=9, tail_messages=6)
READERS = [peer_key(name) for name in ("anna", "bob", "carol", "dora")]

posts = st.tuples(
    st.sampled_from(["anna", "bob"]),
    st.sampled_from(["", "", "", "bob", "anna carol"]),
    st.sampled_from(["x", "ten bytes."]),
)
polls = st.tuples(
    st.sampled_from(READERS), st.integers(0, 20), st.integers(1, 4), st.integers(0, 40)
)


@given(st.lists(st.one_of(posts, polls), max_size=30))
def test_a_shared_page_is_the_page_that_the_reader_would_get_alone(
    steps: list[tuple[str, str, str] | tuple[str, int, int, int]],
) -> None:
    scene, shared = Scene(LIMITS), SharedPage()
    for step in steps:
        if len(step) == 3:
            sender, to, text = step
            scene.post(sender, text, to=to)
            continue
        reader, after, limit, max_bytes = step
        for each in (peer_key(reader), *READERS):
            asked = each, min(after, scene.room.head), limit, max_bytes
            alone = read_after(scene.room, *asked)
            assert shared.read_after(scene.room, *asked) == alone


def test_readers_of_messages_to_everybody_get_one_page() -> None:
    scene, shared = Scene(LIMITS), SharedPage()
    scene.post("anna", "one", to="")
    scene.post("bob", "two", to="")
    carol, dora = (
        shared.read_after(scene.room, peer_key(name), 0, 10, 1_000)
        for name in ("carol", "dora")
    )
    assert carol is not None
    assert carol is dora
