"""One hostile agent at its limits, and how long others wait for their messages then.

The hostile agent has a code, a room of its own and the default limits. The victim is in
another room, where somebody posts to it all the time. What counts is the time from a
post to the answer of the poll that waits for it.
"""

import itertools
import math
import string
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final
from urllib.parse import quote_plus

import attrs
import trio

from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import BadResponse, encode_request
from argybargy.torture.harness import Faults, ProofEnvironment
from argybargy.torture.relay_process import NO_ANSWER, AgentClient, RelayProcess

MOST_MS: Final = 250.0
"""From a post to its reader, whatever an agent of another room does."""
LIMITED: Final = {
    "ARGYBARGY_RATE_MAX": "10",
    "ARGYBARGY_READS_MAX": "120",
    "ARGYBARGY_CLAIMS_MAX": "60",
}
"""The defaults: an attack within what everybody is allowed."""
_OWN_ROOM: Final = "hostile"
_LETTERS: Final = string.ascii_lowercase + "".join(map(chr, range(0x3B1, 0x3CA)))
_TEXT_CHARS: Final = 8_000
_LONG_TEXTS: Final = 33
"""One answer to a poll or a search holds about as many."""
_QUESTIONS_A_SECOND: Final = 200
_MOST_QUESTIONS: Final = 1_500
_WORKERS: Final = 8
_MOST_SECONDS: Final = 15.0
_POSTERS: Final = 16
_POSTS_EACH: Final = 10
_POST_SECONDS: Final = 0.08
"""Between posts to the victim: each poster stays below its limit."""
_LATE_SECONDS: Final = 60.0
_REFUSED_SECONDS: Final = 0.01
"""How long the attacker rests after a refusal, for the sake of this process."""


@attrs.frozen
class Delays:
    """How long messages took to their reader.

    Attributes:
        p99_ms: All but one in a hundred took less.
        worst_ms: The longest.
        count: How many there were.
    """

    p99_ms: float
    worst_ms: float
    count: int

    @property
    def figure(self) -> str:
        """The end of a proof's sentence."""
        return (
            f"beside a hostile agent messages wake their reader within "
            f"{self.worst_ms:.0f} ms, p99 {self.p99_ms:.0f} ms"
        )

    @property
    def facts(self) -> dict[str, float]:
        """The numbers behind it."""
        return {
            "attacked_p99_ms": self.p99_ms,
            "attacked_worst_ms": self.worst_ms,
            "attacked_messages": self.count,
        }


@attrs.frozen
class Attack:
    """What the hostile agent does.

    Attributes:
        requests: Returns what one connection sends, again and again.
        connections: How many connections do so.
        prepare: Fills the hostile agent's own room first.
    """

    requests: Callable[[AgentClient], Iterator[bytes]]
    connections: int
    prepare: Callable[[RelayProcess, ProofEnvironment], Awaitable[None]]


async def measure(
    stage: ProofEnvironment, attacks: Sequence[Attack], faults: Faults
) -> Delays:
    """Attack for a while, and time the messages of another room."""
    seconds = min(stage.seconds, _MOST_SECONDS)
    count = min(_POSTERS, 1 + math.ceil(seconds / _POST_SECONDS / _POSTS_EACH))
    limit_ms = MOST_MS * stage.patience
    async with stage.open_relay("attacked", **LIMITED) as relay:
        hostile = await relay.guest("eve", _OWN_ROOM)
        for attack in attacks:
            await attack.prepare(relay, stage)
        victim = await relay.guest("victim", "quiet")
        posters = [await relay.guest(f"poster{n}", "quiet") for n in range(count)]
        async with trio.open_nursery() as nursery:
            for attack in attacks:
                for _ in range(attack.connections):
                    nursery.start_soon(_hammer, relay, attack.requests(hostile))
            delays = await _time_messages(seconds, victim, posters, faults)
            nursery.cancel_scope.cancel()
        ended = relay.process.poll() is not None
        faults.check("the process ended beside a hostile agent", is_good=not ended)
    found = _summarize(delays)
    is_soon = found.worst_ms <= limit_ms
    faults.check(
        f"a message took {found.worst_ms:.0f} ms beside a hostile agent, "
        f"not {limit_ms:.0f} ms",
        is_good=is_soon,
    )
    return found


def _summarize(delays: list[float]) -> Delays:
    ordered = sorted(1_000 * each for each in delays) or [0.0]
    return Delays(
        p99_ms=ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        worst_ms=ordered[-1],
        count=len(delays),
    )


async def _time_messages(
    seconds: float, victim: AgentClient, posters: list[AgentClient], faults: Faults
) -> list[float]:
    """Post to the victim again and again; return how long each message took."""
    delays: list[float] = []
    cursor, until = 0, trio.current_time() + seconds
    for poster in itertools.cycle(posters):
        if trio.current_time() > until:
            break
        posted_at = trio.current_time()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_post, poster, faults, nursery.cancel_scope)
                cursor = await _next_cursor(victim, cursor)
                delays.append(trio.current_time() - posted_at)
        except* NO_ANSWER as errors:
            faults.add(
                f"beside a hostile agent a poll got no answer: {errors.exceptions}"
            )
        if faults.count:
            break
        await trio.sleep(_POST_SECONDS)
    return delays


async def _post(poster: AgentClient, faults: Faults, scope: trio.CancelScope) -> None:
    """Post to the victim, who need not wait any longer if that fails."""
    try:
        reply = await poster.post("news", to="victim")
    except NO_ANSWER as error:
        faults.add(f"beside a hostile agent a post got no answer: {error!r}")
        scope.cancel()
        return
    if reply.status != 200:
        faults.add(f"beside a hostile agent a post within its limit got {reply}")
        scope.cancel()


async def _next_cursor(victim: AgentClient, cursor: int) -> int:
    """Wait for the next message, and return the cursor that comes with it.

    Raises:
        OSError: And the others of ``NO_ANSWER``: the poll was not answered.
    """
    while True:
        reply = await victim.poll(cursor, wait=25)
        if reply.status != 200:
            raise BadResponse(f"a poll within its limit: {reply}")
        if reply.json["messages"]:
            seq: int = reply.json["cursor"]
            return seq


async def _hammer(relay: RelayProcess, requests: Iterator[bytes]) -> None:
    """Send one request after the other, whatever is said to them."""
    connection = KeepAliveConnection(relay.address)
    try:
        for request in requests:
            try:
                answer = await connection.exchange(request, _LATE_SECONDS)
            except NO_ANSWER:
                await trio.sleep(_REFUSED_SECONDS)
                continue
            if answer.status != 200:
                await trio.sleep(_REFUSED_SECONDS)
    finally:
        connection.close_nowait()


# -- what is sent ------------------------------------------------------------------


def _searches(hostile: AgentClient) -> Iterator[bytes]:
    """Ask for a letter a hundred times, for fifty letters, and for what begins so."""
    same = quote_plus(" ".join("a" * 100))
    many = quote_plus(" ".join(_LETTERS[:50]))
    for query in itertools.cycle((same, many, "z", "zq", "a", "-z+a")):
        yield hostile.encode("GET", f"/search?limit=50&q={query}")


def _polls(hostile: AgentClient) -> Iterator[bytes]:
    """Read everything anew and displace each other's polls."""
    for target in itertools.cycle(("since=0&wait=25", "since=999999&wait=5")):
        yield hostile.encode("GET", f"/messages?{target}")


def _questions(hostile: AgentClient) -> Iterator[bytes]:
    """Ask what nobody answers."""
    body = {"text": "Who?", "expects_reply": "anyone"}
    return itertools.repeat(hostile.encode("POST", "/messages", body))


def _posts(hostile: AgentClient) -> Iterator[bytes]:
    """Post the longest texts there may be."""
    return itertools.repeat(hostile.encode("POST", "/messages", {"text": _letters()}))


# -- what is there before ----------------------------------------------------------


def _letters() -> str:
    return " ".join(itertools.islice(itertools.cycle(_LETTERS), _TEXT_CHARS // 2))


def _same_letter() -> str:
    return "a " * (_TEXT_CHARS // 2 - 1) + "a"


def _prefixed(number: int) -> str:
    """Return a text of words that all begin alike and occur nowhere else."""
    words = (f"zq{number * 1_000 + each:x}" for each in range(1_000))
    return " ".join(words)[:_TEXT_CHARS].rpartition(" ")[0]


async def _fill_texts(relay: RelayProcess, _: ProofEnvironment) -> None:
    texts = [_same_letter(), _letters()] * (_LONG_TEXTS // 2)
    texts += [_prefixed(number) for number in range(_LONG_TEXTS)]
    texts += [_same_letter()] * _LONG_TEXTS
    await _say_all(relay, ({"text": text} for text in texts))


async def _fill_questions(relay: RelayProcess, stage: ProofEnvironment) -> None:
    """Leave open as many questions as a long attack would have asked."""
    count = min(_MOST_QUESTIONS, int(_QUESTIONS_A_SECOND * stage.seconds))
    question = {"text": "Who?", "expects_reply": "anyone"}
    await _say_all(relay, itertools.repeat(question, count))


async def _say_all(relay: RelayProcess, bodies: Iterator[dict[str, str]]) -> None:
    """Have the operator say what the hostile agent could have said over time.

    Raises:
        BadAnswer: The relay would not take it.
    """
    shown = {"x-admin-token": relay.token()}

    async def say_some() -> None:
        connection = KeepAliveConnection(relay.address)
        try:
            for body in bodies:
                whole = {"room": _OWN_ROOM, **body}
                request = encode_request("POST", "/admin/say", shown, whole)
                answer = await connection.exchange(request)
                if answer.status != 200:
                    raise BadResponse(f"not said: {answer.body[:200]!r}")
        finally:
            connection.close_nowait()

    async with trio.open_nursery() as nursery:
        for _ in range(_WORKERS):
            nursery.start_soon(say_some)


SEARCHING: Final = Attack(_searches, 4, _fill_texts)
POLLING: Final = Attack(_polls, 6, _fill_texts)
ASKING: Final = Attack(_questions, 2, _fill_questions)
POSTING: Final = Attack(_posts, 2, _fill_questions)
EVERYTHING: Final = (SEARCHING, POLLING, ASKING, POSTING)
