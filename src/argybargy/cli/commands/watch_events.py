"""What to show of a stream: every message once, in order, whatever the stream skips.

Pure: frames go in; messages, gaps, changes of rooms, and stretches to look up come
out. A stream may start over at any time (a slow client is resynchronised, a relay is
restarted), so what counts is the number of the last message shown in each room. What
lies between that and a room's latest is looked up in its history.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from argybargy.cli.client.answers import no_room, read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.message_line import Said
from argybargy.domain.names import NOBODY, fold

_CLOSED: Final = "closed"
_WITH_VERSION: Final = frozenset({"snapshot", "delta", "keepalive"})
"""Frames up to whose version everything has come; a hello's is only promised."""
_MOST_CLAIMS: Final = 1_000


@attrs.frozen
class Stretch:
    """Messages that the stream did not bring, to be looked up.

    Attributes:
        room: Where they were said.
        after: The last one that was shown.
        last: The last one wanted.
    """

    room: str
    after: int
    last: int


@attrs.frozen
class RoomChange:
    """A room was closed or opened again."""

    room: str
    status: str
    closed_by: str | None
    closed_at: str | None

    @property
    def is_closed(self) -> bool:
        """Whether it is closed now."""
        return self.status == _CLOSED


@attrs.frozen
class ClaimChange:
    """A message that was shown is claimed by somebody else now, or by nobody."""

    room: str
    seq: int
    claimed_by: str | None


@attrs.frozen
class Restart:
    """The numbers of a room began again: it is on another database, or on an older one.

    All that it has now counts as new, since nothing tells what of it was shown.
    """

    room: str


Event = Said | Stretch | RoomChange | ClaimChange | Restart


Recent = Mapping[tuple[str, int], Said]
"""Messages that a snapshot brings, by folded room and number."""


@attrs.frozen
class _Card:
    room: str
    status: str
    last_seq: int
    closed_by: str | None
    closed_at: str | None


@attrs.define
class Follower:
    """Turns frames into what is to be shown.

    Attributes:
        room: The only room to show; ``None`` is all.
        since: Show what came after this number; ``None`` is only what is new.

    Its state is ``_shown``: the last message shown of each room; ``_times``: when that
    was said, as far as it was seen; ``_status``: whether
    each room is open; ``_claims``: who claims the questions that were shown; and the
    place in the stream.
    """

    room: str | None
    since: int | None
    _shown: dict[str, int] = attrs.field(factory=dict)
    _times: dict[str, tuple[int, str]] = attrs.field(factory=dict)
    _status: dict[str, str] = attrs.field(factory=dict)
    _claims: dict[tuple[str, int], str | None] = attrs.field(factory=dict)
    _epoch: str | None = None
    _version: int | None = None
    _has_begun: bool = False

    @property
    def request(self) -> Json:
        """What to ask the stream for: to go on where it was, where it can."""
        body: Json = {"room": self.room}
        if self._epoch is not None and self._version is not None:
            place = {"epoch": self._epoch, "version": self._version}
            body["resume"] = {**place, "room": self.room}
        return body

    def take(self, frame: Json) -> Iterator[Event]:
        """Yield what a frame has to show, in order.

        Whoever shows a stretch tells so with :meth:`note_shown`. The place in the
        stream moves on when everything was taken: what is not shown comes again.

        Raises:
            CliError: The room that is followed does not exist.
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
        """Remember that everything up to a number was shown, or is gone."""
        key = fold(room)
        self._shown[key] = max(seq, self._shown.get(key, 0))

    def _meet(self, frame: Json) -> None:
        if frame.get("epoch") != self._epoch:
            self._version = None
        self._epoch = frame.get("epoch")

    def _take_snapshot(self, frame: Json) -> Iterator[Event]:
        cards = self._cards(frame.get("rooms", ()))
        if self.room is not None and not cards and not self._has_begun:
            raise no_room(self.room)
        recent = {(fold(said.room), said.seq): said for said in self._said(frame)}
        if self._has_begun:
            yield from self._restarts(cards, recent)
        else:
            self._begin(cards)
        for card in cards:
            yield from self._up_to(card, recent)
        yield from self._changes(cards)

    def _begin(self, cards: Iterable[_Card]) -> None:
        """Decide what counts as shown already."""
        self._has_begun = True
        for card in cards:
            shown = card.last_seq if self.since is None else self.since
            self._shown[fold(card.room)] = min(shown, card.last_seq)

    def _restarts(self, cards: Iterable[_Card], recent: Recent) -> Iterator[Restart]:
        """Forget the rooms whose numbers began again, and say which they are."""
        heads = {fold(card.room): card for card in cards}
        for key, shown in list(self._shown.items()):
            card = heads.get(key)
            if shown and (card is None or self._is_another(card, recent)):
                self._forget(key)
                yield Restart(key if card is None else card.room)

    def _is_another(self, card: _Card, recent: Recent) -> bool:
        """Tell whether a room cannot be the one whose messages were shown."""
        key = fold(card.room)
        seq, ts = self._times.get(key, (0, ""))
        same = recent.get((key, seq))
        return card.last_seq < self._shown[key] or (same is not None and same.ts != ts)

    def _forget(self, key: str) -> None:
        self._shown[key] = 0
        self._times.pop(key, None)
        self._status.pop(key, None)
        for room, seq in [each for each in self._claims if each[0] == key]:
            del self._claims[room, seq]

    def _up_to(self, card: _Card, recent: Recent) -> Iterator[Event]:
        """Yield what a room has that was not shown."""
        key = fold(card.room)
        after, last = self._shown.get(key, 0), card.last_seq
        # What the frame itself brings, back from the latest, need not be looked up.
        while last > after and (key, last) in recent:
            last -= 1
        if last > after:
            yield Stretch(card.room, after, last)
            self.note_shown(card.room, last)
        for seq in range(last + 1, card.last_seq + 1):
            yield from self._show(recent[key, seq])

    def _take_delta(self, frame: Json) -> Iterator[Event]:
        for said in self._said(frame):
            yield from self._step(said)
        yield from self._changes(self._cards(frame.get("rooms", ())))

    def _step(self, said: Said) -> Iterator[Event]:
        shown = self._shown.get(fold(said.room), 0)
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
        self._times[fold(said.room)] = said.seq, said.ts
        self._note_claim(said)

    def _claim_change(self, said: Said) -> Iterator[ClaimChange]:
        key = fold(said.room), said.seq
        if key in self._claims and self._claims[key] != said.claimed_by:
            yield ClaimChange(said.room, said.seq, said.claimed_by)
            self._note_claim(said)

    def _note_claim(self, said: Said) -> None:
        """Remember who claims a question that was shown, of the latest ones."""
        if said.expects != NOBODY:
            self._claims[fold(said.room), said.seq] = said.claimed_by
        if len(self._claims) > _MOST_CLAIMS:
            del self._claims[next(iter(self._claims))]

    def _changes(self, cards: Iterable[_Card]) -> Iterator[RoomChange]:
        for card in cards:
            key = fold(card.room)
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
        return self.room is None or fold(room) == fold(self.room)
