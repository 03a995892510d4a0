"""The code registry agrees with the store, also after cancellations."""

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import (
    SESSION_PREFIX,
    SIGN_IN_PREFIX,
    CodeRecord,
    digest_code,
)
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.room.commands import ImportedMessage
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import Audit
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim, history
from argybargy.relay.api.imports import (
    RoomImport,
    check_import,
    import_codes,
    import_room,
)
from argybargy.relay.api.posting import PostDraft
from argybargy.relay.housekeeping import tick
from argybargy.serve.admin_token import FileAdminToken
from argybargy.store.errors import Refused, Unknown
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore
from support.relay import ROOM, open_harness, texts


@attrs.define
class SlowStore(MemoryStore):
    """A store whose writes of codes can be delayed."""

    gate: trio.Event | None = None
    is_unsure: bool = False
    is_writable: bool = True

    async def probe(self) -> None:
        if not self.is_writable:
            raise Refused("the cable is out")
        await super().probe()

    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        await self._wait()
        await super().add_codes(codes, audits)
        if self.is_unsure:
            raise Unknown

    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        await self._wait()
        await super().remove_codes(codes, audits)
        if self.is_unsure:
            raise Unknown

    async def _wait(self) -> None:
        if self.gate is not None:
            await self.gate.wait()


async def test_the_members_of_a_room_are_not_gathered_again_for_a_capability(
    autojump_clock: object,
) -> None:
    async with open_harness() as house:
        relay, ann = house.relay, await house.guest("ann")
        live = await relay.live(ROOM)
        now = house.clock.now()
        members = relay.members(live)
        names = relay.codes.live_names(live.key, now)
        await relay.codes.set_capabilities(ann.peer, "sql")
        assert relay.codes.capabilities_of(ann.peer, now) == "sql"
        assert relay.members(live) is members
        assert relay.codes.live_names(live.key, now) is names
        await house.guest("bob")
        assert relay.members(live) == ("ann", "bob")
        assert len(relay.codes.live_names(live.key, now)) == 2


async def test_a_cancelled_revocation_is_completed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = SlowStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, None)
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                lambda: operator.revoke(harness.relay, "bob", None, everywhere=False)
            )
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
            store.gate.set()
        assert not harness.relay.codes.is_live(bob, harness.clock.now())
        live = await harness.relay.live(ROOM)
        assert 1 not in live.room.leases


async def test_a_revocation_that_takes_minutes_is_applied_in_memory_too(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = SlowStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        bob = await harness.guest("bob")
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                lambda: operator.revoke(harness.relay, "bob", None, everywhere=False)
            )
            await trio.sleep(300)
            store.gate.set()
        assert await store.codes() == ()
        assert not harness.relay.codes.is_live(bob, harness.clock.now())


async def test_a_revocation_in_doubt_applies_once_the_store_answers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = SlowStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        bob = await harness.guest("bob")
        store.is_unsure, store.is_writable = True, False
        with pytest.raises(RelayError) as refusal:
            await operator.revoke(harness.relay, "bob", None, everywhere=False)
        assert refusal.value.problem is Problem.STORAGE_UNKNOWN
        await tick(harness.relay)
        store.is_unsure, store.is_writable = False, True
        await tick(harness.relay)
        assert not harness.relay.codes.is_live(bob, harness.clock.now())


async def test_a_code_of_a_cancelled_invitation_is_known(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = SlowStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(harness.code, "bob")
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
            store.gate.set()
        stored = [code.key_id for code in await store.codes()]
        assert stored == [code.key_id for code in harness.relay.codes]


async def test_codes_of_unknown_outcome_are_read_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = SlowStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        store.is_unsure = True
        with pytest.raises(RelayError) as refusal:
            await harness.code("bob")
        assert refusal.value.problem is Problem.STORAGE_UNKNOWN
        assert [code.name for code in harness.relay.codes] == ["bob"]


async def test_codes_that_cannot_be_reloaded_are_not_reported_as_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = SlowStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        store.is_unsure, store.is_writable = True, False
        with pytest.raises(RelayError) as refusal:
            await harness.code("bob")
        assert refusal.value.problem is Problem.STORAGE_UNKNOWN


async def test_the_last_code_of_the_quota_is_issued_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = SlowStore(DEFAULT_LIMITS)
    async with open_harness(Limits(codes=3), store) as harness:
        await harness.code("first")
        refused: list[Problem] = []

        async def ask(number: int) -> None:
            try:
                await harness.code(f"agent{number}")
            except RelayError as error:
                refused.append(error.problem)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(ask, number)
        assert len(harness.relay.codes) == 3
        assert refused == [Problem.CODE_QUOTA] * 18


async def test_a_command_whose_code_was_revoked_before_it_was_queued_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await operator.revoke(harness.relay, "bob", None, everywhere=False)
        with pytest.raises(RelayError) as refusal:
            await harness.post(bob, "too late")
        assert refusal.value.problem is Problem.UNAUTHORIZED
        with pytest.raises(RelayError) as refusal:
            await claim(harness.relay, bob, 1, None)
        assert refusal.value.problem is Problem.UNAUTHORIZED


async def test_an_expired_code_does_not_keep_the_claims_of_a_revoked_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice = await harness.guest("alice")
        await harness.guest("carl", lifetime_seconds=1)
        await trio.sleep(2)
        carl = await harness.guest("carl")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, carl, 1, None)
        await operator.revoke(harness.relay, carl.key_id, None, everywhere=False)
        live = await harness.relay.live(ROOM)
        assert 1 not in live.room.leases


@pytest.mark.parametrize("field", ["to", "expects", "idempotency_key"])
async def test_a_valid_code_in_any_field_of_a_post_is_refused(
    autojump_clock: trio.testing.MockClock, field: str
) -> None:
    async with open_harness() as harness:
        alice, code = await harness.guest("alice"), await harness.code("bob")
        draft = PostDraft("hello", ("all",))
        value = (code,) if field == "to" else code
        draft = attrs.evolve(draft, **{field: value})  # type: ignore[arg-type]
        with pytest.raises(RelayError) as refusal:
            await harness.post(
                alice,
                draft.text,
                draft.to,
                draft.expects,
                key=draft.idempotency_key,
            )
        assert refusal.value.problem is Problem.CONTAINS_SECRET


async def test_secrets_of_the_operator_are_not_posted(
    autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    token = (await FileAdminToken.open(tmp_path)).value
    async with open_harness() as harness:
        alice = await harness.guest("alice")
        for secret in (token, new_code(SESSION_PREFIX), new_code(SIGN_IN_PREFIX)):
            with pytest.raises(RelayError) as refusal:
                await harness.post(alice, f"it is {secret}, tell nobody")
            assert refusal.value.problem is Problem.CONTAINS_SECRET


async def test_a_valid_code_in_any_field_of_an_invitation_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        code = await harness.code("bob")
        for invitation in (Invitation("r", "x", code), Invitation(code, "x")):
            with pytest.raises(RelayError) as refusal:
                await operator.invite(harness.relay, [invitation])
            assert refusal.value.problem is Problem.CONTAINS_SECRET


async def test_no_code_is_issued_for_a_name_that_the_operator_has_used(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        await harness.guest("alice")
        secret = PostDraft("for alice alone", ("alice",))
        await operator.say(harness.relay, ROOM, "Titus", secret)
        with pytest.raises(RelayError) as refusal:
            await harness.guest("titus")
        assert refusal.value.problem is Problem.NAME_TAKEN


@pytest.mark.parametrize("is_at_once", [True, False])
async def test_no_imported_code_has_the_name_of_the_operator(
    autojump_clock: trio.testing.MockClock, *, is_at_once: bool
) -> None:
    code = CodeRecord(digest_code("of old"), ROOM, "titus", "", 0)
    async with open_harness() as harness:
        await harness.guest("alice")
        said = Message(1, 0, "Titus", SenderKind.OPERATOR, ("alice",), "psst", "none")
        wanted = RoomImport(RoomStatus(ROOM), messages=(ImportedMessage(said),))
        if not is_at_once:
            await import_room(harness.relay, wanted)
            with pytest.raises(RelayError) as refusal:
                await import_codes(harness.relay, [code])
            assert refusal.value.problem is Problem.NAME_TAKEN
        with pytest.raises(RelayError) as refusal:
            await check_import(harness.relay, [wanted] if is_at_once else [], [code])
        assert refusal.value.problem is Problem.NAME_TAKEN


async def test_a_later_import_skips_a_code_that_was_revoked_since(
    autojump_clock: trio.testing.MockClock,
) -> None:
    code = CodeRecord(digest_code("of old"), ROOM, "titus", "", 0)
    async with open_harness() as harness:
        assert await import_codes(harness.relay, [code]) == 1
        await operator.revoke(harness.relay, "titus", None, everywhere=False)
        await operator.say(harness.relay, ROOM, "titus", PostDraft("mine now", TO_ALL))
        await check_import(harness.relay, [], [code])
        assert await import_codes(harness.relay, [code]) == 0


async def test_the_operator_cannot_post_under_a_name_reserved_for_a_code(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = SlowStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        await harness.guest("alice")
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            invitations = [Invitation(ROOM, "titus")]
            nursery.start_soon(operator.invite, harness.relay, invitations)
            await trio.testing.wait_all_tasks_blocked()
            secret = PostDraft("for alice alone", ("alice",))
            with pytest.raises(RelayError) as refusal:
                await operator.say(harness.relay, ROOM, "titus", secret)
            assert refusal.value.problem is Problem.SENDER_TAKEN
            store.gate.set()
        (titus,) = harness.relay.codes.match("titus")
        seen = await history(harness.relay, titus, 99, 50)
        assert texts(seen.lookback.messages) == []


async def test_a_revoked_peer_that_is_invited_again_reads_from_the_start(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        await harness.poll(bob, since=1)
        await operator.revoke(harness.relay, "bob", None, everywhere=False)
        bob = await harness.guest("bob")
        answer = await harness.poll(bob, since=None)
        assert texts(answer.page.messages) == ["one"]
