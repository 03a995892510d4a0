"""The operator's stream, frame by frame."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.domain.notifications import NotificationRules
from argybargy.relay.notifications.registry import NotificationPlan
from argybargy.relay.overview.watchers import Watchers
from argybargy.web.codec.operator_bodies import RoomCardBody
from argybargy.web.codec.stream_frames import (
    ByeFrame,
    DeltaFrame,
    HelloFrame,
    KeepaliveFrame,
    ResumePoint,
    SnapshotFrame,
    StreamRequest,
    WaitingKey,
)
from support.stream_client import StreamClient, open_stream
from support.web_app import open_site


async def test_a_stream_begins_with_hello_and_a_snapshot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        async with open_stream(site, room="Build") as stream:
            hello, snapshot = await stream.next(), await stream.next()
        assert stream.headers["content-type"] == "application/x-ndjson"
        assert hello["type"] == "hello"
        assert hello["resumed"] is False
        assert hello["keepalive_seconds"] == 15
        assert hello["limits"]["streams"] == 64
        assert snapshot["type"] == "snapshot"
        assert snapshot["room"] == "Build"
        (room,) = snapshot["rooms"]
        assert (room["room"], room["last_seq"], room["online"]) == ("build", 1, 1)
        assert room["members"] == 2
        state = (await site.admin("GET", "/admin/state?room=build")).json
        for field in ("waiting", "codes", "messages"):
            assert snapshot[field] == state[field]
        assert snapshot["roster"] == state["roster"]["build"]


async def test_a_post_is_a_delta(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        async with open_stream(site) as stream:
            snapshot = await stream.next_of("snapshot")
            await site.say(alice, "hello")
            delta = await stream.next()
            assert delta["type"] == "delta"
            assert delta["version"] > snapshot["version"]
            (message,) = delta["messages"]
            assert (message["text"], message["room"]) == ("hello", "build")
            assert delta["rooms"][0]["last_seq"] == 1
            assert set(delta) == {"type", "version", "now", "rooms", "messages"}
            assert await stream.is_silent(14)


async def test_a_card_has_the_number_of_the_operator_s_newest_message(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        async with open_stream(site) as stream:
            (card,) = (await stream.next_of("snapshot"))["rooms"]
            assert card["operator_seq"] == 0
            await site.say(alice, "hello")
            assert (await stream.next_of("delta"))["rooms"][0]["operator_seq"] == 0
            said = {"text": "Good morning.", "room": "build"}
            assert (await site.admin("POST", "/admin/say", said)).status == 200
            assert (await stream.next_of("delta"))["rooms"][0]["operator_seq"] == 2
            assert (await stream.next())["type"] == "keepalive"


async def test_every_kind_of_change_is_in_its_field_of_a_delta(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, open_stream(site, room="build") as stream:
        await stream.next_of("snapshot")
        alice = await site.code("alice")
        found = await _until(stream, "codes")
        assert found["codes"][0]["name"] == "alice"
        assert found["roster"][0]["sources"] == ["code"]
        assert found["rooms"][0]["members"] == 1
        await site.front.call("GET", "/whoami", code=alice)
        found = await _until(stream, "roster")
        assert found["roster"][0]["state"] == "standing_by"
        assert found["rooms"][0]["online"] == 1
        bob = await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        found = await _until(stream, "waiting")
        assert found["waiting"][0]["expects_reply_resolved"] == "bob"
        await site.front.call("POST", "/messages/1/claim", code=bob)
        found = await _until(stream, "messages")
        assert found["messages"][0]["claimed_by"] == "bob"
        assert found["waiting"][0]["claimed_by"] == "bob"
        await site.say(bob, "me", reply_to=1)
        found = await _until(stream, "waiting_gone")
        assert found["waiting_gone"] == [{"room": "build", "seq": 1}]
        await site.admin("POST", "/admin/revoke", json={"target": "alice"})
        found = await _until(stream, "roster_gone")
        assert found["roster_gone"] == ["alice"]
        assert found["codes_gone"]
        await site.admin("POST", "/admin/rooms/build/close", json={"by": "titus"})
        found = await _until(stream, "rooms")
        assert found["rooms"][0]["closed_by"] == "titus"


async def _until(stream: StreamClient, field: str) -> Any:  # noqa: ANN401  a frame
    """Merge the deltas up to the first one with a given field."""
    found: dict[str, Any] = {}
    while field not in found:
        found |= await stream.next_of("delta")
    return found


async def test_claimed_until_is_streamed_and_renewed_by_the_holder_s_polls(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, open_stream(site, room="build") as stream:
        await stream.next_of("snapshot")
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        won = await site.front.call("POST", "/messages/1/claim", code=bob)
        (message,) = (await _until(stream, "messages"))["messages"]
        while message["claimed_by"] is None:
            (message,) = (await _until(stream, "messages"))["messages"]
        assert message["claimed_until"] == won.json["expires_at"]
        await trio.sleep(60)
        await site.front.call("GET", "/messages?since=1", code=bob)
        (renewed,) = (await _until(stream, "messages"))["messages"]
        assert renewed["claimed_until"] > message["claimed_until"]
        await site.front.call("DELETE", "/messages/1/claim", code=bob)
        released = (await _until(stream, "messages"))["messages"][0]
        assert (released["claimed_by"], "claimed_until" in released) == (None, False)


async def test_waiting_rows_say_until_when_a_claim_holds_and_follow_renewals(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, open_stream(site, room="other") as stream:
        await stream.next_of("snapshot")
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        won = await site.front.call("POST", "/messages/1/claim", code=bob)
        (row,) = (await _until(stream, "waiting"))["waiting"]
        while row["question"]["state"] == "open":
            (row,) = (await _until(stream, "waiting"))["waiting"]
        assert row["question"]["until"] == won.json["expires_at"]
        await trio.sleep(60)
        await site.front.call("GET", "/messages?since=1", code=bob)
        (renewed,) = (await _until(stream, "waiting"))["waiting"]
        assert renewed["question"]["until"] > row["question"]["until"]


async def test_a_row_says_whether_its_question_has_an_urgent_word(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = NotificationPlan(rules=NotificationRules(urgent_words=("prod",)))
    async with (
        open_site(plan=plan) as site,
        open_stream(site, room="other") as stream,
    ):
        await stream.next_of("snapshot")
        alice = await site.code("alice")
        await site.say(alice, "PROD is down, may I?", expects_reply="operator")
        (row,) = (await _until(stream, "waiting"))["waiting"]
        assert row["urgent"] is True
        await site.say(alice, "which product?", expects_reply="operator")
        (row,) = (await _until(stream, "waiting"))["waiting"]
        assert row["urgent"] is False
        state = await site.admin("GET", "/admin/state")
        urgent = {row["seq"]: row["urgent"] for row in state.json["waiting"]}
        assert urgent == {1: True, 2: False}


async def test_without_urgent_words_no_row_is_urgent() -> None:
    async with open_site() as site:
        await site.say(await site.code("alice"), "urgent?", expects_reply="operator")
        state = await site.admin("GET", "/admin/state")
        assert [row["urgent"] for row in state.json["waiting"]] == [False]


async def test_a_question_to_anyone_asks_the_operator_after_two_minutes_unheld(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, open_stream(site, room="other") as stream:
        await stream.next_of("snapshot")
        alice, bob = await site.code("alice"), await site.code("bob")

        async def next_row() -> tuple[int, bool]:
            (row,) = (await _until(stream, "waiting"))["waiting"]
            return row["seq"], row["asks_you"]

        await site.say(alice, "may I?", expects_reply="operator")
        assert await next_row() == (1, True)
        await site.say(alice, "who can?", expects_reply="anyone")
        assert await next_row() == (2, False)
        asked_at = trio.current_time()
        assert await next_row() == (2, True)
        assert 119 < trio.current_time() - asked_at < 130
        await site.front.call("POST", "/messages/2/claim", code=bob)
        assert await next_row() == (2, False)
        state = await site.admin("GET", "/admin/state")
        asks = {row["seq"]: row["asks_you"] for row in state.json["waiting"]}
        assert asks == {1: True, 2: False}
        await site.front.call("DELETE", "/messages/2/claim", code=bob)
        while await next_row() != (2, True):
            pass


async def test_a_silent_peer_goes_offline_in_a_delta(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.say(alice, "hello")
        async with open_stream(site, room="build") as stream:
            snapshot = await stream.next_of("snapshot")
            assert snapshot["roster"][0]["state"] == "working"
            began = trio.current_time()
            found = await _until(stream, "roster")
            assert found["roster"][0]["online"] is False
            assert found["rooms"][0]["online"] == 0
            assert 60 <= trio.current_time() - began < 65
            found = await _until(stream, "roster")
            assert found["roster"][0]["state"] is None
            assert 120 <= trio.current_time() - began < 125


async def test_a_seat_that_is_taken_and_lapses_is_a_delta_each(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        async with open_stream(site, room="build") as stream:
            snapshot = await stream.next_of("snapshot")
            assert snapshot["roster"][0]["listening"] == "not listening"
            ear = {"x-argybargy-ear": "codex/0.171.0 queue one"}
            await site.front.call("GET", "/messages?wait=5", code=bob, headers=ear)
            began = trio.current_time()
            shown: list[str] = []
            while not shown or shown[-1] != "not listening":
                found = await _until(stream, "roster")
                shown.append(found["roster"][0]["listening"])
                if shown[-1] == "online":
                    assert 14 < trio.current_time() - began < 20
            assert shown == ["wakes now", "online", "not listening"]


async def test_another_room_than_the_streamed_one_has_a_card_and_no_messages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice", "docs")
        await site.code("bob", "build")
        async with open_stream(site, room="build") as stream:
            snapshot = await stream.next_of("snapshot")
            assert [row["name"] for row in snapshot["roster"]] == ["bob"]
            await site.say(alice, "hello")
            delta = await stream.next()
            assert delta["rooms"][0]["room"] == "docs"
            assert "messages" not in delta
            assert "roster" not in delta


async def test_a_reconnecting_client_resumes_with_deltas(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        async with open_stream(site) as stream:
            epoch = (await stream.next())["epoch"]
            version = (await stream.next())["version"]
        await site.say(alice, "while you were away")
        resume = {"epoch": epoch, "version": version}
        async with open_stream(site, resume=resume) as stream:
            hello, delta = await stream.next(), await stream.next()
        assert hello["resumed"] is True
        assert delta["type"] == "delta"
        assert delta["messages"][0]["text"] == "while you were away"


@pytest.mark.parametrize(
    ("seen", "asked", "is_resumed"),
    [
        ("build", "build", True),
        ("BUILD", "build", True),
        (None, None, True),
        ("other", "build", False),
        (None, "build", False),
        ("build", None, False),
    ],
)
async def test_resuming_with_another_room_gets_a_snapshot(
    seen: str | None,
    asked: str | None,
    *,
    is_resumed: bool,
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await site.say(await site.code("alice"), "hello")
        async with open_stream(site, room=seen) as stream:
            epoch = (await stream.next())["epoch"]
            snapshot = await stream.next()
        resume = {
            "epoch": epoch, "version": snapshot["version"], "room": snapshot["room"],
        }  # fmt: skip
        async with open_stream(site, room=asked, resume=resume) as stream:
            hello = await stream.next()
        assert hello["resumed"] is is_resumed


@pytest.mark.parametrize("other", [{"epoch": "another life"}, {"version": 10**6}])
async def test_resuming_after_a_restart_gets_a_snapshot(
    other: dict[str, object], autojump_clock: trio.testing.MockClock
) -> None:
    async with open_site() as site:
        epoch = site.house.relay.overview.epoch
        resume = {"epoch": epoch, "version": 0} | other
        async with open_stream(site, resume=resume) as stream:
            hello, frame = await stream.next(), await stream.next()
        assert hello["resumed"] is False
        assert frame["type"] == "snapshot"


async def test_a_burst_is_coalesced_into_few_frames_in_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        async with open_stream(site) as stream:
            await stream.next_of("snapshot")
            for number in range(30):
                await site.say(alice, str(number))
            frames, texts = 0, list[str]()
            while len(texts) < 30:
                delta = await stream.next_of("delta")
                frames += 1
                texts += [row["text"] for row in delta.get("messages", ())]
            assert texts == [str(number) for number in range(30)]
            assert frames <= 3


async def test_a_slow_client_gets_a_snapshot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        async with open_stream(site) as stream:
            await stream.next_of("snapshot")
            await site.say(alice, "the frame that nobody takes")
            await trio.sleep(1)
            for number in range(101):
                await site.say(alice, str(number))
            late, anew = await stream.next(), await stream.next()
            assert late["messages"][0]["text"] == "the frame that nobody takes"
            assert anew["type"] == "snapshot"
            assert len(anew["messages"]) == 60
            assert anew["messages"][-1]["text"] == "100"


async def test_an_idle_stream_sends_little(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, open_stream(site) as stream:
        await stream.next_of("snapshot")
        began, sent = trio.current_time(), 0
        while trio.current_time() - began < 60:
            frame = await stream.next()
            assert frame["type"] == "keepalive"
            sent += len(msgspec.json.encode(frame))
        assert trio.current_time() - began == 60
        assert sent < 1000


async def test_a_stream_ends_with_bye_when_the_relay_stops(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        async with open_stream(site) as stream:
            await stream.next_of("snapshot")
            site.house.relay.drain()
            bye = await stream.next()
            assert bye == {"type": "bye", "reason": "draining", "retry_after": 1}
            with pytest.raises(trio.EndOfChannel):
                await stream.next()
        reply = await site.admin("POST", "/admin/stream")
        assert (reply.status, reply.error) == (503, "draining")


async def test_a_stream_ends_when_its_token_is_replaced(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, open_stream(site) as stream:
        await stream.next_of("snapshot")
        await site.admin("POST", "/admin/regenerate-token")
        bye = await stream.next()
        assert (bye["type"], bye["reason"]) == ("bye", "session_ended")


async def test_a_stream_ends_at_once_with_its_session_and_no_other_does(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        mine, other = await site.sign_in(), await site.sign_in()
        async with (
            open_stream(site, session=mine) as stream,
            open_stream(site, session=other) as bystander,
        ):
            await stream.next_of("snapshot")
            await bystander.next_of("snapshot")
            await site.front.call("DELETE", "/admin/session", session=mine)
            bye = await stream.next(seconds=0.5)
            assert (bye["type"], bye["reason"]) == ("bye", "session_ended")
            assert (await bystander.next())["type"] == "keepalive"


async def test_a_stream_keeps_its_session_in_use_until_that_is_over(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits(session_days=1 / 12)) as site:
        session = await site.sign_in()
        async with open_stream(site, session=session) as stream:
            await stream.next_of("snapshot")
            began = trio.current_time()
            bye = await stream.next_of("bye")
            assert bye["reason"] == "session_ended"
            assert trio.current_time() - began == pytest.approx(7_200, abs=1)


async def test_streams_are_limited_and_a_closed_one_frees_its_slot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = Limits(streams=2)
    async with open_site(limits) as site, open_stream(site):
        async with open_stream(site):
            reply = await site.admin("POST", "/admin/stream")
            assert (reply.status, reply.error) == (503, "busy")
            assert reply.headers["retry-after"] == "1"
            assert len(site.house.relay.watchers) == 2
        assert len(site.house.relay.watchers) == 1
        async with open_stream(site) as stream:
            assert (await stream.next())["type"] == "hello"


async def test_a_disconnect_without_a_read_frees_the_slot(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        async with open_stream(site) as stream:
            await stream.next_of("snapshot")
            await site.say(alice, "a frame that is never taken")
            await trio.sleep(1)
        assert len(site.house.relay.watchers) == 0


async def test_an_unsent_stream_frees_its_slot() -> None:
    watchers = Watchers()
    watcher = watchers.watch()
    assert len(watchers) == 1
    del watcher
    assert len(watchers) == 0


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"room": "no room"}, "room"),
        ({"messages": 61}, "messages"),
        ({"messages": "all"}, "messages"),
        ({"resume": {"epoch": "x", "version": -1}}, "resume"),
        ({"resume": {"epoch": "x"}}, "resume"),
    ],
)
async def test_invalid_fields_of_a_stream_are_named(
    asked: dict[str, object], field: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_site() as site:
        reply = await site.admin("POST", "/admin/stream", json=asked)
        assert (reply.status, reply.error) == (422, "invalid_request")
        assert reply.json["detail"]["errors"][0]["field"] == field
        assert len(site.house.relay.watchers) == 0


async def test_unknown_fields_are_listed_in_hello(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, open_stream(site, rooom="build") as stream:
        assert (await stream.next())["ignored"] == ["rooom"]


async def test_a_stream_is_the_operators_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        reply = await site.front.call("POST", "/admin/stream")
        assert (reply.status, reply.error) == (401, "admin_unauthorized")


async def test_the_operator_s_history_has_private_messages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.code("bob")
        for number in range(3):
            await site.say(alice, str(number), to="bob")
        target = "/admin/rooms/BUILD/history"
        reply = await site.admin("GET", f"{target}?limit=2&before=3")
        assert reply.json["room"] == "build"
        assert [row["text"] for row in reply.json["messages"]] == ["0", "1"]
        assert reply.json["room_status"]["status"] == "open"
        assert (reply.json["first_seq"], reply.json["more"]) == (1, False)
        assert (await site.admin("GET", f"{target}?limit=2")).json["more"] is True
        reply = await site.admin("GET", "/admin/rooms/nowhere/history")
        assert (reply.status, reply.error) == (404, "room_not_found")
        assert (await site.admin("GET", f"{target}?limit=x")).status == 422


def test_the_reference_names_every_field_of_every_frame() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "stream.md"
    text = page.read_text()
    frames = (HelloFrame, SnapshotFrame, DeltaFrame, KeepaliveFrame, ByeFrame)
    for struct in (*frames, StreamRequest, ResumePoint, RoomCardBody, WaitingKey):
        for field in struct.__struct_encode_fields__:
            assert f"`{field}`" in text or f'"{field}"' in text, field
    for frame in frames:
        assert f"`{frame.__struct_config__.tag}`" in text


async def test_changes_by_time_alone_reach_every_stream(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.say(alice, "hello")
        async with open_stream(site, room="build") as stream:
            await stream.next_of("snapshot")
            await trio.sleep(site.house.relay.limits.online_seconds - 0.9)
            for _ in range(30):
                await site.admin("GET", "/admin/state?room=build")
                await trio.sleep(0.1)
            with trio.fail_after(0.5):
                delta = await stream.next_of("delta")
            assert [row["online"] for row in delta["roster"]] == [False]
            board = site.house.relay.overview
            wakes = 0
            follower = site.house.relay.watchers.watch()
            with trio.move_on_after(3):
                while True:
                    await follower.wait_woken()
                    wakes += 1
            assert wakes == 0, "it does not wake itself"
            assert board.version == delta["version"]


async def test_a_new_public_url_is_streamed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(is_configured=False) as site, open_stream(site) as stream:
        hello = await stream.next_of("hello")
        assert hello["public_url"] == "http://127.0.0.1:8765"
        assert hello["commands"] == {
            "connect": "argybargy connect",
            "open": "argybargy open",
            "up": "argybargy up",
        }
        await stream.next_of("snapshot")
        address, wake = site.services.address, site.services.relay.watchers.wake
        address.publish("https://some.trycloudflare.com")
        wake()
        delta = await stream.next()
        assert delta.pop("now")
        assert delta.pop("version") >= 0
        assert delta == {
            "type": "delta",
            "public_url": "https://some.trycloudflare.com",
        }
        address.withdraw()
        wake()
        assert (await stream.next())["public_url"] == "http://127.0.0.1:8765"
        assert await stream.is_silent(14)
