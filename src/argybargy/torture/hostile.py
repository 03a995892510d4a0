"""Delivery latency in one room while a hostile agent attacks from another.

The hostile agent has a valid code, a room of its own and the default rate limits. The
victim polls in another room, where others post to it continuously. The latency is the
time from the post to the response of the victim's parked poll.
"""

import itertools
import math
import string
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final
from urllib.parse import quote_plus

import trio

from argybargy.system.values import frozen
from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import BadResponse, encode_request
from argybargy.torture.harness import Faults, ProofEnvironment
from argybargy.torture.relay_process import NO_ANSWER, AgentClient, RelayProcess

MOST_MS: Final = 250.0
"""Maximum latency during an attack from another room."""
LIMITED: Final = {
    "ARGYBARGY_RATE_MAX": "10",
    "ARGYBARGY_READS_MAX": "120",
    "ARGYBARGY_CLAIMS_MAX": "60",
}
"""The default limits: the attack stays within what every agent is allowed."""
_OWN_ROOM: Final = "hostile"
_LETTERS: Final = string.ascii_lowercase + "".join(map(chr, range(0x3B1, 0x3CA)))
_TEXT_CHARS: Final = 8_000
_LONG_TEXTS: Final = 33
"""About as many as fit into one response to a poll or a search."""
_QUESTIONS_A_SECOND: Final = 200
_MOST_QUESTIONS: Final = 1_500
_WORKERS: Final = 8
_MOST_SECONDS: Final = 15.0
_POSTERS: Final = 16
_POSTS_EACH: Final = 10
_POST_SECONDS: Final = 0.08
"""Interval of posts to the victim; keeps each poster below its rate limit."""
_LATE_SECONDS: Final = 60.0
_REFUSED_SECONDS: Final = 0.01
"""Pause of the attacker after a refusal, to leave CPU time to this process."""


@frozen
class Latencies:
    """Latencies of messages to the victim.

    Attributes:
        p99_ms: 99th percentile, in milliseconds.
        worst_ms: Maximum, in milliseconds.
        count: Number of messages.
    """

    p99_ms: float
    worst_ms: float
    count: int

    @property
    def figure(self) -> str:
        """Summary, to be appended to the figure of a proof."""
        return (
            f"messages delivered within {self.worst_ms:.0f} ms during an attack by a "
            f"hostile agent (p99 {self.p99_ms:.0f} ms)"
        )

    @property
    def facts(self) -> dict[str, float]:
        """The latencies as facts of a proof."""
        return {
            "attacked_p99_ms": self.p99_ms,
            "attacked_worst_ms": self.worst_ms,
            "attacked_messages": self.count,
        }


@frozen
class Attack:
    """One kind of attack.

    Attributes:
        requests: Returns the endless sequence of encoded requests of one connection.
        connections: Number of connections.
        prepare: Fills the hostile agent's own room beforehand.
    """

    requests: Callable[[AgentClient], Iterator[bytes]]
    connections: int
    prepare: Callable[[RelayProcess, ProofEnvironment], Awaitable[None]]


async def measure(
    environment: ProofEnvironment, attacks: Sequence[Attack], faults: Faults
) -> Latencies:
    """Run attacks, and measure the latency of messages in another room."""
    seconds = min(environment.seconds, _MOST_SECONDS)
    count = min(_POSTERS, 1 + math.ceil(seconds / _POST_SECONDS / _POSTS_EACH))
    limit_ms = MOST_MS * environment.patience
    async with environment.open_relay("attacked", **LIMITED) as relay:
        hostile = await relay.guest("eve", _OWN_ROOM)
        for attack in attacks:
            await attack.prepare(relay, environment)
        victim = await relay.guest("victim", "quiet")
        posters = [await relay.guest(f"poster{n}", "quiet") for n in range(count)]
        async with trio.open_nursery() as nursery:
            for attack in attacks:
                for _ in range(attack.connections):
                    nursery.start_soon(_hammer, relay, attack.requests(hostile))
            seconds_each = await _time_messages(seconds, victim, posters, faults)
            nursery.cancel_scope.cancel()
        ended = relay.process.poll() is not None
        faults.check(
            "the process ended during the attack of a hostile agent", is_good=not ended
        )
    latencies = _summarize(seconds_each)
    is_soon = latencies.worst_ms <= limit_ms
    faults.check(
        f"a message took {latencies.worst_ms:.0f} ms beside a hostile agent, "
        f"more than {limit_ms:.0f} ms",
        is_good=is_soon,
    )
    return latencies


def _summarize(seconds_each: list[float]) -> Latencies:
    ordered = sorted(1_000 * each for each in seconds_each) or [0.0]
    return Latencies(
        p99_ms=ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        worst_ms=ordered[-1],
        count=len(seconds_each),
    )


async def _time_messages(
    seconds: float, victim: AgentClient, posters: list[AgentClient], faults: Faults
) -> list[float]:
    """Post to the victim for some seconds; return the latency of each message."""
    latencies: list[float] = []
    cursor, until = 0, trio.current_time() + seconds
    for poster in itertools.cycle(posters):
        if trio.current_time() > until:
            break
        posted_at = trio.current_time()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_post, poster, faults, nursery.cancel_scope)
                cursor = await _next_cursor(victim, cursor)
                latencies.append(trio.current_time() - posted_at)
        except* NO_ANSWER as errors:
            faults.add(
                f"beside a hostile agent a poll got no answer: {errors.exceptions}"
            )
        if faults.count:
            break
        await trio.sleep(_POST_SECONDS)
    return latencies


async def _post(poster: AgentClient, faults: Faults, scope: trio.CancelScope) -> None:
    """Post to the victim; on failure cancel the wait for the message."""
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
    """Poll until the next message; return the cursor after it.

    Raises:
        OSError: No response; also the other errors of ``NO_ANSWER``.
    """
    while True:
        reply = await victim.poll(cursor, wait=25)
        if reply.status != 200:
            raise BadResponse(f"a poll within its limit: {reply}")
        if reply.json["messages"]:
            seq: int = reply.json["cursor"]
            return seq


async def _hammer(relay: RelayProcess, requests: Iterator[bytes]) -> None:
    """Send requests one after the other; ignore their responses."""
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


# -- requests of each attack --------------------------------------------------------


def _searches(hostile: AgentClient) -> Iterator[bytes]:
    """Search for one letter 100 times, for 50 letters, and for common prefixes."""
    same = quote_plus(" ".join("a" * 100))
    many = quote_plus(" ".join(_LETTERS[:50]))
    for query in itertools.cycle((same, many, "z", "zq", "a", "-z+a")):
        yield hostile.encode("GET", f"/search?limit=50&q={query}")


def _polls(hostile: AgentClient) -> Iterator[bytes]:
    """Read the whole room from the start, and displace the agent's own parked polls."""
    for target in itertools.cycle(("since=0&wait=25", "since=999999&wait=5")):
        yield hostile.encode("GET", f"/messages?{target}")


def _questions(hostile: AgentClient) -> Iterator[bytes]:
    """Ask questions that nobody answers."""
    body = {"text": "Who?", "expects_reply": "anyone"}
    return itertools.repeat(hostile.encode("POST", "/messages", body))


def _posts(hostile: AgentClient) -> Iterator[bytes]:
    """Post texts of nearly the maximum length."""
    return itertools.repeat(hostile.encode("POST", "/messages", {"text": _letters()}))


# -- contents of the hostile agent's room -------------------------------------------


def _letters() -> str:
    return " ".join(itertools.islice(itertools.cycle(_LETTERS), _TEXT_CHARS // 2))


def _same_letter() -> str:
    return "a " * (_TEXT_CHARS // 2 - 1) + "a"


def _prefixed(number: int) -> str:
    """Return a text of distinct words with one common prefix."""
    words = (f"zq{number * 1_000 + each:x}" for each in range(1_000))
    return " ".join(words)[:_TEXT_CHARS].rpartition(" ")[0]


async def _fill_texts(relay: RelayProcess, _: ProofEnvironment) -> None:
    texts = [_same_letter(), _letters()] * (_LONG_TEXTS // 2)
    texts += [_prefixed(number) for number in range(_LONG_TEXTS)]
    texts += [_same_letter()] * _LONG_TEXTS
    await _post_all(relay, ({"text": text} for text in texts))


async def _fill_questions(relay: RelayProcess, environment: ProofEnvironment) -> None:
    """Open as many questions as a long attack would."""
    count = min(_MOST_QUESTIONS, int(_QUESTIONS_A_SECOND * environment.seconds))
    question = {"text": "Who?", "expects_reply": "anyone"}
    await _post_all(relay, itertools.repeat(question, count))


async def _post_all(relay: RelayProcess, bodies: Iterator[dict[str, str]]) -> None:
    """Post into the hostile agent's room as the operator, past the rate limit.

    Raises:
        BadResponse: The relay refused a message.
    """
    fields = {"x-admin-token": relay.token()}

    async def post_some() -> None:
        connection = KeepAliveConnection(relay.address)
        try:
            for body in bodies:
                whole = {"room": _OWN_ROOM, **body}
                request = encode_request("POST", "/admin/say", fields, whole)
                answer = await connection.exchange(request)
                if answer.status != 200:
                    raise BadResponse(
                        f"the operator's message was refused: {answer.body[:200]!r}"
                    )
        finally:
            connection.close_nowait()

    async with trio.open_nursery() as nursery:
        for _ in range(_WORKERS):
            nursery.start_soon(post_some)


SEARCHING: Final = Attack(_searches, 4, _fill_texts)
POLLING: Final = Attack(_polls, 6, _fill_texts)
ASKING: Final = Attack(_questions, 2, _fill_questions)
POSTING: Final = Attack(_posts, 2, _fill_questions)
EVERYTHING: Final = (SEARCHING, POLLING, ASKING, POSTING)
