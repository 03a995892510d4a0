"""The README's conversation, run as it is printed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from e2e.kit import open_server

pytestmark = pytest.mark.e2e
README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
MARK = "--- next command ---"

# What differs from run to run: times, and how long things took.
MASKS = [
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00"), "<time>"),
    (re.compile(r'("\w+_seconds":|"seconds_left":)[\d.]+'), r"\1<seconds>"),
]


def masked(text: str) -> str:
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text.strip()


def commands_and_outputs() -> list[tuple[str, str]]:
    """Return each command of the README's console blocks with what it prints."""
    pairs: list[tuple[str, str]] = []
    for block in BLOCK.findall(README.read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                pairs.append((line[2:], ""))
            else:
                command, output = pairs[-1]
                pairs[-1] = (command, f"{output}{line}\n")
    return pairs


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_first_conversation_goes_as_printed(tmp_path: Path) -> None:
    pairs = commands_and_outputs()
    assert len(pairs) == 10
    async with open_server(tmp_path / "data") as server:
        options = f"--data '{server.data}' --port {server.address.port}"
        here = f"'{sys.executable}' -m argybargy"
        script = f"\necho '{MARK}'\n".join(command for command, _ in pairs)
        script = script.replace("127.0.0.1:8765", f"127.0.0.1:{server.address.port}")
        script = re.sub(r"uv run argybargy (\w+)", rf"{here} \1 {options}", script)
        # The commands of a script follow each other faster than a person types:
        # the poll has to be parked before it can be woken.
        script = script.replace("heard.json &", "heard.json & sleep 0.5")
        with trio.fail_after(60):
            done = await trio.run_process(
                ["bash", "-c", script],
                cwd=tmp_path,
                capture_stdout=True,
                stderr=subprocess.STDOUT,
                check=False,
            )
    outputs = done.stdout.decode().split(f"{MARK}\n")
    for (command, expected), output in zip(pairs, outputs, strict=True):
        assert masked(output) == masked(expected), command
