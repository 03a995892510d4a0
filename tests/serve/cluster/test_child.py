"""Children of a cluster: restarts, ends and failures. And what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from argybargy.serve.cluster import programs
from argybargy.serve.cluster.child import (
    ClusterError,
    Command,
    open_child,
    open_guard,
    run_once,
)
from argybargy.serve.cluster.configs import CONFIGS, caddy_config
from argybargy.serve.cluster.programs import MissingProgramsError, find_programs
from support.terminal import Terminal


def python(folder: Path, source: str, **more: float) -> Command:
    arguments = [sys.executable, "-c", source]
    return Command("child", arguments, folder / "child.log", **more)  # type: ignore[arg-type]


async def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    told, again = list[str](), trio.Event()

    def tell(text: str) -> None:
        told.append(text)
        again.set()

    with trio.fail_after(30):
        command = python(tmp_path, "raise SystemExit(3)")
        async with open_guard() as guard, open_child(command, tell, guard):
            await again.wait()
    assert told[0] == "child has ended with code 3, and is started again."


async def test_a_child_that_cannot_live_ends_the_cluster_with_its_last_words(
    tmp_path: Path,
) -> None:
    source = "raise SystemExit('no such luck')"
    command = python(tmp_path, source, patience_seconds=0.0)
    with trio.fail_after(60), pytest.RaisesGroup(ClusterError) as caught:
        async with open_guard() as guard, open_child(command, print, guard):
            await trio.sleep_forever()
    assert "again and again:\n  no such luck" in str(caught.value.exceptions[0])


async def test_a_child_that_ignores_its_signal_is_killed(tmp_path: Path) -> None:
    source = (
        "import signal, sys, time; signal.signal(15, signal.SIG_IGN); "
        "print('up', flush=True); time.sleep(60)"
    )
    command = python(tmp_path, source, stop_seconds=0.1)
    with trio.fail_after(30):
        async with open_guard() as guard, open_child(command, print, guard):
            while "up" not in command.log.read_text():  # noqa: ASYNC110
                await trio.sleep(0.01)


async def test_a_program_that_fails_is_named_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="child failed:\n  why"):
        await run_once(python(tmp_path, "raise SystemExit('why')"))
    missing = Command("x", [str(tmp_path / "none")], tmp_path / "x.log")
    with pytest.raises(ClusterError, match="x cannot be run"):
        await run_once(missing)


def test_everything_that_is_missing_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(programs, "_FOLDERS", ())
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingProgramsError) as caught:
        find_programs()
    assert [each.partition(":")[0] for each in caught.value.sentences[:3]] == [
        "PostgreSQL 15 or newer is missing",
        "psycopg is missing",
        "nginx or caddy is missing",
    ]
    result = Terminal().type("cluster", "--try")
    assert result.code == 1
    assert "pip install 'argybargy[postgres]'" in result.talk


def test_a_cluster_without_try_says_what_there_is() -> None:
    result = Terminal().type("cluster")
    assert result.code == 2
    assert "argybargy cluster --try" in result.talk
    assert Terminal().type("cluster", "--try", "--nodes", "9").code == 2


@pytest.mark.parametrize("name", CONFIGS)
def test_a_balancer_leads_to_every_node(name: str, tmp_path: Path) -> None:
    text = CONFIGS[name](8765, [4001, 4002], tmp_path)
    assert "127.0.0.1:4001" in text
    assert "127.0.0.1:4002" in text
    assert "least_conn" in text


def test_caddy_buffers_no_request(tmp_path: Path) -> None:
    """2.6.2 would repeat a post with the text of another agent."""
    assert "buffer" not in caddy_config(8765, [4001, 4002], tmp_path)


def test_nginx_never_sets_a_node_aside(tmp_path: Path) -> None:
    """It would trust it again only after a request, which may be a poll of 25 s."""
    text = CONFIGS["nginx"](8765, [4001, 4002], tmp_path)
    assert text.count("max_fails=0;") == 2
    assert "proxy_connect_timeout 2s;" in text


def test_a_child_gets_no_shell(tmp_path: Path) -> None:
    options = python(tmp_path, "").options(1)
    assert "shell" not in options
    assert options["stdin"] is subprocess.DEVNULL
