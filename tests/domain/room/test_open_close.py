"""Opening, closing and reopening rooms, and dismissing peers."""

from argybargy.domain.errors import Problem
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.room.commands import Claim, Close, Open
from argybargy.domain.room.decide import decide
from argybargy.domain.room.state import Room
from support.room import Scene


def test_a_room_can_be_opened_before_its_first_message() -> None:
    scene = Scene()
    scene.open()
    assert (scene.room.exists, scene.room.head) == (True, 0)


def test_a_room_without_messages_that_was_never_opened_does_not_exist() -> None:
    assert not Scene().room.exists


def test_a_missing_room_cannot_be_closed() -> None:
    assert Scene().refusal(Close("ops")).problem is Problem.ROOM_NOT_FOUND


def test_opening_an_open_room_changes_nothing() -> None:
    scene = Scene()
    scene.post("anna")
    before = scene.room
    scene.open()
    assert scene.room == before
    assert scene.writes == ()


def test_a_closing_is_audited_with_its_time() -> None:
    scene = Scene()
    scene.post("anna")
    scene.do(Close("grace"))
    row = scene.durable.audits[-1]
    assert (row.action, row.actor) == ("room_close", "grace")
    assert row.detail == scene.room.status.closed_at is not None


def test_the_audit_row_of_a_reopening_names_its_actor() -> None:
    scene = Scene()
    scene.open()
    scene.close()
    scene.do(Open("grace", action="room_reopen"))
    assert [(each.action, each.actor) for each in scene.durable.audits] == [
        ("open", "ops"),
        ("room_close", "ops"),
        ("room_reopen", "grace"),
    ]


def test_a_second_closing_keeps_the_first_closer_and_time() -> None:
    scene = Scene()
    scene.open()
    scene.close()
    first = scene.room.status
    assert (first.closed_by, first.closed_at_ms) == ("ops", scene.now.wall_ms)
    scene.pass_time(60)
    scene.do(Close("grace"))
    assert scene.room.status == first
    assert scene.writes == ()


def test_a_closed_room_stays_closed_after_a_restart() -> None:
    scene = Scene()
    scene.post("anna")
    scene.close()
    closed = scene.room.status
    scene.restart()
    assert scene.room.status == closed


def test_closing_a_room_ends_leases_without_notices() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.claim("carol", scene.ask())
    scene.close()
    assert not scene.room.leases
    assert scene.message(1).claimed_by is scene.message(2).claimed_by is None
    assert scene.notices == []
    scene.pass_time(10_000)
    scene.end_leases()
    assert scene.notices == []


def test_closing_a_room_keeps_settled_claims() -> None:
    scene = Scene()
    scene.post("bob", reply_to=scene.ask())
    scene.close()
    assert scene.message(1).claimed_by == "bob"
    assert scene.message(1).is_claim_final


def test_a_question_can_be_claimed_again_when_the_room_is_reopened() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.close()
    scene.open()
    assert scene.claim("carol", 1).fence == 2


def test_reopening_a_room_resets_its_idle_time() -> None:
    scene = Scene()
    scene.post("anna")
    scene.close()
    scene.pass_time(10_000)
    scene.open()
    assert scene.room.quiet_since == scene.now.steady_seconds
    assert scene.room.last_spoken_ms == scene.now.wall_ms


def test_open_questions_are_still_open_in_a_reopened_room() -> None:
    scene = Scene()
    scene.ask()
    scene.close()
    scene.open()
    assert scene.open_questions == [1]


def test_claims_of_a_dismissed_peer_are_released() -> None:
    scene = Scene()
    scene.claim("Bob", scene.ask())
    scene.claim("carol", scene.ask())
    scene.dismiss("BOB")
    assert scene.notices == [1]
    assert set(scene.room.leases) == {2}
    assert scene.claim("carol", 1).fence == 3


def test_dismissing_an_unknown_peer_changes_nothing() -> None:
    scene = Scene()
    scene.post("anna")
    scene.dismiss("bob")
    assert scene.writes == ()


def test_the_idle_time_of_a_room_survives_a_restart() -> None:
    scene = Scene()
    scene.post("anna")
    scene.pass_time(500)
    scene.restart()
    assert scene.room.quiet_since == scene.now.steady_seconds - 500


def test_a_wall_clock_set_back_gives_no_room_a_last_message_in_the_future() -> None:
    scene = Scene()
    scene.post("anna")
    scene.set_wall_back(500)
    scene.restart()
    assert scene.room.quiet_since == scene.now.steady_seconds


def test_a_lease_restarts_at_full_length_after_a_restart() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask(), 10)
    scene.pass_time(9)
    scene.restart()
    scene.pass_time(9)
    assert scene.refusal(Claim("carol", 1)).problem is Problem.CLAIMED_BY_OTHER


def test_a_new_room_may_be_opened_and_closed_in_one_batch() -> None:
    limits, now = Limits(), Instant(1_000, 0.0)
    opened = decide(Room.new("new", now), Open("ops"), now, limits)
    closed = decide(opened.room, Close("ops"), now, limits)
    assert closed.room.status.closed_by == "ops"
