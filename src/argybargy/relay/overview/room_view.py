"""How a room looks to the operator, and until when it will look like that.

Some of what is shown changes by itself as time goes by: a peer goes offline, stops
working, or its code runs out. So each outline says until when it holds, and nobody
has to look at a room before that unless something happens in it.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Final

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.addressing import resolve_expects
from argybargy.domain.instant import Instant
from argybargy.domain.names import RoomKey, fold
from argybargy.domain.roster import (
    INBOX_ROWS,
    WORKING_SECONDS,
    LastSeen,
    RosterRow,
    RosterSources,
    Waiting,
    build_roster,
    member_names,
)
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.overview.change_log import Change, Topic
from argybargy.relay.overview.room_card import RoomCard
from argybargy.store.protocol import RoomSummary

NEVER: Final = Instant(2**62, float("inf"))
"""Later than any moment."""
_WORKING_MS: Final = WORKING_SECONDS * 1000 - 100
"""Ages are rounded to a tenth of a second before they are compared."""


@attrs.frozen
class RosterEntry:
    """A row of a roster with times in place of ages.

    Attributes:
        key: The folded name.
        is_online: Whether it is here.
        sources: What puts it here.
        capabilities: What its code says it can do.
        state: What it is doing.
        spoken_ms: When it last spoke, as this process counts the time.
        seen_at: When it made its last request, unless it is here now.
    """

    key: PeerKey
    is_online: bool
    sources: tuple[str, ...]
    capabilities: str
    state: str | None
    last_spoken_ms: int | None
    seen_at: float | None


@attrs.frozen
class RoomView:
    """One room, as the operator sees it.

    Attributes:
        summary: The room at a glance.
        roster: Who belongs to it.
        members: The same as names.
        seen: Who was there since the relay was started.
    """

    summary: RoomSummary
    roster: tuple[RosterRow, ...]
    members: tuple[str, ...]
    seen: tuple[LastSeen, ...]


@attrs.frozen
class RoomOutline:
    """What is shown of a room, without that which grows with time.

    Two outlines that are equal look the same.

    Attributes:
        summary: The room at a glance.
        online: How many of its members are here.
        rows: The roster, by name as it is spelled.
        members: The names of all members.
        asked: The room's part of the inbox, none when it is closed; how long they
            wait is left at 0.
        holds_until: When to look again even if nothing happens; the wall clock was
            not set by then, whatever becomes of it.
    """

    summary: RoomSummary
    online: int
    rows: Mapping[str, RosterEntry]
    members: tuple[str, ...]
    asked: tuple[Waiting, ...]
    holds_until: Instant = attrs.field(eq=False)

    def is_due(self, now: Instant) -> bool:
        """Tell whether time alone may have changed something."""
        return not is_before(now, self.holds_until)


def is_before(now: Instant, until: Instant) -> bool:
    """Tell whether a moment is still to come, as counted and on the steady clock."""
    is_counted = now.counted_ms < until.counted_ms
    return is_counted and now.steady_seconds < until.steady_seconds


def earliest(moments: Iterable[Instant]) -> Instant:
    """Return the earliest time on each clock."""
    found = NEVER
    for each in moments:
        found = Instant(
            min(found.counted_ms, each.counted_ms),
            min(found.steady_seconds, each.steady_seconds),
        )
    return found


@attrs.frozen
class RoomViewer:
    """Looks at rooms.

    Attributes:
        directory: The codes.
        presence: Who was here when.
        parked_peers: Tells who has a poll parked in a room (folded).
        online_seconds: How long somebody counts as here.
    """

    codes: CodeRegistry
    presence: Presence
    parked_peers: Callable[[RoomKey], frozenset[str]]
    online_seconds: float

    def view(self, room: RoomKey, outline: RoomOutline, now: Instant) -> RoomView:
        """Return a room (folded) with the ages that its rows have by now."""
        seen = self._seen(room, now)
        return RoomView(
            summary=outline.summary,
            roster=tuple(
                _aged_row(name, face, seen.get(face.key), now)
                for name, face in outline.rows.items()
            ),
            members=outline.members,
            seen=tuple(seen.values()),
        )

    def _seen(self, room: RoomKey, now: Instant) -> Mapping[str, LastSeen]:
        return self.presence.seen(room, self.parked_peers(room), now.steady_seconds)

    def outline(self, room: RoomKey, card: RoomCard, now: Instant) -> RoomOutline:
        """Return what to compare with how the room (folded) looked before."""
        codes = self.codes.live_codes(room, now)
        lapsed = self.codes.expired_names(room, now)
        seen, seen_at = self._seen(room, now), self.presence.seen_at(room)
        roster = build_roster(
            RosterSources(codes, lapsed, card.members, seen, card.askers, now)
        )
        rows = {row.name: _face(row, card, seen_at, now) for row in roster}
        members = member_names(codes, lapsed, card.members)
        return RoomOutline(
            summary=card.summary,
            online=sum(row.is_online for row in roster),
            rows=rows,
            members=members,
            asked=_asked(card, members),
            holds_until=Instant(
                self._next_counted_ms(codes, rows.values(), now),
                self._next_steady(seen, now),
            ),
        )

    def _next_counted_ms(
        self, codes: Iterable[CodeRecord], rows: Iterable[RosterEntry], now: Instant
    ) -> int:
        """Return when the next code runs out, or somebody stops working."""
        left = (self.codes.seconds_left(code, now) for code in codes)
        ends = [
            now.counted_ms + round(seconds * 1000)
            for seconds in left
            if seconds != math.inf
        ]
        ends += [
            row.last_spoken_ms + _WORKING_MS
            for row in rows
            if row.state == "working" and row.last_spoken_ms is not None
        ]
        return min(ends, default=NEVER.counted_ms)

    def _next_steady(self, seen: Mapping[PeerKey, LastSeen], now: Instant) -> float:
        """Return when the next peer that is here may count as gone.

        One that is parked is here however long, until it is not parked any more:
        that is not announced, but looked for.
        """
        here = [each.seconds for each in seen.values() if each.is_online]
        if not here:
            return NEVER.steady_seconds
        return now.steady_seconds + max(0.0, self.online_seconds - max(here))


def _face(
    row: RosterRow, card: RoomCard, seen_at: Mapping[PeerKey, float], now: Instant
) -> RosterEntry:
    key, last_spoken_ms = peer_key(row.name), None
    if row.last_message_seconds is not None:
        member = card.members[key]
        last_spoken_ms = now.heard_at(member.last_ms, member.heard_ms)
    return RosterEntry(
        key=key,
        is_online=row.is_online,
        sources=row.sources,
        capabilities=row.capabilities,
        state=row.state,
        last_spoken_ms=last_spoken_ms,
        seen_at=None if row.is_online else seen_at.get(key),
    )


def _aged_row(
    name: str, face: RosterEntry, seen: LastSeen | None, now: Instant
) -> RosterRow:
    ago = None
    if seen is not None and "presence" in face.sources:
        ago = seen.seconds
    spoken = None
    if face.last_spoken_ms is not None:
        spoken = round(max(0, now.counted_ms - face.last_spoken_ms) / 1000, 1)
    return RosterRow(
        name=name,
        is_online=face.is_online,
        seconds_since_seen=ago,
        last_message_seconds=spoken,
        capabilities=face.capabilities,
        sources=face.sources,
        state=face.state,
    )


def _asked(card: RoomCard, members: tuple[str, ...]) -> tuple[Waiting, ...]:
    """Return the oldest open questions of a room, as many as an inbox can show."""
    if card.summary.status.is_closed:
        return ()
    oldest = nsmallest(INBOX_ROWS, card.questions)
    return tuple(
        Waiting(
            room=card.summary.status.name,
            message=question,
            expects_resolved=resolve_expects(
                question.expects, question.sender, members
            ),
            seconds=0.0,
        )
        for question in map(card.questions.__getitem__, oldest)
    )


def inbox_of(outlines: Iterable[RoomOutline]) -> tuple[Waiting, ...]:
    """Return the longest waits of all rooms, longest first."""
    rows = (row for outline in outlines for row in outline.asked)
    return tuple(nsmallest(INBOX_ROWS, rows, key=_asked_at))


def _asked_at(row: Waiting) -> tuple[int, str, int]:
    message = row.message
    at_ms = message.at_ms if message.heard_ms is None else message.heard_ms
    return at_ms, row.room, message.seq


def aged(row: Waiting, now: Instant) -> Waiting:
    """Return a row of the inbox with the time that it has waited by now."""
    seconds = now.age_seconds(row.message.at_ms, row.message.heard_ms)
    return attrs.evolve(row, seconds=round(seconds, 1))


def differences(
    room: RoomKey, before: RoomOutline | None, after: RoomOutline
) -> Iterator[Change]:
    """Yield what looks different in a room (folded), its part of the inbox aside."""
    rows = {} if before is None else before.rows
    if before is None or _glance(before) != _glance(after):
        yield Change(Topic.ROOM, room)
    if before is not None and before.members != after.members:
        yield Change(Topic.HINTS, room)
    for name in {**rows, **after.rows}:
        if rows.get(name) != after.rows.get(name):
            yield Change(Topic.ROSTER, room, name)


def _glance(outline: RoomOutline) -> tuple[RoomSummary, int, int]:
    return outline.summary, outline.online, len(outline.members)
