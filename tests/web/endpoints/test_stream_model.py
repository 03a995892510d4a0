"""Random activity: a snapshot plus its deltas equals the next snapshot."""

import random
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from argybargy.relay.api.stream_cursor import (
    OverviewDelta,
    OverviewSnapshot,
    StreamCursor,
)
from argybargy.web.endpoints.stream import line_of
from support.random_activity import SMALL_LIMITS, Life
from support.relay import RelayHarness, open_harness
from support.stream_model import ModelClient

MESSAGES = 10


def _follow(house: RelayHarness, room: str | None) -> StreamCursor:
    return StreamCursor(house.relay, house.relay.watchers.watch(), room, MESSAGES)


async def _read(follower: StreamCursor) -> dict[str, Any] | None:
    found = await follower.catch_up()
    if found is None:
        return None
    frame: dict[str, Any] = msgspec.json.decode(line_of(found, follower.room))
    return frame


async def _fresh(house: RelayHarness, room: str | None) -> ModelClient:
    client, frame = ModelClient(MESSAGES), await _read(_follow(house, room))
    assert frame is not None
    client.apply(frame)
    return client


@pytest.mark.parametrize("room", [None, "build", "docs"])
@pytest.mark.parametrize("seed", range(15))
async def test_applying_every_delta_gives_the_state_of_a_new_snapshot(
    seed: int, room: str | None, autojump_clock: trio.testing.MockClock
) -> None:
    chance = random.Random(seed)
    async with open_harness(SMALL_LIMITS) as house, trio.open_nursery() as nursery:
        life = Life(house, chance, nursery)
        follower, client, deltas = _follow(house, room), ModelClient(MESSAGES), 0
        for _ in range(100):
            await life.step()
            if chance.random() < 0.4:
                continue
            await life.settle()
            frame = await _read(follower)
            if frame is not None:
                client.apply(frame)
                deltas += frame["type"] == "delta"
            fresh = await _fresh(house, room)
            if frame is not None and frame.get("rooms_gone"):
                # Older messages of other rooms are among the newest now.
                assert client.messages.items() <= fresh.messages.items()
                client.messages = dict(fresh.messages)
            assert client == fresh
        assert deltas > 10
        nursery.cancel_scope.cancel()


async def test_a_client_too_far_behind_gets_a_snapshot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as house:
        alice = await house.guest("alice")
        follower = _follow(house, None)
        assert isinstance(await follower.catch_up(), OverviewSnapshot)
        for _ in range(101):
            await house.post(alice)
        found = await follower.catch_up()
        assert isinstance(found, OverviewSnapshot)
        assert [row.message.seq for row in found.messages] == list(range(92, 102))
        assert await follower.catch_up() is None


async def test_clients_at_the_same_version_share_an_encoded_delta(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as house:
        alice = await house.guest("alice")
        first, second, scoped = (
            _follow(house, room) for room in (None, None, "elsewhere")
        )
        for follower in (first, second, scoped):
            await follower.catch_up()
        await house.post(alice)
        told = await first.catch_up()
        assert isinstance(told, OverviewDelta)
        assert await second.catch_up() is told
        other = await scoped.catch_up()
        assert isinstance(other, OverviewDelta)
        assert other.messages == ()
        await house.post(alice)
        assert await second.catch_up() is not told
        assert len(house.relay.overview.memo) == 1
