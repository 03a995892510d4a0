"""Open a relay, run it, and end it in order.

Two nurseries, one inside the other, decide the order of the end: housekeeping, the
calls of wake hooks and notifications are cancelled first, so nothing new is started for
a room; then the room tasks finish what is in their inboxes; then the write-behind
buffer is flushed.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

import attrs
import trio

from argybargy import __version__
from argybargy.domain.limits import Limits
from argybargy.domain.names import PeerKey, RoomKey
from argybargy.domain.nodes import NodeRecord
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.concurrency_limit import ConcurrencyLimit
from argybargy.relay.access.invite_registry import InviteRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.access.request_limits import RequestLimits
from argybargy.relay.access.room_quota import RoomQuota
from argybargy.relay.access.room_reservations import RoomReservations
from argybargy.relay.clock import Clock, system_clock
from argybargy.relay.following import RENEWAL_SHARE, Following
from argybargy.relay.housekeeping import run_housekeeping
from argybargy.relay.nodes import Nodes
from argybargy.relay.notifications.registry import NotificationPlan, Notifications
from argybargy.relay.notifications.service import run_notifications
from argybargy.relay.nudges.call import Caller, HookCaller
from argybargy.relay.nudges.hooks import WakeHooks
from argybargy.relay.nudges.service import run_nudges
from argybargy.relay.overview.overview import Overview
from argybargy.relay.overview.room_view import RoomViewer
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.readiness import Readiness
from argybargy.relay.relay import Relay
from argybargy.relay.room.context import RoomContext
from argybargy.relay.room.delivery_report import DeliveryReporter
from argybargy.relay.room.doubt import Nonces
from argybargy.relay.room.registry import LiveRooms
from argybargy.relay.statistics import RelayCounters
from argybargy.relay.store_errors import FailureLog
from argybargy.relay.write_behind import WriteBehind
from argybargy.store.errors import StoreError
from argybargy.store.protocol import Store, StoreHealth
from argybargy.system.logs import get_logger

log = get_logger(__name__)

CLOSE_SECONDS: Final = 10.0
"""Time that room tasks have to finish their inboxes when the relay closes."""
LOST_SECONDS: Final = 2.0
"""Time between the discovery that the data is lost and the end of the process, in
which requests under way are answered and ``/ready`` gives the reason."""


@asynccontextmanager
async def open_relay(
    store: Store,
    limits: Limits,
    clock: Clock | None = None,
    caller: Caller | None = None,
    plan: NotificationPlan | None = None,
    *,
    name: str = "",
) -> AsyncIterator[Relay]:
    """Open a relay over a store.

    Args:
        store: Durable storage, open until the relay has ended.
        limits: The limits of the relay.
        clock: The relay's clock; ``None`` takes that of the machine.
        caller: Calls wake hooks; ``None`` allows none.
        plan: How the operator is notified; ``None`` is not at all.
        name: The name of this node for people: host and port.

    When the block ends, commands in the inboxes are still carried out and replied to,
    for up to :data:`CLOSE_SECONDS`. When it is cancelled or raises, room tasks are
    cancelled where they are; the store applies a commit whole or not at all.

    Raises:
        StoreError: The store could not be read.
        Corrupt: The data was lost while the relay ran; in an exception group.
    """
    async with trio.open_nursery() as room_tasks:
        parts = store, limits, clock or system_clock(), caller or HookCaller()
        relay = _build(*parts, plan or NotificationPlan(), tasks=room_tasks, name=name)
        # Hints first: what others commit while this node loads must not be missed.
        async with store.watch(relay.following.heard):
            await relay.load()
            if relay.is_shared:
                await relay.nodes.round()
            async with trio.open_nursery() as housekeeping:
                housekeeping.start_soon(relay.waits.run)
                housekeeping.start_soon(run_housekeeping, relay)
                housekeeping.start_soon(run_nudges, relay)
                housekeeping.start_soon(run_notifications, relay)
                housekeeping.start_soon(_end_when_lost, store, relay)
                if relay.is_shared:
                    housekeeping.start_soon(relay.following.run)
                try:
                    yield relay
                finally:
                    housekeeping.cancel_scope.cancel()
        # Only reached when the block ended well. Closed inboxes let the tasks end by
        # themselves; the deadline is for one that waits for a hanging disk.
        room_tasks.cancel_scope.deadline = trio.current_time() + CLOSE_SECONDS
        relay.close()
    if relay.nodes.may_be_leading:
        await relay.notifications.save()
    try:
        await relay.write_behind.flush()
    except StoreError as error:
        # A lost cursor makes a peer read a few messages twice. Not worth failing for.
        log.warning("cursors and audit rows not flushed", reason=str(error))
    await relay.nodes.leave()


def _build(
    store: Store,
    limits: Limits,
    clock: Clock,
    caller: Caller,
    plan: NotificationPlan,
    *,
    tasks: trio.Nursery,
    name: str,
) -> Relay:
    """Build the parts of a relay, each after those it uses."""
    is_shared, nonces = store.info.is_shared, Nonces(secrets.token_hex(4))
    if is_shared:
        limits = attrs.evolve(limits, renewal_share=RENEWAL_SHARE)
    watchers, counters, rooms = Watchers(), RelayCounters(), LiveRooms()
    codes = CodeRegistry(store, limits, watchers.touch)
    invites = InviteRegistry(store, codes, limits)
    hooks = WakeHooks(store, limits, codes, caller, watchers.touch)
    presence = Presence(limits.online_seconds, watchers.touch, hooks.hooked_peers)
    notifications, request_limits = (
        Notifications(plan, store, clock),
        RequestLimits(limits),
    )
    quota, write_behind = RoomQuota(limits.rooms, is_shared), WriteBehind(store)

    def parked_anywhere(room: RoomKey) -> frozenset[PeerKey]:
        return rooms.parked_peers(room) | presence.parked_elsewhere(room)

    viewer = RoomViewer(
        codes,
        presence,
        parked_anywhere if is_shared else rooms.parked_peers,
        limits.online_seconds,
        hooks.hooked_peers,
    )
    overview = Overview(viewer, watchers, plan.rules.is_urgent)
    context = RoomContext(
        store=store,
        clock=clock,
        limits=limits,
        quota=quota,
        write_behind=write_behind,
        delivery=DeliveryReporter(
            codes, presence, watchers, clock, hooks, notifications
        ),
        overview=overview,
        counters=counters,
        refused_commits=FailureLog(
            clock, "commit refused", notifications.note_store_failure
        ),
        failed_loads=FailureLog(clock, "room not loaded"),
        codes=codes,
        hooks=hooks,
        nonces=nonces,
        is_shared=is_shared,
    )
    nodes = Nodes(
        store=store,
        presence=presence,
        rooms=rooms,
        watchers=watchers,
        clock=clock,
        me=NodeRecord(
            nonces.node,
            name,
            __version__,
            clock.now().wall_ms,
            limits=attrs.asdict(limits),
        ),
        failures=FailureLog(clock, "other nodes not reached"),
        is_shared=is_shared,
    )
    following = Following(
        store=store,
        rooms=rooms,
        overview=overview,
        codes=codes,
        invites=invites,
        hooks=hooks,
        notifications=notifications,
        presence=presence,
        request_limits=request_limits,
        quota=quota,
        nodes=nodes,
        clock=clock,
        limits=limits,
        node=nonces.node,
        failures=FailureLog(clock, "other nodes not followed"),
    )
    return Relay(
        store=store,
        limits=limits,
        clock=clock,
        started_at=clock.now().steady_seconds,
        codes=codes,
        invites=invites,
        presence=presence,
        request_limits=request_limits,
        searches=ConcurrencyLimit(limits.searches_per_peer),
        quota=quota,
        reservations=RoomReservations(),
        rooms=rooms,
        overview=overview,
        watchers=watchers,
        write_behind=write_behind,
        readiness=Readiness(store, clock),
        counters=counters,
        hooks=hooks,
        notifications=notifications,
        following=following,
        nodes=nodes,
        is_shared=is_shared,
        context=context,
        nursery=tasks,
    )


async def _end_when_lost(store: StoreHealth, relay: Relay) -> NoReturn:
    """End the relay when the stored data is lost.

    The part that discovers the damage answers 503 and does nothing else; the store
    reports the loss here, so there is one place that ends the process. It waits a
    little, so that those answers are sent first.

    Raises:
        Corrupt: The data is damaged, or its files were removed.
    """
    loss = await store.wait_lost()
    log.warning("relay ends because its data is lost", reason=str(loss))
    relay.readiness.lose(loss)
    relay.notifications.note_store_failure()
    relay.notifications.slot.wake()
    await trio.sleep(LOST_SECONDS)
    raise loss
