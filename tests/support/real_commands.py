"""Commands against a real data directory or a real relay."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from argybargy.cli.client.http import is_listening
from argybargy.cli.client.locate import connect, find_token, reach
from argybargy.cli.client.protocol import Operator
from argybargy.cli.options import RelayOptions
from argybargy.domain.access_codes import CodeRecord
from argybargy.relay.api.poll import PollAnswer, PollRequest, poll
from argybargy.relay.api.posting import PostDraft, post_as
from argybargy.serve.services import open_services
from argybargy.settings.settings import Settings, parse_settings
from argybargy.web.access.services import Services
from support.terminal import Result, Terminal

T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@attrs.define
class Desk:
    """A data directory, a free port for a relay, and a terminal."""

    data: Path
    port: int = attrs.field(factory=free_port)
    yes: bool | None = None
    more: dict[str, str] = attrs.field(factory=dict)

    def type(self, *arguments: str, typed: str = "") -> Result:
        environment = {
            "ARGYBARGY_DATA": str(self.data),
            "ARGYBARGY_PORT": str(self.port),
            **self.more,
        }
        terminal = Terminal(
            reach=reach,
            connect=connect,
            token=find_token,
            environment=environment,
            yes=self.yes,
            typed=typed,
        )
        return terminal.type(*arguments)

    @property
    def settings(self) -> Settings:
        return parse_settings(
            {"ARGYBARGY_DATA": str(self.data), "ARGYBARGY_PORT": str(self.port)}, {}
        )

    def ask(self, method: str, path: str, body: object = None) -> object:
        """Send one request to the operator API, live or offline."""
        found: list[object] = []

        def work(operator: Operator) -> int:
            found.append(operator.call(method, path, body))  # type: ignore[arg-type]
            return 0

        reach(self.settings, RelayOptions(), work, makes_data=True)
        return found[0]

    @contextmanager
    def relay(self) -> Iterator[None]:
        """Run a relay on the data directory during the block."""
        command = [sys.executable, "-m", "argybargy", "serve", "--quiet"]
        process = subprocess.Popen(
            [*command, "--port", str(self.port), "--data", str(self.data)],
            stderr=subprocess.DEVNULL,
        )
        try:
            while not is_listening("127.0.0.1", self.port):
                assert process.poll() is None, "the relay did not start"
                trio.run(trio.sleep, 0.05)
            yield
        finally:
            process.terminate()
            process.wait(20)

    def inside(self, work: Callable[["Guests"], object]) -> None:
        """Open the data directory as a relay does, and run the requests of agents."""

        async def open_and_work() -> None:
            async with open_services(self.settings) as services:
                await work(Guests(services))  # type: ignore[misc]

        trio.run(open_and_work)


@attrs.frozen
class Guests:
    """Requests of agents, sent inside the process."""

    services: Services

    def known(self, code: str) -> CodeRecord:
        """Return the record of an access code."""
        relay = self.services.relay
        found = relay.codes.resolve(code, relay.clock.now())
        assert found is not None, "the code is unknown"
        return found

    def is_known(self, code: str) -> bool:
        relay = self.services.relay
        return relay.codes.resolve(code, relay.clock.now()) is not None

    async def post(self, code: str, text: str) -> int:
        draft = PostDraft(text, ("all",), None, None, None)
        outcome = await post_as(self.services.relay, self.known(code), draft)
        return outcome.message.seq

    async def poll(self, code: str, since: int) -> PollAnswer:
        request = PollRequest(since, 0, 100)
        return await poll(self.services.relay, self.known(code), request)
