"""Starts of a relay on a PostgreSQL that it cannot rely on: exit code and sentence."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import trio

from argybargy.torture.relay_process import free_port, plain_environment
from support.deaf_proxy import open_deaf_proxy
from support.postgres import PostgresServer, need_programs, start_server, stop_server
from support.relay_process import open_server

pytestmark = pytest.mark.cluster
SECONDS = 60
UNUSABLE = 3
"""Exit code of a relay whose data cannot be used."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Run a server that keeps what it has acknowledged."""
    programs = need_programs()
    folder = Path(tempfile.mkdtemp(prefix="argybargy-pg-"))
    started = start_server(folder, programs)
    yield started
    stop_server(started)


def variables_for(data: Path, url: str) -> dict[str, str]:
    return {
        "ARGYBARGY_STORE": url,
        "ARGYBARGY_PUBLIC_URL": "http://relays.example",
        "ARGYBARGY_DATA": str(data),
        "ARGYBARGY_PORT": str(free_port()),
        "ARGYBARGY_CONFIG": os.devnull,
    }


async def start(data: Path, url: str) -> tuple[int, str]:
    """Start a relay that does not come up; return its exit code and what it said."""
    with trio.fail_after(SECONDS):
        done = await trio.run_process(
            [sys.executable, "-m", "argybargy", "serve"],
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env={**plain_environment(), **variables_for(data, url)},
        )
    said = (done.stdout + done.stderr).decode()
    assert "Traceback" not in said
    return done.returncode, " ".join(said.split())


async def test_a_server_that_is_away(tmp_path: Path) -> None:
    url = "postgresql://relay:secret@127.0.0.1:1/lab"
    code, said = await start(tmp_path / "data", url)
    assert code == UNUSABLE
    place = "postgresql://relay:***@127.0.0.1:1/lab"
    assert f"The store {place} cannot be used: PostgreSQL:" in said
    assert "Connection refused" in said
    assert "secret" not in said


async def test_a_database_that_is_missing(
    server: PostgresServer, tmp_path: Path
) -> None:
    code, said = await start(tmp_path / "data", server.url("nowhere"))
    assert code == UNUSABLE
    assert 'database "nowhere" does not exist' in said


async def test_a_server_without_fsync(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="argybargy-pg-"))
    careless = start_server(folder, need_programs(), "fsync=off")
    try:
        code, said = await start(tmp_path / "data", careless.url("postgres"))
    finally:
        stop_server(careless)
    assert code == UNUSABLE
    assert "runs with fsync=off and would lose messages" in said
    assert "Set fsync = on in postgresql.conf." in said


async def test_a_database_that_commits_without_the_disk(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.make_database("template1")
    change(url, "SET synchronous_commit = off")
    code, said = await start(tmp_path / "data", url)
    assert code == UNUSABLE
    assert "runs with synchronous_commit=off and would lose messages" in said


def change(url: str, setting: str) -> None:
    """Change a setting of a database."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" {setting}'.encode())


async def test_a_pooler_in_transaction_mode(
    server: PostgresServer, tmp_path: Path
) -> None:
    folder = tmp_path / "pooler"
    folder.mkdir()
    url = server.make_database("template1")
    async with open_deaf_proxy(server.folder, folder):
        there, here = (quote(str(each), safe="") for each in (server.folder, folder))
        code, said = await start(tmp_path / "data", url.replace(there, here))
    assert code == UNUSABLE
    assert "there is a pooler in transaction mode, such as pgbouncer" in said


async def test_tables_of_a_newer_relay(server: PostgresServer, tmp_path: Path) -> None:
    url = server.make_database("template1")
    async with open_server(tmp_path / "a", **variables_for(tmp_path / "a", url)):
        pass
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO schema_versions (number) VALUES (99)")
    code, said = await start(tmp_path / "b", url)
    assert code == UNUSABLE
    assert "schema 99" in said


async def test_a_second_relay_on_the_same_data_directory(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.make_database("template1")
    async with open_server(tmp_path / "a", **variables_for(tmp_path / "a", url)) as a:
        code, said = await start(tmp_path / "a", url)
    assert code == UNUSABLE
    assert f"listens on 127.0.0.1:{a.address.port}" in said
