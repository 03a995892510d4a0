"""What retention takes, and what goes with it."""

import attrs

from argybargy.domain.commands import CloseQuestion
from domain.scene import UNHURRIED, Scene


def keep(scene: Scene, messages: int) -> None:
    """Start the relay again with another retention."""
    scene.limits = attrs.evolve(scene.limits, messages_per_room=messages)
    scene.restart()


def many_held(count: int) -> Scene:
    """Make a room full of questions that bob holds."""
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=count))
    for _ in range(count):
        scene.claim("bob", scene.ask())
    return scene


def test_dismissal_frees_questions_in_their_order_even_as_retention_takes_them() -> (
    None
):
    scene = many_held(30)
    scene.dismiss("bob")
    assert scene.notices == list(range(1, 31))
    assert not scene.room.leases


def test_leases_lapse_in_their_order_even_as_retention_takes_them() -> None:
    scene = many_held(30)
    scene.pass_time(UNHURRIED.lease_seconds)
    scene.end_leases()
    assert scene.notices == list(range(1, 31))
    assert not scene.room.leases


def test_a_smaller_retention_takes_leases_that_run_out_at_the_same_time() -> None:
    scene = many_held(4)
    keep(scene, 2)
    scene.pass_time(UNHURRIED.lease_seconds)
    scene.end_leases()
    assert not scene.room.leases
    assert scene.room.first == scene.room.head - 1


def test_a_smaller_retention_takes_answered_leases_at_the_same_time() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("dora"))
    scene.claim("bob", scene.ask("anna"))
    scene.post("bob", "done", to="anna")
    keep(scene, 1)
    scene.pass_time(UNHURRIED.lease_seconds)
    scene.end_leases()
    assert not scene.room.leases
    assert scene.room.first == scene.room.head == 4


def test_a_smaller_retention_takes_leases_of_who_is_dismissed() -> None:
    scene = many_held(4)
    keep(scene, 2)
    scene.dismiss("bob")
    assert not scene.room.leases
    assert scene.notices


def test_questions_are_closed_in_their_order() -> None:
    scene = Scene()
    asked = [scene.ask() for _ in range(30)]
    scene.post("bob")
    closed = [each.seq for each in scene.writes if isinstance(each, CloseQuestion)]
    assert closed == asked
