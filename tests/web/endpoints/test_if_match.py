"""A post with If-Match is stored only if its sender has read everything."""

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.relay.room.task import MAX_CHECKED_HERE
from support.web_app import Client, Reply, Site, open_site

UNLIMITED = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
SHORT_TAIL = attrs.evolve(UNLIMITED, tail_messages=2)


@pytest.fixture(params=["front", "quart"])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def post(
    client: Client, code: str, cursor: str, query: str = "", **more: str
) -> Reply:
    return await client.call(
        "POST",
        f"/messages{query}",
        code=code,
        json={"text": "my word"},
        headers={
            "if-match": cursor,
            **{k.replace("_", "-"): v for k, v in more.items()},
        },
    )


async def seqs(site: Site, code: str) -> list[int]:
    history = await site.front.call("GET", "/history?limit=500", code=code)
    return [each["seq"] for each in history.json["messages"]]


@pytest.mark.parametrize("limits", [UNLIMITED, SHORT_TAIL], ids=["tail", "store"])
async def test_unread_messages_come_with_the_refusal(
    autojump_clock: trio.testing.MockClock, door: str, limits: Limits
) -> None:
    async with open_site(limits) as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.code("carol")
        for text in ("one", "two", "three", "four"):
            await site.say(alice, text)
        refused = await post(client, bob, '"1"')
        assert (refused.status, refused.error) == (412, "unread_messages")
        assert refused.json["detail"]["read_to"] == 1
        polled = (await client.call("GET", "/messages?since=1", code=bob)).json
        found = {
            name: value for name, value in refused.json.items() if name != "detail"
        }
        for changing in ("poll_budget",):
            found.pop(changing), polled.pop(changing)
        assert found == polled
        assert [each["text"] for each in found["messages"]] == ["two", "three", "four"]
        assert await seqs(site, alice) == [1, 2, 3, 4]
        done = await post(client, bob, f'"{found["cursor"]}"')
        assert (done.status, done.json["message"]["seq"]) == (200, 5)


async def test_messages_for_others_and_own_ones_do_not_count(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site(SHORT_TAIL) as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.code("carol")
        for _ in range(4):
            await site.say(alice, "a secret", to="carol")
            await site.say(bob, "mine")
        for cursor in ('"0"', "0", "3", '"8"'):
            assert (await post(client, bob, cursor)).status == 200
        await site.say(alice, "for bob", to="bob")
        refused = await post(client, bob, "12")
        assert [each["text"] for each in refused.json["messages"]] == ["for bob"]


async def test_of_two_senders_that_have_read_the_same_one_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The check and the write are one step, also within one batch."""
    async with open_site() as site:
        codes = [await site.code(f"peer{number}") for number in range(8)]
        await site.say(codes[0], "start")
        replies: list[Reply] = []

        async def try_once(code: str) -> None:
            replies.append(await post(site.front, code, "1"))

        async with trio.open_nursery() as nursery:
            for code in codes:
                nursery.start_soon(try_once, code)
        assert sorted(each.status for each in replies) == [200, *[412] * 7]
        assert await seqs(site, codes[0]) == [1, 2]
        for reply in replies:
            if reply.status == 412:
                assert [each["seq"] for each in reply.json["messages"]] == [2]


async def test_a_message_of_a_lapsed_lease_counts_as_unread(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        carol = await site.code("carol")
        await site.say(alice, "who?", expects_reply="anyone")
        lease = {"lease_seconds": 5}
        await site.front.call("POST", "/messages/1/claim", code=carol, json=lease)
        await trio.sleep(6)
        refused = await post(site.front, bob, "1")
        assert [each["event"] for each in refused.json["messages"]] == ["reopened"]


async def test_a_retry_gets_its_first_outcome_before_the_check(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "one")
        first = await post(client, bob, "0", idempotency_key="k")
        assert first.status == 412
        first = await post(client, bob, "1", idempotency_key="k")
        assert (first.status, first.json["message"]["seq"]) == (200, 2)
        await site.say(alice, "three")
        for cursor in ("1", "0"):
            again = await post(client, bob, cursor, idempotency_key="k")
            assert (again.status, again.json["message"]["seq"]) == (200, 2)
            assert again.json["duplicate"]


async def test_a_closed_room_is_said_before_unread_messages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "one")
        await site.admin("POST", "/admin/rooms/build/close")
        assert (await post(site.front, bob, "0")).error == "room_closed"


@pytest.mark.parametrize(
    "cursor", ["", "*", 'W/"1"', '"1', '"1", "2"', "-1", "x", "9" * 16]
)
async def test_what_is_no_cursor_is_refused(
    autojump_clock: trio.testing.MockClock, door: str, cursor: str
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        refused = await post(getattr(site, door), bob, cursor)
        assert (refused.status, refused.error) == (422, "invalid_request")
        (error,) = refused.json["detail"]["errors"]
        assert error["field"] == "If-Match"


async def test_two_cursors_are_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        refused = await site.front.call(
            "POST", "/messages", code=bob, json={"text": "x"},
            headers={"if-match": "1"}, again={"if-match": "2"},
        )  # fmt: skip
        assert (refused.status, refused.error) == (400, "bad_request")


async def test_the_text_form_is_an_error_line_and_the_lines_of_a_poll(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "one")
        await site.say(alice, "two", to="bob")
        refused = await post(client, bob, "1", "?format=text")
        assert refused.status == 412
        error, *lines = refused.body.decode().splitlines()
        assert error.startswith("error: unread_messages: The room has messages after 1")
        assert lines == ["2 alice>you asks you: two"]
        assert refused.headers["x-argybargy-cursor"] == "2"


async def test_the_minimal_form_leaves_defaults_out(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "one")
        refused = await post(client, bob, "0", prefer="return=minimal")
        assert refused.headers["preference-applied"] == "return=minimal"
        assert sorted(refused.json) == ["cursor", "detail", "messages"]
        assert "to" not in refused.json["messages"][0]


async def test_a_refused_post_acknowledges_its_cursor_and_no_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        for text in ("one", "two", "three"):
            await site.say(alice, text)
        assert (await post(site.front, bob, "2")).status == 412
        resumed = (await site.front.call("GET", "/resume", code=bob)).json
        assert (resumed["cursor"], resumed["unread"]) == (2, 1)


async def test_messages_that_retention_has_dropped_refuse_nothing_by_themselves(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(attrs.evolve(UNLIMITED, messages_per_room=2)) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "gone")
        for _ in range(3):
            await site.say(bob, "mine")
        assert (await post(site.front, bob, "0")).status == 200
        await site.say(alice, "here")
        refused = await post(site.front, bob, "0")
        assert refused.json["gap"] == {"from": 1, "to": 4}


async def test_in_a_long_room_the_store_is_asked_for_unread_messages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.code("carol")
        await site.say(alice, "for bob", to="bob")
        for _ in range(MAX_CHECKED_HERE + 1):
            await site.say(alice, "a secret", to="carol")
        assert (await post(site.front, bob, "0")).status == 412
        assert (await post(site.front, bob, "1")).status == 200


async def test_a_cursor_beyond_the_newest_message_is_refused(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    """It may be from before a restore: then the sender has not read what is here."""
    async with open_site() as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "one")
        refused = await post(client, bob, "2")
        assert (refused.status, refused.error) == (412, "unread_messages")
        assert (refused.json["reset"], refused.json["cursor"]) == (True, 1)
        assert refused.json["messages"] == []
        assert (await post(client, bob, "1")).status == 200


async def test_a_question_is_asked_only_by_one_that_has_read_everything(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "one")
        asking = {"text": "two?", "to": "alice", "wait": 0}

        async def ask(cursor: str, **more: str) -> Reply:
            fields = {"if-match": cursor, **more}
            return await client.call(
                "POST", "/ask", code=bob, json=asking, headers=fields
            )

        assert (await ask("x")).status == 422
        refused = await ask('"0"')
        assert (refused.status, refused.error) == (412, "unread_messages")
        assert [each["text"] for each in refused.json["messages"]] == ["one"]
        text = await ask("0", accept="text/plain")
        assert (text.status, text.headers["x-argybargy-cursor"]) == (412, "1")
        assert await seqs(site, alice) == [1]
        assert (await ask('"1"')).status == 202
