"""Invalid credentials: always 401, and throttled only if they are guesses."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import ADMIN_PREFIX, SESSION_PREFIX, SIGN_IN_PREFIX
from argybargy.domain.limits import Limits
from argybargy.relay.access import code_lifetimes
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.access.issued_secrets import IssuedSecrets
from argybargy.serve.admin_token import FileAdminToken
from argybargy.store.memory.store import open_memory_store
from support.web_app import Client, Site, open_site

MANY = 60


def with_wrong_checksum(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


MALFORMED = [
    "wrong",
    "argy_a1_short",
    "x" * 4_000,
    with_wrong_checksum(new_code()),
    new_code(SESSION_PREFIX),
    new_code(ADMIN_PREFIX),
    "\u00e9",
]
DOORS = pytest.mark.parametrize("door", ["front", "quart"])


async def statuses(
    client: Client, fields: Sequence[dict[str, str]], path: str = "/whoami"
) -> set[int]:
    """Send each credential many times in a row, and return the statuses."""
    found = set()
    for number in range(MANY):
        headers = fields[number % len(fields)]
        reply = await client.call("GET", path, headers=headers)
        found.add(reply.status)
        if reply.status == 401:
            assert reply.error in {"unauthorized", "admin_unauthorized"}
    return found


def bearer(code: str) -> dict[str, str]:
    return {"authorization": f"Bearer {code}"}


async def is_slowed_down(client: Client, fields: dict[str, str]) -> bool:
    found = [(await client.call("GET", "/whoami", headers=fields)) for _ in range(12)]
    return [reply.status for reply in found] == [401] * 10 + [429] * 2


async def revoke(site: Site, name: str) -> None:
    assert (
        await site.admin("POST", "/admin/revoke", json={"target": name})
    ).status == 200


# -- agents -----------------------------------------------------------------------


@DOORS
async def test_an_invalid_code_that_is_no_guess_is_never_throttled(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    """Like agents behind one address, with each other's failures in between."""
    async with open_site() as site:
        gone = await site.code("gone")
        await revoke(site, "gone")
        short = await site.admin(
            "POST",
            "/admin/invite",
            json={"name": "short", "room": "r", "expires": "1m"},
        )
        await trio.sleep(61)
        shown = [{}, *map(bearer, [*MALFORMED, gone, short.json["code"]])]
        assert await statuses(getattr(site, door), shown) == {401}
        assert await is_slowed_down(site.front, bearer(new_code())), "none was counted"


async def test_guesses_are_throttled_and_valid_codes_never(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        assert await is_slowed_down(site.front, bearer(new_code()))
        assert (await site.front.call("GET", "/whoami", code=code)).status == 200
        await revoke(site, "alice")
        assert (await site.front.call("GET", "/whoami", code=code)).status == 401


async def test_a_wrong_code_in_the_first_format_is_a_guess(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Imports keep such codes as they are."""
    async with open_site() as site:
        assert await is_slowed_down(site.front, bearer("aB3-_" * 6 + "xy"))


async def exhaust(site: Site) -> None:
    """Guess until the address is throttled."""
    assert await is_slowed_down(site.front, bearer(new_code()))


async def test_a_revoked_code_is_still_known_after_a_restart(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_memory_store() as store:
        async with open_site(store=store) as site:
            code = await site.code("alice")
            await revoke(site, "alice")
        async with open_site(store=store) as site:
            await exhaust(site)
            assert await statuses(site.front, [bearer(code)]) == {401}


async def test_an_expired_code_is_no_guess_after_it_left_the_list(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits(expired_code_seconds=60)) as site:
        reply = await site.admin(
            "POST", "/admin/invite", json={"name": "bob", "room": "r", "expires": "1m"}
        )
        await trio.sleep(200 + code_lifetimes.CERTAIN_SECONDS)
        assert list(site.house.relay.codes) == []
        await exhaust(site)
        assert await statuses(site.front, [bearer(reply.json["code"])]) == {401}


def test_above_the_limit_the_oldest_issued_secret_is_evicted() -> None:
    issued = IssuedSecrets(2)
    for digest in (b"first", b"second", b"first", b"third"):
        issued.add(digest)
    assert [each in issued for each in (b"first", b"second", b"third")] == [
        True,
        False,
        True,
    ]


# -- the operator -------------------------------------------------------------------


@DOORS
async def test_invalid_operator_credentials_that_are_no_guess_are_never_throttled(
    autojump_clock: trio.testing.MockClock, tmp_path: Path, door: str
) -> None:
    token = await FileAdminToken.open(tmp_path)
    async with open_site(admin_token=token) as site:
        session = await site.sign_in()
        await site.admin("DELETE", "/admin/sessions")
        former = token.value
        await site.admin("POST", "/admin/regenerate-token")
        shown = [
            {},
            *({"x-admin-token": each} for each in ["no", former, new_code()]),
            *({"x-admin-session": each} for each in ["no", session, new_code()]),
            {"x-admin-session": new_code(SESSION_PREFIX)},
            {"x-admin-token": with_wrong_checksum(new_code(ADMIN_PREFIX))},
        ]
        found = await statuses(getattr(site, door), shown, "/admin/stats")
        assert found == {401}
        await exhaust(site)


async def test_guesses_at_the_admin_token_are_throttled(
    autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    token = await FileAdminToken.open(tmp_path)
    async with open_site(admin_token=token) as site:
        found = [
            await site.front.call(
                "GET",
                "/admin/stats",
                headers={"x-admin-token": new_code(ADMIN_PREFIX)},
            )
            for _ in range(12)
        ]
        assert [reply.status for reply in found] == [401] * 10 + [429] * 2
        assert (await site.admin("GET", "/admin/stats")).status == 200


async def test_a_session_that_ended_in_an_earlier_run_locks_no_browser_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_memory_store() as store:
        async with open_site(store=store) as site:
            session = await site.sign_in()
            await site.admin("DELETE", "/admin/sessions")
        async with open_site(store=store) as site:
            shown = [{"x-admin-session": session}]
            assert await statuses(site.front, shown, "/admin/stats") == {401}
            code = (await site.admin("POST", "/admin/sign-in")).json["code"]
            assert await trade(site, code) == 200


async def test_any_wrong_token_is_a_guess_if_the_token_was_configured(
    autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    (tmp_path / "admin.token").write_text("hunter2\n")
    token = await FileAdminToken.open(tmp_path)
    async with open_site(admin_token=token) as site:
        found = [
            await site.front.call(
                "GET", "/admin/stats", headers={"x-admin-token": f"hunter{number}"}
            )
            for number in range(20, 32)
        ]
        assert [reply.status for reply in found] == [401] * 10 + [429] * 2


async def trade(site: Site, code: str) -> int:
    body = {"code": code}
    return (await site.front.call("POST", "/admin/session", json=body)).status


async def test_a_used_or_mistyped_sign_in_code_is_never_throttled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        used = (await site.admin("POST", "/admin/sign-in")).json["code"]
        late = (await site.admin("POST", "/admin/sign-in")).json["code"]
        assert await trade(site, used) == 200
        await trio.sleep(site.services.limits.sign_in_seconds + 1)
        await exhaust(site)
        for _ in range(MANY // 4):
            for code in (used, late, "nope", with_wrong_checksum(late)):
                assert await trade(site, code) == 401
        assert await trade(site, new_code(SIGN_IN_PREFIX)) == 429
