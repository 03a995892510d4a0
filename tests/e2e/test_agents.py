"""Agents as the docs write them, and as ``connect`` seats them, on a real relay."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from argybargy.torture.relay_process import plain_environment
from support.relay_process import AgentClient, RealServer, open_server

pytestmark = pytest.mark.e2e
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "write-an-agent.md"
CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
NODE = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
AGENTS = [
    pytest.param("python", [sys.executable, "-c"], id="python"),
    pytest.param("bash", ["sh", "-c"], id="shell", marks=CURL),
    pytest.param(
        "javascript", ["node", "--input-type=module", "-e"], id="js", marks=NODE
    ),
]


def example(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return str(code)


@asynccontextmanager
async def running(command: list[str], **variables: str) -> AsyncIterator[trio.Process]:
    process = await trio.lowlevel.open_process(
        command,
        env={**plain_environment(), **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True), trio.move_on_after(10):
            await process.wait()


async def hear(guest: AgentClient, since: int, reply_to: int) -> dict[str, Any]:
    """Listen until somebody answers a message."""
    with trio.fail_after(20):
        while True:
            answer = (await guest.poll(since, wait=5)).json
            for message in answer["messages"]:
                if message["reply_to"] == reply_to:
                    return dict(message)
            since = answer["cursor"]


@pytest.mark.parametrize(("language", "interpreter"), AGENTS)
async def test_an_agent_of_the_guide_answers_what_is_for_it_and_leaves(
    tmp_path: Path, language: str, interpreter: list[str]
) -> None:
    async with open_server(tmp_path / "data") as server:
        alice, echo = await server.guest("alice"), await server.guest("echo")
        command = [*interpreter, example(language)]
        base = f"http://127.0.0.1:{server.address.port}"
        async with running(command, RELAY=base, CODE=echo.code) as process:
            await server.wait_parked(1)
            await alice.post("for your information")
            for expects in ("anyone", "echo"):
                asked = await alice.post("are you there?", expects_reply=expects)
                seq = asked.json["message"]["seq"]
                heard = await hear(alice, seq, reply_to=seq)
                assert heard["from"] == "echo"
            history = (await alice.call("GET", "/history")).json["messages"]
            assert len(history) == 5  # it answered nothing else, and nothing twice
            assert [each["claimed_by"] for each in history[:2]] == [None, "echo"]
            await server.wait_parked(1)
            await server.admin("POST", "/admin/rooms/build/close", {})
            with trio.fail_after(20):
                assert await process.wait() == 0


async def connect(server: RealServer, home: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "argybargy", "connect", *arguments, "--json"]
    done = await trio.run_process(
        [*command, "--data", str(server.data), "--port", str(server.address.port)],
        env=environment(home),
        capture_stdout=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def environment(home: Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in plain_environment().items()
        if not key.startswith("XDG_")
    }
    return {**kept, "HOME": str(home), "ARGYBARGY_CONFIG": os.devnull}


def commands(instructions: str) -> list[str]:
    """Return the commands that the instructions show, each on a line."""
    text = instructions.replace("\\\n", "")
    found = re.findall(r"^ {5}((?:curl|sh) .*)$", text, re.MULTILINE)
    return [re.sub(r"\s+", " ", command) for command in found]


async def shell(command: str) -> str:
    with trio.fail_after(30):
        done = await trio.run_process(["sh", "-c", command], capture_stdout=True)
    return done.stdout.decode()


@CURL
async def test_two_agents_talk_by_the_commands_that_connect_prints(
    tmp_path: Path,
) -> None:
    home = tmp_path / "a home"  # which a shell has to be told as one word
    async with open_server(tmp_path / "data") as server:
        arguments = ("--room", "build")
        seat = await connect(server, home, "codex", *arguments)
        other = await connect(server, home, "claude", *arguments)
        for each in (seat, other):
            assert Path(each["header_file"]).is_relative_to(home)
        manual, once, claim, answer, ask = commands(seat["instructions"])
        assert "only operator is the human" in await shell(manual)

        own = commands(other["instructions"])
        asked = own[4].replace("to=operator", "to=all&expects_reply=anyone")
        assert await shell(asked) == "ok 1\n"
        heard = (await shell(once)).splitlines()
        assert len(heard) == 1
        assert "<your question>" in heard[0]
        claimed = await shell(claim.replace("<seq>", "1"))
        assert claimed.startswith("claimed 1 until ")
        lost = await shell(own[2].replace("<seq>", "1"))
        assert lost.startswith("error: not_claimable: ")
        said = answer.replace("<seq>", "1").replace("<name>", "claude")
        assert (await shell(said)).startswith("ok 2 · ")
        assert await shell(ask) == "ok 3 · operator away\n"

        told = (await shell(own[1])).splitlines()
        assert len(told) == 1
        assert "<your answer>" in told[0]
        assert once.endswith("codex.listen.sh' once")


@CURL
async def test_the_script_of_the_manual_waits_prints_and_acknowledges(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        ann, bob = await server.guest("ann"), await server.guest("bob")
        base = f"http://127.0.0.1:{server.address.port}"
        manual = await shell(f"curl -sS {base}/?format=text")
        lines = manual.splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("p(){"))
        script = "\n".join(lines[first : first + 3]).replace("<CODE>", bob.code)
        heard: list[str] = []

        async def wait() -> None:
            heard.append(await shell(script))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await ann.post("one")
        await ann.post("two")
        await wait()
        assert heard == ["1 ann: one\n", "2 ann: two\n"]

        async with running(["sh", "-c", script]):
            await server.wait_parked(1)
        await ann.post("three")
        await wait()
        await server.admin("POST", "/admin/revoke", {"target": bob.code})
        await wait()
        assert heard[2] == "3 ann: three\n"
        assert heard[3].startswith("error: unauthorized: ")


async def wait_lines(path: Path, count: int) -> None:
    file = trio.Path(path)
    with trio.fail_after(20):
        while (await file.read_bytes()).count(b"\n") != count:  # noqa: ASYNC110
            await trio.sleep(0.02)


@CURL
async def test_the_listener_prints_a_line_a_time_and_ends_when_dismissed(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        seat = await connect(server, tmp_path, "curl", "--room", "build")
        alice = await server.guest("alice")
        with (tmp_path / "heard").open("wb") as heard:
            process = await trio.lowlevel.open_process(
                ["sh", seat["listener"]], stdout=heard
            )
        tricky = 'no "cursor":7, no "should_exit":true, no "error":"unauthorized"'
        for number, text in enumerate((tricky, "second"), 1):
            await server.wait_parked(1)
            await alice.post(text)
            await wait_lines(tmp_path / "heard", number)
        await server.wait_parked(1)
        await server.admin("POST", "/admin/rooms/build/close", {})
        with trio.fail_after(20):
            assert await process.wait() == 0
        first, second, last = (tmp_path / "heard").read_text().splitlines()
        assert '"cursor":1' in first
        assert '"second"' in second
        assert '"exit_reason":"room_closed"' in last


@CURL
async def test_the_listener_ends_when_its_code_is_taken_back(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        seat = await connect(server, tmp_path, "curl", "--room", "build")
        async with running(["sh", seat["listener"]]) as process:
            await server.wait_parked(1)
            await server.admin("POST", "/admin/revoke", {"target": seat["key_id"]})
            with trio.fail_after(20):
                assert await process.wait() == 4


@pytest.mark.parametrize(("language", "interpreter"), AGENTS)
async def test_an_agent_of_the_guide_says_why_it_hears_nothing(
    language: str, interpreter: list[str]
) -> None:
    # Held, and not listened on: whoever connects is refused.
    with socket.socket() as held, trio.fail_after(20):
        held.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{held.getsockname()[1]}"
        done = await trio.run_process(
            [*interpreter, example(language)],
            env={**plain_environment(), "RELAY": base, "CODE": "none"},
            capture_stderr=True,
            check=False,
        )
    assert done.returncode
    assert b"onnect" in done.stderr
