"""The page behind a link in a notification."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.domain.notifications import NotificationRules
from argybargy.relay.notifications.registry import NotificationPlan
from argybargy.store.memory.store import MemoryStore, open_memory_store
from argybargy.web.access.answer_links import LINK_SECONDS
from support.recording_channel import RecordingChannel
from support.web_app import BASE, Reply, Site, open_site

Clock = trio.testing.MockClock
FORM = {"content-type": "application/x-www-form-urlencoded", "origin": BASE}


@attrs.define
class Page:
    """A relay, and the path of the link about a question of ann to the operator."""

    site: Site
    path: str
    ann: str

    async def open(self, method: str = "GET") -> Reply:
        return await self.site.front.call(method, self.path)

    async def send(self, text: str = "", choice: str | None = None) -> Reply:
        fields = {"text": text} | ({} if choice is None else {"choice": choice})
        body = urlencode(fields).encode()
        return await self.site.front.call("POST", self.path, body=body, headers=FORM)

    async def answers(self) -> list[tuple[str, str]]:
        history = await self.site.admin("GET", "/admin/rooms/build/history")
        return [
            (row["from"], row["text"] or row.get("choice"))
            for row in history.json["messages"]
            if row["reply_to"] == 1
        ]


@asynccontextmanager
async def page(
    text: str = "May I delete <b>prod</b>?",
    choices: tuple[str, ...] = ("yes", "no"),
    store: MemoryStore | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Page]:
    channel = RecordingChannel()
    plan = NotificationPlan((channel,), NotificationRules(after_seconds=0))
    async with open_site(limits, plan=plan, store=store) as site:
        ann = await site.code("ann")
        await site.say(ann, text, to="operator", choices=list(choices))
        await trio.sleep(5)
        link = channel.pushes[0].events[0].link
        assert link is not None
        yield Page(site, link.removeprefix(BASE), ann)


def assert_says_nothing(reply: Reply) -> None:
    """Assert that a page shows nothing of the question and has no form."""
    text = reply.body.decode()
    for word in ("build", "ann", "prod", "<form", "<button"):
        assert word not in text
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")


async def test_the_page_shows_the_question_with_its_choices(
    autojump_clock: Clock,
) -> None:
    async with page() as it:
        reply = await it.open()
        text = reply.body.decode()
        assert reply.status == 200
        assert "<bdi>ann</bdi> asks you" in text
        assert "in <bdi>build</bdi>, message 1" in text
        assert "May I delete &lt;b&gt;prod&lt;/b&gt;?" in text
        assert '<button name="choice" value="yes">yes</button>' in text
        assert "<script" not in text
        headers = reply.headers
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex"
        style = await it.site.front.call("GET", "/answer/answer.css")
        assert style.status == 200


async def test_reading_the_page_answers_nothing(autojump_clock: Clock) -> None:
    async with page() as it:
        for query in ("", "?choice=yes&text=yes"):
            reply = await it.site.front.call("GET", it.path + query)
            assert reply.status == 200
        assert (await it.open("HEAD")).status == 200
        assert await it.answers() == []
        assert (await it.open()).status == 200


async def test_a_choice_answers_as_the_operator_once(autojump_clock: Clock) -> None:
    async with page() as it:
        reply = await it.send(choice="yes")
        assert reply.status == 200
        assert "Sent" in reply.body.decode()
        assert_says_nothing(reply)
        again = await it.send(choice="yes")
        assert (again.status, "Sent" in again.body.decode()) == (200, True)
        other = await it.send(choice="no")
        assert (other.status, "Sent" in other.body.decode()) == (410, False)
        assert await it.answers() == [("operator", "yes")]
        thread = await it.site.front.call("GET", "/messages/1", code=it.ann)
        assert thread.json["message"]["question"]["state"] == "answered"
        used = await it.open()
        assert used.status == 410
        assert_says_nothing(used)
        rows = (await it.site.admin("GET", "/admin/audit")).json["events"]
        assert [row["detail"] for row in rows if row["action"] == "answer_link"] == [
            "answered 1 by a link"
        ]


async def test_a_double_tap_answers_once(autojump_clock: Clock) -> None:
    async with page() as it:
        replies = set[tuple[str, int]]()

        async def tap(choice: str) -> None:
            replies.add((choice, (await it.send(choice=choice)).status))

        async with trio.open_nursery() as nursery:
            for choice in ("yes", "yes", "no"):
                nursery.start_soon(tap, choice)
        ((_who, answer),) = await it.answers()
        taken = {choice: 200 if choice == answer else 410 for choice in ("yes", "no")}
        assert replies == {(choice, taken[choice]) for choice in ("yes", "no")}


async def test_a_text_answers_too(autojump_clock: Clock) -> None:
    async with page(choices=()) as it:
        assert "Your answer" in (await it.open()).body.decode()
        assert (await it.send("Ja,\r\nbitte. ☃")).status == 200
        assert await it.answers() == [("operator", "Ja,\nbitte. ☃")]


@pytest.mark.parametrize(
    ("text", "choice", "status"),
    [("", None, 422), ("   ", None, 422), ("x" * 8_001, None, 422), ("", "maybe", 422)],
)
async def test_an_invalid_answer_is_shown_to_be_corrected(
    autojump_clock: Clock, text: str, choice: str | None, status: int
) -> None:
    async with page() as it:
        reply = await it.send(text, choice)
        assert reply.status == status
        body = reply.body.decode()
        assert 'role="alert"' in body
        assert "<form" in body
        assert await it.answers() == []
        assert (await it.send("fine")).status == 200


async def test_an_answer_with_a_live_code_is_refused(autojump_clock: Clock) -> None:
    async with page() as it:
        reply = await it.send(f"use {it.ann}")
        assert reply.status == 422
        assert await it.answers() == []


async def test_another_body_than_the_form_is_refused(autojump_clock: Clock) -> None:
    async with page() as it:
        front = it.site.front
        reply = await front.call("POST", it.path, json={"text": "yes"})
        assert reply.status == 415
        many = b"&".join(b"text=yes" for _ in range(9))
        for body in (b"text=%ff", many, b"text=\xff"):
            reply = await front.call("POST", it.path, body=body, headers=FORM)
            assert reply.status in {400, 422}
        assert await it.answers() == []


async def test_a_form_of_another_site_is_refused(autojump_clock: Clock) -> None:
    async with page() as it:
        fields = FORM | {"origin": "https://evil.example"}
        reply = await it.site.front.call(
            "POST", it.path, body=b"text=x", headers=fields
        )
        assert (reply.status, reply.error) == (403, "origin_refused")
        assert await it.answers() == []


async def test_a_late_link_shows_nothing(autojump_clock: Clock) -> None:
    async with page() as it:
        await trio.sleep(LINK_SECONDS)
        for reply in (await it.open(), await it.send(choice="yes")):
            assert (reply.status, "too old" in reply.body.decode()) == (410, True)
            assert_says_nothing(reply)
        assert await it.answers() == []


async def test_a_question_answered_elsewhere_shows_nothing(
    autojump_clock: Clock,
) -> None:
    async with page() as it:
        body = {"room": "build", "text": "No.", "to": "ann", "reply_to": 1}
        await it.site.admin("POST", "/admin/say", json=body)
        for pause in (0, 10):
            await trio.sleep(pause)
            for reply in (await it.open(), await it.send(choice="yes")):
                assert reply.status == 410
                assert "no answer any more" in reply.body.decode()
                assert_says_nothing(reply)
        assert await it.answers() == [("operator", "No.")]


async def test_a_closed_or_deleted_room_shows_nothing(autojump_clock: Clock) -> None:
    async with page() as it:
        await it.site.admin("POST", "/admin/rooms/build/close")
        for reply in (await it.open(), await it.send(choice="yes")):
            assert reply.status == 410
            assert_says_nothing(reply)
        await it.site.admin("DELETE", "/admin/rooms/build")
        reply = await it.open()
        assert reply.status == 410
        assert_says_nothing(reply)


async def test_rotating_the_token_revokes_the_link(autojump_clock: Clock) -> None:
    async with page() as it:
        assert (await it.site.admin("POST", "/admin/regenerate-token")).status == 200
        reply = await it.open()
        assert (reply.status, "not valid" in reply.body.decode()) == (404, True)
        assert_says_nothing(reply)


async def test_forged_links_are_throttled_and_a_valid_one_is_not(
    autojump_clock: Clock,
) -> None:
    async with page(limits=Limits(auth_failures=3)) as it:
        forged = f"/q/{'A' * 48}"
        for _ in range(3):
            reply = await it.site.front.call("GET", forged)
            assert reply.status == 404
            assert_says_nothing(reply)
        reply = await it.site.front.call("GET", forged)
        assert reply.status == 429
        assert int(reply.headers["retry-after"]) >= 1
        assert reply.headers["content-type"].startswith("text/html")
        malformed = await it.site.front.call("GET", "/q/short")
        assert malformed.status == 404
        assert (await it.open()).status == 200


async def test_a_link_works_after_a_restart(autojump_clock: Clock) -> None:
    async with open_memory_store() as store:
        async with page(store=store) as it:
            path = it.path
        plan = NotificationPlan((RecordingChannel(),))
        async with open_site(plan=plan, store=store) as site:
            reply = await site.front.call("GET", path)
            assert "asks you" in reply.body.decode()
            body = urlencode({"choice": "no"}).encode()
            sent = await site.front.call("POST", path, body=body, headers=FORM)
            assert sent.status == 200


async def test_a_long_hostile_question_stays_text(autojump_clock: Clock) -> None:
    hostile = "</blockquote><script>alert(1)</script>\u202e\x07" + "x" * 7_000
    async with page(hostile, ('"><script>', "it's")) as it:
        text = (await it.open()).body.decode()
        assert "<script" not in text
        assert "\u202e" not in text
        assert (await it.send(choice='"><script>')).status == 200


async def test_a_link_works_through_a_tunnel(autojump_clock: Clock) -> None:
    channel = RecordingChannel()
    plan = NotificationPlan((channel,), NotificationRules(after_seconds=0))
    host = "x.trycloudflare.com"
    async with open_site(plan=plan, is_configured=False) as site:
        ann = await site.code("ann")
        await site.say(ann, "Without a tunnel?", to="operator")
        await trio.sleep(5)
        assert channel.pushes[0].events[0].link is None
        site.services.address.publish(f"https://{host}")
        await site.say(ann, "May I?", to="operator")
        await trio.sleep(5)
        link = channel.pushes[1].events[0].link
        assert link is not None
        path = link.removeprefix(f"https://{host}")
        shown = await site.front.call("GET", path, headers={"host": host})
        assert shown.status == 200
        fields = FORM | {"host": host, "origin": f"https://{host}"}
        sent = await site.front.call("POST", path, body=b"text=Yes", headers=fields)
        assert sent.status == 200
