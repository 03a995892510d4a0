"""Draw the PNG icons of the dashboard from its icon.svg, without an image library.

Run it after a change of icon.svg::

    uv run python tests/support/draw_icons.py

`tests/web/test_icons.py` compares the committed files with what this draws.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import acos, ceil, copysign, cos, floor, hypot, sin, sqrt
from pathlib import Path
from typing import Final

import attrs

FOLDER: Final = Path(__file__).parents[2] / "src" / "argybargy" / "web" / "dashboard"
UNITS: Final = 32.0
"""Width and height of the view box of icon.svg."""
SCAN_LINES: Final = 8
"""Scan lines a pixel; coverage along a scan line is exact."""
ARC_STEPS: Final = 24

Point = tuple[float, float]
Colour = tuple[int, int, int]
Row = list[float]


@attrs.frozen
class Icon:
    """One file to draw.

    Attributes:
        size: Width and height in pixels.
        share: Part of the width that the view box of icon.svg takes.
        ground: Colour of the background; transparent if None.
    """

    size: int
    share: float = 1.0
    ground: Colour | None = None


PAPER: Final = (245, 244, 241)
ICONS: Final[Mapping[str, Icon]] = {
    "icon-192.png": Icon(192),
    "icon-512.png": Icon(512),
    # Launchers cut a maskable icon to a circle of 80 % of its width at the smallest.
    "icon-maskable-512.png": Icon(512, 0.58, PAPER),
    # iOS rounds the corners, and paints what is transparent black.
    "icon-apple-180.png": Icon(180, 0.74, PAPER),
}
FAVICON: Final = Icon(32)


# -- paths ------------------------------------------------------------------------


def _shapes(svg: str) -> list[tuple[Colour, list[Point]]]:
    """Return the colour and the polygon of each path."""
    found = re.findall(r'<path fill="#([0-9a-f]{6})" d="([^"]+)"', svg)
    assert found, "icon.svg has other elements than this can draw"
    return [(_colour(fill), list(_flatten(path))) for fill, path in found]


def _colour(text: str) -> Colour:
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


def _flatten(path: str) -> Iterator[Point]:
    """Yield the points of a closed path of lines and circular arcs."""
    x = y = 0.0
    for command, text in re.findall(r"([MLHVAZ])([^MLHVAZ]*)", path, re.IGNORECASE):
        numbers = [float(each) for each in re.findall(r"-?\d+\.?\d*", text)]
        origin = (x, y) if command.islower() else (0.0, 0.0)
        match command.upper():
            case "M" | "L":
                x, y = origin[0] + numbers[0], origin[1] + numbers[1]
                yield x, y
            case "H":
                x = origin[0] + numbers[0]
                yield x, y
            case "V":
                y = origin[1] + numbers[0]
                yield x, y
            case "A":
                radius, _, _, large, sweep, *end = numbers
                to = (origin[0] + end[0], origin[1] + end[1])
                yield from _arc((x, y), to, radius, large != sweep)
                x, y = to


def _arc(start: Point, end: Point, radius: float, is_left: bool) -> Iterator[Point]:
    """Yield points of a circular arc; `is_left` is large-arc != sweep."""
    (x0, y0), (x1, y1) = start, end
    half = hypot(x1 - x0, y1 - y0) / 2
    radius = max(radius, half)
    rise = sqrt(max(0.0, radius * radius - half * half)) / (2 * half)
    side = 1.0 if is_left else -1.0
    centre_x = (x0 + x1) / 2 + side * rise * (y0 - y1)
    centre_y = (y0 + y1) / 2 + side * rise * (x1 - x0)
    first = (x0 - centre_x, y0 - centre_y)
    last = (x1 - centre_x, y1 - centre_y)
    dot = (first[0] * last[0] + first[1] * last[1]) / (radius * radius)
    cross = first[0] * last[1] - first[1] * last[0]
    turn = copysign(acos(max(-1.0, min(1.0, dot))), cross)
    for step in range(1, ARC_STEPS + 1):
        angle = turn * step / ARC_STEPS
        yield (
            centre_x + first[0] * cos(angle) - first[1] * sin(angle),
            centre_y + first[0] * sin(angle) + first[1] * cos(angle),
        )


# -- pixels -----------------------------------------------------------------------


def _coverage(polygon: Sequence[Point], size: int) -> list[Row]:
    """Return the covered part of each pixel, by rows."""
    rows = [[0.0] * size for _ in range(size)]
    edges = [pair for pair in pairwise([*polygon, polygon[0]]) if pair[0] != pair[1]]
    for line in range(size * SCAN_LINES):
        y = (line + 0.5) / SCAN_LINES
        crossings = sorted(
            x0 + (y - y0) / (y1 - y0) * (x1 - x0)
            for (x0, y0), (x1, y1) in edges
            if (y0 <= y) != (y1 <= y)
        )
        row = rows[line // SCAN_LINES]
        for left, right in zip(crossings[::2], crossings[1::2], strict=True):
            for x in range(max(0, floor(left)), min(size, ceil(right))):
                row[x] += (min(right, x + 1) - max(left, x)) / SCAN_LINES
    return rows


def draw(icon: Icon, svg: str) -> list[bytes]:
    """Return the rows of an icon: RGBA, or RGB on a background."""
    scale = icon.size * icon.share / UNITS
    shift = icon.size * (1 - icon.share) / 2
    channels = 4 if icon.ground is None else 3
    start = [0, 0, 0, 0] if icon.ground is None else list(icon.ground)
    rows = [bytearray(start * icon.size) for _ in range(icon.size)]
    for colour, polygon in _shapes(svg):
        placed = [(shift + x * scale, shift + y * scale) for x, y in polygon]
        for row, covered in zip(rows, _coverage(placed, icon.size), strict=True):
            for x, part in enumerate(covered):
                if part > 0:
                    at = x * channels
                    row[at : at + channels] = _blend(
                        row[at : at + channels], colour, min(1.0, part)
                    )
    return [bytes(row) for row in rows]


def _blend(under: bytearray, colour: Colour, part: float) -> bytes:
    """Paint a colour over a pixel."""
    if len(under) == 3:
        return bytes(
            round(part * new + (1 - part) * old)
            for new, old in zip(colour, under, strict=True)
        )
    rest = under[3] / 255 * (1 - part)
    alpha = part + rest
    mixed = (
        round((part * new + rest * old) / alpha)
        for new, old in zip(colour, under[:3], strict=True)
    )
    return bytes((*mixed, round(alpha * 255)))


# -- files --------------------------------------------------------------------------


def encode_png(rows: Sequence[bytes], *, has_alpha: bool) -> bytes:
    """Encode rows, each as its difference from the row above: most are all zeros."""
    height = len(rows)
    width = len(rows[0]) // (4 if has_alpha else 3)
    above = bytes(len(rows[0]))
    filtered = bytearray()
    for row in rows:
        filtered.append(2)
        filtered += bytes(
            (now - before) & 255 for now, before in zip(row, above, strict=True)
        )
        above = row
    head = struct.pack(">IIBBBBB", width, height, 8, 6 if has_alpha else 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(filtered, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def decode_png(file: bytes) -> list[bytes]:
    """Return the rows of a PNG that :func:`encode_png` wrote."""
    width, height, _, kind = struct.unpack(">IIBB", file[16:26])
    (length,) = struct.unpack(">I", file[33:37])
    filtered = zlib.decompress(file[41 : 41 + length])
    step = width * (4 if kind == 6 else 3)
    rows, above = [], bytes(step)
    for at in range(height):
        row = filtered[at * (step + 1) : (at + 1) * (step + 1)]
        assert row[0] == 2, "the filter that encode_png uses"
        above = bytes(
            (now + before) & 255 for now, before in zip(row[1:], above, strict=True)
        )
        rows.append(above)
    return rows


def wrap_ico(png: bytes, size: int) -> bytes:
    """Wrap one PNG as an ICO file."""
    return (
        struct.pack("<HHHBBBBHHII", 0, 1, 1, size, size, 0, 0, 1, 32, len(png), 22)
        + png
    )


def main() -> None:
    """Write all icons."""
    svg = (FOLDER / "icon.svg").read_text()
    for name, icon in ICONS.items():
        rows = draw(icon, svg)
        (FOLDER / name).write_bytes(encode_png(rows, has_alpha=icon.ground is None))
    small = encode_png(draw(FAVICON, svg), has_alpha=True)
    (FOLDER / "favicon.ico").write_bytes(wrap_ico(small, FAVICON.size))


if __name__ == "__main__":
    main()
