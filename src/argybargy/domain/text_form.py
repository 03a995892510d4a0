r"""Render messages as plain text for language models, and parse them back.

One message a line, for readers that pay for every token::

    #ROOM NUMBER SENDER[>NAME,...] [asks NAME [(STATE)]] [re NUMBER] [(AGE ago)]: TEXT
    | a further line of the text
    ? first choice | second choice
    = the choice that a reply takes

Rules for editing this file:

1. Every further line of a text begins with ``| ``, and nothing else does. So no text
   can begin a line that looks like a message, a choice or a note of the relay.
2. The header holds names and numbers only, so it ends at the first colon that no
   parenthesis encloses; everything after it is text.
3. A character that ends a line or steers a terminal, other than the line feed, is
   written ``\u{HEX}``; so is a backslash that stands before ``u{``. That makes the form
   reversible: ``parse_messages`` returns what ``render_message`` was given.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from argybargy.domain.message import SenderKind
from argybargy.domain.names import NOBODY, OPERATOR, SYSTEM, fold
from argybargy.system.values import frozen

YOU: Final = "you"
"""The reader's own name in a header; no agent may be called so."""

SHOWN_AGE_SECONDS: Final = 120
"""A younger message is shown without its age."""

_LINE_BREAKING: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI_CONTROLS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
_ESCAPED: Final = re.compile(r"\\u\{([0-9a-f]{1,6})\}")
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_ADDRESS: Final = rf"(?:can:)?{_NAME}"
_HEADER: Final = re.compile(
    rf"(?:\#(?P<room>{_NAME})\ )?(?P<seq>[0-9]+)"
    rf"\ (?:(?P<kind>operator|person|system)/)?(?P<sender>{_NAME})"
    rf"(?:>(?P<to>{_ADDRESS}(?:,{_ADDRESS})*))?"
    rf"(?:\ asks\ (?P<asks>{_ADDRESS})"
    rf"(?:\ \((?:taken:\ (?P<holder>{_NAME})"
    rf"|(?P<answered>answered)(?::\ (?P<answer>[0-9]+))?"
    rf"|(?P<withdrawn>withdrawn))\))?)?"
    rf"(?:\ re\ (?P<reply_to>[0-9]+))?"
    rf"(?:\ \((?P<age>[0-9]+[smhd])\ ago\))?"
    rf":\ (?P<text>.*)",
    re.VERBOSE,
)


@frozen
class TextMessage:
    """A message as the text form shows it.

    Attributes:
        seq: Its number in the room.
        sender: The name of the sender.
        text: The text, any Unicode without lone surrogates.
        to: Names of the addressees; empty for everybody.
        kind: The kind of sender.
        asks: Who is asked for an answer: ``none``, ``anyone``, a name or ``can:WORD``.
        holder: Who holds the claim on the question.
        is_answered: Whether the question was answered.
        answered_by: The seq of the answer, if known.
        is_withdrawn: Whether the question was taken back.
        reply_to: The seq of the message that this one answers.
        choices: The answers that a question offers.
        choice: The offered answer that a reply takes.
        room: The room, for readers of several rooms.
        age: Its age in one unit, such as ``14m``; empty if young.
    """

    seq: int
    sender: str
    text: str
    to: tuple[str, ...] = ()
    kind: SenderKind = SenderKind.AGENT
    asks: str = NOBODY
    holder: str | None = None
    is_answered: bool = False
    answered_by: int | None = None
    is_withdrawn: bool = False
    reply_to: int | None = None
    choices: tuple[str, ...] = ()
    choice: str | None = None
    room: str | None = None
    age: str = ""


def render_message(message: TextMessage, reader: str = "") -> str:
    """Render a message as one or more lines, without a line feed at the end.

    Args:
        message: The message.
        reader: The name of the reader, which is shown as ``you``.
    """
    first, *further = escape_text(message.text).split("\n")
    lines = [f"{_header(message, reader)}: {first}"]
    lines += [f"| {line}" for line in further]
    if message.choices:
        lines.append("? " + " | ".join(message.choices))
    if message.choice is not None:
        lines.append(f"= {message.choice}")
    return "\n".join(lines)


def _header(message: TextMessage, reader: str) -> str:
    room = f"#{message.room} " if message.room else ""
    to = ",".join(_as_seen(name, reader) for name in message.to)
    asks = "" if message.asks == NOBODY else f" asks {_as_seen(message.asks, reader)}"
    reply = "" if message.reply_to is None else f" re {message.reply_to}"
    age = f" ({message.age} ago)" if message.age else ""
    return (
        f"{room}{message.seq} {_sender(message)}{to and '>' + to}"
        f"{asks}{_state(message)}{reply}{age}"
    )


def _sender(message: TextMessage) -> str:
    """Return the sender, marked where the name alone would pass for an agent's."""
    reserved = {SenderKind.OPERATOR: OPERATOR, SenderKind.SYSTEM: SYSTEM}
    if message.kind is SenderKind.AGENT or message.sender == reserved.get(message.kind):
        return message.sender
    return f"{message.kind.value}/{message.sender}"


def _state(message: TextMessage) -> str:
    if message.asks == NOBODY:
        return ""
    if message.is_withdrawn:
        return " (withdrawn)"
    if message.answered_by is not None:
        return f" (answered: {message.answered_by})"
    if message.is_answered:
        return " (answered)"
    return f" (taken: {message.holder})" if message.holder else ""


def _as_seen(name: str, reader: str) -> str:
    return YOU if reader and fold(name) == fold(reader) else name


def render_age(seconds: float) -> str:
    """Return an age in its largest whole unit, or nothing below two minutes."""
    if seconds <= SHOWN_AGE_SECONDS:
        return ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    raise AssertionError(seconds)


def escape_text(text: str) -> str:
    r"""Write characters that break lines or steer a terminal as ``\u{HEX}``."""
    if "\\u{" in text:
        text = text.replace("\\u{", "\\u{5c}u{")
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_escape_character, text))


def _escape_character(character: str) -> str:
    if character in "\n\t" or character.isprintable():
        return character
    if character in _BIDI_CONTROLS or unicodedata.category(character) in _LINE_BREAKING:
        return f"\\u{{{ord(character):x}}}"
    return character


def unescape_text(text: str) -> str:
    """Return the text that :func:`escape_text` was given."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def parse_messages(lines: str, reader: str = "") -> list[TextMessage]:
    """Parse rendered messages; lines of other kinds are passed over.

    Args:
        lines: Messages, separated by line feeds.
        reader: The name that ``you`` stands for.
    """
    return [_parse(group, reader) for group in _groups(lines)]


def _groups(lines: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    """Yield each header with the lines that continue its message."""
    header: re.Match[str] | None = None
    further: list[str] = []
    for line in lines.split("\n"):
        if line[:2] in ("| ", "? ", "= "):
            further.append(line)
            continue
        if header is not None:
            yield header, further
        header, further = _HEADER.fullmatch(line), []
    if header is not None:
        yield header, further


def _parse(group: tuple[re.Match[str], list[str]], reader: str) -> TextMessage:
    header, further = group
    texts = [header["text"], *(line[2:] for line in further if line[0] == "|")]
    choices = next((line[2:] for line in further if line[0] == "?"), "")
    sender, asks = header["sender"], header["asks"] or NOBODY
    to = header["to"].split(",") if header["to"] else ()
    return TextMessage(
        seq=int(header["seq"]),
        sender=sender,
        text=unescape_text("\n".join(texts)),
        to=tuple(_as_named(name, reader) for name in to),
        kind=_kind(header["kind"], sender),
        asks=_as_named(asks, reader),
        holder=header["holder"],
        is_answered=header["answered"] is not None,
        answered_by=_number(header["answer"]),
        is_withdrawn=header["withdrawn"] is not None,
        reply_to=_number(header["reply_to"]),
        choices=tuple(choices.split(" | ")) if choices else (),
        choice=next((line[2:] for line in further if line[0] == "="), None),
        room=header["room"],
        age=header["age"] or "",
    )


def _kind(marked: str | None, sender: str) -> SenderKind:
    if marked is None and sender in (OPERATOR, SYSTEM):
        marked = sender
    return SenderKind.AGENT if marked is None else SenderKind(marked)


def _as_named(name: str, reader: str) -> str:
    return reader if reader and name == YOU else name


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)
