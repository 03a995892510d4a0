"""The commands and variables on the how-to pages exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from argybargy.agent.command_table import find_command, parse_arguments
from argybargy.cli.environment import Environment
from argybargy.cli.parser import build_app
from argybargy.cli.registry import OPTIONS
from argybargy.settings.definitions import AGENT_VARIABLES, PREFIX, SETTINGS
from container.compose import read_compose

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*/*.md"))]
NAMES = {setting.variable for setting in SETTINGS} | AGENT_VARIABLES


def typed(page: Path) -> Iterator[list[str]]:
    """Yield every command in the console blocks of a page, pipelines split."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
            for part in re.split(r" \| | > ", line.replace("<words>", "words")):
                yield shlex.split(part)


def without_prefix(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables before a command, and the command."""
    variables = {}
    words = words[1:] if words[0] == "sudo" else words
    while "=" in words[0]:
        name, value = words[0].split("=", 1)
        variables[name] = value
        words = words[1:]
    return variables, words


def ours(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of every `argybargy` command, also inside containers."""
    for words in typed(page):
        _, command = without_prefix(words)
        if command[:3] == ["docker", "compose", "exec"]:
            command = command[4:]
        if command[0] == "argybargy":
            yield command[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_ours_are_commands(page: Path) -> None:
    for words in ours(page):
        app = build_app(Environment.real())
        app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.stem)
def test_commands_in_a_sentence_are_commands(page: Path) -> None:
    verbs = {*OPTIONS, "agent", *(verb.split()[0] for verb in OPTIONS)}
    text = page.read_text()
    named = re.findall(r"`argybargy ([a-z][a-z-]*)(?=[ `])", text)
    assert set(named) <= verbs


def test_commands_of_agents_are_commands() -> None:
    page = (ROOT / "docs" / "how-to" / "agent-commands.md").read_text()
    named = re.findall(r"(?:^|[\|`] ?)argy ([^`|\n]+)", page, re.MULTILINE)
    assert len(named) > 15
    for line in named:
        name, *words = shlex.split(line.strip().removesuffix("\\"))
        parse_arguments(find_command(name), words)


def test_the_pages_about_running_a_relay_say_what_to_type() -> None:
    told = {page.stem for page in PAGES if list(ours(page))}
    assert {"container", "reverse-proxy", "systemd", "tunnel"} <= told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_variables_of_ours_are_settings(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", text)) <= NAMES


def test_compose_has_what_the_pages_call() -> None:
    compose = read_compose()
    calls = [
        without_prefix(words)[1][2:]
        for page in PAGES
        for words in typed(page)
        if without_prefix(words)[1][:2] == ["docker", "compose"]
    ]
    assert len(calls) >= 10
    for call in calls:
        words = [word for word in call if not word.startswith("--")]
        if "--profile" in call:
            assert words.pop(0) in compose["services"]["tunnel"]["profiles"]
        named = {"exec": words[1:2], "logs": words[1:], "up": words[1:]}.get(words[0])
        assert named is None or set(named) <= set(compose["services"]), call


def test_nox_has_the_sessions_that_the_pages_name() -> None:
    sessions = re.findall(
        r"^def (\w+)\(", (ROOT / "noxfile.py").read_text(), re.MULTILINE
    )
    named = {
        name for page in PAGES for name in re.findall(r"nox -s (\w+)", page.read_text())
    }
    assert named <= set(sessions)


@pytest.mark.parametrize(
    ("page", "address"),
    [("container", "127.0.0.1:8765:8765"), ("reverse-proxy", "127.0.0.1:8765")],
)
def test_pages_name_the_usual_port(page: str, address: str) -> None:
    (port,) = [setting.default for setting in SETTINGS if setting.name == "port"]
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text()
    assert address in text
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", text)) == {str(port)}
