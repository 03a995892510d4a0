"""Check that a relay is healthy after an attack: answers, data, descriptors, log."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import attrs
import msgspec
import trio

from argybargy.torture.client.messages import BadResponse
from argybargy.torture.fuzzer import ONCE
from support.relay_process import AgentClient, RealServer

_NO_ANSWER = (OSError, BadResponse, trio.TooSlowError, trio.BrokenResourceError)
RECOVERY_SECONDS = 8.0
"""The server lingers for 1 s on connections, and closes late ones each second."""
_GAPS = """
    SELECT name FROM rooms LEFT JOIN messages ON room_id = rooms.id
    GROUP BY rooms.id HAVING count(seq) <> head
    OR (head > 0 AND (min(seq) <> 1 OR max(seq) <> head))
"""
_DOUBLES = f"""
    SELECT text FROM messages WHERE text LIKE '{ONCE}%'
    GROUP BY text HAVING count(*) > 1
"""


@attrs.define
class Witness:
    """Baseline of a healthy relay, and checks against it.

    Attributes:
        server: The relay.
        may_log_errors: Whether the attack is expected to log errors.
    """

    server: RealServer
    guest: AgentClient
    descriptors: Counter[str]
    may_log_errors: bool = False
    posted: int = 0

    async def check(self) -> None:
        """Fail the test if the relay is not healthy."""
        faults = await self.find_faults()
        assert not faults, "\n".join(faults)

    async def find_faults(self) -> list[str]:
        """Return all differences from the baseline, one sentence each.

        Closes the connections of all agents; their next requests open others.
        """
        self.server.close_guests()
        faults = await self._find_unanswered()
        if (code := self.server.process.poll()) is not None:
            return [f"the process ended with {code}", *faults]
        if not faults:
            faults += await self._find_leaks()
        faults += [f"{room} has gaps" for room in self._select(_GAPS)]
        faults += [f"doubled: {text}" for text in self._select(_DOUBLES)]
        if not self.may_log_errors:
            faults += find_errors(self.server.log)
        return faults

    async def _find_unanswered(self) -> list[str]:
        """Post, and read back all posts of the check."""
        self.posted += 1
        try:
            await self._post_and_read()
        except _NO_ANSWER as error:
            return [f"no answer to a post: {error!r}"]
        finally:
            self.guest.close()
        return []

    async def _post_and_read(self) -> None:
        key = f"witness {self.posted}"
        reply = await self.guest.post(ONCE + key, key=key)
        if reply.status != 200:
            raise BadResponse(f"status {reply.status}: {reply.json}")
        seqs = [m["seq"] for m in (await self._history())["messages"]]
        if seqs != list(range(1, self.posted + 1)):
            raise BadResponse(f"not dense: {seqs}")

    async def _history(self) -> dict[str, list[dict[str, int]]]:
        reply = await self.guest.call("GET", "/history?limit=500")
        history: dict[str, list[dict[str, int]]] = reply.json
        return history

    async def _find_leaks(self) -> list[str]:
        try:
            await self.server.wait_parked(0)
        except _NO_ANSWER as error:
            return [f"no answer, or polls stay parked: {error!r}"]
        if not await became_true(lambda: not self._find_descriptors()):
            return [f"leaked descriptors: {self._find_descriptors()}"]
        return []

    def _find_descriptors(self) -> Counter[str]:
        return count_descriptors(self.server) - self.descriptors

    def _select(self, query: str) -> list[str]:
        """Query the database file directly, past all access rules."""
        path = f"file:{self.server.data / 'relay.db'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as database:
            return [row[0] for row in database.execute(query)]


async def call_witness(server: RealServer) -> Witness:
    """Record the baseline of a relay before an attack."""
    guest = await server.guest("witness", "witnessed")
    witness = Witness(server, guest, Counter())
    async with trio.open_nursery() as nursery:
        for _ in range(8):  # opens all files that are opened lazily
            nursery.start_soon(server.admin, "GET", "/admin/search?q=anything")
            nursery.start_soon(server.admin, "GET", "/admin/audit")
    assert await witness._find_unanswered() == []
    server.close_guests()
    witness.descriptors = count_descriptors(server)
    for _ in range(10):  # earlier connections may still be closing
        await trio.sleep(0.05)
        witness.descriptors &= count_descriptors(server)
    return witness


async def became_true(
    question: Callable[[], bool], within_seconds: float = RECOVERY_SECONDS
) -> bool:
    """Wait until a condition holds; return whether it did in time."""
    with trio.move_on_after(within_seconds):
        while not question():  # noqa: ASYNC110 - another process announces nothing
            await trio.sleep(0.05)
        return True
    return False


def count_descriptors(server: RealServer) -> Counter[str]:
    """Count open descriptors of a relay: files by name, sockets together."""
    counts: Counter[str] = Counter()
    for path in Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            counts[str(path.readlink()).partition(":[")[0]] += 1
        except FileNotFoundError:
            continue  # closed since the directory was read
    return counts


def find_errors(log: Path) -> list[str]:
    """Return the lines of a log at level error or above, or not JSON."""
    lines = log.read_text().splitlines()
    return [line for line in lines if _is_error(line)]


def _is_error(line: str) -> bool:
    try:
        event = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return True
    return event.get("level") not in {"debug", "info", "warning"}
