"""Pages of several rooms in one answer."""

from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.fair_pages import cut, share
from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.pages import Page

SIZES = st.lists(st.integers(1, 9), max_size=6)
ROOMS = st.lists(SIZES, min_size=1, max_size=5)


def page(sizes: list[int]) -> Page:
    """Return a page with texts of these sizes; seqs of other peers are between them."""
    messages = tuple(
        Message(2 * place + 2, 1, "ann", SenderKind.AGENT, TO_ALL, "x" * size, "none")
        for place, size in enumerate(sizes)
    )
    head = 2 * len(sizes) + 1
    return Page(messages, head, head, 1)


@given(ROOMS, st.integers(1, 9), st.integers(1, 30), st.integers(0, 9))
def test_an_answer_is_bounded_and_skips_nothing(
    rooms: list[list[int]], limit: int, max_bytes: int, begins: int
) -> None:
    pages = [page(sizes) for sizes in rooms]
    shared = share(pages, limit, max_bytes, begins)
    sizes = [message.text_bytes for each in shared for message in each.messages]
    assert len(sizes) <= limit
    assert len(sizes) <= 1 or sum(sizes) <= max_bytes
    assert bool(sizes) == any(rooms)
    for whole, part in zip(pages, shared, strict=True):
        kept = len(part.messages)
        assert part.messages == whole.messages[:kept]
        # The cursor covers exactly the messages that are in the page.
        assert all(message.seq > part.cursor for message in whole.messages[kept:])
        assert all(message.seq <= part.cursor for message in part.messages)
        assert part.has_more == (kept < len(whole.messages))


@given(ROOMS, st.integers(1, 9), st.integers(0, 9))
def test_no_room_gets_two_more_than_one_that_has_more(
    rooms: list[list[int]], limit: int, begins: int
) -> None:
    pages = [page(sizes) for sizes in rooms]
    shared = share(pages, limit, 1_000, begins)
    counts = [len(each.messages) for each in shared]
    for part in shared:
        if part.has_more:
            assert max(counts) - len(part.messages) <= 1


@given(ROOMS)
def test_every_room_comes_to_be_the_first(rooms: list[list[int]]) -> None:
    pages = [page(sizes) for sizes in rooms]
    served = set()
    for begins in range(len(rooms)):
        shared = share(pages, 1, 1, begins)
        served |= {place for place, each in enumerate(shared) if each.messages}
    assert served == {place for place, sizes in enumerate(rooms) if sizes}


def test_a_page_that_is_not_cut_is_the_same() -> None:
    whole = page([1, 2])
    assert cut(whole, 2) is whole
