"""Render help as plain text, wrapped to the terminal width."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from argybargy.cli.terminal.formatting import wrapped

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions, RenderableType

_INDENT: Final = "  "
_HANGING: Final = "      "
_UNBROKEN: Final = 10_000
_LEFT_OUT: Final = "may be left out"
_EXAMPLE: Final = "Example:"


def usage(name: str, verb: Callable[..., int], positional: str | None = None) -> str:
    """Return the usage line of a command, with its positional arguments by name.

    Args:
        name: Name of the command.
        verb: Function of the command.
        positional: Its positional arguments, if those of the function do not show
            which may be left out.
    """
    words, options = ["argybargy", name], "[OPTIONS]"
    for each in inspect.signature(verb).parameters.values():
        shown = each.name.rstrip("_").upper()
        if each.kind is each.VAR_POSITIONAL:
            words.append(f"[{shown}...]")
        elif each.kind is each.POSITIONAL_OR_KEYWORD:
            words.append(shown if each.default is each.empty else f"[{shown}]")
        elif each.default is each.empty:
            options = f"--{each.name} STR {options}"
    shown_words = words[2:] if positional is None else [positional]
    return " ".join([*words[:2], options, *shown_words])


class HelpFormatter:
    """Render help as paragraphs and indented entries, wrapped to the width."""

    def render_usage(
        self,
        console: "Console",
        options: "ConsoleOptions",
        text: "RenderableType | None",
    ) -> None:
        """Print the usage line."""
        _print(console, f"Usage: {_plain(console, options, text)}\n")

    def render_description(
        self,
        console: "Console",
        options: "ConsoleOptions",
        text: "RenderableType | None",
    ) -> None:
        """Print the description; an example stays on one line, to be copied."""
        for paragraph in _plain(console, options, text).split("\n\n"):
            is_example = paragraph.startswith(_EXAMPLE)
            shown = paragraph if is_example else wrapped(paragraph, options.max_width)
            if shown:
                _print(console, f"{shown}\n")

    def __call__(
        self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel"
    ) -> None:
        """Print the entries of one heading."""
        if not panel.entries:
            return
        _print(console, f"{_plain(console, options, panel.title)}:")
        for entry in panel.entries:
            text = _entry(console, options, entry)
            _print(console, wrapped(text, options.max_width, _INDENT, _HANGING))
        _print(console, "")


def _entry(console: "Console", options: "ConsoleOptions", entry: "HelpEntry") -> str:
    labels = entry.display_labels_with_metavar or entry.display_labels
    facts = [_plain(console, options, entry.description)]
    if entry.choices:
        facts.append(f"[choices: {', '.join(entry.choices)}]")
    if entry.default is not None:
        facts.append(f"[default: {entry.default}]")
    # The first words of a command may stand for the later ones: ROOM SEQ, or SEQ alone.
    if entry.required and _LEFT_OUT not in facts[0]:
        facts.append("[required]")
    return f"{', '.join(labels)}: {' '.join(filter(None, facts))}"


def _plain(
    console: "Console", options: "ConsoleOptions", text: "RenderableType | None"
) -> str:
    """Return the text of anything Rich can render, with its own line breaks."""
    if text is None:
        return ""
    segments = console.render(text, options.update(width=_UNBROKEN))
    return "".join(each.text for each in segments).strip()


def _print(console: "Console", text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
