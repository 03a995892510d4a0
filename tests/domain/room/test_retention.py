"""Retention of messages, with their questions and leases."""

import attrs

from argybargy.domain.room.commands import GiveUp, Retain
from argybargy.domain.room.open_close import MAX_GIVEN_UP_AT_ONCE
from argybargy.domain.room.transition import MAX_GIVEN_UP_BY_APPEND
from argybargy.domain.room.writes import ResolveQuestion
from support.room import UNHURRIED, Scene, kept_messages, post
from support.work_counters import count_calls


def keep(scene: Scene, messages: int) -> None:
    """Restart the relay with another retention."""
    scene.limits = attrs.evolve(scene.limits, messages_per_room=messages)
    scene.restart()


def many_held(count: int) -> Scene:
    """Make a room full of questions that bob holds."""
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=count))
    for _ in range(count):
        scene.claim("bob", scene.ask())
    return scene


def test_dismissal_reopens_questions_in_order_while_retention_drops_some() -> None:
    scene = many_held(30)
    scene.dismiss("bob")
    assert scene.notices == list(range(1, 31))
    assert not scene.room.leases


def test_leases_expire_in_order_while_retention_drops_some() -> None:
    scene = many_held(30)
    scene.pass_time(UNHURRIED.lease_seconds)
    scene.end_leases()
    assert scene.notices == list(range(1, 31))
    assert not scene.room.leases


def test_a_lowered_retention_drops_leases_that_expire_at_the_same_time() -> None:
    scene = many_held(4)
    keep(scene, 2)
    scene.pass_time(UNHURRIED.lease_seconds)
    scene.end_leases()
    assert not scene.room.leases
    assert scene.room.first == scene.room.head - 1


def test_a_lowered_retention_drops_answered_claims_at_the_same_time() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("dora"))
    scene.claim("bob", scene.ask("anna"))
    scene.post("bob", "done", to="anna")
    keep(scene, 1)
    scene.pass_time(UNHURRIED.lease_seconds)
    scene.end_leases()
    assert not scene.room.leases
    assert scene.room.first == scene.room.head == 4


def test_a_lowered_retention_drops_leases_of_a_dismissed_peer() -> None:
    scene = many_held(4)
    keep(scene, 2)
    scene.dismiss("bob")
    assert not scene.room.leases
    assert scene.notices


def test_questions_are_withdrawn_in_their_order() -> None:
    scene = Scene()
    asked = [scene.ask("anna") for _ in range(30)]
    scene.dismiss("anna")
    closed = [each.seq for each in scene.writes if isinstance(each, ResolveQuestion)]
    assert closed == asked


def test_a_post_drops_a_bounded_number_of_messages_after_a_lowered_limit() -> None:
    scene = Scene()
    for _ in range(3 * MAX_GIVEN_UP_BY_APPEND):
        scene.ask()
    keep(scene, 2)
    scene.post("bob", to="carol")
    assert scene.room.first == 1 + MAX_GIVEN_UP_BY_APPEND
    assert min(scene.open_questions) == scene.room.first
    while kept_messages(scene.room) > 2:
        scene.post("bob", to="carol")
    scene.post("bob", to="carol")
    assert scene.room.first == scene.room.head - 1


def test_the_remaining_surplus_is_dropped_in_pieces_without_a_post() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=0))
    for _ in range(MAX_GIVEN_UP_AT_ONCE + 10):
        scene.post("anna")
    keep(scene, 3)
    scene.do(Retain())
    assert scene.room.first == 1 + MAX_GIVEN_UP_AT_ONCE
    assert scene.writes == (GiveUp(scene.room.first),)
    scene.do(Retain())
    assert kept_messages(scene.room) == 3
    scene.do(Retain())
    assert len(scene.writes) == 0


def test_a_post_does_not_cost_more_in_a_long_room_with_a_lowered_limit() -> None:
    efforts = []
    for length in (MAX_GIVEN_UP_BY_APPEND + 3, 3_000):
        scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=0))
        for _ in range(length):
            scene.post("anna")
        keep(scene, 2)
        command = post("bob")
        efforts.append(count_calls(lambda to=scene, what=command: to.do(what)))  # type: ignore[misc]
    assert max(efforts) < 2 * min(efforts)


def test_the_rate_limit_window_of_a_dismissed_peer_is_dropped() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, posts_per_window=5))
    for number in range(20):
        scene.post(f"guest{number}")
        scene.dismiss(f"guest{number}")
    assert len(scene.room.posts_at) == 0
