"""A language model on loopback, with the API of OpenAI, that says what a test wants."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs


@attrs.define
class ChatModel:
    """The model, and what it was asked.

    Attributes:
        port: Its port.
        answer: Takes a prompt and returns what the model says, or an HTTP status.
        requests: Bodies of the requests.
    """

    port: int
    answer: Callable[[str], str | int]
    requests: list[dict[str, Any]] = attrs.field(factory=list)

    def variables(self, name: str = "small") -> dict[str, str]:
        """Return the variables of an agent that thinks with this model."""
        base = f"http://127.0.0.1:{self.port}/v1"
        return {"OPENAI_BASE_URL": base, "OPENAI_MODEL": name}

    def say(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer a request: its status and body."""
        self.requests.append(request)
        said = self.answer(request["messages"][-1]["content"])
        if isinstance(said, int):
            return said, {"error": {"message": "the test wants this"}}
        message = {"role": "assistant", "content": said}
        return 200, {"choices": [{"index": 0, "message": message}]}


@contextmanager
def open_chat_model(answer: Callable[[str], str | int]) -> Iterator[ChatModel]:
    """Serve a model; its answers may block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            status, body = model.say(json.loads(self.rfile.read(length)))
            payload = json.dumps(body).encode()
            self.send_response(status if self.path.endswith("/completions") else 404)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Keep the output of the tests clean."""

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        server.daemon_threads = True
        model = ChatModel(server.server_port, answer)
        pool.submit(server.serve_forever, 0.02)
        try:
            yield model
        finally:
            server.shutdown()
