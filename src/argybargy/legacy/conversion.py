"""What the first Argybargy has recorded, as lines of an import.

Rooms keep their numbers: they were counted per room there as they are here, so the
cursors of agents go on working. What has to change is told in sentences: names that
the rule for names does not allow, and names that differ in case only.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from argybargy.domain.access_codes import key_id_of
from argybargy.domain.addressing import answered, names_of_speaker
from argybargy.domain.instant import format_timestamp, parse_timestamp
from argybargy.domain.message import Question, SenderKind
from argybargy.domain.names import (
    ANYONE,
    EVERYONE,
    NOBODY,
    OPERATOR,
    RESERVED_PEER_NAMES,
    fold,
    is_name,
    peer_key,
)
from argybargy.domain.room.questions import OpenQuestions
from argybargy.legacy.database import (
    Original,
    OriginalAudit,
    OriginalCode,
    OriginalMessage,
)

Json = dict[str, Any]
"""One line of an import."""

_NAME_CHARS: Final = 64
_CAPABILITIES_CHARS: Final = 400
_AUDIT_CHARS: Final = 1_000
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")
_CODE: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])")
"""What a code of the first Argybargy looks like."""


@attrs.frozen
class Switch:
    """What there is to import.

    Attributes:
        lines: Each a line of an import.
        changes: What is another way here, in sentences.
    """

    lines: tuple[Json, ...]
    changes: tuple[str, ...]


@attrs.define
class Names:
    """Names of one kind, each with the one that it has here.

    Attributes:
        what: What is named, for the sentences about changes.
        reserved: What nobody may be called.
        known: The names so far.
    """

    what: str
    reserved: frozenset[str] = frozenset()
    known: dict[str, str] = attrs.field(factory=dict)
    _taken: set[str] = attrs.field(factory=set)

    def add(self, name: str) -> str:
        """Return what a name is here, the same every time."""
        if name not in self.known:
            found = self._fit(name)
            self._taken.add(fold(found))
            self.known[name] = found
        return self.known[name]

    def _fit(self, name: str) -> str:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        base = _UNFIT.sub("-", plain).strip("-._")[:_NAME_CHARS] or self.what
        base = name if is_name(name) else base
        if fold(base) in self.reserved:
            base = f"{base}-agent"
        found, number = base, 1
        while fold(found) in self._taken:
            number += 1
            ending = f"-{number}"
            found = base[: _NAME_CHARS - len(ending)] + ending
        return found

    def changes(self, where: str = "") -> Iterator[str]:
        """Say which names are others here."""
        for name, found in self.known.items():
            if name != found:
                yield f"{self.what} {name!r}{where} is called {found} here"


def plan_switch(original: Original) -> Switch:
    """Say what to import of a database of the first Argybargy."""
    return _Planner.of(original).plan()


@attrs.define
class _Planner:
    """The original, and the names that everything has here."""

    original: Original
    humans: frozenset[tuple[str, str]]
    rooms: Names
    peers: dict[str, Names]

    @classmethod
    def of(cls, original: Original) -> "_Planner":
        """Settle all names: those of code holders first, as agents know them."""
        peers: dict[str, Names] = defaultdict(
            lambda: Names("peer", RESERVED_PEER_NAMES)
        )
        planner = cls(original, _find_humans(original), Names("room"), peers)
        for code in original.codes:
            planner.rooms.add(code.room)
            planner.agent(code.room, code.name)
        for message in original.messages:
            planner.rooms.add(message.room)
            planner.peer(message.room, message.sender)
        for room in original.rooms:
            planner.rooms.add(room.room)
        return planner

    def agent(self, room: str, name: str) -> str:
        """Return what the holder of a code is called here."""
        return self.peers[room].add(name)

    def peer(self, room: str, name: str) -> str:
        """Return what somebody who speaks or is addressed is called here."""
        return OPERATOR if fold(name) == OPERATOR else self.peers[room].add(name)

    def plan(self) -> Switch:
        """Return the lines, rooms first, and what changes."""
        lines = [*map(self._audit, self.original.audits), *self._all_rooms()]
        lines += [self._code(code) for code in self.original.codes]
        changes = list(self.rooms.changes())
        for room, names in self.peers.items():
            changes += names.changes(f" in {self.rooms.known[room]}")
        return Switch(tuple(lines), tuple(changes))

    def _all_rooms(self) -> Iterator[Json]:
        status = {room.room: room for room in self.original.rooms}
        messages: dict[str, list[OriginalMessage]] = defaultdict(list)
        for message in self.original.messages:
            messages[message.room].append(message)
        for room, name in list(self.rooms.known.items()):
            found = status.get(room)
            is_closed = found is not None and found.status == "closed"
            said = list(self._messages(messages[room], is_closed=is_closed))
            line: Json = {"type": "room", "room": name}
            if said:
                line["created"] = said[0]["ts"]
            if found is not None and is_closed:
                last = said[-1]["ts"] if said else None
                line |= {
                    "status": "closed",
                    "closed_at": _time(found.closed_at) or last or _time("1970-01-01"),
                    "closed_by": _plain(found.closed_by or "", _NAME_CHARS) or OPERATOR,
                }
            yield line
            yield from said

    def _messages(
        self, messages: Sequence[OriginalMessage], *, is_closed: bool
    ) -> Iterator[Json]:
        if not messages:
            return
        questions = self._open_questions(messages)
        holders = {(code.room, code.name) for code in self.original.codes}
        newest_ms = 0
        for message in messages:
            newest_ms = max(newest_ms, _milliseconds(message.ts))
            is_open = message.seq in questions
            is_held = (message.room, message.claimed_by) in holders
            is_leased = is_open and is_held and not is_closed
            yield {
                "type": "message",
                "room": self.rooms.known[message.room],
                "seq": message.seq,
                "ts": format_timestamp(newest_ms),
                "from": self.peer(message.room, message.sender),
                "to": [self._recipient(message)],
                "text": message.text.replace("\0", "") or "-",
                "expects_reply": self._expects(message),
                "from_kind": self._kind(message).value,
                "claimed_by": None
                if message.claimed_by is None
                else self.peer(message.room, message.claimed_by),
                "settled": message.claimed_by is not None and not is_leased,
                "open": is_open,
            }

    def _open_questions(self, messages: Sequence[OriginalMessage]) -> frozenset[int]:
        """Return the questions that nobody has answered, by the rule of this relay.

        Nobody waits for an answer who holds no code any more.
        """
        waiting = OpenQuestions()
        holders = {(code.room, code.name) for code in self.original.codes}
        for message in messages:
            sender = self.peer(message.room, message.sender)
            kind, expects = self._kind(message), peer_key(self._expects(message))
            to = self._recipient(message)
            audience = None if to == EVERYONE else frozenset({peer_key(to)})
            for seq in answered(waiting, names_of_speaker(sender, kind), audience):
                waiting = waiting.discard(seq)
            is_question = expects not in {NOBODY, peer_key(sender)}
            if is_question and (message.room, message.sender) in holders:
                question = Question(message.seq, peer_key(sender), expects, audience)
                waiting = waiting.insert(question)
        return frozenset(waiting)

    def _kind(self, message: OriginalMessage) -> SenderKind:
        who = (message.room, message.sender)
        return SenderKind.OPERATOR if who in self.humans else SenderKind.AGENT

    def _recipient(self, message: OriginalMessage) -> str:
        to = message.recipient
        return EVERYONE if to == EVERYONE else self.peer(message.room, to)

    def _expects(self, message: OriginalMessage) -> str:
        expects = (message.expects_reply or "").strip()
        if expects in {"", NOBODY, ANYONE}:
            return expects or NOBODY
        return ANYONE if expects == EVERYONE else self.peer(message.room, expects)

    def _code(self, code: OriginalCode) -> Json:
        return {
            "type": "code",
            "digest": code.digest.hex(),
            "room": self.rooms.known[code.room],
            "name": self.agent(code.room, code.name),
            "capabilities": _plain(code.capabilities or "", _CAPABILITIES_CHARS),
            "created": _time(code.created),
            "expires": _time(code.expires),
        }

    def _audit(self, row: OriginalAudit) -> Json:
        fields = (str(row.id), row.ts, row.action, row.actor, row.room, row.detail)
        return {
            "type": "audit",
            "key": hashlib.sha256("\0".join(fields).encode()).hexdigest()[:32],
            "ts": format_timestamp(_milliseconds(row.ts)),
            "action": _plain(row.action),
            "actor": _plain(_without_codes(self._known(row.room, row.actor))),
            "room": _plain(self.rooms.known.get(row.room, row.room)),
            "detail": _plain(_without_codes(row.detail)),
        }

    def _known(self, room: str, name: str) -> str:
        names: Mapping[str, str] = self.peers[room].known if room in self.peers else {}
        return names.get(name, name)


def _find_humans(original: Original) -> frozenset[tuple[str, str]]:
    """Return who spoke for the human, as (room, name).

    That is whoever is called so, and whoever has spoken through the dashboard and
    never had a code.
    """
    coded = {(code.room, code.name) for code in original.codes}
    coded |= {
        (row.room, row.detail if row.action == "invite" else row.actor)
        for row in original.audits
        if row.action in {"invite", "connect"}
    }
    spoken = {(row.room, row.actor) for row in original.audits if row.action == "say"}
    called = {
        (each.room, each.sender)
        for each in original.messages
        if fold(each.sender) == OPERATOR
    }
    return frozenset((spoken - coded) | called)


def _plain(text: str, most: int = _AUDIT_CHARS) -> str:
    """Return what an import takes of a text: printable, and not too long."""
    return "".join(each for each in text if each.isprintable())[:most]


def _without_codes(text: str) -> str:
    """Replace what may be a code by its public handle: a log holds no secrets."""

    def handle(match: re.Match[str]) -> str:
        return key_id_of(hashlib.sha256(match[0].encode()).digest())

    return _CODE.sub(handle, text)


def _milliseconds(text: str) -> int:
    """Read a time; one that cannot be read is the beginning of time."""
    try:
        return max(0, parse_timestamp(text))
    except ValueError:
        return 0


def _time(text: str | None) -> str | None:
    return None if not text else format_timestamp(_milliseconds(text))
