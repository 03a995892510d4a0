"""Effects of an answer on claims."""

import attrs
import pytest

from argybargy.domain.errors import Problem
from argybargy.domain.room.commands import Claim
from argybargy.domain.room.writes import UpdateClaim
from support.room import UNHURRIED, Scene, post

LEASE = UNHURRIED.lease_seconds


def not_claimable(scene: Scene, command: Claim) -> object:
    """Return the reason why a claim is refused for good."""
    error = scene.refusal(command)
    assert error.problem is Problem.NOT_CLAIMABLE
    return error.facts["reason"]


def test_a_reply_to_a_free_question_claims_and_answers_it_in_one_step() -> None:
    scene = Scene()
    scene.post("bob", reply_to=scene.ask())
    question = scene.message(1)
    assert (question.claimed_by, question.fence) == ("bob", 1)
    assert question.is_claim_final
    assert not scene.room.leases


def test_a_reply_of_the_holder_settles_the_question_with_the_same_fence() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.post("bob", reply_to=1)
    assert scene.message(1).is_claim_final
    assert scene.message(1).fence == 1
    scene.pass_time(LEASE)
    scene.end_leases()
    assert scene.notices == []


def test_a_reply_to_a_question_held_by_another_agent_is_refused() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    error = scene.refusal(post("carol", reply_to=1))
    assert error.problem is Problem.CLAIMED_BY_OTHER
    assert scene.room.head == 1


def test_the_asker_may_reply_to_its_own_question_while_it_is_held() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("anna"))
    scene.post("anna", "I mean the red one", reply_to=1)
    assert not scene.message(1).is_claim_final
    assert scene.room.leases[1].holder == "bob"


def test_a_reply_of_a_peer_that_was_not_asked_does_not_settle_the_question() -> None:
    scene = Scene()
    scene.post("anna", expects="bob")
    scene.post("carol", reply_to=1)
    assert not scene.message(1).is_claim_final


def test_an_answer_of_the_operator_overrides_a_claim() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.say("Ops", reply_to=1)
    question = scene.message(1)
    assert (question.claimed_by, question.fence) == ("Ops", 2)
    assert question.is_claim_final
    assert not scene.room.leases
    assert not_claimable(scene, Claim("bob", 1)) == "answered"


def test_a_human_does_not_settle_a_question_of_a_human() -> None:
    scene = Scene()
    scene.say("Ops", expects="anyone")
    scene.say("Ops", reply_to=1)
    assert not scene.message(1).is_claim_final


def test_a_reply_to_a_settled_question_is_just_a_message() -> None:
    scene = Scene()
    scene.post("bob", reply_to=scene.ask())
    scene.post("carol", reply_to=1)
    assert scene.message(1).claimed_by == "bob"
    assert scene.room.fence == 1


def test_an_answer_that_pushes_its_question_out_of_retention_is_accepted() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=1))
    scene.ask()
    assert scene.post("bob", reply_to=1).seq == 2
    assert not [each for each in scene.writes if isinstance(each, UpdateClaim)]


@pytest.mark.parametrize("to", ["", "anna"])
def test_words_of_the_claimer_to_the_asker_answer(to: str) -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("anna"))
    scene.post("bob", "it is done", to=to)
    assert scene.message(1).is_claim_final
    assert scene.message(1).fence == 1
    assert not scene.room.leases


def test_words_to_somebody_else_keep_the_claim_and_settle_nothing() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("anna"))
    scene.pass_time(LEASE - 1)
    scene.post("bob", "still at it", to="carol")
    scene.pass_time(LEASE - 1)
    scene.restart()
    scene.end_leases()
    assert scene.notices == []
    scene.pass_time(LEASE)
    scene.end_leases()
    assert scene.notices == [1]
    assert not scene.message(1).is_claim_final
    assert scene.claim("carol", 1).fence == 2


def test_a_lapse_beyond_the_tail_reopens_too() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, tail_messages=1))
    scene.claim("bob", scene.ask())
    scene.post("bob", "still at it", to="carol")
    scene.pass_time(LEASE)
    scene.end_leases()
    assert set(scene.room.messages) == {3}
    assert scene.notices == [1]
    assert scene.claim("carol", 1).fence == 2
