"""G9, honest: a storage failure is a 503, and recovery needs no restart.

An attack within the rate limits causes no failure for other agents either.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import apsw
import attrs
import trio

from argybargy.system.values import define
from argybargy.torture import hostile
from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.process_limits import CAN_FILL_DISK, full_disk
from argybargy.torture.relay_process import (
    NO_ANSWER,
    AgentClient,
    JsonResponse,
    RelayProcess,
)
from argybargy.torture.shared_server import locked_tables

_POSTS_PER_FAILURE: Final = 3
_RECOVERY_SECONDS: Final = 10.0


@define
class _FailingRelay:
    """A relay whose storage fails, an agent that posts, and what was accepted.

    Attributes:
        relay: The relay.
        guest: The agent.
        faults: Wrong responses.
        refused: Number of posts refused with 503.
        accepted: Texts of all acknowledged posts, in order.
    """

    relay: RelayProcess
    guest: AgentClient
    faults: Faults
    refused: int = 0
    accepted: list[str] = attrs.field(factory=list)

    async def post(self, text: str) -> JsonResponse | None:
        """Post with the text as key; return ``None`` if there is no response."""
        try:
            reply = await self.guest.post(text, key=text)
        except NO_ANSWER as error:
            self.faults.add(f"'{text}' got no response: {error!r}")
            return None
        if reply.status == 200:
            self.accepted.append(text)
        return reply

    async def check_refusals(self, what: str) -> None:
        """Check during a failure: posts are refused with 503, and reads work."""
        for number in range(_POSTS_PER_FAILURE):
            reply = await self.post(f"{what} {number}")
            if reply is None or reply.status == 200:
                self.faults.add(f"{what}: a post was answered {reply}")
                continue
            is_refused = reply.status == 503 and "retry_after" in reply.json["detail"]
            self.faults.check(f"{what}: {reply}", is_good=is_refused)
            self.refused += 1
        history = await self.guest.call("GET", "/history")
        self.faults.check(f"{what}: {history.status}", is_good=history.status == 200)
        ready = await self.guest.call("GET", "/ready")
        self.faults.check(f"{what}: /ready was not 503", is_good=ready.status == 503)

    async def wait_recovered(self, what: str) -> float:
        """Repeat a post until it is stored; return the time that took, in seconds."""
        began, text = trio.current_time(), f"after {what}"
        with trio.move_on_after(_RECOVERY_SECONDS):
            while True:
                reply = await self.post(text)
                if reply is not None and reply.status == 200:
                    return trio.current_time() - began
                await trio.sleep(0.1)
        self.faults.add(f"{what}: no post was stored {_RECOVERY_SECONDS:.0f} s after")
        return _RECOVERY_SECONDS


async def prove(environment: ProofEnvironment) -> ProofResult:
    """Lock the database, then fill the disk; check the responses and the recovery."""
    faults, longest, refused, rounds = Faults(), 0.0, 0, 0
    deadline = trio.current_time() + environment.seconds
    async with environment.open_relay() as relay:
        failing = _FailingRelay(relay, await relay.guest("alice"), faults)
        await failing.post("before")
        while rounds == 0 or trio.current_time() < deadline:
            for what, fail in _failures(relay).items():
                with fail(relay):
                    await failing.check_refusals(f"{what} {rounds}")
                took = await failing.wait_recovered(f"{what} {rounds}")
                longest = max(longest, took)
            rounds += 1
        refused, is_alone = failing.refused, not relay.store_url
        await _check_stored(failing)
    delays = await hostile.measure(environment, hostile.EVERYTHING, faults)
    figure = (
        f"{faults.count} wrong responses to {refused} posts while the database was "
        f"locked{' or the disk full' if is_alone else ''}; recovered within "
        f"{longest:.1f} s; "
        f"{delays.figure}"
    )
    facts = {
        "refused": refused,
        "recovery_seconds": longest,
        "rounds": rounds,
        **delays.facts,
    }
    return ProofResult(figure, facts, faults.all())


async def _check_stored(failing: _FailingRelay) -> None:
    reader = await failing.relay.guest("reader")
    texts = [message["text"] for message in await reader.read_all()]
    is_same = texts == failing.accepted
    failing.faults.check(f"stored {texts}, not {failing.accepted}", is_good=is_same)


@contextmanager
def _locked(relay: RelayProcess) -> Iterator[None]:
    """Hold the write lock of the database from another connection."""
    other = apsw.Connection(str(relay.data / "relay.db"))
    try:
        other.set_busy_timeout(5_000)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


@contextmanager
def _locked_tables(relay: RelayProcess) -> Iterator[None]:
    with locked_tables(relay.store_url):
        yield


def _failures(
    relay: RelayProcess,
) -> dict[str, Callable[[RelayProcess], AbstractContextManager[None]]]:
    """Return the storage failures that can be injected on this system, by name."""
    if relay.store_url:
        return {"lock": _locked_tables}
    return {"lock": _locked, **({"full disk": full_disk} if CAN_FILL_DISK else {})}
