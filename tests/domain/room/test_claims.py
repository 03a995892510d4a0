"""Claims: grants, leases, releases and fences."""

from collections.abc import Callable

import attrs
import pytest

from argybargy.domain.errors import Problem
from argybargy.domain.instant import format_timestamp
from argybargy.domain.message import SenderKind
from argybargy.domain.room.commands import Acknowledged, Claim, Release
from support.room import UNHURRIED, Scene

LEASE = UNHURRIED.lease_seconds


def not_claimable(scene: Scene, command: Claim | Release) -> object:
    """Return the reason why a claim is refused for good."""
    error = scene.refusal(command)
    assert error.problem is Problem.NOT_CLAIMABLE
    return error.facts["reason"]


# -- the table, line by line ---------------------------------------------------


@pytest.mark.parametrize("seq", [0, -5, 2, 3, 2**53 - 1])
def test_claims_of_a_missing_and_of_a_hidden_message_are_refused_alike(
    seq: int,
) -> None:
    scene = Scene()
    scene.ask("anna")
    scene.ask("anna", to="carol dora")
    for command in (Claim("bob", seq), Release("bob", seq)):
        error = scene.refusal(command)
        assert error.problem is Problem.NOT_FOUND
        assert error.facts == {}


def test_a_peer_cannot_claim_its_own_question() -> None:
    scene = Scene()
    scene.ask("anna")
    assert not_claimable(scene, Claim("ANNA", 1)) == "own_question"


def test_the_refusal_of_the_asker_names_the_holder() -> None:
    scene = Scene()
    scene.ask("anna")
    assert scene.refusal(Claim("anna", 1)).facts["claimed_by"] is None
    scene.claim("Bob", 1)
    assert scene.refusal(Claim("anna", 1)).facts["claimed_by"] == "Bob"
    scene.post("Bob", reply_to=1)
    assert scene.refusal(Claim("anna", 1)).facts["claimed_by"] == "Bob"
    assert scene.refusal(Release("bob", 1)).facts["claimed_by"] == "Bob"


@pytest.mark.parametrize("expects", ["none", "carol"])
def test_a_message_without_a_question_for_the_claimer_cannot_be_claimed(
    expects: str,
) -> None:
    scene = Scene()
    scene.post("anna", expects=expects)
    assert not_claimable(scene, Claim("bob", 1)) == "not_a_question"


def test_the_holder_gets_the_same_fence_and_a_new_lease() -> None:
    scene = Scene()
    first = scene.claim("bob", scene.ask())
    scene.pass_time(60)
    again = scene.claim("BOB", 1)
    assert again.fence == first.fence
    assert again.lapses_at == first.lapses_at + 60
    assert scene.writes == ()


def test_an_answered_question_cannot_be_claimed() -> None:
    scene = Scene()
    scene.post("bob", reply_to=scene.ask())
    assert not_claimable(scene, Claim("carol", 1)) == "answered"


def test_the_answerer_may_repeat_its_claim() -> None:
    scene = Scene()
    fence = scene.claim("bob", scene.ask()).fence
    scene.post("bob", reply_to=1)
    again = scene.claim("Bob", 1)
    assert (again.fence, again.expires_ms, again.seconds) == (fence, None, None)
    assert not scene.room.leases


def test_the_refusal_of_a_claim_names_the_holder_and_the_expiry() -> None:
    scene = Scene()
    lease = scene.claim("Bob", scene.ask())
    error = scene.refusal(Claim("carol", 1))
    assert error.problem is Problem.CLAIMED_BY_OTHER
    assert lease.expires_ms is not None
    assert error.facts == {
        "seq": 1,
        "claimed_by": "Bob",
        "expires_at": format_timestamp(lease.expires_ms),
    }


def test_a_claim_in_a_closed_room_is_refused() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.close()
    for peer in ("bob", "carol"):
        assert not_claimable(scene, Claim(peer, 1)) == "room_closed"


@pytest.mark.parametrize("expects", ["anyone", "bob", "BOB"])
def test_a_free_question_is_granted_with_a_new_fence(expects: str) -> None:
    scene = Scene()
    scene.post("anna", expects=expects)
    lease = scene.claim("bob", 1)
    assert (lease.holder, lease.fence, lease.seconds) == ("bob", 1, LEASE)
    assert scene.message(1).claimed_by == "bob"
    assert [each.action for each in scene.durable.audits] == ["claim"]


# -- leases --------------------------------------------------------------------


def test_a_lease_has_the_requested_length_on_both_clocks() -> None:
    scene = Scene()
    lease = scene.claim("bob", scene.ask(), 60)
    assert lease.lapses_at == scene.now.steady_seconds + 60
    assert lease.expires_ms == scene.now.wall_ms + 60_000


def test_a_lease_does_not_expire_if_the_limit_is_zero() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, lease_seconds=0))
    lease = scene.claim("bob", scene.ask())
    assert (lease.seconds, lease.expires_ms) == (None, None)
    scene.pass_time(10**9)
    scene.end_leases()
    scene.restart()
    assert 1 in scene.room.leases
    assert scene.refusal(Claim("carol", 1)).facts["expires_at"] is None
    assert scene.claim("bob", 1, 60).seconds == 60
    scene.pass_time(60)
    assert scene.claim("carol", 1).fence == 2


def test_a_renewal_may_change_the_length() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask(), 600)
    assert scene.claim("bob", 1, 5).seconds == 5
    assert scene.claim("bob", 1).seconds == 5
    scene.restart()
    scene.pass_time(5)
    assert scene.claim("carol", 1).fence == 2


@pytest.mark.parametrize(
    "show",
    [
        lambda scene: scene.renew("BOB"),
        lambda scene: scene.post("bob", to="carol"),
        lambda scene: scene.claim("bob", 1),
        lambda scene: scene.restart(),
    ],
    ids=["poll", "post", "claim", "restart"],
)
def test_requests_of_the_holder_renew_its_lease(
    show: Callable[[Scene], object],
) -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.pass_time(LEASE - 1)
    show(scene)
    scene.pass_time(LEASE - 1)
    scene.end_leases()
    assert scene.room.leases[1].holder == "bob"
    assert scene.notices == []


def test_requests_of_other_peers_renew_no_lease() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.pass_time(LEASE - 1)
    scene.renew("carol")
    scene.post("carol")
    scene.pass_time(1)
    scene.end_leases()
    assert scene.notices == [1]


def test_a_lease_expires_by_the_steady_clock_only() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.set_wall_back(-10 * LEASE)
    scene.end_leases()
    assert 1 in scene.room.leases
    scene.set_wall_back(20 * LEASE)
    scene.pass_time(LEASE)
    scene.end_leases()
    assert 1 not in scene.room.leases


def test_an_expired_lease_is_announced_exactly_once() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.pass_time(LEASE)
    for _ in range(3):
        scene.end_leases()
    scene.refusal(Claim("anna", 1))
    scene.restart()
    scene.end_leases()
    assert scene.notices == [1]
    assert [each.action for each in scene.durable.audits] == ["claim", "expire"]


@pytest.mark.parametrize("to", ["", "bob", "bob carol"])
def test_a_notice_has_the_addressees_of_its_question_and_expects_no_reply(
    to: str,
) -> None:
    scene = Scene()
    question = scene.post("anna", to=to, expects="anyone")
    scene.claim("bob", 1)
    scene.release("bob", 1)
    notice = scene.newest
    assert notice.to == question.to
    assert (notice.kind, notice.sender) == (SenderKind.SYSTEM, "system")
    assert (notice.event, notice.reply_to) == ("reopened", 1)
    assert notice.expects == "none"
    assert "/messages/1/claim" in notice.text
    assert "system" not in scene.room.members


def test_a_notice_does_not_count_as_a_post() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    spoken = scene.room.last_spoken_ms, scene.room.quiet_since
    scene.pass_time(LEASE)
    scene.end_leases()
    assert (scene.room.last_spoken_ms, scene.room.quiet_since) == spoken
    assert scene.open_questions == [1]


def test_a_claim_beyond_the_tail_is_kept() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, tail_messages=2))
    scene.claim("bob", scene.ask())
    for _ in range(5):
        scene.post("anna")
    assert scene.room.tail_first == 5
    assert scene.claim("bob", 1).fence == 1
    scene.release("bob", 1)
    assert 1 not in scene.room.messages
    assert scene.claim("carol", 1).fence == 2


@pytest.mark.parametrize(
    "end",
    [
        lambda scene: scene.release("bob", 1),
        lambda scene: scene.close(),
        lambda scene: scene.dismiss("bob"),
        lambda scene: scene.post("bob", reply_to=1),
        lambda scene: scene.say("ops", reply_to=1),
        lambda scene: [scene.post("anna") for _ in range(3)],
    ],
    ids=["release", "close", "dismiss", "reply", "operator", "retention"],
)
def test_a_room_without_leases_has_no_next_expiry(
    end: Callable[[Scene], object],
) -> None:
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=3))
    scene.claim("bob", scene.ask())
    assert scene.room.next_lease_deadline == scene.now.steady_seconds + LEASE
    end(scene)
    assert not scene.room.leases
    assert scene.room.next_lease_deadline == float("inf")


def test_the_next_expiry_of_a_room_is_that_of_its_earliest_lease() -> None:
    scene = Scene()
    now = scene.now.steady_seconds
    for peer, seconds in [("bob", 30), ("carol", 60), ("dora", 90)]:
        scene.claim(peer, scene.ask(), seconds)
    assert scene.room.next_lease_deadline == now + 30
    scene.release("bob", 1)
    assert scene.room.next_lease_deadline == now + 60
    scene.claim("carol", 2, 120)
    assert scene.room.next_lease_deadline == now + 90


# -- release -------------------------------------------------------------------


def test_a_released_question_can_be_claimed_by_others() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.release("BOB", 1)
    assert scene.message(1).claimed_by is None
    assert scene.notices == [1]
    assert scene.claim("carol", 1).fence == 2


def test_a_repeated_release_changes_nothing() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.release("bob", 1)
    assert scene.do(Release("bob", 1)) == Acknowledged()
    assert scene.writes == ()
    assert scene.notices == [1]


def test_a_claim_of_another_peer_cannot_be_released() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    assert scene.refusal(Release("carol", 1)).problem is Problem.CLAIMED_BY_OTHER
    assert scene.room.leases[1].holder == "bob"


def test_the_claim_of_an_answered_question_cannot_be_released() -> None:
    scene = Scene()
    scene.claim("bob", scene.ask())
    scene.post("bob", reply_to=1)
    assert not_claimable(scene, Release("bob", 1)) == "answered"


# -- fences --------------------------------------------------------------------


def test_fences_rise_with_every_grant_and_across_restarts() -> None:
    scene = Scene()
    fences = []
    for _ in range(3):
        seq = scene.ask()
        fences.append(scene.claim("bob", seq).fence)
        scene.release("bob", seq)
        scene.restart()
        fences.append(scene.claim("carol", seq).fence)
    assert fences == [1, 2, 3, 4, 5, 6]


# -- retention -----------------------------------------------------------------


def test_a_question_dropped_by_retention_is_neither_held_nor_open() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, messages_per_room=2))
    scene.claim("bob", scene.ask())
    scene.post("anna")
    scene.post("anna")
    assert not scene.room.leases
    assert scene.open_questions == []
    assert scene.refusal(Claim("bob", 1)).problem is Problem.NOT_FOUND
    scene.pass_time(LEASE)
    scene.end_leases()
    assert scene.notices == []
