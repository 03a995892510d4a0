"""The served dashboard, as far as no browser is needed."""

import gzip
import json
import re
from hashlib import sha256
from importlib import resources

import pytest
import trio.testing

from support.web_app import open_site

FILES = resources.files("argybargy.web") / "dashboard"
GUEST_FILES = resources.files("argybargy.web") / "guest_page"
GUEST_PARTS = ["/guest", "/guest/guest.js", "/guest/guest.css"]
PARTS = [
    f"/dashboard/{folder}{entry.name}"
    for folder in ("", "vendor/")
    for entry in sorted((FILES / folder).iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith((".js", ".css", ".svg"))
]


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
            assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
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
    # Imported by those modules only.
    names = ("access.js", "qr.js", "vendor/lean-qr.js")
    seldom = lazy | {f"dashboard/{name}" for name in names}
    early = {"dashboard/early.js", "dashboard/main.js"}
    linked = set(re.findall(r'rel="modulepreload" href="([^"]+)"', index))
    assert linked == modules - seldom - early
    assert all(f'src="{name}"' in index for name in early)
