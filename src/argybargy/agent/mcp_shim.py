"""MCP on standard input and output: each line becomes one ``POST /mcp`` to the relay.

The relay's MCP server has the tools; this process adds the code, which stays in its
file. It needs no package for MCP.

One loop serves everything: it waits for standard input and for all answers at the same
time, so that a ``read`` that waits for a message does not hold up a ``ping``. Only
connecting blocks it, for at most `CONNECT_SECONDS`. At most `MOST_CALLS` requests are
under way; further lines stay in the pipe until one is answered. Requests never share a
connection, and a cancelled one is closed, which the relay notices.
"""

import argparse
import http.client
import io
import os
import selectors
import socket
import ssl
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.mcp_messages import (
    FAILED,
    INVALID_REQUEST,
    Call,
    MessageError,
    agreed_version,
    answer_line,
    error_answer,
    parse_message,
)
from argybargy.agent.process import Process
from argybargy.agent.seat import Seat, choose_seat

MOST_CALLS: Final = 16
"""Requests under way at once."""
MOST_LINE_BYTES: Final = 4 * 1024 * 1024
"""Longest line of a client; the relay takes less."""
MOST_ANSWER_BYTES: Final = 16 * 1024 * 1024
CONNECT_SECONDS: Final = 5.0
CALL_SECONDS: Final = 120.0
"""Time for an answer; a `read` waits for at most 50 seconds."""
_PIECE_BYTES: Final = 65_536
_PATH: Final = "/mcp"


def mcp(process: Process, options: argparse.Namespace) -> Exit:
    """Serve until standard input ends.

    Raises:
        AgentError: There is no seat.
    """
    seat = choose_seat(process, options.seat)
    seat.facts()
    with selectors.DefaultSelector() as selector:
        _Shim(process, seat, selector).run()
    return Exit.OK


class _Request:
    """A request under way.

    Attributes:
        call: The message of the client.
        wire: Its connection.
        deadline: When it fails.
    """

    def __init__(self, call: Call, wire: socket.socket, deadline: float) -> None:
        self.call = call
        self.wire = wire
        self.deadline = deadline
        self._received = bytearray()

    def receive(self) -> bool:
        """Receive what is there; return whether the relay has ended the answer.

        Raises:
            OSError: The connection broke, or the answer is too long.
        """
        while True:
            try:
                piece = self.wire.recv(_PIECE_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except ssl.SSLEOFError:
                return True
            if not piece:
                return True
            self._received += piece
            if len(self._received) > MOST_ANSWER_BYTES:
                raise OSError("the answer is too long")

    def answer(self) -> tuple[int, bytes]:
        """Return status and body of the answer.

        Raises:
            OSError: It is incomplete, or no HTTP.
        """
        response = http.client.HTTPResponse(_Received(bytes(self._received)))  # type: ignore[arg-type]  # it needs `makefile` only
        try:
            response.begin()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__} in its answer") from None
        finally:
            response.close()


class _Received:
    """Bytes in place of a socket, for the parser of the standard library."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        """Return the bytes as a file."""
        return io.BytesIO(self._content)


class _Shim:
    """The loop, with the requests under way."""

    def __init__(
        self, process: Process, seat: Seat, selector: selectors.BaseSelector
    ) -> None:
        self._process = process
        self._seat = seat
        self._selector = selector
        self._requests: set[_Request] = set()
        self._line = bytearray()
        self._version = ""
        self._is_reading = False
        self._is_over = False
        self._input = process.input.fileno()

    def run(self) -> None:
        """Serve until standard input ends; requests under way are given up then."""
        try:
            while not self._is_over:
                self._read_while_there_is_room()
                for key, _ in self._selector.select(self._patience()):
                    if isinstance(key.data, _Request):
                        self._receive(key.data)
                    else:
                        self._read_input()
                self._expire()
        finally:
            for request in tuple(self._requests):
                self._drop(request)

    def _read_while_there_is_room(self) -> None:
        wants = len(self._requests) < MOST_CALLS
        if wants and not self._is_reading:
            self._selector.register(self._input, selectors.EVENT_READ)
        if self._is_reading and not wants:
            self._selector.unregister(self._input)
        self._is_reading = wants

    def _patience(self) -> float | None:
        """Return the seconds until the next deadline; ``None`` without one.

        Without a request there is nothing to do but to wait for the client.
        """
        deadline = min((each.deadline for each in self._requests), default=None)
        if deadline is None:
            return None
        return max(0.0, deadline - self._process.now())

    def _read_input(self) -> None:
        piece = os.read(self._input, _PIECE_BYTES)
        if not piece:
            self._is_over = True
            return
        *lines, rest = piece.split(b"\n")
        for line in lines:
            self._line += line
            whole, self._line = bytes(self._line), bytearray()
            if whole.strip():
                self._take(whole)
        self._line += rest
        if len(self._line) > MOST_LINE_BYTES:
            self._write(error_answer("null", INVALID_REQUEST, "The line is too long."))
            self._is_over = True

    def _take(self, line: bytes) -> None:
        """Take a line of the client."""
        try:
            call = parse_message(line)
        except MessageError as error:
            self._write(error.answer)
            return
        if call.cancels:
            for request in tuple(self._requests):
                if request.call.identifier == call.cancels:
                    self._drop(request)
        if not call.identifier:
            return  # the relay keeps no session that a notification could be for
        try:
            wire = self._send(call)
        except (OSError, AgentError) as error:
            self._fail(call, error)
            return
        deadline = self._process.now() + CALL_SECONDS
        request = _Request(call, wire, deadline)
        self._requests.add(request)
        self._selector.register(wire, selectors.EVENT_READ, request)

    def _send(self, call: Call) -> socket.socket:
        """Connect and send a request; return the connection.

        Raises:
            OSError: That is impossible.
            AgentError: The files of the seat are missing or damaged.
        """
        parts = urlsplit(self._seat.facts().base)
        host = parts.hostname or ""
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, parts.port, timeout=CONNECT_SECONDS,
                context=ssl.create_default_context(),
            )  # fmt: skip
        else:
            connection = http.client.HTTPConnection(
                host, parts.port, timeout=CONNECT_SECONDS
            )
        fields = {
            **call.headers(self._version),
            "Authorization": f"Bearer {self._seat.code()}",
            "Connection": "close",
        }
        try:
            connection.request("POST", parts.path + _PATH, call.line, fields)
        except OSError:
            connection.close()
            raise
        wire: socket.socket = connection.sock
        wire.setblocking(False)
        return wire

    def _receive(self, request: _Request) -> None:
        call = request.call
        try:
            if not request.receive():
                return
            status, body = request.answer()
        except OSError as error:
            self._drop(request)
            self._fail(call, error)
            return
        self._drop(request)
        answer = answer_line(call, status, body)
        if call.method == "initialize" and status == HTTPStatus.OK:
            self._version = agreed_version(answer)
        self._write(answer)

    def _expire(self) -> None:
        now = self._process.now()
        for request in tuple(self._requests):
            if now >= request.deadline:
                self._drop(request)
                self._fail(request.call, TimeoutError("no answer in time"))

    def _drop(self, request: _Request) -> None:
        self._requests.discard(request)
        self._selector.unregister(request.wire)
        request.wire.close()

    def _fail(self, call: Call, error: Exception) -> None:
        """Answer a request that the relay does not answer."""
        if isinstance(error, AgentError):
            text = f"{error.text} {error.hint}"
        else:
            why: Any = getattr(error, "strerror", None) or error
            base = self._seat.facts().base
            text = f"The relay at {base} cannot be reached: {why}. Try again later."
        self._write(error_answer(call.identifier, FAILED, text))

    def _write(self, line: bytes) -> None:
        self._process.write(line.decode())
