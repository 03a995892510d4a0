"""Members of a room, with their presence and state.

Membership is durable: a member holds a valid code, or has posted and was not revoked.
Presence only adds a status to the row of a member, so the roster survives a restart.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from argybargy.domain.access_codes import CodeRecord, Role
from argybargy.domain.instant import Instant
from argybargy.domain.message import Lease, Member, Message, SenderKind
from argybargy.domain.names import ANYONE, OPERATOR, PeerKey, peer_key
from argybargy.domain.seat import Listening
from argybargy.system.values import frozen


@frozen
class LastSeen:
    """The last request of a peer.

    Attributes:
        name: The peer's name as it was spelled.
        seconds: Seconds since that request.
        is_online: Whether the request is recent, or a poll of the peer is parked.
        listening: How soon it hears of a message that wakes it.
        status: What it says that it is doing; empty if it has not said.
    """

    name: str
    seconds: float
    is_online: bool
    listening: Listening = Listening.NOT_LISTENING
    status: str = ""


@frozen
class RosterRow:
    """One row of a room's roster.

    Attributes:
        name: The member's name as it was spelled.
        is_online: Whether it has a parked poll or a recent request.
        seconds_since_seen: Seconds since its last request; ``None`` if it made none
            since the relay was started.
        last_message_seconds: Seconds since its last message; ``None`` without one.
        capabilities: The description attached to its code.
        sources: The evidence of membership: ``presence``, ``code``, ``messages``.
        state: ``waiting``, ``working``, ``standing_by``, or ``None``.
        listening: How soon it hears of a message that wakes it; ``None`` for people.
        role: ``agent``, ``person``, ``reader`` or ``operator``.
        status: What it says that it is doing; empty if it has not said.
    """

    name: str
    is_online: bool
    seconds_since_seen: float | None
    last_message_seconds: float | None
    capabilities: str
    sources: tuple[str, ...]
    state: str | None
    listening: Listening | None = None
    role: str = "agent"
    status: str = ""

    @property
    def has_been_here(self) -> bool:
        """Whether it has made a request or posted; a code alone is an invitation."""
        return self.sources != ("code",)

    @property
    def hears_messages(self) -> bool:
        """Whether a message reaches it now; people are not expected to listen."""
        if self.role != Role.AGENT.value:
            return True
        if self.listening is None:
            return self.is_online
        return self.listening is not Listening.NOT_LISTENING


@frozen
class RosterSources:
    """The evidence from which the roster of one room is built.

    Attributes:
        codes: The valid codes of the room.
        lapsed: Peers whose codes have all expired.
        members: Peers and operators that have posted.
        seen: The presence of peers.
        waiting: Peers with an unanswered question.
        now: The current time.
        called: Peers with a wake hook.
    """

    codes: tuple[CodeRecord, ...]
    lapsed: frozenset[PeerKey]
    members: Mapping[PeerKey, Member]
    seen: Mapping[PeerKey, LastSeen]
    waiting: frozenset[PeerKey]
    now: Instant
    called: frozenset[PeerKey] = frozenset()


_ACTIVE = frozenset({Role.AGENT.value, Role.PERSON.value})
"""Roles that can have a state."""
WORKING_SECONDS = 120
"""Seconds after a post during which a peer is ``working``."""


def member_names(
    codes: Iterable[CodeRecord],
    lapsed: frozenset[PeerKey],
    members: Mapping[PeerKey, Member],
) -> tuple[str, ...]:
    """Return the names of all members, each once, in alphabetical order.

    Readers are none: they can answer nothing.
    """
    names = {key: member.name for key, member in members.items() if key not in lapsed}
    names |= {
        peer_key(code.name): code.name for code in codes if code.role is not Role.READER
    }
    return tuple(sorted(names.values(), key=peer_key))


def build_roster(evidence: RosterSources) -> tuple[RosterRow, ...]:
    """Build the roster: one row for each member, in alphabetical order."""
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
    role, state = _role(code, member), None
    if role in _ACTIVE:
        state = _state(key, spoken, evidence.waiting, is_online=is_online)
    return RosterRow(
        name=named.name,
        is_online=is_online,
        seconds_since_seen=None if seen is None else seen.seconds,
        last_message_seconds=spoken,
        capabilities=code.capabilities if code else "",
        sources=tuple(source for source, found in evidenced.items() if found),
        state=state,
        listening=_listening(code, seen, is_called=key in evidence.called),
        role=role,
        status="" if seen is None else seen.status,
    )


def _listening(
    code: CodeRecord | None, seen: LastSeen | None, *, is_called: bool
) -> Listening | None:
    """Return how soon a member hears, the same while its polls come and go."""
    if seen is None and code is None:
        return None
    heard = Listening.NOT_LISTENING if seen is None else seen.listening
    if heard in {Listening.WAKES_NOW, Listening.NEXT_TURN}:
        return heard
    if is_called:
        return Listening.NEXT_TURN
    return Listening.ONLINE if heard is Listening.PARKED else heard


def _role(code: CodeRecord | None, member: Member | None) -> str:
    if code is not None:
        return code.role.value
    return "agent" if member is None else member.kind.value


def _state(
    key: PeerKey,
    spoken: float | None,
    waiting: frozenset[PeerKey],
    *,
    is_online: bool,
) -> str | None:
    """Derive the state of a peer from questions, posts and presence, not from text."""
    if key in waiting:
        return "waiting"
    if spoken is not None and spoken < WORKING_SECONDS:
        return "working"
    return "standing_by" if is_online else None


@frozen
class Waiting:
    """One row of the operator's inbox.

    Attributes:
        room: The name of the room.
        message: The question.
        expects_resolved: The expected answerer, see
            :func:`~argybargy.domain.addressing.resolve_expects`.
        seconds: Seconds since the question was posted.
        asks_operator: Whether it is the operator's turn, see :func:`operator_turns`.
        is_urgent: Whether its text has one of the operator's urgent words.
        lease: The lease of the claim on it, if it is at hand.
    """

    room: str
    message: Message
    expects_resolved: str
    seconds: float
    asks_operator: bool = False
    is_urgent: bool = False
    lease: Lease | None = None


INBOX_ROWS = 50
"""Maximum rows of the inbox. It has no further pages."""

UNHELD_SECONDS: Final = 120
"""Time for the agents to claim a question to ``anyone``; then it asks the operator."""


def operator_names(members: Mapping[PeerKey, Member]) -> frozenset[PeerKey]:
    """Return the keys of the names under which a room's members ask the operator.

    An operator may speak under another name, and may then be asked by that name.
    """
    others = (key for key, each in members.items() if each.kind is SenderKind.OPERATOR)
    return frozenset((OPERATOR, *others))


def operator_seq(members: Mapping[PeerKey, Member]) -> int:
    """Return the number of the operator's newest message in a room; 0 without one."""
    return max(
        (
            each.last_seq
            for each in members.values()
            if each.kind is SenderKind.OPERATOR
        ),
        default=0,
    )


def operator_turns(
    questions: Iterable[Message], names: frozenset[PeerKey], now: Instant
) -> Iterator[tuple[int, int]]:
    """Yield the open questions that ask the operator now, or will.

    A question to the operator does so at once, and one to ``anyone`` after
    :data:`UNHELD_SECONDS`, unless somebody holds it. All others are a matter between
    agents.

    Args:
        questions: The open questions of a room, with their present claims.
        names: The names of the operator there, see :func:`operator_names`.
        now: The present, to convert stored times.

    Yields:
        The number of a question, and since or from when on it asks the operator, in
        counted milliseconds.
    """
    for question in questions:
        expects = peer_key(question.expects)
        if expects in names:
            yield question.seq, now.heard_at(question.at_ms, question.heard_ms)
        elif expects == ANYONE and question.claimed_by is None:
            heard_ms = now.heard_at(question.at_ms, question.heard_ms)
            yield question.seq, heard_ms + UNHELD_SECONDS * 1000
