"""The service that calls wake hooks: one task, with a bounded number of calls.

What is unread is kept with each hook, so the queue of nudges is as long as the list of
hooks. A call that fails is tried again later, see `argybargy.domain.nudging`.
"""

import hashlib
import hmac
import json
from math import inf
from typing import Final

import trio

from argybargy.domain.wake_hooks import WakeHook, parse_wake_url
from argybargy.relay.nudges.call import CallFailedError
from argybargy.relay.nudges.hooks import HookState
from argybargy.relay.relay import Relay
from argybargy.store.errors import StoreError
from argybargy.system.logs import get_logger

log = get_logger(__name__)

TIMESTAMP: Final = "X-Argybargy-Timestamp"
SIGNATURE: Final = "X-Argybargy-Signature"


def sign(key: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a call: HMAC-SHA256 over timestamp, dot and body."""
    signed = timestamp.encode() + b"." + body
    return f"sha256={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}"


async def run_nudges(relay: Relay) -> None:
    """Call the hooks of agents with unread messages, until cancelled."""
    hooks, calls = relay.hooks, relay.limits.wake_calls
    await _note_unread(relay)
    async with trio.open_nursery() as nursery:
        while True:
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
            pause = next(later, inf) - now
            with trio.move_on_after(pause):
                await hooks.slot.wait_woken()


async def _note_unread(relay: Relay) -> None:
    """Find the messages that agents have not read, after a start of the relay.

    An agent whose nudge was lost with the last process would sleep on otherwise.
    """
    for state in list(relay.hooks):
        peer, room = state.hook.peer, state.hook.room
        card = relay.overview.cards.get(peer.room)
        if card is None or card.summary.status.is_closed:
            continue
        try:
            cursor = (await relay.store.cursors(room)).get(peer.name, 0)
            count = await relay.store.count_unread(room, peer.name, cursor)
        except StoreError as error:
            log.warning("unread messages not counted", room=room, reason=str(error))
            continue
        relay.hooks.note_unread(peer, card.summary.head, count)


async def _nudge(relay: Relay, state: HookState) -> None:
    """Call the hook of one agent, unless a poll of it waits."""
    try:
        peer = state.hook.peer
        is_current = relay.hooks.find(peer) is state
        if not is_current or peer.name in relay.parked_peers(peer.room):
            state.nudging = state.nudging.read_up_to(state.nudging.newest)
            return
        has_failed = not await _call(relay, state.hook, state.nudging.count)
        now = relay.clock.now().steady_seconds
        state.nudging = state.nudging.nudged(now, has_failed=has_failed)
    finally:
        state.is_calling = False
        relay.hooks.slot.wake()


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
