"""Posting: the stored message, refusals, limits and idempotency."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key
from argybargy.domain.room.commands import Post, Posted
from support.room import UNHURRIED, Scene, post


def test_a_member_keeps_its_first_spelling() -> None:
    scene = Scene()
    scene.post("Anna")
    scene.post("ANNA")
    assert scene.room.members[peer_key("anna")].name == "Anna"
    assert scene.room.members[peer_key("anna")].last_seq == 2


def test_seqs_count_from_one_without_gaps() -> None:
    scene = Scene()
    assert [scene.post("anna").seq for _ in range(4)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("to", "expects", "asked"),
    [
        ("", None, "none"),
        ("bob", None, "bob"),
        ("bob carol", None, "none"),
        ("", "anyone", "anyone"),
        ("bob", "none", "none"),
        ("bob carol", "carol", "carol"),
    ],
)
def test_the_expected_answerer_follows_from_the_addressing(
    to: str, expects: str | None, asked: str
) -> None:
    assert Scene().post("anna", to=to, expects=expects).expects == asked


def test_timestamps_do_not_run_backwards_with_the_wall_clock() -> None:
    scene = Scene()
    first = scene.post("anna")
    scene.set_wall_back(600)
    assert scene.post("anna").at_ms == first.at_ms
    scene.restart()
    assert scene.post("anna").at_ms == first.at_ms
    scene.pass_time(601)
    assert scene.post("anna").at_ms == first.at_ms + 1000


def test_a_room_is_not_closed_at_a_time_before_its_newest_message() -> None:
    scene = Scene()
    last = scene.post("anna")
    scene.set_wall_back(600)
    scene.close()
    assert scene.room.status.closed_at_ms == last.at_ms


def test_a_notice_is_not_older_than_the_message_before_it() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    last = scene.post("anna")
    scene.set_wall_back(600)
    scene.release("bob", 1)
    assert scene.newest.at_ms == last.at_ms


# -- closed rooms and quotas ---------------------------------------------------


def test_an_agent_cannot_post_into_a_closed_room() -> None:
    scene = Scene()
    scene.post("anna")
    scene.close()
    error = scene.refusal(post("anna"))
    assert error.problem is Problem.ROOM_CLOSED
    assert error.facts["closed_by"] == "ops"
    assert error.facts["closed_at"] == scene.room.status.closed_at is not None


def test_the_operator_may_post_into_a_closed_room() -> None:
    scene = Scene()
    scene.post("anna")
    scene.close()
    assert scene.say("Ops").seq == 2


def test_a_closed_room_refuses_before_the_rate_limit_counts() -> None:
    scene = Scene(Limits(posts_per_window=1))
    scene.post("anna")
    scene.close()
    assert scene.refusal(post("anna")).problem is Problem.ROOM_CLOSED
    scene.open()
    assert scene.refusal(post("anna")).problem is Problem.RATE_LIMITED


def test_the_first_message_of_a_room_needs_a_place_in_the_quota() -> None:
    scene = Scene(Limits(rooms=3))
    no_place = attrs.evolve(post("anna"), has_room_quota=False)
    error = scene.refusal(no_place)
    assert error.problem is Problem.ROOM_QUOTA
    assert error.facts == {"limit": 3}
    scene.post("anna")
    scene.do(no_place)


# -- the rate limit ------------------------------------------------------------


def test_the_rate_limit_of_one_peer_does_not_affect_others() -> None:
    scene = Scene(Limits(posts_per_window=2, window_seconds=10.0))
    scene.post("anna")
    scene.pass_time(3)
    scene.post("Anna")
    error = scene.refusal(post("anna"))
    assert error.problem is Problem.RATE_LIMITED
    assert error.facts["retry_after"] == 7
    scene.post("bob")
    scene.pass_time(7)
    scene.post("anna")


def test_the_operator_is_not_rate_limited() -> None:
    scene = Scene(Limits(posts_per_window=1))
    for _ in range(3):
        scene.say("Ops")


def test_a_refused_post_does_not_count() -> None:
    scene = Scene(Limits(posts_per_window=1))
    scene.refusal(post("anna", reply_to=9))
    scene.post("anna")


# -- idempotency ---------------------------------------------------------------


def test_a_retry_returns_the_stored_message() -> None:
    scene = Scene()
    first = scene.post("anna", to="bob", key="k")
    scene.post("bob")
    scene.pass_time(5)
    answer = scene.do(post("anna", to="bob", key="k"))
    assert answer == Posted(first, is_duplicate=True)
    assert scene.room.head == 2
    assert scene.writes == ()


def test_a_retry_returns_a_message_dropped_by_retention() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=2))
    first = scene.post("anna", key="k")
    for _ in range(5):
        scene.post("bob")
    scene.restart()
    assert scene.post("anna", key="k") == first


def test_a_retry_succeeds_in_a_closed_room_and_past_the_rate_limit() -> None:
    scene = Scene(Limits(posts_per_window=1))
    first = scene.post("anna", key="k")
    assert scene.post("anna", key="k") == first
    scene.close()
    assert scene.post("anna", key="k") == first


def test_a_retry_of_a_reply_succeeds_after_the_question_is_settled() -> None:
    scene = Scene()
    seq = scene.ask()
    first = scene.post("bob", reply_to=seq, key="k")
    assert scene.post("bob", reply_to=seq, key="k") == first


@pytest.mark.parametrize(
    "other",
    [
        post("anna", "bye", to="bob", key="k"),
        post("anna", to="carol", key="k"),
        post("anna", to="bob", expects="none", key="k"),
        post("anna", to="bob", reply_to=1, key="k"),
    ],
)
def test_a_key_cannot_be_used_for_another_body(other: Post) -> None:
    scene = Scene()
    scene.post("anna", to="bob", key="k")
    error = scene.refusal(other)
    assert error.problem is Problem.IDEMPOTENCY_CONFLICT
    assert error.facts == {"seq": 1}


def test_keys_of_different_peers_are_different_keys() -> None:
    scene = Scene()
    assert scene.post("anna", key="k").seq == 1
    assert scene.post("bob", key="k").seq == 2


def test_an_idempotency_key_expires() -> None:
    scene = Scene()
    scene.post("anna", key="k")
    scene.pass_time(24 * 3600)
    assert scene.post("anna", key="k").seq == 1
    scene.pass_time(0.001)
    assert scene.post("anna", "something else", key="k").seq == 2
    assert len(scene.room.receipts) == len(scene.room.receipt_order) == 1


def test_the_oldest_idempotency_key_is_dropped_beyond_the_limit() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, idempotency_keys_per_room=2))
    for key in ("k1", "k2", "k3"):
        scene.post("anna", key=key)
    assert sorted(key for _, key in scene.room.receipts) == ["k2", "k3"]
    scene.restart()
    assert scene.post("anna", key="k2").seq == 2
    assert scene.post("anna", key="k1").seq == 4


# -- reply_to ------------------------------------------------------------------


def test_a_reply_contains_the_seq_of_its_question() -> None:
    scene = Scene()
    scene.post("anna")
    assert scene.post("bob", reply_to=1).reply_to == 1


@pytest.mark.parametrize("seq", [0, -1, 2, 3, 2**53 - 1])
def test_replies_to_a_missing_and_to_a_hidden_message_are_refused_alike(
    seq: int,
) -> None:
    scene = Scene()
    scene.post("anna")
    scene.post("anna", to="carol")
    error = scene.refusal(post("bob", reply_to=seq))
    assert error.problem is Problem.INVALID_REQUEST
    ((field, text),) = [tuple(each.values()) for each in _errors(error)]
    assert (field, text) == (
        "reply_to",
        "there is no message of that number that you may see",
    )


def _errors(error: RelayError) -> list[dict[str, str]]:
    errors = error.facts["errors"]
    assert isinstance(errors, list)
    return errors


def test_the_operator_may_reply_to_direct_messages_of_agents() -> None:
    scene = Scene()
    scene.post("anna", to="bob")
    assert scene.say("Ops", reply_to=1).reply_to == 1


def test_a_reply_reaches_back_beyond_the_tail_but_not_beyond_retention() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=4, tail_messages=2))
    for _ in range(4):
        scene.post("anna")
    assert 1 not in scene.room.messages
    scene.post("bob", reply_to=1)
    assert scene.refusal(post("bob", reply_to=1)).problem is Problem.INVALID_REQUEST


# -- what is recorded ----------------------------------------------------------


def test_a_post_of_the_operator_is_audited_without_its_text() -> None:
    scene = Scene()
    scene.say("Ops", "the secret plan", to="anna bob")
    (audit,) = scene.durable.audits
    assert (audit.action, audit.actor, audit.room) == ("say", "Ops", "hall")
    assert audit.detail == "-> anna, bob"


def test_a_dismissed_peer_is_no_member_until_it_posts_again() -> None:
    scene = Scene()
    scene.post("anna")
    scene.dismiss("ANNA")
    assert "anna" not in scene.room.members
    scene.post("anna")
    assert "anna" in scene.room.members


def test_the_repr_of_a_room_contains_no_text() -> None:
    scene = Scene()
    scene.post("anna", "the secret plan", key="k")
    assert "secret" not in repr(scene.room)


# -- reading before writing ----------------------------------------------------


def conditional(sender: str, read_to: int, **how: object) -> Post:
    return attrs.evolve(post(sender, **how), read_to=read_to)  # type: ignore[arg-type]


def test_a_sender_that_has_not_read_everything_posts_nothing() -> None:
    scene = Scene(Limits(posts_per_window=3))
    for _ in range(3):
        scene.post("anna")
    for cursor in (0, 2):
        error = scene.refusal(conditional("bob", cursor))
        assert error.problem is Problem.UNREAD_MESSAGES
        assert error.facts == {"read_to": cursor}
    assert scene.room.head == 3
    scene.do(conditional("bob", 3))
    scene.do(conditional("bob", 3))
    assert scene.room.head == 5, "a sender has read its own messages"
    assert scene.refusal(conditional("anna", 5)).problem is Problem.RATE_LIMITED


def test_messages_older_than_the_tail_are_looked_up_beforehand() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, tail_messages=1))
    scene.post("anna")
    scene.post("anna", to="carol")
    scene.do(conditional("bob", 0))
    known = attrs.evolve(conditional("bob", 0), has_older_unread=True)
    assert scene.refusal(known).problem is Problem.UNREAD_MESSAGES


@given(
    st.lists(st.sampled_from(["anna", "bob"]), max_size=12),
    st.lists(st.sampled_from(["", "bob", "carol"]), min_size=12, max_size=12),
    st.integers(0, 14),
    st.integers(0, 14),
)
def test_a_post_is_refused_if_a_poll_would_return_something(
    senders: list[str], addressees: list[str], cursor: int, looked_to: int
) -> None:
    scene = Scene()
    for sender, to in zip(senders, addressees, strict=False):
        scene.post(sender, to=to)
    bob = peer_key("bob")
    unread = [each.seq for each in scene.durable.messages.values()
              if each.seq > cursor and each.is_for(bob)]  # fmt: skip
    command = attrs.evolve(
        conditional("bob", cursor),
        looked_to=looked_to,
        has_older_unread=any(seq <= looked_to for seq in unread),
    )
    if unread or cursor > scene.room.head:
        assert scene.refusal(command).problem is Problem.UNREAD_MESSAGES
    else:
        assert isinstance(scene.do(command), Posted)


def test_the_audit_log_tells_an_answer_of_the_operator_from_another_word() -> None:
    scene = Scene()
    question = scene.post("anna", to="operator")
    scene.say("titus")
    scene.say("titus", to="anna", reply_to=question.seq)
    scene.say("titus", to="anna", reply_to=question.seq)
    rows = [(each.action, each.actor, each.detail) for each in scene.durable.audits]
    assert rows == [
        ("say", "titus", "-> all"),
        ("claim", "titus", "seq=1"),
        ("answer", "titus", "seq=1 -> anna"),
        ("say", "titus", "-> anna"),
    ]
