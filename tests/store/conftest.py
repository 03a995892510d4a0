from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from argybargy.domain.limits import Limits
from argybargy.store.memory.store import open_memory_store
from argybargy.store.postgres.store import PostgresStore, open_postgres_store
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.postgres_fixtures import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

STORE_LIMITS = Limits(audit_rows=20, idempotency_keys_per_room=5)


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[PostgresStore]:
    async with open_postgres_store(
        postgres_url, STORE_LIMITS, needs_fsync=False
    ) as opened:
        yield opened


def _open(
    kind: str, request: pytest.FixtureRequest, directory: Path
) -> AbstractAsyncContextManager[Store]:
    if kind == "memory":
        return open_memory_store(STORE_LIMITS)
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")
        return open_postgres_store(url, STORE_LIMITS, needs_fsync=False)
    return open_sqlite_store(directory, STORE_LIMITS)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with _open(request.param, request, tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with open_sqlite_store(tmp_path / "data") as opened:
        yield opened
