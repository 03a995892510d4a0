"""Choices: the answers that a question offers, and the one that a reply takes.

Two spellings of a choice are the same if they differ in case or in the form of their
characters only. A choice has no ``|``, which separates choices in the text form.
"""

import unicodedata
from collections.abc import Sequence
from typing import Final

from argybargy.domain.limits import Limits

LEAST_CHOICES: Final = 2
"""Least choices of a question that offers any."""


def fold_choice(choice: str) -> str:
    """Return the form in which two spellings of a choice are compared."""
    return unicodedata.normalize("NFKC", choice).casefold()


def is_choice(text: str, limits: Limits) -> bool:
    """Tell whether a text can be a choice."""
    return (
        1 <= len(text) <= limits.choice_chars
        and text.isprintable()
        and text == text.strip()
        and "|" not in text
    )


def are_choices(choices: Sequence[str], limits: Limits) -> bool:
    """Tell whether a question can offer these choices."""
    return (
        LEAST_CHOICES <= len(choices) <= limits.choices
        and all(is_choice(each, limits) for each in choices)
        and len({fold_choice(each) for each in choices}) == len(choices)
    )


def choices_rule(limits: Limits) -> str:
    """Return what a question can offer, for errors."""
    return (
        f"{LEAST_CHOICES} to {limits.choices} different choices: "
        f"each {choice_rule(limits)}"
    )


def choice_rule(limits: Limits) -> str:
    """Return what a choice can be, for errors."""
    return f"1 to {limits.choice_chars} printable characters on one line, without '|'"


def find_choice(offered: Sequence[str], wanted: str) -> str | None:
    """Return the offered choice that is wanted, as offered; ``None`` without one."""
    folded = fold_choice(wanted)
    return next((each for each in offered if fold_choice(each) == folded), None)


def text_with_choices(text: str, choices: Sequence[str], choice: str | None) -> str:
    """Return a text for searches: the text of a message, then its choices."""
    lines = [text]
    if choices:
        lines.append(" | ".join(choices))
    if choice is not None and choice != text:
        lines.append(choice)
    return "\n".join(lines)
