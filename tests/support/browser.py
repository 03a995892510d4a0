"""Drivers for the browser tests: a relay process, agents, and the dashboard's page.

The code is synchronous: Playwright's synchronous API runs an event loop of its own,
which cannot share a thread with Trio's.
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

from support.relay_forks import Fork, RelayForks
from support.relay_process import free_port

START_SECONDS = 20.0
NO_RATE_LIMITS = {
    "ARGYBARGY_RATE_MAX": "1000000",
    "ARGYBARGY_READS_MAX": "1000000",
    "ARGYBARGY_CLAIMS_MAX": "1000000",
}
TIMEOUT_MS = 8_000
UNVERIFIED_TLS = ssl._create_unverified_context()  # one test issues its own certificate
RECORD_POLICY_VIOLATIONS = """
window.reports = [];
addEventListener("securitypolicyviolation", (event) => {
  window.reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@attrs.frozen
class Reply:
    """A response: status and decoded JSON body."""

    status: int
    json: Any


def call(method: str, url: str, body: object = None, **headers: str) -> Reply:
    """Make one request; refusals are returned like any response."""
    data = None if body is None else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data, fields, method=method)
    try:
        with urllib.request.urlopen(
            request, timeout=30, context=UNVERIFIED_TLS
        ) as response:
            return Reply(response.status, json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, json.load(error))


@attrs.define
class Agent:
    """An agent that calls the HTTP API."""

    relay: "Relay"
    name: str
    code: str

    def call(self, method: str, path: str, body: object = None) -> Reply:
        """Make one request with the agent's code."""
        bearer = {"Authorization": f"Bearer {self.code}"}
        return call(method, self.relay.url + path, body, **bearer)

    def say(self, text: str, **fields: object) -> int:
        """Post a message and return its seq."""
        reply = self.call("POST", "/messages", {"text": text, **fields})
        assert reply.status == 200, reply
        seq: int = reply.json["message"]["seq"]
        return seq

    def say_all(self, texts: Iterable[str]) -> None:
        """Post many messages over one connection."""
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
        """Post a question and return its seq."""
        return self.say(text, expects_reply=whom, **fields)

    def claim(self, seq: int) -> None:
        """Claim a question."""
        reply = self.call("POST", f"/messages/{seq}/claim", {})
        assert reply.status == 200, reply

    def poll(self) -> None:
        """Poll once, so that the agent is online."""
        assert self.call("GET", "/messages?since=resume").status == 200


@attrs.define
class Relay:
    """A relay process.

    Attributes:
        data: Its data directory.
        port: The port on 127.0.0.1.
        environment: Settings, as environment variables.
        forks: Server that starts it; by default it is a process of its own.
    """

    data: Path
    port: int
    environment: dict[str, str]
    _forks: RelayForks | None = None
    _process: subprocess.Popen[bytes] | Fork | None = None

    @property
    def url(self) -> str:
        """The relay's URL."""
        scheme = "https" if "ARGYBARGY_TLS_CERT" in self.environment else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """The current admin token."""
        return (self.data / "admin.token").read_text().strip()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self.spawn()
        self.wait_healthy()

    def spawn(self) -> None:
        """Start the process without waiting."""
        inherited = dict(os.environ)  # noqa: TID251  handed on to another process
        # Without its bytecode a relay takes a second longer to start, each time.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        variables = {k: v for k, v in inherited.items() if "ARGYBARGY" not in k} | {
            "ARGYBARGY_DATA": str(self.data),
            "ARGYBARGY_PORT": str(self.port),
            "ARGYBARGY_CONFIG": os.devnull,
            **NO_RATE_LIMITS,
            **self.environment,
        }
        path = self.data.parent / f"{self.data.name}.log"
        if self._forks is not None:
            self._process = self._forks.start(["serve"], variables, path)
            return
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "argybargy", "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=variables,
            )

    def wait_healthy(self) -> None:
        """Wait until GET /health returns 200."""
        wait_until(self._is_healthy, START_SECONDS)

    def _is_healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the relay exited at once"
        with contextlib.suppress(OSError):
            return call("GET", f"{self.url}/health").status == 200
        return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the process with a signal; return its exit code."""
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
        """Make a POST request as the operator that must succeed."""
        reply = self.admin("POST", path, body or {})
        assert reply.status == 200, reply
        return reply.json

    def room(self, name: str) -> None:
        """Create a room."""
        self.do(f"/admin/rooms/{name}/open")

    def agent(self, name: str, room: str = "build", **fields: object) -> Agent:
        """Invite an agent."""
        made = self.do("/admin/invite", {"name": name, "room": room, **fields})
        return Agent(self, name, made["code"])

    def say(self, text: str, room: str = "build", **fields: object) -> int:
        """Post a message as the operator and return its seq."""
        said = self.do("/admin/say", {"text": text, "room": room, **fields})
        seq: int = said["message"]["seq"]
        return seq


def wait_until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    """Poll a condition on another process."""
    end = time.monotonic() + seconds  # noqa: TID251  another process, real time
    while not is_so():
        assert time.monotonic() < end, "the condition did not become true in time"  # noqa: TID251
        time.sleep(0.02)


@attrs.define
class Dashboard:
    """A tab with the dashboard, driven as the operator would.

    Attributes:
        relay: The relay that the dashboard shows.
        page: Playwright's page.
        problems: Uncaught errors, and errors and warnings on the console.
        foreign_requests: URLs of requests to any other host.
    """

    relay: Relay
    page: Page
    problems: list[str] = attrs.field(factory=list)
    foreign_requests: list[str] = attrs.field(factory=list)

    @classmethod
    def open_tab(cls, relay: Relay, context: BrowserContext) -> "Dashboard":
        """Open a tab and record its errors and its requests."""
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.add_init_script(RECORD_POLICY_VIOLATIONS)
        dashboard = cls(relay, page)
        page.on("pageerror", lambda error: dashboard.problems.append(str(error)))
        # Playwright sets attributes on its handlers, which bound methods reject.
        page.on("console", lambda message: dashboard._record_console(message))  # noqa: PLW0108
        page.on("request", lambda request: dashboard._record_request(request.url))
        return dashboard

    def _record_console(self, message: ConsoleMessage) -> None:
        # The browser logs every refused request; the tests check what the page shows.
        if (
            message.type in {"error", "warning"}
            and "Failed to load" not in message.text
        ):
            self.problems.append(message.text)

    def _record_request(self, url: str) -> None:
        if urlsplit(url).hostname != "127.0.0.1":
            self.foreign_requests.append(url)

    def check(self) -> None:
        """Fail on page errors, policy violations and requests to other hosts."""
        assert not self.problems
        assert not self.foreign_requests
        if not self.page.is_closed() and self.page.url.startswith("http"):
            assert self.page.evaluate("window.reports") == []

    # -- signing in -----------------------------------------------------------------

    def open(self, query: str = "") -> "Dashboard":
        """Open the page without signing in."""
        self.page.goto(f"{self.relay.url}/dashboard{query}")
        return self

    def sign_in(self, query: str = "") -> "Dashboard":
        """Sign in by a one-time link and wait until the page is live."""
        link = self.relay.do("/admin/sign-in")
        self.page.goto(f"{self.relay.url}/dashboard{query}#code={link['code']}")
        self.wait_live()
        return self

    def wait_live(self) -> None:
        """Wait for the stream."""
        expect(self.css(".brand .connection")).to_have_text("live", timeout=TIMEOUT_MS)

    # -- locators ----------------------------------------------------------------------

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
        """Return the texts of the messages in order."""
        return self.css(".msg .prose").all_inner_texts()

    def button(self, name: str) -> Locator:
        """Find a button by its exact accessible name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def invite(self, whom: str) -> None:
        """Open the dialog that invites an agent or a guest to the room in view."""
        self.page.get_by_role("button", name="Invite to ").click()
        item = f"Invite {'an' if whom == 'agent' else 'a'} {whom}"
        self.page.get_by_role("menuitem", name=item).click()

    @property
    def composer(self) -> Locator:
        """The composer's text field."""
        return self.css("#composer")

    # -- actions -----------------------------------------------------------------------

    def enter(self, room: str) -> None:
        """Select a room and wait until it is shown."""
        self.room_row(room).click()
        expect(self.css("h1.channel-title")).to_have_text(room)

    def send(self, text: str) -> None:
        """Type a message and send it."""
        self.composer.fill(text)
        self.composer.press("Enter")

    def send_now(self) -> None:
        """Send the answers that could still be undone, as a closing tab does."""
        self.page.evaluate("window.dispatchEvent(new Event('pagehide'))")

    def advance_clock(self, seconds: float) -> None:
        """Shift the page's clock forward, without firing its timers."""
        self.page.evaluate(
            "(ms) => { const real = Date.now; Date.now = () => real.call(Date) + ms; }",
            seconds * 1000,
        )

    def call_module(self, module: str, expression: str) -> Any:  # noqa: ANN401  JSON
        """Evaluate an expression in which ``m`` is a module of the page."""
        return self.page.evaluate(
            f"async () => {{ const m = await import('/dashboard/{module}.js');"
            f" return {expression}; }}"
        )


@attrs.define
class RelayPool:
    """Starts the next relay while a test uses this one."""

    folder: Path
    forks: RelayForks
    _count: int = 0
    _next: Relay | None = None

    def take(self) -> Relay:
        """Return a running relay with an empty data directory."""
        relay = self._next or self._spawn()
        self._next = self._spawn()
        relay.wait_healthy()
        return relay

    def _spawn(self) -> Relay:
        self._count += 1
        data = self.folder / f"data-{self._count}"
        relay = Relay(data, free_port(), {}, self.forks)
        relay.spawn()
        return relay

    def close(self) -> None:
        """Stop the relay that was not taken."""
        if self._next is not None:
            self._next.stop(signal.SIGKILL)


NewDashboard = Callable[..., Dashboard]
