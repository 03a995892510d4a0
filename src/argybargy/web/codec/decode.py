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

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.names import (
    NAME_RULE,
    RESERVED_PEER_NAMES,
    fold,
    is_name,
    is_peer_name,
)
from argybargy.domain.text_form import YOU
from argybargy.web.codec.bodies import ClaimRequest, WithdrawRequest
from argybargy.web.codec.json_errors import json_problem
from argybargy.web.codec.validation_errors import ValidationErrors, type_error
from argybargy.web.ignored import NONE_IGNORED, Ignored
from argybargy.web.request import Request

Body = TypeVar("Body", bound=msgspec.Struct)
Default = TypeVar("Default", int, None)

Fields = Mapping[str, Sequence[str]]
"""Fields of a query, each with all its values."""

MAX_QUERY_FIELDS: Final = 32
"""Maximum fields of a query; more are refused."""
_FORM: Final = "application/x-www-form-urlencoded"
_INTEGER: Final = re.compile(r"\d{1,16}", re.ASCII)
_PLAIN_QUERY: Final = re.compile(
    r"[a-z_]{1,16}=\w{0,24}(&[a-z_]{1,16}=\w{0,24}){0,4}", re.ASCII
)
PLAIN_BYTES: Final = 40
"""Longest query that is cached: longer than a poll's, shorter than an access code.

A code that somebody puts into a query by mistake is thus never kept in memory.
"""
NEVER_GIVEN: Final = RESERVED_PEER_NAMES | {YOU}
"""Names that no new agent gets; old data may have an agent called ``you``."""
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]+")


# -- bodies ---------------------------------------------------------------------


async def read_json(
    request: Request, into: type[Body], *, is_optional: bool = False
) -> tuple[Body, Ignored]:
    """Read a request body as a JSON object.

    Args:
        request: The request; its body has not been read yet.
        into: Type of the body.
        is_optional: Whether an empty body means all defaults.

    Returns:
        The body, and its unknown fields.

    Raises:
        RelayError: ``unsupported_media_type``, ``body_too_large`` or
            ``invalid_request``.
    """
    raw = without_bom(await request.read_body())
    if is_optional and not raw:
        return into(), NONE_IGNORED
    if not request.is_json and not _is_json_from_curl(request, raw):
        raise RelayError(Problem.UNSUPPORTED_MEDIA_TYPE)
    return convert(_parse(raw), into)


def _is_json_from_curl(request: Request, raw: bytes) -> bool:
    """Tell whether an agent has sent a JSON object with ``curl -d``, as a form.

    Models leave the header away. Not for the operator: a page of another site can send
    a form with the cookie of a session, and needs no permission for it.
    """
    is_agents = request.operator is None
    return is_agents and request.media_type == _FORM and raw.lstrip()[:1] == b"{"


def without_bom(raw: bytes) -> bytes:
    """Strip a UTF-8 byte order mark, which some editors and shells write."""
    return raw.removeprefix(BOM_UTF8)


def _parse(raw: bytes) -> Mapping[str, Any]:
    try:
        parsed = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise RelayError.invalid("body", json_problem(raw, error)) from None
    return parsed


def convert(fields: Mapping[str, Any], into: type[Body]) -> tuple[Body, Ignored]:
    """Convert parsed fields to a body; return it and the unknown fields."""
    ignored = Ignored.of(fields, into.__struct_encode_fields__)
    try:
        body = msgspec.convert(fields, into)
    except msgspec.ValidationError as error:
        raise type_error(str(error), into, ignored) from None
    return body, ignored


# -- queries --------------------------------------------------------------------


def parse_query(request: Request) -> Fields:
    """Parse the query.

    Raises:
        RelayError: ``invalid_request``, for more than MAX_QUERY_FIELDS fields or
            anything but UTF-8.
    """
    if not request.query:
        return {}  # most posts and claims
    plain = plain_fields(request.query)
    return _gather(_pairs(request.query)) if plain is None else plain


def plain_fields(query: bytes) -> Fields | None:
    """Parse a short query without percent-encoding; return ``None`` for any other."""
    return _parse_plain(query) if len(query) <= PLAIN_BYTES else None


# Agents repeat the same query until a message comes. The cache holds the 512 queries
# used last, until the process ends; queries are at most PLAIN_BYTES long.
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


# -- single fields ---------------------------------------------------------------


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


async def decode_reason(request: Request, limits: Limits) -> tuple[str, Ignored]:
    """Decode why a question is withdrawn, from the JSON body or the query.

    Returns:
        The reason, and the unknown fields.

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
    reserved = ", ".join(sorted(NEVER_GIVEN))
    problem = f"{NAME_RULE}; none of {reserved}"
    errors.check(field, problem, is_wrong=not is_peer_name(name) or fold(name) == YOU)
