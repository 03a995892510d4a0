"""Stores that are filled without a server, and the rows that measure them."""

import os
import shutil
import sys
from pathlib import Path

import attrs
import pytest

from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key
from argybargy.domain.search.query import Scope, parse_search
from argybargy.store.sqlite.backup.verify import check_file
from argybargy.store.sqlite.store import open_sqlite_store
from bench.fill import code_of, main
from bench.result import Result
from bench.rows import select
from bench.runner import Subject, run_row
from bench.server import Launcher
from bench.sizes import SMOKE

BASE = Path(sys.executable).resolve()
"""A Python without the packages of this one."""
SIZES = attrs.evolve(SMOKE, many_rooms=12, many_codes=24, long_messages=150, asked=3)


async def test_a_filled_store_is_one_that_the_relay_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(str(tmp_path), "3", "20", "7")
    assert capsys.readouterr().out == code_of(0, 0)
    found = check_file(tmp_path / "relay.db")
    assert (found.rooms, found.messages, found.codes) == (3, 60, 7)
    async with open_sqlite_store(tmp_path) as store:
        saved = await store.load("room2", 1_000)
        assert saved is not None
        assert (saved.head, len(saved.messages), len(saved.members)) == (20, 20, 5)
        query, scope = parse_search("parser", Limits()), Scope("room2", peer_key("x"))
        findings = await store.search(query, scope, 1_000, 1_000, 1 << 20)
    expected = [each.seq for each in saved.messages if "parser" in each.text]
    assert expected
    assert sorted(each.message.seq for each in findings.found) == expected


def subject(command: str, scratch: Path) -> Subject:
    start = Launcher(command, min(os.sched_getaffinity(0))).start
    return Subject("it", command, start, start, scratch)


async def measured(name: str, command: str, scratch: Path) -> Result:
    (row,) = select(name)
    return await run_row(subject(command, scratch), row, SIZES)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs Linux with taskset")
async def test_a_big_store_is_measured_beside_a_small_one(tmp_path: Path) -> None:
    command = f"{Path(sys.executable).parent / 'argybargy'} serve"
    for name in ("many-rooms", "long-room"):
        result = await measured(name, command, tmp_path)
        assert result.note == ""
        for kind in ("start", "memory", "poll", "history", "search", "state"):
            assert (result.figure(f"{kind} / small") or 0) > 0
    # The second row found the small store that the first had filled.
    assert names_in(tmp_path) == {
        *("small", "small.code", "many-rooms", "many-rooms.code"),
        *("long-room", "long-room.code"),
    }
    assert (tmp_path / "small" / "relay.closed").exists()


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs Linux with taskset")
async def test_another_server_has_no_store_to_fill(tmp_path: Path) -> None:
    fake = Path(__file__).with_name("fake.py")
    program = tmp_path / "other"
    program.write_text(
        f"#!{BASE}\nimport os\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, {str(fake)!r}, "
        "os.environ['ARGYBARGY_PORT'], os.environ['ARGYBARGY_DATA']])\n"
    )
    program.chmod(0o755)
    result = await measured("long-room", f"{program} serve", tmp_path)
    assert result.note == f"skipped: {BASE} has no store that can be filled"
