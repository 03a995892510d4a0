"""Parsers for the settings of notifications and of the store.

Addresses of services contain tokens, so no message of a parser repeats what it got.
"""

import re
from datetime import tzinfo
from pathlib import Path
from typing import Final

from argybargy.domain.quiet_hours import MINUTES_OF_DAY, QuietHours
from argybargy.domain.wake_hooks import parse_wake_url
from argybargy.settings.secret import Secret

MOST_URLS: Final = 32
"""Maximum services that are notified."""
LEAST_SECRET_CHARS: Final = 16
"""Shortest secret of the webhook."""
_URL_CHARS: Final = 2_000
_SECRET_CHARS: Final = 1_000
_WORDS: Final = 50
_WORD_CHARS: Final = 40
_SEPARATOR: Final = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_STORE: Final = re.compile(r"postgres(ql)?://\S+")
_HOURS: Final = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?")


def parse_services(value: object) -> tuple[Secret, ...]:
    """Parse URLs of services, separated by spaces or commas, or a list of them.

    A comma within a URL, as between addresses of mail, does not separate.
    """
    rule = f"up to {MOST_URLS} URLs of Apprise like ntfy://ntfy.sh/TOPIC"
    parts = _SEPARATOR.split(value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) > MOST_URLS:
        raise ValueError(rule)
    urls = [part.strip().strip(",") for part in parts if isinstance(part, str)]
    if len(urls) != len(parts):
        raise ValueError(rule)
    for at, url in enumerate(urls, 1):
        if not (_URL.fullmatch(url) and url.isprintable() and len(url) <= _URL_CHARS):
            raise ValueError(f"{rule}; number {at} is none")
    return tuple(map(Secret, urls))


def parse_webhook(value: object) -> Secret:
    """Parse the URL of the webhook; it may lead to this machine."""
    text = value.strip() if isinstance(value, str) else ""
    if parse_wake_url(text) is None:
        raise ValueError(
            "a URL like https://example.com/hook, without a user and a fragment"
        )
    return Secret(text)


def parse_secret(value: object) -> Secret:
    """Parse a secret, or read it from the file that ``@/path`` names."""
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).expanduser().read_text("utf-8").strip()
        except (OSError, ValueError, RuntimeError):
            rule = "the path of a file that this user may read, after the @"
            raise ValueError(rule) from None
    is_long_enough = LEAST_SECRET_CHARS <= len(text) <= _SECRET_CHARS
    if not (is_long_enough and text.isprintable()):
        raise ValueError(
            f"a secret of at least {LEAST_SECRET_CHARS} characters, or @ and the path "
            "of a file with one"
        )
    return Secret(text)


def parse_store(value: object) -> Secret | None:
    """Parse the URL of a store; ``None`` for SQLite in the data directory."""
    text = value.strip() if isinstance(value, str) else ""
    if text == "sqlite":
        return None
    is_url = _STORE.fullmatch(text) and text.isprintable() and len(text) <= _URL_CHARS
    if not is_url:
        raise ValueError("sqlite, or a URL like postgresql://USER@HOST/DATABASE")
    return Secret(text)


def parse_quiet_hours(value: object) -> QuietHours:
    """Parse a stretch of the day, with or without a time zone."""
    rule = "hours like 22:00-07:00, or 22:00-07:00 Europe/Berlin"
    match = _HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(rule)
    start, end = _minute(match[1], match[2]), _minute(match[3], match[4])
    if start is None or end is None or start in (end, MINUTES_OF_DAY):
        raise ValueError(rule)
    return QuietHours(start, end, _zone(match[5]), match[0])


def _minute(hours: str, minutes: str) -> int | None:
    """Return the minute of the day; ``24:00`` is the end of it."""
    minute = int(hours) * 60 + int(minutes)
    is_time = int(minutes) < 60 and minute <= MINUTES_OF_DAY  # noqa: PLR2004 - a clock
    return minute if is_time else None


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    # Imported late: few relays have quiet hours, and fewer of another zone.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        rule = "hours with a time zone of this machine, like 22:00-07:00 Europe/Berlin"
        raise ValueError(rule) from None


def parse_words(value: object) -> tuple[str, ...]:
    """Parse words or phrases, separated by commas, into lower case."""
    rule = f"up to {_WORDS} words, separated by commas"
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError(rule)  # noqa: TRY004 - a wrong type is a wrong value here
    words = [part.strip().lower() for part in parts if isinstance(part, str)]
    is_wrong = any(len(word) > _WORD_CHARS or not word.isprintable() for word in words)
    if is_wrong or len(words) != len(parts) or len(words) > _WORDS:
        raise ValueError(rule)
    return tuple(dict.fromkeys(word for word in words if word))
