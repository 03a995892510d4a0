"""The agents' endpoints over HTTP."""

import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import digest_code
from argybargy.domain.limits import Limits
from argybargy.relay.access.code_registry import new_code
from support.web_app import TOKEN, Reply, open_site


async def test_whoami_is_exactly_three_fields(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        reply = await site.front.call("GET", "/whoami", code=code)
        assert reply.json == {"name": "alice", "room": "build", "capabilities": ""}


async def test_a_bare_code_without_the_scheme_is_accepted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        reply = await site.front.call("GET", "/whoami", headers={"authorization": code})
        assert reply.status == 200


async def test_the_stored_digest_of_a_code_is_no_code(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """In the original it was."""
    async with open_site() as site:
        code = await site.code("alice")
        digest = digest_code(code)
        for stolen in (digest.hex(), digest.decode("latin-1")):
            headers = {"authorization": f"Bearer {stolen}"}
            reply = await site.front.call("GET", "/whoami", headers=headers)
            assert reply.status == 401


async def test_a_post_answers_with_the_message_as_the_original_did(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        reply = await site.say(code, "hello")
        assert reply.status == 200
        assert reply.json["ok"] is True
        message = reply.json["message"]
        assert message.pop("ts").endswith("+00:00")
        assert message == {
            "seq": 1,
            "from": "alice",
            "to": "all",
            "text": "hello",
            "expects_reply": "none",
            "claimed_by": None,
            "reply_to": None,
            "from_kind": "agent",
        }
        assert "duplicate" not in reply.json
        assert "ignored" not in reply.json


async def test_unknown_fields_are_ignored_and_listed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        reply = await site.say(code, "hello", expect_reply="anyone")
        assert reply.status == 200
        assert reply.json["ignored"] == ["expect_reply"]


async def test_plain_text_needs_no_quoting(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        reply = await site.front.call(
            "POST",
            "/messages?to=bob&expects_reply=none",
            code=alice,
            body=b'it\'s "quoted"\n$HOME',
            headers={"content-type": "text/plain"},
        )
        assert reply.json["message"]["to"] == "bob"
        heard = await site.front.call("GET", "/messages", code=bob)
        assert heard.json["messages"][0]["text"] == 'it\'s "quoted"\n$HOME'


async def test_a_retry_with_the_same_key_gets_the_first_response(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        calls = [
            await site.front.call(
                "POST",
                "/messages",
                code=code,
                json={"text": text},
                headers={"idempotency-key": "once"},
            )
            for text in ("hello", "hello", "other")
        ]
        first, again, other = calls
        assert again.json["message"] == first.json["message"]
        assert again.json["duplicate"] is True
        assert (other.status, other.error) == (422, "idempotency_conflict")


async def test_a_claim_is_granted_once_and_can_be_retried(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """In the original a lost response orphaned the question: the winner's retry was
    told that somebody else holds it.
    """
    async with open_site() as site:
        alice, bob, carol = [
            await site.code(name) for name in ("alice", "bob", "carol")
        ]
        await site.say(alice, "who?", expects_reply="anyone")
        won = await site.front.call("POST", "/messages/1/claim", code=bob)
        again = await site.front.call("POST", "/messages/1/claim", code=bob)
        lost = await site.front.call("POST", "/messages/1/claim", code=carol)
        assert (won.status, again.status, lost.status) == (200, 200, 409)
        assert won.json["won"] is True
        assert again.json["fence"] == won.json["fence"]
        assert lost.json["won"] is False
        assert lost.json["claimed_by"] == "bob"
        assert lost.json["seq"] == 1
        assert lost.json["expires_at"] == again.json["expires_at"]
        assert lost.error == "claimed_by_other"


@pytest.mark.parametrize(
    ("seq", "reason"), [(1, "own_question"), (2, "not_a_question"), (3, None)]
)
async def test_an_invalid_claim_says_why(
    autojump_clock: trio.testing.MockClock, seq: int, reason: str | None
) -> None:
    """In the original anybody could claim anything, without a lease."""
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(bob, "mine", expects_reply="anyone")
        await site.say(alice, "for your information")
        await site.say(alice, "for carol", to="carol")
        reply = await site.front.call("POST", f"/messages/{seq}/claim", code=bob)
        if reason is None:
            assert (reply.status, reply.error) == (404, "not_found")
        else:
            assert (reply.status, reply.error) == (409, "not_claimable")
            assert reply.json["detail"]["reason"] == reason


@pytest.mark.parametrize(
    "target", ["/messages?since=0", "/history", "/messages/1", "/resume"]
)
async def test_a_direct_message_is_hidden_from_other_agents(
    autojump_clock: trio.testing.MockClock, target: str
) -> None:
    """The original showed it to the whole room through /history."""
    async with open_site() as site:
        alice, _, carol = [await site.code(name) for name in ("alice", "bob", "carol")]
        await site.say(alice, "for your eyes only", to="bob")
        reply = await site.front.call("GET", target, code=carol)
        assert b"for your eyes only" not in reply.body


async def test_posting_into_a_closed_room_is_a_409(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.admin("POST", "/admin/rooms/build/close", json={"by": "titus"})
        reply = await site.say(alice, "late")
        assert (reply.status, reply.error) == (409, "room_closed")
        assert reply.json["detail"]["closed_by"] == "titus"
        poll = await site.front.call("GET", "/messages?wait=25", code=alice)
        assert poll.json["should_exit"] is True
        assert poll.json["exit_reason"] == "room_closed"
        await site.admin("POST", "/admin/rooms/build/reopen")
        assert (await site.say(alice, "back")).status == 200


async def test_the_rate_limit_says_how_long_to_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits()) as site:
        alice = await site.code("alice")
        replies = [await site.say(alice, str(number)) for number in range(11)]
        assert [reply.status for reply in replies] == [200] * 10 + [429]
        last = replies[-1]
        assert last.error == "rate_limited"
        assert last.headers["retry-after"] == "10"
        assert last.json["detail"]["retry_after"] == 10
        await trio.sleep(10)
        assert (await site.say(alice, "patient")).status == 200


async def test_a_truncated_poll_says_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        for number in range(3):
            await site.say(alice, str(number))
        reply = await site.front.call("GET", "/messages?limit=2", code=bob)
        assert (reply.json["cursor"], reply.json["more"]) == (2, True)
        rest = await site.front.call("GET", "/messages?since=2&limit=2", code=bob)
        assert (rest.json["cursor"], rest.json["more"]) == (3, False)


async def test_anyone_resolves_to_the_only_other_member(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        first = await site.front.call("GET", "/messages", code=bob)
        await site.code("carol")
        second = await site.front.call("GET", "/messages", code=bob)
        (one,), (two,) = first.json["messages"], second.json["messages"]
        assert (one["expects_reply"], one["expects_reply_resolved"]) == (
            "anyone",
            "bob",
        )
        assert two["expects_reply_resolved"] == "anyone"


async def test_guessed_codes_are_throttled_and_valid_ones_never(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original answered any number of guesses at full speed."""
    async with open_site() as site:
        code = await site.code("alice")
        wrong = {"authorization": f"Bearer {new_code()}"}
        statuses = [
            (await site.front.call("GET", "/whoami", headers=wrong)).status
            for _ in range(12)
        ]
        assert statuses == [401] * 10 + [429] * 2
        assert (await site.front.call("GET", "/whoami", code=code)).status == 200
        await trio.sleep(6)
        reply = await site.front.call("GET", "/whoami", headers=wrong)
        assert reply.status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": ""}, 421),
        ({"host": "localhost:1234"}, 200),
        ({"host": "[::1]:8765"}, 200),
        ({"origin": "http://evil.example"}, 200),
    ],
)
async def test_other_hosts_are_refused(
    autojump_clock: trio.testing.MockClock, headers: dict[str, str], status: int
) -> None:
    async with open_site() as site:
        reply = await site.front.call("GET", "/openapi.json", headers=headers)
        assert reply.status == status


async def test_a_page_of_another_origin_may_not_write(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        evil = {"origin": "http://evil.example"}
        reply = await site.front.call(
            "POST", "/messages", code=code, json={"text": "x"}, headers=evil
        )
        assert (reply.status, reply.error) == (403, "origin_refused")
        reply = await site.front.call("GET", "/admin/state", token=TOKEN, headers=evil)
        assert reply.status == 403
        ours = {"origin": "http://localhost:8765"}
        reply = await site.front.call("GET", "/admin/state", token=TOKEN, headers=ours)
        assert reply.status == 200


async def test_addressees_in_the_query_of_a_json_post_are_rejected(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        reply = await site.front.call(
            "POST", "/messages?to=bob", code=alice, json={"text": "psst"}
        )
        assert (reply.status, reply.error) == (422, "invalid_request")
        assert reply.json["detail"]["errors"][0]["field"] == "to"
        heard = await site.front.call("GET", "/messages", code=bob)
        assert heard.json["messages"] == []


async def test_a_repeated_addressee_counts_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        said = await site.say(alice, "twice", to=["Bob", "carol", "bob"])
        assert said.json["message"]["to"] == ["Bob", "carol"]


async def test_a_claim_ignores_a_body_that_is_not_json(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The first relay declared no body, and ``curl -d`` sends a form type."""
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        reply = await site.front.call(
            "POST",
            "/messages/1/claim",
            code=bob,
            body=b"claim=yes",
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert reply.json["won"] is True


async def test_curl_may_leave_the_content_type_away() -> None:
    async with open_site() as site:
        alice, form = await site.code("alice"), "application/x-www-form-urlencoded"

        async def post(body: bytes, target: str = "/messages") -> Reply:
            headers = {"content-type": form}
            return await site.front.call(
                "POST", target, code=alice, body=body, headers=headers
            )

        assert (await post(b' {"text": "hi"}')).json["message"]["text"] == "hi"
        assert (await post(b"text=hi")).error == "unsupported_media_type"
        reply = await site.front.call(
            "POST",
            "/admin/say",
            token=site.token,
            body=b'{"text": "hi"}',
            headers={"content-type": form},
        )
        assert reply.error == "unsupported_media_type"
