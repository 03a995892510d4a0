"""Choices over HTTP: through both doors, in every form, and in every view."""

import msgspec
import pytest
import trio.testing

from support.web_app import Site, open_site

OFFERED = ["Yes", "not yet"]


async def ask(site: Site, code: str, **fields: object) -> int:
    fields = {"to": "bob", "choices": OFFERED} | fields
    reply = await site.say(code, "Ship it?", **fields)
    assert reply.status == 200, reply.body
    seq: int = reply.json["message"]["seq"]
    return seq


@pytest.mark.parametrize("door", ["front", "quart"])
async def test_a_choice_answers_without_a_text(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        ann, bob, client = (
            await site.code("ann"),
            await site.code("bob"),
            getattr(site, door),
        )
        posted = await client.call(
            "POST",
            "/messages",
            code=ann,
            json={"text": "Ship?", "to": "bob", "choices": [" Yes ", "not yet"]},
        )
        assert posted.json["message"]["choices"] == OFFERED
        answer = {"reply_to": 1, "choice": "NOT YET"}
        reply = await client.call("POST", "/messages", code=bob, json=answer)
        message = reply.json["message"]
        assert (message["text"], message["choice"]) == ("not yet", "not yet")
        assert "choices" not in message
        thread = await client.call("GET", "/messages/1", code=ann)
        assert thread.json["message"]["question"]["state"] == "answered"


@pytest.mark.parametrize("door", ["front", "quart"])
async def test_plain_text_takes_choices_in_the_query(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        ann, bob, client = (
            await site.code("ann"),
            await site.code("bob"),
            getattr(site, door),
        )
        plain = {"content-type": "text/plain"}
        target = "/messages?to=bob&choices=Yes,not+yet&choices=never"
        reply = await client.call(
            "POST", target, code=ann, body=b"Ship?", headers=plain
        )
        assert reply.json["message"]["choices"] == ["Yes", "not yet", "never"]
        target = "/messages?reply_to=1&choice=never"
        reply = await client.call("POST", target, code=bob, body=b"", headers=plain)
        assert reply.json["message"]["text"] == "never"
        target = "/messages?choices=a,b"
        reply = await client.call("POST", target, code=ann, json={"text": "x"})
        assert (reply.status, reply.error) == (422, "invalid_request")


async def test_a_choice_that_is_not_offered_is_told_what_is(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await ask(site, ann)
        reply = await site.say(bob, "hm", reply_to=1, choice="maybe")
        assert reply.status == 422
        assert reply.json["detail"]["errors"] == [
            {"field": "choice", "problem": "message 1 offers 'Yes', 'not yet'"}
        ]
        assert b"maybe" not in reply.body


async def test_every_view_has_the_choices_and_other_messages_no_new_field(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await ask(site, ann)
        await site.say(bob, "", reply_to=1, choice="yes")
        await site.say(ann, "thanks")
        await site.say(ann, "And now?", to="operator", choices=OFFERED)
        state = (await site.admin("GET", "/admin/state")).json
        history = await site.admin("GET", "/admin/rooms/build/history")
        read = await site.front.call("GET", "/history", code=bob)
        for messages in (
            state["messages"],
            history.json["messages"],
            read.json["messages"],
        ):
            asked, chosen, *rest = messages
            assert (asked["choices"], chosen["choice"]) == (OFFERED, "Yes")
            assert not {"choice", "choices"} & rest[0].keys()
        assert state["waiting"][0]["choices"] == OFFERED
        found = await site.front.call("GET", "/search?q=%22not+yet%22", code=bob)
        (result,) = found.json["results"]
        assert result["message"]["choices"] == OFFERED
        resumed = await site.front.call("GET", "/resume", code=ann)
        assert resumed.json["open_questions"][0]["choices"] == OFFERED
        minimal = await site.front.call(
            "GET", "/messages/1", code=bob, headers={"prefer": "return=minimal"}
        )
        assert minimal.json["message"]["choices"] == OFFERED
        (taken,) = minimal.json["replies"]
        assert taken["choice"] == "Yes"


async def test_the_text_form_has_a_line_of_choices(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await ask(site, ann)
        target = "/history?format=text"
        asked = await site.front.call("GET", target, code=bob)
        told = "1 ann>you asks you: Ship it?\n? Yes | not yet\n"
        assert asked.body.decode() == told
        await site.say(bob, "go", reply_to=1, choice="yes")
        await site.say(bob, "", reply_to=1, choice="yes")
        reply = await site.front.call("GET", target, code=bob)
        assert reply.body.decode() == (
            "1 ann>you asks you (answered: 2): Ship it?\n"
            "2 bob re 1: go\n= Yes\n"
            "3 bob re 1: Yes\n"
        )


async def test_the_operator_offers_and_takes_choices(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        said = {"room": "build", "text": "Which?", "to": "ann", "choices": OFFERED}
        reply = await site.admin("POST", "/admin/say", said)
        assert reply.json["message"]["choices"] == OFFERED
        await ask(site, ann, to="operator")
        taken = {"room": "build", "to": "ann", "reply_to": 2, "choice": "yes"}
        reply = await site.admin("POST", "/admin/say", taken)
        assert reply.json["message"]["text"] == "Yes"


async def test_a_code_in_a_choice_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        reply = await site.say(ann, "x", to="bob", choices=["yes", ann[:40]])
        assert reply.status == 200, "half of a code opens nothing"
        reply = await site.say(ann, "x", to="bob", choices=["yes", ann])
        assert reply.status == 422
        assert ann.encode() not in reply.body


async def test_choices_survive_export_and_import() -> None:
    async with open_site() as here, open_site() as there:
        ann, bob = await here.code("ann"), await here.code("bob")
        await ask(here, ann)
        await here.say(bob, "", reply_to=1, choice="yes")
        await here.say(bob, "plain")
        exported = (await here.admin("POST", "/admin/export", {})).body
        lines = [msgspec.json.decode(line) for line in exported.splitlines()]
        asked, chosen, plain = [line for line in lines if line["type"] == "message"]
        assert (asked["choices"], chosen["choice"]) == (OFFERED, "Yes")
        assert not {"choice", "choices"} & plain.keys()

        async def take(*lines: object) -> int:
            body = b"\n".join(map(msgspec.json.encode, lines))
            reply = await there.front.call(
                "POST", "/admin/import", token=there.token, body=body
            )
            return reply.status

        for wrong in (
            asked | {"choices": ["Yes"]},
            asked | {"choices": ["a", "A"]},
            asked | {"expects_reply": "none"},
            plain | {"choice": "Yes"},
            chosen | {"choice": "a|b"},
        ):
            assert await take(wrong) == 422, wrong
        assert await take(*lines) == 200
        again = (await there.admin("POST", "/admin/export", {})).body
        assert again.splitlines()[1:] == exported.splitlines()[1:]
        assert await take(asked | {"choices": ["Yes", "no"]}) == 409
