"""Static files of the pages, read into memory once at start-up.

A request looks its path up in a table, never on the disk: there is no path traversal.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from argybargy.system.values import frozen
from argybargy.web.answer_page.page import STYLE_PATH
from argybargy.web.request import COMMON_HEADERS, Response

PATH: Final = "/dashboard"
GUEST_PATH: Final = "/guest"
"""Path of the page for guests."""
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types 'none'"
)
"""No inline code, no other origin, and no strings parsed as HTML (trusted types)."""
DASHBOARD_POLICY: Final = (
    POLICY.replace(b"trusted-types 'none'", b"trusted-types argybargy-worker")
    + b"; worker-src 'self'; manifest-src 'self'"
)
"""As `POLICY`, for a page with a service worker and a manifest.

Registering a worker takes a trusted type. The one policy that may be made gives a
single address, whatever it is asked for, and cannot be made a second time.
"""
WORKER_POLICY: Final = (
    b"default-src 'none'; img-src 'self'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types 'none'"
)
"""For the service worker: no connections, no imports; icons of notifications only."""

_WORKER: Final = f"{PATH}/worker.js"
_POLICIES: Final = {PATH: DASHBOARD_POLICY, _WORKER: WORKER_POLICY}
_EXTRA_HEADERS: Final = {
    # A worker may control what is below its own folder. This one controls the page
    # beside it; a relative address holds below the path of a reverse proxy, too.
    _WORKER: ((b"service-worker-allowed", b"../dashboard"),),
}
FAVICON_PATH: Final = "/favicon.ico"
"""Path that browsers ask for by themselves, on pages that name no icon."""

_MEDIA_TYPES: Final = {
    "css": b"text/css; charset=utf-8",
    "html": b"text/html; charset=utf-8",
    "ico": b"image/x-icon",
    "js": b"text/javascript; charset=utf-8",
    "png": b"image/png",
    "svg": b"image/svg+xml",
    "webmanifest": b"application/manifest+json",
}
_FOLDERS: Final = {
    PATH: "dashboard",
    GUEST_PATH: "guest_page",
    STYLE_PATH: "answer_page",
}
_INDEX: Final = "index.html"
_OURS: Final = re.compile(r"[^/]+\.(css|js)")
_COMMENT: Final = re.compile(r"//|/\*|\*/|\* |\*$")


@frozen
class PageFile:
    """One static file.

    Attributes:
        content: The file.
        packed: The file, gzipped; empty if that makes it no smaller.
        headers: Header fields, without Content-Encoding.
        tag: Weak ETag, from the SHA-256 of the file.
    """

    content: bytes
    packed: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    tag: str

    @classmethod
    def make(
        cls,
        content: bytes,
        media_type: bytes,
        policy: bytes = POLICY,
        more: tuple[tuple[bytes, bytes], ...] = (),
    ) -> "PageFile":
        """Gzip a file and derive its ETag.

        Args:
            content: The file.
            media_type: Its Content-Type.
            policy: Its Content-Security-Policy.
            more: Further header fields.
        """
        tag = f'W/"{sha256(content).hexdigest()[:16]}"'
        common = dict[bytes, bytes](COMMON_HEADERS)
        common[b"cache-control"] = b"no-cache"  # cache it, but revalidate each time
        headers = (
            (b"content-type", media_type),
            (b"content-security-policy", policy),
            (b"vary", b"accept-encoding"),
            (b"etag", tag.encode()),
            *common.items(),
            *more,
        )
        packed = gzip.compress(content, 9, mtime=0)
        is_smaller = len(packed) < len(content)
        return cls(content, packed if is_smaller else b"", headers, tag)

    def respond(self, if_none_match: str, accept_encoding: str) -> Response:
        """Return the file, or 304 if the browser's copy is current.

        Args:
            if_none_match: The header field; empty if there is none.
            accept_encoding: The header field; empty if there is none.
        """
        tags = {tag.strip() for tag in if_none_match.split(",")}
        if tags & {self.tag, self.tag.removeprefix("W/"), "*"}:
            return Response(HTTPStatus.NOT_MODIFIED, b"", self.headers)
        if not self.packed or not _accepts_gzip(accept_encoding):
            return Response(HTTPStatus.OK, self.content, self.headers)
        packed = Response(HTTPStatus.OK, self.packed, self.headers)
        return packed.with_headers((b"content-encoding", b"gzip"))


def _accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether a browser accepts gzip; ``gzip;q=0`` refuses it."""
    for encoding in accept_encoding.split(","):
        name, _, weight = encoding.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


@cache
def load_files() -> Mapping[str, PageFile]:
    """Read the pages from the package, once: their files by URL path."""
    files = {
        path: _make_file(path, name, file)
        for root, folder in _FOLDERS.items()
        for name, file in _walk(resources.files("argybargy.web") / folder, "")
        if _suffix(name) in _MEDIA_TYPES
        for path in [root if name == _INDEX else f"{root}/{name}"]
    }
    return {**files, FAVICON_PATH: files[PATH + FAVICON_PATH]}


def _make_file(path: str, name: str, file: Traversable) -> PageFile:
    return PageFile.make(
        _minify(name, file.read_bytes()),
        _MEDIA_TYPES[_suffix(name)],
        _POLICIES.get(path, POLICY),
        _EXTRA_HEADERS.get(path, ()),
    )


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _minify(name: str, content: bytes) -> bytes:
    """Strip indentation and comment lines from our own files: a sixth of their size.

    It works line by line, so a string in those files must not span lines.
    """
    if _OURS.fullmatch(name) is None:
        return content
    lines = [line.strip() for line in content.decode().splitlines()]
    kept = [line for line in lines if line and _COMMENT.match(line) is None]
    return "\n".join(kept).encode()


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
