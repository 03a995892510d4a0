"""Snapshots and restores: no seq is used twice."""

import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import attrs
import pytest
import trio

from argybargy.domain.access_codes import CodeRecord, Role, digest_code, format_code
from argybargy.domain.instant import Instant
from argybargy.domain.invites import InviteRecord
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import peer_key
from argybargy.domain.room.commands import Claim, ClaimGranted, Close
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import Audit
from argybargy.domain.sessions import SessionRecord
from argybargy.store.errors import Corrupt, Incompatible, Refused, Unknown
from argybargy.store.sqlite.backup.restore import Restored, RestorePlan, restore_backup
from argybargy.store.sqlite.backup.verify import check_file
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.room import kept_messages
from support.store_player import LIMITS, START, Player

FILES = {"relay.db", "relay.db-wal", "relay.db-shm", "relay.lock"}
LATER = Instant(START.wall_ms + 86_400_000, 500.0)


async def back_up(store: SqliteStore, target: Path) -> Path:
    snapshot = await store.snapshot()
    content = bytearray()
    while part := await snapshot.read(1000):
        content += part
    await snapshot.aclose()
    assert snapshot.size_bytes == len(content)
    await trio.Path(target).write_bytes(content)
    return target


def restore(
    directory: Path, source: Path, skip_ahead: int = 1000, limits: Limits = LIMITS
) -> Restored:
    plan = RestorePlan(source, "now", skip_ahead, limits, LATER)
    return restore_backup(directory, plan)


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@asynccontextmanager
async def reopened(
    directory: Path, room: str = "lab", limits: Limits = LIMITS
) -> AsyncIterator[Player]:
    """Open a data directory and load a room, as a relay does."""
    async with open_sqlite_store(directory, limits) as store:
        saved = await store.load(room, limits.tail_messages)
        assert saved is not None
        live = Room.restore(saved, LATER, limits)
        yield Player(store, live, limits, LATER)


async def delivered(player: Player, reader: str, after: int) -> list[Message]:
    page = await player.store.page(
        player.room.name, peer_key(reader), after, 100, 1_000_000
    )
    return list(page.messages)


def code(name: str, room: str = "lab") -> CodeRecord:
    digest = digest_code(format_code(name.ljust(32, "0")))
    return CodeRecord(digest, room, name, "", START.wall_ms)


@pytest.fixture
async def backed_up(tmp_path: Path) -> Path:
    """A data directory with five messages, and a backup with the first three."""
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await store.add_codes([code("ann"), code("bob")], [])
        player = Player.of(store)
        for text in ("one", "two", "three"):
            await player.say("ann", text)
        await back_up(store, tmp_path / "backup.db")
        await player.say("ann", "four", expects="anyone")
        await player.do(Claim("bob", 4))
        await player.say("ann", "five")
    return tmp_path


# -- snapshots --------------------------------------------------------------------


async def test_a_snapshot_shows_one_moment_and_leaves_no_file(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path / "data") as store:
        player = Player.of(store)
        await player.say("ann", "before")
        snapshot = await store.snapshot()
        assert names_in(tmp_path / "data") == FILES
        await player.say("ann", "after")
        (tmp_path / "copy.db").write_bytes(await snapshot.read(10_000_000))
        await snapshot.aclose()
    contents = check_file(tmp_path / "copy.db")
    assert (contents.rooms, contents.messages) == (1, 1)


async def test_left_overs_of_a_killed_backup_are_deleted_at_the_next_start(
    tmp_path: Path,
) -> None:
    for name in ("relay.db.snapshot0", "relay.db.restoring", "relay.db.restoring-wal"):
        (tmp_path / name).write_text("half a copy")
    async with open_sqlite_store(tmp_path):
        assert names_in(tmp_path) == FILES


# -- restore ----------------------------------------------------------------------


async def test_lost_messages_are_reported_and_their_seqs_are_not_reused(
    backed_up: Path,
) -> None:
    restored = restore(backed_up / "data", backed_up / "backup.db")
    (room,) = restored.rooms
    assert (room.name, room.head, room.lost, room.is_certain) == ("lab", 3, 2, True)
    async with reopened(backed_up / "data") as player:
        (said,) = await delivered(player, "bob", after=5)
        assert (said.seq, said.event, said.kind.value) == (6, "restored", "system")
        assert "2 messages, 4 to 5, are lost" in said.text
        assert (await player.say("ann", "again")).seq == 7
        texts = [message.text for message in await delivered(player, "bob", after=0)]
        assert texts == ["one", "two", "three", said.text, "again"]
        assert [each.text for each in await delivered(player, "bob", 6)] == ["again"]


async def test_a_cursor_beyond_the_backup_reads_new_messages_once(
    backed_up: Path,
) -> None:
    seen = {4: "four", 5: "five"}
    restore(backed_up / "data", backed_up / "backup.db")
    async with reopened(backed_up / "data") as player:
        for number in range(30):
            await player.say("ann", f"new {number}")
        for after in (3, 4, 5):
            found = await delivered(player, "bob", after)
            assert not {message.seq for message in found} & set(seen)
            assert [message.text for message in found][1:] == [
                f"new {number}" for number in range(30)
            ]


async def test_a_fence_is_not_granted_twice(backed_up: Path) -> None:
    restore(backed_up / "data", backed_up / "backup.db")
    async with reopened(backed_up / "data") as player:
        asked = await player.say("ann", "who?", expects="anyone")
        granted = await player.do(Claim("bob", asked.seq))
        assert isinstance(granted, ClaimGranted)
        assert granted.lease.fence == 2, "1 was granted after the backup"


async def test_a_room_without_losses_is_restored_unchanged(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await Player.of(store, "quiet").say("ann", "only this")
        await back_up(store, tmp_path / "backup.db")
    assert restore(tmp_path / "data", tmp_path / "backup.db").rooms == ()
    async with reopened(tmp_path / "data", "quiet") as player:
        assert (await player.say("ann", "next")).seq == 2


async def test_a_room_younger_than_the_backup_continues_after_its_last_seq(
    backed_up: Path,
) -> None:
    async with open_sqlite_store(backed_up / "data", LIMITS) as store:
        young = Player.of(store, "young")
        for _ in range(4):
            await young.say("zoe", "gone")
        await young.do(Close("operator"))
    restored = restore(backed_up / "data", backed_up / "backup.db")
    assert [room.name for room in restored.rooms] == ["lab", "young"]
    async with reopened(backed_up / "data", "young") as player:
        assert player.room.status.is_closed
        assert kept_messages(player.room) == 1
        (said,) = await delivered(player, "zoe", after=4)
        assert (said.seq, said.event) == (5, "restored")


async def test_rooms_with_an_unknown_head_skip_ahead(
    backed_up: Path,
) -> None:
    (backed_up / "data" / "relay.db").write_bytes(b"rubbish " * 1000)
    restored = restore(backed_up / "data", backed_up / "backup.db", skip_ahead=50)
    (room,) = restored.rooms
    assert (room.head, room.lost, room.is_certain) == (3, 50, False)
    kept = backed_up / "data" / "relay.db.before-restore-now"
    assert restored.kept_as == kept
    assert kept.read_bytes().startswith(b"rubbish")
    async with reopened(backed_up / "data") as player:
        (said,) = await delivered(player, "bob", after=5)
        assert said.seq == 54
        assert "said after message 3, if anything was, is lost" in said.text


async def test_rooms_of_another_relay_do_not_count_as_the_same(
    backed_up: Path, tmp_path: Path
) -> None:
    async with open_sqlite_store(tmp_path / "other", LIMITS) as store:
        player = Player.of(store)
        player.room = attrs.evolve(player.room, created_ms=START.wall_ms + 1)
        await player.say("zed", "unrelated")
    restored = restore(tmp_path / "other", backed_up / "backup.db", skip_ahead=7)
    (room,) = restored.rooms
    assert (room.lost, room.is_certain) == (7, False)


async def test_a_room_closed_after_the_backup_stays_closed(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        player = Player.of(store)
        asked = await player.say("ann", "who?", expects="anyone")
        await player.do(Claim("bob", asked.seq))
        await back_up(store, tmp_path / "backup.db")
        await player.do(Close("boss"))
        closed = player.room.status
    (room,) = restore(tmp_path / "data", tmp_path / "backup.db").rooms
    assert (room.name, room.lost, room.is_closed) == ("lab", 0, True)
    async with reopened(tmp_path / "data") as player:
        assert player.room.status == closed
        assert player.room.head == 1
        assert dict(player.room.leases) == {}
    assert restore(tmp_path / "data", tmp_path / "backup.db").rooms == (room,)


async def test_a_room_of_another_relay_is_not_closed_by_its_namesake(
    backed_up: Path, tmp_path: Path
) -> None:
    async with open_sqlite_store(tmp_path / "other", LIMITS) as store:
        player = Player.of(store)
        player.room = attrs.evolve(player.room, created_ms=START.wall_ms + 1)
        await player.say("zed", "unrelated")
        await player.do(Close("boss"))
    restored = restore(tmp_path / "other", backed_up / "backup.db")
    assert [room.is_closed for room in restored.rooms] == [False]


async def test_a_restore_keeps_a_revocation(backed_up: Path) -> None:
    bob, eve = code("bob"), code("eve")
    async with open_sqlite_store(backed_up / "data", LIMITS) as store:
        revoked = Audit(START.wall_ms, "revoke", "admin", "lab", f"bob {bob.key_id}")
        await store.remove_codes([bob], [revoked])
        await store.add_codes([eve], [])
        await store.note({("lab", "ann"): 5}, [])
    restored = restore(backed_up / "data", backed_up / "backup.db")
    assert (restored.revoked, restored.codes_lost) == ((bob.key_id,), (eve.key_id,))
    async with open_sqlite_store(backed_up / "data", LIMITS) as store:
        assert [each.name for each in await store.codes()] == ["ann"]
        assert await store.cursors("lab") == {"ann": 5}


async def test_a_restore_brings_no_invite_back(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        ms = START.wall_ms
        invite = InviteRecord(digest_code("i"), "lab", "", "", "", ms, ms + 900_000)
        await store.save_invites([invite], [])
        await back_up(store, tmp_path / "backup.db")
        await store.redeem_invite(invite.used(ms, code("ann").key_id), code("ann"), [])
    for directory in ("data", "other"):
        restore(tmp_path / directory, tmp_path / "backup.db")
        async with open_sqlite_store(tmp_path / directory, LIMITS) as store:
            assert await store.invites() == ()


async def test_a_restore_brings_no_session_back(tmp_path: Path) -> None:
    ms = START.wall_ms
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        times = ms, ms + 900_000, ms
        for secret in ("ended", "kept"):
            session = SessionRecord(digest_code(secret), "::1", "", *times, "00ff")
            await store.open_session(session, [], [])
        await back_up(store, tmp_path / "backup.db")
        await store.end_sessions((await store.sessions())[:1], [])
    for directory in ("data", "other"):
        restore(tmp_path / directory, tmp_path / "backup.db")
        async with open_sqlite_store(tmp_path / directory, LIMITS) as store:
            assert await store.sessions() == ()


async def test_a_revocation_outlives_the_audit_log_and_every_restore(
    backed_up: Path,
) -> None:
    bob, limits = code("bob"), attrs.evolve(LIMITS, audit_rows=1)
    async with open_sqlite_store(backed_up / "data", limits) as store:
        revoked = Audit(START.wall_ms, "revoke", "admin", "lab", f"bob {bob.key_id}")
        await store.remove_codes([bob], [revoked])
        await store.note({}, [Audit(START.wall_ms, "connect", "ann", "lab")])
    for _ in range(3):
        restored = restore(backed_up / "data", backed_up / "backup.db")
        assert restored.revoked == (bob.key_id,)
        async with open_sqlite_store(backed_up / "data", limits) as store:
            assert [each.name for each in await store.codes()] == ["ann"]


async def test_a_restore_keeps_a_revocation_of_an_older_version(
    backed_up: Path,
) -> None:
    bob = code("bob")
    async with open_sqlite_store(backed_up / "data", LIMITS) as store:
        revoked = Audit(START.wall_ms, "revoke", "admin", "lab", f"bob {bob.key_id}")
        await store.remove_codes([bob], [revoked])
    _execute(backed_up / "data" / "relay.db", "DROP TABLE revoked")
    _execute(backed_up / "data" / "relay.db", "PRAGMA user_version = 2")
    for _ in range(2):
        restored = restore(backed_up / "data", backed_up / "backup.db")
        assert restored.revoked == (bob.key_id,)


async def test_a_revocation_of_a_database_without_roles_is_kept(
    backed_up: Path,
) -> None:
    bob, older = code("bob"), backed_up / "older"
    older.mkdir()
    connection = apsw.Connection(str(older / "relay.db"))
    migrate(connection, [each for each in load_migrations() if each.number < 7])
    connection.execute("INSERT INTO revoked VALUES (?)", (bob.digest,)).fetchall()
    connection.close()
    restored = restore(older, backed_up / "backup.db")
    assert restored.revoked == (bob.key_id,)
    async with open_sqlite_store(older, LIMITS) as store:
        assert [each.name for each in await store.codes()] == ["ann"]


async def test_a_restore_keeps_the_roles_of_codes(tmp_path: Path) -> None:
    reader = attrs.evolve(code("rita"), role=Role.READER)
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await store.add_codes([reader], [])
        await back_up(store, tmp_path / "backup.db")
    restore(tmp_path / "other", tmp_path / "backup.db")
    async with open_sqlite_store(tmp_path / "other", LIMITS) as store:
        assert await store.codes() == (reader,)


async def test_retention_counts_messages_and_not_numbers(backed_up: Path) -> None:
    (backed_up / "data" / "relay.db").unlink()
    limits = attrs.evolve(LIMITS, messages_per_room=5)
    restore(backed_up / "data", backed_up / "backup.db", 10_000, limits)
    async with reopened(backed_up / "data", limits=limits) as player:
        assert kept_messages(player.room) == 4
        await player.say("ann", "one more")
        assert kept_messages(player.room) == 5
        assert player.room.first == 1
        await player.say("ann", "and one too many")
        assert (kept_messages(player.room), player.room.first) == (5, 2)
        for number in range(2):
            await player.say("ann", f"{number}")
        assert player.room.first == 10_004, "the hole is gone with what was below"
        assert player.room.seq_gaps == ()
        overview = await player.store.overview()
        assert overview.rooms[0].messages == 5


async def test_each_replaced_database_is_kept(backed_up: Path) -> None:
    kept = [restore(backed_up / "data", backed_up / "backup.db") for _ in range(3)]
    names = [each.kept_as.name for each in kept if each.kept_as is not None]
    start = "relay.db.before-restore-now"
    assert names == [start, f"{start}-2", f"{start}-3"]
    contents = [check_file(backed_up / "data" / name).messages for name in names]
    assert contents == [5, 4, 4]


async def test_repeated_restores_never_reuse_a_seq(
    backed_up: Path,
) -> None:
    data, given = backed_up / "data", {1, 2, 3, 4, 5}
    for source in ("backup.db", "data/relay.db.before-restore-now", "backup.db"):
        restore(data, backed_up / source)
        async with reopened(data) as player:
            head = player.room.head
            assert head not in given
            new = {head, (await player.say("ann", "more")).seq}
            assert not new & given
            given |= new


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
async def test_only_the_owner_may_read_the_restored_database(backed_up: Path) -> None:
    restore(backed_up / "data", backed_up / "backup.db")
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (backed_up / "data").iterdir()
    }
    names = {"relay.db", "relay.db.before-restore-now", "relay.closed", "relay.lock"}
    assert modes == dict.fromkeys(names, 0o600)


async def test_a_restore_over_a_running_relay_is_refused(backed_up: Path) -> None:
    async with open_sqlite_store(backed_up / "data", LIMITS):
        with pytest.raises(Incompatible, match="Another server is running"):
            restore(backed_up / "data", backed_up / "backup.db")


@pytest.mark.parametrize("sql", ["BEGIN; SELECT * FROM rooms", "BEGIN EXCLUSIVE"])
async def test_a_restore_over_a_database_in_use_by_another_program_is_refused(
    backed_up: Path, sql: str
) -> None:
    bob, database = code("bob"), backed_up / "data" / "relay.db"
    shell = apsw.Connection(str(database))
    async with open_sqlite_store(backed_up / "data", LIMITS) as store:
        await store.remove_codes([bob], [])
        shell.execute(sql).fetchall()
    with pytest.raises(Refused, match="another program has the database"):
        restore(backed_up / "data", backed_up / "backup.db")
    shell.close()
    assert not list((backed_up / "data").glob("relay.db.*"))
    restored = restore(backed_up / "data", backed_up / "backup.db")
    assert restored.revoked == (bob.key_id,)
    assert [room.is_certain for room in restored.rooms] == [True]
    async with reopened(backed_up / "data") as player:
        assert (await player.say("ann", "again")).seq == 7


@pytest.mark.parametrize("damage", ["text", "truncated", "foreign", "newer", "empty"])
async def test_an_invalid_backup_is_refused_and_nothing_is_changed(
    backed_up: Path, damage: str
) -> None:
    bad = backed_up / "backup.db"
    match damage:
        case "text":
            bad.write_bytes(b"This is a shopping list. " * 400)
        case "truncated":
            bad.write_bytes(bad.read_bytes()[:20_000])
        case "empty":
            bad.write_bytes(b"")
        case "foreign":
            bad.unlink()
            _execute(bad, "CREATE TABLE rooms (a); PRAGMA user_version = 1")
        case "newer":
            _execute(bad, "PRAGMA user_version = 99")
    before = (backed_up / "data" / "relay.db").read_bytes()
    with pytest.raises((Corrupt, Incompatible), match=r"backup\.db"):
        restore(backed_up / "data", bad)
    assert (backed_up / "data" / "relay.db").read_bytes() == before
    assert not list((backed_up / "data").glob("relay.db.*"))


def _execute(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql).fetchall()
    connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="directories need no flush")
async def test_a_failure_after_the_rename_does_not_say_that_nothing_changed(
    backed_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError("the cable is out")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Unknown, match="is in place"):
        restore(backed_up / "data", backed_up / "backup.db")
    async with reopened(backed_up / "data") as player:
        assert player.room.head == 6


# Exits, as if killed, at its n-th file system operation.
CRASHING = """
import os, sys
from pathlib import Path
from argybargy.domain.limits import Limits
from argybargy.domain.instant import Instant
from argybargy.store.sqlite.backup.restore import RestorePlan, restore_backup
data, left = Path(sys.argv[1]), int(sys.argv[2])
WATCHED = {"os.rename", "os.link", "os.remove", "os.chmod", "shutil.copyfile"}
def hook(event, arguments):
    global left
    if event in WATCHED or (event == "open" and "relay.db" in str(arguments[0])):
        left -= 1
        if left < 0:
            os._exit(9)
backup = data.parent / "backup.db"
plan = RestorePlan(backup, "now", 9, Limits(), Instant(2 * 10**12, 1))
sys.addaudithook(hook)
restore_backup(data, plan)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forks at every step")
async def test_a_crash_at_any_moment_leaves_the_old_or_the_new_database(
    backed_up: Path,
) -> None:
    data, outcomes = backed_up / "data", []
    whole = (data / "relay.db").read_bytes()
    for step in range(60):
        for path in data.glob("relay.db*"):
            path.unlink()
        (data / "relay.db").write_bytes(whole)
        command = [sys.executable, "-c", CRASHING, str(data), str(step)]
        done = await trio.run_process(command, check=False)
        async with open_sqlite_store(data, LIMITS) as store:
            texts = [message.text for _, message in await store.recent("lab", 9)]
        assert texts[:3] == ["one", "two", "three"]
        outcomes.append("old" if texts[3:] == ["four", "five"] else "new")
        assert outcomes[-1] == "old" or texts[3].startswith("This room was restored")
        if done.returncode == 0:
            break
        assert done.returncode == 9
    assert outcomes[0] == "old"
    assert outcomes[-1] == "new"
    assert outcomes == sorted(outcomes, reverse=True), "never back again"
    assert len(outcomes) > 5
