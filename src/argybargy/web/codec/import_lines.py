"""Validate the lines of an import by this relay's own rules, and convert them.

An error about a line never repeats its content.
"""

from typing import Final

from msgspec import UNSET

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.capabilities import MAX_STATED_CHARS, word_of_address
from argybargy.domain.choices import are_choices, choice_rule, choices_rule, is_choice
from argybargy.domain.instant import parse_timestamp
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.message import (
    EVENTS,
    Message,
    Resolution,
    ResolutionKind,
    SenderKind,
)
from argybargy.domain.names import (
    NAME_RULE,
    NOBODY,
    OPERATOR,
    RESERVED_PEER_NAMES,
    SYSTEM,
    is_name,
    is_peer_name,
    peer_key,
)
from argybargy.domain.room.commands import ImportedMessage
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import Audit
from argybargy.system.values import frozen
from argybargy.web.codec.export_lines import AuditLine, CodeLine, MessageLine, RoomLine
from argybargy.web.codec.posts import check_expects, check_text, take_addressees
from argybargy.web.codec.validation_errors import ValidationErrors

MOST_IMPORTED_SEQ: Final = 2**52
"""Largest seq of an imported message: half of all seqs, so that posts can follow."""
_DIGEST_BYTES: Final = 32
_NAME_CHARS: Final = 64
_REASON_CHARS: Final = 200
_AUDIT_CHARS: Final = 1_000
"""Longest field of an audit row; the original Argybargy allowed longer names."""


class InvalidLineError(ValueError):
    """A line is invalid; the text says why, without repeating the line."""


@frozen
class LineReader:
    """Converter from lines to values.

    Attributes:
        limits: Limits of this relay.
        latest_ms: Latest valid time; later ones are in the future.
    """

    limits: Limits
    latest_ms: int

    def room(self, line: RoomLine) -> tuple[RoomStatus, int | None]:
        """Return the status of a room, and its time of creation if known.

        Raises:
            InvalidLineError: The line is invalid.
        """
        name, created_ms = _room_name(line.room), self._past(line.created)
        if line.status == "open":
            return RoomStatus(name), created_ms
        closed_at_ms = self._past(line.closed_at)
        _check(closed_at_ms is not None, "'closed_at' is required for a closed room")
        _check_printable("closed_by", line.closed_by or "", _NAME_CHARS)
        return RoomStatus(name, closed_at_ms, line.closed_by), created_ms

    def message(self, line: MessageLine) -> ImportedMessage:
        """Return a message as it was on the other relay.

        Raises:
            InvalidLineError: The line is invalid.
        """
        _room_name(line.room)
        kind = SenderKind(line.from_kind)
        _check_numbers(line)
        _check_event(line, kind)
        _check_claim(line)
        message = Message(
            seq=line.seq,
            at_ms=self._past(line.ts) or 0,
            sender=_sender(line.from_, kind),
            kind=kind,
            to=self._addressees(line, kind),
            text=line.text,
            expects=line.expects_reply,
            reply_to=line.reply_to,
            event=line.event,
            claimed_by=line.claimed_by,
            is_claim_final=line.settled,
            resolution=None if line.is_open else self._resolution(line),
            choices=self._choices(line),
            choice=self._choice(line),
        )
        return ImportedMessage(
            message, is_open=line.is_open, is_leased=not line.settled
        )

    def _resolution(self, line: MessageLine) -> Resolution | None:
        end = line.resolution
        if end is None:
            return None
        is_known = end.by in {"", SYSTEM} or _is_person(end.by)
        _check(is_known, f"'resolution.by': {NAME_RULE}")
        is_later = end.seq is None or line.seq < end.seq <= MAX_SEQ
        _check(is_later, "'resolution.seq' is the number of a later message")
        _check_printable("resolution.reason", end.reason, _REASON_CHARS)
        at_ms = self._past(end.ts) or 0
        kind = ResolutionKind(end.kind)
        return Resolution(kind, end.by, at_ms, end.seq, end.reason)

    def _choices(self, line: MessageLine) -> tuple[str, ...]:
        choices = () if line.choices is UNSET else tuple(line.choices)
        is_right = not choices or are_choices(choices, self.limits)
        _check(is_right, f"'choices': {choices_rule(self.limits)}")
        is_right = not choices or peer_key(line.expects_reply) != NOBODY
        _check(is_right, "'choices' are valid on questions only")
        return choices

    def _choice(self, line: MessageLine) -> str | None:
        if line.choice is UNSET:
            return None
        is_right = is_choice(line.choice, self.limits)
        _check(is_right, f"'choice': {choice_rule(self.limits)}")
        _check(line.reply_to is not None, "'choice' is valid on replies only")
        return line.choice

    def _addressees(self, line: MessageLine, kind: SenderKind) -> tuple[str, ...]:
        """Validate a message like a post, and return its addressees."""
        limits, errors = self.limits, ValidationErrors()
        if kind is SenderKind.SYSTEM:  # a relay's own may be longer than posts
            _check(
                bool(line.text) and "\0" not in line.text,
                "'text' is required, without NUL characters",
            )
        else:
            check_text(errors, line.text, limits)
        addressees = take_addressees(
            errors, line.to, limits, limits.called_peers if _has_call(line) else 0
        )
        check_expects(errors, line.expects_reply)
        for field, problem in errors.found:
            raise InvalidLineError(f"'{field}': {problem}")
        return addressees

    def code(self, line: CodeLine) -> CodeRecord:
        """Return an access code.

        Raises:
            InvalidLineError: The line is invalid.
        """
        _check(is_peer_name(line.name), f"the name of a code: {NAME_RULE}")
        most = max(self.limits.capabilities_chars, MAX_STATED_CHARS)
        _check_printable("capabilities", line.capabilities, most)
        return CodeRecord(
            digest=_digest(line.digest),
            room=_room_name(line.room),
            name=line.name,
            capabilities=line.capabilities,
            created_ms=self._past(line.created) or 0,
            expires_ms=_parse_time(line.expires),
        )

    def audit(self, line: AuditLine) -> Audit:
        """Return a row of an audit log.

        Raises:
            InvalidLineError: The line is invalid.
        """
        _check(bool(line.key), "'key' is required")
        for field in ("key", "action", "actor", "room", "detail"):
            _check_printable(field, getattr(line, field), _AUDIT_CHARS)
        fields = (line.action, line.actor, line.room, line.detail)
        return Audit(self._past(line.ts) or 0, *fields, tally=line.key)

    def _past(self, text: str | None) -> int | None:
        at_ms = _parse_time(text)
        is_right = at_ms is None or at_ms <= self.latest_ms
        _check(is_right, "a time is in the future")
        return at_ms


def _check_numbers(line: MessageLine) -> None:
    is_right = 1 <= line.seq <= MOST_IMPORTED_SEQ <= MAX_SEQ
    _check(is_right, f"'seq' is a whole number from 1 to {MOST_IMPORTED_SEQ}")
    is_right = line.reply_to is None or 1 <= line.reply_to < line.seq
    _check(is_right, "'reply_to' is the number of an earlier message")


def _has_call(line: MessageLine) -> bool:
    return any(word_of_address(name) is not None for name in line.to)


def _check_event(line: MessageLine, kind: SenderKind) -> None:
    is_right = line.event is None or (
        line.event in EVENTS and kind is SenderKind.SYSTEM
    )
    _check(is_right, "'event' is one of a relay's own events")


def _check_claim(line: MessageLine) -> None:
    if line.claimed_by is None:
        return
    _check(_is_person(line.claimed_by), f"'claimed_by': {NAME_RULE}")
    is_right = line.settled or peer_key(line.expects_reply) != NOBODY
    _check(is_right, "'claimed_by' without 'settled' is valid on questions only")


def _sender(name: str, kind: SenderKind) -> str:
    match kind:
        case SenderKind.AGENT | SenderKind.PERSON:
            is_right = is_peer_name(name)
        case SenderKind.OPERATOR:
            is_right = _is_person(name)
        case SenderKind.SYSTEM:
            is_right = peer_key(name) == SYSTEM
    _check(is_right, f"'from' is not a valid sender; {NAME_RULE}")
    return name


def _is_person(name: str) -> bool:
    return is_name(name) and peer_key(name) not in RESERVED_PEER_NAMES - {OPERATOR}


def _room_name(name: str) -> str:
    _check(is_name(name), f"the name of a room: {NAME_RULE}")
    return name


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    _check(len(digest) == _DIGEST_BYTES, "'digest' is a SHA-256 in hex")
    return digest


def _parse_time(text: str | None) -> int | None:
    try:
        return None if text is None else parse_timestamp(text)
    except ValueError:
        raise InvalidLineError("a time is not in RFC 3339 format") from None


def _check_printable(field: str, text: str, most: int) -> None:
    is_right = len(text) <= most and text.isprintable()
    _check(is_right, f"'{field}': at most {most} printable characters")


def _check(is_right: bool, problem: str) -> None:
    if not is_right:
        raise InvalidLineError(problem)
