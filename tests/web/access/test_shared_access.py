"""Rows 13, 14 and 16: sessions, sign-in codes, admin token and stream of two nodes."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from argybargy import __version__
from argybargy.domain.errors import RelayError
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.following import CONFIRM_SECONDS, CUT_OFF_SECONDS
from argybargy.relay.nodes import SHARE_SECONDS
from argybargy.serve.admin_token import FileAdminToken
from argybargy.serve.main import _sign_in_link
from argybargy.serve.shared_token import SharedAdminToken
from argybargy.store.errors import Refused
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore
from argybargy.store.protocol import Hint, Store
from argybargy.web.access.sessions import READS_PER_SECOND
from support.nodes import settled
from support.relay import SettableClocks
from support.stream_client import open_stream
from support.web_app import Site, open_site


@attrs.define(eq=False)
class SharedStore(MemoryStore):
    """May refuse settings, and lose hints."""

    is_refusing: bool = False
    is_silent: bool = False

    def _tell(self, hint: Hint) -> None:
        if not self.is_silent:
            super()._tell(hint)

    async def set_setting(
        self, name: str, value: bytes, expected: bytes | None
    ) -> bool:
        if self.is_refusing:
            raise Refused("no connection")
        return await super().set_setting(name, value, expected)


@asynccontextmanager
async def open_sites(
    store: SharedStore, directories: list[Path] | None = None
) -> AsyncIterator[list[Site]]:
    """Open two sites on one store, with the token of each directory, if given."""
    clocks = SettableClocks()
    async with AsyncExitStack() as stack:
        sites = []
        for number in range(2):
            token = None
            if directories is not None:
                own = await FileAdminToken.open(directories[number])
                token = await SharedAdminToken.open(own, store)
            sites.append(
                await stack.enter_async_context(
                    open_site(store=store, admin_token=token, clocks=clocks)
                )
            )
        yield sites


@pytest.fixture
def store() -> SharedStore:
    return SharedStore(DEFAULT_LIMITS, is_shared=True)


@pytest.fixture
def directories(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "a", tmp_path / "b"]
    for each in found:
        each.mkdir(mode=0o700)
    return found


async def status(site: Site, session: str) -> int:
    reply = await site.front.call(
        "GET", "/admin/session", headers={"x-admin-session": session}
    )
    return reply.status


async def redeem(site: Site, code: str) -> int:
    reply = await site.front.call("POST", "/admin/session", json={"code": code})
    return reply.status


def lose_hints(store: SharedStore) -> None:
    store.is_silent = True


# -- sessions ----------------------------------------------------------------------


@pytest.mark.parametrize("is_hinted", [True, False])
async def test_a_session_opened_at_one_node_works_at_the_other(
    autojump_clock: trio.testing.MockClock, store: SharedStore, *, is_hinted: bool
) -> None:
    async with open_sites(store) as (here, there):
        if not is_hinted:
            lose_hints(store)
        session = await here.sign_in()
        assert await status(there, session) == 200
        assert await status(here, session) == 200


async def test_a_session_ended_at_one_node_is_refused_at_the_other(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    async with open_sites(store) as (here, there):
        session, other = await here.sign_in(), await here.sign_in()
        assert await status(there, session) == 200
        assert await status(there, other) == 200
        ended = await here.front.call(
            "DELETE", "/admin/session", headers={"x-admin-session": session}
        )
        assert ended.status == 200
        await settled()
        assert await status(there, session) == 401
        assert await status(there, other) == 200
        lose_hints(store)
        await here.admin("DELETE", "/admin/sessions")
        await trio.sleep(CONFIRM_SECONDS + 0.1)
        assert await status(there, other) == 401


async def test_a_stream_ends_when_its_session_is_ended_at_another_node(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    async with open_sites(store) as (here, there):
        session = await here.sign_in()
        await settled()
        sessions, woken = there.services.sessions, list[str]()
        identity = sessions.resolve(session)
        assert identity is not None
        with sessions.watching(identity, lambda: woken.append("ended")):
            await here.admin("DELETE", "/admin/sessions")
            await settled()
            assert woken == ["ended"]
            assert not sessions.is_live(identity)


async def test_guessed_sessions_do_not_make_a_node_read_all_the_time(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    reads = 0

    class Counting(SharedStore):
        async def sessions(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            nonlocal reads
            reads += 1
            return await super().sessions()

    counted = Counting(DEFAULT_LIMITS, is_shared=True)
    async with open_sites(counted) as (here, _):
        before = reads
        for _ in range(200):
            with contextlib.suppress(RelayError):
                await here.services.sessions.learn(new_code("argy_s1_"))
        assert reads - before == READS_PER_SECOND


# -- sign-in codes -----------------------------------------------------------------


async def test_a_sign_in_code_of_one_node_is_redeemed_once_at_the_other(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    async with open_sites(store) as (here, there):
        code = (await here.admin("POST", "/admin/sign-in")).json["code"]
        assert code not in repr(await store.setting("sign_in_codes"))
        outcomes: list[int] = []

        async def try_at(site: Site) -> None:
            outcomes.append(await redeem(site, code))

        async with trio.open_nursery() as nursery:
            for site in (here, there, here, there):
                nursery.start_soon(try_at, site)
        assert outcomes.count(200) == 1
        assert len(await store.sessions()) == 1


async def test_the_link_shown_at_the_start_works_once_at_any_node(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    async with open_sites(store) as (here, there), trio.open_nursery() as nursery:
        code = _sign_in_link(here.services, nursery).partition("#code=")[2]
        await settled()
        assert await redeem(there, code) == 200
        assert await redeem(here, code) == 401


async def test_the_link_shown_at_the_start_works_here_if_it_cannot_be_shared(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    async with open_sites(store) as (here, there), trio.open_nursery() as nursery:
        store.is_refusing = True
        with capture_logs() as entries:
            code = _sign_in_link(here.services, nursery).partition("#code=")[2]
            await settled()
        (entry,) = entries
        assert entry["event"] == "the sign-in link works at this node only"
        assert await redeem(there, code) == 401
        assert await redeem(here, code) == 200


async def test_a_sign_in_code_ends_with_the_session_that_made_it(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    async with open_sites(store) as (here, there):
        session = await here.sign_in()
        made = await here.front.call(
            "POST", "/admin/sign-in", headers={"x-admin-session": session}
        )
        await here.admin("DELETE", "/admin/sessions")
        await settled()
        assert await redeem(there, made.json["code"]) != 200
        code = (await here.admin("POST", "/admin/sign-in")).json["code"]
        await trio.sleep(DEFAULT_LIMITS.sign_in_seconds + 1)
        assert await redeem(there, code) != 200


async def test_a_sign_in_code_stays_valid_if_no_session_could_be_stored(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SharedStore(DEFAULT_LIMITS, is_shared=True)

    async def refuse(*_: object) -> None:
        raise Refused("no connection")

    async with open_sites(store) as (here, there):
        code = (await here.admin("POST", "/admin/sign-in")).json["code"]
        with monkeypatch.context() as patch:
            patch.setattr(SharedStore, "open_session", refuse)
            assert await redeem(there, code) == 503
        assert await redeem(there, code) == 200


# -- the admin token ---------------------------------------------------------------


async def test_the_token_of_the_first_node_is_that_of_all(
    autojump_clock: trio.testing.MockClock,
    store: SharedStore,
    directories: list[Path],
) -> None:
    async with open_sites(store, directories) as (here, there):
        assert (await here.admin("GET", "/admin/session")).status == 200
        assert (await there.admin("GET", "/admin/session")).status == 401
        there.token = here.token
        assert (await there.admin("GET", "/admin/session")).status == 200
        stored = await store.setting("admin_token")
        assert stored is not None
        assert here.token.encode() not in stored


@pytest.mark.parametrize("is_hinted", [True, False])
async def test_a_token_replaced_at_one_node_is_refused_at_the_other(
    autojump_clock: trio.testing.MockClock,
    store: SharedStore,
    directories: list[Path],
    *,
    is_hinted: bool,
) -> None:
    async with open_sites(store, directories) as (here, there):
        session = await here.sign_in()
        await settled()
        assert await status(there, session) == 200
        there.token = old = here.token
        if not is_hinted:
            lose_hints(store)
        made = await here.admin("POST", "/admin/regenerate-token")
        assert made.status == 200
        await trio.sleep(CONFIRM_SECONDS + 0.1)
        assert (await there.admin("GET", "/admin/session")).status == 401
        assert await status(there, session) == 401
        there.token = made.json["admin_token"]
        assert (await there.admin("GET", "/admin/session")).status == 200
        assert not there.services.admin_token.is_guess(old)
        own = await FileAdminToken.open(directories[0])
        assert own.value == there.token


async def test_a_token_that_cannot_be_stored_stays(
    autojump_clock: trio.testing.MockClock,
    store: SharedStore,
    directories: list[Path],
) -> None:
    async with open_sites(store, directories) as (here, _):
        store.is_refusing = True
        assert (await here.admin("POST", "/admin/regenerate-token")).status == 503
        assert (await here.admin("GET", "/admin/session")).status == 200
        own = await FileAdminToken.open(directories[0])
        assert own.value == here.token


async def test_a_token_whose_file_cannot_be_written_is_taken_back(
    autojump_clock: trio.testing.MockClock,
    store: SharedStore,
    directories: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> str:
        raise OSError("read-only")

    async with open_sites(store, directories) as (here, there):
        there.token = here.token
        with monkeypatch.context() as patch:
            patch.setattr(FileAdminToken, "replace", fail)
            assert (await here.admin("POST", "/admin/regenerate-token")).status == 503
        await trio.sleep(CONFIRM_SECONDS + 0.1)
        for site in (here, there):
            assert (await site.admin("GET", "/admin/session")).status == 200


async def test_a_setting_of_another_version_is_refused_and_told(
    autojump_clock: trio.testing.MockClock,
    store: SharedStore,
    directories: list[Path],
) -> None:
    async with open_sites(store, directories) as (here, _):
        for name in ("admin_token", "sign_in_codes"):
            await store.set_setting(name, b"{", await store.setting(name))
        await trio.sleep(CONFIRM_SECONDS + 0.1)
        assert (await here.admin("GET", "/admin/session")).status == 200
        assert (await here.admin("POST", "/admin/sign-in")).status == 503
        own = await FileAdminToken.open(directories[1])
        with pytest.raises(Refused):
            await SharedAdminToken.open(own, store)


async def test_two_nodes_that_start_at_once_agree_on_a_token(
    store: SharedStore, directories: list[Path]
) -> None:
    tokens: list[SharedAdminToken] = []

    async def start(directory: Path, shared: Store) -> None:
        own = await FileAdminToken.open(directory)
        tokens.append(await SharedAdminToken.open(own, shared))

    async with trio.open_nursery() as nursery:
        for each in directories:
            nursery.start_soon(start, each, store)
    assert tokens[0].stored == tokens[1].stored


# -- the stream --------------------------------------------------------------------


async def test_a_stream_that_moves_to_another_node_gets_a_snapshot(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    async with open_sites(store) as (here, there):
        alice = await here.code("alice")
        await here.say(alice, "hello")
        async with open_stream(here) as stream:
            hello, snapshot = await stream.next(), await stream.next()
        await here.say(alice, "while you moved")
        await settled()
        resume = {"epoch": hello["epoch"], "version": snapshot["version"]}
        async with open_stream(there, resume=resume) as stream:
            hello, snapshot = await stream.next(), await stream.next()
            assert hello["resumed"] is False
            assert snapshot["type"] == "snapshot"
            texts = [each["text"] for each in snapshot["messages"]]
            assert texts == ["hello", "while you moved"]
            await here.say(alice, "and now")
            delta = await stream.next()
            assert [each["text"] for each in delta["messages"]] == ["and now"]


# -- the list of nodes -------------------------------------------------------------


async def test_the_nodes_are_listed_for_the_operator(
    autojump_clock: trio.testing.MockClock, store: SharedStore
) -> None:
    async with open_sites(store) as (here, _):
        await trio.sleep(2 * SHARE_SECONDS + 0.1)
        rows = (await here.admin("GET", "/admin/state")).json["nodes"]
        assert [(row["this"], row["leading"]) for row in rows] == [
            (True, True),
            (False, False),
        ]
        assert rows[0]["version"] == rows[1]["version"] == __version__
        assert [row["different_limits"] for row in rows] == [[], []]


async def test_a_relay_with_a_store_of_its_own_lists_no_nodes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        assert "nodes" not in (await site.admin("GET", "/admin/state")).json


# -- a store that is away ----------------------------------------------------------


@attrs.define(eq=False)
class AwayStore(SharedStore):
    """Cannot be reached for a while."""

    is_away: bool = False

    async def directory_version(self) -> int:
        if self.is_away:
            raise Refused("no connection")
        return await super().directory_version()


async def test_without_the_store_reads_are_refused_after_half_a_minute(
    autojump_clock: trio.testing.MockClock,
) -> None:
    away = AwayStore(DEFAULT_LIMITS, is_shared=True)
    async with open_sites(away) as (here, _):
        ann = await here.code("ann")
        token = {"x-admin-token": here.token}
        session = await here.front.call("POST", "/admin/session", headers=token)
        signed_in = {"x-admin-session": session.json["session"]}

        async def statuses() -> list[int]:
            code = {"authorization": f"Bearer {ann}"}
            calls = (
                ("/messages?since=0", code),
                ("/whoami", code),
                ("/admin/state", token),
                ("/admin/session", signed_in),
            )
            replies = [
                await here.front.call("GET", path, headers=headers)
                for path, headers in calls
            ]
            refused = [each for each in replies if each.status == 503]
            assert all(each.error == "storage_unavailable" for each in refused)
            assert all("retry-after" in each.headers for each in refused)
            return [each.status for each in replies]

        away.is_away = True
        await trio.sleep(CUT_OFF_SECONDS - CONFIRM_SECONDS)
        assert await statuses() == [200] * 4
        await trio.sleep(2 * CONFIRM_SECONDS)
        assert await statuses() == [503] * 4
        away.is_away = False
        await trio.sleep(2 * CONFIRM_SECONDS)
        assert await statuses() == [200] * 4


async def test_a_poll_that_is_parked_when_reads_are_refused_stays_parked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    away = AwayStore(DEFAULT_LIMITS, is_shared=True)
    async with open_sites(away) as (here, _):
        ann, bob = await here.code("ann"), await here.code("bob")
        replies = []

        async def poll() -> None:
            path = "/messages?since=0&wait=25"
            replies.append(await here.front.call("GET", path, code=bob))

        away.is_away = True
        await trio.sleep(CUT_OFF_SECONDS - 10)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(poll)
            await trio.sleep(15)
            path = "/messages?since=0"
            assert (await here.front.call("GET", path, code=bob)).status == 503
            assert replies == []
            away.is_away = False
            await trio.sleep(2 * CONFIRM_SECONDS)
            await here.say(ann, "back")
        assert [each["text"] for each in replies[0].json["messages"]] == ["back"]
