"""Open questions: their beginning and their end."""

from support.room import Scene


def test_a_question_to_oneself_is_not_open() -> None:
    scene = Scene()
    scene.post("anna", to="anna")
    scene.post("bob", expects="BOB")
    assert scene.open_questions == []


def test_a_question_is_open_until_the_asked_peer_posts() -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    scene.post("carol")
    assert scene.open_questions == [1]
    scene.post("bob", "about something else")
    assert scene.open_questions == []


def test_a_question_to_anyone_is_open_until_another_peer_posts() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.post("Anna", "still me")
    assert scene.open_questions == [1]
    scene.post("bob")
    assert scene.open_questions == []


def test_a_message_that_expects_no_reply_is_not_open() -> None:
    scene = Scene()
    scene.post("anna")
    scene.post("anna", to="bob carol")
    scene.post("anna", to="bob", expects="none")
    assert scene.open_questions == []


def test_a_question_of_the_operator_is_not_listed() -> None:
    scene = Scene()
    scene.say("Ops", to="bob")
    scene.say("Ops", expects="anyone")
    assert scene.open_questions == []


def test_any_human_sender_answers_a_question_to_the_operator() -> None:
    scene = Scene()
    scene.post("anna", to="operator")
    scene.post("bob")
    assert scene.open_questions == [1]
    scene.say("Grace")
    assert scene.open_questions == []


def test_a_human_answers_a_question_to_its_name() -> None:
    scene = Scene()
    scene.post("anna", to="grace")
    scene.say("Hopper")
    assert scene.open_questions == [1]
    scene.say("Grace")
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


def test_a_reply_to_one_question_leaves_the_others_open() -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    scene.post("carol", to="bob")
    scene.post("bob", to="anna", expects="none", reply_to=1)
    assert scene.open_questions == [2]
    scene.post("bob")
    assert scene.open_questions == []


def test_a_message_that_the_asker_cannot_see_answers_nothing() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.say("Ops", to="carol", expects="none")
    assert scene.open_questions == [1]
    scene.say("Ops", to="anna", expects="none")
    assert scene.open_questions == []


def test_a_reply_that_is_a_question_is_open_too() -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    scene.post("bob", to="anna", reply_to=1)
    assert scene.open_questions == [2]


def test_questions_of_a_dismissed_peer_are_closed() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.ask("carol")
    scene.dismiss("ANNA")
    assert scene.open_questions == [2]


def test_open_questions_survive_a_restart() -> None:
    scene = Scene()
    scene.ask("anna")
    scene.restart()
    assert scene.open_questions == [1]
