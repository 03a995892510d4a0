"""Decode and validate requests: bodies, queries and header fields.

All invalid values are reported at once, field by field, and a report never repeats
what was sent. A value of the wrong JSON type is reported alone, since msgspec stops at
the first.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, UnsetType

from argybargy.domain.capabilities import word_of_address
from argybargy.domain.choices import are_choices, choice_rule, choices_rule, is_choice
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.message import TO_ALL
from argybargy.domain.names import (
    ANYONE,
    EVERYONE,
    NAME_RULE,
    NOBODY,
    OPERATOR,
    RESERVED_PEER_NAMES,
    PeerKey,
    fold,
    is_name,
    is_peer_name,
    peer_key,
)
from argybargy.domain.text_form import YOU
from argybargy.relay.api.posting import PostDraft
from argybargy.web.codec.bodies import ClaimRequest, PostRequest, WithdrawRequest
from argybargy.web.codec.validation_errors import ValidationErrors, type_error
from argybargy.web.request import Request

Body = TypeVar("Body", bound=msgspec.Struct)
Default = TypeVar("Default", int, None)

Fields = Mapping[str, Sequence[str]]
"""Fields of a query, each with all its values."""

MAX_QUERY_FIELDS: Final = 32
"""Most fields of a query; more are refused."""
_PLAIN_FIELDS: Final = frozenset(
    {"to", "expects_reply", "reply_to", "choices", "choice"}
)
_FORMAT_FIELD: Final = "format"
MAX_IGNORED_NAMES: Final = 16
"""Most unknown fields that a response lists."""
_INTEGER: Final = re.compile(r"\d{1,16}", re.ASCII)
_PLAIN_QUERY: Final = re.compile(
    r"[a-z_]{1,16}=\w{0,24}(&[a-z_]{1,16}=\w{0,24}){0,4}", re.ASCII
)
_PLAIN_BYTES: Final = 40
"""Longest query that is cached: longer than a poll's, shorter than an access code.

A code that somebody puts into a query by mistake is thus never kept in memory.
"""
_NEVER_GIVEN: Final = RESERVED_PEER_NAMES | {YOU}
"""Names that no new agent gets; old data may have an agent called ``you``."""
_NEVER_ADDRESSED: Final = _NEVER_GIVEN - {OPERATOR}
_NEVER_ASKED: Final = frozenset({EVERYONE, "system", "admin", YOU})
_CALL_RULE: Final = "'can:<word>' is one of the addressees: repeat it in 'to'"
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]+")


# -- bodies ---------------------------------------------------------------------


async def read_json(
    request: Request, into: type[Body], *, is_optional: bool = False
) -> tuple[Body, list[str]]:
    """Read a request body as a JSON object.

    Args:
        request: The request; its body has not been read yet.
        into: Type of the body.
        is_optional: Whether an empty body means all defaults.

    Returns:
        The body, and the names of unknown fields, for ``ignored`` of the response.

    Raises:
        RelayError: ``unsupported_media_type``, ``body_too_large`` or
            ``invalid_request``.
    """
    raw = without_bom(await request.read_body())
    if is_optional and not raw:
        return into(), []
    if not request.is_json:
        raise RelayError(Problem.UNSUPPORTED_MEDIA_TYPE)
    return convert(_parse(raw), into)


def without_bom(raw: bytes) -> bytes:
    """Strip a UTF-8 byte order mark, which some editors and shells write."""
    return raw.removeprefix(BOM_UTF8)


def _parse(raw: bytes) -> Mapping[str, Any]:
    try:
        parsed = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        problem = "this is not a JSON object in UTF-8"
        raise RelayError.invalid("body", problem) from None
    return parsed


def convert(fields: Mapping[str, Any], into: type[Body]) -> tuple[Body, list[str]]:
    """Convert parsed fields to a body; return it and the names of unknown fields."""
    try:
        body = msgspec.convert(fields, into)
    except msgspec.ValidationError as error:
        raise type_error(str(error)) from None
    known = into.__struct_encode_fields__
    ignored = [key[:64] for key in fields if key not in known]
    return body, ignored[:MAX_IGNORED_NAMES]


# -- queries --------------------------------------------------------------------


def parse_query(request: Request) -> Fields:
    """Parse the query.

    Raises:
        RelayError: ``invalid_request``, for more than MAX_QUERY_FIELDS fields or
            anything but UTF-8.
    """
    query = request.query
    plain = _parse_plain(query) if len(query) <= _PLAIN_BYTES else None
    return _gather(_pairs(query)) if plain is None else plain


# Agents repeat the same query until a message comes. The cache holds the 512 queries
# used last, until the process ends; queries are at most _PLAIN_BYTES long.
@lru_cache(maxsize=512)
def _parse_plain(query: bytes) -> Fields | None:
    """Parse a query without percent-encoding; return ``None`` for any other."""
    text = query.decode("latin-1")
    if not _PLAIN_QUERY.fullmatch(text):
        return None
    split = (field.partition("=") for field in text.split("&"))
    return _gather((key, value) for key, _, value in split)


def _gather(pairs: Iterable[tuple[str, str]]) -> Fields:
    fields: dict[str, list[str]] = {}
    for key, value in pairs:
        fields.setdefault(key, []).append(value)
    return fields


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query.decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_QUERY_FIELDS,
            errors="strict",
        )
    except ValueError:
        problem = f"at most {MAX_QUERY_FIELDS} fields in UTF-8"
        raise RelayError.invalid("query", problem) from None


def parse_seq(field: str, text: str) -> int:
    """Parse a seq or cursor.

    Raises:
        RelayError: ``invalid_request``.
    """
    number = int(text) if _INTEGER.fullmatch(text) else -1
    if not 0 <= number <= MAX_SEQ:
        raise RelayError.invalid(field, f"a whole number from 0 to {MAX_SEQ}")
    return number


def seq_in_path(request: Request) -> int:
    """Parse the seq in the path; a number above MAX_SEQ is 404, as no such message.

    Raises:
        RelayError: ``not_found`` or ``invalid_request``.
    """
    digits = request.params["seq"]
    if digits.isascii() and digits.isdigit() and int(digits) > MAX_SEQ:
        raise RelayError(Problem.NOT_FOUND)
    return parse_seq("seq", digits)


def take_limit(fields: Fields, default: int, most: int) -> int:
    """Parse ``limit``: at least 1, and reduced to `most`."""
    if "limit" not in fields:
        return min(default, most)
    text = fields["limit"][-1]
    number = int(text) if _INTEGER.fullmatch(text) else 0
    if number < 1:
        raise RelayError.invalid("limit", "a whole number from 1 up")
    return min(number, most)


def take_before(fields: Fields, *, default: Default) -> int | Default:
    """Parse ``before``: the seq or row below which a page ends."""
    text = fields.get("before", [""])[-1]
    return parse_seq("before", text) if text else default


# -- posts ----------------------------------------------------------------------


async def decode_post(request: Request, limits: Limits) -> tuple[PostDraft, list[str]]:
    """Decode a post, from JSON or from plain text with a query.

    Raises:
        RelayError: As :func:`read_json`.
    """
    key = idempotency_key(request, limits)
    if request.media_type == "text/plain":
        body, ignored = await read_plain_post(request)
    else:
        check_no_query(request)
        body, ignored = await read_json(request, PostRequest)
    return draft_of(body, limits, key=key), ignored


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


async def read_plain_post(request: Request) -> tuple[PostRequest, list[str]]:
    """Read a post whose body is the text, and whose other fields are in the query.

    Returns:
        The post, and the names of unknown fields.

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
    known = _PLAIN_FIELDS | {_FORMAT_FIELD}
    return body, [key[:64] for key in fields if key not in known]


def _listed(values: Sequence[str]) -> list[str]:
    """Return all values of a query field: repeated, separated by commas, or both."""
    return [each for value in values for each in value.split(",")]


def draft_of(body: PostRequest, limits: Limits, *, key: str | None = None) -> PostDraft:
    """Validate the fields of a post, by an agent or by the operator.

    Raises:
        RelayError: ``invalid_request``, naming every invalid field.
    """
    errors = ValidationErrors()
    choice = take_choice(errors, body.choice, limits)
    text = _take_text(errors, body.text, limits, has_choice=choice is not None)
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
    *,
    has_choice: bool,
) -> str:
    """Check a text, which a reply that takes a choice may leave out."""
    if text is UNSET:
        errors.check("text", "this field is required", is_wrong=not has_choice)
        return ""
    if text or not has_choice:
        check_text(errors, text, limits)
    return text


def check_text(errors: ValidationErrors, text: str, limits: Limits) -> None:
    """Check a text: its length, and no NUL."""
    is_wrong = not 1 <= len(text) <= limits.text_chars
    errors.check("text", f"1 to {limits.text_chars} characters", is_wrong=is_wrong)
    is_wrong = len(text.encode()) > limits.text_bytes
    errors.check("text", f"at most {limits.text_bytes} bytes", is_wrong=is_wrong)
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
    given = [normal_address(name) for name in ([to] if isinstance(to, str) else to)]
    if [peer_key(name) for name in given] == [EVERYONE]:
        return TO_ALL
    most = limits.addressees + called
    if not 1 <= len(given) <= most:
        errors.add("to", f"1 to {most} names, or '{EVERYONE}'")
    spelled: dict[PeerKey, str] = {}  # the first spelling of each name
    for name in given[:most]:
        key = peer_key(name)
        spelled.setdefault(key, name)
        if not is_address(name) or key in _NEVER_ADDRESSED:
            problem = (
                f"'{EVERYONE}' alone, or names of peers and 'can:<word>'; {NAME_RULE}"
            )
            errors.add("to", problem)
            break
    return tuple(spelled.values())


def idempotency_key(request: Request, limits: Limits) -> str | None:
    """Return the idempotency key of a post, or ``None``.

    Raises:
        RelayError: ``invalid_request``.
    """
    key = request.header(b"idempotency-key")
    if key is None:
        return None
    most = limits.idempotency_key_chars
    if len(key) > most or not _IDEMPOTENCY_KEY.fullmatch(key):
        problem = f"1 to {most} printable ASCII characters"
        raise RelayError.invalid("Idempotency-Key", problem)
    return key


def check_lease(body: ClaimRequest, limits: Limits) -> int | None:
    """Validate the requested lease; ``None`` asks for the default.

    Raises:
        RelayError: ``invalid_request``.
    """
    seconds = body.lease_seconds
    if seconds is not None and not 1 <= seconds <= limits.lease_seconds_max:
        problem = f"1 to {limits.lease_seconds_max} seconds"
        raise RelayError.invalid("lease_seconds", problem)
    return seconds


async def decode_reason(request: Request, limits: Limits) -> tuple[str, list[str]]:
    """Decode why a question is withdrawn, from the JSON body or the query.

    Returns:
        The reason, and the names of unknown fields.

    Raises:
        RelayError: As :func:`read_json`.
    """
    body, ignored = await read_json(request, WithdrawRequest, is_optional=True)
    named = parse_query(request).get("reason", [""])[-1]
    errors, most = ValidationErrors(), limits.reason_chars
    is_twice = bool(named and body.reason)
    errors.check("reason", "only once: in the body or in the query", is_wrong=is_twice)
    reason = (body.reason or named).strip()
    is_wrong = len(reason) > most or not reason.isprintable()
    errors.check("reason", f"at most {most} printable characters", is_wrong=is_wrong)
    errors.raise_any()
    return reason, ignored


def check_room_name(errors: ValidationErrors, room: str, field: str = "room") -> None:
    """Check the name of a room."""
    errors.check(field, NAME_RULE, is_wrong=not is_name(room))


def check_peer_name(errors: ValidationErrors, name: str, field: str = "name") -> None:
    """Check the name of an agent."""
    reserved = ", ".join(sorted(_NEVER_GIVEN))
    problem = f"{NAME_RULE}; none of {reserved}"
    errors.check(field, problem, is_wrong=not is_peer_name(name) or fold(name) == YOU)
