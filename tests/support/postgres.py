"""A private PostgreSQL server for tests, shared by all processes of a test run.

It is installed if it is missing, where that is possible. It refuses to run as root, so
it runs as the user ``postgres`` there. It listens on a socket in a temporary folder
only.
"""

import contextlib
import fcntl
import functools
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

import attrs
import psycopg
import pytest

from argybargy.store.postgres.schema import load_migrations, migrate
from support.debian import alone, install

TEMPLATE: Final = "argybargy_template"
_USER: Final = "postgres"
_USERS: Final = ("postgres", "nobody")
"""Users that root runs the server as, which refuses to run as root."""
_START_SECONDS: Final = 60
NEEDED: Final = "TESTS_NEED_POSTGRES"
"""Set to 1 where a missing PostgreSQL must fail the tests instead of skipping them. A
relay refuses variables with its own prefix that it does not know."""


def find_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs, if there is one."""
    found = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda folder: int(folder.parent.name),
    )
    if found:
        return found[-1]
    usual = shutil.which("initdb")
    return Path(usual).resolve().parent if usual else None


def need_programs() -> Path:
    """Return the folder of PostgreSQL's programs, or skip the test.

    They are installed if they are missing and that is possible.
    """
    found = find_or_install()
    if found is not None and _unprivileged() is not None:
        return found
    text = (
        "PostgreSQL is not installed, and installing it needs Debian and root, or sudo "
        "without a password: apt-get install postgresql"
    )
    if os.environ.get(NEEDED) == "1":  # noqa: TID251 - of the test run
        pytest.fail(text)
    pytest.skip(text)


@functools.cache
def find_or_install() -> Path | None:
    """Return the folder of PostgreSQL's programs; one attempt for each process."""
    with alone():
        found = find_programs()
        if found is None and install("postgresql"):
            found = find_programs()
    return found


def _unprivileged() -> dict[str, Any] | None:
    """Return the arguments that run a program as a user whom PostgreSQL accepts."""
    if os.geteuid() != 0:
        return {}
    for name in _USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return None


@attrs.define
class PostgresServer:
    """A running server.

    Attributes:
        folder: Its folder, with its data and its socket.
        pid: The process id of its first process.
    """

    folder: Path
    pid: int

    def url(self, database: str) -> str:
        host = quote(str(self.folder), safe="")
        return f"postgresql://{_USER}@/{database}?host={host}"

    def make_database(self, template: str = TEMPLATE) -> str:
        """Make a database with the tables of a store; return its URL."""
        name = f"test_{secrets.token_hex(8)}"
        with psycopg.connect(self.url(_USER), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def kill(self) -> None:
        """End it as a loss of power would, but for what the disk has cached."""
        # Its children share no group with us; they end when the first process does.
        _signal(self.pid, signal.SIGQUIT)
        _wait_ended(self.pid)


def start_server(folder: Path, programs: Path, *settings: str) -> PostgresServer:
    """Start a server on the data in a folder, which is made if missing.

    Args:
        folder: The folder, which the user of the server must be able to enter.
        programs: The folder of PostgreSQL's programs.
        settings: Further settings, as ``name=value``.
    """
    as_user, data = _unprivileged() or {}, folder / "data"
    if not data.exists():
        if as_user:
            os.chown(folder, as_user["user"], as_user["group"])
        made = subprocess.run(
            [
                *(programs / "initdb", "-D", data, "-A", "trust", "-U", _USER),
                *("--no-sync", "-E", "UTF8", "--locale=C"),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            **as_user,
        )
        assert made.returncode == 0, made.stderr
    usual = (
        *("listen_addresses=", f"unix_socket_directories={folder}"),
        *("max_connections=200", "shared_buffers=32MB", "autovacuum=off"),
        *("logging_collector=off", "log_min_messages=fatal"),
    )
    options = " ".join(f"-c {each}" for each in (*usual, *settings))
    # It runs on its own: whichever process of the tests is the last may end it.
    started = subprocess.run(
        [
            *(programs / "pg_ctl", "start", "-w", "-s", "-t", str(_START_SECONDS)),
            *("-D", data, "-l", folder / "log.txt", "-o", options),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        **as_user,
    )
    assert started.returncode == 0, (folder / "log.txt").read_text()
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    return PostgresServer(folder, pid)


def stop_server(server: PostgresServer) -> None:
    """End a server and delete its folder."""
    _signal(server.pid, signal.SIGINT)  # does not wait for its clients
    _wait_ended(server.pid)
    shutil.rmtree(server.folder, ignore_errors=True)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _wait_ended(pid: int) -> None:
    """Wait until a process is gone. It is not a child of this one."""
    deadline = time.monotonic() + _START_SECONDS  # noqa: TID251
    while time.monotonic() < deadline:  # noqa: TID251
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if _is_zombie(pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"the process {pid} does not end")


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"


@contextlib.contextmanager
def shared_server(common: Path) -> Iterator[PostgresServer]:
    """Use the server of a test run; the first process starts it, the last ends it.

    Each process holds a shared lock while it uses the server, which the system releases
    however the process ends. Who gets the exclusive lock at the end is the last.

    Args:
        common: A folder that all processes of the run have in common.
    """
    programs = need_programs()
    facts = common / "postgres.json"
    with (common / "postgres.use").open("a") as use:
        with _locked(common / "postgres.start"):
            # Shared from here on: nobody ends it between our look and our use.
            fcntl.flock(use, fcntl.LOCK_SH)
            if facts.exists():
                folder, pid = json.loads(facts.read_text())
                server = PostgresServer(Path(folder), pid)
            else:
                server = _start_shared(programs)
                facts.write_text(json.dumps([str(server.folder), server.pid]))
        try:
            yield server
        finally:
            with _locked(common / "postgres.start"):
                fcntl.flock(use, fcntl.LOCK_UN)
                if _is_last(use):
                    facts.unlink()
                    stop_server(server)


def _start_shared(programs: Path) -> PostgresServer:
    folder = Path(tempfile.mkdtemp(prefix="argybargy-pg-"))
    # What survives a loss of power is tested on servers of their own.
    server = start_server(
        folder, programs, "fsync=off", "full_page_writes=off", "synchronous_commit=off"
    )
    with psycopg.connect(server.url(_USER), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    with psycopg.connect(server.url(TEMPLATE), autocommit=True) as connection:
        migrate(connection, load_migrations())
    return server


def _is_last(use: IO[str]) -> bool:
    try:
        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
