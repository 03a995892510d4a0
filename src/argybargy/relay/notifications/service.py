"""The service that notifies the operator: a task that looks, one for each channel.

Nothing waits for it. It looks at the relay every few seconds, and what it finds to be
due goes into the outboxes. Of the nodes on a shared store, the leading one looks; one
that takes over reads first what was told, so each event is told once.
"""

from typing import Final

import trio

from argybargy.relay.notifications.observation import Observer
from argybargy.relay.relay import Relay
from argybargy.store.errors import StoreError
from argybargy.system.logs import get_logger

log = get_logger(__name__)

LOOK_SECONDS: Final = 2.0
"""Pause between two looks at the relay."""


async def run_notifications(relay: Relay) -> None:
    """Notify the operator, until cancelled; without a service, return at once."""
    notifications = relay.notifications
    if not notifications.outboxes:
        return
    observer, was_leading = Observer(notifications.plan.rules), True
    async with trio.open_nursery() as nursery:
        for outbox in notifications.outboxes:
            nursery.start_soon(outbox.run)
        while True:
            is_leading = relay.nodes.may_be_leading
            if is_leading and not was_leading:
                observer = Observer(notifications.plan.rules)
                is_leading = await _take_over(relay)
            elif was_leading and not is_leading:
                notifications.hand_over()
            was_leading = is_leading
            if is_leading:
                await look_once(relay, observer)
            with trio.move_on_after(LOOK_SECONDS):
                await notifications.slot.wait_woken()


async def _take_over(relay: Relay) -> bool:
    """Read what other nodes have told; return False if that failed."""
    try:
        await relay.notifications.reread()
    except StoreError as error:
        log.warning("notices not read", reason=str(error))
        return False
    return True


async def look_once(relay: Relay, observer: Observer) -> None:
    """Look at the relay, tell what is due, and store what was told."""
    notifications = relay.notifications
    is_suspect = notifications.is_storage_suspect
    notifications.is_storage_suspect = False
    found = await observer.look(relay, is_suspect=is_suspect)
    if not relay.nodes.may_be_leading:
        return  # another node has taken over meanwhile
    await notifications.tell(
        found,
        is_watching=relay.watchers.has_any,
        is_certain=relay.nodes.is_leading,
    )
    await notifications.save()
