"""Messages of the Model Context Protocol, as far as a shim needs to know them. Pure.

A client writes one JSON object a line. A request has an identifier and gets exactly one
answer with the same one; a notification has none and gets no answer.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

INVALID_REQUEST: Final = -32600
PARSE_ERROR: Final = -32700
FAILED: Final = -32000
_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_FIRST_WITH_METHOD: Final = "2026"
"""From this revision on, headers repeat the method and the name in the body."""
_MOST_ERROR_CHARS: Final = 500


class Call(NamedTuple):
    """A message of the client.

    Attributes:
        line: The message, as it came.
        identifier: Identifier of a request, encoded; empty for a notification.
        method: Its method.
        name: Name of the tool that it calls; empty for other methods.
        version: Revision of the protocol that it says; empty if it says none.
        cancels: Identifier of the request that it cancels, encoded.
    """

    line: bytes
    identifier: str
    method: str
    name: str = ""
    version: str = ""
    cancels: str = ""

    def headers(self, version: str) -> dict[str, str]:
        """Return the header fields that the protocol wants of a request.

        Args:
            version: Revision that client and server have agreed on.
        """
        version = self.version or version
        fields = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if not _is_header(version):
            return fields
        fields["MCP-Protocol-Version"] = version
        if version >= _FIRST_WITH_METHOD and _is_header(self.method):
            fields["Mcp-Method"] = self.method
            if _is_header(self.name):
                fields["Mcp-Name"] = self.name
        return fields


def _is_header(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable()


class MessageError(ValueError):
    """A line is no message.

    Attributes:
        answer: The answer for the client.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.answer = error_answer("null", code, text)


def parse_message(line: bytes) -> Call:
    """Parse a line.

    Raises:
        MessageError: It is no message.
    """
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        raise MessageError(PARSE_ERROR, "This line is not JSON.") from None
    if not isinstance(read, dict) or not isinstance(read.get("method"), str):
        raise MessageError(INVALID_REQUEST, "This is not a request.")
    given = read.get("params")
    params: Mapping[str, Any] = given if isinstance(given, dict) else {}
    meta = params.get("_meta")
    version = meta.get(_VERSION_KEY) if isinstance(meta, dict) else None
    name, method = params.get("name"), read["method"]
    is_cancel = method == "notifications/cancelled"
    return Call(
        line=line,
        identifier=json.dumps(read["id"]) if "id" in read else "",
        method=method,
        name=name if isinstance(name, str) and method == "tools/call" else "",
        version=version if isinstance(version, str) else "",
        cancels=json.dumps(params.get("requestId")) if is_cancel else "",
    )


def error_answer(identifier: str, code: int, text: str) -> bytes:
    """Return an error as an answer to a request, as a line."""
    error = {"code": code, "message": text[:_MOST_ERROR_CHARS]}
    encoded = json.dumps(error)
    return f'{{"jsonrpc":"2.0","id":{identifier},"error":{encoded}}}\n'.encode()


def answer_line(call: Call, status: int, body: bytes) -> bytes:
    """Return the relay's answer to a request, as a line.

    An answer that is not of the protocol becomes an error that says what the relay
    said.
    """
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, dict) and "jsonrpc" in read:
        return json.dumps(read).encode() + b"\n"
    return error_answer(call.identifier, FAILED, _refusal(read, status))


def agreed_version(answer: bytes) -> str:
    """Return the revision that an answer to ``initialize`` names; else empty."""
    try:
        version = json.loads(answer)["result"]["protocolVersion"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return version if isinstance(version, str) else ""


def _refusal(read: object, status: int) -> str:
    detail = read.get("detail") if isinstance(read, dict) else None
    if isinstance(detail, dict) and isinstance(detail.get("detail"), str):
        text = f"{detail.get('error')}: {detail['detail']}"
        if detail.get("error") == "unauthorized":
            text += " Ask the operator for a new invitation: argy join LINK"
        return text
    return f"The server answered with status {status}, which is no relay's."
