"""How a room looks to the operator, and until when it will look like that.

Some of what is shown changes by itself as time goes by: a peer goes offline, stops
working, or its code runs out. So each outline says until when it holds, and nobody
has to look at a room before that unless something happens in it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Final

import attrs

from argybargy.domain.addressing import resolve_expects
from argybargy.domain.moment import Moment
from argybargy.domain.names import fold
from argybargy.domain.roster import (
    INBOX_ROWS,
    WORKING_SECONDS,
    Evidence,
    RosterRow,
    Seen,
    Waiting,
    build_roster,
    member_names,
)
from argybargy.relay.cards import Card
from argybargy.relay.changes import Change, Topic
from argybargy.relay.directory import Directory
from argybargy.relay.presence import Presence
from argybargy.store.interface import RoomSummary

NEVER: Final = Moment(2**62, float("inf"))
"""Later than any moment."""
_WORKING_MS: Final = WORKING_SECONDS * 1000 - 100
"""Ages are rounded to a tenth of a second before they are compared."""

RowKey = tuple[bool, tuple[str, ...], str, str | None, int | None, float | None]
"""A row of a roster with times in place of ages: of its last message, and of its
last request unless it is here."""


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
    seen: tuple[Seen, ...]


@attrs.frozen
class Outline:
    """What is shown of a room, without that which grows with time.

    Two outlines that are equal look the same.

    Attributes:
        summary: The room at a glance.
        online: How many of its members are here.
        rows: The roster, by name as it is spelled.
        members: The names of all members.
        asked: The room's part of the inbox, none when it is closed; how long they
            wait is left at 0.
        holds_until: When to look again even if nothing happens.
    """

    summary: RoomSummary
    online: int
    rows: Mapping[str, RowKey]
    members: tuple[str, ...]
    asked: tuple[Waiting, ...]
    holds_until: Moment = attrs.field(eq=False)

    def is_due(self, now: Moment) -> bool:
        """Tell whether time alone may have changed something."""
        return not is_before(now, self.holds_until)


def is_before(now: Moment, until: Moment) -> bool:
    """Tell whether a moment has come yet, on neither clock."""
    return now.wall_ms < until.wall_ms and now.steady_seconds < until.steady_seconds


def earliest(moments: Iterable[Moment]) -> Moment:
    """Return the earliest time on each clock."""
    found = NEVER
    for each in moments:
        found = Moment(
            min(found.wall_ms, each.wall_ms),
            min(found.steady_seconds, each.steady_seconds),
        )
    return found


@attrs.frozen
class Viewer:
    """Looks at rooms.

    Attributes:
        directory: The codes.
        presence: Who was here when.
        parked_peers: Tells who has a poll parked in a room (folded).
        online_seconds: How long somebody counts as here.
    """

    directory: Directory
    presence: Presence
    parked_peers: Callable[[str], frozenset[str]]
    online_seconds: float

    def view(self, room: str, card: Card, now: Moment) -> RoomView:
        """Return a room (folded) as it looks now."""
        codes = self.directory.live_codes(room, now)
        lapsed = self.directory.lapsed(room, now)
        seen = self.presence.seen(room, self.parked_peers(room), now.steady_seconds)
        waiting = frozenset(each.sent_by for each in card.questions.values())
        evidence = Evidence(codes, lapsed, card.members, seen, waiting, now.wall_ms)
        return RoomView(
            summary=card.summary,
            roster=build_roster(evidence),
            members=member_names(codes, lapsed, card.members),
            seen=tuple(seen.values()),
        )

    def outline(self, room: str, card: Card, now: Moment) -> Outline:
        """Return what to compare with how the room (folded) looked before."""
        view = self.view(room, card, now)
        seen_at = self.presence.seen_at(room)
        return Outline(
            summary=view.summary,
            online=sum(row.is_online for row in view.roster),
            rows={row.name: _row_key(row, card, seen_at) for row in view.roster},
            members=view.members,
            asked=_asked(card, view.members),
            holds_until=Moment(
                self._next_wall_ms(room, view, card, now), self._next_steady(view, now)
            ),
        )

    def _next_wall_ms(self, room: str, view: RoomView, card: Card, now: Moment) -> int:
        """Return when the next code runs out, or somebody stops working."""
        codes = self.directory.live_codes(room, now)
        ends = [code.expires_ms for code in codes if code.expires_ms is not None]
        working = [row.name for row in view.roster if row.state == "working"]
        ends += [card.members[fold(name)].last_ms + _WORKING_MS for name in working]
        return min(ends, default=NEVER.wall_ms)

    def _next_steady(self, view: RoomView, now: Moment) -> float:
        """Return when the next peer that is here may count as gone.

        One that is parked is here however long, until it is not parked any more:
        that is not announced, but looked for.
        """
        here = [each.seconds for each in view.seen if each.is_online]
        if not here:
            return NEVER.steady_seconds
        return now.steady_seconds + max(0.0, self.online_seconds - max(here))


def _row_key(row: RosterRow, card: Card, seen_at: Mapping[str, float]) -> RowKey:
    key = fold(row.name)
    has_spoken = row.last_message_seconds is not None
    return (
        row.is_online,
        row.sources,
        row.capabilities,
        row.state,
        card.members[key].last_ms if has_spoken else None,
        None if row.is_online else seen_at.get(key),
    )


def _asked(card: Card, members: tuple[str, ...]) -> tuple[Waiting, ...]:
    """Return the oldest open questions of a room, as many as an inbox can show."""
    if card.status.is_closed:
        return ()
    oldest = nsmallest(INBOX_ROWS, card.questions)
    return tuple(
        Waiting(
            room=card.status.name,
            message=question,
            expects_resolved=resolve_expects(
                question.expects, question.sender, members
            ),
            seconds=0.0,
        )
        for question in map(card.questions.__getitem__, oldest)
    )


def inbox_of(outlines: Iterable[Outline]) -> tuple[Waiting, ...]:
    """Return the longest waits of all rooms, longest first."""
    rows = (row for outline in outlines for row in outline.asked)
    return tuple(nsmallest(INBOX_ROWS, rows, key=_asked_at))


def _asked_at(row: Waiting) -> tuple[int, str, int]:
    return row.message.at_ms, row.room, row.message.seq


def aged(row: Waiting, now: Moment) -> Waiting:
    """Return a row of the inbox with the time that it has waited by now."""
    seconds = max(0.0, (now.wall_ms - row.message.at_ms) / 1000)
    return attrs.evolve(row, seconds=round(seconds, 1))


def differences(room: str, before: Outline | None, after: Outline) -> Iterator[Change]:
    """Yield what looks different in a room (folded), its part of the inbox aside."""
    rows = {} if before is None else before.rows
    if before is None or _face(before) != _face(after):
        yield Change(Topic.ROOM, room)
    if before is not None and before.members != after.members:
        yield Change(Topic.HINTS, room)
    for name in {**rows, **after.rows}:
        if rows.get(name) != after.rows.get(name):
            yield Change(Topic.ROSTER, room, name)


def _face(outline: Outline) -> tuple[RoomSummary, int, int]:
    return outline.summary, outline.online, len(outline.members)
