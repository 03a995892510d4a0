"""Set up the notifications of the operator from the settings."""

import secrets
from pathlib import Path
from typing import Final

import trio

from argybargy.domain.notifications import NotificationRules
from argybargy.domain.wake_hooks import parse_wake_url
from argybargy.relay.clock import Clock, system_clock
from argybargy.relay.notifications.push import Channel
from argybargy.relay.notifications.registry import NotificationPlan, Notifications
from argybargy.settings.settings import Settings
from argybargy.system.files import make_private_directory, write_private_file

# ruff: noqa: PLC0415 - most relays notify nobody

SIGNING_FILE: Final = "webhook.secret"
LINK_KEY_FILE: Final = "links.key"
_SECRET_BYTES: Final = 32
_PRIVATE: Final = 0o600


async def make_plan(settings: Settings, clock: Clock) -> NotificationPlan:
    """Return the plan of the notifications; it has no links yet.

    Apprise is imported if services are set, in a thread: that takes as long as all
    other imports of the relay.

    Raises:
        NotifySettingsError: The services cannot be used.
        OSError: The secret of the webhook cannot be read or written.
    """
    channels = list[Channel]()
    if settings.notify:
        from argybargy.relay.notifications.apprise_channel import (
            make_apprise_channels,
        )

        urls = [each.value for each in settings.notify]
        found = await trio.to_thread.run_sync(make_apprise_channels, urls)
        channels.extend(found)
    if settings.webhook is not None:
        from argybargy.relay.notifications.webhook import WebhookChannel
        from argybargy.relay.nudges.call import EVERY_HOST, HookCaller

        url = parse_wake_url(settings.webhook.value)
        assert url is not None  # parsed with the settings
        if settings.webhook_secret is not None:
            secret = settings.webhook_secret.value
        else:
            path = settings.data / SIGNING_FILE
            secret = await trio.to_thread.run_sync(read_or_make_secret, path)
        channels.append(WebhookChannel(url, secret, HookCaller(EVERY_HOST), clock))
    rules = NotificationRules(
        after_seconds=settings.notify_after * 60,
        urgent_words=settings.urgent,
        quiet=settings.quiet_hours,
    )
    return NotificationPlan(tuple(channels), rules)


async def read_link_key(directory: Path) -> bytes:
    """Return the key of the links in a data directory; make it if there is none.

    Raises:
        OSError: The file cannot be read or written.
    """
    path = directory / LINK_KEY_FILE
    text = await trio.to_thread.run_sync(read_or_make_secret, path)
    return text.encode()


def read_or_make_secret(path: Path) -> str:
    """Return the secret in a private file; make one if there is none.

    Raises:
        OSError: The file cannot be read or written.
    """
    make_private_directory(path.parent)
    if path.exists():
        path.chmod(_PRIVATE)
        found = path.read_text("ascii", "replace").strip()
        if found:
            return found
    made = secrets.token_hex(_SECRET_BYTES)
    write_private_file(path, f"{made}\n".encode())
    return made


async def send_tests(settings: Settings) -> tuple[tuple[str, str | None], ...]:
    """Send a test to every service of the settings, without a relay.

    Returns:
        The name of each service, and why it has not accepted the test.

    Raises:
        NotifySettingsError: The services cannot be used.
        OSError: The secret of the webhook cannot be read or written.
    """
    from argybargy.store.memory.store import open_memory_store

    clock = system_clock()
    plan = await make_plan(settings, clock)
    async with open_memory_store() as store:
        return await Notifications(plan, store, clock).test()
