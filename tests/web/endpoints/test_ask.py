"""Asking and waiting over HTTP: both doors, and every form of the response."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from support.web_app import Client, Reply, Site, open_site

TEXT = {"accept": "text/plain"}
MINIMAL = {"prefer": "return=minimal"}
DOORS = pytest.mark.parametrize("door", ["front", "quart"])


@attrs.frozen
class Talk:
    """A room in which ann asks through a door, and bob answers."""

    site: Site
    client: Client
    ann: str
    bob: str

    async def call(
        self,
        method: str,
        target: str,
        answer: dict[str, Any] | None = None,
        **how: Any,  # noqa: ANN401  as the client takes them
    ) -> Reply:
        """Make a request as ann; bob posts `answer` while it waits."""
        replies: list[Reply] = []

        async def call() -> None:
            replies.append(await self.client.call(method, target, code=self.ann, **how))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            if answer is not None:
                await self.site.house.wait_parked(1)
                assert (await self.site.say(self.bob, **answer)).status == 200
        return replies[0]

    async def ask(
        self,
        answer: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **fields: object,
    ) -> Reply:
        json = {"text": "May I?", "to": "bob", **fields}
        return await self.call("POST", "/ask", answer, json=json, headers=headers)


@asynccontextmanager
async def open_talk(door: str, limits: Limits | None = None) -> AsyncIterator[Talk]:
    async with open_site(limits) as site:
        yield Talk(
            site, getattr(site, door), await site.code("ann"), await site.code("bob")
        )


YES = {"text": "Yes.", "to": "ann", "reply_to": 1}


@DOORS
async def test_the_response_has_the_question_its_state_and_the_answer(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        reply = await talk.ask(YES, choices=["yes", "no"], extra=1)
        assert reply.status == 200
        body = reply.json
        assert (body["ok"], body["seq"]) == (True, 1)
        state = {"state": "answered", "by": "bob", "seq": 2}
        assert body["question"] == body["message"]["question"] == state
        assert body["message"]["choices"] == ["yes", "no"]
        assert (body["answer"]["seq"], body["answer"]["text"]) == (2, "Yes.")
        assert body["ignored"] == ["extra"]
        assert not {"room_closed", "retry_after"} & body.keys()
        poll = await talk.call("GET", "/messages?since=resume")
        assert [each["seq"] for each in poll.json["messages"]] == [2]


@DOORS
async def test_202_while_the_question_waits_for_its_answer(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        started = trio.current_time()
        reply = await talk.ask(wait=2)
        assert trio.current_time() - started == 2
        assert reply.status == 202
        assert (reply.json["seq"], reply.json["question"]) == (1, {"state": "open"})
        assert "answer" not in reply.json
        reply = await talk.call("GET", "/messages/1?wait=3")
        assert trio.current_time() - started == 5
        assert (reply.status, reply.json["replies"]) == (202, [])
        reply = await talk.call("GET", "/messages/1?wait=25", YES)
        assert reply.status == 200
        assert reply.json["message"]["question"]["state"] == "answered"
        assert reply.json["answer"] == reply.json["replies"][0]
        assert trio.current_time() - started == 5
        plain = await talk.call("GET", "/messages/1")
        assert plain.status == 200
        assert plain.json.keys() == {"message", "replies", "read_by"}


@DOORS
async def test_the_same_call_with_the_same_key_waits_on(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        key = {"idempotency-key": "k"}
        assert (await talk.ask(wait=1, headers=key)).status == 202
        again = await talk.ask(YES, wait=1, headers=key)
        assert (again.status, again.json["seq"]) == (200, 1)
        assert again.json["duplicate"] is True
        assert again.json["answer"]["text"] == "Yes."
        other = await talk.ask(wait=1, text="May we?", headers=key)
        assert (other.status, other.error) == (422, "idempotency_conflict")


@DOORS
async def test_the_text_form_is_a_number_and_the_answer(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        reply = await talk.ask(wait=1, headers=TEXT)
        told = "waiting 1 · bob not listening\n"
        assert (reply.status, reply.body.decode()) == (202, told)
        reply = await talk.call("GET", "/messages/1?wait=1&format=text")
        assert (reply.status, reply.body) == (202, b"waiting 1\n")
        reply = await talk.call("GET", "/messages/1?wait=9", YES, headers=TEXT)
        assert (reply.status, reply.body.decode()) == (
            200,
            "1 ann>bob asks bob (answered: 2): May I?\n2 bob>you re 1: Yes.\n",
        )
        reply = await talk.ask(wait=1, headers=TEXT, to="operator")
        assert reply.body.decode() == "waiting 3 · operator away\n"
        answer = {"text": "No:\nnot now", "to": "ann", "reply_to": 4}
        reply = await talk.ask(answer, headers=TEXT, wait=9)
        assert reply.body.decode() == "ok 4\n5 bob>you re 4: No:\n| not now\n"


@DOORS
async def test_plain_text_asks_with_its_fields_in_the_query(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        reply = await talk.call(
            "POST",
            "/ask?to=bob&choices=yes,no&wait=1&format=text&extra=1",
            body=b"May I?",
            headers={"content-type": "text/plain"},
        )
        told = "waiting 1 · bob not listening\nignored: extra\n"
        assert (reply.status, reply.body.decode()) == (202, told)
        history = await talk.call("GET", "/history")
        (asked,) = history.json["messages"]
        assert (asked["expects_reply"], asked["choices"]) == ("bob", ["yes", "no"])


@DOORS
async def test_minimal_json_leaves_the_question_out(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        reply = await talk.ask(wait=1, headers=MINIMAL)
        assert reply.status == 202
        assert reply.json == {
            "seq": 1,
            "delivery": {"bob": "away"},
            "receipts": {"bob": "not listening"},
        }
        assert reply.headers["preference-applied"] == "return=minimal"
        reply = await talk.call("GET", "/messages/1?wait=9", YES, headers=MINIMAL)
        assert reply.json["answer"]["text"] == "Yes."


@DOORS
async def test_a_closed_room_and_a_withdrawn_question_are_told(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        replies: list[Reply] = []

        async def ask(code: str, form: dict[str, str]) -> None:
            json = {"text": "Anybody?", "to": "operator", "wait": 20}
            replies.append(
                await talk.client.call(
                    "POST", "/ask", code=code, json=json, headers=form
                )
            )

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, talk.ann, {})
            await talk.site.house.wait_parked(1)
            nursery.start_soon(ask, talk.bob, TEXT)
            await talk.site.house.wait_parked(2)
            await talk.site.admin("POST", "/admin/rooms/build/close", {"by": "titus"})
        by_form = {each.headers["content-type"]: each for each in replies}
        told = by_form["application/json"]
        assert (told.status, told.json["room_closed"]) == (200, True)
        assert told.json["question"] == {"state": "open"}
        told = by_form["text/plain; charset=utf-8"]
        assert told.body.decode() == "ok 2\nleave: room closed by titus\n"
        await talk.site.admin("POST", "/admin/rooms/build/reopen", {})
        await talk.site.admin("POST", "/admin/revoke", {"target": "bob"})
        reply = await talk.call("GET", "/messages/2?wait=9", headers=TEXT)
        assert reply.status == 404, "a question to the operator alone"


@DOORS
async def test_the_wait_of_a_question_is_limited(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    limits = Limits(posts_per_window=0, wait_seconds=3, ask_wait_seconds=7)
    async with open_talk(door, limits) as talk:
        question = {"text": "May I?", "to": "bob"}
        limited: list[tuple[Callable[[], Awaitable[Reply]], int]] = [
            (lambda: talk.ask(wait=1_000), 7),
            (talk.ask, 3),
            (lambda: talk.ask(wait=0), 0),
            (lambda: talk.call("POST", "/ask?wait=2", json=question), 2),
            (lambda: talk.call("POST", "/ask?wait=2", json=question | {"wait": 1}), 1),
            (lambda: talk.call("GET", "/messages/1?wait=1000"), 3),
        ]
        for call, seconds in limited:
            started = trio.current_time()
            assert (await call()).status == 202
            assert trio.current_time() - started == seconds


@DOORS
async def test_an_invalid_question_is_not_posted(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        for field, fields in (
            ("wait", {"wait": -1}),
            ("wait", {"wait": "x"}),
            ("expects_reply", {"expects_reply": "none"}),
            ("expects_reply", {"expects_reply": "ann"}),
            ("choices", {"choices": ["a"]}),
            ("to", {"to": "a b"}),
            ("choice", {"choice": "a"}),
            ("text", {"text": ""}),
        ):
            reply = await talk.ask(**fields)
            assert reply.status == 422, fields
            assert reply.json["detail"]["errors"][0]["field"] == field
        for target in ("/ask?to=bob", "/ask?wait=x&to=bob", "/ask?wait=-1&to=bob"):
            plain = {"content-type": "text/plain"} if "wait" in target else {}
            reply = await talk.call("POST", target, body=b"{}", headers=plain)
            assert reply.status == 422, target
        question = {"text": "May I?", "to": "bob"}
        assert (await talk.call("POST", "/ask?wait=x", json=question)).status == 422
        assert (await talk.call("GET", "/messages/1?wait=x")).status == 422
        assert (await talk.call("GET", "/history")).json["messages"] == []


@DOORS
async def test_a_client_that_leaves_leaves_its_question_and_no_wait(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk.ask)
                await talk.site.house.wait_parked(1)
                scope.cancel()
        assert talk.site.house.parked() == 0
        reply = await talk.call("GET", "/messages/1?wait=9", YES)
        assert reply.json["answer"]["text"] == "Yes."


@DOORS
async def test_the_response_after_a_revocation_is_401(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        replies: list[Reply] = []

        async def ask() -> None:
            replies.append(await talk.ask())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await talk.site.house.wait_parked(1)
            await talk.site.admin("POST", "/admin/revoke", {"target": "ann"})
        assert replies[0].status == 401


@DOORS
async def test_a_question_is_a_post_in_every_respect(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    limits = Limits(posts_per_window=1)
    async with open_talk(door, limits) as talk:
        secret = await talk.ask(text=f"is it {talk.bob}?", wait=0)
        assert (secret.status, secret.error) == (422, "contains_secret")
        assert (await talk.ask(wait=0)).status == 202
        limited = await talk.ask(wait=0)
        assert (limited.status, limited.error) == (429, "rate_limited")
        assert "retry-after" in limited.headers
        await talk.site.admin("POST", "/admin/rooms/build/close", {})
        closed = await talk.ask(wait=0)
        assert (closed.status, closed.error) == (409, "room_closed")


@DOORS
async def test_a_message_reads_the_same_with_and_without_a_wait(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        await talk.ask(wait=0, choices=["yes", "No"])
        await talk.ask(wait=0)
        bob = talk.site.front.call
        assert (await bob("GET", "/messages?since=2", code=talk.bob)).status == 200
        target = "/messages/1?format=text"
        still_open = await talk.call("GET", target)
        assert still_open.body.decode() == (
            "1 ann>bob asks bob: May I?\n? yes | No\nread by bob\n"
        )
        await talk.site.say(talk.bob, "Yes.", to="ann", reply_to=1, choice="yes")
        await talk.call("DELETE", "/messages/2/question?reason=found+it")
        for wait in ("", "&wait=2"):
            answered = await talk.call("GET", f"{target}{wait}")
            assert answered.body.decode() == (
                "1 ann>bob asks bob (answered: 3): May I?\nread by bob\n"
                "3 bob>you re 1: Yes.\n= yes\n"
            )
            withdrawn = await talk.call("GET", f"/messages/2?format=text{wait}")
            assert withdrawn.body.decode().splitlines()[:3] == [
                "2 ann>bob asks bob (withdrawn): May I?",
                "withdrawn by ann: found it",
                "read by bob",
            ]


# -- asking back ------------------------------------------------------------------

WHICH = {"text": "Which one?", "to": "ann", "expects_reply": "ann", "reply_to": 1}


@DOORS
@pytest.mark.parametrize("reply_to", [1, None])
async def test_a_question_about_the_question_ends_the_wait_and_answers_nothing(
    autojump_clock: trio.testing.MockClock, door: str, reply_to: int | None
) -> None:
    async with open_talk(door) as talk:
        started = trio.current_time()
        reply = await talk.ask(WHICH | {"reply_to": reply_to}, wait=50)
        assert trio.current_time() == started
        assert reply.status == 202
        assert reply.json["question"] == {"state": "open"}
        assert reply.json["asked_back"]["text"] == "Which one?"
        assert "answer" not in reply.json
        posted = await talk.site.say(talk.ann, text="The red one.", reply_to=2)
        assert posted.status == 200
        reply = await talk.call("GET", "/messages/1?wait=25", YES)
        assert (reply.status, reply.json["answer"]["text"]) == (200, "Yes.")
        assert "asked_back" not in reply.json


@DOORS
async def test_two_agents_that_ask_each_other_do_not_wait_for_each_other(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        replies = list[Reply]()

        async def ask_back() -> None:
            await talk.site.house.wait_parked(1)
            json = {"text": "Which one?", "to": "ann", "wait": 50}
            back = await talk.client.call("POST", "/ask", code=talk.bob, json=json)
            replies.append(back)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_back)
            started = trio.current_time()
            reply = await talk.ask(wait=50)
            assert trio.current_time() == started
            assert reply.json["asked_back"]["seq"] == 2
            await talk.site.say(talk.ann, text="The red one.", reply_to=2)
        assert replies[0].json["answer"]["text"] == "The red one."
        assert "has not answered 1." in replies[0].json["hint"]
        assert replies[0].json["receipts"] == {"ann": "parked"}


@DOORS
async def test_a_wait_goes_on_after_what_asked_back_before_it(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_talk(door) as talk:
        await talk.ask(WHICH)
        started = trio.current_time()
        reply = await talk.call("GET", "/messages/1?wait=3")
        assert trio.current_time() - started == 3
        assert (reply.status, reply.json["asked_back"]["seq"]) == (202, 2)
        reply = await talk.call("GET", "/messages/1?wait=3", headers=TEXT)
        assert reply.body == b"waiting 1\n2 bob>you asks you re 1: Which one?\n"


async def test_the_text_form_and_minimal_json_have_what_asks_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_talk("front") as talk:
        reply = await talk.ask(WHICH, headers=TEXT)
        lines = reply.body.decode().splitlines()
        assert lines[0].startswith("waiting 1")
        assert lines[1:] == ["2 bob>you asks you re 1: Which one?"]
        reply = await talk.ask({**WHICH, "reply_to": 3}, headers=MINIMAL)
        assert reply.json["asked_back"]["seq"] == 4


async def test_only_the_asker_of_a_question_is_told_who_asks_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_talk("front") as talk:
        cat = await talk.site.code("cat")
        await talk.ask(to="all", expects_reply="bob", wait=0)
        replies = list[Reply]()

        async def wait() -> None:
            target = "/messages/1?wait=9"
            replies.append(await talk.client.call("GET", target, code=cat))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            started = trio.current_time()
            await talk.site.house.wait_parked(1)
            json = WHICH | {"to": "all"}
            await talk.client.call("POST", "/messages", code=talk.bob, json=json)
        assert trio.current_time() - started == 9, "it has nothing to answer"
        assert "asked_back" not in replies[0].json


async def test_the_operator_is_told_of_what_asks_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_talk("front") as talk:
        body = {"room": "build", "text": "Ready?", "to": "bob"}
        posted = await talk.site.admin("POST", "/admin/say", body)
        target = f"/admin/rooms/build/messages/{posted.json['message']['seq']}?wait=25"
        replies = list[Reply]()

        async def wait() -> None:
            replies.append(await talk.site.admin("GET", target))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            json = {"to": "operator", "text": "For what?", "choices": ["a", "b"]}
            await talk.client.call(
                "POST", "/ask", code=talk.bob, json=json | {"wait": 0}
            )
        assert replies[0].status == 202
        assert replies[0].json["asked_back"]["text"] == "For what?"


async def test_a_direct_message_without_expects_reply_still_answers() -> None:
    """Agents of the original Argybargy know no reply_to, and answer like this."""
    async with open_talk("front") as talk:
        await talk.site.say(talk.ann, text="May I?", to="bob")
        await talk.site.say(talk.bob, text="Yes.", to="ann")
        thread = await talk.call("GET", "/messages/1")
        assert thread.json["message"]["question"]["state"] == "answered"


async def test_a_reply_with_a_choice_answers_and_may_ask_on() -> None:
    async with open_talk("front") as talk:
        await talk.site.say(talk.ann, text="Go?", to="bob", choices=["yes", "no"])
        json = {"to": "ann", "reply_to": 1, "choice": "yes", "expects_reply": "ann"}
        posted = await talk.client.call("POST", "/messages", code=talk.bob, json=json)
        assert "hint" not in posted.json
        thread = await talk.call("GET", "/messages/1")
        assert thread.json["message"]["question"]["state"] == "answered"
