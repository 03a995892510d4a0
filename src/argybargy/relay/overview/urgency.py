"""Mark the urgent questions of the inbox."""

from collections.abc import Callable

import attrs

from argybargy.domain.roster import Waiting


def marked(
    row: Waiting, known: Waiting | None, is_urgent: Callable[[str], bool]
) -> Waiting:
    """Return a row of the inbox that says whether it is urgent.

    Args:
        row: The row, not urgent so far.
        known: The row of the same question in the inbox before. The text of a question
            is searched once, not with each change of the inbox.
        is_urgent: Tells whether a text is urgent.
    """
    text = row.message.text
    if known is not None and known.message.text == text:
        mark = known.is_urgent
    else:
        mark = is_urgent(text)
    return attrs.evolve(row, is_urgent=True) if mark else row
