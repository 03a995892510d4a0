"""A question is withdrawn by its asker, by an operator, or with its asker's code."""

import pytest

from argybargy.domain.errors import Problem
from argybargy.domain.message import SenderKind
from argybargy.domain.room.commands import Claim, Withdraw
from argybargy.domain.room.questions import (
    QuestionState,
    QuestionStatus,
    question_state,
)
from argybargy.domain.room.withdrawing import NO_CODE
from support.room import Scene, post


def withdraw(by: str, seq: int, reason: str = "") -> Withdraw:
    kind = SenderKind.OPERATOR if by == "Ops" else SenderKind.AGENT
    return Withdraw(by, kind, seq, reason)


@pytest.mark.parametrize("by", ["anna", "Ops"])
def test_asker_and_operator_withdraw_a_question_and_its_readers_are_told(
    by: str,
) -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("anna", to="bob carol"))
    scene.do(withdraw(by, 1, "found it"))
    state = question_state(scene.message(1))
    assert state == QuestionState(QuestionStatus.WITHDRAWN, by, reason="found it")
    assert scene.open_questions == []
    assert not scene.room.leases
    told = scene.newest
    heard = ("bob", "carol") if by == "anna" else ("bob", "carol", "anna")
    assert (told.event, told.reply_to, told.to) == ("withdrawn", 1, heard)
    assert "found it" in told.text
    assert scene.durable.audits[-1].action == "withdraw"
    refused = scene.refusal(Claim("carol", 1))
    assert refused.facts["reason"] == "withdrawn"


def test_withdrawing_again_changes_nothing() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.do(withdraw("anna", 1))
    scene.do(withdraw("anna", 1))
    assert scene.writes == ()


@pytest.mark.parametrize(
    ("command", "problem", "reason"),
    [
        (withdraw("bob", 1), Problem.NOT_WITHDRAWABLE, "not_your_question"),
        (withdraw("anna", 2), Problem.NOT_WITHDRAWABLE, "not_a_question"),
        (withdraw("anna", 3), Problem.NOT_WITHDRAWABLE, "answered"),
        (withdraw("anna", 9), Problem.NOT_FOUND, None),
        (withdraw("bob", 5), Problem.NOT_FOUND, None),
        (withdraw("Ops", 9), Problem.NOT_FOUND, None),
    ],
)
def test_what_cannot_be_withdrawn_is_refused(
    command: Withdraw, problem: Problem, reason: str | None
) -> None:
    scene = Scene()
    scene.ask("anna")
    scene.post("anna")
    scene.ask("anna")
    scene.post("bob", reply_to=3)
    scene.post("anna", to="carol")
    error = scene.refusal(command)
    assert (error.problem, error.facts.get("reason")) == (problem, reason)


def test_an_agent_cannot_withdraw_in_a_closed_room_and_an_operator_can() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.close()
    assert scene.refusal(withdraw("anna", 1)).problem is Problem.ROOM_CLOSED
    scene.do(withdraw("Ops", 1))
    assert scene.open_questions == []


def test_the_questions_of_a_dismissed_peer_are_withdrawn_in_one_message() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.post("anna", to="bob")
    scene.ask("anna")
    scene.ask("carol")
    scene.claim("carol", 3)
    scene.dismiss("anna")
    assert scene.open_questions == [4]
    assert scene.room.head == 5
    told = scene.newest
    assert (told.event, told.to, told.reply_to) == ("withdrawn", ("all",), None)
    assert "answer: 1, 3." in told.text, "a direct question is not named to others"
    gone = QuestionState(QuestionStatus.WITHDRAWN, "system", reason=NO_CODE)
    for seq in (1, 2, 3):
        assert question_state(scene.message(seq)) == gone
    assert not scene.room.leases


def test_a_message_about_direct_questions_goes_to_their_addressees() -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    scene.post("anna", to="bob")
    scene.dismiss("anna")
    told = scene.newest
    assert (told.to, told.text[-5:]) == (("bob",), "1, 2.")
    scene.post("anna", to="bob")
    scene.post("anna", to="carol")
    scene.dismiss("anna")
    assert scene.newest.to == ("bob", "carol")
    assert "answer." in scene.newest.text


def test_a_withdrawn_question_can_still_be_talked_about() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.do(withdraw("anna", 1))
    scene.do(post("bob", reply_to=1))
    assert scene.message(1).claimed_by is None


def test_the_asker_of_a_question_to_many_is_told_by_a_message_of_its_own() -> None:
    scene = Scene()
    many = " ".join(f"peer-{each}" for each in range(scene.limits.addressees))
    scene.ask("anna", to=many)
    scene.do(withdraw("Ops", 1))
    assert len(scene.message(2).to) == scene.limits.addressees
    assert (scene.newest.seq, scene.newest.to) == (3, ("anna",))
    assert scene.newest.reply_to == 1


def test_the_operator_withdraws_its_own_direct_question_with_one_message() -> None:
    scene = Scene()
    scene.say("Ops", to="bob")
    scene.do(withdraw("Ops", 1))
    assert (scene.newest.seq, scene.newest.to) == (2, ("bob",))
