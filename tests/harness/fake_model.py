"""A fake model on loopback that real agent programs talk to in place of their own.

It answers from a script, and past its end with a short text. It keeps every request, so
that a check can count them and look for a text in them.
"""

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import attrs
import h11
import trio

from harness.formats import (
    Step,
    anthropic,
    gemini,
    openai_chat,
    openai_responses,
)

_PIECE_BYTES: Final = 65_536
_MODELS: Final = {"object": "list", "data": [{"id": "fake-1", "object": "model"}]}
Format = Callable[[int, Step, str], bytes]


@attrs.frozen
class ModelRequest:
    """A request of a program for an answer of the model.

    Attributes:
        path: Path of the API.
        body: Decoded body.
        text: Body as text, for searches in it.
        at: Time of its arrival on Trio's clock.
    """

    path: str
    body: Any
    text: str
    at: float


@attrs.define
class FakeModel:
    """The model: its script and the requests it has had.

    Attributes:
        port: Its port on loopback.
        script: The next answers.
        requests: Requests for an answer in the conversation.
        side_requests: Requests for something else, such as a title.
        gate: While it is set to a new event, answers wait for it.
    """

    port: int
    script: deque[Step] = attrs.field(factory=deque)
    requests: list[ModelRequest] = attrs.field(factory=list)
    side_requests: list[ModelRequest] = attrs.field(factory=list)
    gate: trio.Event | None = None

    @property
    def base(self) -> str:
        """Address."""
        return f"http://127.0.0.1:{self.port}"

    async def wait_requests(self, count: int, within_seconds: float) -> bool:
        """Wait until there were so many requests; return False if there were not."""
        with trio.move_on_after(within_seconds):
            while len(self.requests) < count:  # noqa: ASYNC110 - the server is a task
                await trio.sleep(0.05)
        return len(self.requests) >= count

    def next_step(self) -> tuple[int, Step]:
        """Return number and content of the next answer."""
        number = len(self.requests)
        step = self.script.popleft() if self.script else Step(f"(idle {number})")
        return number, step


@asynccontextmanager
async def open_fake_model() -> AsyncIterator[FakeModel]:
    """Serve a fake model on a free port of loopback until the block ends."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    model = FakeModel(listeners[0].socket.getsockname()[1])
    async with trio.open_nursery() as nursery:
        serve = partial(_serve, model)
        nursery.start_soon(
            partial(trio.serve_listeners, serve, listeners, handler_nursery=nursery)
        )
        yield model
        nursery.cancel_scope.cancel()


async def _serve(model: FakeModel, stream: trio.SocketStream) -> None:
    connection = h11.Connection(h11.SERVER)
    try:
        while True:
            head, body = await _receive(connection, stream)
            if head is None:
                return
            status, kind, content = await _answer(model, head, body)
            headers = [
                ("content-type", kind), ("content-length", str(len(content))),
            ]  # fmt: skip
            sent = connection.send(h11.Response(status_code=status, headers=headers))
            # A body would be wrong in the answer to HEAD.
            if head.method != b"HEAD":
                sent = (sent or b"") + (connection.send(h11.Data(content)) or b"")
            sent = (sent or b"") + (connection.send(h11.EndOfMessage()) or b"")
            await stream.send_all(sent)
            if connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()
    except (h11.ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
        return  # programs end their connections in any state
    finally:
        await trio.aclose_forcefully(stream)


async def _receive(
    connection: h11.Connection, stream: trio.SocketStream
) -> tuple[h11.Request | None, bytes]:
    head, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                go = h11.InformationalResponse(status_code=100, headers=[])
                await stream.send_all(connection.send(go) or b"")
            connection.receive_data(await stream.receive_some(_PIECE_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return head, body
        else:
            return None, b""


_FORMATS: Final[Sequence[tuple[str, Format]]] = (
    ("/messages", anthropic),
    ("/responses", openai_responses),
    ("/chat/completions", openai_chat),
    ("enerateContent", gemini),
)
_JSON: Final = "application/json"


async def _answer(
    model: FakeModel, head: h11.Request, body: bytes
) -> tuple[int, str, bytes]:
    path = head.target.decode().partition("?")[0]
    found = [shape for end, shape in _FORMATS if path.endswith(end) or end in path]
    if head.method != b"POST" or not found or "count_tokens" in path:
        known = _MODELS if "models" in path else {"input_tokens": 10, "totalTokens": 10}
        return 200, _JSON, json.dumps(known).encode()
    decoded = json.loads(body)
    request = ModelRequest(path, decoded, body.decode(), trio.current_time())
    is_stream = decoded.get("stream") is True or "stream" in path
    name = str(decoded.get("model", "fake-1"))
    if not decoded.get("tools") or not is_stream:
        # A title, a topic or a summary: it is no turn of the conversation.
        model.side_requests.append(request)
        content = found[0](0, Step("ok"), name)
        if is_stream:
            return 200, "text/event-stream", content
        return 200, _JSON, _whole(found[0], name)
    model.requests.append(request)
    number, step = model.next_step()
    if model.gate is not None:
        await model.gate.wait()
    return 200, "text/event-stream", found[0](number, step, name)


def _whole(shape: Format, name: str) -> bytes:
    """Return an answer that is no stream, in the form of an API."""
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    if shape is anthropic:
        content = [{"type": "text", "text": "ok"}]
        answer: dict[str, Any] = {
            "id": "msg_side", "type": "message", "role": "assistant", "model": name,
            "content": content, "stop_reason": "end_turn", "stop_sequence": None,
            "usage": usage,
        }  # fmt: skip
    elif shape is gemini:
        content_part = {"role": "model", "parts": [{"text": "{}"}]}
        candidate = {"content": content_part, "finishReason": "STOP", "index": 0}
        answer = {"candidates": [candidate], "usageMetadata": {}}
    else:
        message = {"role": "assistant", "content": "ok"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        answer = {
            "id": "side", "object": "chat.completion", "created": 1, "model": name,
            "choices": [choice], "usage": usage, "output": [], "status": "completed",
        }  # fmt: skip
    return json.dumps(answer).encode()
