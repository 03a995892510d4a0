"""Fixtures of the PostgreSQL server of a test run, for the folders that need it."""

from collections.abc import Iterator

import pytest

from support.postgres import PostgresServer, shared_server


@pytest.fixture(scope="session")
def postgres_server(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[PostgresServer]:
    base = tmp_path_factory.getbasetemp()
    with shared_server(base if worker_id == "master" else base.parent) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    return postgres_server.make_database()
