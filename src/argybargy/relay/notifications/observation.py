"""Find the events of a running relay that the operator may be told about."""

from collections.abc import Iterator, Mapping
from math import inf
from typing import Final, NamedTuple

import attrs
import trio

from argybargy.domain.access_codes import Peer, Role
from argybargy.domain.capabilities import word_of_address
from argybargy.domain.instant import Instant
from argybargy.domain.message import Message
from argybargy.domain.names import ANYONE, PeerKey, RoomKey, peer_key
from argybargy.domain.notifications import (
    Candidate,
    Event,
    EventKey,
    EventKind,
    NotificationRules,
)
from argybargy.domain.roster import operator_names
from argybargy.domain.seat import Listening
from argybargy.relay.overview.room_card import RoomCard
from argybargy.relay.relay import Relay
from argybargy.store.errors import Corrupt, StoreError
from argybargy.system.values import define, frozen

ROOMS_AT_ONCE: Final = 64
"""Rooms looked at between two checkpoints."""
QUESTIONS_AT_ONCE: Final = 100
"""Questions looked at between two checkpoints."""


class _Asked(NamedTuple):
    """A question to the operator or to anyone, with its event."""

    key: EventKey
    event: Event
    question: Message


@frozen
class _RoomNotes:
    """Notes about the open questions of a room, kept until they change.

    Attributes:
        questions: The questions, as the overview has them.
        names: The names of the operator.
        asked: Those to the operator and to anyone, by seq.
        work: The names of the peers that are asked, or hold a claim.
    """

    questions: Mapping[int, Message]
    names: frozenset[PeerKey]
    asked: Mapping[int, _Asked]
    work: Mapping[PeerKey, str]


@define
class Observer:
    """Looks at a relay again and again.

    Mutable state, all of it bounded by what lasts in the relay: notes about the rooms,
    since when an event without a time of its own lasts, the questions to anyone that
    are held, and whether the store has failed the last test.

    Attributes:
        rules: The operator's settings.
    """

    rules: NotificationRules
    _has_trouble: bool = False
    _rooms: dict[RoomKey, "_RoomNotes"] = attrs.field(factory=dict)
    _since: dict[EventKey, Instant] = attrs.field(factory=dict)
    _held: set[EventKey] = attrs.field(factory=set)

    async def look(
        self, relay: Relay, *, is_suspect: bool
    ) -> dict[EventKey, Candidate]:
        """Return the events that last, those that were told included.

        Many rooms are looked at in pieces: each piece ends with a checkpoint.

        Args:
            relay: The relay.
            is_suspect: Whether a write has failed since the last look.
        """
        found, held = dict[EventKey, Candidate](), set[EventKey]()
        rooms = dict[RoomKey, _RoomNotes]()
        for at, (key, card) in enumerate(list(relay.overview.cards.items()), 1):
            if card.questions:
                notes = rooms[key] = await self._notes_of(key, card)
                await self._add_questions(relay, card, notes, found, held)
                self._add_lost_agents(relay, key, card, notes, found)
            if at % ROOMS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
        for event in _damped_pairs(relay):
            found[event.key] = self._lasting(event, relay.clock.now())
        trouble = await self._storage(relay, is_suspect=is_suspect)
        if trouble is not None:
            found[trouble.event.key] = trouble
        self._rooms, self._held = rooms, held
        for gone in self._since.keys() - found.keys():
            del self._since[gone]
        return found

    async def _notes_of(self, room: RoomKey, card: RoomCard) -> "_RoomNotes":
        """Return the notes about the questions of a room, made anew if they differ.

        Nothing that an event shows of a question changes, so known events are kept.
        """
        known, names = self._rooms.get(room), operator_names(card.members)
        if (
            known is not None
            and known.questions is card.questions
            and known.names == names
        ):
            return known
        asked = dict[int, _Asked]()
        work = dict[PeerKey, str]()
        before = {} if known is None else known.asked
        for number, (seq, question) in enumerate(card.questions.items(), 1):
            expects, holder = peer_key(question.expects), question.claimed_by
            if expects in names or expects == ANYONE:
                same = before.get(seq)
                event = same.event if same else _question(card, question, self.rules)
                key = same.key if same else event.key
                asked[seq] = _Asked(key, event, question)
            elif word_of_address(question.expects) is None:
                work.setdefault(expects, question.expects)
            if holder is not None:
                work.setdefault(peer_key(holder), holder)
            # A new question has a text to be searched for urgent words.
            if number % QUESTIONS_AT_ONCE == 0 or seq not in before:
                await trio.lowlevel.checkpoint()
        return _RoomNotes(card.questions, names, asked, work)

    async def _add_questions(
        self,
        relay: Relay,
        card: RoomCard,
        notes: "_RoomNotes",
        found: dict[EventKey, Candidate],
        held: set[EventKey],
    ) -> None:
        """Add the questions of a room to the operator, and those to anyone.

        One to anyone that somebody holds lasts, but has waited for no time. In a closed
        room nobody waits.
        """
        now, is_closed = relay.clock.now(), card.summary.status.is_closed
        for number, (key, event, question) in enumerate(notes.asked.values(), 1):
            seconds = now.age_seconds(question.at_ms, question.heard_ms)
            if event.is_to_anyone and question.claimed_by is not None:
                held.add(key)
                self._since.pop(key, None)
                seconds = -inf
            elif key in self._held:
                self._since[key] = now  # nobody holds it any more, from now on
            since = self._since.get(key)
            if since is not None:
                seconds = now.steady_seconds - since.steady_seconds
            found[key] = Candidate(event, -inf if is_closed else seconds)
            if number % QUESTIONS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()

    def _add_lost_agents(
        self,
        relay: Relay,
        room: RoomKey,
        card: RoomCard,
        notes: "_RoomNotes",
        found: dict[EventKey, Candidate],
    ) -> None:
        """Add the agents of an open room that have work and do not listen."""
        if card.summary.status.is_closed:
            return
        name = card.summary.status.name
        for event in _lost_agents(relay, room, name, notes.work):
            found[event.key] = self._lasting(event, relay.clock.now())

    def _lasting(self, event: Event, now: Instant) -> Candidate:
        """Return an event that has no time of its own, with the time it has lasted."""
        since = self._since.setdefault(event.key, now)
        event = attrs.evolve(event, at_ms=since.wall_ms)
        return Candidate(event, now.steady_seconds - since.steady_seconds)

    async def _storage(self, relay: Relay, *, is_suspect: bool) -> Candidate | None:
        """Test the store if a write has failed, and until a write succeeds.

        Without a failure nothing is written: an idle relay leaves the disk alone.
        """
        if not (is_suspect or self._has_trouble):
            return None
        error: StoreError | None = None
        try:
            await relay.readiness.check()
        except StoreError as failure:
            error = failure
        self._has_trouble = error is not None
        if error is None:
            return None
        # Without the text of the error, which has the path of the database.
        is_lost = isinstance(error, Corrupt)
        text = "Messages are refused until the disk can be written to again."
        if is_lost:
            text = "The database is damaged or was removed, and the relay stops."
        event = Event(EventKind.STORAGE, 0, text=text, is_urgent=True)
        lasting = self._lasting(event, relay.clock.now())
        # A relay that has lost its data ends within seconds.
        return attrs.evolve(lasting, seconds=inf) if is_lost else lasting


def _question(card: RoomCard, question: Message, rules: NotificationRules) -> Event:
    return Event(
        EventKind.QUESTION,
        question.at_ms,
        room=card.summary.status.name,
        subject=str(question.seq),
        sender=question.sender,
        text=question.text,
        choices=question.choices,
        is_to_anyone=peer_key(question.expects) == ANYONE,
        is_urgent=rules.is_urgent(question.text),
    )


def _lost_agents(
    relay: Relay, room: RoomKey, name: str, work: Mapping[PeerKey, str]
) -> Iterator[Event]:
    """Yield the agents of a room that have work and do not listen.

    Work is an open question to the agent by name, or one that it has claimed.
    """
    agents = {key for key in work if _is_agent(relay, Peer(room, key))}
    if not agents:
        return
    now, parked = relay.clock.now(), relay.parked_peers(room)
    seen = relay.presence.seen(room, parked, now.steady_seconds)
    for key in sorted(agents):
        heard = seen.get(key)
        if heard is not None and heard.listening is not Listening.NOT_LISTENING:
            continue
        if key in relay.hooks.hooked_peers(room):
            continue  # its hook is called, even if it has made no request yet
        yield Event(
            EventKind.AGENT,
            0,
            room=name,
            subject=relay.codes.spelling(room, work[key]) or work[key],
            text="It has an open question or a claim, and has stopped listening.",
        )


def _is_agent(relay: Relay, peer: Peer) -> bool:
    """Tell whether a peer holds a valid code of an agent; people come and go."""
    held = relay.codes.codes_of(peer)
    return (
        bool(held)
        and held[-1].role is Role.AGENT
        and relay.codes.has_valid_code(peer, relay.clock.now())
    )


def _damped_pairs(relay: Relay) -> Iterator[Event]:
    """Yield the pairs of agents that are damped; rooms with one stay in memory."""
    steady = relay.clock.now().steady_seconds
    for live in relay.rooms:
        if not live.is_readable or not live.room.exists:
            continue
        for pair, _ in live.room.exchanges.damped(steady):
            members = live.room.members
            names = (
                member.name if (member := members.get(each)) is not None else each
                for each in pair
            )
            yield Event(
                EventKind.LOOP,
                0,
                room=live.room.name,
                subject=" and ".join(names),
                text="They answered each other again and again. Their answers wake "
                "neither of them for a while; a word of yours ends that.",
            )
