"""Use cases of an agent about its wake hook."""

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.wake_hooks import WakeHook, parse_wake_url
from argybargy.domain.wake_policy import Wake
from argybargy.relay.nudges.hooks import new_wake_key
from argybargy.relay.relay import Relay


async def set_hook(relay: Relay, code: CodeRecord, url: str, wake: Wake) -> WakeHook:
    """Set the hook of an agent; on return it is durable.

    Messages that the agent has not acknowledged count as unread: one may have come
    between its last poll and this call.

    Returns:
        The hook with a new key, which is not shown again.

    Raises:
        RelayError: ``invalid_request``, ``wake_host_refused``, ``wake_quota``,
            ``rate_limited``, ``contains_secret``, or it could not be stored.
    """
    relay.request_limits.admit_claim(code.peer, relay.clock.now().steady_seconds)
    parts = parse_wake_url(url)
    assert parts is not None  # checked when it was decoded
    if not relay.hooks.caller.hosts.allows(parts.host):
        raise RelayError(Problem.WAKE_HOST_REFUSED)
    relay.refuse_secrets(url)
    hook = WakeHook(code.room, code.name, url, new_wake_key(), wake)
    await relay.hooks.set(hook)
    if not relay.codes.is_live(code, relay.clock.now()):
        await relay.hooks.remove(code.peer)  # dismissed while the hook was stored
        raise RelayError(Problem.UNAUTHORIZED)
    return hook


async def remove_hook(relay: Relay, code: CodeRecord) -> bool:
    """Remove the hook of an agent; return whether it had one.

    Raises:
        RelayError: ``rate_limited``, or it could not be removed.
    """
    relay.request_limits.admit_claim(code.peer, relay.clock.now().steady_seconds)
    return await relay.hooks.remove(code.peer)
