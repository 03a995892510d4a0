"""Notifications of the operator: what is told, when, and in which words.

An event is told once, by one push. Several that are due at the same time are told by
one push together, as a summary: after quiet hours, and when many come at once. The
first line that fits decides when an event is due:

=============================  =======================================================
the event                      is due
=============================  =======================================================
was told already               never
quiet hours, not urgent        when they end
a question to the operator     after `after_seconds`; at once if it is urgent
a question to anyone that      after `after_seconds`, at least 2 minutes; at once if it
nobody holds                   is urgent
an agent that has work and     after 5 minutes
does not listen
a loop was damped              at once; never, if the operator was watching then
storage trouble                after 30 seconds
its end                        at once, if the trouble was told
=============================  =======================================================

While a dashboard or ``argybargy watch`` is open, the operator sees questions and
agents, so they wait for 10 minutes, and what is urgent for `after_seconds`. Nobody who
left the page open and went away misses a question.

Urgent is what the operator's own words say: a question is urgent if its text contains
one of them. Storage trouble is always urgent.
"""

import enum
import re
from collections.abc import Collection, Iterable
from heapq import nsmallest
from typing import Final

import attrs

from argybargy.domain.access_codes import CODE_PATTERN
from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.quiet_hours import QuietHours
from argybargy.domain.roster import UNHELD_SECONDS
from argybargy.domain.text_form import escape_text
from argybargy.system.values import frozen

AFTER_SECONDS: Final = 120.0
"""Default time that a question waits before the operator is told."""
LOST_SECONDS: Final = 300.0
"""Time for which an agent with work does not listen before the operator is told."""
STORAGE_SECONDS: Final = 30.0
"""Time for which the store accepts nothing before the operator is told."""
WATCHED_SECONDS: Final = 600.0
"""Time that an event waits while the operator has a dashboard or `watch` open."""
AGAIN_MS: Final = 3_600_000
"""Shortest time between two pushes about the same agent or the same pair."""
UNTOLD_MS: Final = 86_400_000
"""Time after which a loop that is over needs no telling any more."""
TEXT_CHARS: Final = 200
"""Longest text of a message in a push, in characters."""
EVENTS_PER_PUSH: Final = 50
"""Maximum events in one push; others go with the next."""
LINES_PER_PUSH: Final = 10
"""Maximum events that the text of a summary names."""

_NO_ROOM: Final = RoomKey("")
_MENTION: Final = re.compile(r"@(?=everyone|here|channel|room|all\b)", re.IGNORECASE)
_MARKUP: Final = re.compile(r"<(?=[!@#&/a-z])", re.IGNORECASE)
_BLANKS: Final = re.compile(r"\s+")


class EventKind(enum.Enum):
    """The kinds of events that the operator is told about."""

    QUESTION = "question"
    AGENT = "agent_not_listening"
    LOOP = "loop_damped"
    STORAGE = "storage_trouble"
    STORAGE_END = "storage_recovered"
    TEST = "test"

    @property
    def recurs(self) -> bool:
        """Whether the same thing can happen again to the same agent or pair."""
        return self in {EventKind.AGENT, EventKind.LOOP}


@attrs.frozen(cache_hash=True)
class EventKey:
    """The subject of an event, the same after a restart.

    Attributes:
        kind: The kind.
        room: The room; empty for storage.
        subject: The number of a question, the name of an agent, or those of a pair.
    """

    kind: EventKind
    room: RoomKey = _NO_ROOM
    subject: str = ""


@frozen
class Event:
    """Something that the operator may be told about.

    Attributes:
        kind: The kind.
        at_ms: When it began, in milliseconds since 1970 UTC.
        room: The name of the room; empty for storage.
        subject: The number of a question, the name of an agent, or those of a pair.
        sender: Who asks; empty for other kinds.
        text: The text of a question, as sent, or what has happened.
        choices: The answers that a question offers.
        is_to_anyone: Whether the question goes to anyone.
        is_urgent: Whether it is told at once, and in quiet hours too.
    """

    kind: EventKind
    at_ms: int
    room: str = ""
    subject: str = ""
    sender: str = ""
    text: str = attrs.field(default="", repr=False)
    choices: tuple[str, ...] = ()
    is_to_anyone: bool = False
    is_urgent: bool = False

    @property
    def key(self) -> EventKey:
        """Its subject."""
        return EventKey(self.kind, room_key(self.room), self.subject)

    @property
    def seq(self) -> int | None:
        """The number of a question; ``None`` for other kinds."""
        return int(self.subject) if self.kind is EventKind.QUESTION else None

    @property
    def title(self) -> str:
        """The event in a few words."""
        match self.kind:
            case EventKind.QUESTION:
                asked = "asks anyone" if self.is_to_anyone else "asks you"
                return f"{self.room} #{self.subject}: {self.sender} {asked}"
            case EventKind.AGENT:
                return f"{self.room}: {self.subject} is not listening"
            case EventKind.LOOP:
                return f"{self.room}: a loop of {self.subject} was damped"
            case EventKind.STORAGE:
                return "The relay cannot store messages"
            case EventKind.STORAGE_END:
                return "The relay stores messages again"
            case EventKind.TEST:
                return "Test of the notifications"

    @property
    def excerpt(self) -> str:
        """Its text as a push shows it."""
        return excerpt(self.text)


def excerpt(text: str, most: int = TEXT_CHARS) -> str:
    """Return a text in one short line without codes, control characters or mentions.

    Chat services would act on some texts: ``@everyone`` would call everybody, and
    ``<!channel>`` as well. Only the beginning of a long text is read, ten times what is
    shown: a code that is masked keeps more than a tenth of its length.
    """
    line = _BLANKS.sub(" ", text).strip()[: 10 * most]
    line = escape_text(CODE_PATTERN.sub("argy_…", line)[: most + 1])
    line = _MARKUP.sub("‹", _MENTION.sub("@\N{ZERO WIDTH NON-JOINER}", line))
    return line if len(line) <= most else f"{line[: most - 1]}…"


@frozen
class NotificationRules:
    """The operator's settings for notifications.

    Attributes:
        after_seconds: How long a question waits before the operator is told.
        urgent_words: Words that make a question urgent, in lower case.
        quiet: The quiet hours; ``None`` for none.
    """

    after_seconds: float = AFTER_SECONDS
    urgent_words: tuple[str, ...] = ()
    quiet: QuietHours | None = None

    def is_urgent(self, text: str) -> bool:
        """Tell whether a text contains one of the urgent words, as a whole word."""
        if not self.urgent_words:
            return False
        words = "|".join(map(re.escape, self.urgent_words))
        return re.search(rf"(?<!\w)(?:{words})(?!\w)", text, re.IGNORECASE) is not None


@frozen
class Candidate:
    """An event that has not been told, and how long it has lasted.

    Attributes:
        event: The event.
        seconds: How long it has lasted.
    """

    event: Event
    seconds: float


@frozen
class Moment:
    """The circumstances that the time of a push depends on.

    Attributes:
        is_quiet: Whether it is quiet hours.
        is_watching: Whether the operator has a dashboard or `watch` open.
    """

    is_quiet: bool = False
    is_watching: bool = False


def wait_seconds(event: Event, rules: NotificationRules, *, is_watching: bool) -> float:
    """Return how long an event lasts before the operator is told."""
    kind = event.kind
    if kind is EventKind.STORAGE:
        return STORAGE_SECONDS
    if kind in {EventKind.STORAGE_END, EventKind.TEST}:
        return 0.0
    if event.is_urgent:
        return rules.after_seconds if is_watching else 0.0
    seconds = 0.0
    if kind is EventKind.QUESTION:
        seconds = rules.after_seconds
        if event.is_to_anyone:
            seconds = max(seconds, UNHELD_SECONDS)
    elif kind is EventKind.AGENT:
        seconds = LOST_SECONDS
    return max(seconds, WATCHED_SECONDS) if is_watching else seconds


def due_events(
    candidates: Iterable[Candidate], rules: NotificationRules, moment: Moment
) -> tuple[Event, ...]:
    """Return the events that the operator is told about now, in one push.

    Args:
        candidates: The events that have not been told.
        rules: The operator's settings.
        moment: What the time of a push depends on besides.

    Returns:
        At most :data:`EVENTS_PER_PUSH`, see :func:`first_events`.
    """
    return first_events(
        each.event
        for each in candidates
        if (each.event.is_urgent or not moment.is_quiet)
        and each.seconds
        >= wait_seconds(each.event, rules, is_watching=moment.is_watching)
    )


def first_events(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events for one push: urgent ones first, then the oldest."""
    found = nsmallest(
        EVENTS_PER_PUSH,
        events,
        key=lambda event: (not event.is_urgent, event.at_ms, event.room),
    )
    return tuple(found)


@frozen
class Notice:
    """The record of an event, which the store keeps so that it is told once.

    Attributes:
        id: A random id: receivers of the webhook know an event by it.
        key: What the event is about.
        at_ms: When it was noted, in milliseconds since 1970 UTC.
        told_ms: When a service has accepted a push about it; ``None`` until then.
    """

    id: str
    key: EventKey
    at_ms: int
    told_ms: int | None = None


def is_forgotten(notice: Notice, lasting: Collection[EventKey], now_ms: int) -> bool:
    """Tell whether a notice is kept no longer.

    One of a question is kept while the question is open. One of an agent or a pair is
    kept for an hour at least, so that the operator hears of the same one once an hour.
    A loop that has not been told is kept for a day: quiet hours may have to end first.

    Args:
        notice: The notice.
        lasting: The events that have lasted without a break since they were told.
        now_ms: The time, in milliseconds since 1970 UTC.
    """
    if notice.key in lasting:
        return False
    if not notice.key.kind.recurs:
        return True
    if notice.key.kind is EventKind.LOOP and notice.told_ms is None:
        return now_ms - notice.at_ms >= UNTOLD_MS
    told_ms = notice.at_ms if notice.told_ms is None else notice.told_ms
    # A clock that was set back must not keep it forever.
    return not 0 <= now_ms - told_ms < AGAIN_MS


def summary(events: Collection[Event]) -> tuple[str, str]:
    """Return the title and the text of a push about several events."""
    named = [event.title for event in list(events)[:LINES_PER_PUSH]]
    left = len(events) - len(named)
    lines = [*named, *([f"and {left} more"] if left else [])]
    return f"{len(events)} things wait for you", "\n".join(lines)
