"""Conversion of a database of the original Argybargy to import lines.

Messages keep their seqs, which were per room there too: the cursors of agents stay
valid. Invalid names, and names that differ in case only, are changed; each change is
reported as a sentence.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from argybargy.domain.access_codes import key_id_of
from argybargy.domain.addressing import names_of_speaker
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
from argybargy.legacy.database import (
    Original,
    OriginalAudit,
    OriginalCode,
    OriginalMessage,
)
from argybargy.legacy.unanswered import UnansweredQuestions
from argybargy.system.values import define, frozen

Json = dict[str, Any]
"""One line of an import."""

_NAME_CHARS: Final = 64
_CAPABILITIES_CHARS: Final = 400
_AUDIT_CHARS: Final = 1_000
_INVALID_CHARS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_CODE: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])")
"""The form of an access code of the original Argybargy."""


@frozen
class Switch:
    """Result of a conversion.

    Attributes:
        lines: The import lines.
        changes: The renamed rooms and peers, as sentences.
    """

    lines: tuple[Json, ...]
    changes: tuple[str, ...]


@define
class Names:
    """Mapping of the original names of one kind to valid, unique names.

    Attributes:
        noun: The kind, for the sentences about changes.
        reserved: Case-folded names that are not allowed.
        converted: The new name of each original name so far.
    """

    noun: str
    reserved: frozenset[str] = frozenset()
    converted: dict[str, str] = attrs.field(factory=dict)
    _taken: set[str] = attrs.field(factory=set)

    def add(self, name: str) -> str:
        """Return the new name of an original name, the same on every call."""
        if name not in self.converted:
            new = self._convert(name)
            self._taken.add(fold(new))
            self.converted[name] = new
        return self.converted[name]

    def _convert(self, name: str) -> str:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        base = _INVALID_CHARS.sub("-", plain).strip("-._")[:_NAME_CHARS] or self.noun
        base = name if is_name(name) else base
        if fold(base) in self.reserved:
            base = f"{base}-agent"
        new, number = base, 1
        while fold(new) in self._taken:
            number += 1
            suffix = f"-{number}"
            new = base[: _NAME_CHARS - len(suffix)] + suffix
        return new

    def changes(self, where: str = "") -> Iterator[str]:
        """Yield a sentence for each name that was changed."""
        for name, new in self.converted.items():
            if name != new:
                yield f"{self.noun} {name!r}{where} is called {new} here"


def convert(original: Original) -> Switch:
    """Convert the content of a database to import lines."""
    return _Converter.of(original).convert()


@define
class _Converter:
    """The original content, and the new name of each room and peer."""

    original: Original
    humans: frozenset[tuple[str, str]]
    rooms: Names
    peers: dict[str, Names]

    @classmethod
    def of(cls, original: Original) -> "_Converter":
        """Convert all names; code holders come first, so that agents keep theirs."""
        peers: dict[str, Names] = defaultdict(
            lambda: Names("peer", RESERVED_PEER_NAMES)
        )
        converter = cls(original, _find_humans(original), Names("room"), peers)
        for code in original.codes:
            converter.rooms.add(code.room)
            converter.agent(code.room, code.name)
        for message in original.messages:
            converter.rooms.add(message.room)
            converter.peer(message.room, message.sender)
        for room in original.rooms:
            converter.rooms.add(room.room)
        return converter

    def agent(self, room: str, name: str) -> str:
        """Return the new name of a code holder."""
        return self.peers[room].add(name)

    def peer(self, room: str, name: str) -> str:
        """Return the new name of a sender or addressee."""
        return OPERATOR if fold(name) == OPERATOR else self.peers[room].add(name)

    def convert(self) -> Switch:
        """Return the import lines and the changed names."""
        lines = [*map(self._audit, self.original.audits), *self._all_rooms()]
        lines += [self._code(code) for code in self.original.codes]
        changes = list(self.rooms.changes())
        for room, names in self.peers.items():
            changes += names.changes(f" in {self.rooms.converted[room]}")
        return Switch(tuple(lines), tuple(changes))

    def _all_rooms(self) -> Iterator[Json]:
        status = {room.room: room for room in self.original.rooms}
        messages: dict[str, list[OriginalMessage]] = defaultdict(list)
        for message in self.original.messages:
            messages[message.room].append(message)
        for room, name in list(self.rooms.converted.items()):
            found = status.get(room)
            is_closed = found is not None and found.status == "closed"
            lines = list(self._messages(messages[room], is_closed=is_closed))
            line: Json = {"type": "room", "room": name}
            if lines:
                line["created"] = lines[0]["ts"]
            if found is not None and is_closed:
                last = lines[-1]["ts"] if lines else None
                line |= {
                    "status": "closed",
                    "closed_at": _time(found.closed_at) or last or _time("1970-01-01"),
                    "closed_by": _plain(found.closed_by or "", _NAME_CHARS) or OPERATOR,
                }
            yield line
            yield from lines

    def _messages(
        self, messages: Sequence[OriginalMessage], *, is_closed: bool
    ) -> Iterator[Json]:
        if not messages:
            return
        questions = self._open_questions(messages)
        holders = {(code.room, code.name) for code in self.original.codes}
        newest_ms = 0
        for message in messages:
            # An import takes only timestamps that never go back within a room.
            newest_ms = max(newest_ms, _milliseconds(message.ts))
            is_open = message.seq in questions
            is_held = (message.room, message.claimed_by) in holders
            is_leased = is_open and is_held and not is_closed
            yield {
                "type": "message",
                "room": self.rooms.converted[message.room],
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
        """Return the seqs of unanswered questions, by the rule of the original relay.

        Questions of peers without a code are not open: no peer awaits the answer.
        """
        waiting = UnansweredQuestions()
        holders = {(code.room, code.name) for code in self.original.codes}
        for message in messages:
            sender = self.peer(message.room, message.sender)
            kind, expects = self._kind(message), peer_key(self._expects(message))
            to = self._recipient(message)
            audience = None if to == EVERYONE else frozenset({peer_key(to)})
            waiting.answer(names_of_speaker(sender, kind), audience)
            is_question = expects not in {NOBODY, peer_key(sender)}
            if is_question and (message.room, message.sender) in holders:
                question = Question(message.seq, peer_key(sender), expects, audience)
                waiting.ask(question)
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
            "room": self.rooms.converted[code.room],
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
            "actor": _plain(_without_codes(self._new_name(row.room, row.actor))),
            "room": _plain(self.rooms.converted.get(row.room, row.room)),
            "detail": _plain(_without_codes(row.detail)),
        }

    def _new_name(self, room: str, name: str) -> str:
        names: Mapping[str, str] = (
            self.peers[room].converted if room in self.peers else {}
        )
        return names.get(name, name)


def _find_humans(original: Original) -> frozenset[tuple[str, str]]:
    """Return the senders that were the human operator, as (room, name).

    These are the senders named ``operator``, and those that posted through the
    dashboard and never held a code.
    """
    holders = {(code.room, code.name) for code in original.codes}
    holders |= {
        (row.room, row.detail if row.action == "invite" else row.actor)
        for row in original.audits
        if row.action in {"invite", "connect"}
    }
    posted = {(row.room, row.actor) for row in original.audits if row.action == "say"}
    named = {
        (each.room, each.sender)
        for each in original.messages
        if fold(each.sender) == OPERATOR
    }
    return frozenset((posted - holders) | named)


def _plain(text: str, most: int = _AUDIT_CHARS) -> str:
    """Return the printable characters of a text, truncated to what an import takes."""
    return "".join(each for each in text if each.isprintable())[:most]


def _without_codes(text: str) -> str:
    """Replace possible access codes by their key ids: a log must hold no secrets."""

    def handle(match: re.Match[str]) -> str:
        return key_id_of(hashlib.sha256(match[0].encode()).digest())

    return _CODE.sub(handle, text)


def _milliseconds(text: str) -> int:
    """Parse a time to ms since the epoch; 0 if it is malformed."""
    try:
        return max(0, parse_timestamp(text))
    except ValueError:
        return 0


def _time(text: str | None) -> str | None:
    return None if not text else format_timestamp(_milliseconds(text))
