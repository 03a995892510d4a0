"""Sessions of the dashboard: the stored record, its end, and the name of the device.

The rules of the end, since a session outlives the process that opened it:

1. Within the process that opened it, a session lasts for its lifetime by the count of
   that process, however the wall clock is set.
2. A later process knows only the stored times, and ends the session by its wall clock.
3. A wall clock that is behind gives back no time: the last stored use of the session
   counts as the least that has passed.
"""

import hashlib
import re
from functools import cached_property
from typing import Final

import attrs

from argybargy.domain.access_codes import digest_code, key_id_of
from argybargy.domain.instant import Instant
from argybargy.system.values import frozen

DEVICE_CHARS: Final = 60
"""Longest name of a device."""
_MARK_BYTES: Final = 2
_MARK: Final = re.compile(r"[0-9a-f]{4}")
_PROGRAMS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""Words of a User-Agent, and the browsers they mean. Most browsers name others as well,
so the first one found counts."""
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_OTHER_PROGRAM: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}")


@frozen
class SessionRecord:
    """The stored record of one session.

    Attributes:
        digest: SHA-256 of the session's secret, see :func:`digest_halves`.
        address: IP address that opened it.
        device: What opened it, such as ``Firefox on Linux``; may be empty.
        created_ms: Time of creation, in milliseconds since 1970 UTC.
        expires_ms: Time at which it ends, however much it is used.
        used_ms: Time of its last use; stored now and then.
        token_mark: Mark of the admin token at its creation, see :func:`mark_token`.
    """

    digest: bytes = attrs.field(repr=False)
    address: str
    device: str
    created_ms: int
    expires_ms: int
    used_ms: int
    token_mark: str = attrs.field(repr=False)

    @cached_property
    def id(self) -> str:
        """The public id, see :func:`~argybargy.domain.access_codes.key_id_of`."""
        return key_id_of(self.digest)


def digest_halves(kept: str, cookie: str | None) -> bytes:
    """Return the digest of a session's secret.

    Args:
        kept: What the client keeps: the secret, or half of it.
        cookie: The half in a cookie, if there is one.
    """
    return digest_code(kept if cookie is None else f"{kept} {cookie}")


def latest_end_ms(record: SessionRecord, now: Instant) -> int:
    """Return the latest end of a session that was read just now, as counted time.

    See rule 3 of this module.
    """
    used_ms = min(max(record.used_ms, record.created_ms), record.expires_ms)
    return now.counted_ms + record.expires_ms - used_ms


def mark_token(token: str) -> str:
    """Return the mark of an admin token, which tells whether it was replaced.

    A session ends if the token was replaced while no relay ran. The mark is so short
    that it would not help to guess a token that the operator chose.
    """
    return hashlib.sha256(b"argybargy session\0" + token.encode()).hexdigest()[
        : 2 * _MARK_BYTES
    ]


def is_token_mark(text: str) -> bool:
    """Tell whether `text` has the format of a mark."""
    return _MARK.fullmatch(text) is not None


def device_of(user_agent: str) -> str:
    """Return the name of the device that a User-Agent describes.

    Args:
        user_agent: The header field; anything, since clients write it themselves.

    Returns:
        Browser and system, as far as they are known; empty if neither is. It is
        printable ASCII of at most :data:`DEVICE_CHARS`.
    """
    program = _first_known(_PROGRAMS, user_agent)
    system = _first_known(_SYSTEMS, user_agent)
    if not program:
        match = _OTHER_PROGRAM.match(user_agent)
        program = match[0].strip() if match else ""
    if program == "Mozilla":  # every browser's first word
        program = ""
    return " on ".join(part for part in (program, system) if part)


def _first_known(table: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for word, name in table if word in user_agent), "")
