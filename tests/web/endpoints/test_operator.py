"""The operator's endpoints, in the shapes of the original."""

import msgspec
import pytest
import trio
import trio.testing

from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from support.web_app import BASE, TOKEN, open_site


async def test_a_word_makes_a_room_as_in_the_original_unless_new_is_false(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        said = {"room": "lab", "text": "hi"}
        for call in (site.front.call, site.quart.call):
            reply = await call(
                "POST", "/admin/say", token=TOKEN, json=said | {"new": False}
            )
            assert (reply.status, reply.error) == (404, "room_not_found")
        assert (await site.admin("GET", "/admin/state")).json["room_status"] == {}
        assert (await site.admin("POST", "/admin/say", json=said)).status == 200
        reply = await site.admin("POST", "/admin/say", json=said | {"new": False})
        assert reply.json["message"]["seq"] == 2
        reply = await site.admin("POST", "/admin/say", json=said | {"new": "no"})
        assert (reply.status, reply.error) == (422, "invalid_request")


async def test_an_invitation_has_what_the_original_gave_and_a_key_id(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        reply = await site.admin(
            "POST",
            "/admin/invite",
            json={"name": "dba", "room": "sql", "expires": "1d", "capabilities": "SQL"},
        )
        body = reply.json
        assert set(body) == {
            "code",
            "key_id",
            "name",
            "room",
            "expires",
            "capabilities",
            "url",
            "instruction",
        }
        assert body["url"] == BASE
        assert body["code"] in body["instruction"]
        who = await site.front.call("GET", "/whoami", code=body["code"])
        assert who.json == {"name": "dba", "room": "sql", "capabilities": "SQL"}


async def test_no_answer_but_the_invitation_shows_a_code(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        await site.say(code, "hello")
        for target in ("/admin/state", "/admin/audit", "/admin/stats"):
            reply = await site.admin("GET", target)
            assert reply.status == 200
            assert code.encode() not in reply.body


async def test_the_state_has_every_field_of_the_original(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        await site.front.call("GET", "/whoami", code=bob)
        await trio.sleep(7)
        state = (await site.admin("GET", "/admin/state?room=build")).json
        assert {
            "version",
            "public_url",
            "hash_codes",
            "peers",
            "roster",
            "codes",
            "room",
            "rooms",
            "room_status",
            "waiting",
            "max_idle_seconds",
            "messages",
        } <= set(state)
        assert state["commands"]["connect"] == "argybargy connect"
        assert state["room"] == "build"
        assert state["peers"]["build"][0] == {
            "name": "alice",
            "online": True,
            "seconds_since_seen": 7.0,
        }
        (room,) = state["rooms"]
        assert (room["room"], room["messages"], room["last_seq"]) == ("build", 1, 1)
        assert room["seconds_since_last"] == 7.0
        assert state["room_status"]["build"]["status"] == "open"
        rows = {row["name"]: row for row in state["roster"]["build"]}
        assert rows["alice"]["sources"] == ["presence", "code", "messages"]
        assert rows["alice"]["state"] == "waiting"
        assert rows["bob"]["state"] == "standing_by"
        (waiting,) = state["waiting"]
        assert waiting["from"] == "alice"
        assert waiting["expects_reply_resolved"] == "bob"
        assert waiting["waiting_seconds"] == 7.0
        assert state["messages"][0]["room"] == "build"


async def test_a_question_leaves_the_inbox_when_the_asked_speaks_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "bob?", to="bob")
        await site.front.call("POST", "/messages/1/claim", code=bob)
        state = (await site.admin("GET", "/admin/state")).json
        assert [row["claimed_by"] for row in state["waiting"]] == ["bob"]
        await site.say(bob, "done")
        state = (await site.admin("GET", "/admin/state")).json
        assert state["waiting"] == []


async def test_a_message_of_the_operator_answers_a_question_to_anyone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.say(alice, "deploy?", expects_reply="anyone")
        said = await site.admin(
            "POST",
            "/admin/say",
            json={"room": "BUILD", "text": "go", "sender": "titus", "reply_to": 1},
        )
        assert said.json["message"]["from_kind"] == "operator"
        heard = await site.front.call("GET", "/messages", code=alice)
        assert heard.json["messages"][0]["from"] == "titus"
        one = await site.front.call("GET", "/messages/1", code=alice)
        assert one.json["message"]["claimed_by"] == "titus"
        assert one.json["replies"][0]["text"] == "go"
        assert (await site.admin("GET", "/admin/state")).json["waiting"] == []


async def test_the_operator_s_post_is_stored_once_for_one_idempotency_key(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The operator's response can be lost like an agent's."""
    async with open_site() as site:
        alice = await site.code("alice")
        words, key = {"room": "build", "text": "go"}, {"idempotency-key": "1"}
        said = [
            await site.admin("POST", "/admin/say", json=words, headers=key)
            for _ in range(2)
        ]
        assert [each.json.get("duplicate") for each in said] == [None, True]
        assert said[0].json["message"] == said[1].json["message"]
        other = await site.admin(
            "POST", "/admin/say", json=words | {"text": "stop"}, headers=key
        )
        assert (other.status, other.error) == (422, "idempotency_conflict")
        heard = await site.front.call("GET", "/messages", code=alice)
        assert [each["text"] for each in heard.json["messages"]] == ["go"]


async def test_revoking_a_name_in_two_rooms_needs_a_room_or_all(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original revoked them all."""
    async with open_site() as site:
        first, second = await site.code("alice", "one"), await site.code("alice", "two")
        reply = await site.admin("POST", "/admin/revoke", json={"target": "alice"})
        assert (reply.status, reply.error) == (409, "ambiguous")
        assert reply.json["detail"]["rooms"] == ["one", "two"]
        reply = await site.admin(
            "POST", "/admin/revoke", json={"target": "alice", "room": "one"}
        )
        assert reply.json["revoked"] == 1
        statuses = [
            (await site.front.call("GET", "/whoami", code=code)).status
            for code in (first, second)
        ]
        assert statuses == [401, 200]
        reply = await site.admin("POST", "/admin/revoke", json={"target": second})
        assert reply.json["revoked"] == 1
        reply = await site.admin("POST", "/admin/revoke", json={"target": "nobody"})
        assert reply.json["revoked"] == 0


async def test_revoking_by_code_leaves_no_code_in_the_audit_log(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original wrote it there in plain text."""
    async with open_site() as site:
        code = await site.code("alice")
        await site.admin("POST", "/admin/revoke", json={"target": code})
        audit = await site.admin("GET", "/admin/audit")
        assert code.encode() not in audit.body
        actions = [event["action"] for event in audit.json["events"]]
        assert actions == ["open", "invite", "revoke"]


async def test_a_new_admin_token_replaces_the_old_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        reply = await site.admin("POST", "/admin/regenerate-token")
        new = reply.json["admin_token"]
        assert (await site.admin("GET", "/admin/stats")).status == 401
        stats = await site.front.call("GET", "/admin/stats", token=new)
        assert stats.status == 200
        audit = await site.front.call("GET", "/admin/audit", token=new)
        actions = [event["action"] for event in audit.json["events"]]
        assert "regenerate_admin_token" in actions


async def test_names_keep_their_first_spelling(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await site.code("Alice", "Build")
        again = await site.admin(
            "POST", "/admin/invite", json={"name": "ALICE", "room": "BUILD"}
        )
        assert (again.json["name"], again.json["room"]) == ("Alice", "Build")
        closed = await site.admin("POST", "/admin/rooms/bUILD/close")
        assert closed.json["room"]["name"] == "Build"


async def test_the_manifest_has_the_accepted_media_type(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        as_json = await site.front.call("GET", "/")
        assert as_json.json["auth"]["header"].startswith("Authorization: Bearer")
        paths = " ".join(each["path"] for each in as_json.json["endpoints"])
        for path in ("/messages", "/peers", "/whoami", "/history", "/resume"):
            assert path in paths
        text = await site.front.call("GET", "/", headers={"accept": "text/markdown"})
        assert text.headers["content-type"].startswith("text/markdown")
        assert text.body.startswith(b"# Argybargy")
        page = await site.front.call("GET", "/", headers={"accept": "text/html,*/*"})
        assert (page.status, page.headers["location"]) == (303, "/dashboard")
        evil = await site.front.call("GET", "/", headers={"host": "localhost"})
        assert BASE in evil.json["examples"]["send"], "the configured URL, not the Host"


@pytest.mark.parametrize(
    "accept",
    ["application/json, text/plain, */*", "application/json, text/html;q=0.1", "*/*"],
)
async def test_a_client_that_prefers_json_gets_json(
    autojump_clock: trio.testing.MockClock, accept: str
) -> None:
    """HTTP libraries send such an Accept by default."""
    async with open_site() as site:
        reply = await site.front.call("GET", "/", headers={"accept": accept})
        assert reply.json["name"] == "Argybargy"


async def test_the_description_names_every_endpoint_and_its_fields(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        reply = await site.front.call("GET", "/openapi.json")
        api = reply.json
        assert api["openapi"].startswith("3.1")
        post = api["paths"]["/messages"]["post"]
        name = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = api["components"]["schemas"][name.rpartition("/")[2]]
        assert set(schema["properties"]) == {
            *("text", "to", "expects_reply", "reply_to"),
            *("choices", "choice", "room"),
        }
        assert "/messages/{seq}/claim" in api["paths"]
        assert "/admin/rooms/{room}/close" in api["paths"]
        assert "/docs" not in api["paths"]


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.js", "/docs/docs.css"])
async def test_the_docs_page_loads_nothing_from_other_hosts(
    autojump_clock: trio.testing.MockClock, path: str
) -> None:
    async with open_site() as site:
        reply = await site.front.call("GET", path)
        assert reply.status == 200
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert b"http://" not in reply.body
        assert b"https://" not in reply.body


async def test_ready_for_a_balancer_refuses_another_word(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        assert (await site.front.call("GET", "/ready?storage=any")).status == 200
        reply = await site.front.call("GET", "/ready?storage=none")
        assert (reply.status, reply.error) == (422, "invalid_request")


async def test_ready_is_a_real_write_and_health_is_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ready = await site.front.call("GET", "/ready")
        assert ready.json["status"] == "ready"
        assert set(ready.json) >= {"engine", "schema", "durability", "draining"}
        site.house.relay.drain()
        ready = await site.front.call("GET", "/ready")
        assert (ready.status, ready.error) == (503, "draining")
        ready = await site.front.call("GET", "/ready?storage=any")
        assert (ready.status, ready.error) == (503, "draining")
        health = await site.front.call("GET", "/health")
        assert health.json["status"] == "ok"


async def test_every_route_of_the_operator_needs_the_token(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        agent = await site.code("alice")
        for route in ADMIN_ROUTES:
            path = route.path.replace("{room}", "build")
            for headers in ({}, {"x-admin-token": agent}):
                reply = await site.front.call(
                    route.method, path, code=agent, headers=headers, json={}
                )
                assert reply.status in {401, 429}, route.path
        state = msgspec.json.decode((await site.admin("GET", "/admin/state")).body)
        assert state["room_status"]["build"]["status"] == "open"
        assert TOKEN.encode() not in (await site.admin("GET", "/admin/state")).body


async def test_delivery_to_the_operator_reports_an_open_dashboard(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")

        async def delivery() -> object:
            reply = await site.say(code, "are you there?", to="operator")
            return reply.json["delivery"]

        assert await delivery() == {"operator": "away"}
        session = await site.sign_in()
        await site.front.call("GET", "/admin/stats", session=session)
        assert await delivery() == {"operator": "away"}, "a request is not a stream"
        watcher = site.house.relay.watchers.watch()
        assert await delivery() == {"operator": "watching"}
        peers = await site.front.call("GET", "/peers", code=code)
        assert peers.json["operator"] == {"state": "watching"}
        watcher.close()
        assert await delivery() == {"operator": "away"}
