"""Messages for a person at a terminal: a headline, and the text below it."""

from collections.abc import Callable, Iterator
from typing import Final

import attrs

from argybargy.cli.commands.message_line import (
    Said,
    message_spans,
    question_words,
    you,
)
from argybargy.cli.environment import Environment
from argybargy.cli.terminal.columns import columns_of
from argybargy.cli.terminal.escape import escape
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.markdown import markdown_lines, wrap_line
from argybargy.cli.terminal.name_colours import MARKS, NameColours
from argybargy.cli.terminal.output import Output, Span, Style
from argybargy.domain.message import SenderKind
from argybargy.domain.names import EVERYONE, OPERATOR
from argybargy.system.values import define

_INDENT: Final = "    "
_MOST_NAMES: Final = 4
_USUAL_COLUMNS: Final = 80
_UNCOLOURED: Final = frozenset({OPERATOR, EVERYONE})

Line = tuple[Span, ...]


@define
class MessagePrinter:
    """Prints messages, as blocks on a terminal and as lines into a pipe.

    The mutable state is the colours of the names shown so far, and whether a message
    was printed, since an empty line goes before the next one.

    Attributes:
        out: The output.
        times: Formats timestamps.
        columns: Returns the present width of the terminal; ``None`` without one.
        is_oneline: Whether each message is one line.
        has_room: Whether the headline names the room.
    """

    out: Output
    times: LocalTimes
    columns: Callable[[], int | None]
    is_oneline: bool
    has_room: bool = False
    _colours: NameColours = attrs.field(factory=NameColours)
    _has_printed: bool = False

    @classmethod
    def of(
        cls, env: Environment, oneline: bool | None, *, has_room: bool = False
    ) -> "MessagePrinter":
        """Return the printer of a command.

        Args:
            env: Environment of the command.
            oneline: ``--oneline`` or ``--no-oneline``; without either, a terminal gets
                blocks, and anything else lines.
            has_room: Whether the messages are of several rooms.
        """
        is_oneline = env.output.columns is None if oneline is None else oneline
        machine = env.machine
        return cls(env.output, machine.times, machine.columns, is_oneline, has_room)

    def write(self, said: Said) -> None:
        """Print a message."""
        if self.is_oneline:
            self.out.write_spans(*message_spans(said, self.times))
            return
        if self._has_printed:
            self.out.write("")
        self._has_printed = True
        for line in self.lines(said):
            self.out.write_spans(*line)

    def lines(self, said: Said) -> Iterator[Line]:
        """Yield the lines of a message, as a block."""
        columns = self.columns() or _USUAL_COLUMNS
        yield from self._headline(said, columns)
        width = columns - len(_INDENT)
        for line in markdown_lines(said.text, width):
            style = Style.DIM if line.is_fence else Style.PLAIN
            yield (Span(f"{_INDENT}{line.text}".rstrip(), style),)
        if said.choices:
            offer = f"Choices: {escape(' | '.join(said.choices))}"
            for text in wrap_line(offer, width, "  "):
                yield (Span(f"{_INDENT}{text}", colour=MARKS),)
        if said.choice and said.choice != said.text:
            yield (Span(f"{_INDENT}Choice: {escape(said.choice)}", colour=MARKS),)

    def _headline(self, said: Said, columns: int) -> Iterator[Line]:
        room = f"{said.room} " if self.has_room else ""
        head = f"{room}#{said.seq}  {self.times.show(said.ts)}  "
        spans = [Span(escape(head), Style.DIM), self._name(said.sender, said.kind)]
        for place, span in enumerate(self._addressees(said)):
            spans += [Span(", " if place else " → "), span]
        marks = question_words(said)
        if said.reply_to is not None:
            marks.append(f"re #{said.reply_to}")
        text = escape(" · ".join(marks))
        taken = sum(columns_of(span.text) for span in spans)
        if not text:
            yield tuple(spans)
        elif taken + 2 + columns_of(text) <= columns:
            yield (*spans, Span(f"  {text}", colour=MARKS))
        else:
            yield tuple(spans)
            for part in wrap_line(text, columns - len(_INDENT)):
                yield (Span(f"{_INDENT}{part}", colour=MARKS),)

    def _addressees(self, said: Said) -> Iterator[Span]:
        for name in said.to[:_MOST_NAMES]:
            yield self._name(name)
        if len(said.to) > _MOST_NAMES:
            yield Span(f"{len(said.to) - _MOST_NAMES} more")

    def _name(self, name: str, kind: str = "") -> Span:
        text = escape(you(name))
        if name in _UNCOLOURED or kind == SenderKind.OPERATOR.value:
            return Span(text, Style.BOLD if kind else Style.PLAIN)
        if kind == SenderKind.SYSTEM.value:
            return Span(text, Style.DIM)
        style = Style.BOLD if kind else Style.PLAIN
        return Span(text, style, self._colours.colour(name))
