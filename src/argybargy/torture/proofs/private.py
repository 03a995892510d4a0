"""G10: a direct message is seen by its sender, its addressees, and the operator."""

import json
from typing import Any, Final

import attrs

from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.relay_process import AgentClient, JsonResponse, RelayProcess

WHISPERED: Final = "the launch code is on the fridge"
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
)
"""Every way to learn of a message. ``open`` is one that the direct one answers."""


@attrs.frozen
class _Whisper:
    """A direct message, and those who may not know of it."""

    seq: int
    answered: int
    insiders: tuple[AgentClient, ...]
    outsiders: tuple[AgentClient, ...]


async def prove(stage: ProofEnvironment) -> ProofResult:
    """Whisper, and let everybody else look for it by every route there is."""
    faults, looks = Faults(), 0
    async with stage.open_relay() as relay:
        whisper = await _whisper(relay)
        for guest in whisper.outsiders:
            for method, route in _ROUTES:
                reply = await _look(guest, method, route, whisper)
                looks += 1
                is_hidden = WHISPERED not in json.dumps(reply.json)
                faults.check(
                    f"{guest.name} saw it at {method} {route}", is_good=is_hidden
                )
            await _check_number(guest, whisper, faults)
        for guest in whisper.insiders:
            reply = await guest.call("GET", f"/messages/{whisper.seq}")
            is_seen = reply.status == 200 and WHISPERED in json.dumps(reply.json)
            faults.check(f"{guest.name} does not see it", is_good=is_seen)
        state = json.dumps((await relay.admin("GET", "/admin/state")).json)
        faults.check("the operator does not see it", is_good=WHISPERED in state)
    figure = f"{faults.count} leaks in {looks} looks at {len(_ROUTES)} routes"
    facts = {"routes": len(_ROUTES), "looks": looks}
    return ProofResult(figure, facts, faults.all())


async def _whisper(relay: RelayProcess) -> _Whisper:
    alice, bob, dora = [await relay.guest(name) for name in ("alice", "bob", "dora")]
    carol, dave = await relay.guest("carol"), await relay.guest("dave", "elsewhere")
    asked = await bob.post("who knows?", expects_reply="anyone")
    answered = asked.json["message"]["seq"]
    reply = await alice.post(
        WHISPERED, to=["bob", "dora"], reply_to=answered, expects_reply="bob"
    )
    seq = reply.json["message"]["seq"]
    return _Whisper(seq, answered, (alice, bob, dora), (carol, dave))


async def _look(
    guest: AgentClient, method: str, route: str, whisper: _Whisper
) -> JsonResponse:
    target = route.format(seq=whisper.seq, open=whisper.answered)
    return await guest.call(method, target)


async def _check_number(guest: AgentClient, whisper: _Whisper, faults: Faults) -> None:
    """A hidden message is answered like one that does not exist."""
    for method, route in (("GET", "/messages/{}"), ("POST", "/messages/{}/claim")):
        hidden = await guest.call(method, route.format(whisper.seq))
        absent = await guest.call(method, route.format(whisper.seq + 1_000))
        is_same = _public(hidden.json) == _public(absent.json)
        faults.check(f"{method} tells hidden from absent", is_good=is_same)


def _public(body: dict[str, Any]) -> dict[str, Any]:
    detail = dict(body.get("detail", {}))
    detail.pop("request_id", None)
    return detail
