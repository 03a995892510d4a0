"""A relay with an agent that posts, and one with a wake hook that calls nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.limits import Limits
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake
from argybargy.relay.api.wake import set_hook
from support.relay import RelayHarness, open_harness
from support.wake_calls import RecordingCaller

FREE = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)


@attrs.frozen
class Scene:
    """A relay with ann, who posts, and bob, who has a hook."""

    house: RelayHarness
    caller: RecordingCaller
    ann: CodeRecord
    bob: CodeRecord

    async def hook(
        self, who: CodeRecord | None = None, wake: Wake = Wake.ALL
    ) -> WakeHook:
        who = who or self.bob
        url = f"http://hook/{who.name}"
        return await set_hook(self.house.relay, who, url, wake)


@asynccontextmanager
async def scene(
    limits: Limits = FREE, caller: RecordingCaller | None = None
) -> AsyncIterator[Scene]:
    caller = caller or RecordingCaller()
    async with open_harness(limits, caller=caller) as house:
        yield Scene(house, caller, await house.guest("ann"), await house.guest("bob"))
