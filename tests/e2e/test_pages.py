"""The pages that show commands with their output, run as they are printed."""

import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from support.console_pages import agree, open_session, read_steps, with_outputs
from support.relay_process import free_port, open_server

ROOT = Path(__file__).parents[2]
PAGES = [
    str(page.relative_to(ROOT))
    for pattern in ("README.md", "docs/tutorials/*.md")
    for page in sorted(ROOT.glob(pattern))
    if "```console" in page.read_text()
]
ADVICE = "pytest tests/e2e/test_pages.py --update-snapshots writes what comes now"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
    pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed"),
]


@pytest.mark.parametrize("name", PAGES)
async def test_every_command_of_the_page_prints_what_the_page_says(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = (ROOT / name).read_text()
    steps = read_steps(page)
    assert steps
    is_update = request.config.getoption("--update-snapshots")
    port = free_port()
    async with AsyncExitStack() as stack:
        if not any(step.terminal == "relay" for step in steps):
            data = tmp_path / ".local" / "share" / "argybargy"
            data.parent.mkdir(parents=True)
            server = open_server(data, ARGYBARGY_PORT=str(port))
            await stack.enter_async_context(server)
        session = await stack.enter_async_context(
            open_session(tmp_path, port, is_update=is_update)
        )
        outputs = await session.play(steps)
    if is_update:
        (ROOT / name).write_text(with_outputs(page, outputs))
    for step, output in zip(steps, outputs, strict=True):
        is_same = agree(step.output, output)
        assert is_same or is_update, f"{step.shown}{output}\n{ADVICE}"


PAGE = """\
```console relay
$ up
Here.
```
```console
$ one \\
    -d two
1
$ three
```
```console relay
^C
```
"""


def test_a_page_is_read_as_commands_and_what_they_print() -> None:
    steps = read_steps(PAGE)
    assert [(step.terminal, step.command, step.output) for step in steps] == [
        ("relay", "up", "Here.\n"),
        ("", "one \\\n    -d two", "1\n"),
        ("", "three", ""),
        ("relay", "^C", ""),
    ]


def test_an_update_changes_only_what_is_printed_otherwise() -> None:
    page = PAGE.replace("Here.", "Here since 12:00:00.")
    newer = with_outputs(page, ["Here since 13:00:00.\n", "2\n", "3\n\n", ""])
    assert newer == page.replace("1\n", "2\n").replace("three\n", "three\n3\n")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("at 12:00:00.", "at 13:00:01.", True),
        ("WAITS  SEQ\n2s     1", "WAITS  SEQ\n11s    1", True),
        ('{"seq":1,"waited_seconds":0.1}', '{"seq":1,"waited_seconds":2.5}', True),
        ('{"seq":1,"waited_seconds":0.1}', '{"seq":2,"waited_seconds":0.1}', False),
        ("sent to alice", "sent to bob", False),
        ("one\n...\nfour", "one\ntwo\nthree\nfour", True),
        ("one\n...\nfour", "one\nfour\n", True),
        ("one\n...\nfour", "one\ntwo\nthree", False),
        ("...", "one\ntwo", True),
        ("", "one", False),
        ("", "", True),
    ],
)
def test_only_what_differs_by_its_nature_is_masked(
    one: str, other: str, *, is_same: bool
) -> None:
    assert agree(one, other) is is_same
