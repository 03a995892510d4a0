"""The commands of the recipes, run as they are printed on their pages."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from argybargy.cli.environment import Environment
from argybargy.cli.parser import build_app
from support.chat_model import open_chat_model
from support.console_pages import (
    CLONE,
    make_clone,
    masked,
    open_session,
    read_steps,
    with_outputs,
)
from support.recipe_house import RECIPES, House, open_house

ROOT = RECIPES.parents[1]
PAGES = sorted(page.stem for page in RECIPES.glob("*.md") if page.stem != "start")
ADVICE = "pytest tests/recipes/test_pages.py --update-snapshots writes what comes now"
SECTIONS = [
    "Who says what",
    "Run it",
    "For real use",
    "When an agent dies",
    "The agents",
]
OLLAMA = "http://127.0.0.1:11434"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
    pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed"),
]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, House]]:
    """Return a home directory with a clone's docs, and the relay of its owner."""
    home = tmp_path_factory.mktemp("reader")
    make_clone(home)
    (home / CLONE / "docs").symlink_to(ROOT / "docs")
    data = home / ".local" / "share" / "argybargy"
    data.parent.mkdir(parents=True)
    with open_house(data) as house:
        yield home, house


def say(prompt: str) -> str:
    """Be a model that knows little, and one that knows better."""
    if "Objection" in prompt:
        return "Paris."
    return "wrong: it is Paris." if "Lyon" in prompt else "Lyon."


@pytest.mark.parametrize("name", PAGES)
async def test_every_command_of_the_recipe_prints_what_the_page_says(
    name: str, home: tuple[Path, House], request: pytest.FixtureRequest
) -> None:
    directory, house = home
    path = RECIPES / f"{name}.md"
    page = path.read_text()
    is_update = request.config.getoption("--update-snapshots")
    with open_chat_model(say) as model:
        ours = f"http://127.0.0.1:{model.port}"
        steps = read_steps(page.replace(OLLAMA, ours))
        async with open_session(
            directory, house.port, is_update=is_update, pause_seconds=(0, 0)
        ) as session:
            outputs = await session.play(steps)
    if is_update:
        path.write_text(with_outputs(page, outputs))
    for step, output in zip(steps, outputs, strict=True):
        is_same = masked(output) == masked(step.output)
        assert is_same or is_update, f"{step.shown}{output}\n{ADVICE}"


@pytest.mark.parametrize("name", PAGES)
def test_every_recipe_has_the_same_parts_and_a_script(name: str) -> None:
    page = (RECIPES / f"{name}.md").read_text()
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS
    script = f"{name.replace('-', '_')}.py"
    assert f"{{literalinclude}} {script}\n" in page
    assert f"docs/recipes/{script}" in page
    assert (RECIPES / script).exists()


def test_every_script_and_every_page_is_in_the_table_of_contents() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    listed = re.findall(r"^recipes/([\w-]+)$", index, re.MULTILINE)
    assert sorted(listed) == sorted([*PAGES, "start"])
    scripts = {path.stem for path in RECIPES.glob("*.py")} - {"seat", "model"}
    assert {name.replace("-", "_") for name in PAGES} == scripts


def test_commands_in_the_text_of_the_recipes_are_commands() -> None:
    named = [
        words
        for page in RECIPES.glob("*.md")
        for text in re.findall(r"`(?:uv run )?argybargy ([^`]+)`", page.read_text())
        if (words := text.split())[0] != "history"
    ]
    assert len(named) > 5
    for words in named:
        app = build_app(Environment.real())
        app.parse_args(words, exit_on_error=False, print_error=False)


def test_the_table_of_uses_names_every_recipe() -> None:
    table = (ROOT / "docs" / "reference" / "features.md").read_text()
    uses = table.partition("## Uses")[2].partition("## Features")[0]
    assert set(re.findall(r"\.\./recipes/([\w-]+)\.md", uses)) == set(PAGES)
