"""Imports beside other requests."""

import pytest
import trio
import trio.testing

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.room.commands import ImportedMessage
from argybargy.domain.room.state import RoomStatus
from argybargy.relay.api import operator
from argybargy.relay.api.imports import RoomImport, import_room
from support.paused_store import BEFORE, COMMIT, staged_store
from support.relay import open_harness

SAID = Message(1, 0, "ann", SenderKind.AGENT, TO_ALL, "hello", "none")


def lines_of(room: str) -> RoomImport:
    return RoomImport(RoomStatus(room), messages=(ImportedMessage(SAID),))


async def test_the_quota_place_of_an_imported_room_is_kept_while_it_is_opened(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    async with open_harness(Limits(rooms=1), store) as harness:
        opening = store.stop(COMMIT, BEFORE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(operator.open_room, harness.relay, "one", "op")
            await opening.wait_reached()
            nursery.start_soon(import_room, harness.relay, lines_of("one"))
            await trio.testing.wait_all_tasks_blocked()
            importing = store.stop(COMMIT, BEFORE)
            opening.release()
            await importing.wait_reached()
            with pytest.raises(RelayError) as refusal:
                await import_room(harness.relay, lines_of("two"))
            assert refusal.value.problem is Problem.ROOM_QUOTA
            importing.release()
        with pytest.raises(RelayError) as refusal:
            await import_room(harness.relay, lines_of("three"))
        assert refusal.value.problem is Problem.ROOM_QUOTA


async def test_a_trial_import_takes_no_quota_place(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(Limits(rooms=1)) as harness:
        await operator.open_room(harness.relay, "one", "op")
        found = await import_room(harness.relay, lines_of("one"), is_trial=True)
        assert found.new == 1
        assert (await import_room(harness.relay, lines_of("two"))).new == 1
