"""Open questions: their beginning and their end."""

import attrs
import pytest

from argybargy.domain.message import ResolutionKind
from argybargy.domain.names import peer_key
from argybargy.domain.room.answering import Answers
from argybargy.domain.room.commands import Posted
from argybargy.domain.room.posting import MAX_CLAIMS_MEANT
from support.room import Scene, post

ANSWERED = ResolutionKind.ANSWERED


def test_a_question_to_oneself_is_not_open() -> None:
    scene = Scene()
    scene.post("anna", to="anna")
    scene.post("bob", expects="BOB")
    assert scene.open_questions == []


def test_a_question_waits_until_the_peer_asked_replies_or_speaks_to_the_asker() -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    scene.post("anna", to="bob", expects="bob")
    scene.post("carol", reply_to=None)
    scene.post("bob", "about something else")
    assert scene.open_questions == [1, 2]
    scene.post("bob", to="anna", reply_to=1)
    assert scene.open_questions == [2]
    scene.post("bob", to="anna", expects="none")
    assert scene.open_questions == []


def test_a_question_to_anyone_waits_until_a_reply_or_the_words_of_its_claimer() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.ask("anna")
    scene.post("Anna", "still me")
    scene.post("bob", "good morning everybody")
    assert scene.open_questions == [1, 2]
    scene.post("bob", reply_to=1)
    assert scene.open_questions == [2]
    scene.claim("carol", 2)
    answer = scene.post("carol", "done")
    assert scene.open_questions == []
    end = scene.message(2).resolution
    assert end is not None
    assert (end.kind, end.by, end.seq) == (ANSWERED, "carol", answer.seq)
    assert scene.message(2).is_claim_final


def test_of_several_candidates_none_is_answered_and_the_sender_learns_them() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask("anna"))
    scene.claim("bob", scene.ask("anna"))
    posted = scene.do(post("bob", "done"))
    assert isinstance(posted, Posted)
    assert posted.answers == Answers((), ((peer_key("anna"), (1, 2)),))
    assert scene.open_questions == [1, 2]


@pytest.mark.parametrize(
    ("others", "is_answered"),
    [((), False), (("anna",), True), (("anna", "eve"), False)],
)
def test_words_to_all_go_to_the_only_other_member(
    others: tuple[str, ...], *, is_answered: bool
) -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    scene.do(attrs.evolve(post("bob"), other_agents=others))
    assert (scene.open_questions == []) == is_answered


def test_an_operator_that_has_spoken_is_a_member() -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    scene.say("Ops")
    scene.do(attrs.evolve(post("bob"), other_agents=("anna",)))
    assert scene.open_questions == [1]


def test_a_message_that_expects_no_reply_is_not_open() -> None:
    scene = Scene()
    scene.post("anna")
    scene.post("anna", to="bob carol")
    scene.post("anna", to="bob", expects="none")
    assert scene.open_questions == []


def test_a_question_of_an_operator_is_tracked_and_answered_like_others() -> None:
    scene = Scene()
    scene.say("Ops", to="bob")
    scene.say("Ops", expects="anyone")
    scene.say("Ops", to="operator")
    assert scene.open_questions == [1, 2]
    assert scene.room.questions[1].asker == "operator"
    scene.post("bob", to="ops", expects="none")
    assert scene.open_questions == [2]
    scene.post("carol", to="operator", reply_to=2)
    assert scene.open_questions == []


def test_an_operator_answers_by_a_reply_or_by_words_to_the_asker_alone() -> None:
    scene = Scene()
    scene.post("anna", to="operator")
    scene.say("Grace")
    assert scene.open_questions == [1]
    scene.say("Grace", to="anna", expects="none")
    assert scene.open_questions == []
    scene.post("anna", to="bob")
    scene.say("Grace", reply_to=scene.room.head)
    assert scene.open_questions == []
    assert scene.message(scene.room.head - 1).claimed_by == "Grace"


def test_a_human_answers_a_question_to_its_name() -> None:
    scene = Scene()
    scene.post("anna", to="grace")
    scene.say("Hopper", to="anna", expects="none")
    assert scene.open_questions == [1]
    scene.say("Grace", to="anna", expects="none")
    assert scene.open_questions == []


def test_a_claim_alone_is_no_answer() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.renew("bob")
    assert scene.open_questions == [1]


def test_an_expired_claim_leaves_the_question_open() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask(), 10)
    scene.pass_time(10)
    scene.end_leases()
    assert scene.open_questions == [1]


def test_a_reply_closes_its_question() -> None:
    scene = Scene()
    scene.post("bob", reply_to=scene.ask())
    assert scene.open_questions == []


def test_a_reply_that_the_asker_cannot_hear_answers_nothing() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.post("bob", to="carol", reply_to=1)
    assert scene.open_questions == [1]
    assert not scene.message(1).is_claim_final


def test_a_reply_asks_nothing_unless_it_says_so() -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    assert scene.post("bob", to="anna", reply_to=1).expects == "none"
    scene.post("anna", to="bob", reply_to=2, expects="bob")
    assert scene.open_questions == [3]


def test_open_questions_survive_a_restart() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.restart()
    assert scene.open_questions == [1]


def test_the_holder_of_very_many_claims_must_reply() -> None:
    scene = Scene()
    for number in range(MAX_CLAIMS_MEANT + 1):
        scene.claim("bob", scene.ask(f"asker{number}"))
    scene.post("bob", "all of you: done")
    assert len(scene.open_questions) == MAX_CLAIMS_MEANT + 1
    scene.release("bob", 1)
    scene.post("bob", "all of you: done")
    assert scene.open_questions == [1]
