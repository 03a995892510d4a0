"""A question is answered by its answer, and by nothing else."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.message import Lease, Message, Question, SenderKind
from argybargy.domain.names import ANYONE, OPERATOR, peer_key
from argybargy.domain.room.answering import Answers, Speech, answers_of, hint_for

AGENT, HUMAN = SenderKind.AGENT, SenderKind.OPERATOR
ANN, BOB, CAT = map(peer_key, ("ann", "bob", "cat"))


def said(
    sender: str,
    *to: str,
    reply_to: int | None = None,
    kind: SenderKind = AGENT,
    claims: Iterable[int] = (),
    sole_reader: str | None = None,
) -> Speech:
    message = Message(99, 0, sender, kind, to or ("all",), "x", "none", reply_to)
    key = peer_key(sender)
    names = {key, OPERATOR} if kind is HUMAN else {key}
    leases = tuple(Lease(seq, sender, 1, 60, 0.0, 0) for seq in claims)
    sole = None if sole_reader is None else peer_key(sole_reader)
    return Speech(message, frozenset(names), leases, sole)


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
