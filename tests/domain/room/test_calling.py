"""Messages to everyone with a capability: addressees, claims, answers and calls."""

from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.errors import RelayError
from argybargy.domain.message import CALLED, Message, SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.calling import MAX_CALLED_AT_ONCE
from argybargy.domain.room.commands import Acknowledged, Call, Claim, Post, Withdraw
from argybargy.domain.wake_policy import Wake, ends_wait, replied_message
from support.room import UNHURRIED, Scene

SQL: Final = PeerKey("can:sql")
CAN: Final = frozenset({SQL})


def ask(
    scene: Scene, *called: str, to: tuple[str, ...] = (SQL,), expects: str | None = None
) -> Message:
    command = Post("anna", SenderKind.AGENT, "who?", to, expects, called=called)
    scene.do(command)
    return scene.newest


def call(scene: Scene, peer: str) -> bool:
    """Call a peer, and return whether there is more."""
    answer = scene.do(Call(peer, CAN))
    assert isinstance(answer, Acknowledged)
    return answer.is_partial


def reason(scene: Scene, command: Claim) -> object:
    return scene.refusal(command).facts.get("reason")


def test_the_capable_are_addressed_with_the_address_itself() -> None:
    scene = Scene()
    asked = ask(scene, "Bob", "anna", "cat")
    assert asked.to == (SQL, "Bob", "cat")
    assert asked.expects == SQL
    assert asked.is_for(peer_key("BOB"))
    assert not asked.is_visible_to(peer_key("dan"))
    named = ask(scene, "bob", to=(SQL, "bob", "dan"))
    assert (named.to, named.expects) == ((SQL, "bob", "dan"), "none")


def test_a_post_without_anybody_capable_is_stored() -> None:
    assert ask(Scene()).to == (SQL,)


def test_too_many_capable_peers_are_refused() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, called_peers=2))
    assert ask(scene, "bob", "cat").to == (SQL, "bob", "cat")
    command = Post("anna", SenderKind.AGENT, "x", (SQL,), called=("a", "b", "c"))
    assert scene.refusal(command).facts["errors"]
    assert scene.room.head == 1


def test_only_the_capable_may_claim_and_others_are_told_why() -> None:
    scene = Scene()
    seq = ask(scene, "bob", "cat", to=(SQL, "dan"), expects=SQL).seq
    assert reason(scene, Claim("dan", seq)) == "not_capable"
    assert reason(scene, Claim("cat", seq)) == "not_capable"  # lost it meanwhile
    assert reason(scene, Claim("anna", seq, addresses=CAN)) == "own_question"
    assert scene.refusal(Claim("eve", seq, addresses=CAN)).problem.value.status == 404
    scene.do(Claim("bob", seq, addresses=CAN))
    assert scene.newest.claimed_by == "bob"


@pytest.mark.parametrize(
    ("sender", "addresses", "is_answered"),
    [("bob", CAN, True), ("dan", frozenset(), False), ("dan", CAN, True)],
)
def test_a_reply_of_a_capable_peer_answers(
    sender: str, addresses: frozenset[PeerKey], *, is_answered: bool
) -> None:
    scene = Scene()
    seq = ask(scene, "bob", to=(SQL, "dan"), expects=SQL).seq
    command = Post(
        sender, SenderKind.AGENT, "me", ("anna",), None, seq, addresses=addresses
    )
    scene.do(command)
    assert (seq not in scene.room.questions) == is_answered


def test_a_reply_to_a_question_claimed_by_another_is_refused() -> None:
    scene = Scene()
    seq = ask(scene, "bob", "cat").seq
    scene.do(Claim("bob", seq, addresses=CAN))
    command = Post("cat", SenderKind.AGENT, "me", ("all",), None, seq, addresses=CAN)
    assert scene.refusal(command).problem.value.code == "claimed_by_other"


def test_words_of_a_capable_peer_to_the_asker_alone_answer_nothing() -> None:
    scene = Scene()
    seq = ask(scene, "bob").seq
    scene.do(Post("bob", SenderKind.AGENT, "hi", ("anna",), "none", addresses=CAN))
    assert seq in scene.room.questions


def test_a_newcomer_hears_of_an_open_question() -> None:
    scene = Scene()
    seq = ask(scene, "bob").seq
    assert not call(scene, "Cat")
    assert scene.message(seq).to == (SQL, "bob", "Cat")
    notice = scene.newest
    assert (notice.event, notice.to, notice.reply_to) == (CALLED, ("Cat",), seq)
    assert notice.text == (
        "Your capabilities fit the open question 1. GET /messages/1 shows it; claim it "
        "before you answer."
    )
    assert notice.kind is SenderKind.SYSTEM
    cat = peer_key("cat")
    for wake in Wake:
        assert ends_wait(notice, replied_message(scene.room, notice), cat, wake)
    scene.do(Claim("cat", seq, addresses=CAN))
    call(scene, "cat")
    call(scene, "bob")
    call(scene, "anna")
    assert scene.newest is scene.message(notice.seq), "nobody else is called"


def test_several_questions_are_told_in_one_message() -> None:
    scene = Scene()
    first, second = ask(scene, "bob").seq, ask(scene, "bob").seq
    call(scene, "Cat")
    assert scene.newest.text == (
        f"Your capabilities fit the open questions {first}, {second}. GET "
        "/messages/{seq} shows each; claim one before you answer it."
    )


def test_an_ended_question_calls_nobody() -> None:
    scene = Scene()
    seq = ask(scene, "bob").seq
    scene.do(Withdraw("anna", SenderKind.AGENT, seq))
    head = scene.room.head
    call(scene, "cat")
    assert scene.room.head == head
    assert not scene.message(seq).is_visible_to(peer_key("cat"))


def test_what_is_no_question_calls_nobody() -> None:
    scene = Scene()
    ask(scene, "bob", expects="none")
    call(scene, "cat")
    assert scene.room.head == 1


def test_a_question_with_its_full_number_of_addressees_calls_nobody() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, addressees=1, called_peers=1))
    seq = ask(scene, "bob").seq
    call(scene, "cat")
    assert scene.message(seq).to == (SQL, "bob")


def test_a_peer_is_called_to_a_bounded_number_at_once() -> None:
    scene = Scene()
    count = MAX_CALLED_AT_ONCE + 3
    for _ in range(count):
        ask(scene)
    assert call(scene, "bob")
    assert not call(scene, "bob")
    seen = [
        seq for seq in range(1, count + 1) if scene.message(seq).is_for(peer_key("bob"))
    ]
    assert len(seen) == count
    notices = [scene.newest, scene.message(scene.room.head - 1)]
    assert [each.event for each in notices] == [CALLED, CALLED]


def test_a_reopened_question_is_announced_to_newcomers_as_well() -> None:
    scene = Scene()
    seq = ask(scene, "bob").seq
    scene.do(Claim("bob", seq, addresses=CAN))
    call(scene, "cat")
    scene.release("bob", seq)
    notice = scene.newest
    assert notice.is_for(peer_key("cat"))
    question = scene.message(seq)
    assert ends_wait(notice, question, peer_key("cat"), Wake.ASKS, CAN)
    assert not ends_wait(notice, question, peer_key("cat"), Wake.ASKS)


def test_a_question_older_than_the_tail_gets_a_newcomer() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, tail_messages=2))
    seq = ask(scene, "bob").seq
    for _ in range(4):
        scene.post("anna")
    assert seq not in scene.room.messages
    call(scene, "cat")
    assert scene.message(seq).to == (SQL, "bob", "cat")
    scene.restart()
    call(scene, "cat")
    assert scene.newest.event == CALLED
    assert scene.room.head == 6


NAMES: Final = st.sampled_from(["bob", "cat", "dan"])
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sets(NAMES)),
        st.tuples(st.just("call"), NAMES),
        st.tuples(st.just("claim"), NAMES),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=25,
)


def claim_all(scene: Scene, peer: str) -> None:
    for seq in scene.open_questions:
        try:
            scene.do(Claim(peer, seq, addresses=CAN))
        except RelayError as refusal:
            expected = {"not_found", "claimed_by_other"}
            if refusal.problem.value.code not in expected:
                raise


def check_agreement(scene: Scene) -> None:
    for seq, message in scene.durable.messages.items():
        assert scene.room.messages[seq].to == message.to
    for seq, question in scene.room.questions.items():
        assert question == scene.durable.questions[seq]
        assert question.audience_keys == scene.message(seq).audience_keys
    found = scene.room.questions.calling(SQL)
    assert sorted(each.seq for each in found) == scene.open_questions


@given(STEPS)
def test_memory_and_store_agree_and_everyone_called_has_heard(
    steps: list[tuple[str, object]],
) -> None:
    scene = Scene()
    for kind, what in steps:
        match kind, what:
            case "ask", set(names):
                ask(scene, *sorted(names))
            case "call", str(peer):
                call(scene, peer)
                open_to = [scene.message(seq) for seq in scene.open_questions]
                assert all(each.is_for(peer_key(peer)) for each in open_to)
            case "claim", str(peer):
                claim_all(scene, peer)
            case _:
                scene.restart()
        check_agreement(scene)


def test_nobody_is_called_in_a_closed_room_but_after_its_reopening() -> None:
    scene = Scene()
    seq = ask(scene).seq
    scene.close()
    head = scene.room.head
    assert scene.refusal(Call("bob", CAN)).problem.value.code == "room_closed"
    assert scene.room.head == head
    scene.open()
    call(scene, "bob")
    assert scene.message(seq).to == (SQL, "bob")
