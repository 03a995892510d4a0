"""Pushes: what is sent to every service of the operator, and the way to send it."""

from typing import Final, Protocol

import attrs
import msgspec

from argybargy.domain.instant import format_timestamp
from argybargy.domain.notifications import Event, EventKind, Notice, summary
from argybargy.system.values import frozen

_LINK_WORDS: Final = "Answer within an hour:"
_TEST: Final = (
    "If you can read this, this service is set up. Questions to you arrive like this."
)


class ChannelError(Exception):
    """A service has not accepted a push; the message says why, without secrets."""


class NotifySettingsError(Exception):
    """The services in the settings cannot be used.

    Attributes:
        hint: What to do about it.
    """

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


@frozen
class PushedEvent:
    """An event in a push.

    Attributes:
        id: The id of the event, the same in every push about it.
        event: The event.
        link: A link to answer the question; ``None`` without one.
    """

    id: str
    event: Event
    link: str | None = attrs.field(default=None, repr=False)


@frozen
class Push:
    """One push, about one event or several.

    Attributes:
        id: Its id: that of its only event, or one of its own.
        at_ms: When it was made, in milliseconds since 1970 UTC.
        events: The events, never none.
    """

    id: str
    at_ms: int
    events: tuple[PushedEvent, ...]

    @property
    def title(self) -> str:
        """The title, one short line."""
        if len(self.events) == 1:
            return self.events[0].event.title
        return summary([each.event for each in self.events])[0]

    @property
    def body(self) -> str:
        """The text below the title, with the links."""
        if len(self.events) > 1:
            text = summary([each.event for each in self.events])[1]
            lines = text.split("\n")
            for at, each in reversed(list(enumerate(self.events[: len(lines)]))):
                if each.link is not None:
                    lines.insert(at + 1, each.link)
            return "\n".join(lines)
        (only,) = self.events
        text = only.event.excerpt or only.event.title
        return text if only.link is None else f"{text}\n\n{_LINK_WORDS}\n{only.link}"


class Channel(Protocol):
    """A way to send pushes: a service, or the webhook."""

    @property
    def label(self) -> str:
        """Its name, which shows no secret."""
        ...

    async def send(self, push: Push) -> None:
        """Send a push; return once the service has accepted it.

        Raises:
            ChannelError: It was not reached, or has not accepted the push.
        """
        ...


def loop_of(notice: Notice) -> Event:
    """Return the event of a notice about a loop that is over."""
    key = notice.key
    text = "They answered each other again and again. It is over."
    return Event(key.kind, notice.at_ms, room=key.room, subject=key.subject, text=text)


def push_of_test(push_id: str, at_ms: int) -> Push:
    """Return a push that tests a service."""
    event = Event(EventKind.TEST, at_ms, text=_TEST)
    return Push(push_id, at_ms, (PushedEvent(push_id, event),))


def push_json(push: Push) -> bytes:
    """Return a push as the JSON that the webhook gets."""
    body = {
        "id": push.id,
        "at": format_timestamp(push.at_ms),
        "title": push.title,
        "events": [_event_body(each) for each in push.events],
    }
    return msgspec.json.encode(body)


def _event_body(pushed: PushedEvent) -> dict[str, object]:
    event = pushed.event
    body: dict[str, object] = {
        "id": pushed.id,
        "event": event.kind.value,
        "at": format_timestamp(event.at_ms),
        "title": event.title,
        "text": event.excerpt,
        "urgent": event.is_urgent,
    }
    if event.room:
        body["room"] = event.room
    match event.kind:
        case EventKind.QUESTION:
            body |= {
                "seq": event.seq,
                "from": event.sender,
                "to": "anyone" if event.is_to_anyone else "operator",
                "choices": list(event.choices),
                "link": pushed.link,
            }
        case EventKind.AGENT | EventKind.LOOP:
            body["agents"] = event.subject.split(" and ")
        case _:
            pass
    return body
