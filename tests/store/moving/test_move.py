"""Moves between SQLite and PostgreSQL, with a relay that is full of everything."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import apsw
import attrs
import psycopg
import pytest

from argybargy.store.data_directory import DATABASE_NAME, hold_lock
from argybargy.store.errors import Corrupt, Incompatible, Refused, Unknown
from argybargy.store.moving import move as moving
from argybargy.store.moving.copying import Progress
from argybargy.store.moving.marks import Mark, MoveState, read_mark, write_mark
from argybargy.store.moving.move import (
    MovePlan,
    move_from_postgres,
    move_to_postgres,
)
from argybargy.store.moving.tables import TABLES, Kind
from argybargy.store.postgres.store import open_postgres_store
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.store.sqlite.store import open_sqlite_store
from support.full_store import contents, fill
from support.postgres import PostgresServer
from support.store_player import START_MS

pytestmark = pytest.mark.usefixtures("postgres_server")
Find = dict[str, Any]


def ignore(_: Progress) -> None:
    """Tell nobody."""


def plan_of(directory: Path, url: str, **more: Any) -> MovePlan:  # noqa: ANN401
    return MovePlan(directory, url, START_MS, needs_fsync=False, **more)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the data directory of a full relay, once."""
    import trio  # noqa: PLC0415

    directory = tmp_path_factory.mktemp("model") / "data"

    async def make() -> None:
        async with open_sqlite_store(directory) as store:
            await fill(store)

    trio.run(make)
    return directory


@pytest.fixture
def full(model: Path, tmp_path: Path) -> Path:
    """Return a data directory of a full relay."""
    return Path(shutil.copytree(model, tmp_path / "full"))


async def in_sqlite(directory: Path) -> Find:
    async with open_sqlite_store(directory) as store:
        return await contents(store)


async def in_postgres(url: str) -> Find:
    async with open_postgres_store(url, needs_fsync=False) as store:
        return await contents(store)


async def test_a_relay_moves_to_postgresql_and_back_with_everything(
    full: Path, tmp_path: Path, postgres_url: str
) -> None:
    before = await in_sqlite(full)
    told: list[Progress] = []
    moved = move_to_postgres(plan_of(full, postgres_url), told.append)
    assert moved.counts["rooms"] == 5
    assert {each.table for each in told} == {
        name for name, count in moved.counts.items() if count
    }
    there = await in_postgres(postgres_url)
    assert there == before
    back = tmp_path / "back"
    move_from_postgres(plan_of(back, postgres_url), ignore)
    assert await in_sqlite(back) == before
    assert read_mark(back) is None


async def test_what_nodes_share_is_stored_with_the_move_and_told_on_the_way_back(
    full: Path, tmp_path: Path, postgres_url: str
) -> None:
    """The admin token of a directory is a file, and that of nodes a setting."""
    plan = plan_of(full, postgres_url, settings={"admin_token": b"digest"})
    assert move_to_postgres(attrs.evolve(plan, is_dry_run=True), ignore).settings
    async with open_postgres_store(postgres_url, needs_fsync=False) as store:
        assert await store.setting("admin_token") is None
    assert move_to_postgres(plan, ignore).settings == plan.settings
    async with open_postgres_store(postgres_url, needs_fsync=False) as store:
        assert await store.setting("admin_token") == b"digest"
    back = move_from_postgres(plan_of(tmp_path / "back", postgres_url), ignore)
    assert back.settings == plan.settings


def test_something_of_every_table_is_in_the_full_relay(full: Path) -> None:
    connection = apsw.Connection(str(full / DATABASE_NAME))
    for table in TABLES:
        assert connection.execute(f"SELECT count(*) FROM {table.name}").get, table.name


def test_every_column_of_both_stores_is_moved_or_has_a_reason(
    postgres_url: str,
) -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, load_migrations())
    rows: list[Any] = connection.execute(
        """
        SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
        """
    ).fetchall()
    in_sqlite_only = {
        *(("receipts", "id"), ("readdressed", "id"), ("readdressed", "message_id")),
        *(("message_ids", "id"), ("message_ids", "newest")),
        *(("probes", "id"), ("probes", "times")),
    }
    moved = {(table.name, each.sqlite) for table in TABLES for each in table.columns}
    assert set(rows) - in_sqlite_only == moved
    with psycopg.connect(postgres_url) as server:
        found = server.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public'"
        ).fetchall()
    in_postgres_only = {
        *(("rooms", name) for name in ("cleared_version", "turn", "turn_until")),
        ("claims", "expires_ms"),
    }
    of_other_tables = {
        (name, column)
        for name, column in found
        if name in {"commits", "schema_versions", "probes"}
        # What nodes share while they run. The admin token of a directory is its file,
        # and is moved by the command.
        or name in {"directory", "settings", "duties", "nodes", "seats"}
    }
    moved = {
        (table.name, name)
        for table in TABLES
        for name in (*(each.name for each in table.columns), *table.derived)
    }
    assert set(found) - in_postgres_only - of_other_tables == moved


@pytest.mark.parametrize("kind", [Kind.LIST, Kind.CHOICES, Kind.BOOL])
def test_a_value_that_differs_in_sqlite_comes_back(kind: Kind) -> None:
    table = next(
        each for each in TABLES if any(column.kind is kind for column in each.columns)
    )
    values: dict[Kind, list[Any]] = {
        Kind.LIST: [["all"], ["a", "B"]],
        Kind.CHOICES: [[], ['yes, "do"', "né"]],
        Kind.BOOL: [True, False],
    }
    for value in values[kind]:
        row = tuple(
            value if column.kind is kind else values.get(column.kind, [None])[0]
            for column in table.columns
        )
        assert table.from_sqlite(table.to_sqlite(row)) == row


async def test_ids_go_on_after_those_of_the_old_place(
    full: Path, postgres_url: str
) -> None:
    connection = apsw.Connection(str(full / DATABASE_NAME))
    connection.execute("UPDATE message_ids SET newest = 5000")
    connection.close()
    move_to_postgres(plan_of(full, postgres_url), ignore)
    with psycopg.connect(postgres_url) as server:
        row = server.execute("SELECT nextval('messages_id_seq')").fetchone()
    assert row == (5001,)


async def test_the_old_directory_refuses_to_start_and_says_where_it_moved_to(
    full: Path, postgres_url: str
) -> None:
    url = postgres_url.replace("postgres@", "postgres:secret@")
    move_to_postgres(plan_of(full, url), ignore)
    with pytest.raises(Incompatible, match="has moved to postgresql") as caught:
        await in_sqlite(full)
    assert "--anyway" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(Incompatible, match="has moved"):
        move_to_postgres(plan_of(full, postgres_url), ignore)
    with hold_lock(full):
        pass  # a node keeps its token and its lock there


async def test_the_old_database_refuses_nodes_and_writes(
    full: Path, tmp_path: Path, postgres_url: str
) -> None:
    move_to_postgres(plan_of(full, postgres_url), ignore)
    move_from_postgres(plan_of(tmp_path / "back", postgres_url), ignore)
    with pytest.raises(Incompatible, match=r"has moved to .*/back on 2023-11-14"):
        await in_postgres(postgres_url)
    with pytest.raises(Incompatible, match="has moved"):
        move_from_postgres(plan_of(tmp_path / "more", postgres_url), ignore)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        for table in TABLES:
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                server.execute(f"DELETE FROM {table.name}".encode())


async def test_a_dry_run_changes_nothing(
    full: Path, tmp_path: Path, postgres_url: str
) -> None:
    before = await in_sqlite(full)
    plan = plan_of(full, postgres_url, is_dry_run=True)
    assert move_to_postgres(plan, ignore).counts["messages"] > 100
    assert await in_sqlite(full) == before
    with psycopg.connect(postgres_url) as server:
        assert server.execute("SELECT count(*) FROM rooms").fetchone() == (0,)
    move_to_postgres(plan_of(full, postgres_url), ignore)
    there, target = await in_postgres(postgres_url), tmp_path / "back"
    move_from_postgres(plan_of(target, postgres_url, is_dry_run=True), ignore)
    assert await in_postgres(postgres_url) == there
    assert {path.name for path in target.iterdir()} == {"relay.lock"}


async def test_a_dry_run_makes_no_tables(
    full: Path, postgres_server: PostgresServer
) -> None:
    url = postgres_server.make_database("template1")
    move_to_postgres(plan_of(full, url, is_dry_run=True), ignore)
    with psycopg.connect(url) as server:
        row = server.execute("SELECT to_regclass('rooms')").fetchone()
    assert row == (None,)


async def test_a_target_with_a_relay_in_it_is_refused(
    full: Path, model: Path, postgres_url: str
) -> None:
    async with open_postgres_store(postgres_url, needs_fsync=False) as store:
        await fill(store)
        there = await contents(store)
    with pytest.raises(Incompatible, match="database is not empty"):
        move_to_postgres(plan_of(full, postgres_url), ignore)
    with pytest.raises(Incompatible, match="is not empty: a relay has rooms"):
        move_from_postgres(plan_of(full, postgres_url), ignore)
    assert await in_postgres(postgres_url) == there
    assert await in_sqlite(full) == await in_sqlite(model)


async def test_a_target_that_was_only_started_counts_as_empty(
    full: Path, tmp_path: Path, postgres_url: str
) -> None:
    from support.store_player import audit  # noqa: PLC0415

    before = await in_sqlite(full)
    async with open_postgres_store(postgres_url, needs_fsync=False) as store:
        await store.note({}, [audit("start")])
    move_to_postgres(plan_of(full, postgres_url), ignore)
    assert await in_postgres(postgres_url) == before
    async with open_sqlite_store(tmp_path / "new") as other:
        await other.note({}, [audit("start")])
    move_from_postgres(plan_of(tmp_path / "new", postgres_url), ignore)
    assert await in_sqlite(tmp_path / "new") == before


async def test_a_running_relay_is_not_moved(
    full: Path, tmp_path: Path, postgres_url: str
) -> None:
    async with open_sqlite_store(full):
        with pytest.raises(Incompatible, match="Another server is running"):
            move_to_postgres(plan_of(full, postgres_url), ignore)
    async with open_postgres_store(postgres_url, needs_fsync=False) as store:
        await store.overview()
        for move in (move_to_postgres, move_from_postgres):
            target = full if move is move_to_postgres else tmp_path / "new"
            with pytest.raises(Incompatible, match="Stop all of its nodes"):
                move(plan_of(target, postgres_url), ignore)
    assert read_mark(full) is None
    move_to_postgres(plan_of(full, postgres_url), ignore)


async def test_a_row_that_differs_afterwards_undoes_the_move(
    full: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await in_sqlite(full)
    # A server that stores something else than it was told.
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(
            """
            CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN NEW.fence := NEW.fence + 1; RETURN NEW; END $$;
            CREATE TRIGGER spoil BEFORE INSERT ON rooms
            FOR EACH ROW EXECUTE FUNCTION spoil();
            """
        )
    with pytest.raises(Corrupt, match="the copy of rooms differs at id 1: fence"):
        move_to_postgres(plan_of(full, postgres_url), ignore)
    with psycopg.connect(postgres_url) as server:
        assert server.execute("SELECT count(*) FROM rooms").fetchone() == (0,)
    assert await in_sqlite(full) == before


async def test_a_move_to_postgresql_whose_commit_is_unknown_is_finished_by_the_next(
    full: Path, postgres_url: str
) -> None:
    move_to_postgres(plan_of(full, postgres_url), ignore)
    done = read_mark(full)
    assert done is not None
    # As if the process had been killed right after the commit.
    write_mark(full, attrs.evolve(done, state=MoveState.LEAVING))
    with pytest.raises(Incompatible, match="was interrupted"):
        await in_sqlite(full)
    assert move_to_postgres(plan_of(full, postgres_url), ignore).counts == {}
    assert read_mark(full) == done


async def test_a_move_to_postgresql_killed_before_its_commit_is_made_again(
    full: Path, postgres_url: str
) -> None:
    before = await in_sqlite(full)
    write_mark(full, Mark("0" * 16, MoveState.LEAVING, "postgresql://x", START_MS))
    assert move_to_postgres(plan_of(full, postgres_url), ignore).counts
    assert await in_postgres(postgres_url) == before


async def test_a_move_from_postgresql_killed_at_either_side_of_its_commit_is_finished(
    full: Path, tmp_path: Path, postgres_url: str
) -> None:
    before, target = await in_sqlite(full), tmp_path / "back"
    move_to_postgres(plan_of(full, postgres_url), ignore)
    shutil.copytree(full, target)
    mark = Mark("0" * 16, MoveState.ARRIVING, "postgresql://x", START_MS)
    write_mark(target, mark)  # before: the file is there, and the database unmarked
    with pytest.raises(Incompatible, match="argybargy move --from"):
        await in_sqlite(target)
    plan = plan_of(target, postgres_url)
    assert move_from_postgres(plan, ignore).counts
    write_mark(target, attrs.evolve(mark, id=plan.id))  # after
    assert move_from_postgres(plan_of(target, postgres_url), ignore).counts == {}
    assert await in_sqlite(target) == before


def test_a_commit_that_fails_for_certain_leaves_no_mark_and_no_file(
    full: Path, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_to_postgres(plan_of(full, postgres_url), ignore)
    target = tmp_path / "back"

    def fail(*_: object) -> None:
        raise Refused("the disk is gone")

    monkeypatch.setattr(moving, "sync_directory", fail)
    with pytest.raises(Refused, match="the disk is gone"):
        move_from_postgres(plan_of(target, postgres_url), ignore)
    assert {path.name for path in target.iterdir()} == {"relay.lock"}
    monkeypatch.undo()
    assert move_from_postgres(plan_of(target, postgres_url), ignore).counts


def test_a_database_without_a_relay_is_refused(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    url = postgres_server.make_database("template1")
    with pytest.raises(Incompatible, match="has no relay in it"):
        move_from_postgres(plan_of(tmp_path / "new", url), ignore)
    with pytest.raises(Incompatible, match="there is no database in"):
        move_to_postgres(plan_of(tmp_path / "new", url), ignore)


def test_a_newer_schema_is_refused_on_either_side(
    full: Path, tmp_path: Path, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as server:
        server.execute("INSERT INTO schema_versions (number) VALUES (999)")
    for move, place in ((move_to_postgres, full), (move_from_postgres, tmp_path / "n")):
        with pytest.raises(Incompatible, match=r"has schema 999.*Run the newer"):
            move(plan_of(place, postgres_url), ignore)
    connection = apsw.Connection(str(full / DATABASE_NAME))
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(Incompatible, match="has schema 999"):
        move_to_postgres(plan_of(full, postgres_url), ignore)


def test_a_server_that_cannot_be_reached_is_refused(full: Path) -> None:
    with pytest.raises(Refused, match="PostgreSQL"):
        move_to_postgres(plan_of(full, "postgresql://x@127.0.0.1:1/x"), ignore)
    assert read_mark(full) is None


async def test_a_database_of_an_older_schema_is_moved_and_stays_as_it_is(
    tmp_path: Path, postgres_url: str
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    connection = apsw.Connection(str(old / DATABASE_NAME))
    migrate(connection, load_migrations()[:5])
    connection.execute(
        """
        INSERT INTO rooms VALUES (1, 'Lab', 3, 1, 1, 0, NULL, NULL, 5, 5, 5, '[]');
        INSERT INTO messages VALUES (1, 1, 1, 5, 'ann', 'agent', '["all"]', 'hi',
            'none', NULL, NULL, NULL, 0, 0, NULL);
        """
    )
    connection.close()
    move_to_postgres(plan_of(old, postgres_url), ignore)
    async with open_postgres_store(postgres_url, needs_fsync=False) as store:
        ((name, message),) = await store.recent(None, 9)
    assert (name, message.text) == ("Lab", "hi")
    connection = apsw.Connection(str(old / DATABASE_NAME))
    assert connection.execute("PRAGMA user_version").get == 5


SCRIPT = """
import sys
from pathlib import Path
from argybargy.store.moving.move import *
plan = MovePlan(Path(sys.argv[2]), sys.argv[3], 5, needs_fsync=False)
move = move_to_postgres if sys.argv[1] == "to" else move_from_postgres
def tell(progress):
    if (progress.table, progress.is_comparing) == ("messages", sys.argv[4] == "yes"):
        print("here", flush=True)
        sys.stdin.read()
move(plan, tell)
"""


@pytest.mark.cluster  # slow
@pytest.mark.parametrize("comparing", ["no", "yes"])
async def test_a_process_killed_in_the_middle_leaves_both_places_as_they_were(
    full: Path, tmp_path: Path, postgres_url: str, comparing: str
) -> None:
    before = await in_sqlite(full)
    kill_in_the_middle("to", full, postgres_url, comparing)
    assert await in_sqlite(full) == before
    wait_gone(postgres_url)
    move_to_postgres(plan_of(full, postgres_url), ignore)
    target = tmp_path / "back"
    kill_in_the_middle("from", target, postgres_url, comparing)
    assert not (target / DATABASE_NAME).exists()
    assert read_mark(target) is None
    wait_gone(postgres_url)
    assert await in_postgres(postgres_url) == before
    move_from_postgres(plan_of(target, postgres_url), ignore)
    assert await in_sqlite(target) == before


def kill_in_the_middle(way: str, directory: Path, url: str, comparing: str) -> None:
    command = [sys.executable, "-c", SCRIPT, way, str(directory), url, comparing]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def wait_gone(url: str) -> None:
    """Wait until the server has noticed that its client is gone."""
    sql = """
        SELECT count(*) FROM pg_stat_activity
        WHERE application_name = %s AND datname = current_database()
    """
    deadline = time.monotonic() + 20  # noqa: TID251
    with psycopg.connect(url, autocommit=True) as server:
        while server.execute(sql, ("argybargy-move",)).fetchone() != (0,):
            assert time.monotonic() < deadline  # noqa: TID251
            time.sleep(0.02)


def test_an_interrupted_commit_counts_as_unknown(postgres_url: str) -> None:
    from argybargy.store.moving.postgres_side import (  # noqa: PLC0415
        open_engine,
        transaction,
    )

    with open_engine(postgres_url) as engine:
        lost = transaction(engine.connection)
        lost.__enter__()
        pid = engine.connection.info.backend_pid
        with psycopg.connect(postgres_url, autocommit=True) as server:
            server.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        with pytest.raises(Unknown, match="at COMMIT"):
            lost.__exit__(None, None, None)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"id": 1, "state": "x"}'])
def test_a_mark_that_cannot_be_read_is_no_reason_to_start(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "moved.json").write_bytes(content)
    with pytest.raises(Refused, match=r"moved\.json, cannot be read"):
        read_mark(tmp_path)
