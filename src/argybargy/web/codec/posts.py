"""Decode posts, from JSON or from plain text, and validate their fields."""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET, UnsetType

from argybargy.domain.capabilities import word_of_address
from argybargy.domain.choices import are_choices, choice_rule, choices_rule, is_choice
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.message import TO_ALL
from argybargy.domain.names import (
    ANYONE,
    EVERYONE,
    NAME_RULE,
    NOBODY,
    OPERATOR,
    PeerKey,
    is_name,
    peer_key,
)
from argybargy.domain.text_form import YOU
from argybargy.relay.api.posting import PostDraft
from argybargy.web.codec.bodies import PostRequest
from argybargy.web.codec.decode import (
    NEVER_GIVEN,
    idempotency_key,
    parse_query,
    parse_seq,
    read_json,
    without_bom,
)
from argybargy.web.codec.validation_errors import ValidationErrors, missing_field
from argybargy.web.ignored import NONE_IGNORED, Ignored
from argybargy.web.request import Request

_PLAIN_FIELDS: Final = frozenset(
    {"to", "expects_reply", "reply_to", "choices", "choice"}
)
_FORMAT_FIELD: Final = "format"
_ROOM_FIELD: Final = "room"
_NEVER_ADDRESSED: Final = NEVER_GIVEN - {OPERATOR}
_NEVER_ASKED: Final = frozenset({EVERYONE, "system", "admin", YOU})
_CALL_RULE: Final = "name the same 'can:<word>' in 'to' as well"


async def decode_post(request: Request, limits: Limits) -> tuple[PostDraft, Ignored]:
    """Decode a post, from JSON or from plain text with a query.

    Raises:
        RelayError: As :func:`~argybargy.web.codec.decode.read_json`.
    """
    key = idempotency_key(request, limits)
    if request.media_type == "text/plain":
        body, ignored = await read_plain_post(request)
    else:
        check_no_query(request)
        body, ignored = await read_json(request, PostRequest)
    return draft_of(body, limits, key=key, ignored=ignored), ignored


def check_no_query(request: Request) -> None:
    """Reject fields of a plain-text post in the query of a JSON post.

    They would be ignored, and ignoring ``to`` would send a private message to all.

    Raises:
        RelayError: ``invalid_request``.
    """
    errors = ValidationErrors()
    for field in _PLAIN_FIELDS & parse_query(request).keys():
        errors.add(field, "belongs in the JSON body, not in the query")
    errors.raise_any()


async def read_plain_post(
    request: Request, *also_known: str
) -> tuple[PostRequest, Ignored]:
    """Read a post whose body is the text, and whose other fields are in the query.

    Args:
        request: The request.
        also_known: Further fields of the query that the endpoint reads.

    Returns:
        The post, and the unknown fields.

    Raises:
        RelayError: ``invalid_request`` or ``body_too_large``.
    """
    fields = parse_query(request)
    raw = await request.read_body()
    try:
        text = without_bom(raw).decode()
    except UnicodeDecodeError:
        raise RelayError.invalid("text", "this is not UTF-8") from None
    reply_to = fields.get("reply_to", [""])[-1]
    body = PostRequest(
        text=text,
        to=_listed(fields.get("to", ["all"])),
        expects_reply=fields.get("expects_reply", [None])[-1],
        reply_to=parse_seq("reply_to", reply_to) if reply_to else None,
        choices=_listed(fields.get("choices", ())),
        choice=fields.get("choice", [None])[-1],
    )
    known = _PLAIN_FIELDS | {_FORMAT_FIELD, _ROOM_FIELD}
    return body, Ignored.of(fields, {*known, *also_known})


def _listed(values: Sequence[str]) -> list[str]:
    """Return all values of a query field: repeated, separated by commas, or both."""
    return [each for value in values for each in value.split(",")]


def draft_of(
    body: PostRequest,
    limits: Limits,
    *,
    key: str | None = None,
    ignored: Ignored = NONE_IGNORED,
) -> PostDraft:
    """Validate the fields of a post, by an agent or by the operator.

    Args:
        body: The post.
        limits: The limits of the relay.
        key: Its idempotency key.
        ignored: The unknown fields that were sent, for the text of an error.

    Raises:
        RelayError: ``invalid_request``, naming every invalid field.
    """
    errors = ValidationErrors()
    choice = take_choice(errors, body.choice, limits)
    has_choice = choice is not None
    text = _take_text(errors, body.text, limits, ignored, has_choice=has_choice)
    addressees = take_addressees(errors, body.to, limits)
    expects = (body.expects_reply or "").strip() or None
    if expects is not None:
        expects = normal_address(expects)
        check_expects(errors, expects)
        is_wrong = word_of_address(expects) is not None and expects not in addressees
        errors.check("expects_reply", _CALL_RULE, is_wrong=is_wrong)
    if body.reply_to is not None:
        is_wrong = not 1 <= body.reply_to <= MAX_SEQ
        errors.check("reply_to", "the number of a message", is_wrong=is_wrong)
    choices = tuple(each.strip() for each in body.choices)
    is_wrong = bool(choices) and not are_choices(choices, limits)
    errors.check("choices", choices_rule(limits), is_wrong=is_wrong)
    errors.raise_any()
    return PostDraft(
        text,
        addressees,
        expects,
        body.reply_to,
        key,
        choices=choices,
        choice=choice,
        room=body.room,
    )


def take_choice(
    errors: ValidationErrors, choice: str | None, limits: Limits
) -> str | None:
    """Check the form of a choice and return it stripped; an empty one is none."""
    choice = (choice or "").strip() or None
    is_wrong = choice is not None and not is_choice(choice, limits)
    errors.check("choice", choice_rule(limits), is_wrong=is_wrong)
    return choice


def _take_text(
    errors: ValidationErrors,
    text: str | UnsetType,
    limits: Limits,
    ignored: Ignored,
    *,
    has_choice: bool,
) -> str:
    """Check a text, which a reply that takes a choice may leave out."""
    if text is UNSET:
        errors.check("text", missing_field(ignored), is_wrong=not has_choice)
        return ""
    if text or not has_choice:
        check_text(errors, text, limits)
    return text


def check_text(errors: ValidationErrors, text: str, limits: Limits) -> None:
    """Check a text: its length, and no NUL."""
    is_wrong = not 1 <= len(text) <= limits.text_chars
    length = f"1 to {limits.text_chars} characters; this has {len(text)}"
    errors.check("text", length, is_wrong=is_wrong)
    size = len(text.encode())
    length = f"at most {limits.text_bytes} bytes; this has {size}"
    errors.check("text", length, is_wrong=size > limits.text_bytes)
    errors.check("text", "no NUL characters", is_wrong="\0" in text)


def check_expects(errors: ValidationErrors, expects: str) -> None:
    """Check that a reply can be expected from `expects`: a peer, anyone or none."""
    is_wrong = not is_address(expects) or peer_key(expects) in _NEVER_ASKED
    problem = f"'{NOBODY}', '{ANYONE}', the name of a peer or 'can:<word>'; {NAME_RULE}"
    errors.check("expects_reply", problem, is_wrong=is_wrong)


def is_address(name: str) -> bool:
    """Tell whether a text is a name, or ``can:WORD`` for peers with a capability."""
    return is_name(name) or word_of_address(name) is not None


def normal_address(name: str) -> str:
    """Return an address stripped; a capability is in lower case."""
    stripped = name.strip()
    return stripped if word_of_address(stripped) is None else stripped.lower()


def take_addressees(
    errors: ValidationErrors, to: str | list[str], limits: Limits, called: int = 0
) -> tuple[str, ...]:
    """Check addressees and return them stripped, each once; "all" stands alone.

    Args:
        errors: Receives what is wrong.
        to: The addressees, as received.
        limits: The limits of the relay.
        called: How many more there may be, because of their capabilities.
    """
    received, most = [to] if isinstance(to, str) else to, limits.addressees + called
    # No more are looked at: a body has room for thousands.
    given = [normal_address(name) for name in received[:most]]
    if [peer_key(name) for name in given] == [EVERYONE]:
        return TO_ALL
    if not 1 <= len(received) <= most:
        errors.add("to", f"1 to {most} names, or '{EVERYONE}'")
    spelled: dict[PeerKey, str] = {}  # the first spelling of each name
    for name in given:
        key = peer_key(name)
        spelled.setdefault(key, name)
        if not is_address(name) or key in _NEVER_ADDRESSED:
            problem = (
                f"'{EVERYONE}' alone, or names of peers and 'can:<word>'; {NAME_RULE}"
            )
            errors.add("to", problem)
            break
    return tuple(spelled.values())
