import pytest

from domain.scene import message


@pytest.mark.parametrize(
    ("to", "reader", "is_visible", "is_delivered"),
    [
        ("", "bob", True, True),
        ("", "anna", True, False),
        ("Bob", "bob", True, True),
        ("Bob", "anna", True, False),
        ("Bob", "carol", False, False),
        ("bob Carol", "carol", True, True),
        ("bob anna", "anna", True, False),
        ("anna", "anna", True, False),
    ],
)
def test_who_sees_a_message_and_to_whom_a_poll_delivers_it(
    to: str, reader: str, *, is_visible: bool, is_delivered: bool
) -> None:
    subject = message(sender="Anna", to=to)
    assert subject.is_visible_to(reader) == is_visible
    assert subject.is_for(reader) == is_delivered


def test_only_all_is_a_broadcast() -> None:
    assert message().is_broadcast
    assert not message(to="bob").is_broadcast


def test_the_size_of_a_text_is_counted_in_bytes() -> None:
    assert message(text="naïve …").text_bytes == len("naïve …".encode()) == 10
