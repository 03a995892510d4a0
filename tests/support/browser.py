"""A real relay, agents in it, and a person in front of the page.

Plain synchronous code: Playwright brings an event loop of its own, which does not go
together with Trio's.
"""

import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from support.relay_process import free_port

START_SECONDS = 20.0
UNHURRIED = {
    "ARGYBARGY_RATE_MAX": "1000000",
    "ARGYBARGY_READS_MAX": "1000000",
    "ARGYBARGY_CLAIMS_MAX": "1000000",
}
PATIENCE_MS = 8_000
UNCHECKED = ssl._create_unverified_context()  # for a certificate of one test
WATCH_REPORTS = """
window.reports = [];
addEventListener("securitypolicyviolation", (event) => {
  window.reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@attrs.frozen
class Reply:
    """What came back."""

    status: int
    json: Any


def call(method: str, url: str, body: object = None, **headers: str) -> Reply:
    """Make one request."""
    data = None if body is None else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data, fields, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30, context=UNCHECKED) as response:
            return Reply(response.status, json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, json.load(error))


@attrs.define
class Agent:
    """An agent that speaks plain HTTP."""

    relay: "Relay"
    name: str
    code: str

    def call(self, method: str, path: str, body: object = None) -> Reply:
        """Make one request."""
        bearer = {"Authorization": f"Bearer {self.code}"}
        return call(method, self.relay.url + path, body, **bearer)

    def say(self, text: str, **fields: object) -> int:
        """Say something, and return its seq."""
        reply = self.call("POST", "/messages", {"text": text, **fields})
        assert reply.status == 200, reply
        seq: int = reply.json["message"]["seq"]
        return seq

    def say_all(self, texts: Iterable[str]) -> None:
        """Say many things, over one connection."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.relay.port, timeout=30
        )
        headers = {
            "Authorization": f"Bearer {self.code}",
            "Content-Type": "application/json",
        }
        for text in texts:
            body = json.dumps({"text": text})
            connection.request("POST", "/messages", body, headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
        connection.close()

    def ask(self, text: str, whom: str = "operator", **fields: object) -> int:
        """Ask something, and return its seq."""
        return self.say(text, expects_reply=whom, **fields)

    def claim(self, seq: int) -> None:
        """Take a question."""
        reply = self.call("POST", f"/messages/{seq}/claim", {})
        assert reply.status == 200, reply

    def poll(self) -> None:
        """Be seen."""
        assert self.call("GET", "/messages?since=resume").status == 200


@attrs.define
class Relay:
    """A running relay.

    Attributes:
        data: Its data directory.
        port: Where it listens on this machine.
        environment: What it is set to.
    """

    data: Path
    port: int
    environment: dict[str, str]
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        scheme = "https" if "ARGYBARGY_TLS_CERT" in self.environment else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """The admin token as it is now."""
        return (self.data / "admin.token").read_text().strip()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.spawn()
        self.wait_healthy()

    def spawn(self) -> None:
        """Start it."""
        inherited = dict(os.environ)  # noqa: TID251  handed on to another process
        # Without its bytecode a relay takes a second longer to start, each time.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        variables = {k: v for k, v in inherited.items() if "ARGYBARGY" not in k} | {
            "ARGYBARGY_DATA": str(self.data),
            "ARGYBARGY_PORT": str(self.port),
            "ARGYBARGY_CONFIG": os.devnull,
            **UNHURRIED,
            **self.environment,
        }
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "argybargy", "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=variables,
            )

    def wait_healthy(self) -> None:
        """Wait until it answers."""
        wait_until(self._is_healthy, START_SECONDS)

    def _is_healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the relay ended at once"
        with contextlib.suppress(OSError):
            return call("GET", f"{self.url}/health").status == 200
        return False

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal; return its exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def admin(self, method: str, path: str, body: object = None) -> Reply:
        """Make a request as the operator."""
        return call(method, self.url + path, body, **{"X-Admin-Token": self.token})

    def do(self, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """Have the operator do something that works."""
        reply = self.admin("POST", path, body or {})
        assert reply.status == 200, reply
        return reply.json

    def room(self, name: str) -> None:
        """Make a room."""
        self.do(f"/admin/rooms/{name}/open")

    def agent(self, name: str, room: str = "build", **fields: object) -> Agent:
        """Let an agent in."""
        made = self.do("/admin/invite", {"name": name, "room": room, **fields})
        return Agent(self, name, made["code"])

    def say(self, text: str, room: str = "build", **fields: object) -> int:
        """Have the operator speak."""
        said = self.do("/admin/say", {"text": text, "room": room, **fields})
        seq: int = said["message"]["seq"]
        return seq


def wait_until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for another process."""
    end = time.monotonic() + seconds  # noqa: TID251  another process, real time
    while not is_so():
        assert time.monotonic() < end, "it did not come to be"  # noqa: TID251
        time.sleep(0.02)


@attrs.define
class Desk:
    """The page, and the person in front of it.

    Attributes:
        relay: What it shows.
        page: The browser's page.
        problems: What went wrong in the page, by its own word.
        strangers: Requests to any other place.
    """

    relay: Relay
    page: Page
    problems: list[str] = attrs.field(factory=list)
    strangers: list[str] = attrs.field(factory=list)

    @classmethod
    def sit_down(cls, relay: Relay, context: BrowserContext) -> "Desk":
        """Open a page that is watched for mistakes."""
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(WATCH_REPORTS)
        desk = cls(relay, page)
        page.on("pageerror", lambda error: desk.problems.append(str(error)))
        # Playwright marks the functions it is given, which methods here cannot bear.
        page.on("console", lambda message: desk._hear(message))  # noqa: PLW0108
        page.on("request", lambda request: desk._note(request.url))
        return desk

    def _hear(self, message: ConsoleMessage) -> None:
        # What the relay refuses is logged by the browser; tests look at what is shown.
        if (
            message.type in {"error", "warning"}
            and "Failed to load" not in message.text
        ):
            self.problems.append(message.text)

    def _note(self, url: str) -> None:
        if urlsplit(url).hostname != "127.0.0.1":
            self.strangers.append(url)

    def check(self) -> None:
        """Fail if the page made a mistake, broke its policy, or asked elsewhere."""
        assert not self.problems
        assert not self.strangers
        if not self.page.is_closed() and self.page.url.startswith("http"):
            assert self.page.evaluate("window.reports") == []

    # -- getting in -----------------------------------------------------------------

    def open(self, query: str = "") -> "Desk":
        """Open the page without signing in."""
        self.page.goto(f"{self.relay.url}/dashboard{query}")
        return self

    def sign_in(self, query: str = "") -> "Desk":
        """Come in by a one-time link, and wait until the page is live."""
        link = self.relay.do("/admin/sign-in")
        self.page.goto(f"{self.relay.url}/dashboard{query}#code={link['code']}")
        self.is_live()
        return self

    def is_live(self) -> None:
        """Wait for the stream."""
        expect(self.css(".brand .connection")).to_have_text("live", timeout=PATIENCE_MS)

    # -- looking ----------------------------------------------------------------------

    def css(self, selector: str) -> Locator:
        """Find by selector."""
        return self.page.locator(selector)

    def room_row(self, name: str) -> Locator:
        """Find a room in the list."""
        return self.css(f'.room-row[data-room="{name}"]')

    def agent_row(self, name: str) -> Locator:
        """Find an agent in the roster."""
        return self.css(f'.agent-row[data-agent="{name}"]')

    def message(self, seq: int) -> Locator:
        """Find a message."""
        return self.css(f"#m-{seq}")

    def texts(self) -> list[str]:
        """Return what the messages on the page say, in their order."""
        return self.css(".msg .prose").all_inner_texts()

    def button(self, name: str) -> Locator:
        """Find a button by what it is called, exactly."""
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def composer(self) -> Locator:
        """Where one writes."""
        return self.css("#composer")

    # -- acting -----------------------------------------------------------------------

    def enter(self, room: str) -> None:
        """Choose a room."""
        self.room_row(room).click()
        expect(self.css("h1.channel-title")).to_have_text(room)

    def send(self, text: str) -> None:
        """Write and send."""
        self.composer.fill(text)
        self.composer.press("Enter")

    def later(self, seconds: float) -> None:
        """Let the page believe that time has gone by, without any timer firing."""
        self.page.evaluate(
            "(ms) => { const real = Date.now; Date.now = () => real.call(Date) + ms; }",
            seconds * 1000,
        )

    def value(self, module: str, expression: str) -> Any:  # noqa: ANN401  JSON
        """Evaluate over what a module of the page exports, which is called ``m``."""
        return self.page.evaluate(
            f"async () => {{ const m = await import('/dashboard/{module}.js');"
            f" return {expression}; }}"
        )


@attrs.define
class Stable:
    """Has the next relay warm while a test uses this one: a start takes a second."""

    folder: Path
    _count: int = 0
    _warm: Relay | None = None

    def take(self) -> Relay:
        """Return a relay that runs, over a directory of its own."""
        relay = self._warm or self._spawn()
        self._warm = self._spawn()
        relay.wait_healthy()
        return relay

    def _spawn(self) -> Relay:
        self._count += 1
        relay = Relay(self.folder / f"data-{self._count}", free_port(), {})
        relay.spawn()
        return relay

    def close(self) -> None:
        """End the one that nobody took."""
        if self._warm is not None:
            self._warm.stop(signal.SIGKILL)


NewDesk = Callable[..., Desk]
