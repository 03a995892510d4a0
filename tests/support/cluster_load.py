"""Load on a cluster while its processes are killed, and what became of it."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Final

import attrs
import trio

from argybargy.torture.relay_process import NO_ANSWER, AgentClient, JsonResponse
from support.cluster_try import RunningCluster

INSIST_SECONDS: Final = 90
"""Longest time without an answer that an agent puts up with."""
AGAIN: Final = frozenset({502, 503, 504})
"""What a balancer or a relay answers while something is away."""
_PAUSE_SECONDS: Final = 0.1


@attrs.define
class Waiting:
    """A request that has to be repeated.

    Mutable state: what it got so far, with the number of times.

    Attributes:
        since: When it was first made.
    """

    since: float
    got: Counter[str] = attrs.field(factory=Counter)

    def __str__(self) -> str:
        seconds = trio.current_time() - self.since
        told = ", ".join(f"{times} x {what}" for what, times in self.got.most_common())
        return f"{seconds:.1f} s without an answer: {told or 'none yet'}"


@attrs.define
class Requests:
    """Makes requests, and repeats those whose answer is lost, as agents are told to.

    Mutable state: the requests under way, by the name of their agent; what was got by
    all that had to be repeated, with the number of times; the longest time until one
    was answered.

    Attributes:
        cluster: Is described if one stays without an answer.
    """

    cluster: RunningCluster
    repeated: Counter[str] = attrs.field(factory=Counter)
    longest_seconds: float = 0.0
    _waiting: dict[str, Waiting] = attrs.field(factory=dict)

    async def insist(
        self,
        name: str,
        call: Callable[[], Awaitable[JsonResponse]],
        accepted: Iterable[int] = (200,),
    ) -> JsonResponse:
        """Repeat a request until it is answered.

        Raises:
            AssertionError: It was answered with another status, or not at all; then
                with what all requests under way have got, and where the nodes are.
        """
        waiting = self._waiting[name] = Waiting(trio.current_time())
        with trio.move_on_after(INSIST_SECONDS):
            while self.cluster.process.poll() is None:
                try:
                    reply = await call()
                except NO_ANSWER as error:
                    waiting.got[f"{type(error).__name__} {error}"] += 1
                else:
                    if reply.status not in AGAIN:
                        self._note_answered(name)
                        assert reply.status in set(accepted), reply
                        return reply
                    waiting.got[_summary(reply)] += 1
                await trio.sleep(_PAUSE_SECONDS)
        raise AssertionError(await self._describe())

    def _note_answered(self, name: str) -> None:
        waiting = self._waiting.pop(name)
        self.repeated += waiting.got
        seconds = trio.current_time() - waiting.since
        self.longest_seconds = max(self.longest_seconds, seconds)

    async def _describe(self) -> str:
        told = [f"{name}: {waiting}" for name, waiting in self._waiting.items()]
        return "\n".join(["no answer", *told, await self.cluster.describe()])


def _summary(reply: JsonResponse) -> str:
    """Return the status of an answer and the code of its error."""
    body = reply.json if isinstance(reply.json, dict) else {}
    detail = body.get("detail")
    told = detail.get("error") if isinstance(detail, dict) else body
    return f"{reply.status} {told}"


@attrs.frozen
class Kill:
    """A process that was killed.

    Attributes:
        what: What it was.
        at: When.
    """

    what: str
    at: float


@attrs.define
class Load:
    """Writers and a reader, and what they have seen.

    Mutable state: the texts that were acknowledged, in the order of the answers, each
    with its time; those that were read; texts under the name of another agent, each
    with that name; the winners of questions; the kills.
    """

    requests: Requests
    acknowledged: dict[str, float] = attrs.field(factory=dict)
    read: list[str] = attrs.field(factory=list)
    misattributed: list[tuple[str, str]] = attrs.field(factory=list)
    resets: int = 0
    wins: dict[int, set[tuple[str, int]]] = attrs.field(factory=dict)
    kills: list[Kill] = attrs.field(factory=list)
    is_over: bool = False
    is_written: bool = False

    async def write(self, agent: AgentClient) -> None:
        """Post one text after the other."""
        number = 0
        while not self.is_over:
            number += 1
            text = f"{agent.name}-{number}"
            post = partial(agent.post, text, text)
            await self.requests.insist(agent.name, post)
            self.acknowledged[text] = trio.current_time()

    async def listen(self, agent: AgentClient) -> None:
        """Read what the writers say, until all of it was read."""
        since = 0
        while not (self.is_written and set(self.acknowledged) <= set(self.read)):
            poll = partial(agent.poll, since, wait=1)
            body = (await self.requests.insist(agent.name, poll)).json
            self.resets += bool(body.get("reset"))
            said = [
                (each["from"], each["text"])
                for each in body["messages"]
                if each["from"].startswith("writer")
            ]
            self.read += [text for _, text in said]
            self.misattributed += [
                each for each in said if not each[1].startswith(f"{each[0]}-")
            ]
            since = body["cursor"]

    async def race(self, asker: AgentClient, racers: list[AgentClient]) -> None:
        """Ask, and let all claim at once, again and again."""
        number = 0
        while not self.is_over:
            number += 1
            ask = partial(asker.post, "who?", f"ask{number}", expects_reply="anyone")
            asked = await self.requests.insist(asker.name, ask)
            seq = asked.json["message"]["seq"]
            async with trio.open_nursery() as nursery:
                for racer in racers:
                    nursery.start_soon(self._claim, racer, seq)

    async def _claim(self, racer: AgentClient, seq: int) -> None:
        claim = partial(racer.claim, seq)
        reply = await self.requests.insist(racer.name, claim, (200, 409))
        if reply.status == 200:
            self.wins.setdefault(seq, set()).add((racer.name, reply.json["fence"]))

    async def kill(self, what: str, posts: int, kill: Callable[[], object]) -> None:
        """Kill a process, and wait until some posts were acknowledged after that."""
        count = len(self.acknowledged)
        self.kills.append(Kill(what, trio.current_time()))
        kill()
        while len(self.acknowledged) < count + posts:  # noqa: ASYNC110 - others post
            # No deadline: a writer that gets no answer has one.
            await trio.sleep(0.02)

    def outages(self) -> dict[str, float]:
        """Return the longest time without a post, for each kind of kill."""
        longest, acknowledged = defaultdict[str, float](float), self.acknowledged
        ends = [each.at for each in self.kills[1:]]
        for kill, end in zip(self.kills, [*ends, trio.current_time()], strict=True):
            times = [kill.at, *(at for at in acknowledged.values() if at >= kill.at)]
            gaps = [later - at for at, later in pairwise(sorted(times)) if at < end]
            longest[kill.what] = max(longest[kill.what], *gaps)
        return dict(longest)

    def lost(self) -> set[str]:
        """Return what was acknowledged and never read."""
        return set(self.acknowledged) - set(self.read)

    def doubled(self) -> list[str]:
        """Return what was read more than once."""
        return [text for text, times in Counter(self.read).items() if times > 1]

    def several_winners(self) -> dict[int, set[tuple[str, int]]]:
        """Return the questions that more than one agent has won."""
        return {seq: wins for seq, wins in self.wins.items() if len(wins) > 1}

    def figures(self) -> str:
        """Return some sentences about a run."""
        repeated, seconds = self.requests.repeated, trio.current_time()
        gaps = ", ".join(
            f"{gap:.1f} s ({what})" for what, gap in self.outages().items()
        )
        return (
            f"{len(self.kills)} kills in {seconds - self.kills[0].at:.0f} s, "
            f"{len(self.acknowledged)} posts, "
            f"{len(self.wins)} questions: {len(self.lost())} lost, "
            f"{len(self.doubled())} doubled, {len(self.misattributed)} under the name "
            f"of another, {self.resets} resets, "
            f"{len(self.several_winners())} with several winners. Longest time "
            f"without a post: {gaps}; of a request: "
            f"{self.requests.longest_seconds:.1f} s. "
            f"Repeated after: {dict(repeated.most_common())}"
        )
