"""What is served, what it weighs, and what it keeps in the browser: D1 to D9, D14."""

import gzip
import http.client
import json
import re
from hashlib import sha256
from importlib import resources
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, expect

from browser.conftest import NewDesk
from browser.kit import Desk, Relay

pytestmark = pytest.mark.browser
FILES = resources.files("argybargy.web") / "dashboard"
MOST_BYTES = 60 * 1024
MOST_BYTES_IN_ALL = 72 * 1024


def fetch(relay: Relay, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=10)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.body = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


def packed_bytes(relay: Relay, path: str) -> int:
    answer = fetch(relay, path, **{"Accept-Encoding": "gzip"})
    return int(answer.headers["content-length"])


def served() -> list[str]:
    """Return the paths of all files of the page."""
    names = [entry.name for entry in FILES.iterdir() if entry.is_file()]
    vendored = [f"vendor/{entry.name}" for entry in (FILES / "vendor").iterdir()]
    files = [name for name in (*names, *vendored) if name.endswith((".js", ".css"))]
    return ["/dashboard", *(f"/dashboard/{name}" for name in files)]


def test_the_page_needs_no_sign_in_and_is_asked_for_again_only_if_changed(
    relay: Relay,
) -> None:
    """D1, but for its size: compressed, with a tag, in small files."""
    plain = fetch(relay, "/dashboard")
    packed = fetch(relay, "/dashboard", **{"Accept-Encoding": "br, gzip"})
    assert (plain.status, plain.headers["content-encoding"]) == (200, None)
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body  # type: ignore[attr-defined]
    tag = plain.headers["etag"]
    again = fetch(relay, "/dashboard", **{"If-None-Match": f'"other", {tag}'})
    assert (again.status, again.body) == (304, b"")  # type: ignore[attr-defined]
    assert fetch(relay, "/dashboard", **{"If-None-Match": '"other"'}).status == 200
    refused = fetch(relay, "/dashboard", **{"Accept-Encoding": "gzip;q=0"})
    assert refused.headers["content-encoding"] is None


def test_every_file_has_a_strict_policy_and_no_path_leads_out(relay: Relay) -> None:
    for path in served():
        answer = fetch(relay, path)
        policy = answer.headers["content-security-policy"]
        assert answer.status == 200, path
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    outside = ("../app.py", "..%2fapp.py", "vendor/manifest.json", "", "nothing.js")
    for name in outside:
        assert fetch(relay, f"/dashboard/{name}").status == 404, name


def test_a_browser_that_asks_for_the_relay_is_led_to_the_page(desk: Desk) -> None:
    desk.page.goto(desk.relay.url)
    assert desk.page.url == f"{desk.relay.url}/dashboard"
    expect(
        desk.page.get_by_role("heading", name="Not signed in", exact=True)
    ).to_be_visible()


def test_a_visit_weighs_at_most_60_kilobytes(desk: Desk) -> None:
    """What opens seldom comes when it is opened, and is counted by the second limit."""
    visited: set[str] = set()
    desk.page.on("request", lambda request: visited.add(request.url))
    desk.relay.room("build")
    desk.sign_in().send("hello")
    expect(desk.css(".msg")).to_have_count(1)
    paths = {urlsplit(url).path for url in visited if "/dashboard" in url}
    assert len(paths) > 20
    assert "/dashboard/admin.js" not in paths
    sizes = {path: packed_bytes(desk.relay, path) for path in {*paths, *served()}}
    assert sum(sizes[path] for path in paths) <= MOST_BYTES
    assert sum(sizes.values()) <= MOST_BYTES_IN_ALL


def test_what_is_vendored_is_what_the_manifest_says() -> None:
    folder = FILES / "vendor"
    rows = json.loads((folder / "manifest.json").read_text())["files"]
    for row in rows:
        found = sha256((folder / row["file"]).read_bytes()).hexdigest()
        assert found == row["sha256"], row["file"]
        assert row["licence"] in {"MIT", "Apache-2.0"}
    scripts = {entry.name for entry in folder.iterdir() if entry.name.endswith(".js")}
    assert scripts == {row["file"] for row in rows}
    licences = (folder / "LICENSES.txt").read_text()
    assert all(f"{row['name'].split()[0]} {row['version']}" in licences for row in rows)


def test_the_files_name_no_other_host_and_make_no_code_from_text() -> None:
    """D2, D9, as far as it can be read: tests of behaviour are elsewhere."""
    for entry in FILES.iterdir():
        if not entry.name.endswith((".js", ".css", ".html")):
            continue
        text = entry.read_text()
        hosts = set(re.findall(r"https?://[\w.]+", text)) - {"http://www.w3.org"}
        assert not hosts, entry.name
        for word in (
            "innerHTML",
            "outerHTML",
            "eval(",
            "new Function",
            "document.write",
        ):
            assert word not in text, (entry.name, word)


def test_the_page_loads_without_a_mistake(desk: Desk) -> None:
    """D2, D4. The title is the name alone, and the room's once there is one."""
    desk.open()
    root = desk.css("html")
    expect(desk.page).to_have_title("Argybargy")
    expect(root).to_have_attribute("lang", "en")
    expect(root).to_have_attribute("data-theme", "auto")
    expect(desk.css("meta[name=color-scheme]")).to_have_attribute(
        "content", "light dark"
    )
    assert "width=device-width" in (
        desk.css("meta[name=viewport]").get_attribute("content") or ""
    )


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


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_chosen_theme_is_there_before_the_first_paint(
    new_desk: NewDesk, theme: str
) -> None:
    """D13, D14: three ways, stored, and applied before anything is drawn."""
    desk = new_desk(color_scheme="light" if theme == "dark" else "dark").open()
    button = desk.button(f"{theme.capitalize()} theme")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    desk.page.route("**/main.js", lambda route: route.abort())
    desk.page.reload()
    expect(desk.css("html")).to_have_attribute("data-theme", theme)
    shown = desk.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert shown == ("rgb(21, 23, 28)" if theme == "dark" else "rgb(255, 255, 255)")
