"""One access code for several rooms, over HTTP."""

import pytest
import trio.testing

from argybargy.domain.access_codes import digest_code
from argybargy.domain.limits import Limits
from argybargy.domain.many_rooms import digest_in_room
from argybargy.domain.names import room_key
from support.web_app import Reply, Site, open_site

Clock = trio.testing.MockClock
ROOMS = ["build", "ops", "docs"]


async def invite(site: Site, name: str = "ann", rooms: list[str] = ROOMS) -> str:
    body = {"name": name, "rooms": rooms}
    reply = await site.admin("POST", "/admin/invite", json=body)
    assert reply.status == 200, reply.json
    code: str = reply.json["code"]
    return code


async def get(site: Site, code: str, target: str) -> Reply:
    return await site.front.call("GET", target, code=code)


async def texts(site: Site, code: str, target: str) -> list[str]:
    reply = await get(site, code, target)
    return [each["text"] for each in reply.json["messages"]]


async def test_a_code_opens_its_rooms_and_no_other(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await site.code("bob", "ops")
        await site.code("eve", "secret")
        assert (await get(site, ann, "/whoami")).json == {
            "name": "ann",
            "room": "build",
            "capabilities": "",
            "rooms": ROOMS,
        }
        assert (await get(site, ann, "/whoami?room=OPS")).json["room"] == "ops"
        await site.say(bob, "in ops")
        assert await texts(site, ann, "/messages?room=ops") == ["in ops"]
        assert await texts(site, ann, "/history?room=ops") == ["in ops"]
        assert await texts(site, ann, "/messages") == []
        found = [
            (await get(site, ann, f"/messages?room={each}"))
            for each in ("secret", "nowhere", "", "%FF")
        ]
        assert [each.status for each in found] == [404, 404, 404, 422]
        assert found[0].without_request_id == found[1].without_request_id
        assert found[0].error == "room_not_found"
        alone = await get(site, bob, "/messages?room=build")
        assert (alone.status, alone.error) == (404, "room_not_found")
        assert (await get(site, bob, "/messages?room=Ops")).status == 200
        assert "rooms" not in (await get(site, bob, "/whoami")).json


async def test_a_post_names_its_room(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await site.code("bob", "ops")
        assert (await site.say(ann, "to build")).status == 200
        reply = await site.say(ann, "to ops", room="ops")
        assert (reply.status, reply.json["message"]["seq"]) == (200, 1)
        assert "ignored" not in reply.json
        json = {"text": "by query"}
        both = ("/messages?room=ops", {**json, "room": "OPS"}, 200)
        for target, body, status in (
            ("/messages?room=ops", json, 200),
            both,
            ("/messages?room=build", {**json, "room": "ops"}, 422),
            ("/messages", {**json, "room": "secret"}, 404),
            ("/messages", {**json, "room": 7}, 422),
            ("/ask", {**json, "room": "ops", "to": "bob", "wait": 0}, 202),
        ):
            reply = await site.front.call("POST", target, code=ann, json=body)
            assert reply.status == status, (target, body)
        plain = await site.front.call(
            "POST",
            "/messages?room=ops&to=bob",
            code=ann,
            body=b"plain",
            headers={"content-type": "text/plain"},
        )
        assert plain.status == 200
        assert "ignored" not in plain.json
        assert await texts(site, bob, "/messages") == [
            *("to ops", "by query", "by query", "by query", "plain")
        ]


async def test_claims_presence_and_statements_are_those_of_the_room(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await site.code("bob", "ops")
        await site.say(bob, "who?", expects_reply="anyone")
        claim = "/messages/1/claim"
        missing = await site.front.call("POST", claim, code=ann, json={})
        assert missing.status == 404
        won = await site.front.call("POST", f"{claim}?room=ops", code=ann, json={})
        assert won.json["won"]
        resumed = await get(site, ann, "/resume?room=ops")
        assert (resumed.json["room"], len(resumed.json["claims"])) == ("ops", 1)
        peers = (await get(site, bob, "/peers")).json["peers"]
        assert {each["name"] for each in peers} == {"ann", "bob"}
        me = {"status": "busy in ops"}
        await site.front.call("PUT", "/me?room=ops", code=ann, json=me)
        assert "status" not in (await get(site, ann, "/whoami")).json


async def test_a_digest_that_is_stored_opens_nothing(autojump_clock: Clock) -> None:
    async with open_site() as site:
        digest = digest_code(await invite(site))
        further = digest_in_room(digest, room_key("ops"))
        for secret in (digest.hex(), further.hex(), further.decode("latin-1")):
            reply = await site.front.call(
                "GET", "/whoami?room=ops", headers={"authorization": secret}
            )
            assert reply.status == 401


async def test_the_code_or_its_first_key_id_is_revoked_everywhere(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        for by_code in (True, False):
            ann = await invite(site)
            key_id = digest_code(ann)[:6].hex()
            target = ann if by_code else key_id
            reply = await site.admin("POST", "/admin/revoke", json={"target": target})
            assert reply.json["revoked"] == 3
            for room in ROOMS:
                assert (await get(site, ann, f"/whoami?room={room}")).status == 401
        assert (await site.admin("GET", "/admin/state")).json["codes"] == []


async def test_a_name_with_one_code_is_not_ambiguous(autojump_clock: Clock) -> None:
    async with open_site() as site:
        await invite(site)
        reply = await site.admin("POST", "/admin/revoke", json={"target": "ANN"})
        assert reply.json["revoked"] == 3
        await invite(site)
        await site.code("ann", "ops")
        reply = await site.admin("POST", "/admin/revoke", json={"target": "ann"})
        assert (reply.status, reply.error) == (409, "ambiguous")


@pytest.mark.parametrize("by_key_id", [True, False])
async def test_a_code_can_lose_one_of_its_rooms(
    autojump_clock: Clock,
    by_key_id: bool,
) -> None:
    async with open_site() as site:
        ann = await invite(site)
        rows = (await site.admin("GET", "/admin/state")).json["codes"]
        (in_ops,) = [row["key_id"] for row in rows if row["room"] == "ops"]
        wanted = {"target": in_ops} if by_key_id else {"target": ann, "room": "ops"}
        reply = await site.admin("POST", "/admin/revoke", json=wanted)
        assert reply.json["revoked"] == 1
        assert (await get(site, ann, "/messages?room=ops")).status == 404
        assert (await get(site, ann, "/messages?room=docs")).status == 200
        assert (await get(site, ann, "/whoami")).json["rooms"] == ["build", "docs"]


async def test_no_other_room_takes_the_place_of_the_first(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await site.code("bob", "ops")
        await site.admin("POST", "/admin/rooms/build/close")
        await site.admin("DELETE", "/admin/rooms/build")
        assert (await site.say(ann, "for build only")).status == 404
        assert (await get(site, ann, "/messages")).status == 404
        assert (await get(site, ann, "/history")).status == 404
        whoami = (await get(site, ann, "/whoami")).json
        assert whoami["rooms"] == ["ops", "docs"]
        assert (await site.say(ann, "for ops", room="ops")).status == 200
        assert await texts(site, bob, "/messages") == ["for ops"]
        refused = await site.say(bob, f"use {ann}")
        assert refused.error == "contains_secret"


async def test_a_code_of_many_rooms_survives_a_restart(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        ann = await invite(site)
        store = site.house.relay.store
        async with open_site(store=store) as again:
            assert (await get(again, ann, "/whoami")).json["rooms"] == ROOMS
            assert (await get(again, ann, "/whoami?room=docs")).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rooms": []}, "rooms"),
        ({"rooms": ["build", "BUILD"]}, "rooms"),
        ({"rooms": ["build", "no room"]}, "rooms"),
        ({"rooms": [f"room{number}" for number in range(17)]}, "rooms"),
        ({"rooms": ["build", "ops"], "room": "ops"}, "room"),
        ({"rooms": "build,ops"}, "rooms"),
    ],
)
async def test_an_invalid_list_of_rooms_makes_no_code(
    autojump_clock: Clock, body: dict[str, object], field: str
) -> None:
    async with open_site() as site:
        wanted = {"name": "ann", **body}
        reply = await site.admin("POST", "/admin/invite", json=wanted)
        assert reply.status == 422
        assert reply.json["detail"]["errors"][0]["field"] == field
        assert (await site.admin("GET", "/admin/state")).json["codes"] == []


async def test_each_room_of_a_code_counts_toward_the_limit(
    autojump_clock: Clock,
) -> None:
    async with open_site(Limits(codes=2)) as site:
        wanted = {"name": "ann", "rooms": ROOMS}
        reply = await site.admin("POST", "/admin/invite", json=wanted)
        assert (reply.status, reply.error) == (403, "code_quota")
        wanted["rooms"] = ROOMS[:2]
        reply = await site.admin("POST", "/admin/invite", json=wanted)
        assert reply.json["rooms"] == ["build", "ops"]
        assert "build, ops" in reply.json["instruction"]
