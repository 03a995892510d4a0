"""Store failures: honest responses meanwhile, and recovery without a restart."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import attrs
import pytest
import trio

from argybargy.domain.names import room_key
from argybargy.relay.readiness import READY_SECONDS
from argybargy.store.sqlite.connection import BUSY_MS
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.faulty_disk import CHANGES, Act, Disk, fail_always, open_disk
from support.web_app import Reply, Site, open_site

FULL = apsw.FullError("no space left")
BROKEN = apsw.IOError("the cable is out")
READ_ONLY = apsw.ReadOnlyError("mounted so again")
ROOMS = 8
LOCKED_SECONDS = 3 * BUSY_MS / 1000
"""A write waits for the one before it as well, on a busy machine."""


@attrs.frozen
class Lab:
    """A site over a real database, with a room that holds one message.

    Attributes:
        disk: What the database is on.
        alice: The code of the one who spoke.
        bob: The code of the one who listens.
        others: A code for each of some more rooms.
    """

    site: Site
    disk: Disk
    alice: str
    bob: str
    others: list[str]

    async def check_reading(self, texts: list[str]) -> None:
        """Read in every way that needs no disk; acknowledged messages are there."""
        for target in ("/messages", "/history"):
            reply = await self.site.front.call("GET", target, code=self.bob)
            assert reply.status == 200
            assert [each["text"] for each in reply.json["messages"]] == texts
        for target in ("/messages/1", "/whoami", "/peers", "/resume", "/health"):
            reply = await self.site.front.call("GET", target, code=self.bob)
            assert reply.status == 200, target

    async def check_writing(self, first: str, others: str) -> None:
        """Write in every way; each is refused."""
        call = self.site.front.call
        refusals = [
            await self.site.say(self.alice, "refused"),
            await call("POST", "/messages/1/claim", code=self.bob),
            await self.site.admin("POST", "/admin/rooms/build/close"),
            await self.site.admin("POST", "/admin/invite", {"name": "eve"}),
            await self.site.admin("POST", "/admin/revoke", {"target": "bob"}),
        ]
        assert [each.error for each in refusals] == [first, *[others] * 4]
        for refusal in refusals:
            _check_refusal(refusal)

    async def check_ready(self, status: int) -> None:
        """Wait until the cached readiness is stale, and check again."""
        await trio.sleep(READY_SECONDS + 0.01)
        reply = await self.site.front.call("GET", "/ready")
        assert reply.status == status
        reply_to_balancer = await self.site.front.call("GET", "/ready?storage=any")
        assert reply_to_balancer.status == 200
        if status != 200:
            assert reply.error == "storage_unavailable"
            _check_refusal(reply)

    async def check_healed(self) -> None:
        """Repeat the refused writes; none had been done before."""
        assert (await self.site.say(self.alice, "after")).json["message"]["seq"] == 2
        claimed = await self.site.front.call("POST", "/messages/1/claim", code=self.bob)
        assert claimed.json["fence"] == 1
        state = (await self.site.admin("GET", "/admin/state")).json
        assert state["room_status"]["build"]["status"] == "open"
        assert "eve" not in {each["name"] for each in state["codes"]}


def _check_refusal(reply: Reply) -> None:
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.json["detail"]["retry_after"] >= 1


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    with open_disk(tmp_path / "disk") as disk:
        async with (
            open_sqlite_store(disk.root) as store,
            open_site(store=store) as site,
        ):
            others = [await site.code("carol", f"room{n}") for n in range(ROOMS)]
            alice, bob = await site.code("alice"), await site.code("bob")
            opened = Lab(site, disk, alice, bob, others)
            posted = await site.say(alice, "before", expects_reply="anyone")
            assert posted.status == 200
            await opened.check_reading(["before"])
            yield opened
            disk.heal()


@pytest.mark.parametrize(
    ("error", "acts", "first", "others"),
    [
        (FULL, {Act.WRITE, Act.TRUNCATE}, "storage_full", "storage_full"),
        # The first write reaches COMMIT; later ones are not begun.
        (BROKEN, CHANGES, "storage_unknown", "storage_unavailable"),
        (READ_ONLY, CHANGES, "storage_unavailable", "storage_unavailable"),
    ],
    ids=["full", "broken", "read-only"],
)
async def test_a_full_disk_refuses_writes_and_serves_reads(
    lab: Lab, error: Exception, acts: set[Act], first: str, others: str
) -> None:
    lab.disk.fault = fail_always(error, acts)
    await lab.check_writing(first, others)
    await lab.check_reading(["before"])
    lab.disk.heal()
    await lab.check_healed()


async def test_readiness_follows_the_disk_both_ways(lab: Lab) -> None:
    await lab.check_ready(200)
    lab.disk.fault = fail_always(FULL, CHANGES)
    await lab.check_ready(503)
    lab.disk.heal()
    await lab.check_ready(200)


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Lock a database as another process would, with SQLite of its own."""
    other = apsw.Connection(str(database), vfs="unix")
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_database_locked_elsewhere_refuses_in_time_and_serves_reads(
    lab: Lab,
) -> None:
    refusals: list[Reply] = []

    async def knock(code: str) -> None:
        with trio.fail_after(LOCKED_SECONDS):
            refusals.append(await lab.site.say(code, "refused"))

    with _locked(lab.disk.root / "relay.db"):
        async with trio.open_nursery() as nursery:
            for code in lab.others:
                nursery.start_soon(knock, code)
            await trio.sleep(BUSY_MS / 2000)
            with trio.fail_after(BUSY_MS / 4000):  # while they wait for the lock
                await lab.check_reading(["before"])
            assert refusals == []
        assert [each.error for each in refusals] == ["storage_unavailable"] * ROOMS
        for refusal in refusals:
            _check_refusal(refusal)
        await lab.check_ready(503)
    for code in lab.others:
        assert (await lab.site.say(code, "after")).json["message"]["seq"] == 1
    await lab.check_healed()


async def test_a_sync_that_keeps_failing_says_unknown_until_it_is_known(
    lab: Lab,
) -> None:
    lab.disk.fault = fail_always(BROKEN, {Act.SYNC})
    unknown = await lab.site.say(lab.alice, "in doubt")
    assert (unknown.status, unknown.error) == (503, "storage_unknown")
    assert unknown.headers["retry-after"] == "1"
    certain = await lab.site.say(lab.alice, "refused")
    assert (certain.status, certain.error) == (503, "storage_unavailable")
    await lab.check_reading(["before"])
    lab.disk.heal()
    posted = await lab.site.say(lab.alice, "after")
    reply = await lab.site.front.call("GET", "/messages", code=lab.bob)
    texts = [each["text"] for each in reply.json["messages"]]
    assert texts in (["before", "after"], ["before", "in doubt", "after"])
    assert posted.json["message"]["seq"] == len(texts)


async def test_a_damaged_database_refuses_what_is_not_in_memory_and_is_named(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    relay, store = lab.site.house.relay, lab.site.house.relay.store
    assert isinstance(store, SqliteStore)
    relay.rooms._by_key.pop(room_key("room0")).close()
    await store._readers.aclose()  # and with them what they have in memory
    lab.disk.is_garbled = True
    await lab.check_reading(["before"])
    reply = await lab.site.front.call("GET", "/messages", code=lab.others[0])
    assert reply.error == "storage_unavailable"
    _check_refusal(reply)
    # Housekeeping may meet the damage as well, and logs it in its own words.
    lines = capsys.readouterr().out.splitlines()
    (said,) = (line for line in lines if "room not loaded" in line)
    assert f"The database {lab.disk.root / 'relay.db'} is damaged" in said
    assert "restore it from a backup" in said
    lab.disk.heal()
    reply = await lab.site.front.call("GET", "/messages", code=lab.others[0])
    assert (reply.status, reply.json["messages"]) == (200, [])
