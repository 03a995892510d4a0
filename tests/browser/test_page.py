"""Served files, download size, and browser storage: D1 to D9, D14."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, expect

from support.browser import Dashboard, NewDashboard, Relay, call

pytestmark = pytest.mark.browser
MAX_FIRST_VISIT_BYTES = 90 * 1024
"""Bound on a first visit, compressed. The page has no bundler to shrink it."""


def packed_bytes(relay: Relay, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=10)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    length = len(connection.getresponse().read())
    connection.close()
    return length


def test_a_browser_at_the_root_is_redirected_to_the_page(dashboard: Dashboard) -> None:
    """D1, D2, D4: without a sign-in. Its title has no "Admin" but the room's name."""
    dashboard.page.goto(dashboard.relay.url)
    assert dashboard.page.url == f"{dashboard.relay.url}/dashboard"
    expect(dashboard.page).to_have_title("Argybargy")
    root, meta = dashboard.css("html"), dashboard.css("meta[name=color-scheme]")
    expect(root).to_have_attribute("lang", "en")
    expect(root).to_have_attribute("data-theme", "auto")
    expect(meta).to_have_attribute("content", "light dark")
    expect(dashboard.css("meta[name=viewport]")).to_have_attribute(
        "content", re.compile("width=device-width")
    )
    expect(
        dashboard.page.get_by_role("heading", name="Not signed in", exact=True)
    ).to_be_visible()


def test_a_first_visit_downloads_at_most_90_kilobytes(dashboard: Dashboard) -> None:
    """Dialogs that are seldom opened are loaded when they open."""
    visited: set[str] = set()
    dashboard.page.on("request", lambda request: visited.add(request.url))
    dashboard.relay.room("build")
    dashboard.sign_in().send("hello")
    expect(dashboard.css(".msg")).to_have_count(1)
    paths = {urlsplit(url).path for url in visited if "/dashboard" in url}
    assert len(paths) > 20
    assert "/dashboard/admin.js" not in paths
    weight = sum(packed_bytes(dashboard.relay, path) for path in paths)
    assert weight <= MAX_FIRST_VISIT_BYTES


def test_all_requests_go_to_the_operator_s_endpoints(dashboard: Dashboard) -> None:
    """D3, D6: and the session in place of the token, in a header, on a push."""
    asked: list[tuple[str, str]] = []
    headers: list[dict[str, str]] = []

    def note(request: Request) -> None:
        path = request.url.removeprefix(dashboard.relay.url).partition("?")[0]
        if not path.startswith("/dashboard"):
            asked.append((request.method, path))
            headers.append(request.headers)

    dashboard.page.on("request", note)
    dashboard.relay.room("build")
    dashboard.sign_in().send("hello")
    expect(dashboard.css(".msg")).to_have_count(1)
    assert ("POST", "/admin/stream") in asked
    assert ("POST", "/admin/say") in asked
    assert all(path.startswith("/admin/") for _, path in asked)
    assert not any("x-admin-token" in each for each in headers)
    assert sum(path == "/admin/state" for _, path in asked) == 0


def test_no_secret_is_stored_but_half_of_the_session(dashboard: Dashboard) -> None:
    """D5, on purpose otherwise: the token is exchanged and never stored."""
    dashboard.relay.room("build")
    dashboard.open().button("Paste a link or token").click()
    dashboard.css("#adToken").fill(dashboard.relay.token)
    dashboard.button("Sign in").click()
    dashboard.wait_live()
    kept = dashboard.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}])"
    )
    assert dashboard.relay.token not in kept
    lasting, passing = json.loads(kept)
    assert "argy_s1_" not in json.dumps(passing)
    half = lasting["argy_session"]
    assert half.startswith("argy_s1_")
    alone = {"X-Admin-Session": half}
    assert call("GET", f"{dashboard.relay.url}/admin/session", **alone).status == 401


def test_a_sign_in_code_leaves_the_address_at_once(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in("?room=build")
    assert dashboard.page.url == f"{dashboard.relay.url}/dashboard?room=build"
    assert "argy_o1_" not in dashboard.page.evaluate(
        "JSON.stringify(history.state) + location"
    )


def test_a_broken_storage_falls_back_to_memory(dashboard: Dashboard) -> None:
    """D7: stored values then last as long as the page."""
    dashboard.page.add_init_script(
        "localStorage.argy_seen = '{not json'; localStorage.argy_closed_shown = '{';"
        "Storage.prototype.setItem = () => { throw new Error('locked'); };"
    )
    dashboard.relay.room("build")
    dashboard.relay.room("old")
    dashboard.relay.do("/admin/rooms/old/close")
    dashboard.sign_in()
    dashboard.button("Dark theme").click()
    expect(dashboard.css("html")).to_have_attribute("data-theme", "dark")
    dashboard.css(".fold").click()
    expect(dashboard.room_row("old")).to_be_visible()


def test_pure_helpers_can_be_called_from_outside(dashboard: Dashboard) -> None:
    """D8: the modules themselves take the place of ``window.__argy``."""
    dashboard.open()
    value = dashboard.call_module
    assert value("format", "[0, 5, 59, 60, 3599, 3600, 86400 * 3].map(m.age)") == [
        *("now", "5s", "59s", "1m", "59m", "1h", "3d")
    ]
    assert value("format", "[7, 760, 11100].map(m.minutesAndSeconds)") == [
        "0:07",
        "12:40",
        "3:05:00",
    ]
    assert value("format", "['claude', 'qa-bot', 'x'].map(m.monogram)") == [
        "CL",
        "QB",
        "X",
    ]
    assert value("format", "m.hashOf('Claude') === m.hashOf('claude')")
    assert dashboard.page.evaluate("window.__argy") is None


def test_a_chosen_theme_is_there_before_the_first_paint(
    new_dashboard: NewDashboard,
) -> None:
    """D13, D14: three ways, stored, and applied before anything is drawn."""
    dashboard = new_dashboard(color_scheme="light").open()
    shown = "getComputedStyle(document.body).backgroundColor"
    assert dashboard.page.evaluate(shown) == "rgb(255, 255, 255)"
    button = dashboard.button("Dark theme")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    dashboard.page.route("**/main.js", lambda route: route.abort())
    dashboard.page.reload()
    expect(dashboard.css("html")).to_have_attribute("data-theme", "dark")
    assert dashboard.page.evaluate(shown) == "rgb(21, 23, 28)"
    dashboard.page.emulate_media(color_scheme="dark")
    dashboard.page.evaluate("localStorage.argy_theme = 'light'")
    dashboard.page.reload()
    assert dashboard.page.evaluate(shown) == "rgb(255, 255, 255)"
