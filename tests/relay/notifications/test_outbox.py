"""The outbox of one service: order, retries, bounds, and what is logged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

from argybargy.relay.notifications.outbox import (
    PAUSES,
    QUEUE_PUSHES,
    SEND_SECONDS,
    ChannelState,
    Outbox,
    OutboxReports,
)
from argybargy.relay.notifications.push import Push, push_of_test
from support.recording_channel import RecordingChannel
from support.relay import SettableClocks

Clock = trio.testing.MockClock


@attrs.define
class Box:
    """An outbox with its service, and what it has reported."""

    outbox: Outbox
    channel: RecordingChannel
    accepted: list[str]
    over: set[str]

    def put(self, *names: str) -> None:
        for name in names:
            self.outbox.put(push_of_test(name, 0))


@asynccontextmanager
async def open_box(channel: RecordingChannel | None = None) -> AsyncIterator[Box]:
    channel = channel or RecordingChannel()
    accepted, over = list[str](), set[str]()

    def accept(push: Push) -> None:
        accepted.append(push.id)

    reports = OutboxReports(accept, lambda push: push.id not in over)
    box = Box(
        Outbox(channel, SettableClocks().clock(), reports), channel, accepted, over
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.outbox.run)
        yield box
        nursery.cancel_scope.cancel()


async def test_pushes_are_sent_in_order(autojump_clock: Clock) -> None:
    async with open_box() as box:
        assert box.outbox.status.state is ChannelState.UNUSED
        box.put("a", "b", "c")
        await trio.sleep(1)
        assert box.accepted == ["a", "b", "c"]
        status = box.outbox.status
        assert (status.state, status.sent, status.waiting) == (ChannelState.OK, 3, 0)
        assert status.last_ms is not None


async def test_a_failing_push_is_tried_again_with_growing_pauses_and_given_up(
    autojump_clock: Clock,
) -> None:
    async with open_box(RecordingChannel(failure="HTTP 500")) as box:
        box.put("a")
        await trio.sleep(5_000)
        assert box.channel.tries == [0, 10, 40, 130, 400, 1210]
        assert box.accepted == []
        status = box.outbox.status
        assert (status.state, status.reason) == (ChannelState.FAILING, "HTTP 500")
        assert (status.dropped, status.waiting) == (1, 0)
        assert status.since_ms is not None


async def test_a_service_that_recovers_gets_what_waited(autojump_clock: Clock) -> None:
    async with open_box(RecordingChannel(failure="HTTP 503")) as box:
        box.put("a", "b")
        await trio.sleep(20)
        assert box.outbox.status.waiting == 2
        box.channel.failure = ""
        await trio.sleep(30)
        assert box.accepted == ["a", "b"]
        status = box.outbox.status
        assert (status.state, status.reason) == (ChannelState.OK, "")


async def test_a_failure_and_its_end_are_logged_once(
    autojump_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_box(RecordingChannel(failure="HTTP 503")) as box:
        box.put("a")
        await trio.sleep(200)
        box.channel.failure = ""
        await trio.sleep(300)
    logged = capsys.readouterr().out
    assert logged.count("notifications fail") == 1
    assert logged.count("notifications are accepted again") == 1


async def test_what_is_over_is_not_sent_again(autojump_clock: Clock) -> None:
    async with open_box(RecordingChannel(failure="HTTP 503")) as box:
        box.put("a", "b")
        await trio.sleep(20)
        box.over.add("a")
        box.channel.failure = ""
        await trio.sleep(100)
        assert box.accepted == ["b"]
        assert box.outbox.status.dropped == 0


async def test_a_full_queue_drops_the_oldest(autojump_clock: Clock) -> None:
    async with open_box(RecordingChannel(failure="HTTP 503")) as box:
        box.put(*(str(number) for number in range(QUEUE_PUSHES + 2)))
        await trio.sleep(5)
        assert box.outbox.status.waiting == QUEUE_PUSHES
        assert box.outbox.status.dropped == 2
        box.channel.failure = ""
        await trio.sleep(sum(PAUSES))
        assert box.accepted == [str(number) for number in range(2, QUEUE_PUSHES + 2)]


async def test_a_service_that_does_not_answer_is_left(autojump_clock: Clock) -> None:
    async with open_box(RecordingChannel(takes_seconds=10_000)) as box:
        box.put("a")
        await trio.sleep(SEND_SECONDS + 1)
        assert box.outbox.status.reason == "no answer in time"


async def test_a_test_passes_the_queue(autojump_clock: Clock) -> None:
    async with open_box(RecordingChannel(failure="HTTP 503")) as box:
        box.put("a")
        await trio.sleep(1)
        assert await box.outbox.try_once(push_of_test("t", 0)) == "HTTP 503"
        box.channel.failure = ""
        assert await box.outbox.try_once(push_of_test("t", 0)) is None
        assert box.outbox.status.state is ChannelState.OK
        assert box.outbox.status.waiting == 1
