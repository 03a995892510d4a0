from collections.abc import AsyncIterator

import pytest

from argybargy.store.postgres.store import PostgresStore, open_postgres_store


@pytest.fixture
async def other(
    postgres_url: str, postgres: PostgresStore
) -> AsyncIterator[PostgresStore]:
    """Another node's store over the same database as `postgres`."""
    async with open_postgres_store(postgres_url, needs_fsync=False) as opened:
        yield opened
