"""What an answer makes of a claim."""

import attrs

from argybargy.domain.commands import Claim, UpdateClaim
from argybargy.domain.errors import Problem
from domain.scene import UNHURRIED, Scene, post

LEASE = UNHURRIED.lease_seconds


def not_claimable(scene: Scene, command: Claim) -> object:
    """Return the reason why a claim can never be had."""
    error = scene.refusal(command)
    assert error.problem is Problem.NOT_CLAIMABLE
    return error.facts["reason"]


def test_a_reply_to_a_free_question_claims_and_answers_it_in_one_step() -> None:
    scene = Scene()
    scene.post("bob", reply_to=scene.ask())
    question = scene.message(1)
    assert (question.claimed_by, question.fence) == ("bob", 1)
    assert question.is_settled
    assert not scene.room.leases


def test_the_reply_of_the_holder_settles_under_the_same_fence() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.post("bob", reply_to=1)
    assert scene.message(1).is_settled
    assert scene.message(1).fence == 1
    scene.pass_time(LEASE)
    scene.end_leases()
    assert scene.notices == []


def test_a_reply_to_what_another_agent_holds_is_refused_and_not_posted() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    error = scene.refusal(post("carol", reply_to=1))
    assert error.problem is Problem.CLAIMED_BY_OTHER
    assert scene.room.head == 1


def test_the_asker_may_add_to_the_question_while_it_is_held() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("anna"))
    scene.post("anna", "I mean the red one", reply_to=1)
    assert not scene.message(1).is_settled
    assert scene.room.leases[1].holder == "bob"


def test_who_was_not_asked_may_reply_without_settling() -> None:
    scene = Scene()
    scene.post("anna", expects="bob")
    scene.post("carol", reply_to=1)
    assert not scene.message(1).is_settled


def test_the_operator_answers_over_a_claim_and_ends_it() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.say("Ops", reply_to=1)
    question = scene.message(1)
    assert (question.claimed_by, question.fence) == ("Ops", 2)
    assert question.is_settled
    assert not scene.room.leases
    assert not_claimable(scene, Claim("bob", 1)) == "answered"


def test_a_human_does_not_settle_what_a_human_asked() -> None:
    scene = Scene()
    scene.say("Ops", expects="anyone")
    scene.say("Ops", reply_to=1)
    assert not scene.message(1).is_settled


def test_a_reply_to_a_settled_question_is_just_a_message() -> None:
    scene = Scene()
    scene.post("bob", reply_to=scene.ask())
    scene.post("carol", reply_to=1)
    assert scene.message(1).claimed_by == "bob"
    assert scene.room.fence == 1


def test_an_answer_whose_arrival_makes_retention_take_the_question_stands() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=1))
    scene.ask()
    assert scene.post("bob", reply_to=1).seq == 2
    assert not [each for each in scene.writes if isinstance(each, UpdateClaim)]


def test_a_claim_after_a_plain_answer_is_settled_when_it_lapses() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.post("bob", "it is the red one")
    assert scene.room.leases[1].has_answered
    scene.restart()
    scene.pass_time(LEASE)
    scene.end_leases()
    assert scene.notices == []
    assert scene.message(1).is_settled
    assert not_claimable(scene, Claim("carol", 1)) == "answered"


def test_words_that_the_asker_cannot_see_are_no_answer() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("anna"))
    scene.post("bob", "psst", to="carol")
    scene.pass_time(LEASE)
    scene.end_leases()
    assert scene.notices == [1]


def test_a_plain_answer_beyond_the_tail_settles_too() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, tail_messages=1))
    scene.claim("bob", scene.ask())
    scene.post("bob", "done")
    scene.pass_time(LEASE)
    scene.end_leases()
    assert set(scene.room.messages) == {2}
    assert not_claimable(scene, Claim("carol", 1)) == "answered"
