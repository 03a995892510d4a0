"""Notifications over HTTP: their state, the test, and what senders are told."""

import pytest
import trio
import trio.testing

from argybargy.domain.notifications import NotificationRules
from argybargy.relay.notifications.registry import NotificationPlan
from support.recording_channel import RecordingChannel
from support.web_app import open_site

Clock = trio.testing.MockClock


async def test_the_state_of_every_service_is_shown(autojump_clock: Clock) -> None:
    channels = RecordingChannel("1 ntfy"), RecordingChannel("webhook", "HTTP 500")
    plan = NotificationPlan(channels, NotificationRules(after_seconds=0))
    async with open_site(plan=plan) as site:
        await site.say(await site.code("ann"), "May I?", to="operator")
        await trio.sleep(5)
        body = (await site.admin("GET", "/admin/notifications")).json
        state = (await site.admin("GET", "/admin/state")).json
        assert state["notifications"] == body
        fine, failing = body["services"]
        assert (fine["service"], fine["state"], fine["sent"]) == ("1 ntfy", "ok", 1)
        assert (failing["state"], failing["reason"]) == ("failing", "HTTP 500")
        assert failing["since"] is not None
        assert failing["waiting"] == 1
        metrics = (await site.admin("GET", "/metrics")).body.decode()
        assert 'argybargy_notifications_total{result="sent"} 1.0' in metrics
        assert 'argybargy_notifications_total{result="failed"} 1.0' in metrics
        assert "argybargy_notifications_waiting 1.0" in metrics
        assert "argybargy_notification_services_failing 1.0" in metrics


async def test_a_test_says_of_each_service_whether_it_works(
    autojump_clock: Clock,
) -> None:
    fine, failing = RecordingChannel("1 ntfy"), RecordingChannel("2 tgram", "HTTP 401")
    async with open_site(plan=NotificationPlan((fine, failing))) as site:
        body = (await site.admin("POST", "/admin/notifications/test")).json
        assert body == {
            "services": [
                {"service": "1 ntfy", "ok": True, "reason": ""},
                {"service": "2 tgram", "ok": False, "reason": "HTTP 401"},
            ]
        }
        assert fine.titles == ["Test of the notifications"]


async def test_a_test_ends_when_the_relay_stops(autojump_clock: Clock) -> None:
    fine, stuck = RecordingChannel("1 ntfy"), RecordingChannel("2", takes_seconds=29)
    async with open_site(plan=NotificationPlan((fine, stuck))) as site:

        async def test() -> None:
            body = (await site.admin("POST", "/admin/notifications/test")).json
            assert [row["reason"] for row in body["services"]][1:] == [
                "the relay is stopping"
            ]

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(test)
            await trio.sleep(1)
            site.house.relay.drain()
        assert trio.current_time() == began + 1
        assert len(fine.titles) == 1


async def test_without_services_the_state_is_empty(autojump_clock: Clock) -> None:
    async with open_site() as site:
        body = (await site.admin("GET", "/admin/notifications")).json
        assert body["services"] == []
        tested = (await site.admin("POST", "/admin/notifications/test")).json
        assert tested == {"services": []}


@pytest.mark.parametrize("is_watching", [False, True])
async def test_a_sender_is_told_that_the_operator_was_notified(
    autojump_clock: Clock, is_watching: bool
) -> None:
    plan = NotificationPlan((RecordingChannel(),), NotificationRules(after_seconds=0))
    async with open_site(plan=plan) as site:
        ann = await site.code("ann")
        key = {"idempotency-key": "k"}
        body = {"text": "May I?", "to": "operator"}

        async def post() -> dict[str, object]:
            reply = await site.front.call(
                "POST", "/messages", code=ann, json=body, headers=key
            )
            answer: dict[str, object] = reply.json
            return answer

        assert (await post())["delivery"] == {"operator": "away"}
        await trio.sleep(5)
        if is_watching:
            site.house.relay.watchers.watch()
            watcher = site.house.relay.watchers.watch()
        again = await post()
        peers = (await site.front.call("GET", "/peers", code=ann)).json["operator"]
        text = await site.front.call("GET", "/peers?format=text", code=ann)
        last = text.body.decode().splitlines()[-1]
        if is_watching:
            assert again["delivery"] == {"operator": "watching"}
            assert peers == {"state": "watching"}
            assert last == "operator watching"
            watcher.close()
            return
        assert again["delivery"] == {"operator": "notified"}
        at = peers.pop("notified_at")
        assert peers == {"state": "notified"}
        assert again["receipts"] == {"operator": f"notified {at}"}
        assert last == f"operator notified {at}"
        say = {"room": "build", "text": "Yes.", "to": "ann", "reply_to": 1}
        await site.admin("POST", "/admin/say", json=say)
        await trio.sleep(5)
        peers = (await site.front.call("GET", "/peers", code=ann)).json["operator"]
        assert peers == {"state": "away"}, "the question is not open any more"
