"""G9: when the disk is in trouble the relay says so, and recovers by itself.

And it says so only then: what others do makes no trouble for those within their limits.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import apsw
import attrs
import trio

from argybargy.torture import hostile
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.process_limits import CAN_FILL_DISK, full_disk
from argybargy.torture.relay_process import (
    NO_ANSWER,
    AgentClient,
    JsonResponse,
    RelayProcess,
)

_TROUBLE_POSTS: Final = 3
_RECOVERY_SECONDS: Final = 10.0


@attrs.define
class _Trial:
    """One relay and what is looked at while its storage is in trouble."""

    relay: RelayProcess
    guest: AgentClient
    faults: Faults
    refused: int = 0
    accepted: list[str] = attrs.field(factory=list)

    async def post(self, text: str) -> JsonResponse | None:
        try:
            reply = await self.guest.post(text, key=text)
        except NO_ANSWER as error:
            self.faults.add(f"'{text}' was not answered: {error!r}")
            return None
        if reply.status == 200:
            self.accepted.append(text)
        return reply

    async def look_at_trouble(self, what: str) -> None:
        """Post while nothing can be stored; each is refused, and reads go on."""
        for number in range(_TROUBLE_POSTS):
            reply = await self.post(f"{what} {number}")
            if reply is None or reply.status == 200:
                self.faults.add(f"{what}: a post was answered {reply}")
                continue
            is_said = reply.status == 503 and "retry_after" in reply.json["detail"]
            self.faults.check(f"{what}: {reply}", is_good=is_said)
            self.refused += 1
        history = await self.guest.call("GET", "/history")
        self.faults.check(f"{what}: {history.status}", is_good=history.status == 200)
        ready = await self.guest.call("GET", "/ready")
        self.faults.check(f"{what}: it says ready", is_good=ready.status == 503)

    async def look_at_recovery(self, what: str) -> float:
        """Post until it is stored again; return how long that took."""
        began, text = trio.current_time(), f"after {what}"
        with trio.move_on_after(_RECOVERY_SECONDS):
            while True:
                reply = await self.post(text)
                if reply is not None and reply.status == 200:
                    return trio.current_time() - began
                await trio.sleep(0.1)
        self.faults.add(f"{what}: no post was stored {_RECOVERY_SECONDS:.0f} s after")
        return _RECOVERY_SECONDS


async def prove(stage: ProofEnvironment) -> ProofResult:
    """Lock the database, then let the disk be full; look at answers and recovery."""
    faults, longest, refused, rounds = Faults(), 0.0, 0, 0
    deadline = trio.current_time() + stage.seconds
    async with stage.open_relay() as relay:
        trial = _Trial(relay, await relay.guest("alice"), faults)
        await trial.post("before")
        while rounds == 0 or trio.current_time() < deadline:
            for what, trouble in _troubles().items():
                with trouble(relay):
                    await trial.look_at_trouble(f"{what} {rounds}")
                took = await trial.look_at_recovery(f"{what} {rounds}")
                longest = max(longest, took)
            rounds += 1
        refused = trial.refused
        await _check_kept(trial)
    delays = await hostile.measure(stage, hostile.EVERYTHING, faults)
    figure = (
        f"{faults.count} wrong answers in {refused} posts while the database was "
        f"locked or the disk full; stored again within {longest:.1f} s, no restart; "
        f"{delays.figure}"
    )
    facts = {
        "refused": refused,
        "recovery_seconds": longest,
        "rounds": rounds,
        **delays.facts,
    }
    return ProofResult(figure, facts, faults.all())


async def _check_kept(trial: _Trial) -> None:
    reader = await trial.relay.guest("reader")
    texts = [message["text"] for message in await reader.read_all()]
    is_same = texts == trial.accepted
    trial.faults.check(f"kept {texts}, not {trial.accepted}", is_good=is_same)


@contextmanager
def _locked(relay: RelayProcess) -> Iterator[None]:
    """Let another program hold the database for itself."""
    other = apsw.Connection(str(relay.data / "relay.db"))
    try:
        other.set_busy_timeout(5_000)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


def _troubles() -> dict[str, Callable[[RelayProcess], AbstractContextManager[None]]]:
    """Return what this system lets us do to a relay."""
    return {"lock": _locked, **({"full disk": full_disk} if CAN_FILL_DISK else {})}
