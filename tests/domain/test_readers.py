"""Who has read a message."""

from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.names import peer_key
from argybargy.domain.readers import MAX_READERS, readers_of
from support.room import message

NAMES = ["Anna", "Bob", "carol", "dave"]
BOB, CAROL = peer_key("Bob"), peer_key("carol")


@given(
    st.dictionaries(st.sampled_from(NAMES).map(peer_key), st.integers(0, 4)),
    st.sampled_from(["", "Bob", "bob carol", "operator"]),
)
def test_readers_may_see_the_message_and_have_acknowledged_it(
    cursors: dict[str, int], to: str
) -> None:
    said = message(2, sender="anna", to=to)
    readers = readers_of(
        said, NAMES, {peer_key(name): seq for name, seq in cursors.items()}
    )
    assert list(readers) == [
        name
        for name in NAMES
        if name != "Anna"
        and cursors.get(peer_key(name), 0) >= 2
        and (not to or name.lower() in to.lower().split())
    ]


def test_a_bounded_number_of_readers_is_named() -> None:
    names = [f"peer-{number:03}" for number in range(MAX_READERS + 1)]
    cursors = {peer_key(name): 1 for name in names}
    assert readers_of(message(), names, cursors) == tuple(names[:MAX_READERS])


def test_nobody_has_read_what_no_cursor_covers() -> None:
    assert readers_of(message(5), NAMES, {BOB: 4, CAROL: 0}) == ()
