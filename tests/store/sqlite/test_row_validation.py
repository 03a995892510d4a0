"""A foreign or modified database is refused with one sentence."""

import re
from pathlib import Path

import apsw
import pytest

from argybargy.domain.access_codes import digest_code
from argybargy.domain.instant import Instant
from argybargy.domain.invites import InviteRecord
from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.room.commands import Claim
from argybargy.domain.sessions import SessionRecord
from argybargy.store.errors import Corrupt, Incompatible, StoreError
from argybargy.store.sqlite.backup.restore import RestorePlan, restore_backup
from argybargy.store.sqlite.backup.superseded import read_superseded
from argybargy.store.sqlite.row_validation import ROW_BYTES, validate_rows
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.store.sqlite.store import open_sqlite_store
from store.sqlite.backup.test_restore import code
from support.store_player import LIMITS, START, Player, audit

LATER = Instant(START.wall_ms + 86_400_000, 500.0)
FUTURE_MS = LATER.wall_ms + 48 * 3_600_000
HUGE = 2**63 - 1

SCHEMAS = [
    "CREATE TRIGGER t AFTER INSERT ON messages BEGIN DELETE FROM codes; END",
    "CREATE VIEW v AS SELECT * FROM codes",
    "CREATE TABLE extra (a)",
    "CREATE INDEX i ON messages (sender)",
    "ALTER TABLE codes ADD COLUMN secret TEXT",
    "DROP INDEX codes_by_peer",
    "CREATE TABLE x (a); INSERT INTO x VALUES (1); DROP TABLE members",
]

_HOOK = "INSERT INTO wake_hooks VALUES ('lab', 'bob', '{}', '{}', '{}')"
_NOTICE = "INSERT INTO notices VALUES ('{}', '{}', '{}', '{}', {}, {})"
_ID = "0" * 32
ROWS = [
    ("UPDATE rooms SET head = 9223372036854775807", "rooms, row 1"),
    ("UPDATE rooms SET head = 9007199254740993", "rooms, row 1"),
    ("UPDATE rooms SET head = -1", "rooms, row 1"),
    ("UPDATE rooms SET head = 9007199254740991", "message 4, which is missing"),
    ("UPDATE rooms SET head = 2", "message 3 of room 1: its number"),
    ("UPDATE rooms SET first = 0", "rooms, row 1"),
    ("UPDATE rooms SET fence = 9223372036854775807", "rooms, row 1"),
    ("UPDATE rooms SET version = 9223372036854775807", "rooms, row 1"),
    ("UPDATE rooms SET last_ms = 9223372036854775807", "rooms, row 1: a time"),
    ("UPDATE rooms SET closed_at_ms = 9223372036854775807", "rooms, row 1: the time"),
    ("UPDATE rooms SET closed_at_ms = 0, closed_by = char(27)", "who closed it"),
    ("UPDATE rooms SET name = '../' || char(27) || ']0;x'", "rooms, row 1: the name"),
    ("UPDATE rooms SET name = printf('%.100000c', 'a')", "rooms, row 1: the name"),
    ("UPDATE rooms SET holes = '[['", "left out"),
    ("UPDATE rooms SET holes = '[[3,2]]'", "left out"),
    ("UPDATE rooms SET holes = '[[2,9]]'", "left out"),
    ("UPDATE messages SET kind = 'evil'", "message 1 of room 1: its sender"),
    ("UPDATE messages SET sender = 'operator'", "message 1 of room 1: its sender"),
    ("UPDATE messages SET recipients = '[all' WHERE seq = 2", "message 2 of room 1"),
    ("UPDATE messages SET recipients = '[ \"all\" ]'", "its recipients"),
    ("UPDATE messages SET recipients = '[]'", "its recipients"),
    ('UPDATE messages SET recipients = \'["Bob","bob"]\'', "its recipients"),
    ("UPDATE messages SET at_ms = 9223372036854775807", "its time"),
    ("UPDATE messages SET text = ''", "its text"),
    ("UPDATE messages SET text = 'a' || char(0)", "its text"),
    ("UPDATE messages SET text = printf('%.300000c', 'a')", "its text"),
    ("UPDATE messages SET text = printf('%.50000000c', 'a')", f"over {ROW_BYTES}"),
    ("UPDATE messages SET text = CAST(x'ff' AS TEXT)", "not UTF-8"),
    ("UPDATE messages SET expects = 'system'", "who is to answer"),
    ("UPDATE messages SET reply_to = seq", "which message it answers"),
    ("UPDATE messages SET event = 'evil'", "its event"),
    ("UPDATE messages SET event = 'restored'", "its event"),
    ("UPDATE messages SET claimed_by = 'a b'", "who claimed it"),
    ("UPDATE messages SET fence = 99", "its claim"),
    ("UPDATE messages SET resolution = '[]'", "how its question ended"),
    (
        """UPDATE messages SET resolution = '["answered","bob",0,1,""]'""",
        "how its question ended",
    ),
    *(
        (f"UPDATE messages SET choices = '{choices}' WHERE seq = 1", "its choices")
        for choices in ("[", "[]", '["a"]', '["a","A"]', '["a", "b"]', '["a\\n","b"]')
    ),
    ("UPDATE messages SET choices = '[\"a\",\"b\"]', expects = 'none'", "its choices"),
    ("UPDATE messages SET reply_to = 1, choice = ' a' WHERE seq = 2", "its choice"),
    ("UPDATE messages SET choice = 'a', reply_to = NULL", "its choice"),
    ("UPDATE messages SET recipients = '[\"can:a b\"]'", "its recipients"),
    ("UPDATE messages SET expects = 'can:'", "who is to answer"),
    ("INSERT INTO readdressed VALUES (1, 0)", "readdressed, row 1: a number"),
    (_HOOK.format("ftp://h/", "0" * 64, "all"), "wake_hooks, a row: the URL"),
    (_HOOK.format("http://h/", "0" * 63, "all"), "the key"),
    (_HOOK.format("http://h/", "0" * 64, "never"), "the kind of messages"),
    ("UPDATE messages SET room_id = 7", "room 7: it is in no room"),
    ("UPDATE messages SET id = -id", "its id"),
    ("DELETE FROM messages WHERE seq = 2", "a message before 3, which is missing"),
    ("DELETE FROM messages", "message 1, which is missing"),
    ("DELETE FROM messages WHERE seq = 3", "missing"),
    ("UPDATE claims SET seq = 99", "claims, room 1: which message"),
    ("UPDATE claims SET seconds = 9223372036854775807", "how long it lasts"),
    ("UPDATE claims SET fence = 99", "its fence"),
    ("UPDATE claims SET holder = ''", "who holds it"),
    ("UPDATE questions SET seq = seq + 90", "questions, room 1: which message"),
    ("UPDATE questions SET asker = ''", "questions, room 1: a name"),
    ("UPDATE receipts SET seq = 99", "receipts, row 1: which message"),
    ("UPDATE receipts SET key = char(27)", "receipts, row 1: the key"),
    ("UPDATE receipts SET digest = x''", "receipts, row 1: the digest"),
    ("UPDATE receipts SET at_ms = 9223372036854775807", "receipts, row 1: its time"),
    ("UPDATE receipts SET peer = ''", "receipts, row 1: whose"),
    ("UPDATE members SET kind = 'evil'", "members, room 1: the name"),
    ("UPDATE members SET peer = 'eve'", "members, room 1: the name"),
    ("UPDATE members SET last_seq = 99", "members, room 1: what was posted last"),
    ("UPDATE members SET room_id = 7", "members, room 7: the room"),
    ("UPDATE codes SET digest = x'00' WHERE id = 1", "codes, row 1: the digest"),
    ("UPDATE codes SET room = '../x'", "codes, row 1: the name of the room"),
    ("UPDATE codes SET name = 'operator'", "codes, row 1: the name of the peer"),
    ("UPDATE codes SET capabilities = char(27)", "codes, row 1: what is said"),
    ("UPDATE codes SET expires_ms = 9223372036854775807", "codes, row 1: a time"),
    ("UPDATE codes SET role = 'boss'", "codes, row 1: the role"),
    (
        "UPDATE codes SET presented = zeroblob(32) WHERE id = 1",
        "codes, row 1: the digest of the code",
    ),
    ("UPDATE invites SET digest = x'00'", "invites, row 1: the digest"),
    ("UPDATE invites SET name = 'operator'", "invites, row 1: a name"),
    ("UPDATE invites SET room = ''", "invites, row 1: a name"),
    ("UPDATE invites SET client = char(27)", "invites, row 1: what is said"),
    ("UPDATE invites SET expires_ms = 9223372036854775807", "invites, row 1: a time"),
    ("UPDATE invites SET created_ms = expires_ms + 1", "invites, row 1: a time"),
    ("UPDATE invites SET code_seconds = 0", "invites, row 1: the lifetime"),
    ("UPDATE invites SET end = 'evil', ended_ms = 1", "invites, row 1: its end"),
    ("UPDATE invites SET end = 'used'", "invites, row 1: its end"),
    (
        "UPDATE invites SET end = 'used', ended_ms = 9223372036854775807",
        "invites, row 1: the time of its end",
    ),
    ("UPDATE invites SET code_key_id = 'x'", "invites, row 1: the id of its code"),
    (_NOTICE.format("x", "question", "lab", 1, 1, 1), "notices, a row: the id"),
    (_NOTICE.format(_ID, "party", "lab", 1, 1, 1), "notices, a row: the kind"),
    (_NOTICE.format(_ID, "question", "LAB", 1, 1, 1), "notices, a row: the name"),
    (_NOTICE.format(_ID, "question", "lab", "a", 1, 1), "notices, a row: the subject"),
    (_NOTICE.format(_ID, "loop_damped", "lab", "", 1, 1), "a row: the subject"),
    (_NOTICE.format(_ID, "question", "lab", 1, HUGE, 1), "notices, a row: the time"),
    (_NOTICE.format(_ID, "question", "lab", 1, 1, HUGE), "the time of the push"),
    ("UPDATE sessions SET digest = x'00'", "sessions, row 1: the digest"),
    ("UPDATE sessions SET address = char(27)", "sessions, row 1: the address"),
    (
        "UPDATE sessions SET device = printf('%.61c', 'a')",
        "sessions, row 1: the device",
    ),
    ("UPDATE sessions SET expires_ms = 9223372036854775807", "sessions, row 1: a time"),
    ("UPDATE sessions SET created_ms = used_ms + 1", "sessions, row 1: a time"),
    ("UPDATE sessions SET used_ms = expires_ms + 1", "sessions, row 1: a time"),
    ("UPDATE sessions SET token_mark = ''", "sessions, row 1: the mark"),
    ("UPDATE cursors SET seq = 9223372036854775807", "cursors, a row of lab"),
    ("UPDATE cursors SET seq = -1", "cursors, a row of lab"),
    ("UPDATE cursors SET peer = 'a b'", "cursors, a row: a name"),
    ("UPDATE audit SET at_ms = 9223372036854775807", "audit, row 1: its time"),
    ("UPDATE audit SET detail = printf('%.3000c', 'a')", "audit, row 1: a text"),
    ("UPDATE audit SET actor = char(27)", "audit, row 1: a text"),
    ("INSERT INTO revoked VALUES (x'00')", "revoked, a row: the digest"),
    ("DELETE FROM probes", "probes, its only row"),
    ("UPDATE probes SET times = 9223372036854775807", "probes, its only row"),
]


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A data directory with rows in every table."""
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await store.add_codes([code("ann"), code("bob")], [audit("invite")])
        ms = START.wall_ms
        invite = InviteRecord(digest_code("i"), "lab", "", "", "", ms, ms + 1)
        await store.save_invites([invite], [])
        session = SessionRecord(digest_code("s"), "::1", "", ms, ms + 9, ms, "00ff")
        await store.open_session(session, [], [])
        player = Player.of(store)
        await player.say("ann", "one", idempotency_key="k")
        await player.say("ann", "two", expects="bob")
        await player.say("ann", "three", to="bob", reply_to=2)
        await player.do(Claim("bob", 2))
        await store.note({("lab", "bob"): 2}, [])
    return tmp_path / "data"


def change(database: Path, sql: str) -> None:
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA foreign_keys = OFF").fetchall()
    connection.execute(sql).fetchall()
    connection.close()


def restore(directory: Path, source: Path) -> None:
    restore_backup(directory, RestorePlan(source, "now", 1000, LIMITS, LATER))


async def refusals(data: Path, sql: str) -> list[StoreError]:
    """Change a database; return the errors of starting on it and of restoring it."""
    change(data / "relay.db", sql)
    refused = list[StoreError]()
    try:
        async with open_sqlite_store(data, LIMITS):
            pass
    except* StoreError as group:
        refused += [each for each in group.exceptions if isinstance(each, StoreError)]
    aside = data.with_name("other")
    try:
        restore(aside, data / "relay.db")
    except StoreError as error:
        refused.append(error)
    assert [path.name for path in aside.iterdir()] == ["relay.lock"]
    return refused


@pytest.mark.parametrize("sql", SCHEMAS)
async def test_a_foreign_schema_is_refused(data: Path, sql: str) -> None:
    refused = await refusals(data, sql)
    assert [type(error) for error in refused] == [Incompatible, Incompatible]
    assert all(len(str(error).splitlines()) == 1 for error in refused)


@pytest.mark.parametrize(("sql", "where"), ROWS)
async def test_an_invalid_row_is_refused(data: Path, sql: str, where: str) -> None:
    refused = await refusals(data, sql)
    assert [type(error) for error in refused] == [Corrupt, Corrupt]
    for error in refused:
        assert where in str(error)
        assert str(error).isprintable()
        assert len(str(error)) < 400


async def test_only_a_backup_is_refused_for_a_time_in_the_future(data: Path) -> None:
    change(data / "relay.db", f"UPDATE messages SET at_ms = {FUTURE_MS}")
    async with open_sqlite_store(data, LIMITS):
        pass
    with pytest.raises(Corrupt, match="message 1 of room 1: its time"):
        restore(data.with_name("other"), data / "relay.db")


async def test_a_used_database_is_valid(data: Path) -> None:
    change(data / "relay.db", "ANALYZE")
    async with open_sqlite_store(data, LIMITS) as store:
        saved = await store.load("lab", 10)
    assert saved is not None
    restore(data.with_name("other"), data / "relay.db")
    async with open_sqlite_store(data.with_name("other"), LIMITS) as store:
        assert await store.load("lab", 10) is not None


@pytest.mark.parametrize("version", range(1, len(load_migrations()) + 1))
async def test_a_database_of_each_schema_version_is_accepted(
    tmp_path: Path, version: int
) -> None:
    (tmp_path / "data").mkdir()
    database = tmp_path / "data" / "relay.db"
    connection = apsw.Connection(str(database))
    steps = load_migrations()
    migrate(connection, steps[:version])
    validate_rows(connection, database)
    connection.close()
    restore(tmp_path / "other", database)
    async with open_sqlite_store(tmp_path / "data") as store:
        assert store.info.schema == steps[-1].number


@pytest.mark.parametrize("head", [HUGE, MAX_SEQ])
async def test_invalid_numbers_in_the_replaced_database_do_not_stop_a_restore(
    data: Path, head: int
) -> None:
    backup = data.with_name("backup.db")
    backup.write_bytes((data / "relay.db").read_bytes())
    change(data / "relay.db", f"UPDATE rooms SET head = {head}")
    change(data / "relay.db", f"UPDATE cursors SET seq = {head}")
    replaced = read_superseded(data / "relay.db")
    assert replaced is not None
    assert (replaced.rooms, replaced.cursors) == ({}, {})
    restore(data, backup)
    async with open_sqlite_store(data, LIMITS) as store:
        saved = await store.load("lab", 10)
    assert saved is not None
    assert saved.head == 3 + 1000 + 1


async def test_a_backup_that_leaves_too_few_seqs_is_refused(data: Path) -> None:
    change(data / "relay.db", f"UPDATE cursors SET seq = {MAX_SEQ}")
    with pytest.raises(Corrupt, match=re.escape("too few numbers are left")):
        restore(data.with_name("other"), data / "relay.db")
    assert not (data.with_name("other") / "relay.db.restoring").exists()
