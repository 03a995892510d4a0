"""Checks of the PostgreSQL that several relays share."""

import attrs
import psycopg
import pytest

from argybargy.cli.doctor.checkup import examine
from argybargy.cli.doctor.engine import (
    CLOCK,
    ENGINE,
    FAR_SECONDS,
    SCHEMA,
    EngineFacts,
    judge_engine,
    look_at_engine,
)
from argybargy.cli.doctor.finding import Level
from argybargy.settings.settings import parse_settings
from argybargy.store.postgres.schema import load_migrations
from support.postgres import PostgresServer

NEWEST = load_migrations()[-1].number
GOOD = EngineFacts(
    "postgresql://db/relay", version="15.1", schema=NEWEST, newest=NEWEST
)


def judged(facts: EngineFacts) -> dict[str, tuple[Level, str]]:
    return {each.check: (each.level, each.text) for each in judge_engine(facts)}


def test_a_good_engine_has_nothing_to_do(postgres_url: str) -> None:
    facts = look_at_engine(postgres_url, needs_fsync=False)
    assert {each.level for each in judge_engine(facts)} == {Level.OK}
    assert facts.schema == facts.newest
    assert facts.version


def test_an_engine_without_tables_is_fine(postgres_server: PostgresServer) -> None:
    url = postgres_server.make_database("template1")
    found = judged(look_at_engine(url, needs_fsync=False))
    assert found[SCHEMA] == (
        Level.OK,
        "There are no tables yet; the first relay makes them.",
    )
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT to_regclass('schema_versions')").fetchone()
        assert tables == (None,)


def test_an_engine_that_could_lose_messages_is_a_problem(postgres_url: str) -> None:
    level, text = judged(look_at_engine(postgres_url))[ENGINE]
    assert level is Level.PROBLEM
    assert "fsync=off" in text


def test_tables_of_another_program_are_a_problem(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.make_database("template1")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE rooms (id int)")
    level, text = judged(look_at_engine(url, needs_fsync=False))[ENGINE]
    assert level is Level.PROBLEM
    assert "tables of another program" in text


def test_an_engine_that_is_away_is_a_problem_and_shows_no_password() -> None:
    url = "postgresql://relay:secret@127.0.0.1:1/relay"
    (finding,) = judge_engine(look_at_engine(url))
    assert finding.level is Level.PROBLEM
    assert "postgresql://relay:***@127.0.0.1:1/relay cannot be reached" in finding.text
    assert "secret" not in f"{finding.text}{finding.fix}"


def test_a_missing_client_says_how_to_install_it() -> None:
    facts = EngineFacts("postgresql://db/relay", missing="No module named 'psycopg'")
    (finding,) = judge_engine(facts)
    assert finding.fix == "pip install 'argybargy[postgres]'"


def test_a_newer_schema_is_a_problem_and_an_older_one_is_migrated() -> None:
    newer, older = attrs.evolve(GOOD, schema=99), attrs.evolve(GOOD, schema=1)
    assert judged(newer)[SCHEMA][0] is Level.PROBLEM
    assert judged(older)[SCHEMA] == (
        Level.OK,
        f"Schema 1; the next start migrates it to {NEWEST}.",
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(61.54, "61.5 s behind"), (-61.54, "61.5 s ahead of"), (FAR_SECONDS, "")],
)
def test_a_clock_far_from_that_of_the_engine_is_a_warning(
    seconds: float, words: str
) -> None:
    level, text = judged(attrs.evolve(GOOD, clock_seconds=seconds))[CLOCK]
    assert level is (Level.WARNING if words else Level.OK)
    assert words in text


async def test_the_doctor_looks_at_the_engine_in_place_of_the_database(
    postgres_url: str, tmp_path: object
) -> None:
    environment = {
        "ARGYBARGY_STORE": postgres_url,
        "ARGYBARGY_PUBLIC_URL": "http://127.0.0.1:1",
        "ARGYBARGY_DATA": str(tmp_path),
    }
    findings = await examine(lambda: parse_settings(environment), is_thorough=False)
    checks = {each.check for each in findings}
    assert {ENGINE, SCHEMA, CLOCK} <= checks
    assert "database" not in checks
