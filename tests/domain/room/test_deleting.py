"""Rules of deleting a room."""

import attrs

from argybargy.domain.errors import Problem
from argybargy.domain.message import SenderKind
from argybargy.domain.room.commands import (
    Claim,
    Delete,
    Deleted,
    Import,
    Imported,
    ImportedMessage,
)
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import Audit, ClearRoom
from support.room import Scene, kept_messages, post


def closed_scene() -> Scene:
    """Return a closed room with a question, a claim that was granted, and a post."""
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.post("bob", key="k")
    scene.close()
    return scene


def test_an_open_room_is_not_deleted() -> None:
    scene = Scene()
    scene.post("anna")
    refused = scene.refusal(Delete("ops"))
    assert (refused.problem, refused.facts["room"]) == (Problem.ROOM_OPEN, "hall")
    assert kept_messages(scene.room) == 1


def test_a_room_that_does_not_exist_is_not_found() -> None:
    assert Scene().refusal(Delete("ops")).problem is Problem.ROOM_NOT_FOUND
    scene = closed_scene()
    scene.delete()
    assert scene.refusal(Delete("ops")).problem is Problem.ROOM_NOT_FOUND


def test_everything_goes_and_the_audit_log_says_who_did_it() -> None:
    scene = closed_scene()
    answer = scene.do(Delete("titus", codes=2))
    assert answer == Deleted(messages=2)
    assert not scene.room.exists
    assert kept_messages(scene.room) == 0
    assert not scene.room.messages
    assert not scene.room.questions
    assert not scene.room.receipts
    assert not scene.room.members
    clear, audit = scene.writes
    assert clear == ClearRoom(2)
    assert isinstance(audit, Audit)
    assert (audit.action, audit.actor, audit.room, audit.detail) == (
        "room_delete",
        "titus",
        "hall",
        "2 messages, 2 codes",
    )


def test_agents_are_refused_as_in_a_closed_room() -> None:
    scene = closed_scene()
    scene.delete()
    assert scene.refusal(post("anna")).problem is Problem.ROOM_CLOSED
    assert scene.refusal(Claim("bob", 1)).problem is Problem.NOT_FOUND
    scene.renew("bob")
    scene.dismiss("bob")
    assert not scene.room.exists


def test_a_new_room_of_the_name_continues_after_the_numbers() -> None:
    scene = closed_scene()
    last = scene.newest
    scene.delete()
    scene.set_wall_back(100)
    scene.restart()
    scene.open()
    assert scene.room.status == RoomStatus("hall")
    asked = scene.ask()
    assert asked == 3
    assert scene.message(3).at_ms == last.at_ms, "time does not run backwards"
    assert scene.claim("bob", asked).fence == 2


def test_a_word_of_the_operator_makes_a_new_room_that_is_open() -> None:
    scene = closed_scene()
    scene.delete()
    said = scene.post("ops", by=SenderKind.OPERATOR)
    assert said.seq == 3
    assert scene.room.status == RoomStatus("hall")
    assert scene.room.created_ms == scene.now.wall_ms


def test_a_word_of_the_operator_makes_no_room_unless_it_may() -> None:
    command = attrs.evolve(post("ops", by=SenderKind.OPERATOR), may_create=False)
    assert Scene().refusal(command).problem is Problem.ROOM_NOT_FOUND
    scene = closed_scene()
    scene.do(command)
    scene.delete()
    assert scene.refusal(command).problem is Problem.ROOM_NOT_FOUND
    assert not scene.room.exists
    scene.open()
    scene.do(command)
    assert scene.room.head == 4


def test_the_key_of_a_deleted_message_may_be_used_again() -> None:
    scene = closed_scene()
    scene.delete()
    scene.open()
    assert scene.post("bob", "another text", key="k").seq == 3


def test_an_import_brings_no_deleted_message_back() -> None:
    scene = closed_scene()
    exported = scene.message(1)
    scene.delete()
    lines = (ImportedMessage(exported),)
    answer = scene.do(Import(by="ops", status=RoomStatus("hall"), messages=lines))
    assert answer == Imported(new=0, same=0, passed=1)
    assert scene.room.exists
    assert kept_messages(scene.room) == 0
