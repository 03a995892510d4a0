"""Who belongs to a room, and who waits for whom in it.

Membership is durable: an agent holds a valid code, or somebody has posted and was
not revoked. Presence only adds a status to a row; it never decides that one exists,
so a restart empties no roster.
"""

from collections.abc import Iterable, Mapping

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import Instant
from argybargy.domain.message import Member, Message, SenderKind
from argybargy.domain.names import PeerKey, peer_key


@attrs.frozen
class LastSeen:
    """When a peer last made a request.

    Attributes:
        name: As it is called.
        seconds: How long ago.
        is_online: Whether that is recent, or a poll of it is parked.
    """

    name: str
    seconds: float
    is_online: bool


@attrs.frozen
class RosterRow:
    """One row of a room's roster.

    Attributes:
        name: Who.
        is_online: Whether it is here now.
        seconds_since_seen: Since its last request; ``None`` if there was none since
            the relay was started.
        last_message_seconds: Since its last message; ``None`` if it never posted.
        capabilities: What its code says it can do.
        sources: What puts it here: ``presence``, ``code``, ``messages``.
        state: ``waiting``, ``working``, ``standing_by``, or ``None``.
    """

    name: str
    is_online: bool
    seconds_since_seen: float | None
    last_message_seconds: float | None
    capabilities: str
    sources: tuple[str, ...]
    state: str | None


@attrs.frozen
class RosterSources:
    """All that says who belongs to one room.

    Attributes:
        codes: The codes of the room that are valid now.
        lapsed: Folded names that have codes, none of which is valid any more.
        members: Those who have posted, by folded name.
        seen: Presence, by folded name.
        waiting: Folded names of those with an unanswered question.
        now: The time.
    """

    codes: tuple[CodeRecord, ...]
    lapsed: frozenset[PeerKey]
    members: Mapping[PeerKey, Member]
    seen: Mapping[PeerKey, LastSeen]
    waiting: frozenset[PeerKey]
    now: Instant


WORKING_SECONDS = 120
"""How recent a post makes a peer ``working``."""


def member_names(
    codes: Iterable[CodeRecord],
    lapsed: frozenset[PeerKey],
    members: Mapping[PeerKey, Member],
) -> tuple[str, ...]:
    """Return the names of all members, each once, in the order of the alphabet."""
    names = {key: member.name for key, member in members.items() if key not in lapsed}
    names |= {peer_key(code.name): code.name for code in codes}
    return tuple(sorted(names.values(), key=peer_key))


def build_roster(evidence: RosterSources) -> tuple[RosterRow, ...]:
    """Return a row for each member, in the order of the alphabet."""
    coded = {peer_key(code.name): code for code in evidence.codes}
    posted = {
        key: member
        for key, member in evidence.members.items()
        if key in coded or key not in evidence.lapsed
    }
    live = {key: seen for key, seen in evidence.seen.items() if key in coded}
    return tuple(
        _row(key, coded.get(key), posted.get(key), live.get(key), evidence)
        for key in sorted({*coded, *posted, *live})
    )


def _row(
    key: PeerKey,
    code: CodeRecord | None,
    member: Member | None,
    seen: LastSeen | None,
    evidence: RosterSources,
) -> RosterRow:
    spoken = None
    if member is not None:
        spoken = round(evidence.now.age_seconds(member.last_ms, member.heard_ms), 1)
    evidenced = {"presence": seen, "code": code, "messages": member}
    named = code or member or seen
    assert named is not None
    is_online = seen is not None and seen.is_online
    return RosterRow(
        name=named.name,
        is_online=is_online,
        seconds_since_seen=None if seen is None else seen.seconds,
        last_message_seconds=spoken,
        capabilities=code.capabilities if code else "",
        sources=tuple(source for source, found in evidenced.items() if found),
        state=_state(key, spoken, member, evidence.waiting, is_online=is_online),
    )


def _state(
    key: PeerKey,
    spoken: float | None,
    member: Member | None,
    waiting: frozenset[PeerKey],
    *,
    is_online: bool,
) -> str | None:
    """Derive what a peer is doing, from what the relay knows and never from text."""
    if member is not None and member.kind is not SenderKind.AGENT:
        return None
    if key in waiting:
        return "waiting"
    if spoken is not None and spoken < WORKING_SECONDS:
        return "working"
    return "standing_by" if is_online else None


@attrs.frozen
class Waiting:
    """One row of the operator's inbox.

    Attributes:
        room: Where.
        message: The question.
        expects_resolved: Who is meant, narrowed to a name where only one can be.
        seconds: How long it has been waiting.
    """

    room: str
    message: Message
    expects_resolved: str
    seconds: float


INBOX_ROWS = 50
"""A ceiling, not a page: a backlog past that is not a paging problem."""
