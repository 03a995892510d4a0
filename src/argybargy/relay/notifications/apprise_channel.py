"""Send pushes to the services that Apprise knows.

Apprise is an extra (``argybargy[notify]``). Importing it takes as long as a command,
and it sends with blocking calls: both happen in threads.
"""

import functools
import importlib
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import unquote_plus

import attrs
import trio

from argybargy.domain.text_form import escape_text
from argybargy.relay.notifications.push import (
    ChannelError,
    NotifySettingsError,
    Push,
)
from argybargy.system.values import frozen

INSTALL: Final = "pip install 'argybargy[notify]'"
"""The command that installs the extra."""
SERVICE_SECONDS: Final = 20.0
"""Longest time of one push to one service; Apprise gives up then."""
REASON_CHARS: Final = 160
"""Longest reason of a failure that is shown."""
_LOGGER: Final = "apprise"
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*(?=://)", re.IGNORECASE)
_STATUS: Final = re.compile(r"error=(\d{3})\b")
_WORD: Final = re.compile(r"[A-Za-z0-9_.~-]{3,}")
_PLAIN_WORDS: Final = frozenset({"com", "org", "net", "www", "http", "https", "json"})


@frozen
class AppriseChannel:
    """One service.

    Attributes:
        label: Its position among the settings, and its kind.
    """

    label: str
    _service: Any = attrs.field(repr=False)  # of the library, which is imported late
    _secrets: frozenset[str] = attrs.field(repr=False)
    # A push that Apprise gave up on may still hold its thread: one thread a service.
    _limiter: trio.CapacityLimiter = attrs.field(
        factory=lambda: trio.CapacityLimiter(1), repr=False
    )

    @classmethod
    def make(cls, url: str, position: int) -> Self | None:
        """Return the channel of a URL; ``None`` if Apprise does not understand it.

        It blocks, and imports the library.
        """
        apprise = _load()
        asset = apprise.AppriseAsset(
            app_id="Argybargy",
            app_desc="Argybargy",
            app_url="",
            image_url_mask="",  # an icon on another host
            async_mode=False,
            allow_templates=False,
            secure_logging=True,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            service_timeout=SERVICE_SECONDS,
        )
        service = apprise.Apprise(asset=asset)
        if not service.add(url) or len(service) != 1:
            return None
        return cls(f"{position} {_label(url)}", service, _secrets_of(url))

    async def send(self, push: Push) -> None:
        """Send a push in a thread; see `Channel`."""
        # Abandoned when cancelled: a thread that waits for a service must not hold up
        # the end of the relay.
        failure = await trio.to_thread.run_sync(
            self._send, push, limiter=self._limiter, abandon_on_cancel=True
        )
        if failure is not None:
            raise ChannelError(failure)

    def _send(self, push: Push) -> str | None:
        """Send a push; return the reason of a failure."""
        apprise = _load()
        try:
            result = self._service.notify(
                title=push.title,
                body=push.body,
                body_format=apprise.NotifyFormat.TEXT,
                notify_type=apprise.NotifyType.INFO,
                interpret_escapes=False,
            )
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            return self._masked(type(error).__name__)
        if result:
            return None
        lines = [str(entry.message) for entry in result.logs()]
        return self._masked(_reason(lines))

    def _masked(self, reason: str) -> str:
        """Return a reason without any part of the URL."""
        line = " ".join(reason.split())
        hidden = _WORD.sub(
            lambda found: "…" if found[0].lower() in self._secrets else found[0], line
        )
        return escape_text(hidden)[:REASON_CHARS]


def _reason(lines: Sequence[str]) -> str:
    """Return why a service has not accepted a push, from what Apprise logged."""
    for line in lines:
        found = _STATUS.search(line)
        if found is not None:
            return _in_words(int(found[1]))
    text = " ".join(lines).lower()
    if "timed out" in text or "timeout" in text:
        return "no answer in time"
    if "connection" in text:
        return "not reached"
    return lines[-1] if lines else "not accepted"


def _in_words(number: int) -> str:
    try:
        return f"HTTP {number} {HTTPStatus(number).phrase}"
    except ValueError:
        return f"HTTP {number}"


def _label(url: str) -> str:
    """Return the kind of service of a URL, which is all that may be shown of it."""
    found = _SCHEME.match(url)
    return found[0].lower() if found else "unknown"


def _secrets_of(url: str) -> frozenset[str]:
    """Return the words of a URL, all of which may be secret but its scheme.

    They are in it as written, and as they are when percent signs are decoded.
    """
    rest = _SCHEME.sub("", url, count=1)
    words = _WORD.findall(rest) + _WORD.findall(unquote_plus(rest))
    return frozenset(word.lower() for word in words) - _PLAIN_WORDS


@functools.cache
def _load() -> Any:  # noqa: ANN401 - a module without types that we depend on
    """Import the library.

    Raises:
        ImportError: The extra is not installed.
    """
    apprise = importlib.import_module("apprise")
    # It logs each failure, with parts of the URL. The outbox says what has failed.
    logging.getLogger(_LOGGER).propagate = False
    return apprise


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Apprise from logging the URLs that it does not understand."""
    logger = logging.getLogger(_LOGGER)
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def make_apprise_channels(urls: Sequence[str]) -> tuple[AppriseChannel, ...]:
    """Make the channels of all URLs. It blocks: call it in a thread.

    Raises:
        NotifySettingsError: The extra is not installed, or a URL is not one of
            Apprise's. The text names its position and not the URL, which has secrets.
    """
    try:
        _load()
    except ImportError:
        text = "ARGYBARGY_NOTIFY is set, but Apprise is not installed."
        raise NotifySettingsError(text, f"Install it: {INSTALL}") from None
    with _silence():
        channels = [AppriseChannel.make(url, at) for at, url in enumerate(urls, 1)]
    bad = [at for at, channel in enumerate(channels, 1) if channel is None]
    if bad:
        at = bad[0]
        named = f"URL {at} of {len(urls)} ({_label(urls[at - 1])})"
        text = f"ARGYBARGY_NOTIFY: {named} is not one that Apprise understands."
        hint = "How to write it: https://appriseit.com/services/"
        raise NotifySettingsError(text, hint)
    return tuple(channel for channel in channels if channel is not None)
