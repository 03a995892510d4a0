"""The page behind a link in a notification, in a phone's browser without JavaScript."""

import json
import socket
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import NO_RATE_LIMITS, Relay

pytestmark = pytest.mark.browser
PATIENCE_SECONDS = 30.0
AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text()


def receive(server: socket.socket) -> Any:  # noqa: ANN401  decoded JSON
    """Accept one call of the webhook, and return its JSON."""
    connection, _ = server.accept()
    with connection:
        connection.settimeout(PATIENCE_SECONDS)
        raw = b""
        while not raw.endswith(b"}]}"):
            raw += connection.recv(4096)
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    return json.loads(raw.partition(b"\r\n\r\n")[2])


@pytest.fixture
def webhook() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_SECONDS)
        yield server


def link_to(relay: Relay, webhook: socket.socket, text: str, *choices: str) -> str:
    """Start a relay that notifies, ask the operator, and return the link."""
    relay.stop()
    relay.environment = NO_RATE_LIMITS | {
        "ARGYBARGY_WEBHOOK": f"http://127.0.0.1:{webhook.getsockname()[1]}/",
        "ARGYBARGY_NOTIFY_AFTER": "0",
        "ARGYBARGY_PUBLIC_URL": relay.url,
    }
    relay.start()
    relay.agent("ann").ask(text, to="operator", choices=list(choices))
    link: str = receive(webhook)["events"][0]["link"]
    return link


@pytest.fixture(params=["light", "dark"])
def phone(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a phone's browser of the least width, without JavaScript."""
    context = chromium.new_context(
        viewport={"width": 320, "height": 568},
        color_scheme=request.param,
        java_script_enabled=False,
        has_touch=True,
    )
    page = context.new_page()
    complaints = list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    context.close()
    # Of a page with a status such as 410 it is said that it could not be loaded.
    assert [text for text in complaints if "the server responded" not in text] == []


def test_a_tap_on_a_choice_answers_the_question(
    relay: Relay, webhook: socket.socket, phone: Page
) -> None:
    long = "May I delete the bucket " + "x" * 300 + "?\nIt is empty."
    link = link_to(relay, webhook, long, "yes", "not before the audit is over", "no")
    phone.goto(link)
    expect(phone.get_by_role("heading")).to_have_text("ann asks you")
    expect(phone.get_by_text("It is empty.")).to_be_visible()
    for button in phone.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    phone.get_by_role("button", name="not before").tap()
    expect(phone.get_by_role("heading")).to_have_text("Sent")
    phone.reload()
    expect(phone.get_by_role("heading")).to_have_text("Sent")
    phone.goto(link)
    expect(phone.get_by_role("heading")).to_have_text("Sent")
    expect(phone.get_by_role("button")).to_have_count(0)
    thread = relay.admin("GET", "/admin/rooms/build/messages/1").json
    assert thread["answer"]["choice"] == "not before the audit is over"
    assert len(thread["replies"]) == 1


def test_a_text_answers_too_and_an_empty_one_is_corrected(
    relay: Relay, webhook: socket.socket, phone: Page
) -> None:
    link = link_to(relay, webhook, "What now?")
    phone.goto(link)
    phone.get_by_role("button", name="Send").tap()
    expect(phone.get_by_role("alert")).to_contain_text("Write an answer")
    phone.get_by_label("Your answer").fill("Wait for me.")
    phone.get_by_role("button", name="Send").tap()
    expect(phone.get_by_role("heading")).to_have_text("Sent")
    phone.goto(link[:-1] + ("A" if link[-1] != "A" else "B"))
    expect(phone.get_by_role("heading")).to_have_text("This link is not valid")


def test_the_page_is_accessible_in_both_themes(
    relay: Relay, webhook: socket.socket, chromium: Browser
) -> None:
    link = link_to(relay, webhook, "Which one?", "left", "right")
    context = chromium.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(link)
    page.evaluate(AXE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        found = page.evaluate("axe.run().then((result) => result.violations)")
        assert found == [], scheme
    context.close()
