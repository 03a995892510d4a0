"""What is served, what it weighs, and what it keeps in the browser: D1 to D9, D14."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, expect

from support.browser import Desk, NewDesk, Relay

pytestmark = pytest.mark.browser
MAX_FIRST_VISIT_BYTES = 90 * 1024
"""Bound on a first visit, compressed. The page has no bundler to shrink it."""


def packed_bytes(relay: Relay, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=10)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    length = len(connection.getresponse().read())
    connection.close()
    return length


def test_a_browser_that_asks_for_the_relay_is_led_to_the_page(desk: Desk) -> None:
    """D1, D2, D4: without a sign-in. Its title has no "Admin" but the room's name."""
    desk.page.goto(desk.relay.url)
    assert desk.page.url == f"{desk.relay.url}/dashboard"
    expect(desk.page).to_have_title("Argybargy")
    root, meta = desk.css("html"), desk.css("meta[name=color-scheme]")
    expect(root).to_have_attribute("lang", "en")
    expect(root).to_have_attribute("data-theme", "auto")
    expect(meta).to_have_attribute("content", "light dark")
    expect(desk.css("meta[name=viewport]")).to_have_attribute(
        "content", re.compile("width=device-width")
    )
    expect(
        desk.page.get_by_role("heading", name="Not signed in", exact=True)
    ).to_be_visible()


def test_a_first_visit_downloads_at_most_90_kilobytes(desk: Desk) -> None:
    """Dialogs that are seldom opened are loaded when they open."""
    visited: set[str] = set()
    desk.page.on("request", lambda request: visited.add(request.url))
    desk.relay.room("build")
    desk.sign_in().send("hello")
    expect(desk.css(".msg")).to_have_count(1)
    paths = {urlsplit(url).path for url in visited if "/dashboard" in url}
    assert len(paths) > 20
    assert "/dashboard/admin.js" not in paths
    weight = sum(packed_bytes(desk.relay, path) for path in paths)
    assert weight <= MAX_FIRST_VISIT_BYTES


def test_all_requests_go_to_the_operator_s_endpoints(desk: Desk) -> None:
    """D3, D6: and the session in place of the token, in a header, on a push."""
    asked: list[tuple[str, str]] = []
    headers: list[dict[str, str]] = []

    def note(request: Request) -> None:
        path = request.url.removeprefix(desk.relay.url).partition("?")[0]
        if not path.startswith("/dashboard"):
            asked.append((request.method, path))
            headers.append(request.headers)

    desk.page.on("request", note)
    desk.relay.room("build")
    desk.sign_in().send("hello")
    expect(desk.css(".msg")).to_have_count(1)
    assert ("POST", "/admin/stream") in asked
    assert ("POST", "/admin/say") in asked
    assert all(path.startswith("/admin/") for _, path in asked)
    assert not any("x-admin-token" in each for each in headers)
    assert sum(path == "/admin/state" for _, path in asked) == 0


def test_no_secret_is_kept_but_the_session_of_this_tab(desk: Desk) -> None:
    """D5, on purpose otherwise: the token is traded and never stored."""
    desk.relay.room("build")
    desk.open().button("Paste admin token").click()
    desk.css("#adToken").fill(desk.relay.token)
    desk.button("Sign in").click()
    desk.is_live()
    kept = desk.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}])"
    )
    assert desk.relay.token not in kept
    lasting, passing = json.loads(kept)
    assert "argy_s1_" not in json.dumps(lasting)
    assert passing["argy_session"].startswith("argy_s1_")


def test_a_sign_in_code_leaves_the_address_at_once(desk: Desk) -> None:
    desk.relay.room("build")
    desk.sign_in("?room=build")
    assert desk.page.url == f"{desk.relay.url}/dashboard?room=build"
    assert "argy_o1_" not in desk.page.evaluate(
        "JSON.stringify(history.state) + location"
    )


def test_a_broken_storage_breaks_nothing(desk: Desk) -> None:
    """D7: what it would hold then lasts as long as the page."""
    desk.page.add_init_script(
        "localStorage.argy_seen = '{not json'; localStorage.argy_closed_shown = '{';"
        "Storage.prototype.setItem = () => { throw new Error('locked'); };"
    )
    desk.relay.room("build")
    desk.relay.room("old")
    desk.relay.do("/admin/rooms/old/close")
    desk.sign_in()
    desk.button("Dark theme").click()
    expect(desk.css("html")).to_have_attribute("data-theme", "dark")
    desk.css(".fold").click()
    expect(desk.room_row("old")).to_be_visible()


def test_helpers_are_pure_and_can_be_asked_from_outside(desk: Desk) -> None:
    """D8: the modules themselves take the place of ``window.__argy``."""
    desk.open()
    value = desk.value
    assert value("format", "[0, 5, 59, 60, 3599, 3600, 86400 * 3].map(m.age)") == [
        *("now", "5s", "59s", "1m", "59m", "1h", "3d")
    ]
    assert value("format", "[7, 760, 11100].map(m.counted)") == [
        "0:07",
        "12:40",
        "3:05:00",
    ]
    assert value("format", "['claude', 'qa-bot', 'x'].map(m.monogram)") == [
        "CL",
        "QB",
        "X",
    ]
    assert value("format", "m.hueOf('Claude') === m.hueOf('claude')")
    assert desk.page.evaluate("window.__argy") is None


def test_a_chosen_theme_is_there_before_the_first_paint(new_desk: NewDesk) -> None:
    """D13, D14: three ways, stored, and applied before anything is drawn."""
    desk = new_desk(color_scheme="light").open()
    shown = "getComputedStyle(document.body).backgroundColor"
    assert desk.page.evaluate(shown) == "rgb(255, 255, 255)"
    button = desk.button("Dark theme")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    desk.page.route("**/main.js", lambda route: route.abort())
    desk.page.reload()
    expect(desk.css("html")).to_have_attribute("data-theme", "dark")
    assert desk.page.evaluate(shown) == "rgb(21, 23, 28)"
    desk.page.emulate_media(color_scheme="dark")
    desk.page.evaluate("localStorage.argy_theme = 'light'")
    desk.page.reload()
    assert desk.page.evaluate(shown) == "rgb(255, 255, 255)"
