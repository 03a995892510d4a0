"""Endpoint that streams changes to the operator's clients, as lines of JSON.

A client costs one wake-up flag and one version number; nothing is queued for it. A slow
client therefore costs no more than a fast one: it gets fewer and larger deltas, or a
new snapshot once the change log no longer reaches back to its version.
"""

import math
from collections.abc import AsyncGenerator
from functools import partial
from typing import Final

import attrs
import msgspec
import trio

from argybargy import __version__
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import format_timestamp
from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import RoomKey, room_key
from argybargy.relay.api.stream_cursor import (
    OverviewDelta,
    OverviewSnapshot,
    StreamCursor,
)
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES
from argybargy.system.logs import get_logger
from argybargy.system.values import define
from argybargy.web.access.auth import acting_operator
from argybargy.web.access.services import Services
from argybargy.web.codec import operator_rows
from argybargy.web.codec.decode import check_room_name, read_json
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
from argybargy.web.codec.validation_errors import ValidationErrors
from argybargy.web.identity import OperatorIdentity
from argybargy.web.ignored import Ignored
from argybargy.web.request import Request, Response, stream_response

log = get_logger(__name__)

KEEPALIVE_SECONDS: Final = 15
"""Longest time without a frame."""
COALESCE_SECONDS: Final = 0.05
"""Changes within this time after a frame are coalesced into the next frame."""
RETRY_SECONDS: Final = 1
"""Retry-After of refusals and of the frame ``bye``."""
NDJSON: Final = b"application/x-ndjson"


async def stream(services: Services, request: Request) -> Response:
    """Stream changes as lines of JSON, until the client or the relay ends it."""
    asked, ignored = await read_json(request, StreamRequest, is_optional=True)
    _check(asked)
    relay = services.relay
    if relay.is_draining:
        raise RelayError(Problem.DRAINING, retry_after=RETRY_SECONDS)
    if len(relay.watchers) >= services.limits.streams:
        raise RelayError(Problem.BUSY, retry_after=RETRY_SECONDS)
    cursor = StreamCursor(relay, relay.watchers.watch(), asked.room, asked.messages)
    stream = Stream(services, cursor, acting_operator(request))
    return stream_response(partial(stream.lines, asked, ignored), NDJSON)


def _check(asked: StreamRequest) -> None:
    errors = ValidationErrors()
    if asked.room is not None:
        check_room_name(errors, asked.room)
    is_wrong = not 0 <= asked.messages <= OVERVIEW_MESSAGES
    errors.check("messages", f"0 to {OVERVIEW_MESSAGES}", is_wrong=is_wrong)
    if asked.resume is not None:
        is_wrong = not 0 <= asked.resume.version <= MAX_SEQ
        errors.check("resume", "the version of the last frame", is_wrong=is_wrong)
    errors.raise_any()


@define(eq=False)
class Stream:
    """One open stream.

    The mutable state is `cursor`, and below it: when the next keepalive is due and the
    coalescing delay ends (trio's clock), whether the first read is done, and the public
    URL last sent.

    Attributes:
        services: Services of the endpoints.
        cursor: The client's position among the changes.
        caller: Identity of the operator; the stream ends when its session does.
    """

    services: Services
    cursor: StreamCursor
    caller: OperatorIdentity
    _keepalive_at: float = math.inf
    _coalesce_until: float = -math.inf
    _has_read: bool = False
    _sent_url: str = ""

    async def lines(
        self, asked: StreamRequest, ignored: Ignored
    ) -> AsyncGenerator[bytes, None]:
        """Yield frames as lines, the last of them a ``bye``.

        Closing or cancelling the generator frees the client's slot among the watchers.
        """
        wake = self.cursor.watcher.wake
        try:
            # The code that sends the response closes this generator, also after a
            # disconnect, so a yield within the context manager leaks nothing.
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
            self.cursor.watcher.close()

    def _line(self, line: bytes) -> bytes:
        """Return a line to be sent now, and postpone the next keepalive."""
        self._keepalive_at = trio.current_time() + KEEPALIVE_SECONDS
        return line

    def _hello(self, asked: StreamRequest, ignored: Ignored) -> HelloFrame:
        services, board = self.services, self.services.relay.overview
        now = self.cursor.refresh()
        self._sent_url = services.public_url
        if asked.resume is not None and self._can_resume(asked.resume):
            self.cursor.version = asked.resume.version
        return HelloFrame(
            epoch=board.epoch,
            version=board.version,
            relay_version=__version__,
            public_url=self._sent_url,
            now=format_timestamp(now.wall_ms),
            keepalive_seconds=KEEPALIVE_SECONDS,
            max_idle_seconds=services.limits.idle_seconds,
            limits=attrs.asdict(services.limits),
            resumed=self.cursor.version is not None,
            commands=dict(services.commands),
            ignored=list(ignored.names) or msgspec.UNSET,
            did_you_mean=ignored.near or msgspec.UNSET,
        )

    def _can_resume(self, resume: ResumePoint) -> bool:
        """Tell whether deltas suffice: same relay, same room, version still known."""
        board, room = self.services.relay.overview, self.cursor.room
        return (
            resume.epoch == board.epoch
            and (resume.room is msgspec.UNSET or _scope(resume.room) == _scope(room))
            and board.changed_since(resume.version) is not None
        )

    def _seconds_left(self) -> float:
        return self.services.sessions.seconds_left(self.caller)

    def _bye(self) -> ByeFrame | None:
        """Return the last frame once the stream has to end."""
        if self._seconds_left() <= 0:
            return ByeFrame("session_ended", RETRY_SECONDS)
        if self.services.relay.is_draining:
            return ByeFrame("draining", RETRY_SECONDS)
        return None

    async def _next_line(self) -> bytes | None:
        """Wait for changes and return them as a line, or a keepalive when it is due.

        Returns:
            ``None`` for a wake-up without changes, after which the caller checks
            whether the stream has to end. The first call returns a snapshot, or the
            deltas since the resumed version, without waiting.
        """
        if self._has_read and self._sent_url != self.services.public_url:
            return _encode(self._url_frame())
        if self._has_read and not await self._wait_woken():
            is_time = trio.current_time() >= self._keepalive_at
            return _encode(self._keepalive()) if is_time else None
        # Coalesce: a burst of posts becomes one frame every COALESCE_SECONDS. Changes
        # during this sleep are in the read below; their wake-up then finds nothing.
        await trio.sleep_until(self._coalesce_until)
        self._has_read = True
        found = await self.cursor.catch_up()
        if found is None:
            return None
        self._coalesce_until = trio.current_time() + COALESCE_SECONDS
        return line_of(found, self.cursor.room)

    async def _wait_woken(self) -> bool:
        """Wait for a wake-up; False if a keepalive or the session's end comes first."""
        until = min(self._keepalive_at, trio.current_time() + self._seconds_left())
        with trio.move_on_at(until) as waiting:
            await self.cursor.watcher.wait_woken()
        return not waiting.cancelled_caught

    def _url_frame(self) -> DeltaFrame:
        self._sent_url = self.services.public_url
        now, version = self.services.relay.clock.now(), self.cursor.version
        return DeltaFrame(
            version or 0, format_timestamp(now.wall_ms), public_url=self._sent_url
        )

    def _keepalive(self) -> KeepaliveFrame:
        now, version = self.services.relay.clock.now(), self.cursor.version
        return KeepaliveFrame(version or 0, format_timestamp(now.wall_ms))


def _scope(room: str | None) -> RoomKey | None:
    return None if room is None else room_key(room)


def _encode(frame: Frame) -> bytes:
    return msgspec.json.encode(frame) + b"\n"


def line_of(found: OverviewSnapshot | OverviewDelta, room: str | None) -> bytes:
    """Return a snapshot or a delta as a line.

    A delta is encoded once for all clients at the same version and room: they share
    the delta, which keeps its line in `memo`.
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
        messages=[operator_rows.room_message(each) for each in found.messages],
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
        rooms_gone=list(found.rooms_gone),
        messages=[operator_rows.room_message(each) for each in found.messages],
    )
