"""Parser for code lifetimes: ``10m``, ``1d``, ``1mo``, ``never``."""

import re
from typing import Final

from argybargy.domain.errors import Problem, RelayError

_UNIT_SECONDS: Final = {
    "m": 60,
    "min": 60,
    "mins": 60,
    "minute": 60,
    "minutes": 60,
    "h": 3600,
    "hr": 3600,
    "hrs": 3600,
    "hour": 3600,
    "hours": 3600,
    "d": 86_400,
    "day": 86_400,
    "days": 86_400,
    "w": 604_800,
    "week": 604_800,
    "weeks": 604_800,
    "mo": 2_592_000,
    "month": 2_592_000,
    "months": 2_592_000,
}
_NEVER: Final = frozenset({"", "never", "none", "0"})
_LIFETIME = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)", re.ASCII)
MAX_LIFETIME_SECONDS: Final = 100 * 365 * 86_400
LIFETIME_RULE: Final = (
    "use a number with m, h, d, w or mo, such as 30m or 1d; a bare number is hours; "
    "never or 0 means no expiry"
)


def parse_lifetime(text: str | None) -> float | None:
    """Parse a lifetime into seconds; ``None`` means no expiry.

    A bare number is hours. A month has 30 days. Case does not matter, except that
    a lone ``M`` is refused: it is ambiguous between minutes and months.

    Raises:
        RelayError: ``bad_request``, when it is not a lifetime, is zero, or is
            longer than a hundred years.
    """
    written = (text or "").strip()
    text = written.lower()
    if text in _NEVER:
        return None
    match = _LIFETIME.fullmatch(text)
    if match and match[2] == "m" and written.endswith("M"):
        raise RelayError(
            Problem.BAD_REQUEST,
            problem=f"A capital M may be minutes or months: write {match[1]}m "
            f"or {match[1]}mo (a month is 30d).",
        )
    unit = _UNIT_SECONDS.get(match[2] or "h") if match else None
    seconds = float(match[1]) * unit if match and unit else 0.0
    if not 0 < seconds <= MAX_LIFETIME_SECONDS:
        raise RelayError(
            Problem.BAD_REQUEST,
            problem=f"That is not a lifetime of a code: {LIFETIME_RULE}.",
        )
    return seconds
