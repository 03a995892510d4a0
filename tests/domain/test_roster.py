"""The roster of a room, and the activity of its members."""

import attrs
import pytest

from argybargy.domain.message import TO_ALL, Member, Message, SenderKind
from argybargy.domain.names import peer_key
from argybargy.domain.roster import (
    UNHELD_SECONDS,
    WORKING_SECONDS,
    LastSeen,
    RosterRow,
    RosterSources,
    build_roster,
    member_names,
    operator_names,
    operator_seq,
    operator_turns,
)
from argybargy.domain.seat import Listening
from support.room import START, code_record

NOTHING = RosterSources(
    codes=(),
    lapsed=frozenset(),
    members={},
    seen={},
    waiting=frozenset(),
    now=START,
)


def member(
    name: str, seconds_ago: float = 1_000, kind: SenderKind = SenderKind.AGENT
) -> Member:
    """Make a member that posted some time ago."""
    return Member(name, kind, 1, START.wall_ms - round(seconds_ago * 1000))


def row_of(name: str, evidence: RosterSources) -> RosterRow:
    """Return the row of one peer."""
    (row,) = [row for row in build_roster(evidence) if row.name == name]
    return row


def test_the_roster_of_an_empty_room_is_empty() -> None:
    assert build_roster(NOTHING) == ()
    assert member_names((), frozenset(), {}) == ()


def test_the_sources_of_a_row_are_in_a_fixed_order() -> None:
    evidence = attrs.evolve(
        NOTHING,
        codes=(code_record("Anna", capabilities="writes"), code_record("bob")),
        members={
            peer_key("anna"): member("Anna", 5),
            peer_key("carol"): member("Carol", 5),
        },
        seen={
            peer_key("anna"): LastSeen(
                "Anna", 2.0, is_online=True, listening=Listening.NEXT_TURN
            )
        },
    )
    assert row_of("Anna", evidence) == RosterRow(
        name="Anna",
        is_online=True,
        seconds_since_seen=2.0,
        last_message_seconds=5.0,
        capabilities="writes",
        sources=("presence", "code", "messages"),
        state="working",
        listening=Listening.NEXT_TURN,
    )
    assert row_of("bob", evidence).sources == ("code",)
    assert row_of("Carol", evidence).sources == ("messages",)


def test_rows_are_sorted_by_name_with_one_row_per_peer() -> None:
    evidence = attrs.evolve(
        NOTHING,
        codes=(code_record("carol"), code_record("Bob"), code_record("bob")),
        members={peer_key("anna"): member("anna"), peer_key("bob"): member("Bob")},
    )
    names = [row.name.lower() for row in build_roster(evidence)]
    assert names == ["anna", "bob", "carol"]
    spelled = member_names(evidence.codes, evidence.lapsed, evidence.members)
    assert [name.lower() for name in spelled] == names


def test_a_peer_without_a_valid_code_has_no_row() -> None:
    evidence = attrs.evolve(
        NOTHING,
        lapsed=frozenset({peer_key("anna")}),
        members={peer_key("anna"): member("Anna"), peer_key("bob"): member("bob")},
        seen={peer_key("anna"): LastSeen("Anna", 1.0, is_online=True)},
    )
    assert [row.name for row in build_roster(evidence)] == ["bob"]
    names = member_names(evidence.codes, evidence.lapsed, evidence.members)
    assert names == ("bob",)


def test_a_peer_with_a_new_code_has_its_earlier_posts_in_its_row() -> None:
    evidence = attrs.evolve(
        NOTHING,
        codes=(code_record("Anna"),),
        lapsed=frozenset({peer_key("anna")}),
        members={peer_key("anna"): member("Anna")},
    )
    assert row_of("Anna", evidence).sources == ("code", "messages")


def test_presence_without_a_code_makes_no_row() -> None:
    evidence = attrs.evolve(
        NOTHING, seen={peer_key("anna"): LastSeen("Anna", 1.0, is_online=True)}
    )
    assert build_roster(evidence) == ()


@pytest.mark.parametrize(
    ("spoke", "is_online", "is_waiting", "state"),
    [
        (0, False, True, "waiting"),
        (WORKING_SECONDS - 0.1, False, False, "working"),
        (WORKING_SECONDS, True, False, "standing_by"),
        (WORKING_SECONDS, False, False, None),
        (None, True, False, "standing_by"),
        (None, False, False, None),
    ],
)
def test_the_activity_of_an_agent_is_derived(
    spoke: float | None, *, is_online: bool, is_waiting: bool, state: str | None
) -> None:
    evidence = attrs.evolve(
        NOTHING,
        codes=(code_record("anna"),),
        members={} if spoke is None else {peer_key("anna"): member("anna", spoke)},
        seen={peer_key("anna"): LastSeen("anna", 1.0, is_online=is_online)},
        waiting=frozenset({peer_key("anna")} if is_waiting else ()),
    )
    assert row_of("anna", evidence).state == state


@pytest.mark.parametrize("listening", Listening)
def test_the_roster_shows_a_parked_peer_as_online(listening: Listening) -> None:
    seen = LastSeen("anna", 1.0, is_online=True, listening=listening)
    evidence = attrs.evolve(
        NOTHING, codes=(code_record("anna"),), seen={peer_key("anna"): seen}
    )
    shown = row_of("anna", evidence).listening
    assert shown is (Listening.ONLINE if listening is Listening.PARKED else listening)


def test_a_holder_of_a_code_that_was_never_seen_is_not_listening() -> None:
    grace = member("Grace", 1, SenderKind.OPERATOR)
    evidence = attrs.evolve(
        NOTHING,
        codes=(code_record("anna"),),
        members={peer_key("grace"): grace},
    )
    assert row_of("anna", evidence).listening is Listening.NOT_LISTENING
    assert row_of("Grace", evidence).listening is None


def test_who_was_there_and_hears_nothing_is_told_from_who_was_invited() -> None:
    names = ("anna", "carol", "dave")
    evidence = attrs.evolve(
        NOTHING,
        codes=tuple(code_record(name) for name in names),
        members={
            peer_key("anna"): member("anna"),
            peer_key("grace"): member("Grace", 1, SenderKind.OPERATOR),
        },
        seen={
            peer_key("dave"): LastSeen(
                "dave", 1.0, is_online=True, listening=Listening.ONLINE
            )
        },
    )
    found = {
        row.name: (row.has_been_here, row.hears_messages)
        for row in build_roster(evidence)
    }
    assert found == {
        "anna": (True, False),
        "carol": (False, False),
        "dave": (True, True),
        "Grace": (True, True),
    }


def test_a_human_has_no_state() -> None:
    grace = member("Grace", 1, SenderKind.OPERATOR)
    evidence = attrs.evolve(NOTHING, members={peer_key("grace"): grace})
    assert row_of("Grace", evidence).state is None


def test_a_clock_set_back_makes_no_negative_age() -> None:
    evidence = attrs.evolve(NOTHING, members={peer_key("anna"): member("anna", -60)})
    assert row_of("anna", evidence).last_message_seconds == 0


def asking(expects: str, *, claimed_by: str | None = None) -> Message:
    """Make a question of now."""
    return Message(
        1,
        START.wall_ms,
        "ann",
        SenderKind.AGENT,
        TO_ALL,
        "may I?",
        expects,
        claimed_by=claimed_by,
    )


def test_the_operator_s_newest_message_is_of_any_name_of_the_operator() -> None:
    spoken = [
        Member("operator", SenderKind.OPERATOR, 3, 0),
        Member("Titus", SenderKind.OPERATOR, 7, 0),
        Member("bob", SenderKind.AGENT, 9, 0),
    ]
    members = {peer_key(each.name): each for each in spoken}
    assert operator_seq(members) == 7
    assert operator_seq({peer_key("bob"): spoken[2]}) == 0


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        (asking("operator"), 0),
        (asking("Operator", claimed_by="bob"), 0),
        (asking("titus"), 0),
        (asking("anyone"), UNHELD_SECONDS),
        (asking("anyone", claimed_by="bob"), None),
        (asking("bob"), None),
        (asking("can:sql"), None),
    ],
)
def test_a_question_asks_the_operator_by_name_or_when_nobody_takes_it(
    question: Message, seconds: int | None
) -> None:
    members = {
        peer_key("Titus"): member("Titus", kind=SenderKind.OPERATOR),
        peer_key("bob"): member("bob"),
    }
    turns = list(operator_turns([question], operator_names(members), START))
    expected = [] if seconds is None else [(1, START.counted_ms + seconds * 1000)]
    assert turns == expected
