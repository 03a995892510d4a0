"""Who waits for an answer, and when the waiting is over."""

from domain.scene import Scene


def test_what_somebody_asks_of_itself_keeps_nobody_waiting() -> None:
    scene = Scene()
    scene.post("anna", to="anna")
    scene.post("bob", expects="BOB")
    assert scene.open_questions == []
