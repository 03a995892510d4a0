"""Sweeps of a busy store: what they read, and what they delete."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from argybargy.domain.limits import Limits
from argybargy.store.postgres.connection import Connection
from argybargy.store.postgres.tables import sweeping

ROOMS, ROWS = 4, 400


@pytest.fixture(params=["without statistics", "with statistics"])
def busy(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[Connection]:
    """Fill some rooms with messages and receipts, none of which is too old."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO rooms (key, name, version, head, first, fence, closed_by,"
            " created_ms, last_ms, spoken_ms, gaps, is_deleted)"
            " SELECT 'r' || i, 'r' || i, 1, %(rows)s, 2, 0, '', 0, 0, 0, '', false"
            " FROM generate_series(1, %(rooms)s) AS i",
            {"rooms": ROOMS, "rows": ROWS},
        )
        connection.execute(
            "INSERT INTO receipts SELECT id, 'ann', 'k' || seq, '', seq, seq"
            " FROM rooms, generate_series(2, %s) AS seq",
            (ROWS,),
        )
        connection.execute(
            "INSERT INTO messages (room_id, seq, at_ms, sender, kind, recipients,"
            " text, expects, fence, is_settled, choices, is_to_all, words)"
            " SELECT id, seq, seq, 'ann', 'agent', '{all}', 'x', '', 0, true, '{}',"
            " true, '' FROM rooms, generate_series(2, %s) AS seq",
            (ROWS,),
        )
        if request.param == "with statistics":
            connection.execute("ANALYZE")
        yield connection


def rows_read(connection: Connection, sql: str, values: dict[str, Any]) -> int:
    """Return how many rows the steps of a query have handed on."""
    explained = "EXPLAIN (ANALYZE, FORMAT JSON) " + sql
    row = connection.execute(explained.encode(), values).fetchone()
    assert row is not None
    found = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return sum(
        each["Actual Rows"] * each["Actual Loops"] for each in steps(found[0]["Plan"])
    )


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from steps(each)


def test_looking_for_old_receipts_reads_those_of_a_room_only_once(
    busy: Connection,
) -> None:
    """For each receipt it would be their square: 5 seconds for 3,000 of them."""
    values = {"rows": 500, "keep": ROWS, "age_ms": 86_400_000}
    read = rows_read(busy, sweeping.DELETE_RECEIPTS, values)
    assert read <= 6 * ROOMS * ROWS


def test_looking_for_old_messages_reads_no_others(busy: Connection) -> None:
    read = rows_read(busy, sweeping.DELETE_MESSAGES, {"rows": 500})
    assert read <= 6 * ROOMS


def test_each_room_keeps_its_newest_receipts(busy: Connection) -> None:
    limits = Limits(idempotency_keys_per_room=100)
    while sweeping.sweep_receipts(busy, 250, limits):
        pass
    found = busy.execute("SELECT room_id, count(*), min(seq) FROM receipts GROUP BY 1")
    assert [row[1:] for row in found] == [(100, ROWS - 99)] * ROOMS


def test_each_room_loses_what_is_below_its_first_message(busy: Connection) -> None:
    busy.execute("UPDATE rooms SET first = seq FROM messages WHERE seq = 301")
    while sweeping.sweep_messages(busy, 250):
        pass
    found = busy.execute("SELECT room_id, count(*), min(seq) FROM messages GROUP BY 1")
    assert [row[1:] for row in found] == [(100, 301)] * ROOMS
