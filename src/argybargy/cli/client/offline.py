"""Client of the operator API on a data directory without a running relay.

It calls the same endpoints as over HTTP, so both clients give the same answers. The
store stays open, under its lock, while the work runs: a relay that starts meanwhile is
refused, and so is this client while a relay holds the lock.
"""

import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Final, Protocol, cast
from urllib.parse import unquote

import trio

from argybargy.cli.client.protocol import Json, Work, asked_room, read_answer
from argybargy.cli.errors import CliError
from argybargy.store.errors import Incompatible, StoreError
from argybargy.system.values import frozen
from argybargy.web.access.admin_token import AdminToken
from argybargy.web.access.services import Services
from argybargy.web.endpoints.dispatch import dispatch
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from argybargy.web.endpoints.route import Route
from argybargy.web.request import Request, Response

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]

_CLIENT: Final = "local"


class ReadableToken(AdminToken, Protocol):
    """Admin token whose value can be read."""

    value: str


def run_offline(open_services: OpenServices, work: Work) -> int:
    """Open the data directory, and run work on it.

    Args:
        open_services: Opens the data directory.
        work: The work. It runs in a thread; its calls run in Trio.

    Returns:
        The exit code of the work.

    Raises:
        CliError: The work failed, or the data directory cannot be opened.
        OSError: The work could not write its output.
    """
    try:
        result = trio.run(_run, open_services, work)
    except (StoreError, OSError, BaseExceptionGroup) as error:
        raise _cannot_open(error) from error
    if isinstance(result, Exception):
        raise result
    return result


async def _run(open_services: OpenServices, work: Work) -> int | CliError | OSError:
    """Return the result of the work; an error is returned too.

    A raised error would leave the nurseries of the services inside an exception group.
    """
    async with open_services() as services:
        operator = OfflineOperator(services)
        try:
            return await trio.to_thread.run_sync(work, operator)
        except (CliError, OSError) as error:
            return error


def _cannot_open(error: BaseException) -> CliError:
    """Return why a data directory cannot be used; re-raise anything unexpected."""
    cause: BaseException | None = error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0] if len(cause.exceptions) == 1 else None
    if not isinstance(cause, StoreError | OSError):
        raise error
    hint = "Find the cause: argybargy doctor"
    if isinstance(cause, Incompatible):
        hint = "If a relay uses it, wait until it listens, or name its port: --port."
    return CliError(f"The data directory cannot be used: {cause}", hint)


@frozen
class OfflineOperator:
    """Client that calls the endpoints without a network.

    Attributes:
        services: Services of the endpoints.
    """

    services: Services

    @property
    def is_live(self) -> bool:
        """Always false: the client works on files."""
        return False

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Run one endpoint, from a thread that Trio started.

        Raises:
            CliError: See :class:`argybargy.cli.client.protocol.Operator`.
        """
        content = b"" if body is None else json.dumps(body).encode()
        answer = trio.from_thread.run(self._respond, method, path, content)
        return read_answer(answer.status, answer.body, asked_room(path, body))

    @contextmanager
    def download(self, path: str, body: Json) -> Iterator[Iterator[bytes]]:
        """Stream a file; it is never in memory as a whole.

        Raises:
            CliError: See :class:`argybargy.cli.client.protocol.Operator`.
        """
        content = json.dumps(body).encode()
        answer = trio.from_thread.run(self._respond, "POST", path, content)
        if answer.parts is None:
            read_answer(answer.status, answer.body, asked_room(path, body))
            yield iter([answer.body])
            return
        parts = answer.parts()
        try:
            yield _pieces(parts)
        finally:
            trio.from_thread.run(parts.aclose)

    def upload(self, path: str, content: bytes) -> Json:
        """Send lines; see :class:`argybargy.cli.client.protocol.Operator`."""
        answer = trio.from_thread.run(self._respond, "POST", path, content)
        return read_answer(answer.status, answer.body)

    @property
    def token(self) -> str:
        """Admin token of the data directory."""
        return cast("ReadableToken", self.services.admin_token).value

    async def _respond(self, method: str, path: str, content: bytes) -> Response:
        plain, _, query = path.partition("?")
        route, params = find_route(method, plain)

        async def read_body() -> bytes:
            await trio.lowlevel.checkpoint()
            return content

        request = Request(
            method=method,
            path=unquote(plain),
            query=query.encode(),
            headers={
                b"x-admin-token": self.token.encode(),
                b"content-type": b"application/json",
                b"content-length": str(len(content)).encode(),
            },
            client=_CLIENT,
            params=params,
            read_body=read_body,
        )
        return await dispatch(self.services, route, request)


def _pieces(parts: AsyncGenerator[bytes, None]) -> Iterator[bytes]:
    """Yield the chunks of an answer, in a thread that Trio started."""
    while True:
        try:
            piece = trio.from_thread.run(anext, parts, b"")
        except StoreError as error:
            text = f"The database cannot be read: {error}"
            raise CliError(text, "Find the cause: argybargy doctor") from error
        if not piece:
            return
        yield piece


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the operator's endpoint for a path, and the values of its placeholders.

    Raises:
        LookupError: There is no such endpoint, which is a bug in a command.
    """
    given = path.split("/")
    for route in ADMIN_ROUTES:
        expected = route.path.split("/")
        if route.method != method or len(expected) != len(given):
            continue
        pairs = list(zip(expected, given, strict=True))
        if all(want == have or want.startswith("{") for want, have in pairs):
            params = {
                want.strip("{}"): unquote(have)
                for want, have in pairs
                if want.startswith("{")
            }
            return route, params
    raise LookupError(f"{method} {path}")
