import attrs
import pytest

from argybargy.domain.message import TO_ALL, SenderKind
from argybargy.domain.names import peer_key
from support.room import message


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
def test_visibility_and_delivery_of_a_message_follow_from_its_addressees(
    to: str, reader: str, *, is_visible: bool, is_delivered: bool
) -> None:
    subject = message(sender="Anna", to=to)
    assert subject.is_visible_to(peer_key(reader)) == is_visible
    assert subject.is_for(peer_key(reader)) == is_delivered


@pytest.mark.parametrize("kind", [SenderKind.OPERATOR, SenderKind.SYSTEM])
def test_a_post_of_the_human_does_not_count_as_the_agent_of_that_name(
    kind: SenderKind,
) -> None:
    private = attrs.evolve(message(sender="Anna", to="bob"), kind=kind)
    assert not private.is_visible_to(peer_key("anna"))
    assert not private.is_for(peer_key("anna"))
    assert attrs.evolve(private, to=TO_ALL).is_for(peer_key("anna"))


def test_only_all_is_a_broadcast() -> None:
    assert message().is_broadcast
    assert not message(to="bob").is_broadcast


def test_the_size_of_a_text_is_counted_in_bytes() -> None:
    assert message(text="naïve …").text_bytes == len("naïve …".encode()) == 10
