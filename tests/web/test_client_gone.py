"""Clients that disconnect within their request: no error is logged."""

from typing import Any

from support.web_app import BASE, open_site


async def test_a_disconnect_within_the_body_is_no_error() -> None:
    async with open_site() as site:
        code = await site.code("alice")
        sent: list[Any] = []
        events = [
            {"type": "http.request", "body": b'{"text":', "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Any:  # noqa: ANN401  an ASGI event
            return events.pop(0)

        async def send(event: Any) -> None:  # noqa: ANN401  an ASGI event
            sent.append(event)

        scope: Any = {
            "type": "http",
            "method": "POST",
            "path": "/messages",
            "query_string": b"",
            "headers": [
                (b"host", BASE.removeprefix("http://").encode()),
                (b"authorization", f"Bearer {code}".encode()),
                (b"content-type", b"application/json"),
                (b"content-length", b"99"),
            ],
        }
        await site.front.app(scope, receive, send)
        assert sent == []
        assert events == []
        assert (await site.admin("GET", "/admin/stats")).json["messages"] == 0
