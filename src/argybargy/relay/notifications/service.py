"""The service that notifies the operator: a task that looks, one for each channel.

Nothing waits for it. It looks at the relay every few seconds, and what it finds to be
due goes into the outboxes.
"""

from typing import Final

import trio

from argybargy.relay.notifications.observation import Observer
from argybargy.relay.relay import Relay

LOOK_SECONDS: Final = 2.0
"""Pause between two looks at the relay."""


async def run_notifications(relay: Relay) -> None:
    """Notify the operator, until cancelled; without a service, return at once."""
    notifications = relay.notifications
    if not notifications.outboxes:
        return
    observer = Observer(notifications.plan.rules)
    async with trio.open_nursery() as nursery:
        for outbox in notifications.outboxes:
            nursery.start_soon(outbox.run)
        while True:
            await look_once(relay, observer)
            with trio.move_on_after(LOOK_SECONDS):
                await notifications.slot.wait_woken()


async def look_once(relay: Relay, observer: Observer) -> None:
    """Look at the relay, tell what is due, and store what was told."""
    notifications = relay.notifications
    is_suspect = notifications.is_storage_suspect
    notifications.is_storage_suspect = False
    found = await observer.look(relay, is_suspect=is_suspect)
    await notifications.tell(found, is_watching=len(relay.watchers) > 0)
    await notifications.save()
