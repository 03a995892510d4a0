"""Run the agents of the recipes as processes, in rooms of one relay, as a reader does.

The tests are synchronous, and act in a room by the same ``seat`` module as the agents.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from argybargy.torture.relay_process import COMMAND, free_port, plain_environment
from seat import Seat

RECIPES: Final = Path(__file__).parents[2] / "docs" / "recipes"
PATIENCE_SECONDS: Final = 20.0
MOST_ASKED_BACK: Final = 4
Body = dict[str, Any]


@attrs.define
class House:
    """A relay process with its data directory.

    Attributes:
        data: The data directory.
        port: Port on loopback; the same after a restart.
        settings: Further variables of the relay.
    """

    data: Path
    port: int = attrs.field(factory=free_port)
    settings: dict[str, str] = attrs.field(factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return the address of the relay."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the relay and wait until it answers."""
        variables = {
            **plain_environment(),
            "ARGYBARGY_DATA": str(self.data),
            "ARGYBARGY_PORT": str(self.port),
            "ARGYBARGY_CONFIG": os.devnull,
            "ARGYBARGY_LOG_LEVEL": "error",
            **self.settings,
        }
        self._process = subprocess.Popen(COMMAND, env=variables)
        wait_until(self._is_healthy)

    def stop(self, *, is_kill: bool = False) -> None:
        """End the relay, with SIGTERM or SIGKILL."""
        assert self._process is not None
        if is_kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)

    def _is_healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the relay has ended"
        try:
            with open_directly(f"{self.address}/health"):
                return True
        except OSError:
            return False

    def admin(self, method: str, path: str, body: object = None) -> Body:
        """Send a request as the operator.

        Raises:
            AssertionError: The relay has refused it.
        """
        headers = {
            "X-Admin-Token": (self.data / "admin.token").read_text().strip(),
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}{path}", data, headers, method=method
        )
        try:
            with open_directly(request) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as refusal:
            raise AssertionError(refusal.read().decode()) from None


@attrs.define
class Room:
    """One room with its agents, whose processes end with the test.

    Attributes:
        house: The relay.
        name: Name of the room.
        agents: Processes of the agents by name; a later one replaces an earlier one.
    """

    house: House
    name: str
    _stack: ExitStack
    agents: dict[str, subprocess.Popen[str]] = attrs.field(factory=dict)
    _codes: dict[str, str] = attrs.field(factory=dict)

    def code(self, name: str) -> str:
        """Return the code of an agent; it is made once."""
        if name not in self._codes:
            body = {"name": name, "room": self.name}
            self._codes[name] = self.house.admin("POST", "/admin/invite", body)["code"]
        return self._codes[name]

    def seat(self, name: str) -> Seat:
        """Return a seat that the test itself takes."""
        return Seat(self.house.address, self.code(name))

    def run(
        self,
        script: str,
        *arguments: str,
        name: str = "",
        relay: str = "",
        **variables: str,
    ) -> subprocess.Popen[str]:
        """Start an agent of a recipe; it is called as its role unless it has a name."""
        name = name or arguments[0]
        agent = subprocess.Popen(
            [sys.executable, str(RECIPES / f"{script}.py"), *arguments],
            env={
                **plain_environment(),
                "NO_PROXY": "127.0.0.1",
                "RELAY": relay or self.house.address,
                "CODE": self.code(name),
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.agents[name] = agent
        self._stack.callback(end, agent)
        return agent

    def ask(self, to: str, text: str, **fields: object) -> Body:
        """Ask as the operator, and return the answer."""
        return self.answer(self.tell(to, text, expects_reply=to, **fields))

    def tell(self, to: str, text: str, **fields: object) -> int:
        """Post as the operator; return the number of the message."""
        body = {"room": self.name, "to": to, "text": text, **fields}
        seq: int = self.house.admin("POST", "/admin/say", body)["message"]["seq"]
        return seq

    def answer(self, seq: int) -> Body:
        """Wait for the answer to a question of the operator, who may be asked back."""
        path = f"/admin/rooms/{self.name}/messages/{seq}?wait=20"
        thread = self.house.admin("GET", path)
        for _ in range(MOST_ASKED_BACK):
            if "asked_back" in thread:
                thread = self.house.admin("GET", path)
        assert "answer" in thread, f"no answer in time:\n{self.transcript()}"
        return dict(thread["answer"])

    def reply(self, question: Body, **fields: object) -> None:
        """Answer a question as the operator."""
        self.tell(question["from"], "", reply_to=question["seq"], **fields)

    def wait_for(self, is_right: Callable[[Body], bool]) -> Body:
        """Wait for a message, direct ones included, and return it."""
        found: list[Body] = []

        def is_there() -> bool:
            found.extend(filter(is_right, self.history()))
            return bool(found)

        wait_until(is_there, self.transcript)
        return found[0]

    def wait_able(self, *names: str) -> None:
        """Wait until agents have said what they can."""

        def are_there() -> bool:
            roster = self.house.admin("GET", f"/admin/state?room={self.name}")["roster"]
            able = {each["name"]: each["capabilities"] for each in roster[self.name]}
            return all(able[name] for name in names)

        wait_until(are_there, self.transcript)

    def history(self) -> list[Body]:
        """Return all messages of the room."""
        path = f"/admin/rooms/{self.name}/history?limit=500"
        return list(self.house.admin("GET", path)["messages"])

    def questions(self, asker: str) -> list[Body]:
        """Return the questions of an agent."""
        return [m for m in self.history() if m["from"] == asker and "question" in m]

    def close(self) -> None:
        """Close the room; check that all agents leave, and say so."""
        self.house.admin("POST", f"/admin/rooms/{self.name}/close", {})
        for name, agent in self.agents.items():
            _, errors = agent.communicate(timeout=PATIENCE_SECONDS)
            assert (agent.returncode, "Left: " in errors) == (0, True), (name, errors)

    def transcript(self) -> str:
        """Return what was said, and what the agents complain about."""
        said = [
            f"{m['seq']} {m['from']} > {m['to']}: {m['text']}" for m in self.history()
        ]
        ended = [
            f"{name} has ended: {agent.communicate()}"
            for name, agent in self.agents.items()
            if agent.poll() is not None
        ]
        return "\n".join(said + ended)


def end(agent: subprocess.Popen[str]) -> None:
    """Kill an agent, and close its pipes."""
    agent.kill()
    agent.communicate()


def wait_until(
    is_so: Callable[[], bool], explain: Callable[[], str] | None = None
) -> None:
    """Look every 20 ms, until the deadline of a test."""
    deadline = time.monotonic() + PATIENCE_SECONDS  # noqa: TID251
    while not is_so():
        assert time.monotonic() < deadline, explain() if explain else ""  # noqa: TID251
        time.sleep(0.02)


def open_directly(request: urllib.request.Request | str) -> Any:  # noqa: ANN401
    """Send a request without a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=60)


@contextmanager
def open_house(data: Path, **settings: str) -> Iterator[House]:
    """Start a relay; kill it at the end."""
    house = House(data, settings=settings)
    house.start()
    try:
        yield house
    finally:
        house.stop(is_kill=True)


@contextmanager
def open_room(house: House, name: str) -> Iterator[Room]:
    """Open a room; its agents are killed at the end."""
    with ExitStack() as stack:
        yield Room(house, name, stack)
