"""Open the sessions of a relay, and keep the store up to date with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from argybargy.domain.limits import Limits
from argybargy.relay.clock import Clock
from argybargy.store.errors import StoreError
from argybargy.store.protocol import NodeStore, SessionStore
from argybargy.system.logs import get_logger
from argybargy.web.access.admin_token import AdminToken
from argybargy.web.access.sessions import Sessions

log = get_logger(__name__)

KEEP_SECONDS: Final = 10.0
"""Pause between two attempts to store what has changed."""


@asynccontextmanager
async def open_sessions(
    store: SessionStore,
    limits: Limits,
    clock: Clock,
    admin_token: AdminToken,
    *,
    shared: NodeStore | None = None,
) -> AsyncIterator[Sessions]:
    """Load the sessions, and store their changes until the block ends.

    Exceptions of the block arrive in an `ExceptionGroup`.

    Args:
        store: Durable storage, open until the block has ended.
        limits: The limits of the relay.
        clock: The relay's clock.
        admin_token: The admin token.
        shared: The store, if other nodes use it as well.

    Raises:
        StoreError: The store could not be read.
    """
    sessions = Sessions(store, limits, clock, admin_token)
    if shared is not None:
        # Imported late, because most relays share no store.
        from argybargy.web.access.shared_sign_in import (  # noqa: PLC0415
            SharedSignInCodes,
        )

        sessions.shared_codes = SharedSignInCodes(shared, limits, clock)
    await sessions.load()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep, sessions)
        try:
            yield sessions
        finally:
            nursery.cancel_scope.cancel()
    try:
        await sessions.save(has_all_uses=True)
    except StoreError as error:
        log.warning("last uses of sessions not stored", reason=str(error))


async def _keep(sessions: Sessions) -> None:
    while True:
        await trio.sleep(KEEP_SECONDS)
        try:
            await sessions.save()
        except StoreError as error:
            log.warning("sessions wait for the store", reason=str(error))
