"""The access log: one line for each request."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
import trio
from structlog.testing import LogCapture

from argybargy.web.access_log import AccessLog, shown_path
from support.error_log import ErrorLog
from support.web_app import Client, Site, open_site


@pytest.fixture
def lines(error_log: ErrorLog) -> Iterator[list[Any]]:
    capture = LogCapture()
    processors = structlog.get_config()["processors"]
    processors.insert(0, capture)
    yield capture.entries
    processors.remove(capture)


def logged(site: Site) -> Client:
    return Client(AccessLog(site.front.app, site.services))


async def test_a_line_has_method_path_caller_and_status(
    lines: list[Any],
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        lines.clear()
        await logged(site).call("GET", "/messages?since=0", code=code)
        (line,) = lines
        assert line.pop("milliseconds") >= 0
        assert len(line.pop("request_id")) == 16
        assert len(line.pop("key_id")) > 5
        assert line == {
            "event": "request", "log_level": "debug", "method": "GET",
            "path": "/messages", "status": 200, "peer": "alice", "room": "build",
        }  # fmt: skip


@pytest.mark.parametrize("target", ["/whoami", "/nowhere", "/messages/x"])
async def test_an_error_and_its_line_have_the_same_request_id(
    lines: list[Any], target: str
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        lines.clear()
        shown = None if target == "/whoami" else code
        reply = await logged(site).call("GET", target, code=shown)
        (line,) = lines
        assert line["status"] == reply.status >= 400
        assert line["request_id"] == reply.json["detail"]["request_id"]
        again = await site.front.call("GET", target)
        assert line["request_id"] != again.json["detail"]["request_id"]


@pytest.mark.parametrize("is_logged", [True, False])
@pytest.mark.parametrize("door", ["front", "quart"])
async def test_a_bug_is_logged_with_the_request_id_of_its_response(
    lines: list[Any], door: str, *, is_logged: bool
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        client: Client = getattr(site, door)
        if is_logged:
            client = Client(AccessLog(client.app, site.services))
        site.house.relay.presence = None  # type: ignore[assignment]
        lines.clear()
        reply = await client.call("GET", "/whoami", code=code)
        assert reply.error == "internal_error"
        names = {line["request_id"] for line in lines}
        assert names == {reply.json["detail"]["request_id"]}
        assert lines[0]["event"] == "request failed"


async def test_neither_text_nor_query_nor_secret_is_logged(lines: list[Any]) -> None:
    async with open_site() as site:
        code, session = await site.code("alice"), await site.sign_in()
        lines.clear()
        client = logged(site)
        await client.call("POST", "/messages", code=code, json={"text": "whispering"})
        await client.call("GET", f"/messages?code={code}", code=code)
        await client.call("GET", f"/{code}/{session}")
        await client.call("GET", "/admin/state", token="wrong-token")
        assert len(lines) == 4
        said = repr(lines)
        for secret in (code, session, "whispering", "wrong-token", "code="):
            assert secret not in said
        assert lines[2]["path"] == "/…/…"


async def test_a_request_whose_client_disconnected_has_no_status(
    lines: list[Any],
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        lines.clear()
        with trio.move_on_after(0.05):
            await logged(site).call("GET", "/messages?wait=25", code=code)
        (line,) = lines
        assert (line["status"], line["peer"]) == (None, "alice")


def test_words_like_secrets_are_masked_in_the_log() -> None:
    assert shown_path(f"/{'aB3-_' * 9}/whoami") == "/…/whoami"


def test_a_path_is_escaped_and_truncated() -> None:
    assert shown_path("/a\nb\x1b[2J") == "/a\\nb\\x1b[2J"
    assert len(shown_path("/x" * 5_000)) == 200
