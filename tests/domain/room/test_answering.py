"""A question is answered by its answer, and by nothing else."""

from collections.abc import Iterable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.message import (
    Lease,
    Message,
    Question,
    Resolution,
    ResolutionKind,
    SenderKind,
)
from argybargy.domain.names import ANYONE, OPERATOR, peer_key
from argybargy.domain.room.answering import (
    Answers,
    Speech,
    answers_of,
    hint_for,
    is_asking_back,
)

AGENT, HUMAN = SenderKind.AGENT, SenderKind.OPERATOR
ANN, BOB, CAT = map(peer_key, ("ann", "bob", "cat"))


def said(
    sender: str,
    *to: str,
    reply_to: int | None = None,
    kind: SenderKind = AGENT,
    claims: Iterable[int] = (),
    sole_reader: str | None = None,
    has_asked: bool = False,
    choice: str | None = None,
) -> Speech:
    message = Message(
        99, 0, sender, kind, to or ("all",), "x", "none", reply_to, choice=choice
    )
    key = peer_key(sender)
    names = {key, OPERATOR} if kind is HUMAN else {key}
    leases = tuple(Lease(seq, sender, 1, 60, 0.0, 0) for seq in claims)
    sole = None if sole_reader is None else peer_key(sole_reader)
    return Speech(message, frozenset(names), leases, sole, has_asked=has_asked)


def answered(speech: Speech, *questions: Question) -> Answers:
    by_seq = {each.seq: each for each in questions}
    return answers_of(
        speech,
        by_seq.get,
        lambda asker: [each for each in questions if each.asker == asker],
    )


ANYONE_BY_ANN = Question(1, ANN, ANYONE)
BOB_BY_ANN = Question(2, ANN, BOB)
BOB_BY_ANN_TOO = Question(3, ANN, BOB)
HUMAN_BY_ANN = Question(4, ANN, OPERATOR)
ANYONE_BY_CAT = Question(5, CAT, ANYONE)


@pytest.mark.parametrize(
    ("speech", "questions", "seqs"),
    [
        (said("bob", reply_to=1), [ANYONE_BY_ANN], (1,)),
        (said("bob", "ann", reply_to=1), [ANYONE_BY_ANN], (1,)),
        (said("bob", "cat", reply_to=1), [ANYONE_BY_ANN], ()),
        (said("ann", reply_to=1), [ANYONE_BY_ANN], ()),
        (said("cat", reply_to=2), [BOB_BY_ANN], ()),
        (said("cat", reply_to=2, claims=[2]), [BOB_BY_ANN], (2,)),
        (said("boss", kind=HUMAN, reply_to=2), [BOB_BY_ANN], (2,)),
        (said("boss", kind=HUMAN), [HUMAN_BY_ANN, ANYONE_BY_ANN], ()),
        (said("boss", kind=HUMAN, sole_reader="ann"), [HUMAN_BY_ANN], ()),
        (said("boss", "ann", kind=HUMAN), [HUMAN_BY_ANN], (4,)),
        (said("bob", claims=[1]), [ANYONE_BY_ANN], (1,)),
        (said("bob", "cat", claims=[1]), [ANYONE_BY_ANN], ()),
        (said("bob", claims=[1, 5]), [ANYONE_BY_ANN, ANYONE_BY_CAT], (1, 5)),
        (said("bob", "ann"), [BOB_BY_ANN], (2,)),
        (said("bob", "ann", "cat"), [BOB_BY_ANN], ()),
        (said("bob"), [BOB_BY_ANN], ()),
        (said("bob", sole_reader="ann"), [BOB_BY_ANN], (2,)),
        (said("bob", "ann"), [ANYONE_BY_ANN], ()),
        (said("bob", "ann"), [BOB_BY_ANN, BOB_BY_ANN_TOO], ()),
        (said("bob", "ann", claims=[1]), [ANYONE_BY_ANN, BOB_BY_ANN], ()),
        (said("bob", reply_to=3), [BOB_BY_ANN, BOB_BY_ANN_TOO], (3,)),
    ],
)
def test_what_answers_a_question(
    speech: Speech, questions: list[Question], seqs: tuple[int, ...]
) -> None:
    assert answered(speech, *questions).seqs == seqs


def test_a_sender_is_told_which_questions_it_could_have_answered() -> None:
    speech = said("bob", "ann", claims=[1])
    found = answered(speech, ANYONE_BY_ANN, BOB_BY_ANN, BOB_BY_ANN_TOO)
    assert hint_for(found) == "ann has asked you 1, 2 and 3: say which with reply_to."
    assert hint_for(answered(said("bob", reply_to=1), ANYONE_BY_ANN)) is None


@pytest.mark.parametrize(
    ("speech", "questions", "back"),
    [
        (said("bob", "ann", has_asked=True), [BOB_BY_ANN], (2,)),
        (said("bob", has_asked=True, sole_reader="ann"), [BOB_BY_ANN], (2,)),
        (said("bob", reply_to=2, has_asked=True), [BOB_BY_ANN], (2,)),
        (said("bob", reply_to=1, has_asked=True), [ANYONE_BY_ANN], (1,)),
        (said("bob", "ann", has_asked=True), [BOB_BY_ANN, BOB_BY_ANN_TOO], (2, 3)),
        (said("bob", "ann", has_asked=True, claims=[1]), [ANYONE_BY_ANN], (1,)),
        (said("bob", has_asked=True, claims=[1]), [ANYONE_BY_ANN], ()),
        (said("bob", "cat", has_asked=True), [BOB_BY_ANN], ()),
        (said("boss", "ann", kind=HUMAN, has_asked=True), [HUMAN_BY_ANN], (4,)),
    ],
)
def test_a_message_that_asks_answers_nothing_and_asks_back(
    speech: Speech, questions: list[Question], back: tuple[int, ...]
) -> None:
    assert answered(speech, *questions) == Answers(asked_back=back)


def test_a_reply_that_takes_a_choice_answers_even_if_it_asks_on() -> None:
    speech = said("bob", reply_to=2, has_asked=True, choice="yes")
    assert answered(speech, BOB_BY_ANN) == Answers((2,))


def test_a_sender_that_asked_back_is_told_what_it_has_not_answered() -> None:
    one = answered(said("bob", "ann", has_asked=True), BOB_BY_ANN)
    assert hint_for(one) == (
        "Your message asks, so it has not answered 2. "
        "To answer, reply without expects_reply and choices."
    )
    both = said("bob", "ann", has_asked=True)
    hint = hint_for(answered(both, BOB_BY_ANN, BOB_BY_ANN_TOO))
    assert hint is not None
    assert "has not answered 2 and 3." in hint


def question_by_ann(**fields: Any) -> Message:  # noqa: ANN401  fields of a message
    said_by_ann: dict[str, Any] = {"to": ("bob",), "expects": "bob"} | fields
    return Message(5, 0, "ann", AGENT, text="May I?", **said_by_ann)


@pytest.mark.parametrize(
    ("fields", "is_back"),
    [
        ({}, True),
        ({"reply_to": 5}, True),
        ({"reply_to": 5, "to": ("all",), "expects": "anyone"}, True),
        ({"reply_to": 5, "sender": "cat"}, True),
        ({"sender": "cat"}, False),
        ({"reply_to": 4}, False),
        ({"expects": "none"}, False),
        ({"expects": "anyone", "to": ("all",)}, False),
        ({"reply_to": 5, "expects": "cat", "to": ("cat",)}, False),
        ({"seq": 4}, False),
        ({"resolution": Resolution(ResolutionKind.ANSWERED, "ann", 0, 7)}, False),
        ({"sender": "ann", "expects": "bob", "reply_to": 5, "to": ("all",)}, False),
    ],
)
def test_what_asks_the_asker_of_a_question_back(
    fields: dict[str, Any], is_back: bool
) -> None:
    usual: dict[str, Any] = {"seq": 6, "sender": "bob", "to": ("ann",)}
    usual["expects"] = "ann"
    message = Message(at_ms=0, kind=AGENT, text="Which?", **(usual | fields))
    assert is_asking_back(message, question_by_ann()) is is_back


def test_the_holder_of_a_claim_and_a_peer_that_asks_an_operator_ask_back() -> None:
    held = question_by_ann(expects="anyone", to=("all",), claimed_by="Bob")
    by_bob = Message(6, 0, "bob", AGENT, ("ann",), "Which?", "ann")
    assert is_asking_back(by_bob, held)
    assert not is_asking_back(attrs.evolve(by_bob, sender="cat"), held)
    by_human = Message(5, 0, "titus", HUMAN, ("bob",), "May I?", "bob")
    to_human = Message(6, 0, "bob", AGENT, ("operator",), "Which?", "operator")
    assert is_asking_back(to_human, by_human)


NAMES = ("ann", "bob", "cat")
askers = st.sampled_from((ANN, BOB, CAT))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Speech, list[Question]]:
    questions = [
        Question(
            seq, draw(st.sampled_from((ANN, BOB, CAT))), draw(st.sampled_from(ASKED))
        )
        for seq in range(1, draw(st.integers(1, 5)))
    ]
    kind = draw(st.sampled_from([AGENT, HUMAN]))
    speech = said(
        draw(st.sampled_from(NAMES)) if kind is AGENT else "boss",
        *draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True)),
        reply_to=draw(st.none() | st.integers(1, 5)),
        kind=kind,
        claims=draw(st.sets(st.integers(1, 5))) if kind is AGENT else (),
        sole_reader=draw(st.none() | st.sampled_from(NAMES)),
    )
    return speech, questions


ASKED = (ANN, BOB, CAT, ANYONE, OPERATOR)


@given(scenes())
def test_an_answer_reaches_its_asker_and_comes_from_somebody_asked(
    scene: tuple[Speech, list[Question]],
) -> None:
    speech, questions = scene
    found = answered(speech, *questions)
    claims = {lease.seq for lease in speech.leases}
    for question in questions:
        if question.seq not in found.seqs:
            continue
        assert speech.is_heard_by(question.asker)
        assert question.asker not in speech.names
        assert (
            question.expects in speech.names
            or question.seq in claims
            or (speech.message.reply_to == question.seq and question.expects == ANYONE)
            or speech.message.kind is HUMAN
        )


@given(scenes())
def test_one_message_without_reply_to_answers_one_question_of_each_asker(
    scene: tuple[Speech, list[Question]],
) -> None:
    speech, questions = scene
    found = answered(speech, *questions)
    askers = [each.asker for each in questions if each.seq in found.seqs]
    assert len(askers) == len(set(askers))
    assert not {asker for asker, _ in found.unclear} & set(askers)
    assert all(len(seqs) > 1 for _, seqs in found.unclear)
