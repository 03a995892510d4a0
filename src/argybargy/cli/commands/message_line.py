"""A message as one line of text, for ``watch``, ``history`` and ``search``."""

from typing import Final, Self

import attrs

from argybargy.cli.client.answers import read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.terminal.escape import escape
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Span, Style
from argybargy.domain.names import NOBODY, OPERATOR
from argybargy.system.values import frozen

ENDED: Final = frozenset({"answered", "withdrawn"})
"""States of a question that has ended."""
_YOU: Final = "you"
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


@frozen
class Said:
    """Message as the operator reads it.

    Attributes:
        room: Room of the message.
        ts: Timestamp, as the relay wrote it.
        to: Recipients.
        expects: Who should answer: ``none``, ``anyone`` or a name.
        claimed_by: Holder of the claim, if there is one.
        row: The decoded JSON, for ``--json``.
        choices: Answers that the question offers.
        choice: Offered answer that this reply takes.
        kind: Kind of the sender: ``agent``, ``operator``, ``person`` or ``system``.
        state: State of the question: open, claimed, answered or withdrawn, by whom, and
            where; empty if the relay does not tell.
    """

    room: str
    seq: int
    ts: str
    sender: str
    to: tuple[str, ...]
    text: str
    expects: str
    claimed_by: str | None
    reply_to: int | None
    row: Json = attrs.field(repr=False)
    choices: tuple[str, ...] = ()
    choice: str = ""
    kind: str = ""
    state: Json = attrs.field(factory=dict)

    @classmethod
    def read(cls, row: object, room: str) -> Self:
        """Read a message from an answer.

        Args:
            row: Decoded JSON of the message.
            room: Room of the message, if the row does not name one.

        Raises:
            CliError: The row is not a message.
        """
        seen = read_row(_Message, row)
        assert isinstance(row, dict), "read_row rejects anything else"
        where = str(row.get("room") or room)
        return cls(
            room=where,
            seq=seen.seq,
            ts=seen.ts,
            sender=str(row.get("from", "")),
            to=(seen.to,) if isinstance(seen.to, str) else tuple(seen.to),
            text=seen.text,
            expects=seen.expects_reply,
            claimed_by=seen.claimed_by,
            reply_to=seen.reply_to,
            row={**row, "room": where},
            choices=_choices(row.get("choices")),
            choice=str(row.get("choice") or ""),
            kind=str(row.get("from_kind", "")),
            state=state if isinstance(state := row.get("question"), dict) else {},
        )


def _choices(listed: object) -> tuple[str, ...]:
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


@frozen
class _Message:
    seq: int
    ts: str
    to: str | list[str]
    text: str
    expects_reply: str
    claimed_by: str | None
    reply_to: int | None


def message_spans(said: Said, times: LocalTimes) -> tuple[Span, ...]:
    """Return a message as one line, with control characters escaped.

    Args:
        said: The message.
        times: Formats the timestamp.
    """
    head = f"#{said.room} {said.seq} {times.show(said.ts)} "
    marks = ", ".join(_marks(said))
    to = ", ".join(map(you, said.to))
    return (
        Span(escape(head), Style.DIM),
        Span(escape(you(said.sender)), Style.BOLD),
        Span(escape(f" → {to}  ")),
        Span(escape(f"[{marks}]  ") if marks else "", Style.YELLOW),
        Span(escape(said.text)),
    )


def _marks(said: Said) -> list[str]:
    marks = question_words(said, "")
    if marks and said.choices:
        marks[0] += f" ({' | '.join(said.choices)})"
    if said.reply_to is not None:
        marks.append(f"re {said.reply_to}")
    return marks


def question_words(said: Said, number: str = "#") -> list[str]:
    """Return the question of a message in words, such as ``asks you``, and its state.

    Args:
        said: The message; one that asks nobody gives no words.
        number: Mark before a message number.
    """
    if said.expects == NOBODY:
        return []
    asks, state = f"asks {you(said.expects)}", said.state
    match state.get("state"):
        case "answered" | "withdrawn" as ended:
            by, seq = state.get("by"), state.get("seq")
            reason = state.get("reason")
            words = (
                ended,
                f"by {you(str(by))}" if by else "",
                f"in {number}{seq}" if seq else "",
            )
            end = " ".join(filter(None, words)) + (f": {reason}" if reason else "")
            return [f"asked {you(said.expects)}", end]
        case "open":
            return [asks]
    # Claimed; older relays send the holder of the claim and no state.
    holder = said.claimed_by or state.get("by")
    return [asks] if holder is None else [asks, f"claimed by {you(str(holder))}"]


def you(name: str) -> str:
    """Return a name as the operator reads it: its own is ``you``."""
    return _YOU if name == OPERATOR else name


def age(seconds: float | None) -> str:
    """Return a duration in its largest unit, such as ``5m``; ``-`` for ``None``."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    for unit, size in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE)):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"
