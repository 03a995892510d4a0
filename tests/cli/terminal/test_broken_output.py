"""Outputs that fail: full, closed or missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from argybargy.cli.client.locate import reach
from argybargy.cli.client.protocol import Operator
from argybargy.cli.options import RelayOptions
from support.real_commands import Desk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="as a shell has it")

FULL = "argybargy: The output cannot be written: No space left on device.\n"


def typed(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Type a line into a shell, where `$A` is the program."""
    return subprocess.run(
        ["sh", "-c", line],
        capture_output=True, text=True, check=False, timeout=30,
        env={"A": f"{sys.executable} -m argybargy", "HOME": str(folder)},
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("line", ["version", "--help", "config show --json"])
def test_a_full_output_is_reported_in_one_line_without_traceback(
    line: str, tmp_path: Path
) -> None:
    done = typed(f"$A {line} >/dev/full", tmp_path)
    assert (done.returncode, done.stderr.startswith(FULL)) == (1, True), done.stderr
    assert done.stderr.count("\n") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_output_is_not_reported_as_bad_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    desk = Desk(data)

    def make_many_rooms(operator: Operator) -> int:
        for number in range(200):  # more than the output holds back until the end
            operator.call("POST", f"/admin/rooms/r{number}/open", {})
        return 0

    reach(desk.settings, RelayOptions(), make_many_rooms, makes_data=True)
    line = f"$A export --port {desk.port} --data {data}"
    assert typed(f"{line} >/dev/full", tmp_path).stderr.startswith(FULL)
    done = typed(f"{line} | true", tmp_path)
    assert done.stderr == ""


def test_a_closed_standard_output_is_an_error(tmp_path: Path) -> None:
    done = typed("$A version >&-", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("argybargy: The output cannot be written: ")
    assert done.stderr.count("\n") == 2


def test_a_closed_standard_error_does_not_stop_the_data(tmp_path: Path) -> None:
    done = typed("$A version 2>&-", tmp_path)
    assert (done.returncode, bool(done.stdout)) == (0, True)
    assert typed("$A config shw >&- 2>&-", tmp_path).returncode == 2
