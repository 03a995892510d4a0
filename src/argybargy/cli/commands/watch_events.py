"""Turn the frames of the operator stream into events: each message once, in order.

Pure: frames go in; messages, gaps, room changes and stretches to look up come out. A
stream may start over at any time (a slow client is resynchronised, a relay restarts),
so the state is the last message shown in each room. Messages between that one and the
room's latest are looked up in its history.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from argybargy.cli.client.answers import no_room, read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.message_line import ENDED, Said, question_words
from argybargy.domain.names import NOBODY, RoomKey, room_key
from argybargy.system.values import define, frozen

_CLOSED: Final = "closed"
_WITH_VERSION: Final = frozenset({"snapshot", "delta", "keepalive"})
"""Frames whose version is complete; the version of a hello is only announced."""
_MOST_CLAIMS: Final = 1_000


@frozen
class Stretch:
    """Messages missing from the stream, to be looked up in the history.

    Attributes:
        room: The room.
        after: Number of the last message shown.
        last: Number of the last message wanted.
    """

    room: str
    after: int
    last: int


@frozen
class RoomChange:
    """A room was closed or reopened."""

    room: str
    status: str
    closed_by: str | None
    closed_at: str | None

    @property
    def is_closed(self) -> bool:
        """Whether the room is now closed."""
        return self.status == _CLOSED


@frozen
class RoomDeletion:
    """A room was deleted with its messages."""

    room: str


@frozen
class ClaimChange:
    """The claim of a message that was shown moved, or was released (``None``)."""

    room: str
    seq: int
    claimed_by: str | None


@frozen
class QuestionEnd:
    """The question of a message that was shown was answered or withdrawn.

    Attributes:
        said: The message, as it is now.
    """

    said: Said

    @property
    def status(self) -> str:
        """``answered`` or ``withdrawn``."""
        return str(self.said.state["state"])

    @property
    def state(self) -> Json:
        """The facts of the end, for JSON: by whom, in which message, why."""
        state = self.said.state
        facts = {
            "by": state.get("by"),
            "answer": state.get("seq"),
            "reason": state.get("reason"),
        }
        return {key: value for key, value in facts.items() if value is not None}

    @property
    def words(self) -> str:
        """The end in words, such as ``answered by bob in 43``."""
        return question_words(self.said, "")[-1]


@frozen
class Restart:
    """The message numbers of a room began again, on another or an older database.

    All messages of the room count as new, since nothing tells which of them were shown.
    """

    room: str


Event = Said | Stretch | RoomChange | RoomDeletion | ClaimChange | QuestionEnd | Restart


Standing = tuple[str | None, bool]
"""Holder of the claim on a question, and whether the question has ended."""


def _standing(said: Said) -> Standing:
    return said.claimed_by, said.state.get("state") in ENDED


Recent = Mapping[tuple[RoomKey, int], Said]
"""Messages of a snapshot, by room and number."""


@frozen
class _Card:
    room: str
    status: str
    last_seq: int
    closed_by: str | None
    closed_at: str | None


@define
class Follower:
    """Turns frames into events.

    Attributes:
        room: The only room to show; ``None`` shows all.
        since: Show messages after this number; ``None`` shows only new ones.

    The mutable state, one entry a room or question: ``_shown`` (last message shown),
    ``_times`` (its number and timestamp), ``_status`` (open or closed), ``_claims``
    (standings of questions, at most ``_MOST_CLAIMS``); and the position in the stream.
    """

    room: str | None
    since: int | None
    _shown: dict[RoomKey, int] = attrs.field(factory=dict)
    _times: dict[RoomKey, tuple[int, str]] = attrs.field(factory=dict)
    _status: dict[RoomKey, str] = attrs.field(factory=dict)
    _claims: dict[tuple[RoomKey, int], Standing] = attrs.field(factory=dict)
    _epoch: str | None = None
    _version: int | None = None
    _has_begun: bool = False

    @property
    def request(self) -> Json:
        """Body of the next stream request; it resumes where possible."""
        body: Json = {"room": self.room}
        if self._epoch is not None and self._version is not None:
            place = {"epoch": self._epoch, "version": self._version}
            body["resume"] = {**place, "room": self.room}
        return body

    def take(self, frame: Json) -> Iterator[Event]:
        """Yield the events of a frame, in order.

        The caller reports messages of a stretch by :meth:`note_shown`. The position in
        the stream advances after the last event, so that an interrupted frame is
        repeated.

        Raises:
            CliError: The followed room does not exist.
        """
        kind = frame.get("type")
        if kind == "hello":
            self._meet(frame)
        elif kind == "snapshot":
            yield from self._take_snapshot(frame)
        elif kind == "delta":
            yield from self._take_delta(frame)
        if kind in _WITH_VERSION:
            self._version = frame["version"]

    def note_shown(self, room: str, seq: int) -> None:
        """Record that all messages up to a number were shown, or are gone."""
        key = room_key(room)
        self._shown[key] = max(seq, self._shown.get(key, 0))

    def _meet(self, frame: Json) -> None:
        if frame.get("epoch") != self._epoch:
            self._version = None
        self._epoch = frame.get("epoch")

    def _take_snapshot(self, frame: Json) -> Iterator[Event]:
        cards = self._cards(frame.get("rooms", ()))
        if self.room is not None and not cards and not self._has_begun:
            raise no_room(self.room)
        recent = {(room_key(said.room), said.seq): said for said in self._said(frame)}
        if self._has_begun:
            yield from self._restarts(cards, recent)
        else:
            self._begin(cards)
        for card in cards:
            yield from self._up_to(card, recent)
        yield from self._changes(cards)

    def _begin(self, cards: Iterable[_Card]) -> None:
        """Set the last message shown of each room at the start."""
        self._has_begun = True
        for card in cards:
            shown = card.last_seq if self.since is None else self.since
            self._shown[room_key(card.room)] = min(shown, card.last_seq)

    def _restarts(self, cards: Iterable[_Card], recent: Recent) -> Iterator[Restart]:
        """Forget rooms whose numbers began again, and yield them."""
        heads = {room_key(card.room): card for card in cards}
        for key, shown in list(self._shown.items()):
            card = heads.get(key)
            if shown and (card is None or self._is_another(card, recent)):
                self._forget(key)
                yield Restart(key if card is None else card.room)

    def _is_another(self, card: _Card, recent: Recent) -> bool:
        """Tell whether a room differs from the one whose messages were shown."""
        key = room_key(card.room)
        seq, ts = self._times.get(key, (0, ""))
        same = recent.get((key, seq))
        return card.last_seq < self._shown[key] or (same is not None and same.ts != ts)

    def _forget(self, key: RoomKey) -> None:
        self._shown[key] = 0
        self._times.pop(key, None)
        self._status.pop(key, None)
        for room, seq in [each for each in self._claims if each[0] == key]:
            del self._claims[room, seq]

    def _up_to(self, card: _Card, recent: Recent) -> Iterator[Event]:
        """Yield the messages of a room that were not shown."""
        key = room_key(card.room)
        after, last = self._shown.get(key, 0), card.last_seq
        # The snapshot itself holds the latest messages; only older ones are looked up.
        while last > after and (key, last) in recent:
            last -= 1
        if last > after:
            yield Stretch(card.room, after, last)
            self.note_shown(card.room, last)
        for seq in range(last + 1, card.last_seq + 1):
            yield from self._show(recent[key, seq])

    def _take_delta(self, frame: Json) -> Iterator[Event]:
        for room in filter(self._is_followed, map(str, frame.get("rooms_gone", ()))):
            self._status.pop(room_key(room), None)
            yield RoomDeletion(room)
        for said in self._said(frame):
            yield from self._step(said)
        yield from self._changes(self._cards(frame.get("rooms", ())))

    def _step(self, said: Said) -> Iterator[Event]:
        shown = self._shown.get(room_key(said.room), 0)
        if said.seq <= shown:
            yield from self._claim_change(said)
            return
        if said.seq > shown + 1:
            yield Stretch(said.room, shown, said.seq - 1)
            self.note_shown(said.room, said.seq - 1)
        yield from self._show(said)

    def _show(self, said: Said) -> Iterator[Event]:
        yield said
        self.note_shown(said.room, said.seq)
        self._times[room_key(said.room)] = said.seq, said.ts
        self._note_claim(said)

    def _claim_change(self, said: Said) -> Iterator[ClaimChange | QuestionEnd]:
        key = room_key(said.room), said.seq
        if key not in self._claims:
            return
        before, after = self._claims[key], _standing(said)
        if before == after:
            return
        if said.state.get("state") in ENDED:
            yield QuestionEnd(said)
        elif before[0] != after[0]:
            yield ClaimChange(said.room, said.seq, said.claimed_by)
        self._note_claim(said)

    def _note_claim(self, said: Said) -> None:
        """Record the claim of a question; drop the oldest record beyond the bound."""
        if said.expects != NOBODY:
            self._claims[room_key(said.room), said.seq] = _standing(said)
        if len(self._claims) > _MOST_CLAIMS:
            del self._claims[next(iter(self._claims))]

    def _changes(self, cards: Iterable[_Card]) -> Iterator[RoomChange]:
        for card in cards:
            key = room_key(card.room)
            before = self._status.get(key)
            self._status[key] = card.status
            is_news = before is not None or self.room is not None
            if is_news and before != card.status and (before or card.status == _CLOSED):
                yield RoomChange(card.room, card.status, card.closed_by, card.closed_at)

    def _cards(self, rows: Iterable[object]) -> list[_Card]:
        cards = [read_row(_Card, row) for row in rows]
        return [card for card in cards if self._is_followed(card.room)]

    def _said(self, frame: Json) -> list[Said]:
        said = [Said.read(row, self.room or "") for row in frame.get("messages", ())]
        return [each for each in said if self._is_followed(each.room)]

    def _is_followed(self, room: str) -> bool:
        return self.room is None or room_key(room) == room_key(self.room)
