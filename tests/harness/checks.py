"""The checks of a program in its terminal, one after the other in one session."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from harness.clients import SPOKEN, Client
from harness.terminal import Tui, open_tui
from harness.world import World

START_SECONDS: Final = 180.0
TURN_SECONDS: Final = 60.0
WAKE_SECONDS: Final = 30.0
QUIET_SECONDS: Final = 6.0
"""Time after a turn in which no further request may come."""
END_SECONDS: Final = 15.0
PARKED_SECONDS: Final = 20.0
BURST: Final = 5
_DRAFT: Final = "half typed"


@attrs.frozen
class Outcome:
    """The outcome of a check.

    Attributes:
        name: The check.
        passed: Whether it held; ``None`` if it could not be tried.
        seen: What was seen.
    """

    name: str
    passed: bool | None
    seen: str


@attrs.define
class Session:
    """A program in its terminal, with the requests that it has made.

    Attributes:
        world: Its world.
        client: The program.
        tui: Its terminal.
    """

    world: World
    client: Client
    tui: Tui
    _marks: int = 0

    @property
    def count(self) -> int:
        """Number of requests for a turn."""
        return len(self.world.model.requests)

    def mark(self) -> str:
        """Return a text that no other message has."""
        self._marks += 1
        return f"MARK-{self._marks}-{self.client.key.upper()}"

    def occurrences(self, mark: str) -> int:
        """Return how often a text is in the latest request."""
        requests = self.world.model.requests
        return requests[-1].text.count(mark) if requests else 0

    async def wait_quiet(self) -> None:
        """Wait until the program has made no request for a while.

        Raises:
            trio.TooSlowError: It goes on and on.
        """
        with trio.fail_after(TURN_SECONDS):
            count = -1
            while count != self.count:
                count = self.count
                await trio.sleep(QUIET_SECONDS)

    async def turn(self, text: str) -> bool:
        """Enter a text and wait for its turn to end; return whether it began."""
        before = self.count
        await self.tui.submit(text)
        began = await self.world.model.wait_requests(before + 1, TURN_SECONDS)
        await self.wait_quiet()
        return began


async def speech(session: Session) -> Outcome:
    """The program lets its model speak in the room, without a question to the user."""
    name = "its model can speak without a question"
    if session.client.speaks is None:
        return Outcome(name, None, "it asks the user before each command")
    session.world.model.script.append(session.client.speaks)
    await session.turn("say it")
    said = [each["text"] for each in await session.world.ann.read_all()]
    times = said.count(SPOKEN)
    return Outcome(name, times == 1, f"in the room {times} time")


async def silence(session: Session, seconds: float) -> Outcome:
    """Nothing happens, and the program makes no request."""
    before = session.count
    await trio.sleep(seconds)
    made = session.count - before
    seen = f"{made} requests in {seconds:g} s"
    return Outcome("silence costs nothing", made == 0, seen)


async def one_post(session: Session) -> Outcome:
    """A question wakes the program once, and its text is in the request once."""
    name, before, mark = "a post is one request", session.count, session.mark()
    start = trio.current_time()
    await session.world.ask(f"{mark} can you look?")
    if not await session.world.model.wait_requests(before + 1, WAKE_SECONDS):
        return Outcome(name, False, f"no request in {WAKE_SECONDS:g} s")
    took = trio.current_time() - start
    await session.wait_quiet()
    made, times = session.count - before, session.occurrences(mark)
    seen = f"{made} request after {took:.1f} s, the text in it {times} time"
    return Outcome(name, (made, times) == (1, 1), seen)


async def armed_post(session: Session) -> Outcome:
    """A question wakes a program whose model has started to wait for it."""
    assert session.client.arms is not None, "only for programs that are armed"
    session.world.model.script.append(session.client.arms)
    await session.turn("listen")
    outcome = await one_post(session)
    return attrs.evolve(outcome, name="a post is one request, while its model waits")


async def burst(session: Session) -> Outcome:
    """Five questions at once wake the program once."""
    before, marks = session.count, [session.mark() for _ in range(BURST)]
    for mark in marks:
        await session.world.ask(f"{mark} and this?")
    await session.world.model.wait_requests(before + 1, WAKE_SECONDS)
    await session.wait_quiet()
    made = session.count - before
    times = sorted({session.occurrences(mark) for mark in marks})
    seen = f"{made} request for {BURST} posts, each text in it {times} time"
    return Outcome("a burst is one request", made == 1 and times == [1], seen)


async def next_turn(session: Session) -> Outcome:
    """A message that wakes nobody is in the next turn, whatever begins it."""
    before, mark = session.count, session.mark()
    await session.world.ask(f"{mark} when you can?")
    await trio.sleep(QUIET_SECONDS)
    by_itself = session.count - before
    await session.turn("go on")
    times = session.occurrences(mark)
    seen = f"{by_itself} requests before, the text in the next turn {times} time"
    return Outcome("a post is in the next turn", times == 1, seen)


async def draft(session: Session) -> Outcome:
    """A half-typed text stays in the input while a message wakes the program."""
    name, before, mark = "a half-typed text stays", session.count, session.mark()
    await session.tui.type(_DRAFT)
    await session.tui.wait_screen(_DRAFT, within_seconds=WAKE_SECONDS)
    await session.world.ask(f"{mark} while you type?")
    woken = await session.world.model.wait_requests(before + 1, WAKE_SECONDS)
    await session.wait_quiet()
    screen = await session.tui.screen()
    sent = session.occurrences(_DRAFT)
    await session.tui.press(*["BSpace"] * len(_DRAFT))
    seen = f"woken: {woken}, on the screen: {_DRAFT in screen}, sent: {bool(sent)}"
    return Outcome(name, woken and _DRAFT in screen and not sent, seen)


async def busy(session: Session) -> Outcome:
    """A message that comes while the program works is handed over once."""
    name, before, mark = "nothing is lost while busy", session.count, session.mark()
    gate = session.world.model.gate = trio.Event()
    await session.tui.submit("work for a while")
    began = await session.world.model.wait_requests(before + 1, TURN_SECONDS)
    await session.world.ask(f"{mark} while you work?")
    await trio.sleep(QUIET_SECONDS)
    session.world.model.gate = None
    gate.set()
    await session.wait_quiet()
    by_itself = session.occurrences(mark)
    if not by_itself:
        await session.turn("anything new?")
    times, made = session.occurrences(mark), session.count - before
    when = "by itself" if by_itself else "with the next prompt"
    seen = f"{made} requests in all, handed over {when}, {times} time"
    return Outcome(name, began and times == 1, seen)


async def renewed(session: Session) -> Outcome:
    """A question wakes the session that was begun last."""
    await session.tui.submit(session.client.renew)
    await trio.sleep(QUIET_SECONDS)
    await session.turn("hello again")
    outcome = await one_post(session)
    return attrs.evolve(outcome, name="a post wakes a new session of the program")


async def killed_ear(session: Session) -> Outcome:
    """A message that comes after the ear was killed is handed over."""
    name, mark = "nothing is lost when the ear is killed", session.mark()
    pid = session.world.ear_pid()
    if pid is None:
        return Outcome(name, None, "no ear runs")
    os.kill(pid, signal.SIGKILL)
    await session.world.ask(f"{mark} without an ear?")
    await trio.sleep(QUIET_SECONDS)
    by_itself = session.occurrences(mark)
    if not by_itself:
        await session.turn("anything new?")
    times = session.occurrences(mark)
    when = "by itself" if by_itself else "with the next prompt"
    return Outcome(name, times == 1, f"handed over {when}, {times} time")


Check = Callable[[Session], Awaitable[Outcome]]


async def ended(world: World) -> Outcome:
    """The ear ends with its program, also if a daemon of the program goes on."""
    name, pid = "the ear ends with the program", world.ear_pid()
    if pid is None:
        return Outcome(name, True, "no ear was left")
    with trio.move_on_after(END_SECONDS) as scope:
        while world.ear_pid() is not None:  # noqa: ASYNC110 - another process
            await trio.sleep(0.25)
    seen = "it was still there" if scope.cancelled_caught else "it ended"
    return Outcome(name, not scope.cancelled_caught, seen)


async def run_checks(
    world: World, client: Client, silence_seconds: float
) -> AsyncIterator[Outcome]:
    """Run all checks of a program, and yield their outcomes."""
    async for outcome in _in_session(world, client, silence_seconds):
        yield outcome
    yield await ended(world)


async def _in_session(
    world: World, client: Client, silence_seconds: float
) -> AsyncIterator[Outcome]:
    async with open_session(world, client) as session:
        began = await session.turn("hello there")
        seen = "a first turn" if began else "no request for the first prompt"
        yield Outcome("starts with our files", began, seen)
        if not began:
            screen = await session.tui.screen()
            raise RuntimeError(f"{seen}; the screen is:\n{screen}")
        yield await speech(session)
        yield await silence(session, silence_seconds)
        checks: tuple[Check, ...] = (one_post, burst, draft, busy, killed_ear)
        if not client.wakes_idle:
            checks = (next_turn, busy, killed_ear)
        if client.renew:
            checks = (*checks[:-1], renewed, checks[-1])
        if client.arms is not None:
            checks = (armed_post, *checks)
        for check in checks:
            try:
                yield await check(session)
            except trio.TooSlowError as error:
                yield Outcome(check.__name__, False, f"too slow: {error}")


@asynccontextmanager
async def open_session(world: World, client: Client) -> AsyncIterator[Session]:
    """Start a program in its terminal, connected to the room."""
    client.prepare(world)
    await world.connect(client.key)
    command = [str(client.path(world.programs)), *client.arguments]
    variables = world.environment(client.environment(world))
    async with open_tui(
        world.root, command, directory=world.project, environment=variables
    ) as tui:
        await _answer_dialogs(tui, client)
        yield Session(world, client, tui)


async def _answer_dialogs(tui: Tui, client: Client) -> None:
    """Answer the questions of a first start, until the program takes input."""
    for text, keys in client.dialogs:
        await tui.wait_screen(text, within_seconds=START_SECONDS)
        await trio.sleep(1)
        await tui.press(*keys)
    await tui.wait_screen(*client.prompts, within_seconds=START_SECONDS)
    # Hooks and monitors start now.
    await trio.sleep(QUIET_SECONDS)


async def run_headless(world: World, client: Client) -> AsyncIterator[Outcome]:
    """Run a program without a person, and yield the outcomes of its checks."""
    client.prepare(world)
    await world.connect(client.key, "--headless")
    command = [str(client.path(world.programs)), *client.headless]
    log = world.root / "headless.log"
    with log.open("wb") as sink:
        process = await trio.lowlevel.open_process(
            command,
            env=world.environment(client.environment(world)),
            cwd=world.project,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    try:
        yield await _parked(world, process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def _parked(world: World, process: trio.Process) -> Outcome:
    """Without a person, the program waits at no cost, and hears of a message."""
    name, model, mark = "without a person", world.model, "MARK-HEADLESS"
    if not await model.wait_requests(1, START_SECONDS):
        return Outcome(name, False, "no request for the first prompt")
    await trio.sleep(PARKED_SECONDS)
    if process.poll() is not None:
        return Outcome(name, False, f"it ended with code {process.returncode}")
    before = len(model.requests)
    await world.ask(f"{mark} can you look?")
    woken = await model.wait_requests(before + 1, WAKE_SECONDS)
    await trio.sleep(QUIET_SECONDS)
    made = len(model.requests) - before
    times = model.requests[-1].text.count(mark)
    seen = (
        f"{before - 1} requests in {PARKED_SECONDS:g} s of silence, {made} for a post, "
        f"its text {times} time"
    )
    return Outcome(name, woken and (before, made, times) == (1, 1, 1), seen)
