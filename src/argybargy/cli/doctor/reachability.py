"""Check that the relay can be reached: locally, and at its public URL."""

import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from argybargy import __version__
from argybargy.cli.client.http import is_private, read_token, trust_only
from argybargy.cli.doctor.finding import Finding, fine, problem, warning
from argybargy.cli.doctor.probe import Heard, ProbeError, ask
from argybargy.cli.errors import CliError
from argybargy.system.values import frozen

READY: Final = "ready"
VERSION: Final = "version"
PUBLIC: Final = "public_url"
STREAMING: Final = "streaming"

_RESTART: Final = "Stop the relay, then: argybargy up"
_BUFFERS: Final = (
    "Switch off buffering in the proxy (nginx: proxy_buffering off; Caddy: "
    "flush_interval -1), then: argybargy doctor"
)


@frozen
class Reached:
    """Outcome of a request.

    Attributes:
        url: The server.
        heard: Response, if one came.
        failure: Why no response came.
    """

    url: str
    heard: Heard | None = None
    failure: str = ""

    @property
    def status(self) -> int:
        """HTTP status; 0 without a response."""
        return self.heard.status if self.heard else 0

    @property
    def outcome(self) -> str:
        """Outcome in a few words."""
        return f"it answers HTTP {self.status}" if self.heard else self.failure

    def read(self, *keys: str) -> object:
        """Return a value of the JSON response by its keys; ``None`` if missing."""
        try:
            value: object = json.loads(self.heard.body if self.heard else b"null")
        except (ValueError, RecursionError):
            return None
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


async def check_here(url: str, certificate: Path | None = None) -> list[Finding]:
    """Check readiness and version of the relay on this machine.

    Args:
        url: Address of the relay.
        certificate: Its certificate, if it serves TLS.

    Raises:
        OSError: The certificate cannot be read.
    """
    trust = None if certificate is None else trust_only(certificate)
    return [
        judge_ready(await _reach(url, "/ready", trust)),
        judge_version(await _reach(url, "/health", trust)),
    ]


async def check_outside(url: str, data: Path) -> list[Finding]:
    """Check the relay and its stream at the public URL.

    The admin token is sent only over TLS, or on the loopback interface.
    """
    health = await _reach(url, "/health")
    found = [judge_public(health)]
    if health.read("version") is not None:
        found.append(await _check_stream(url, data))
    return found


async def _check_stream(url: str, data: Path) -> Finding:
    if not is_private(url):
        return fine(STREAMING, f"Not tried: {url} is not encrypted.")
    try:
        token = read_token(data)
    except CliError as error:
        return warning(STREAMING, f"Not tried: {error.text}", error.hint)
    return judge_stream(await _reach_stream(url, token))


async def _reach(url: str, path: str, trust: ssl.SSLContext | None = None) -> Reached:
    try:
        return Reached(url, await ask(url, "GET", path, trust=trust))
    except ProbeError as error:
        return Reached(url, failure=str(error))


async def _reach_stream(url: str, token: str) -> Reached:
    secret = (("X-Admin-Token", token),)
    try:
        heard = await ask(
            url,
            "POST",
            "/admin/stream",
            headers=secret,
            body=b"{}",
            only_first_line=True,
        )
    except ProbeError as error:
        return Reached(url, failure=str(error))
    return Reached(url, heard)


def judge_ready(reached: Reached) -> Finding:
    """Judge whether the relay is ready."""
    if reached.status == HTTPStatus.OK:
        return fine(READY, f"The relay at {reached.url} is ready.")
    if not reached.heard:
        text = f"The relay at {reached.url} does not answer: {reached.failure}."
        return problem(READY, text, _RESTART)
    why = reached.read("detail", "detail") or reached.outcome
    text = f"The relay at {reached.url} answers, but is not ready: {why}"
    return problem(READY, text, "df -h, and read the relay's log")


def judge_version(reached: Reached) -> Finding:
    """Judge whether the running relay is the installed version."""
    theirs = reached.read("version")
    if theirs == __version__:
        return fine(VERSION, f"The relay and this command are {__version__}.")
    if theirs is None:
        text = f"The relay at {reached.url} does not report its version."
        return warning(VERSION, text, _RESTART)
    text = f"The relay is {theirs}, this command is {__version__}."
    return warning(VERSION, text, _RESTART)


def judge_public(reached: Reached) -> Finding:
    """Judge whether the public URL leads to a relay."""
    if reached.read("version") is not None:
        return fine(PUBLIC, f"{reached.url} leads to a relay.")
    fix = "Start the proxy or tunnel again, or correct ARGYBARGY_PUBLIC_URL."
    if reached.status == HTTPStatus.MISDIRECTED_REQUEST:
        host = urlsplit(reached.url).hostname
        text = f"The relay behind {reached.url} does not accept that host name."
        return problem(PUBLIC, text, f"ARGYBARGY_ALLOWED_HOSTS={host} argybargy up")
    if reached.heard:
        text = f"{reached.url} does not lead to a relay: {reached.outcome}."
        return problem(PUBLIC, text, fix)
    text = f"{reached.url} cannot be reached: {reached.failure}."
    return problem(PUBLIC, text, fix)


def judge_stream(reached: Reached) -> Finding:
    """Judge whether the stream arrives without buffering."""
    where = f"POST {reached.url}/admin/stream"
    if not reached.heard:
        text = (
            f"{where} brings nothing in time ({reached.failure}): a proxy buffers it."
        )
        return problem(STREAMING, text, _BUFFERS)
    match reached.status:
        case HTTPStatus.OK if reached.read("type") == "hello":
            return fine(STREAMING, f"The first frame of {where} arrives at once.")
        case HTTPStatus.UNAUTHORIZED:
            text = f"The relay at {reached.url} has other data: its token differs."
            fix = "argybargy doctor --data <the directory of that relay>"
            return problem(STREAMING, text, fix)
        case HTTPStatus.NOT_FOUND:
            text = f"The relay at {reached.url} is too old to stream."
            return warning(STREAMING, text, "pip install --upgrade argybargy")
        case _:
            text = f"{where} brings no stream: {reached.outcome}."
            return problem(STREAMING, text, _BUFFERS)
