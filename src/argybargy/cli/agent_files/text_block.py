"""Put a block between two marks into a text file, and take it out again. Pure.

The rest of the file stays as it is, line endings included. The last line of a file
without a line feed at its end gets one while the block is there.
"""

from typing import Final

from argybargy.system.values import frozen

_BYTE_ORDER_MARK: Final = "\ufeff"


@frozen
class Marks:
    """The first and the last line of a block.

    Attributes:
        begin: The first line.
        end: The last line.
    """

    begin: str
    end: str

    @classmethod
    def comment(cls, name: str, opening: str, closing: str = "") -> "Marks":
        """Return marks that are comments of a language.

        Args:
            name: Name of the block.
            opening: Beginning of a comment, such as ``<!--``.
            closing: End of a comment, such as ``-->``.
        """
        made = f"{opening} argybargy {name}: made by 'argybargy connect' {closing}"
        return cls(made.rstrip(), f"{opening} argybargy {name}: end {closing}".rstrip())


def insert_block(text: str, marks: Marks, block: str) -> tuple[str, str]:
    """Append a block to a text that has none of its name.

    Args:
        text: The text.
        marks: The marks of the block.
        block: Its lines.

    Returns:
        The new text, and the part of it that was inserted.

    Raises:
        ValueError: One of the marks is in the text.
    """
    if marks.begin in text or marks.end in text:
        raise ValueError("it has a block of that name")
    end = line_end(text)
    whole = f"{marks.begin}\n{block.strip()}\n{marks.end}\n".replace("\n", end)
    inserted = _distance(text, end) + whole
    return text + inserted, inserted


def take_out_block(text: str, marks: Marks, inserted: str) -> str:
    """Take a block out of a text.

    Args:
        text: The text.
        marks: The marks of the block.
        inserted: The part that was inserted; if somebody has changed it since, all
            between the marks goes.

    Raises:
        ValueError: The marks are incomplete.
    """
    if inserted and text.count(inserted) == 1:
        return text.replace(inserted, "")
    counts = text.count(marks.begin), text.count(marks.end)
    if counts == (0, 0):
        return text
    before, _, rest = text.partition(marks.begin)
    _, found, after = rest.partition(marks.end)
    if counts != (1, 1) or not found:
        raise ValueError("the marks of its block are incomplete")
    return before + after.removeprefix("\r").removeprefix("\n")


def line_end(text: str) -> str:
    """Return the line ending of most lines."""
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"


def _distance(text: str, end: str) -> str:
    """Return the line endings for an empty line between a text and our block."""
    if not text.strip().removeprefix(_BYTE_ORDER_MARK):
        return ""
    if text.endswith(2 * end):
        return ""
    return end if text.endswith("\n") else 2 * end
