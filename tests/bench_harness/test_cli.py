import json
import sys
from pathlib import Path

import pytest
import trio

import bench
from argybargy.torture.client.connection import Address
from bench.cli import attach, parse_address, run, sizes_of
from bench.sizes import SMOKE, Sizes
from bench_harness.fake import TOKEN, Fake, serving

BENCH = next(iter(bench.__path__))


async def test_the_directory_is_a_program_wherever_it_is_started(
    tmp_path: Path,
) -> None:
    command = [sys.executable, BENCH, "rows"]
    done = await trio.run_process(command, capture_stdout=True, cwd=tmp_path)
    assert b"broadcast     One post at a time" in done.stdout


async def test_a_running_server_is_measured_and_the_findings_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    async with serving(Fake()) as port:
        found = tmp_path / "found.json"
        done = await trio.run_process(
            [
                *(sys.executable, BENCH, "attach", "--smoke", "--size.polls", "8"),
                *("--url", f"http://127.0.0.1:{port}"),
                *("--token-file", str(tmp_path / "token")),
                *("--only", "poll,start,idle", "--json", str(found)),
            ],
            capture_stdout=True,
        )
    (server,) = json.loads(found.read_text())["servers"]
    poll, start, idle = server["results"]
    assert (poll["operations"], poll["cpu_us_per_operation"]) == (8, None)
    assert start["note"] == "skipped: the server was running already"
    assert idle["note"] == "skipped: the process of the server is not known"
    assert done.stdout.startswith(b"| row |")


def test_sizes_are_changed_by_name_and_keep_their_kind() -> None:
    assert sizes_of(Sizes(), None) == Sizes()
    changed = sizes_of(SMOKE, {"posts": 7.0, "seconds": 2})
    assert (changed.posts, changed.seconds, changed.polls) == (7, 2.0, SMOKE.polls)
    assert isinstance(changed.posts, int)
    with pytest.raises(SystemExit, match="no size post; there are seconds"):
        sizes_of(Sizes(), {"post": 1})


def test_an_address_is_a_host_and_a_port() -> None:
    assert parse_address("http://localhost:8765/") == Address("localhost", 8765)


@pytest.mark.parametrize("url", ["localhost:8765", "https://a:1", "http://a"])
def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(SystemExit, match="not of the form"):
        parse_address(url)


def test_two_servers_are_compared_and_not_three() -> None:
    with pytest.raises(SystemExit, match="--vs or --against, not both"):
        run(server="a serve", vs="b serve", against="HEAD")


def test_there_is_at_least_one_round(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with pytest.raises(SystemExit, match="--rounds is a number from 1 on"):
        attach(url="http://127.0.0.1:1", token_file=tmp_path / "token", rounds=0)


def test_an_unknown_row_is_refused_before_anything_starts() -> None:
    with pytest.raises(SystemExit, match="no row pol; there are poll, post"):
        run(server="a serve", only="pol")


def test_an_unknown_commit_is_refused_before_anything_starts() -> None:
    with pytest.raises(SystemExit, match="no commit no-such-branch in "):
        run(server="a serve", against="no-such-branch")
