"""What ends the wait of a poll, and when held messages are due."""

from math import inf

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import (
    DAMPED,
    REOPENED,
    Message,
    Resolution,
    ResolutionKind,
    SenderKind,
)
from argybargy.domain.names import peer_key
from argybargy.domain.wake_policy import (
    Backlog,
    Wake,
    WakePolicy,
    ends_wait,
    replied_message,
)
from support.room import START, UNHURRIED, Scene, message

BOB = peer_key("bob")
OWN = message(sender="Bob", expects="anyone")
OPEN = message(expects="anyone")
END = Resolution(ResolutionKind.ANSWERED, "carol", 0, 2)
WITHDRAWN = Resolution(ResolutionKind.WITHDRAWN, "anna", 0)
NOTICE = attrs.evolve(message(sender="system"), kind=SenderKind.SYSTEM, event=DAMPED)


def reopened(question: Message) -> Message:
    return attrs.evolve(
        question,
        seq=9,
        sender="system",
        kind=SenderKind.SYSTEM,
        expects="none",
        reply_to=question.seq,
        event=REOPENED,
    )


CASES = {
    "for your information": (message(), None, ""),
    "addressed": (message(to="bob"), None, "direct"),
    "addressed to several": (message(to="carol Bob"), None, "direct"),
    "a question to the reader": (message(expects="BOB"), None, "asks direct"),
    "a question to another": (message(expects="carol"), None, ""),
    "a direct question": (message(to="Bob", expects="Bob"), None, "asks direct"),
    "a direct question to another": (
        message(to="bob carol", expects="carol"),
        None,
        "direct",
    ),
    "a question to anyone": (OPEN, None, "asks direct"),
    "a claimed one": (OPEN.with_claim("carol", 1), None, ""),
    "one that is answered": (
        OPEN.with_claim("carol", 1, is_claim_final=True),
        None,
        "",
    ),
    "a question to the reader that is answered": (
        message(expects="bob").with_resolution(END),
        None,
        "",
    ),
    "a direct question that is answered": (
        message(to="bob", expects="bob").with_resolution(END),
        None,
        "direct",
    ),
    "a question to anyone that is withdrawn": (
        OPEN.with_resolution(WITHDRAWN),
        None,
        "",
    ),
    "a person's question to the reader": (
        attrs.evolve(message(expects="bob"), kind=SenderKind.PERSON),
        None,
        "asks direct",
    ),
    "a person's remark": (attrs.evolve(message(), kind=SenderKind.PERSON), None, ""),
    "an answer to the reader without reply_to": (
        attrs.evolve(message(2), answers_to=frozenset({BOB})),
        None,
        "asks direct",
    ),
    "a word of the operator": (
        attrs.evolve(message(), kind=SenderKind.OPERATOR),
        None,
        "asks direct",
    ),
    "an answer to the reader's question": (
        attrs.evolve(message(2), reply_to=1),
        OWN,
        "asks direct",
    ),
    "a reply to the reader's remark": (
        attrs.evolve(message(2), reply_to=1),
        message(sender="bob"),
        "",
    ),
    "an answer to another's question": (
        attrs.evolve(message(2), reply_to=1),
        message(sender="carol", expects="anyone"),
        "",
    ),
    "a reply to a message not in memory": (
        attrs.evolve(message(2), reply_to=1),
        None,
        "",
    ),
    "open again": (reopened(OPEN), OPEN, "asks direct"),
    "open again, claimed meanwhile": (
        reopened(OPEN),
        OPEN.with_claim("carol", 2),
        "",
    ),
    "open again, the reader's own": (reopened(OWN), OWN, ""),
    "open again, for another": (
        reopened(message(expects="carol")),
        message(expects="carol"),
        "",
    ),
    "open again, for the reader": (
        reopened(message(expects="bob")),
        message(expects="bob"),
        "asks direct",
    ),
    "open again, for two, asking one": (
        reopened(message(to="bob carol", expects="carol")),
        message(to="bob carol", expects="carol"),
        "",
    ),
    "open again, not in memory": (reopened(OPEN), None, "asks direct"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_ends_a_wait(case: str) -> None:
    said, replied_to, wakes = CASES[case]
    for wake in (Wake.ASKS, Wake.DIRECT):
        expected = wake.value in wakes.split()
        assert ends_wait(said, replied_to, BOB, wake) == expected
    assert ends_wait(said, replied_to, BOB, Wake.ALL)


@pytest.mark.parametrize("wake", Wake)
def test_the_notice_of_a_damping_ends_no_wait(wake: Wake) -> None:
    assert not ends_wait(NOTICE, None, BOB, wake)


def test_an_answer_that_replies_to_nothing_ends_the_wait_of_its_asker() -> None:
    scene = Scene(UNHURRIED)
    scene.post("bob", "what is the port?", to="anna")
    answer = scene.post("anna", "8765", to="bob", expects="none")
    assert ends_wait(answer, None, BOB, Wake.ASKS)


def test_damped_messages_are_due_when_the_damping_ends() -> None:
    scene = Scene(UNHURRIED)
    for number in range(UNHURRIED.loop_turns + 2):
        scene.post(("anna", "bob")[number % 2], reply_to=number or None, to="anna bob")
    last = scene.room.head - 1
    assert scene.newest.event == DAMPED
    reader = peer_key("anna")

    def look(backlog: Backlog) -> Backlog:
        return backlog.looked_through(scene.room, reader, Wake.ALL, scene.now)

    backlog = look(Backlog(last - 1))
    policy = WakePolicy(Wake.ALL, 600)
    assert backlog.damped == (scene.message(last),)
    assert backlog.seconds_left(policy, scene.now) == 60
    scene.pass_time(30)
    assert look(backlog).seconds_left(policy, scene.now) == 30
    scene.pass_time(30)
    assert look(backlog).has_ended
    assert look(backlog).seconds_left(policy, scene.now) == 0
    scene.pass_time(-30)
    scene.post("carol")
    assert look(backlog).has_ended, "something else ends it"


def test_what_ends_a_wait_for_questions_ends_one_for_direct_messages() -> None:
    for said, replied_to, _ in CASES.values():
        asks, direct, every = (ends_wait(said, replied_to, BOB, wake) for wake in Wake)
        assert asks <= direct <= every


spoken = st.tuples(
    st.sampled_from(["alice", "bob", "Carol"]),
    st.sampled_from(["", "", "Bob", "carol"]),
    st.sampled_from(["none", "anyone", "bob", "carol"]),
    st.floats(0, 30),
)


@given(
    st.lists(spoken, max_size=12),
    st.sampled_from(Wake),
    st.integers(1, 12),
    st.sets(st.integers(1, 12)),
)
def test_looking_piece_by_piece_finds_what_looking_once_finds(
    said: list[tuple[str, str, str, float]],
    wake: Wake,
    tail: int,
    looks: set[int],
) -> None:
    limits = Limits(posts_per_window=0, tail_messages=tail)
    scene, stepwise = Scene(limits), Backlog(0)
    for number, (sender, to, expects, pause) in enumerate(said, start=1):
        scene.post(sender, "hello", to=to, expects=expects)
        scene.pass_time(pause)
        if number in looks:
            stepwise = stepwise.looked_through(scene.room, BOB, wake, scene.now)
    room = scene.room
    stepwise = stepwise.looked_through(room, BOB, wake, scene.now)
    assert stepwise.cursor == room.head
    unread = list(map(scene.message, range(1, room.head + 1)))
    mine = [each for each in unread if each.is_for(BOB)]
    ending = [
        each for each in mine if ends_wait(each, replied_message(room, each), BOB, wake)
    ]
    if stepwise.ended_ms == -inf:
        assert tail < len(said), "it was too far behind"
        return
    assert stepwise.held_ms == (mine[0].heard_ms if mine else None)
    # A look before the answer found a question that was still open.
    possible = [each.heard_ms for each in mine if each.resolution]
    first = ending[0].heard_ms if ending else None
    assert stepwise.ended_ms in {first, *possible}


def test_a_reader_behind_the_tail_is_answered_at_once() -> None:
    scene = Scene(Limits(posts_per_window=0, tail_messages=2))
    for _ in range(3):
        scene.post("alice")
    behind = Backlog(0).looked_through(scene.room, BOB, Wake.ASKS, scene.now)
    assert behind.seconds_left(WakePolicy(Wake.ASKS, 600), scene.now) <= 0
    near = Backlog(1).looked_through(scene.room, BOB, Wake.ASKS, scene.now)
    assert near.seconds_left(WakePolicy(Wake.ASKS, 600), scene.now) == 600


@given(
    st.none() | st.integers(0, 50),
    st.none() | st.integers(0, 50),
    st.integers(0, 60),
    st.sampled_from([0, 0.5, 2]),
)
def test_messages_are_due_after_settling_or_when_the_oldest_is_old(
    held: int | None, ended: int | None, hold: int, settle: float
) -> None:
    at = START.counted_ms
    backlog = Backlog(
        9,
        None if held is None else at - held * 1000,
        None if ended is None else at - ended * 1000,
    )
    left = backlog.seconds_left(WakePolicy(Wake.ASKS, hold, settle), START)
    dues = [inf]
    if held is not None and hold:
        dues.append(hold - held)
    if ended is not None:
        dues.append(settle - ended)
    assert left == pytest.approx(min(dues))


def test_a_clock_that_is_set_changes_no_age() -> None:
    scene = Scene(UNHURRIED)
    scene.post("alice")
    scene.pass_time(100)
    now = attrs.evolve(
        scene.now, wall_ms=scene.now.wall_ms + 3_600_000, stepped_ms=3_600_000
    )
    assert isinstance(now, Instant)
    backlog = Backlog(0).looked_through(scene.room, BOB, Wake.ASKS, now)
    assert backlog.seconds_left(WakePolicy(Wake.ASKS, 600), now) == 500
