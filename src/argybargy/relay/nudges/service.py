"""The service that calls wake hooks: one task, with a bounded number of calls.

What is unread is kept with each hook, so the queue of nudges is as long as the list of
hooks. A call that fails is tried again later, see `argybargy.domain.nudging`. Of the
nodes on a shared store, the leading one calls.
"""

import hashlib
import hmac
import json
from math import inf
from typing import Final

import trio

from argybargy.domain.errors import RelayError
from argybargy.domain.names import RoomKey, peer_key
from argybargy.domain.pages import count_after
from argybargy.domain.wake_hooks import WakeHook, parse_wake_url
from argybargy.domain.wake_policy import Wake
from argybargy.relay.access.capable import Capable
from argybargy.relay.nodes import SHARE_SECONDS
from argybargy.relay.nudges.call import CallFailedError
from argybargy.relay.nudges.unread import HookState
from argybargy.relay.relay import Relay
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import translated
from argybargy.store.errors import StoreError
from argybargy.system.logs import get_logger

log = get_logger(__name__)

TIMESTAMP: Final = "X-Argybargy-Timestamp"
SIGNATURE: Final = "X-Argybargy-Signature"
LOOKED_AT_ONCE: Final = 200
"""Messages looked at between two checkpoints: a few milliseconds of work."""
RETRY_SECONDS: Final = 60.0
"""Pause before the messages of a room that could not be read are looked at again."""
_HOOK_COST: Final = 4
"""The cost of a hook, measured in messages: its capabilities are read."""


def sign(key: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a call: HMAC-SHA256 over timestamp, dot and body."""
    signed = timestamp.encode() + b"." + body
    return f"sha256={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}"


async def run_nudges(relay: Relay) -> None:
    """Call the hooks of agents with unread messages, until cancelled."""
    hooks, calls = relay.hooks, relay.limits.wake_calls
    was_leading = False
    async with trio.open_nursery() as nursery:
        while True:
            if not relay.nodes.is_leading:
                was_leading = False
                hooks.begin_again()
                await _wait_woken(relay, inf)
                continue
            if not was_leading:
                was_leading = True
                hooks.begin_again()
                await _find_unread_rooms(relay)
            for room in hooks.take_due(relay.clock.now().steady_seconds):
                await _look_through(relay, room)
            now = relay.clock.now().steady_seconds
            waiting = sorted(hooks.waiting(), key=lambda each: each.nudging.due_at)
            free = calls - len(nursery.child_tasks)
            due = [each for each in waiting if each.nudging.due_at <= now]
            for state in due[: max(0, free)]:
                state.is_calling = True
                nursery.start_soon(_nudge, relay, state)
            # A call that ends wakes this task, so what waits for a free place is not
            # forgotten.
            later = (each.nudging.due_at for each in waiting[len(due) :])
            pause = min(next(later, inf), hooks.next_look_at()) - now
            await _wait_woken(relay, pause)


async def _wait_woken(relay: Relay, pause: float) -> None:
    """Wait until a nudge may be due, or another node may lead."""
    longest = SHARE_SECONDS if relay.is_shared else inf
    with trio.move_on_after(min(pause, longest)):
        await relay.hooks.slot.wait_woken()


async def _find_unread_rooms(relay: Relay) -> None:
    """Find the rooms with messages that agents have not read, after a start.

    An agent whose nudge was lost with the last process would sleep on otherwise.
    """
    for room in relay.hooks.rooms():
        card = relay.overview.cards.get(room)
        if card is None or card.summary.status.is_closed:
            continue
        try:
            cursors = await relay.store.cursors(room)
        except StoreError as error:
            _log_uncounted(room, error)
            relay.hooks.look(room)
            continue
        read = {peer_key(name): seq for name, seq in cursors.items()}
        head = card.summary.head
        hooks = relay.hooks.of(room)
        if any(read.get(each.hook.peer.name, 0) < head for each in hooks):
            relay.hooks.look(room)


def _log_uncounted(room: RoomKey, error: Exception) -> None:
    log.warning("unread messages not counted", room=room, reason=str(error))


async def _look_through(relay: Relay, room: RoomKey) -> None:
    """Look for messages to call the hooks of a room for, in pieces.

    A room has up to a thousand hooks, and a thousand messages in memory. Each piece
    ends with a checkpoint, so other tasks run meanwhile.
    """
    hooks = relay.hooks
    if not hooks.of(room):
        return  # deleted since: loading it would bring it back to memory
    looked, next_end = 0, inf
    try:
        live = await relay.live(room)
        for state in hooks.of(room):
            await _begin(relay, live, state)
            while _is_behind(relay, live, state):
                now = relay.clock.now()
                capable = Capable(relay.codes, room, now)
                addresses = capable.addresses(state.hook.peer.name)
                looked += state.look_through(
                    live.room, addresses, now.steady_seconds, LOOKED_AT_ONCE
                )
                if looked >= LOOKED_AT_ONCE:
                    await trio.lowlevel.checkpoint()
                    looked = 0
            now = relay.clock.now()
            damping_end = state.release_damped(live.room, now.steady_seconds)
            next_end = min(next_end, damping_end)
            looked += _HOOK_COST
    except RelayError as error:
        _log_uncounted(room, error)
        hooks.look(room, relay.clock.now().steady_seconds + RETRY_SECONDS)
    else:
        hooks.look(room, next_end)


def _is_behind(relay: Relay, live: LiveRoom, state: HookState) -> bool:
    """Tell whether a hook has messages of an open room to look at."""
    is_current = relay.hooks.find(state.hook.peer) is state
    is_open = live.room.exists and not live.room.status.is_closed
    return (
        is_current
        and is_open
        and state.looked is not None
        and state.looked < live.room.head
    )


async def _begin(relay: Relay, live: LiveRoom, state: HookState) -> None:
    """Find where a hook begins to look, and count what the room has not in memory.

    Such messages count for a hook that is called for all. For others they are not read
    from the store, unless they came since the last look: when in doubt, call.

    Raises:
        RelayError: The store could not be read.
    """
    reader, wake = state.hook.peer.name, state.hook.wake
    if live.room.status.is_closed:
        return
    is_new = state.looked is None
    cursor = live.cursors.get(reader, 0)
    start = cursor if state.looked is None else max(cursor, state.looked)
    first = live.room.tail_first
    state.looked = start
    if max(start + 1, live.room.first) >= first or (is_new and wake is not Wake.ALL):
        return
    with translated():
        count = await relay.store.count_unread(live.name, reader, start)
    count -= count_after(live.room, reader, live.room.tail_first - 1) or 0
    # While the store was read, the agent may have read as well.
    if count > 0 and state.looked == start >= live.cursors.get(reader, 0):
        state.nudging = state.nudging.noted(first - 1, count)


async def _nudge(relay: Relay, state: HookState) -> None:
    """Call the hook of one agent, unless a poll of it waits."""
    try:
        peer = state.hook.peer
        is_current = relay.hooks.find(peer) is state
        live = relay.find_live(peer.room)
        # A wait for the end of a question hears of nothing else, and does not count.
        is_heard = live is not None and live.polls.is_woken(peer.name)
        if relay.is_shared:
            is_heard = is_heard or await _has_heard_elsewhere(relay, state)
        if not is_current or is_heard:
            state.nudging = state.nudging.read_up_to(state.nudging.newest)
            return
        has_failed = not await _call(relay, state.hook, state.nudging.count)
        now = relay.clock.now().steady_seconds
        was_working = state.is_working
        state.nudging = state.nudging.nudged(now, has_failed=has_failed)
        if state.is_working != was_working:
            relay.hooks.touch(peer.room)
    finally:
        state.is_calling = False
        relay.hooks.slot.wake()


async def _has_heard_elsewhere(relay: Relay, state: HookState) -> bool:
    """Tell whether an agent is parked at another node, or has read there."""
    peer = state.hook.peer
    if relay.presence.is_listening_elsewhere(peer):
        return True
    try:
        live = await relay.live(peer.room)
        relay.hooks.acknowledge(peer, await live.find_cursor(peer.name))
    except RelayError as error:
        _log_uncounted(peer.room, error)  # in doubt, it is called
    return not state.nudging.count or not relay.nodes.is_leading


async def _call(relay: Relay, hook: WakeHook, count: int) -> bool:
    """Send one nudge; return whether it was delivered.

    It has neither a text nor a code. The agent reads with its own code.
    """
    url, counters = parse_wake_url(hook.url), relay.counters
    assert url is not None  # checked when it was set, and when it was loaded
    body = json.dumps({"room": hook.room, "name": hook.name, "count": count}).encode()
    timestamp = str(relay.clock.now().wall_ms // 1000)
    headers = (
        ("Content-Type", "application/json"),
        ("User-Agent", "argybargy"),
        (TIMESTAMP, timestamp),
        (SIGNATURE, sign(hook.key, timestamp, body)),
    )
    try:
        await relay.hooks.caller.post(url, headers, body)
    except CallFailedError as error:
        counters.nudges_failed += 1
        log.info("nudge failed", room=hook.room, peer=hook.name, reason=str(error))
        return False
    counters.nudges_sent += 1
    return True
