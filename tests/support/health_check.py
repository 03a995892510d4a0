"""Somebody who tells whether a relay is as it was before the trouble began."""

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
"""The server lingers for a second, looks for late connections each second."""
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
    """Knows how the relay was, and looks for what is not so any more.

    Attributes:
        server: The relay.
        may_log_errors: Whether the trouble is of a kind that should be logged.
    """

    server: RealServer
    guest: AgentClient
    descriptors: Counter[str]
    may_log_errors: bool = False
    posted: int = 0

    async def check(self) -> None:
        """Fail the test if anything is not as it was."""
        faults = await self.find_faults()
        assert not faults, "\n".join(faults)

    async def find_faults(self) -> list[str]:
        """Say what is not as it should be, in as many sentences as it takes.

        Every guest's connection is closed for it; the next request opens another.
        """
        self.server.close_guests()
        faults = await self._find_deafness()
        if self.server.process.poll() is not None:
            code = self.server.process.returncode
            return [f"the process ended with {code}", *faults]
        if not faults:
            faults += await self._find_leaks()
        faults += [f"{room} has gaps" for room in self._select(_GAPS)]
        faults += [f"doubled: {text}" for text in self._select(_DOUBLES)]
        if not self.may_log_errors:
            faults += find_errors(self.server.log)
        return faults

    async def _find_deafness(self) -> list[str]:
        """Post, and read back all that was ever posted here."""
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
            return [f"no answer, or polls are parked for ever: {error!r}"]
        if not await became_true(lambda: not self._find_descriptors()):
            return [f"open too much: {self._find_descriptors()}"]
        return []

    def _find_descriptors(self) -> Counter[str]:
        return count_descriptors(self.server) - self.descriptors

    def _select(self, query: str) -> list[str]:
        """Ask the database itself, which also knows what only others may see."""
        path = f"file:{self.server.data / 'relay.db'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as database:
            return [row[0] for row in database.execute(query)]


async def call_witness(server: RealServer) -> Witness:
    """Let a witness look at a relay that nothing has happened to yet."""
    guest = await server.guest("witness", "witnessed")
    witness = Witness(server, guest, Counter())
    async with trio.open_nursery() as nursery:
        for _ in range(8):  # until it has opened every file that it ever will
            nursery.start_soon(server.admin, "GET", "/admin/search?q=anything")
            nursery.start_soon(server.admin, "GET", "/admin/audit")
    assert await witness._find_deafness() == []
    server.close_guests()
    witness.descriptors = count_descriptors(server)
    for _ in range(10):  # connections of before may be closing still
        await trio.sleep(0.05)
        witness.descriptors &= count_descriptors(server)
    return witness


async def became_true(
    question: Callable[[], bool], within_seconds: float = RECOVERY_SECONDS
) -> bool:
    """Wait until something holds; tell whether it did in time."""
    with trio.move_on_after(within_seconds):
        while not question():  # noqa: ASYNC110 - another process announces nothing
            await trio.sleep(0.05)
        return True
    return False


def count_descriptors(server: RealServer) -> Counter[str]:
    """Count what a relay has open: files by name, sockets all together."""
    counts: Counter[str] = Counter()
    for path in Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            counts[str(path.readlink()).partition(":[")[0]] += 1
        except FileNotFoundError:
            continue  # closed since the directory was read
    return counts


def find_errors(log: Path) -> list[str]:
    """Return the lines of a log that are at level error, or no log lines at all."""
    lines = log.read_text().splitlines()
    return [line for line in lines if _is_error(line)]


def _is_error(line: str) -> bool:
    try:
        event = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return True
    return event.get("level") not in {"debug", "info", "warning"}
