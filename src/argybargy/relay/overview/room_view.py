"""Views of a room for the operator, and how long each stays valid.

Parts of a view change with time alone: a peer goes offline or stops working, or its
code expires. So an outline has a deadline, and is not recomputed before it unless its
room is touched.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Final

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.addressing import resolve_expects
from argybargy.domain.instant import Instant
from argybargy.domain.names import PeerKey, RoomKey, peer_key
from argybargy.domain.roster import (
    INBOX_ROWS,
    WORKING_SECONDS,
    LastSeen,
    RosterRow,
    RosterSources,
    Waiting,
    build_roster,
    member_names,
    operator_names,
    operator_seq,
    operator_turns,
)
from argybargy.domain.seat import Listening
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.overview.change_log import Change, Topic
from argybargy.relay.overview.damped_pairs import DampedPair, damped_pairs
from argybargy.relay.overview.room_card import RoomCard
from argybargy.store.protocol import RoomSummary
from argybargy.system.values import frozen

NEVER: Final = Instant(2**62, float("inf"))
"""An instant after all others."""
_WORKING_MS: Final = WORKING_SECONDS * 1000 - 100
"""Age at which the roster stops to show ``working``; it rounds ages to tenths."""


@frozen
class RosterEntry:
    """A row of a roster with times in place of ages.

    Attributes:
        key: The key of the peer.
        is_online: Whether the peer is online.
        sources: Reasons for the row: a code, a message, presence.
        capabilities: The peer's abilities, from its code.
        state: Its activity, such as ``working``; ``None`` if unknown.
        last_spoken_ms: Its last message, in counted milliseconds.
        seen_at: Its last request, on the steady clock; ``None`` while online.
        listening: How soon it hears of a message that wakes it; ``None`` for people.
        role: ``agent``, ``person``, ``reader`` or ``operator``.
        status: What it says that it is doing.
    """

    key: PeerKey
    is_online: bool
    sources: tuple[str, ...]
    capabilities: str
    state: str | None
    last_spoken_ms: int | None
    seen_at: float | None
    status: str
    listening: Listening | None = None
    role: str = "agent"


@frozen
class RoomView:
    """A room as shown to the operator, with ages.

    Attributes:
        summary: Status, counters and times of the room.
        roster: The members, with presence and activity.
        members: The names of the members.
        seen: The peers seen since the relay was started.
        damped: The pairs of agents that are damped.
    """

    summary: RoomSummary
    roster: tuple[RosterRow, ...]
    members: tuple[str, ...]
    seen: tuple[LastSeen, ...]
    damped: tuple[DampedPair, ...]


@frozen
class RoomOutline:
    """A room's view without ages, to compare with an earlier one.

    Attributes:
        summary: Status, counters and times of the room.
        online: The number of online members.
        not_listening: The agents that have been there and hear nothing now; none in a
            closed room.
        rows: The roster, by name as spelled.
        members: The names of the members.
        asked: The room's questions for the inbox, with a wait of 0; empty when the
            room is closed.
        operator_seq: The number of the operator's newest message; 0 without one.
        damped: The pairs of agents that are damped.
        holds_until: When time alone may change the outline. The counted and the
            steady time in it do not depend on the wall clock.
    """

    summary: RoomSummary
    online: int
    not_listening: tuple[str, ...]
    rows: Mapping[str, RosterEntry]
    members: tuple[str, ...]
    asked: tuple[Waiting, ...]
    operator_seq: int
    damped: tuple[DampedPair, ...]
    holds_until: Instant = attrs.field(eq=False)

    def is_due(self, now: Instant) -> bool:
        """Tell whether the outline has expired."""
        return not is_before(now, self.holds_until)


def is_before(now: Instant, until: Instant) -> bool:
    """Tell whether an instant is in the future on both clocks."""
    is_counted = now.counted_ms < until.counted_ms
    return is_counted and now.steady_seconds < until.steady_seconds


def earliest(moments: Iterable[Instant]) -> Instant:
    """Return the earliest time of each clock."""
    found = NEVER
    for each in moments:
        found = Instant(
            min(found.counted_ms, each.counted_ms),
            min(found.steady_seconds, each.steady_seconds),
        )
    return found


@frozen
class RoomViewer:
    """Computes outlines and views from cards, codes and presence.

    Attributes:
        codes: The access codes.
        presence: The latest requests.
        parked_peers: Returns the peers with a parked poll in a room.
        online_seconds: How long after a request a peer counts as online.
        hooked_peers: Returns the peers of a room whose wake hook the relay calls.
    """

    codes: CodeRegistry
    presence: Presence
    parked_peers: Callable[[RoomKey], frozenset[PeerKey]]
    online_seconds: float
    hooked_peers: Callable[[RoomKey], frozenset[PeerKey]]

    def view(self, room: RoomKey, outline: RoomOutline, now: Instant) -> RoomView:
        """Return the view of a room: its outline with present ages."""
        seen = self._seen(room, now)
        return RoomView(
            summary=outline.summary,
            roster=tuple(
                _aged_row(name, entry, seen.get(entry.key), now)
                for name, entry in outline.rows.items()
            ),
            members=outline.members,
            seen=tuple(seen.values()),
            damped=outline.damped,
        )

    def _seen(self, room: RoomKey, now: Instant) -> Mapping[PeerKey, LastSeen]:
        return self.presence.seen(room, self.parked_peers(room), now.steady_seconds)

    def outline(self, room: RoomKey, card: RoomCard, now: Instant) -> RoomOutline:
        """Return the outline of a room."""
        codes = self.codes.live_codes(room, now)
        expired = self.codes.expired_names(room, now)
        seen, seen_at = self._seen(room, now), self.presence.seen_at(room)
        roster = build_roster(
            RosterSources(
                codes,
                expired,
                card.members,
                seen,
                card.askers,
                now,
                self.hooked_peers(room),
            )
        )
        rows = {row.name: _entry(row, card, seen_at, now) for row in roster}
        members = member_names(codes, expired, card.members)
        asked, next_turn_ms = _asked(card, members, now)
        damped = damped_pairs(card, now)
        return RoomOutline(
            summary=card.summary,
            online=sum(row.is_online for row in roster),
            not_listening=_not_listening(card, roster),
            rows=rows,
            members=members,
            asked=asked,
            operator_seq=operator_seq(card.members),
            damped=damped,
            holds_until=Instant(
                min(self._next_counted_ms(codes, rows.values(), now), next_turn_ms),
                min(
                    self._next_steady(seen, now),
                    self.presence.next_seat_end(room, now.steady_seconds),
                    *(pair.until for pair in damped),
                ),
            ),
        )

    def _next_counted_ms(
        self, codes: Iterable[CodeRecord], rows: Iterable[RosterEntry], now: Instant
    ) -> int:
        """Return when the next code expires or the next peer stops working."""
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
        """Return when the next online peer may go offline.

        A parked peer stays online, and nothing tells when its poll ends; so its row
        is checked again after `online_seconds`.
        """
        here = [each.seconds for each in seen.values() if each.is_online]
        if not here:
            return NEVER.steady_seconds
        return now.steady_seconds + max(0.0, self.online_seconds - max(here))


def _entry(
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
        listening=row.listening,
        role=row.role,
        status=row.status,
    )


def _not_listening(card: RoomCard, roster: Iterable[RosterRow]) -> tuple[str, ...]:
    if card.summary.status.is_closed:
        return ()
    return tuple(
        row.name for row in roster if row.has_been_here and not row.hears_messages
    )


def _aged_row(
    name: str, entry: RosterEntry, seen: LastSeen | None, now: Instant
) -> RosterRow:
    ago = None
    if seen is not None and "presence" in entry.sources:
        ago = seen.seconds
    spoken = None
    if entry.last_spoken_ms is not None:
        spoken = round(max(0, now.counted_ms - entry.last_spoken_ms) / 1000, 1)
    return RosterRow(
        name=name,
        is_online=entry.is_online,
        seconds_since_seen=ago,
        last_message_seconds=spoken,
        capabilities=entry.capabilities,
        sources=entry.sources,
        state=entry.state,
        listening=entry.listening,
        role=entry.role,
        status=entry.status,
    )


def _asked(
    card: RoomCard, members: tuple[str, ...], now: Instant
) -> tuple[tuple[Waiting, ...], int]:
    """Return the open questions of a room for the inbox, at most an inbox full.

    Those that ask the operator come first, then the oldest. With them comes the counted
    time at which the next question will ask the operator.
    """
    if card.summary.status.is_closed:
        return (), NEVER.counted_ms
    due, next_turn_ms = list[int](), NEVER.counted_ms
    names = operator_names(card.members)
    for seq, turn_ms in operator_turns(card.questions.values(), names, now):
        if turn_ms <= now.counted_ms:
            due.append(seq)
        else:
            next_turn_ms = min(next_turn_ms, turn_ms)
    first = nsmallest(INBOX_ROWS, due)
    if len(first) < INBOX_ROWS:
        others = set(card.questions).difference(due)
        first += nsmallest(INBOX_ROWS - len(first), others)
    rows = tuple(
        Waiting(
            room=card.summary.status.name,
            message=question,
            expects_resolved=resolve_expects(
                question.expects, question.sender, members
            ),
            seconds=0.0,
            asks_operator=at < len(due),
        )
        for at, seq in enumerate(first)
        for question in [card.questions[seq]]
    )
    return rows, next_turn_ms


def inbox_of(outlines: Iterable[RoomOutline]) -> tuple[Waiting, ...]:
    """Return the inbox of all rooms, longest wait first.

    What asks the operator is in it before what is a matter between agents.
    """
    rows = (row for outline in outlines for row in outline.asked)
    kept = nsmallest(
        INBOX_ROWS, rows, key=lambda row: (not row.asks_operator, _asked_at(row))
    )
    return tuple(sorted(kept, key=_asked_at))


def _asked_at(row: Waiting) -> tuple[int, str, int]:
    message = row.message
    at_ms = message.at_ms if message.heard_ms is None else message.heard_ms
    return at_ms, row.room, message.seq


def aged(row: Waiting, now: Instant) -> Waiting:
    """Return a row of the inbox with its present wait."""
    seconds = now.age_seconds(row.message.at_ms, row.message.heard_ms)
    return attrs.evolve(row, seconds=round(seconds, 1))


def differences(
    room: RoomKey, before: RoomOutline | None, after: RoomOutline
) -> Iterator[Change]:
    """Yield the differences between two outlines, the inbox excepted."""
    rows = {} if before is None else before.rows
    if before is None or _headline(before) != _headline(after):
        yield Change(Topic.ROOM, room)
    if before is not None and before.members != after.members:
        yield Change(Topic.HINTS, room)
    for name in {**rows, **after.rows}:
        if rows.get(name) != after.rows.get(name):
            yield Change(Topic.ROSTER, room, name)


def _headline(outline: RoomOutline) -> tuple[object, ...]:
    return (
        outline.summary,
        outline.online,
        outline.not_listening,
        len(outline.members),
        outline.damped,
    )
