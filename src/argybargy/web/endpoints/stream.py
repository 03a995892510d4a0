"""The operator's stream: what changes is pushed to whoever watches.

Lines of JSON, each flushed by itself. A client costs one wake-up slot and one
version number; nothing is queued for it, so one that reads slowly costs no more
than one that reads fast: it gets fewer, larger frames, or everything anew.
"""

import math
from collections.abc import AsyncGenerator
from functools import partial
from typing import Final, cast

import attrs
import msgspec
import structlog
import trio

from argybargy import __version__
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import format_timestamp
from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import fold
from argybargy.relay.api.stream_cursor import (
    OverviewDelta,
    OverviewSnapshot,
    StreamCursor,
)
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES
from argybargy.web.access.auth import acting_operator
from argybargy.web.access.services import Services
from argybargy.web.codec import operator_rows
from argybargy.web.codec.bodies import RoomMessageBody
from argybargy.web.codec.decode import Problems, check_room_name, read_json
from argybargy.web.codec.stream_frames import (
    ByeFrame,
    DeltaFrame,
    Frame,
    HelloFrame,
    KeepaliveFrame,
    ResumePoint,
    SnapshotFrame,
    StreamRequest,
    WaitingKey,
)
from argybargy.web.identity import OperatorIdentity
from argybargy.web.request import Request, Response, stream_response

log = structlog.get_logger(__name__)

KEEPALIVE_SECONDS: Final = 15
"""A client hears something at least this often."""
COALESCE_SECONDS: Final = 0.05
"""What happens within this time after a frame comes in one frame."""
RETRY_SECONDS: Final = 1
"""When a client that was sent away should come back."""
NDJSON: Final = b"application/x-ndjson"


async def stream(services: Services, request: Request) -> Response:
    """Push what changes, as lines of JSON, until either side ends it."""
    asked, ignored = await read_json(request, StreamRequest, is_optional=True)
    _check(asked)
    relay = services.relay
    if relay.is_draining:
        raise RelayError(Problem.DRAINING, retry_after=RETRY_SECONDS)
    if len(relay.watchers) >= services.limits.streams:
        raise RelayError(Problem.BUSY, retry_after=RETRY_SECONDS)
    follower = StreamCursor(relay, relay.watchers.watch(), asked.room, asked.messages)
    one = Stream(services, follower, acting_operator(request))
    return stream_response(partial(one.lines, asked, ignored), NDJSON)


def _check(asked: StreamRequest) -> None:
    problems = Problems()
    if asked.room is not None:
        check_room_name(problems, asked.room)
    is_wrong = not 0 <= asked.messages <= OVERVIEW_MESSAGES
    problems.check("messages", f"0 to {OVERVIEW_MESSAGES}", is_wrong=is_wrong)
    if asked.resume is not None:
        is_wrong = not 0 <= asked.resume.version <= MAX_SEQ
        problems.check("resume", "what the last frame said", is_wrong=is_wrong)
    problems.raise_any()


@attrs.define(eq=False)
class Stream:
    """One stream while it lasts.

    Attributes:
        services: What the endpoints work with.
        follower: Where the client has got.
        caller: As what the operator came in.
    """

    services: Services
    follower: StreamCursor
    caller: OperatorIdentity
    _keepalive_at: float = math.inf
    _rest_until: float = -math.inf
    _has_looked: bool = False
    _told_url: str = ""

    async def lines(
        self, asked: StreamRequest, ignored: list[str]
    ) -> AsyncGenerator[bytes, None]:
        """Yield frame after frame, the last of them a ``bye``.

        Whoever closes the generator, or cancels it, frees the client's place.
        """
        wake = self.follower.watcher.wake
        try:
            # Whoever sends the answer closes this generator, so nothing stays open.
            with self.services.sessions.watching(self.caller, wake):
                yield self._line(_encode(self._hello(asked, ignored)))  # noqa: ASYNC119
                while (bye := self._bye()) is None:
                    line = await self._next_line()
                    if line is not None:
                        yield self._line(line)  # noqa: ASYNC119
            yield self._line(_encode(bye))
        except RelayError as error:
            log.warning("stream ended", reason=str(error))
            yield self._line(_encode(ByeFrame("unavailable", RETRY_SECONDS)))
        finally:
            self.follower.watcher.close()

    def _line(self, line: bytes) -> bytes:
        """Return a line, on its way: the next keepalive is that much later."""
        self._keepalive_at = trio.current_time() + KEEPALIVE_SECONDS
        return line

    def _hello(self, asked: StreamRequest, ignored: list[str]) -> HelloFrame:
        services, board = self.services, self.services.relay.board
        now = self.follower.settle()
        self._told_url = services.public_url
        if asked.resume is not None and self._can_resume(asked.resume):
            self.follower.version = asked.resume.version
        return HelloFrame(
            epoch=board.epoch,
            version=board.version,
            relay_version=__version__,
            public_url=self._told_url,
            now=format_timestamp(now.wall_ms),
            keepalive_seconds=KEEPALIVE_SECONDS,
            max_idle_seconds=services.limits.idle_seconds,
            limits=attrs.asdict(services.limits),
            resumed=self.follower.version is not None,
            ignored=ignored or msgspec.UNSET,
        )

    def _can_resume(self, resume: ResumePoint) -> bool:
        """Tell whether deltas are all that a client lacks that has got so far."""
        board, room = self.services.relay.board, self.follower.room
        return (
            resume.epoch == board.epoch
            and (resume.room is msgspec.UNSET or _scope(resume.room) == _scope(room))
            and board.changed_since(resume.version) is not None
        )

    def _seconds_left(self) -> float:
        return self.services.sessions.seconds_left(self.caller)

    def _bye(self) -> ByeFrame | None:
        if self._seconds_left() <= 0:
            return ByeFrame("session_ended", RETRY_SECONDS)
        if self.services.relay.is_draining:
            return ByeFrame("draining", RETRY_SECONDS)
        return None

    async def _next_line(self) -> bytes | None:
        """Return what is new, once there is something; a keepalive when it is time.

        Returns ``None`` when it woke for nothing, to be asked again.
        """
        if self._has_looked and self._told_url != self.services.public_url:
            return _encode(self._tell_url())
        if self._has_looked and not await self._wait_woken():
            is_time = trio.current_time() >= self._keepalive_at
            return _encode(self._keepalive()) if is_time else None
        await trio.sleep_until(self._rest_until)
        self._has_looked = True
        found = await self.follower.catch_up()
        if found is None:
            return None
        self._rest_until = trio.current_time() + COALESCE_SECONDS
        return line_of(found, self.follower.room)

    async def _wait_woken(self) -> bool:
        """Wait for a token; False when it is time to speak without one."""
        until = min(self._keepalive_at, trio.current_time() + self._seconds_left())
        with trio.move_on_at(until) as waiting:
            await self.follower.watcher.wait_woken()
        return not waiting.cancelled_caught

    def _tell_url(self) -> DeltaFrame:
        self._told_url = self.services.public_url
        now, version = self.services.relay.clock.now(), self.follower.version
        return DeltaFrame(
            version or 0, format_timestamp(now.wall_ms), public_url=self._told_url
        )

    def _keepalive(self) -> KeepaliveFrame:
        now, version = self.services.relay.clock.now(), self.follower.version
        return KeepaliveFrame(version or 0, format_timestamp(now.wall_ms))


def _scope(room: str | None) -> str | None:
    return None if room is None else fold(room)


def _encode(frame: Frame) -> bytes:
    return msgspec.json.encode(frame) + b"\n"


def line_of(found: OverviewSnapshot | OverviewDelta, room: str | None) -> bytes:
    """Return the frame that says what a client does not know yet.

    A delta is encoded once for all clients that are told the same.
    """
    if isinstance(found, OverviewSnapshot):
        return _encode(_snapshot(found, room))
    if not found.memo:
        found.memo.append(_encode(_delta(found)))
    return found.memo[0]


def _snapshot(found: OverviewSnapshot, room: str | None) -> SnapshotFrame:
    return SnapshotFrame(
        version=found.version,
        now=format_timestamp(found.now_ms),
        room=room,
        rooms=[operator_rows.room_card(each) for each in found.rooms],
        waiting=[operator_rows.waiting_row(each) for each in found.waiting],
        codes=[operator_rows.code_row(each) for each in found.codes],
        roster=[operator_rows.roster_row(each) for each in found.roster],
        messages=_messages(found),
    )


def _delta(found: OverviewDelta) -> DeltaFrame:
    return DeltaFrame(
        version=found.version,
        now=format_timestamp(found.now_ms),
        rooms=[operator_rows.room_card(each) for each in found.rooms],
        waiting=[operator_rows.waiting_row(each) for each in found.waiting],
        waiting_gone=[WaitingKey(*key) for key in found.waiting_gone],
        codes=[operator_rows.code_row(each) for each in found.codes],
        codes_gone=list(found.codes_gone),
        roster=[operator_rows.roster_row(each) for each in found.roster],
        roster_gone=list(found.roster_gone),
        messages=_messages(found),
    )


def _messages(found: OverviewSnapshot | OverviewDelta) -> list[RoomMessageBody]:
    raw = [operator_rows.room_message(each) for each in found.messages]
    return cast("list[RoomMessageBody]", raw)
