"""Subscriptions: the derived sets agree, and only the right ones are woken."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.names import PeerKey
from argybargy.relay.room.subscriptions import Subscription, Subscriptions
from support.work_counters import count_calls

PEERS = [PeerKey(name) for name in ("ann", "bob", "cid")]
steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "park", "remove", "message", "end", "drop", "close"]),
        st.sampled_from(PEERS),
        st.none() | st.integers(1, 3),
    ),
    max_size=30,
)


@attrs.define
class Crowd:
    """Subscriptions, and what is subscribed, in order."""

    polls: Subscriptions = attrs.field(factory=lambda: Subscriptions(max_per_peer=2))
    live: list[Subscription] = attrs.field(factory=list)

    def of(self, peer: PeerKey) -> list[Subscription]:
        return [each for each in self.live if each.peer == peer]

    # Each step returns what it should wake.

    def add(self, peer: PeerKey, question: int | None) -> list[Subscription]:
        added = Subscription(peer, 0.0, self.polls, question=question)
        self.live.append(added.__enter__())
        return []

    def park(self, peer: PeerKey, _: object) -> list[Subscription]:
        mine = self.of(peer)
        if not mine:
            return []
        others = [each for each in mine if each.is_parked and not each.is_displaced]
        self.polls.park(mine[-1])
        parked = [each for each in mine if each.is_parked and not each.is_displaced]
        assert len(parked) <= 2
        return [each for each in others if each.is_displaced]

    def remove(self, peer: PeerKey, _: object) -> list[Subscription]:
        for each in self.of(peer)[:1]:
            self.live.remove(each)
            each.__exit__()
        return []

    def message(self, peer: PeerKey, place: int | None) -> list[Subscription]:
        to = TO_ALL if place is None else ("bob", "cid")
        sent = Message(9, 0, peer, SenderKind.AGENT, to, "hi", "none")
        self.polls.wake_addressed(sent)
        polls = [each for each in self.live if each.question is None]
        return [each for each in polls if sent.is_for(each.peer)]

    def end(self, _: object, question: int | None) -> list[Subscription]:
        if question is None:
            return []
        self.polls.wake_question(question)
        return [each for each in self.live if each.question == question]

    def drop(self, _: object, seq: int | None) -> list[Subscription]:
        self.polls.wake_questions_below(seq or 0)
        return [each for each in self.live if (each.question or 9) < (seq or 0)]

    def close(self, _: object, _place: object) -> list[Subscription]:
        self.polls.wake_all()
        return list(self.live)


@given(steps)
def test_only_what_a_publication_concerns_is_woken(
    steps: list[tuple[str, PeerKey, int | None]],
) -> None:
    crowd = Crowd()
    for step, peer, place in steps:
        for each in crowd.live:
            each._has_token = False
        expected = getattr(crowd, step)(peer, place)
        assert [each for each in crowd.live if each._has_token] == expected
        check(crowd.polls, crowd.live)


def check(polls: Subscriptions, live: list[Subscription]) -> None:
    """Compare what is derived with what is subscribed."""
    assert len(polls) == len(live)
    parked = [each for each in live if each.is_parked]
    assert polls.parked_peers() == {each.peer for each in parked}
    listening = {each.peer for each in parked if each.question is None}
    assert polls.listening_peers() == listening
    asked = {each.question for each in live} - {None}
    assert set(polls._by_question) == asked
    for peer in PEERS:
        for seq in (1, 2, 3):
            waits = any((each.peer, each.question) == (peer, seq) for each in parked)
            assert polls.is_woken(peer, (seq,)) == (peer in listening or waits)


def test_the_waits_of_others_cost_an_addressee_nothing() -> None:
    def calls(others: int) -> int:
        polls = Subscriptions(max_per_peer=2)
        names = [PeerKey(f"peer-{number}") for number in range(others)]
        for peer in (*names, PEERS[0]):
            waiting = Subscription(peer, 0.0, polls, question=1)
            polls.park(waiting.__enter__())
        assert polls.awaits(PEERS[0], (2, 1))
        assert not polls.awaits(PEERS[1], (2, 1))
        return count_calls(lambda: polls.awaits(PEERS[1], (2, 1)))

    assert calls(1_000) == calls(1)
