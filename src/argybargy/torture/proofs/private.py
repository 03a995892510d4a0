"""G10, private: only sender, addressees and operator can read a direct message."""

import json
from typing import Any, Final

from argybargy.system.values import frozen
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.relay_process import AgentClient, JsonResponse, RelayProcess

DIRECT_TEXT: Final = "the launch code is on the fridge"
_ROUTES: Final = (
    ("GET", "/messages?since=0"),
    ("GET", "/messages?since=0&wait=0.1"),
    ("GET", "/messages?since=resume"),
    ("GET", "/messages/{seq}"),
    ("GET", "/messages/{open}"),
    ("GET", "/history"),
    ("GET", "/history?before=1000"),
    ("GET", "/search?q=fridge"),
    ("GET", "/search?q=from:alice+is:open"),
    ("GET", "/resume"),
    ("GET", "/peers"),
    ("GET", "/whoami"),
    ("GET", "/"),
    ("GET", "/ready"),
    ("POST", "/messages/{seq}/claim"),
    ("DELETE", "/messages/{seq}/claim"),
    ("DELETE", "/messages/{seq}/question"),
)
"""All routes that return messages. ``open`` is the question that the reply answers."""


@frozen
class _DirectMessage:
    """A direct message, its readers, and agents that must not see it."""

    seq: int
    answered: int
    insiders: tuple[AgentClient, ...]
    outsiders: tuple[AgentClient, ...]


async def prove(environment: ProofEnvironment) -> ProofResult:
    """Send a direct message; request every route as agents that must not see it."""
    faults, looks = Faults(), 0
    async with environment.open_relay() as relay:
        direct = await _send_direct(relay)
        for guest in direct.outsiders:
            for method, route in _ROUTES:
                reply = await _request(guest, method, route, direct)
                looks += 1
                is_hidden = DIRECT_TEXT not in json.dumps(reply.json)
                faults.check(
                    f"{guest.name} saw the message at {method} {route}",
                    is_good=is_hidden,
                )
            await _check_not_found(guest, direct, faults)
        for guest in direct.insiders:
            reply = await guest.call("GET", f"/messages/{direct.seq}")
            is_seen = reply.status == 200 and DIRECT_TEXT in json.dumps(reply.json)
            faults.check(f"{guest.name} does not see the message", is_good=is_seen)
        state = json.dumps((await relay.admin("GET", "/admin/state")).json)
        faults.check(
            "the operator does not see the message", is_good=DIRECT_TEXT in state
        )
    figure = f"{faults.count} leaks in {looks} requests to {len(_ROUTES)} routes"
    facts = {"routes": len(_ROUTES), "looks": looks}
    return ProofResult(figure, facts, faults.all())


async def _send_direct(relay: RelayProcess) -> _DirectMessage:
    alice, bob, dora = [await relay.guest(name) for name in ("alice", "bob", "dora")]
    carol, dave = await relay.guest("carol"), await relay.guest("dave", "elsewhere")
    choices = ["I do", "nobody"]
    asked = await bob.post("who knows?", expects_reply="anyone", choices=choices)
    answered = asked.json["message"]["seq"]
    # A choice makes it an answer, although it asks on, so that claims can be tried.
    reply = await alice.post(
        DIRECT_TEXT,
        to=["bob", "dora"],
        reply_to=answered,
        choice=choices[0],
        expects_reply="bob",
    )
    seq = reply.json["message"]["seq"]
    return _DirectMessage(seq, answered, (alice, bob, dora), (carol, dave))


async def _request(
    guest: AgentClient, method: str, route: str, direct: _DirectMessage
) -> JsonResponse:
    target = route.format(seq=direct.seq, open=direct.answered)
    return await guest.call(method, target)


async def _check_not_found(
    guest: AgentClient, direct: _DirectMessage, faults: Faults
) -> None:
    """Check that a hidden message gets the same response as a missing one."""
    for method, route in (("GET", "/messages/{}"), ("POST", "/messages/{}/claim")):
        hidden = await guest.call(method, route.format(direct.seq))
        absent = await guest.call(method, route.format(direct.seq + 1_000))
        is_same = _without_request_id(hidden.json) == _without_request_id(absent.json)
        faults.check(f"{method} distinguishes hidden from missing", is_good=is_same)


def _without_request_id(body: dict[str, Any]) -> dict[str, Any]:
    detail = dict(body.get("detail", {}))
    detail.pop("request_id", None)
    return detail
