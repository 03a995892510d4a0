"""The parts of the harness that need no real program."""

import json
from pathlib import Path

import pytest
import trio

from argybargy.cli.agent_files.programs import PROGRAMS
from harness import conversation
from harness.checks import Outcome
from harness.clients import CLIENTS
from harness.fake_model import FakeModel, open_fake_model
from harness.formats import Step
from harness.report import PAGE, Report, read_reports, render, with_report

PATHS = (
    "/v1/messages",
    "/v1/responses",
    "/v1/chat/completions",
    "/v1beta/models/m:streamGenerateContent",
)


async def ask(fake: FakeModel, path: str, /, **body: object) -> str:
    """Send one request as a program does; return the body of the answer."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: m\r\ncontent-length: {len(content)}\r\n"
    async with await trio.open_tcp_stream("127.0.0.1", fake.port) as stream:
        await stream.send_all(head.encode() + b"connection: close\r\n\r\n" + content)
        received = b""
        with trio.fail_after(20):
            async for piece in stream:
                received += piece
    return received.partition(b"\r\n\r\n")[2].decode()


@pytest.mark.parametrize("path", PATHS)
async def test_the_model_follows_its_script_in_every_format(path: str) -> None:
    async with open_fake_model() as model:
        model.script.append(Step(tool="do", arguments={"a": 1}))
        model.script.append(Step("words"))
        asked = {"stream": True, "tools": [{}], "model": "m"}
        first, second, third = [await ask(model, path, **asked) for _ in range(3)]
        assert '"do"' in first
        assert "words" in second
        assert "(idle 3)" in third
        events = [line for line in second.split("\n") if line.startswith("data: {")]
        assert all(json.loads(each.removeprefix("data: ")) for each in events)
        assert len(model.requests) == 3


async def test_requests_without_tools_are_no_turns() -> None:
    async with open_fake_model() as model:
        for path in PATHS:
            await ask(model, path, stream=True)
            assert await ask(model, path.replace("stream", ""))
        assert model.requests == []
        assert len(model.side_requests) == 2 * len(PATHS)


def test_the_page_shows_what_it_was_made_from(tmp_path: Path) -> None:
    outcome = Outcome("a check", None, "nothing")
    report = Report.of(CLIENTS["claude"], [outcome])
    page = render(with_report({}, report))
    assert "## Claude Code 2.1.332" in page
    assert "| a check | not tried | nothing |" in page
    reports = read_reports()
    assert PAGE.read_text() == render(reports)
    versions = {key: client.version for key, client in CLIENTS.items()}
    versions[conversation.KEY] = conversation.VERSION
    for key, shown in reports.items():
        assert versions[key] == shown.version, "try this version: nox -s harness"


def test_every_program_that_is_said_to_be_tried_is() -> None:
    assert set(CLIENTS) == {key for key, each in PROGRAMS.items() if each.was_tried}
