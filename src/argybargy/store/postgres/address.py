"""The URL of a PostgreSQL store."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

_HIDDEN: Final = "***"


def masked(url: str) -> str:
    """Return a URL with `***` for its password, and without its options.

    Options may contain a password as well.
    """
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    hidden = f"{name}{colon}{_HIDDEN if colon else ''}{at}{host}"
    return urlunsplit((parts.scheme, hidden, parts.path, "", ""))
