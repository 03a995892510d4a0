"""The commands of agents import nothing that takes long.

How long they take is measured by ``python tests/bench/start_up.py``.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from argybargy.agent.command_table import COMMANDS
from argybargy.torture.relay_process import plain_environment

HEAVY = {"trio", "cyclopts", "msgspec", "attr", "attrs", "rich", "structlog", "quart"}
HEAVY |= {"platformdirs", "asyncio", "threading", "urllib.request", "inspect"}
LIGHT = {"argybargy", "argybargy.agent", "argybargy.domain", "argybargy.system"}
SHOW = """
import json, sys
sys.argv[1:] = json.loads(sys.argv[1])
try:
    {start}
except SystemExit:
    print(json.dumps(sorted(sys.modules)))
"""
STARTS = {
    "argybargy": "from argybargy.__main__ import main; main()",
    "argy": "from argybargy.agent.main import main; main()",
    "argybargy agent": "sys.argv[1:1] = ['agent']\n    "
    "from argybargy.__main__ import main; main()",
}
WORDS = {
    "join": ["http://127.0.0.1:9/join/argy_i1_secret"],
    "say": ["text"],
    "ask": ["text"],
    "claim": ["1"],
    "release": ["1"],
    "withdraw": ["1"],
    "find": ["word"],
    "ear": ["--wake", "lines"],
    "hook": ["gemini", "stop"],
}


def modules_of(start: str, words: list[str], folder: Path) -> set[str]:
    """Return the modules that a command has imported when it ends."""
    ended = subprocess.run(
        [sys.executable, "-c", SHOW.format(start=STARTS[start]), json.dumps(words)],
        cwd=folder,
        env={**plain_environment(), "XDG_STATE_HOME": str(folder)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_a_command_for_agents_imports_nothing_heavy(name: str, tmp_path: Path) -> None:
    seen = modules_of("argy", [name, *WORDS.get(name, [])], tmp_path)
    assert f"argybargy.agent.{module_of(name)}" in seen
    assert seen.isdisjoint(HEAVY)
    packages = {".".join(each.split(".")[:2]) for each in seen if "argybargy" in each}
    assert packages <= LIGHT


def module_of(name: str) -> str:
    (where,) = [command.where for command in COMMANDS if command.name == name]
    return where.partition(":")[0]


def test_joining_needs_no_word_before_it(tmp_path: Path) -> None:
    link = "http://127.0.0.1:9/join#argy_i1_secret"
    seen = modules_of("argybargy", ["join", link], tmp_path)
    assert "argybargy.agent.joining" in seen
    assert seen.isdisjoint(HEAVY)


def test_the_long_name_of_a_command_imports_no_more(tmp_path: Path) -> None:
    short = modules_of("argy", ["who"], tmp_path)
    long = modules_of("argybargy agent", ["who"], tmp_path)
    assert long - short <= {"argybargy.__main__", "gc"}
