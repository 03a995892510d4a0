"""Loops of two agents that answer each other."""

from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.damping import Exchange, Exchanges, damping_seconds, pair_of
from argybargy.domain.limits import Limits
from argybargy.domain.message import DAMPED, TO_ALL, Message, SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.commands import Post, Undamp, Undamped
from support.room import UNHURRIED, Scene

ANNA, BOB = peer_key("anna"), peer_key("bob")
TURNS = UNHURRIED.loop_turns


def said_by(number: int) -> str:
    return ("anna", "bob")[number % 2]


def to(number: int) -> str:
    return said_by(number + 1)


def talk(scene: Scene, count: int, say: Callable[[int], Message]) -> list[Message]:
    """Let anna and bob speak in turn, a second apart."""
    said = []
    for number in range(count):
        said.append(say(number))
        scene.pass_time(1)
    return said


def notices(scene: Scene) -> list[Message]:
    messages = (scene.message(seq) for seq in range(1, scene.room.head + 1))
    return [each for each in messages if each.event == DAMPED]


def is_damped(scene: Scene, message: Message) -> bool:
    now, reader = scene.now.steady_seconds, BOB if message.sender == "anna" else ANNA
    return scene.room.exchanges.damped_until(message, reader, now) is not None


def newest_of_agents(scene: Scene) -> int | None:
    """Return the seq of the newest message that is no notice of the relay."""
    for seq in range(scene.room.head, 0, -1):
        if scene.message(seq).kind is not SenderKind.SYSTEM:
            return seq
    return None


def replying(scene: Scene, **how: str) -> Callable[[int], Message]:
    """Reply to the message before."""
    return lambda number: scene.post(
        said_by(number), reply_to=newest_of_agents(scene), **how
    )


LOOPS: dict[str, Callable[[Scene], Callable[[int], Message]]] = {
    "replies to all that ask nothing": replying,
    "replies that ask back": lambda it: (
        lambda number: it.post(
            said_by(number), reply_to=newest_of_agents(it), expects=to(number)
        )
    ),
    "replies that ask anyone": lambda it: replying(it, expects="anyone"),
    "direct messages without reply_to": lambda it: (
        lambda number: it.post(said_by(number), to=to(number))
    ),
    "direct messages that ask nothing": lambda it: (
        lambda number: it.post(said_by(number), to=to(number), expects="none")
    ),
    "replies to the first question again and again": lambda it: (
        lambda number: it.post(
            said_by(number),
            to=to(number),
            expects=to(number),
            reply_to=1 if number % 2 else None,
        )
    ),
    "direct messages with several open questions": lambda it: (
        lambda number: (
            it.post(said_by(number), to=to(number)),
            it.post(said_by(number), to=to(number)),
        )[1]
    ),
}

NO_LOOPS: dict[str, Callable[[Scene], Callable[[int], Message]]] = {
    "questions and answers": lambda it: (
        lambda number: (
            it.post("bob", reply_to=it.room.head)
            if number % 2
            else it.post("anna", to="bob")
        )
    ),
    "questions to anyone and answers": lambda it: (
        lambda number: (
            it.post("bob", reply_to=it.room.head)
            if number % 2
            else it.post("anna", expects="anyone")
        )
    ),
    "status posts": lambda it: lambda number: it.post(said_by(number)),
    "reports of one to the other": lambda it: (
        lambda _: it.post("anna", to="bob", expects="none")
    ),
    "answers to the operator": lambda it: (
        lambda number: it.post(said_by(number), reply_to=1)
    ),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_is_damped_after_so_many_turns(loop: str) -> None:
    scene = Scene()
    said = talk(scene, 2 * TURNS + 4, LOOPS[loop](scene))
    (notice,) = notices(scene)
    assert TURNS < notice.seq <= 2 * TURNS + 3
    assert all(is_damped(scene, each) for each in said if each.seq > notice.seq)
    assert not any(is_damped(scene, each) for each in said if each.seq < notice.seq - 1)
    assert "anna" in notice.text
    assert "bob" in notice.text


@pytest.mark.parametrize("talks", NO_LOOPS)
def test_what_is_no_loop_is_never_damped(talks: str) -> None:
    scene = Scene()
    scene.say("titus", "go on")
    talk(scene, 8 * TURNS, NO_LOOPS[talks](scene))
    assert notices(scene) == []
    assert not list(scene.room.exchanges.damped(scene.now.steady_seconds))


def test_exactly_the_turn_above_the_limit_begins_a_damping_of_a_minute() -> None:
    scene = Scene()
    said = talk(scene, TURNS, replying(scene, to="anna bob"))
    # The first message replies to nothing, so it is no turn.
    assert not any(is_damped(scene, each) for each in said)
    twelfth = replying(scene, to="anna bob")(0)
    assert not is_damped(scene, twelfth)
    thirteenth = scene.post("bob", reply_to=twelfth.seq)
    assert scene.newest.event == DAMPED
    assert scene.newest.at_ms == thirteenth.at_ms
    assert is_damped(scene, thirteenth)
    scene.pass_time(59.9)
    assert is_damped(scene, thirteenth)
    scene.pass_time(0.1)
    assert not is_damped(scene, thirteenth)


def test_the_notice_goes_where_the_message_went() -> None:
    for how, addressees in (
        ({"to": "anna bob"}, {"anna", "bob"}),
        ({}, set(TO_ALL)),
    ):
        scene = Scene()
        talk(scene, TURNS + 2, replying(scene, **how))
        (notice,) = notices(scene)
        assert set(notice.to) == addressees


def test_each_further_damping_lasts_twice_as_long_until_there_is_calm() -> None:
    scene, lasted = Scene(), []
    for number in range(100):
        before = len(notices(scene))
        replying(scene)(number)
        scene.pass_time(1)
        if len(notices(scene)) > before:
            lasted.append(round(left_of(scene) + 1))
            scene.pass_time(lasted[-1])
    assert lasted[:5] == [60, 120, 240, 480, 900]
    assert set(lasted[5:]) <= {900}
    scene.pass_time(1_000 + UNHURRIED.loop_window_seconds)
    talk(scene, TURNS + 1, replying(scene))
    found = scene.room.exchanges.of(ANNA, BOB)
    assert found is not None
    assert found.dampings == 1


def left_of(scene: Scene) -> float:
    found = scene.room.exchanges.of(ANNA, BOB)
    assert found is not None
    return found.until - scene.now.steady_seconds


@given(st.integers(1, 10_000))
def test_a_damping_is_never_longer_than_the_limit(dampings: int) -> None:
    seconds = damping_seconds(dampings, UNHURRIED)
    assert 60 <= seconds <= 900
    assert seconds == min(60 * 2 ** (min(dampings, 9) - 1), 900)


def test_turns_outside_the_window_do_not_count() -> None:
    scene = Scene()
    for number in range(60):
        replying(scene)(number)
        scene.pass_time(UNHURRIED.loop_window_seconds / TURNS)
    assert notices(scene) == []


def damped_scene(limits: Limits = UNHURRIED) -> tuple[Scene, Message]:
    scene = Scene(limits)
    said = talk(scene, TURNS + 2, replying(scene))
    assert is_damped(scene, said[-1])
    return scene, said[-1]


def test_a_word_of_the_operator_ends_it() -> None:
    scene, last = damped_scene()
    lifted = scene.room.exchanges.lifted
    scene.say("titus", "carry on")
    assert not is_damped(scene, last)
    assert scene.room.exchanges.lifted > lifted
    talk(scene, TURNS, replying(scene))
    assert len(notices(scene)) == 1


def test_an_answer_to_a_new_question_ends_it() -> None:
    scene, last = damped_scene()
    question = scene.post("anna", "what is the port?", to="bob")
    assert not is_damped(scene, question), "a question wakes"
    assert is_damped(scene, last)
    answer = scene.post("bob", "8765", reply_to=question.seq)
    assert not is_damped(scene, answer)
    assert not is_damped(scene, last)


def test_an_answer_under_a_claim_begins_an_exchange() -> None:
    scene = Scene()
    for number in range(4 * TURNS):
        previous = scene.room.head or None
        scene.post(said_by(number), reply_to=previous)
        asked = scene.post(said_by(number), expects="anyone")
        scene.claim(to(number), asked.seq)
        scene.pass_time(1)
    assert notices(scene) == []


@pytest.mark.parametrize("is_reply", [True, False])
def test_two_agents_that_only_ask_back_are_damped(is_reply: bool) -> None:
    scene = Scene()
    for number in range(TURNS + 2):
        to_other, previous = to(number), scene.room.head or None
        scene.post(
            said_by(number),
            to=to_other,
            expects=to_other,
            reply_to=previous if is_reply else None,
        )
    assert len(notices(scene)) == 1


def test_a_third_agent_is_not_damped() -> None:
    scene, last = damped_scene()
    carol = scene.post("carol", reply_to=last.seq)
    other = scene.post("anna", to="carol bob", reply_to=carol.seq)
    now = scene.now.steady_seconds
    until_of = scene.room.exchanges.damped_until
    assert until_of(carol, BOB, now) is None
    assert until_of(other, peer_key("carol"), now) is None
    assert until_of(last, peer_key("carol"), now) is None


def test_an_operator_lifts_one_pair_or_all() -> None:
    scene, last = damped_scene()
    answer = scene.do(Undamp("titus", ("bob", "carol")))
    assert answer == Undamped(())
    assert is_damped(scene, last)
    assert scene.writes == ()
    assert scene.do(Undamp("titus", ("Bob", "anna"))) == Undamped((("anna", "bob"),))
    assert not is_damped(scene, last)
    (audit,) = scene.durable.audits[-1:]
    assert (audit.action, audit.actor, audit.detail) == (
        "undamp",
        "titus",
        "anna and bob",
    )
    scene, last = damped_scene()
    assert scene.do(Undamp("titus")) == Undamped((("anna", "bob"),))
    assert scene.do(Undamp("titus")) == Undamped(())


def test_after_a_restart_everybody_starts_anew() -> None:
    scene, last = damped_scene()
    scene.restart()
    assert not is_damped(scene, scene.message(last.seq))
    assert len(scene.room.exchanges) == 0


def test_without_a_limit_nothing_is_damped() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, loop_turns=0))
    talk(scene, 8 * TURNS, replying(scene))
    assert notices(scene) == []
    assert len(scene.room.exchanges) == 0


def test_people_are_not_damped() -> None:
    scene = Scene()
    for number in range(4 * TURNS):
        kind = SenderKind.PERSON if number % 2 else SenderKind.AGENT
        scene.post(said_by(number), by=kind, to=to(number), reply_to=number or None)
    assert notices(scene) == []


def test_a_bounded_number_of_pairs_is_remembered() -> None:
    limits = attrs.evolve(UNHURRIED, loop_pairs_per_room=8)
    scene = Scene(limits)
    for number in range(100):
        scene.post(f"agent-{number}", to="bob", expects="none")
        assert len(scene.room.exchanges) <= 8
    bob_with_last = scene.room.exchanges.of(BOB, peer_key("agent-99"))
    assert bob_with_last is not None
    assert scene.room.exchanges.of(BOB, peer_key("agent-1")) is None


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(2, 20))
def test_the_pairs_noted_last_are_remembered(numbers: list[int], most: int) -> None:
    exchanges = Exchanges()
    for number in numbers:
        exchange = Exchange(BOB, (float(number),))
        exchanges = exchanges.put(BOB, PeerKey(f"a{number}"), exchange, most)
        assert len(exchanges) <= most
    recent = list(dict.fromkeys(reversed(numbers)))[: most // 2]
    for number in recent:
        found = exchanges.of(PeerKey(f"a{number}"), BOB)
        assert found == Exchange(BOB, (float(number),))


def test_a_pair_has_no_order() -> None:
    assert pair_of(ANNA, BOB) == pair_of(BOB, ANNA)


@pytest.mark.parametrize("is_asking", [False, True])
def test_a_person_is_never_damped(*, is_asking: bool) -> None:
    scene = Scene()
    for _ in range(2 * TURNS):
        scene.post("pat", "I?", by=SenderKind.PERSON, to="anna", expects="anna")
        if is_asking:  # several open questions of the person: unclear which is meant
            scene.post("pat", "II?", by=SenderKind.PERSON, to="anna", expects="anna")
        said = scene.post("anna", "so", to="pat", expects="none")
        assert not said.turn_with
        scene.pass_time(1)
    assert notices(scene) == []
    assert not len(scene.room.exchanges)


def test_an_address_of_a_capability_is_no_agent() -> None:
    scene = Scene()
    scene.do(Post("anna", SenderKind.AGENT, "fyi", ("can:sql", "bob"), "none"))
    assert scene.room.exchanges.of(ANNA, BOB) is not None
    assert len(scene.room.exchanges) == 1
