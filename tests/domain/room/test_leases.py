"""Very many leases: indexed by holder, renewed and ended in bounded pieces."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.message import Lease
from argybargy.domain.names import fold
from argybargy.domain.room.claims import MAX_ENDED_AT_ONCE, MAX_RENEWED_AT_ONCE
from argybargy.domain.room.commands import Acknowledged, Dismiss
from argybargy.domain.room.lease_index import Leases
from support.room import UNHURRIED, Scene, post
from support.work_counters import count_calls

leases = st.builds(
    Lease,
    seq=st.integers(1, 12),
    holder=st.sampled_from(["anna", "Anna", "bob"]),
    fence=st.just(1),
    seconds=st.none(),
    lapses_at=st.sampled_from([1.0, 2.0]),
    expires_ms=st.none(),
)


@given(st.lists(leases), st.sets(st.integers(1, 12)))
def test_the_index_of_leases_agrees_with_a_full_scan(
    granted: list[Lease], ended: set[int]
) -> None:
    made, plain = Leases.of(granted), {lease.seq: lease for lease in granted}
    for seq in ended:
        made = made.discard(seq)
        plain.pop(seq, None)
    assert dict(made) == plain
    assert sorted(made.values(), key=lambda each: each.seq) == [
        plain[seq] for seq in sorted(plain)
    ]
    for peer in ("ANNA", "bob", "carol"):
        mine = [seq for seq in sorted(plain) if fold(plain[seq].holder) == fold(peer)]
        assert [lease.seq for lease in made.held_by(peer)] == mine
    for seq in list(made):
        made = made.discard(seq)
    empty = attrs.astuple(Leases(), recurse=False)
    assert attrs.astuple(made, recurse=False) == empty


def hold(scene: Scene, count: int, by: str = "bob") -> None:
    """Let somebody hold many questions."""
    for number in range(count):
        scene.claim(by, scene.ask(f"asker{number // 100}", expects=by))


def test_a_post_does_not_cost_more_with_many_claims_of_other_peers() -> None:
    efforts = []
    for count in (1, 600):
        scene = Scene()
        hold(scene, count)
        command = post("carol")
        efforts.append(count_calls(lambda to=scene, what=command: to.do(what)))  # type: ignore[misc]
    few, many = efforts
    assert many < few + 50


def test_a_post_does_not_cost_more_with_many_claims_of_its_sender() -> None:
    efforts = []
    for count in (2 * MAX_RENEWED_AT_ONCE, 600):
        scene = Scene()
        hold(scene, count)
        command = post("bob")
        efforts.append(count_calls(lambda to=scene, what=command: to.do(what)))  # type: ignore[misc]
    few, many = efforts
    assert many < 2 * few


def test_of_very_many_leases_the_earliest_to_expire_are_renewed() -> None:
    scene = Scene()
    hold(scene, MAX_RENEWED_AT_ONCE)
    scene.pass_time(1)
    scene.claim("bob", scene.ask())
    scene.pass_time(1)
    scene.renew("bob")
    until = scene.now.steady_seconds + UNHURRIED.lease_seconds
    *first, last = (scene.room.leases[seq] for seq in sorted(scene.room.leases))
    assert {lease.lapses_at for lease in first} == {until}
    assert last.lapses_at == until - 1
    scene.renew("bob")
    assert scene.room.leases[last.seq].lapses_at == until


def test_polls_that_renew_some_leases_each_keep_very_many_claims() -> None:
    scene = Scene()
    hold(scene, 5 * MAX_RENEWED_AT_ONCE)
    for _ in range(100):
        scene.pass_time(25)
        scene.renew("bob")
        scene.end_leases()
    assert len(scene.room.leases) == 5 * MAX_RENEWED_AT_ONCE


def test_leases_that_expire_together_end_in_bounded_pieces() -> None:
    scene = Scene()
    hold(scene, MAX_ENDED_AT_ONCE + 3)
    scene.pass_time(UNHURRIED.lease_seconds)
    scene.end_leases()
    assert len(scene.room.leases) == 3
    assert scene.room.next_lease_deadline <= scene.now.steady_seconds
    scene.end_leases()
    assert scene.room.next_lease_deadline == float("inf")
    assert scene.notices == list(range(1, MAX_ENDED_AT_ONCE + 4))


def test_a_peer_with_very_many_claims_is_dismissed_in_bounded_pieces() -> None:
    scene = Scene()
    hold(scene, MAX_ENDED_AT_ONCE + 1)
    scene.post("bob", expects="anna")
    assert scene.do(Dismiss("bob")) == Acknowledged(is_partial=True)
    assert "bob" in scene.room.members
    assert len(scene.room.leases) == 1
    assert scene.do(Dismiss("bob")) == Acknowledged()
    assert "bob" not in scene.room.members
    assert not scene.room.leases
