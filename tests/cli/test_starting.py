"""Commands that start a relay and have no options: they run without the parser."""

import subprocess
import sys

import pytest

from argybargy.cli import main
from argybargy.cli.registry import STARTING, VERBS
from support.terminal import Result, Terminal

VARIABLES: tuple[dict[str, str], ...] = (
    {},
    {"ARGYBARGY_PORT": "4455", "ARGYBARGY_DATA": "/somewhere"},
    {"ARGYBARGY_HOST": "0.0.0.0", "ARGYBARGY_LOG_FORMAT": "json"},
    {"ARGYBARGY_PORT": "none"},
)
UNPARSED = """
import sys
from argybargy.cli.main import run
from argybargy.cli.environment import Environment
import attrs
def serve(settings, plan):
    print(settings.port, plan.verb, "cyclopts" in sys.modules)
    return 7
print(run(sys.argv[1:], attrs.evolve(Environment.real(), serve=serve)))
"""


def started(*words: str, variables: dict[str, str]) -> tuple[Terminal, Result]:
    terminal = Terminal(environment=variables)
    return terminal, terminal.type(*words)


@pytest.mark.parametrize("verb", STARTING)
@pytest.mark.parametrize("variables", VARIABLES, ids=str)
def test_a_command_without_options_does_the_same_without_the_parser(
    verb: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, result = started(verb, variables=variables)
    monkeypatch.setattr(main, "STARTING", {})
    parsed, expected = started(verb, variables=variables)
    assert result == expected
    assert plain.served == parsed.served
    assert len(plain.served) == ("none" not in variables.values())
    for ours, theirs in zip(plain.plans, parsed.plans, strict=True):
        assert (ours.verb, ours.talks) == (theirs.verb, theirs.talks)
        assert ours.typed_elsewhere("argybargy open") == theirs.typed_elsewhere(
            "argybargy open"
        )


@pytest.mark.parametrize(
    ("words", "is_parsed"),
    [(["serve"], False), (["serve", "--port", "4455"], True)],
    ids=["plain", "with an option"],
)
def test_only_a_line_with_options_needs_the_parser(
    words: list[str], is_parsed: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNPARSED, *words],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    port = "4455" if is_parsed else "8765"
    assert done.stdout.split() == [port, "serve", str(is_parsed), "7"]


def test_the_commands_that_start_a_relay_take_no_argument() -> None:
    assert {*STARTING} == {"up", "serve"}
    assert not [verb.words for verb in VERBS if verb.name in STARTING and verb.words]
