"""Signing in and out: endpoints, cookie, audit log and secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import structlog
import trio
import trio.testing

from argybargy.domain.errors import RelayError
from argybargy.domain.instant import parse_timestamp
from argybargy.domain.limits import Limits
from argybargy.relay.access.code_registry import new_code
from argybargy.web.access.hosts import HostRule
from argybargy.web.endpoints.sign_in import open_session
from argybargy.web.request import Request
from support.web_app import BASE, TOKEN, Client, Reply, Site, open_site

HOST = "relay.example.com"
PUBLIC = f"https://{HOST}"
COOKIE_STEM = "__Host-argybargy-"
COOKIE = f"{COOKIE_STEM}443"
FROM_OUR_PAGE = {"host": HOST, "origin": PUBLIC}
LOCAL = {"host": "127.0.0.1:8765", "origin": BASE}
LAN = {"host": "192.168.1.5:8080", "origin": "http://192.168.1.5:8080"}


@asynccontextmanager
async def open_anywhere(public_url: str) -> AsyncIterator[Site]:
    """Open a site that is reached under any address."""
    async with open_site(public_url=public_url) as site:
        site.services.address.hosts = HostRule(None)
        yield site


async def trade(site: Site, code: str, **headers: str) -> Reply:
    return await site.front.call(
        "POST", "/admin/session", json={"code": code}, headers=headers
    )


async def offer(site: Site, session: str | None = None) -> str:
    token = None if session else TOKEN
    reply = await site.front.call(
        "POST", "/admin/sign-in", token=token, session=session
    )
    code: str = reply.json["code"]
    return code


async def actions(site: Site) -> list[tuple[str, str, str]]:
    reply = await site.admin("GET", "/admin/audit")
    return [
        (row["action"], row["actor"], row["detail"]) for row in reply.json["events"]
    ]


# -- signing in --------------------------------------------------------------------


async def test_a_session_from_the_token_has_the_same_permissions(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        made = (await site.admin("POST", "/admin/session")).json
        assert set(made) == {
            "session",
            "id",
            "created",
            "expires",
            "cookie",
        }
        assert made["cookie"] is False
        lasts = parse_timestamp(made["expires"]) - parse_timestamp(made["created"])
        assert lasts == 30 * 86_400_000
        state = await site.front.call("GET", "/admin/state", session=made["session"])
        assert state.status == 200
        me = await site.front.call("GET", "/admin/session", session=made["session"])
        assert me.json == {
            "kind": "session",
            "id": made["id"],
            "created": made["created"],
            "expires": made["expires"],
        }
        assert (await site.admin("GET", "/admin/session")).json == {"kind": "token"}


async def test_a_link_signs_in_once_without_the_token(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        offered = (await site.admin("POST", "/admin/sign-in")).json
        assert set(offered) == {"code", "url", "expires"}
        assert offered["url"] == f"{BASE}/dashboard#code={offered['code']}"
        made = await trade(site, offered["code"])
        state = await site.front.call(
            "GET", "/admin/state", session=made.json["session"]
        )
        assert state.status == 200
        again = await trade(site, offered["code"])
        assert (again.status, again.error) == (401, "sign_in_refused")
        assert again.headers["www-authenticate"]


async def test_a_link_expires_after_ten_minutes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        early, late = await offer(site), await offer(site)
        await trio.sleep(599)
        assert (await trade(site, early)).status == 200
        await trio.sleep(1)
        assert (await trade(site, late)).status == 401


async def test_a_session_expires_after_its_days_used_or_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits(session_days=600 / 86_400)) as site:
        unused, busy = await site.sign_in(), await site.sign_in()

        async def status(session: str) -> int:
            return (
                await site.front.call("GET", "/admin/session", session=session)
            ).status

        for _ in range(5):
            await trio.sleep(100)
            assert await status(busy) == 200
        await trio.sleep(99)
        assert (await status(busy), await status(unused)) == (200, 200)
        await trio.sleep(1)
        assert (await status(busy), await status(unused)) == (401, 401)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"code": null}', b'{"cookie": true}', b'{"token": "x"}']
)
async def test_a_request_without_credentials_is_refused(
    autojump_clock: trio.testing.MockClock, body: bytes
) -> None:
    async with open_site() as site:
        reply = await site.front.call("POST", "/admin/session", body=body)
        assert (reply.status, reply.error) == (401, "admin_unauthorized")


@pytest.mark.parametrize(
    "code",
    [
        *("", "x", "é", "\x00", "argy_o1_"),
        pytest.param(new_code("argy_o1_"), id="unknown"),
        pytest.param(new_code(), id="an agent's"),
    ],
)
async def test_a_wrong_code_is_refused_and_not_repeated(
    autojump_clock: trio.testing.MockClock, code: str
) -> None:
    async with open_site() as site:
        reply = await trade(site, code)
        assert (reply.status, reply.error) == (401, "sign_in_refused")
        assert len(code) < 3 or code.encode() not in reply.body


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"code": 5}', b"\xff"])
async def test_an_invalid_sign_in_request_is_a_422(
    autojump_clock: trio.testing.MockClock, body: bytes
) -> None:
    async with open_site() as site:
        reply = await site.front.call("POST", "/admin/session", body=body)
        assert (reply.status, reply.error) == (422, "invalid_request")


async def test_no_body_is_received_with_invalid_credentials(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await offer(site)
        for headers in ({"x-admin-token": "no"}, {"x-admin-session": "no"}):
            assert (await trade(site, code, **headers)).error == "admin_unauthorized"
        assert (await trade(site, code)).status == 200, "it was not spent"


async def test_guesses_are_throttled_and_other_addresses_are_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits(auth_failures=3)) as site:
        code = await offer(site)
        replies = [await trade(site, new_code("argy_o1_")) for _ in range(4)]
        assert [reply.status for reply in replies] == [401, 401, 401, 429]
        assert replies[3].error == "auth_throttled"
        assert int(replies[3].headers["retry-after"]) > 0
        assert (await trade(site, code)).status == 200
        counted = [row for row in await actions(site) if row[0] == "admin_auth_failed"]
        assert counted == [("admin_auth_failed", "", "4 from 192.0.2.1")]


# -- limits of a session -----------------------------------------------------------


async def test_a_session_neither_rotates_the_token_nor_opens_another_session(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        session = await site.sign_in()
        for path in ("/admin/regenerate-token", "/admin/session"):
            reply = await site.front.call("POST", path, session=session)
            assert (reply.status, reply.error) == (403, "token_required")
        assert (await site.admin("GET", "/admin/stats")).status == 200


async def test_a_session_made_by_a_session_ends_no_later(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        made = (await site.admin("POST", "/admin/session")).json
        await trio.sleep(1000)
        child = await trade(site, await offer(site, made["session"]))
        assert child.json["expires"] == made["expires"]


async def test_a_new_token_ends_every_session_and_every_link(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        session, code = await site.sign_in(), await offer(site)
        rotated = await site.admin("POST", "/admin/regenerate-token")
        new = rotated.json["admin_token"]
        gone = await site.front.call("GET", "/admin/session", session=session)
        assert gone.status == 401
        assert (await trade(site, code)).status == 401
        listed = await site.front.call("GET", "/admin/sessions", token=new)
        assert listed.json["sessions"] == []


async def test_a_session_asked_for_with_the_old_token_is_not_given_after_a_rotation(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:

        async def rotate_meanwhile() -> bytes:
            await site.admin("POST", "/admin/regenerate-token")
            return b"{}"

        request = Request(
            method="POST",
            path="/admin/session",
            query=b"",
            headers={b"x-admin-token": TOKEN.encode()},
            client="here",
            params={},
            read_body=rotate_meanwhile,
        )
        with pytest.raises(RelayError, match="admin_unauthorized"):
            await open_session(site.services, request)
        assert site.services.sessions.live() == []


# -- signing out and revocation ----------------------------------------------------


async def test_signing_out_ends_the_caller_s_session_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        mine, other = await site.sign_in(), await site.sign_in()
        out = await site.front.call("DELETE", "/admin/session", session=mine)
        assert out.status == 200
        assert len(out.json["ended"]) == 12
        assert "set-cookie" not in out.headers
        statuses = [
            (await site.front.call("GET", "/admin/session", session=each)).status
            for each in (mine, other)
        ]
        assert statuses == [401, 200]
        by_token = await site.admin("DELETE", "/admin/session")
        assert by_token.json == {"ended": None}


async def test_sessions_are_listed_and_one_or_all_of_them_ended(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        phone = Client(site.front.app, address="198.51.100.9")
        code = await offer(site)
        await trio.sleep(60)
        mine = await site.sign_in()
        bought = await phone.call("POST", "/admin/session", json={"code": code})
        await offer(site)
        await trio.sleep(5)
        listed = await site.front.call("GET", "/admin/sessions", session=mine)
        assert listed.json["sign_in_codes"] == 1
        first, second = listed.json["sessions"]
        assert (first["current"], second["current"]) == (True, False)
        assert second["address"] == "198.51.100.9"
        assert (first["seconds_since_used"], second["seconds_since_used"]) == (0, 5)
        assert second["id"] == bought.json["id"]
        path = f"/admin/sessions/{second['id']}"
        ended = await site.front.call("DELETE", path, session=mine)
        assert ended.json == {"revoked": second["id"]}
        again = await site.front.call("DELETE", path, session=mine)
        assert (again.status, again.error) == (404, "session_not_found")
        rest = await site.admin("DELETE", "/admin/sessions")
        assert rest.json == {"revoked": 1}
        left = (await site.admin("GET", "/admin/sessions")).json
        assert (left["sessions"], left["sign_in_codes"]) == ([], 0)


async def test_the_audit_log_has_sign_ins_and_sign_outs(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        first = (await site.admin("POST", "/admin/session")).json
        second = (await trade(site, await offer(site))).json
        await site.front.call("DELETE", "/admin/session", session=first["session"])
        await site.admin("DELETE", f"/admin/sessions/{second['id']}")
        await site.admin("DELETE", "/admin/sessions")
        rows = await actions(site)
        assert [row[:2] for row in rows] == [
            ("sign_in", "admin"),
            ("sign_in_link", "admin"),
            ("sign_in", "admin"),
            ("sign_out", "admin"),
            ("session_revoke", "admin"),
            ("session_revoke", "admin"),
        ]
        details = [detail for _, _, detail in rows]
        assert details[0] == f"{first['id']} by token from 192.0.2.1"
        assert details[2] == f"{second['id']} by link from 192.0.2.1"
        assert details[3:] == [first["id"], second["id"], "all 0"]


# -- the cookie --------------------------------------------------------------------


@attrs.frozen
class Halves:
    """The two halves of a session: the page's, and the cookie as browsers send it."""

    page: str
    cookie: str

    async def call(self, site: Site, method: str = "GET", **headers: str) -> Reply:
        """Ask who the caller is, or sign out, with both halves."""
        sent = {"cookie": self.cookie, **headers}
        return await site.front.call(
            method, "/admin/session", session=self.page, headers=sent
        )


async def sign_in_with_cookie(site: Site, **headers: str) -> Reply:
    return await site.front.call(
        "POST",
        "/admin/session",
        token=TOKEN,
        json={"cookie": True},
        headers={**FROM_OUR_PAGE, **headers},
    )


def halves(made: Reply) -> Halves:
    return Halves(made.json["session"], made.headers["set-cookie"].partition(";")[0])


@pytest.mark.parametrize(
    ("public_url", "page", "name", "security"),
    [
        (PUBLIC, FROM_OUR_PAGE, COOKIE, ["Secure"]),
        (BASE, LOCAL, "argybargy-8765", []),
        (BASE, LAN, "argybargy-8080", []),
        (BASE, {"host": "localhost", "origin": "http://localhost"}, "argybargy-80", []),
    ],
    ids=["TLS", "loopback", "an address of the network", "the default port"],
)
async def test_one_half_of_a_session_is_in_an_httponly_cookie(
    autojump_clock: trio.testing.MockClock,
    public_url: str,
    page: dict[str, str],
    name: str,
    security: list[str],
) -> None:
    async with open_anywhere(public_url) as site:
        made = await sign_in_with_cookie(site, **page)
        assert made.json["cookie"] is True
        cookie, *attributes = made.headers["set-cookie"].split("; ")
        assert cookie.startswith(f"{name}=argy_s1_")
        assert cookie.partition("=")[2] != made.json["session"]
        assert sorted(attributes) == [
            "HttpOnly",
            "Max-Age=2592000",
            "Path=/",
            "SameSite=Strict",
            *security,
        ]
        me = await halves(made).call(site, **page)
        assert me.json["id"] == made.json["id"]
        out = await halves(made).call(site, "DELETE", **page)
        assert out.headers["set-cookie"].startswith(f"{name}=; Max-Age=0; ")
        assert (await halves(made).call(site, **page)).status == 401


async def test_neither_half_of_a_session_opens_anything_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A server on another port of the host gets the cookie, and no other half."""
    async with open_site() as site:
        made = await sign_in_with_cookie(site, **LOCAL)
        mine, other = halves(made), halves(await sign_in_with_cookie(site, **LOCAL))
        stolen = mine.cookie.partition("=")[2]

        async def status(session: str | None, cookie: str | None) -> int:
            fields = LOCAL if cookie is None else {**LOCAL, "cookie": cookie}
            reply = await site.front.call(
                "GET", "/admin/session", session=session, headers=fields
            )
            return reply.status

        assert await status(mine.page, mine.cookie) == 200
        assert await status(None, mine.cookie) == 401
        assert await status(mine.page, None) == 401
        assert await status(stolen, None) == 401
        assert await status(stolen, mine.cookie) == 401
        assert await status(mine.page, f"argybargy-8765={mine.page}") == 401
        assert await status(other.page, mine.cookie) == 401


OTHER_PORT = f"{HOST}:9443"


@pytest.mark.parametrize(
    ("public_url", "host", "origin", "name"),
    [
        (PUBLIC, HOST, PUBLIC, COOKIE),
        (BASE, "localhost:9443", "https://localhost:9443", f"{COOKIE_STEM}9443"),
        (BASE, "localhost:9443", "http://localhost:9443", "argybargy-9443"),
        (f"https://{OTHER_PORT}", HOST, f"https://{OTHER_PORT}", f"{COOKIE_STEM}9443"),
        (PUBLIC, "127.0.0.1:8765", PUBLIC, COOKIE),
        (BASE, "[::1]", "https://[::1]", COOKIE),
        (BASE, "[::1]:9443", "http://[::1]:9443", "argybargy-9443"),
    ],
    ids=[
        "443",
        "a port",
        "a port without TLS",
        "a proxy without it",
        "a proxy of its own",
        "IPv6",
        "both",
    ],
)
async def test_relays_on_one_host_have_cookies_of_their_own(
    autojump_clock: trio.testing.MockClock,
    public_url: str,
    host: str,
    origin: str,
    name: str,
) -> None:
    """Cookies ignore the port: the other relay's is sent too, under another name."""
    page = {"host": host, "origin": origin}
    async with open_site(public_url=public_url) as site:
        mine = halves(await sign_in_with_cookie(site, **page))
        assert mine.cookie.startswith(f"{name}=argy_s1_")
        names = [
            f"{stem}{port}"
            for stem in (COOKIE_STEM, "argybargy-")
            for port in (8765, 443, 9443)
        ]
        others = [f"{each}=argy_s1_other" for each in names if each != name]
        cookies = "; ".join([*others, mine.cookie, "theirs=1"])
        both = Halves(mine.page, cookies)
        get = {"host": host, "sec-fetch-site": "same-origin"}
        for headers in (get, {"host": host}, page):
            assert (await both.call(site, **headers)).status == 200
        out = await both.call(site, "DELETE", **page)
        assert out.headers["set-cookie"].startswith(f"{name}=; Max-Age=0; ")


async def test_cookies_in_fields_of_their_own_are_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        mine = halves(await sign_in_with_cookie(site, **LOCAL))
        reply = await site.front.call(
            "GET",
            "/admin/session",
            session=mine.page,
            headers={**LOCAL, "cookie": mine.cookie},
            again={"cookie": "theirs=1"},
        )
        assert reply.status == 200


async def test_an_expired_cookie_does_not_block_a_link(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(public_url=PUBLIC) as site:
        made = await sign_in_with_cookie(site)
        await site.admin("DELETE", "/admin/sessions")
        cookie = halves(made).cookie
        reply = await trade(
            site, await offer(site), **{**FROM_OUR_PAGE, "cookie": cookie}
        )
        assert reply.status == 200


@pytest.mark.parametrize("headers", [{}, {"host": "127.0.0.1:8765"}])
async def test_a_program_without_cookies_gets_the_whole_secret(
    autojump_clock: trio.testing.MockClock, headers: dict[str, str]
) -> None:
    async with open_site() as site:
        made = await site.front.call(
            "POST",
            "/admin/session",
            token=TOKEN,
            json={"cookie": True},
            headers=headers,
        )
        assert made.json["cookie"] is False
        assert "set-cookie" not in made.headers
        session = made.json["session"]
        me = await site.front.call("GET", "/admin/session", session=session)
        assert me.json["id"] == made.json["id"]


async def test_a_cookie_ends_with_a_shorter_session(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits(session_days=1)) as site:
        mine = halves(await sign_in_with_cookie(site, **LOCAL))
        await trio.sleep(400)
        link = await site.front.call(
            "POST",
            "/admin/sign-in",
            session=mine.page,
            headers={**LOCAL, "cookie": mine.cookie},
        )
        made = await site.front.call(
            "POST",
            "/admin/session",
            json={"code": link.json["code"], "cookie": True},
            headers=LOCAL,
        )
        assert "; Max-Age=86000; " in made.headers["set-cookie"]


@pytest.mark.parametrize(
    ("public_url", "headers"),
    [
        (BASE, {"host": "localhost", "origin": "https://localhost"}),
        (PUBLIC, {"host": HOST}),
        (PUBLIC, {"host": "127.0.0.1:8765", "origin": PUBLIC}),
    ],
    ids=["a tunnel of no known name", "no browser", "a proxy that renames the host"],
)
async def test_tls_is_known_by_the_page_s_origin_or_by_the_public_url(
    autojump_clock: trio.testing.MockClock, public_url: str, headers: dict[str, str]
) -> None:
    async with open_site(public_url=public_url) as site:
        made = await site.front.call(
            "POST",
            "/admin/session",
            token=TOKEN,
            json={"cookie": True},
            headers=headers,
        )
        assert made.headers["set-cookie"].startswith("__Host-")
        assert "; Secure; " in made.headers["set-cookie"]


@pytest.mark.parametrize(
    "page",
    [
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8765", "host": "127.0.0.1:9999"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-site"},
    ],
)
async def test_another_page_cannot_use_the_cookie_even_with_both_halves(
    autojump_clock: trio.testing.MockClock, page: dict[str, str]
) -> None:
    async with open_site() as site:
        mine = halves(await sign_in_with_cookie(site, **LOCAL))
        assert (await mine.call(site, **page)).status == 401


async def test_a_page_of_another_origin_cannot_use_a_link(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(public_url=PUBLIC) as site:
        code = await offer(site)
        reply = await trade(site, code, origin="https://evil.example.com", host=HOST)
        assert (reply.status, reply.error) == (403, "origin_refused")
        assert (await trade(site, code)).status == 200, "it was not spent"


# -- secrecy -----------------------------------------------------------------------


async def test_no_sign_in_secret_is_in_another_response_or_the_log(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        with structlog.testing.capture_logs() as logged:
            used, unused = await offer(site), await offer(site)
            made = (await trade(site, used)).json
            session = await site.sign_in()
            await trade(site, used)
            bodies = [
                (await site.front.call(method, path, session=session)).body
                for method, path in (
                    ("GET", "/admin/state"),
                    ("GET", "/admin/stats"),
                    ("GET", "/admin/sessions"),
                    ("GET", "/admin/session"),
                    ("DELETE", "/admin/session"),
                )
            ]
            bodies.append((await site.admin("GET", "/admin/audit")).body)
        everything = b"".join(bodies) + repr(logged).encode()
        everything += repr(site.services).encode()
        for secret in (used, unused, made["session"], session):
            assert secret.encode() not in everything
            assert secret[8:].encode() not in everything


async def test_a_message_with_a_sign_in_secret_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        for secret in (await site.sign_in(), await offer(site)):
            said = await site.say(alice, f"look: /dashboard#code={secret}!")
            assert (said.status, said.error) == (422, "contains_secret")
            spoken = await site.admin(
                "POST", "/admin/say", json={"room": "build", "text": secret}
            )
            assert (spoken.status, spoken.error) == (422, "contains_secret")
            mistyped = secret[:-1] + ("0" if secret[-1] != "0" else "1")
            assert (await site.say(alice, mistyped)).status == 200
