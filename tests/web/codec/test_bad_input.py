"""Invalid requests: a 4xx in the common shape, and nothing stored."""

from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.web.codec.bodies import PostRequest
from argybargy.web.codec.decode import _gather, _parse_plain
from argybargy.web.codec.posts import draft_of
from argybargy.web.codec.validation_errors import type_error
from support.web_app import TOKEN, Reply, open_site

POSTS: list[tuple[int, str, Any]] = [
    (422, "text", {}),
    (422, "text", {"text": ""}),
    (422, "text", {"text": "x" * 8_001}),
    (422, "text", {"text": "\u20ac" * 7_999 + "\U0001f600" * 9_000}),
    (422, "text", {"text": "a\0b"}),
    (422, "text", {"text": None}),
    (422, "text", {"text": ["x"]}),
    (422, "to", {"text": "x", "to": ""}),
    (422, "to", {"text": "x", "to": []}),
    (422, "to", {"text": "x", "to": ["all", "bob"]}),
    (422, "to", {"text": "x", "to": "anyone"}),
    (422, "to", {"text": "x", "to": "a b"}),
    (422, "to", {"text": "x", "to": "x" * 65}),
    (422, "to", {"text": "x", "to": [f"p{n}" for n in range(17)]}),
    (422, "to", {"text": "x", "to": 5}),
    (422, "expects_reply", {"text": "x", "expects_reply": "\u202eevil"}),
    (422, "expects_reply", {"text": "x", "expects_reply": "all"}),
    (422, "expects_reply", {"text": "x", "expects_reply": True}),
    (422, "reply_to", {"text": "x", "reply_to": 0}),
    (422, "reply_to", {"text": "x", "reply_to": 77}),
    (422, "reply_to", {"text": "x", "reply_to": 2**63}),
    (422, "reply_to", {"text": "x", "reply_to": 10**400}),
    (422, "reply_to", {"text": "x", "reply_to": True}),
    (422, "reply_to", {"text": "x", "reply_to": 1.5}),
    (422, "choices", {"text": "x", "choices": ["a", "b"]}),
    (422, "choices", {"text": "x", "choices": "a,b"}),
    *(
        (422, "choices", {"text": "x", "expects_reply": "anyone", "choices": choices})
        for choices in (
            ["a"],
            list("abcdefg"),
            ["a", " "],
            ["a", "x" * 41],
            ["a", "b\nc"],
            ["a", "b|c"],
            ["a", "b\u202e"],
            ["Yes", " yes"],
            ["a", 5],
        )
    ),
    (422, "choice", {"text": "x", "choice": "a"}),
    (422, "choice", {"choice": "a"}),
    (422, "choice", {"choice": "a" * 41}),
    (422, "text", {"choice": ""}),
    (422, "text", {"choice": " ", "text": ""}),
]

BODIES: list[tuple[int, str, bytes]] = [
    (422, "body", b""),
    (422, "body", b"null"),
    (422, "body", b"[]"),
    (422, "body", b'"text"'),
    (422, "body", b"{"),
    (422, "body", b'{"text": NaN}'),
    (422, "body", b'{"text": Infinity}'),
    (422, "body", b'{"text": "\\ud800"}'),
    (422, "body", b'{"text": "\xff"}'),
    (422, "text", b"\xef\xbb\xbf{}"),
    (422, "body", b"\xef\xbb\xbf\xef\xbb\xbf{}"),
    (422, "body", b"[" * 30_000),
    (422, "body", b'{"text":' + b"[" * 30_000),
    (413, "", b"x" * 65_537),
]

TARGETS = [
    "/messages?since=",
    "/messages?since=x",
    "/messages?since=-1",
    "/messages?since=1.5",
    "/messages?since=9007199254740992",
    "/messages?since=99999999999999999999999",
    "/messages?since=%00",
    "/messages?since=\u0661",
    "/messages?wait=x",
    "/messages?wait=-1",
    "/messages?wait=nan",
    "/messages?wait=inf",
    "/messages?wait=1e9",
    "/messages?limit=0",
    "/messages?limit=x",
    "/history?limit=0",
    "/history?limit=-5",
    "/history?before=x",
    "/messages/0x1",
    "/messages/-1",
    "/messages?" + "&".join(f"a{n}=1" for n in range(40)),
]


def check(reply: Reply, status: int) -> None:
    assert reply.status == status, reply.body
    detail = reply.json["detail"]
    assert set(detail) >= {"error", "detail", "request_id"}
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("door", ["front", "quart"])
async def test_invalid_posts_store_nothing(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        code, client = await site.code("alice"), getattr(site, door)
        for status, field, json in POSTS:
            reply = await client.call("POST", "/messages", code=code, json=json)
            check(reply, status)
            problems = reply.json["detail"].get("errors", [])
            assert [each["field"] for each in problems][:1] == [field], json
        for status, field, body in BODIES:
            headers = {"content-type": "application/json"}
            reply = await client.call(
                "POST", "/messages", code=code, body=body, headers=headers
            )
            check(reply, status)
            if field:
                assert reply.json["detail"]["errors"][0]["field"] == field
        history = await client.call("GET", "/history", code=code)
        assert history.json["messages"] == []
        assert (await site.say(code, "fine")).json["message"]["seq"] == 1


@pytest.mark.parametrize("target", TARGETS)
async def test_malformed_targets_are_rejected(
    autojump_clock: trio.testing.MockClock, target: str
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        path, _, query = target.partition("?")
        encoded = query.encode().decode("latin-1")
        reply = await site.front.call("GET", f"{path}?{encoded}", code=code)
        check(reply, 422)


@pytest.mark.parametrize("key", ["", "x" * 129, "a\nb", "é"])
async def test_invalid_idempotency_keys_are_rejected(
    autojump_clock: trio.testing.MockClock, key: str
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        reply = await site.front.call(
            "POST",
            "/messages",
            code=code,
            json={"text": "x"},
            headers={"idempotency-key": key},
        )
        check(reply, 422)
        assert reply.json["detail"]["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/messages/", 404),
        ("GET", "/messages/1/2/3", 404),
        ("PUT", "/messages", 405),
        ("DELETE", "/messages/1", 405),
        ("POST", "/whoami", 405),
        ("GET", "/admin/invite", 405),
    ],
)
async def test_unknown_paths_and_messages_are_404_in_the_common_shape(
    autojump_clock: trio.testing.MockClock, method: str, path: str, status: int
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        check(await site.front.call(method, path, code=code), status)


@pytest.mark.parametrize(
    ("path", "status", "json"),
    [
        ("/admin/invite", 422, {}),
        ("/admin/invite", 422, {"name": ""}),
        ("/admin/invite", 422, {"name": "all"}),
        ("/admin/invite", 422, {"name": "Operator"}),
        ("/admin/invite", 422, {"name": "none"}),
        ("/admin/invite", 422, {"name": "a\nb"}),
        ("/admin/invite", 422, {"name": "\u202ebob"}),
        ("/admin/invite", 422, {"name": " bob"}),
        ("/admin/invite", 422, {"name": "bob", "room": ""}),
        ("/admin/invite", 422, {"name": "bob", "room": "a/b"}),
        ("/admin/invite", 422, {"name": "bob", "capabilities": "x" * 401}),
        ("/admin/invite", 422, {"name": "bob", "capabilities": "a\x1b[31m"}),
        ("/admin/invite", 400, {"name": "bob", "expires": "soon"}),
        ("/admin/invite", 400, {"name": "bob", "expires": "1M"}),
        ("/admin/invite", 400, {"name": "bob", "expires": "99999999999d"}),
        ("/admin/revoke", 422, {"target": " "}),
        ("/admin/revoke", 422, {}),
        ("/admin/say", 422, {"text": "hi", "room": ""}),
        ("/admin/say", 422, {"text": "", "room": "build"}),
        ("/admin/say", 422, {"text": "hi", "sender": "system"}),
        ("/admin/say", 409, {"text": "hi", "room": "build", "sender": "Alice"}),
        ("/admin/rooms/a b/open", 422, {}),
        ("/admin/rooms/nowhere/close", 404, {}),
        ("/admin/rooms/nowhere/reopen", 404, {}),
        ("/admin/rooms/build/close", 422, {"by": "all"}),
    ],
)
async def test_invalid_operator_requests_change_nothing(
    autojump_clock: trio.testing.MockClock, path: str, status: int, json: object
) -> None:
    async with open_site() as site:
        await site.code("alice")
        before = await site.admin("GET", "/admin/audit")
        check(await site.admin("POST", path, json=json), status)
        after = await site.admin("GET", "/admin/audit")
        assert before.json == after.json
        state = (await site.admin("GET", "/admin/state")).json
        assert list(state["room_status"]) == ["build"]
        assert [code["name"] for code in state["codes"]] == ["alice"]


@pytest.mark.parametrize("token", ["", "wrong", "é", TOKEN + " ", TOKEN[:-1]])
async def test_a_wrong_admin_token_is_a_401_and_noted_once_a_minute(
    autojump_clock: trio.testing.MockClock, token: str
) -> None:
    async with open_site(Limits(auth_failures=100)) as site:
        for _ in range(5):
            headers = {"x-admin-token": token}
            reply = await site.front.call("GET", "/admin/state", headers=headers)
            check(reply, 401)
        events = (await site.admin("GET", "/admin/audit")).json["events"]
        (noted,) = [each for each in events if each["action"] == "admin_auth_failed"]
        assert noted["detail"] == "5 from 192.0.2.1"


@given(
    text=st.text(max_size=50),
    to=st.one_of(st.text(max_size=70), st.lists(st.text(max_size=5), max_size=20)),
    expects=st.none() | st.text(max_size=70),
    reply_to=st.none() | st.integers(),
)
def test_a_draft_is_accepted_or_rejected_without_another_exception(
    text: str, to: str | list[str], expects: str | None, reply_to: int | None
) -> None:
    try:
        draft = draft_of(PostRequest(text, to, expects, reply_to), Limits())
    except RelayError as refusal:
        assert refusal.problem is Problem.INVALID_REQUEST  # noqa: PT017
    else:
        assert draft.text == text
        assert 1 <= len(draft.to) <= 16


@given(
    st.lists(
        st.tuples(
            st.text("abcdefwxyz_", min_size=1, max_size=4),
            st.text("abc019_", max_size=4),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_cached_query_is_parsed_like_any_other(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{key}={value}" for key, value in pairs)
    assert parse_qsl(query, keep_blank_values=True) == pairs
    assert _parse_plain(query.encode()) == _gather(pairs)


@pytest.mark.parametrize(
    ("path", "json", "field", "problem"),
    [
        (
            "/messages",
            {"text": "x", "reply_to": "1"},
            "reply_to",
            "a whole number or null; this is a string: write the number without quotes",
        ),
        (
            "/messages",
            {"text": "x", "reply_to": 1.5},
            "reply_to",
            "a whole number or null; this is a fraction",
        ),
        ("/messages", {"text": None}, "text", "a string; this is null"),
        (
            "/messages",
            {"text": "x", "to": 5},
            "to",
            "a string or a list; this is a number",
        ),
        (
            "/messages",
            {"text": "x", "to": ["a", 5]},
            "to",
            "each in the list: a string; this is a number",
        ),
        (
            "/messages",
            {"text": "x", "expects_reply": {}},
            "expects_reply",
            "a string or null; this is an object",
        ),
        (
            "/messages/1/claim",
            {"lease_seconds": "60"},
            "lease_seconds",
            "a whole number or null; this is a string: write the number without quotes",
        ),
        (
            "/admin/revoke",
            {"target": "x", "all": "yes"},
            "all",
            "true or false; this is a string",
        ),
    ],
)
async def test_a_wrong_type_is_reported_in_terms_of_json(
    autojump_clock: trio.testing.MockClock,
    path: str,
    json: object,
    field: str,
    problem: str,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        reply = await site.front.call("POST", path, code=code, token=TOKEN, json=json)
        check(reply, 422)
        errors = reply.json["detail"]["errors"]
        assert errors == [{"field": field, "problem": problem}]


async def test_a_wrong_value_is_answered_with_those_that_the_field_takes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        body = {"url": "https://example.com", "wake": "`x\n`"}
        reply = await site.front.call("PUT", "/me/wake", code=code, json=body)
        check(reply, 422)
        problem = "'asks' or 'direct' or 'all'"
        assert reply.json["detail"]["errors"] == [{"field": "wake", "problem": problem}]


def test_a_wrong_value_in_a_list_is_told_as_such() -> None:
    class Body(msgspec.Struct):
        days: list[Literal[1, 2]] | None = None

    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"days": [1, 3]}', type=Body)
    error = type_error(str(caught.value), Body)
    problem = "each in the list: 1 or 2"
    assert error.facts["errors"] == [{"field": "days", "problem": problem}]
