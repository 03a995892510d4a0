"""Posting: what a message becomes, and when it is refused."""

from domain.scene import Scene


def test_a_member_keeps_the_spelling_it_came_with() -> None:
    scene = Scene()
    scene.post("Anna")
    scene.post("ANNA")
    assert scene.room.members["anna"].name == "Anna"
    assert scene.room.members["anna"].last_seq == 2
