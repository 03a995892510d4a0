"""What is looked for: the grammar of a search, what it finds, and how that is shown.

Words must all be there, in any order, and the last one may be the beginning of a
word, if it has two letters. ``"Words in quotes"`` stand together; ``-word`` must not
be there. Besides: ``from:`` and ``to:`` a name, ``room:`` a room, ``is:open``,
``before:`` a day or a time. Everything else is words, whatever it looks like: no input
is a mistake but one that says nothing, says one thing twice, or has too many words.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import attrs

from argybargy.domain.addressing import names_of_speaker
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message, Question
from argybargy.domain.names import (
    ANYONE,
    NAME_RULE,
    PeerKey,
    RoomKey,
    is_name,
    peer_key,
    room_key,
)
from argybargy.domain.search.snippet import Snippet
from argybargy.domain.search.tokens import Term, line_of

FIELD: Final = "q"
"""What a search is called where it is refused."""

_PIECE: Final = re.compile(
    r"(?P<key>from|to|room|is|before):(?P<value>\"[^\"]*\"?|\S*)"
    r"|(?P<minus>-(?=[^\s-]))?(?:\"(?P<term>[^\"]*)\"?|(?P<word>[^\s\"]+))",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_TIME_RULE: Final = "before: takes a day or a time: 2026-01-31, 2026-01-31T12:00Z"
TOO_WIDE: Final = (
    "too many words begin like the last one: write more of it, or put it in quotes"
)
"""What is said of `Findings` that are too wide."""
_NOTHING: Final = "say at least one word to look for, or from:, to:, is: or before:"


@attrs.frozen
class Query:
    """What is looked for; every part that is given must fit.

    Attributes:
        terms: What the text must hold.
        excluded: What it must not.
        sender: Who must have said it, folded.
        addressee: Whom it must have been said to by name, folded.
        room: Where, folded. Whoever searches in one room sees to it.
        before_ms: When it must have been said before.
        is_open: Whether it must be a question that nobody has answered.
    """

    terms: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()
    sender: PeerKey | None = None
    addressee: PeerKey | None = None
    room: RoomKey | None = None
    before_ms: int | None = None
    is_open: bool = False

    def fits(self, message: Message) -> bool:
        """Tell whether a message is looked for, openness and room left aside."""
        if not self._fits_around(message):
            return False
        line = line_of(message.text)
        return all(term.line in line for term in self.terms) and not any(
            term.line in line for term in self.excluded
        )

    def _fits_around(self, message: Message) -> bool:
        names = names_of_speaker(message.sender, message.kind)
        return (
            (self.sender is None or self.sender in names)
            and (self.addressee is None or self.addressee in message.addressee_keys)
            and (self.before_ms is None or message.at_ms < self.before_ms)
        )


@attrs.frozen
class Scope:
    """Where somebody may look.

    Attributes:
        room: The one room, in any spelling; ``None`` is all of them.
        reader: The folded name of the peer; ``None`` is the operator, who sees all.
    """

    room: str | None = None
    reader: PeerKey | None = None


@attrs.frozen
class Found:
    """A message that was looked for.

    Attributes:
        room: The name of its room.
        message: What was said.
        place: Where it stands: its seq when one room was searched, else its number
            among the messages of all rooms. Larger is newer.
        excerpt: A line out of it that shows why it was found.
    """

    room: str
    message: Message
    place: int
    excerpt: Snippet


@attrs.frozen
class Findings:
    """What a search came to.

    Attributes:
        found: Newest first; only what the reader may see.
        has_more: Whether there are older ones that the reader may see.
        is_too_wide: Whether so many words begin as the last one does that the store
            did not look: not a matter of what the reader may not see.
    """

    found: tuple[Found, ...] = ()
    has_more: bool = False
    is_too_wide: bool = False


def is_open_to(
    message: Message, question: Question | None, reader: PeerKey | None
) -> bool:
    """Tell whether a reader may know a question for open.

    Speaking to anybody at all answers what was asked of everybody, and what was said
    in private is nobody's business. So an agent is told of the questions that it asked
    or was asked by name, and of others only what a try to claim them would tell.

    Args:
        message: One that the reader may see.
        question: The same, if nobody has answered it.
        reader: The folded name of the peer; ``None`` is the operator.
    """
    if reader is None or reader in {message.sender_key, peer_key(message.expects)}:
        return question is not None
    return message.expects == ANYONE and not message.is_claim_final


# -- reading a search --------------------------------------------------------------


def parse_search(text: str, limits: Limits) -> Query:
    """Read what somebody looks for.

    Raises:
        RelayError: ``invalid_request``: it is too long, has too many words, says
            nothing, or a filter does not make sense.
    """
    if len(text) > limits.search_chars:
        raise _refused(f"at most {limits.search_chars} characters")
    pieces = list(_PIECE.finditer(text))
    said = [piece for piece in pieces if piece["key"] is None]
    filters = _read_filters([piece for piece in pieces if piece["key"] is not None])
    query = attrs.evolve(
        filters,
        terms=_phrases(said, is_wanted=True),
        excluded=_phrases(said, is_wanted=False),
    )
    if len(query.terms) + len(query.excluded) > limits.search_phrases:
        raise _refused(
            f"at most {limits.search_phrases} different words; put words in quotes "
            "to find them next to each other: that counts as one"
        )
    if query == Query(excluded=query.excluded, room=query.room):
        raise _refused(_NOTHING)
    return query


def _refused(problem: str) -> RelayError:
    return RelayError.invalid(FIELD, problem)


def _phrases(pieces: Sequence[re.Match[str]], *, is_wanted: bool) -> tuple[Term, ...]:
    """Return what is said that is wanted, or excluded: equal ones once."""
    mine = [piece for piece in pieces if (piece["minus"] is None) == is_wanted]
    terms = [
        Term.of(
            piece["word"] or piece["term"],
            is_prefix=is_wanted and piece is pieces[-1] and piece["word"] is not None,
        )
        for piece in mine
    ]
    return tuple(dict.fromkeys(term for term in terms if term is not None))


def _read_filters(pieces: Sequence[re.Match[str]]) -> Query:
    values: dict[str, str] = {}
    for piece in pieces:
        key = piece["key"].lower()
        if key in values:
            raise _refused(f"say {key}: once")
        values[key] = piece["value"].strip('"')
    before = values.get("before")
    sender, addressee = _name(values, "from"), _name(values, "to")
    room = _name(values, "room")
    return Query(
        sender=None if sender is None else peer_key(sender),
        addressee=None if addressee is None else peer_key(addressee),
        room=None if room is None else room_key(room),
        before_ms=None if before is None else _time_ms(before),
        is_open=_is_open(values.get("is")),
    )


def _name(values: dict[str, str], filter_name: str) -> str | None:
    name = values.get(filter_name)
    if name is None:
        return None
    if not is_name(name):
        raise _refused(f"{filter_name}: takes a name; {NAME_RULE}")
    return name


def _is_open(value: str | None) -> bool:
    if value is not None and value.lower() != "open":
        raise _refused("is: takes 'open', for questions that nobody has answered")
    return value is not None


def _time_ms(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise _refused(_TIME_RULE)
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise _refused(_TIME_RULE) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
