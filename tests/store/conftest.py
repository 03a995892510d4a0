from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from argybargy.domain.limits import Limits
from argybargy.store.memory.store import open_memory_store
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store

STORE_LIMITS = Limits(audit_rows=20, idempotency_keys_per_room=5)


def _open(kind: str, directory: Path) -> AbstractAsyncContextManager[Store]:
    if kind == "memory":
        return open_memory_store(STORE_LIMITS)
    return open_sqlite_store(directory, STORE_LIMITS)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with _open(request.param, tmp_path / "data") as opened:
        yield opened


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with open_sqlite_store(tmp_path / "data") as opened:
        yield opened
