"""``GET /dashboard``: the page for people, from files that are read once at the start.

What a request names is looked up in a table and never on the disk.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from http import HTTPStatus
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

import attrs

from argybargy.web.request import COMMON_HEADERS, Response

PATH: Final = "/dashboard"
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing inline, nothing from elsewhere, and no text that becomes markup."""

_MEDIA_TYPES: Final = {
    "css": b"text/css; charset=utf-8",
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
_INDEX: Final = "index.html"
_OURS: Final = re.compile(r"[^/]+\.(css|js)")
_COMMENT: Final = re.compile(r"//|/\*|\*/|\* |\*$")


@attrs.frozen
class PageFile:
    """One file of the page.

    Attributes:
        content: As it is.
        packed: The same, gzipped.
        headers: All header fields of it but those of an encoding.
        tag: The tag by which a browser asks whether it has changed.
    """

    content: bytes
    packed: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    tag: str

    @classmethod
    def make(cls, content: bytes, media_type: bytes) -> "PageFile":
        """Pack a file and tag it by what is in it."""
        tag = f'W/"{sha256(content).hexdigest()[:16]}"'
        common = dict[bytes, bytes](COMMON_HEADERS)
        common[b"cache-control"] = b"no-cache"  # keep it, but ask each time
        headers = (
            (b"content-type", media_type),
            (b"content-security-policy", POLICY),
            (b"vary", b"accept-encoding"),
            (b"etag", tag.encode()),
            *common.items(),
        )
        return cls(content, gzip.compress(content, 9, mtime=0), headers, tag)

    def answer(self, known: str, encodings: str) -> Response:
        """Return the file, or that the browser has it already.

        Args:
            known: The field ``If-None-Match``, or nothing.
            encodings: The field ``Accept-Encoding``, or nothing.
        """
        tags = {tag.strip() for tag in known.split(",")}
        if tags & {self.tag, self.tag.removeprefix("W/"), "*"}:
            return Response(HTTPStatus.NOT_MODIFIED, b"", self.headers)
        if not _takes_gzip(encodings):
            return Response(HTTPStatus.OK, self.content, self.headers)
        packed = Response(HTTPStatus.OK, self.packed, self.headers)
        return packed.with_headers((b"content-encoding", b"gzip"))


def _takes_gzip(encodings: str) -> bool:
    """Tell whether a browser takes gzip; ``gzip;q=0`` says that it does not."""
    for encoding in encodings.split(","):
        name, _, weight = encoding.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def load_files() -> Mapping[str, PageFile]:
    """Read the page from the package: its files by the paths they are served at."""
    folder = resources.files("argybargy.web") / "dashboard"
    return {
        PATH if name == _INDEX else f"{PATH}/{name}": PageFile.make(
            _lean(name, file.read_bytes()), _MEDIA_TYPES[_suffix(name)]
        )
        for name, file in _walk(folder, "")
        if _suffix(name) in _MEDIA_TYPES
    }


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _lean(name: str, content: bytes) -> bytes:
    """Leave out what only readers of the source need, a sixth of the page's weight.

    That is indentation, and the lines of our own files that are comment and nothing
    else. So no string in those files may go on over several lines.
    """
    if _OURS.fullmatch(name) is None:
        return content
    lines = [line.strip() for line in content.decode().splitlines()]
    kept = [line for line in lines if line and _COMMENT.match(line) is None]
    return "\n".join(kept).encode()


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
