"""The served dashboard, as far as no browser is needed."""

import gzip
import json
import re
import struct
from hashlib import sha256
from importlib import resources
from pathlib import PurePosixPath
from posixpath import normpath
from urllib.parse import urljoin, urlsplit

import pytest
import trio.testing

from argybargy.web.static import PageFile
from support.web_app import open_site

FILES = resources.files("argybargy.web") / "dashboard"
GUEST_FILES = resources.files("argybargy.web") / "guest_page"
GUEST_PARTS = [
    "/guest",
    *(f"/guest/{entry.name}" for entry in GUEST_FILES.iterdir() if ".js" in entry.name),
    "/guest/guest.css",
]
ICONS = [entry.name for entry in FILES.iterdir() if entry.name.endswith(".png")]
OPERATORS = {"api.js", "attention.js", "main.js", "state.js", "stream.js"}
"""Modules with the session of the operator, or what only the operator may see."""
PARTS = [
    f"/dashboard/{folder}{entry.name}"
    for folder in ("", "vendor/")
    for entry in sorted((FILES / folder).iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith((".js", ".css", ".svg"))
]
HERE = "http://127.0.0.1:8765/dashboard"


async def test_the_dashboard_is_gzipped_and_revalidated_by_etag(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        call = site.front.call
        plain = await call("GET", "/dashboard")
        assert plain.headers["content-type"] == "text/html; charset=utf-8"
        assert "content-encoding" not in plain.headers
        packed = await call(
            "GET", "/dashboard", headers={"accept-encoding": "br, gzip;q=0.8"}
        )
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "accept-encoding"
        assert gzip.decompress(packed.body) == plain.body
        refused = await call(
            "GET", "/dashboard", headers={"accept-encoding": "gzip;q=0"}
        )
        assert refused.body == plain.body
        tag = plain.headers["etag"]
        for known in (f'"other", {tag}', tag.removeprefix("W/"), "*"):
            again = await call("GET", "/dashboard", headers={"if-none-match": known})
            assert (again.status, again.body) == (304, b"")
            assert again.headers["etag"] == tag
            assert "content-length" not in again.headers
        other = await call("GET", "/dashboard", headers={"if-none-match": '"other"'})
        assert other.status == 200


async def test_every_file_has_a_strict_policy_and_no_path_escapes_the_folder(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        for path in ("/dashboard", *PARTS, *GUEST_PARTS):
            answer = await site.front.call("GET", path)
            assert answer.status == 200, path
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "require-trusted-types-for 'script'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-cache"
        outside = (
            "../app.py",
            "..%2fapp.py",
            "vendor/manifest.json",
            "",
            "no.js",
            "%00",
        )
        for name in outside:
            answer = await site.front.call("GET", f"/dashboard/{name}")
            assert answer.status in {400, 404}, name


async def test_files_are_served_without_indentation_and_comments(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        served = await site.front.call("GET", "/dashboard/ui.js")
        code = (FILES / "ui.js").read_text()
        lines = [line.strip() for line in code.splitlines()]
        kept = [
            line for line in lines if line and not line.startswith(("//", "/*", "*"))
        ]
        assert served.body.decode().splitlines() == kept
        vendored = await site.front.call("GET", "/dashboard/vendor/preact.js")
        assert vendored.body == (FILES / "vendor" / "preact.js").read_bytes()


def test_vendored_files_match_their_manifest() -> None:
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


@pytest.mark.parametrize("path", PARTS)
def test_no_file_names_another_host_or_makes_markup_or_code_from_text(
    path: str,
) -> None:
    if "vendor" in path or path.endswith(".svg"):
        return
    text = (FILES / path.removeprefix("/dashboard/")).read_text()
    assert not re.findall(r"https?://[\w.]+", text)
    for word in ("innerHTML", "outerHTML", "eval(", "new Function", "document.write"):
        assert word not in text


async def test_only_the_dashboard_may_have_a_worker_and_a_manifest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        policies = {
            path: set(
                (await site.front.call("GET", path))
                .headers["content-security-policy"]
                .split("; ")
            )
            for path in ("/dashboard", "/guest", "/dashboard/worker.js")
        }
    guest, worker = policies["/guest"], policies["/dashboard/worker.js"]
    assert policies["/dashboard"] - guest == {
        "worker-src 'self'",
        "manifest-src 'self'",
        "trusted-types argybargy-worker",
    }
    assert guest - policies["/dashboard"] == {"trusted-types 'none'"}
    assert worker < guest
    assert not any(each.startswith(("script", "connect")) for each in worker)


async def test_the_worker_controls_the_page_and_nothing_beside_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        for path in PARTS:
            answer = await site.front.call("GET", path)
            allowed = answer.headers.get("service-worker-allowed")
            assert (allowed is not None) == (path == "/dashboard/worker.js"), path
        worker = await site.front.call("GET", "/dashboard/worker.js")
        scope = urljoin(f"{HERE}/worker.js", worker.headers["service-worker-allowed"])
        assert scope == HERE
    text = (FILES / "worker.js").read_text()
    assert "fetch" not in text.replace("no fetch handler", "")
    assert "caches" not in text
    assert "import" not in text


async def test_the_manifest_of_the_home_screen_names_icons_that_are_served(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Browsers ask for it without any credential."""
    address = f"{HERE}/manifest.webmanifest"
    async with open_site() as site:
        answer = await site.front.call("GET", urlsplit(address).path)
        assert answer.headers["content-type"] == "application/manifest+json"
        manifest = answer.json
        assert urljoin(address, manifest["start_url"]) == f"{HERE}?view=inbox"
        assert urljoin(address, manifest["scope"]) == HERE
        assert manifest["display"] == "standalone"
        sizes = set()
        for icon in manifest["icons"]:
            path = urlsplit(urljoin(address, icon["src"])).path
            served = await site.front.call("GET", path)
            assert served.headers["content-type"] == icon["type"]
            if icon["type"] == "image/png":
                width, height = struct.unpack(">II", served.body[16:24])
                assert icon["sizes"] == f"{width}x{height}"
                sizes.add((width, icon.get("purpose", "any")))
    assert sizes == {(192, "any"), (512, "any"), (512, "maskable")}


async def test_the_manifest_and_icons_obey_the_rule_for_hosts(
    autojump_clock: trio.testing.MockClock,
) -> None:
    url = "https://relay.example.org"
    async with open_site(public_url=url) as site:
        for path in ("/dashboard/manifest.webmanifest", "/favicon.ico"):
            for host, status in (("relay.example.org", 200), ("evil.example", 421)):
                answer = await site.front.call("GET", path, headers={"host": host})
                assert answer.status == status, (path, host)


async def test_a_page_that_names_no_icon_gets_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Browsers ask for /favicon.ico by themselves, and log a 404."""
    async with open_site() as site:
        answer = await site.front.call("GET", "/favicon.ico")
        assert answer.status == 200
        assert answer.headers["content-type"] == "image/x-icon"
        assert answer.body.startswith(b"\0\0\1\0\1\0")
        png = answer.body[22:]
        assert png.startswith(b"\x89PNG")
        assert struct.unpack("<I", answer.body[14:18]) == (len(png),)


async def test_what_gzip_does_not_shrink_is_sent_as_it_is(
    autojump_clock: trio.testing.MockClock,
) -> None:
    noise = sha256(b"1").digest() * 3
    page = PageFile.make(noise[:40], b"image/png")
    plain = page.respond("", "gzip")
    assert (plain.body, plain.status) == (noise[:40], 200)
    assert b"content-encoding" not in dict(plain.headers)
    async with open_site() as site:
        for name in ICONS:
            file = (FILES / name).read_bytes()
            answer = await site.front.call(
                "GET", f"/dashboard/{name}", headers={"accept-encoding": "gzip"}
            )
            is_packed = "content-encoding" in answer.headers
            assert (gzip.decompress(answer.body) if is_packed else answer.body) == file
            assert len(answer.body) <= len(file)


def test_the_icons_are_light() -> None:
    assert sum(len((FILES / name).read_bytes()) for name in ICONS) < 32 * 1024


def test_the_page_of_guests_loads_none_of_the_operator_s_modules() -> None:
    found: set[str] = set()
    ahead = [f"guest_page/{name}" for name in _imports("guest_page/guest.js")]
    while ahead:
        path = str(PurePosixPath(normpath(ahead.pop())))
        if path in found:
            continue
        found.add(path)
        folder = PurePosixPath(path).parent
        ahead += [str(folder / name) for name in _imports(path)]
    assert {"dashboard/markdown.js", "guest_page/room.js"} <= found
    assert not OPERATORS & {PurePosixPath(path).name for path in found}
    index = (GUEST_FILES / "index.html").read_text()
    linked = set(re.findall(r'rel="modulepreload" href="([^"]+)"', index))
    assert linked == {path.replace("guest_page/", "guest/") for path in found}


def _imports(path: str) -> list[str]:
    text = (resources.files("argybargy.web") / path).read_text()
    return re.findall(r'(?:from|import) ?"(\.[^"]+)"', text)


def test_the_page_of_guests_names_no_host_and_parses_no_text_as_markup() -> None:
    for entry in GUEST_FILES.iterdir():
        text = entry.read_text()
        assert not re.findall(r"https?://[\w.]+", text)
        for word in ("HTML", "eval(", "new Function", "document.write", "localStorage"):
            assert word not in text


def test_every_module_of_a_visit_is_preloaded() -> None:
    """A module that is discovered through another costs one more round trip."""
    index = (FILES / "index.html").read_text()
    modules = {
        f"dashboard/{folder}{entry.name}"
        for folder in ("", "vendor/")
        for entry in (FILES / folder).iterdir()
        if entry.name.endswith(".js")
    }
    lazy = set()
    for path in (FILES).iterdir():
        if path.name.endswith(".js"):
            for name in re.findall(r'import\("\./([\w.]+)"\)', path.read_text()):
                lazy.add(f"dashboard/{name}")
    # Imported by those modules only; and the service worker.
    names = (
        *("access.js", "qr.js", "search_help.js", "services.js"),
        *("vendor/lean-qr.js", "worker.js"),
    )
    seldom = lazy | {f"dashboard/{name}" for name in names}
    early = {"dashboard/early.js", "dashboard/main.js"}
    linked = set(re.findall(r'rel="modulepreload" href="([^"]+)"', index))
    assert linked == modules - seldom - early
    assert all(f'src="{name}"' in index for name in early)
