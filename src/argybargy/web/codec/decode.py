"""From bytes to values: the edge at which types become right.

All values that are wrong are said at once, field by field, in words that never repeat
what was sent; of fields that are not even of the right type, the first is.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import attrs
import msgspec

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
    fold,
    is_name,
    is_peer_name,
)
from argybargy.relay.api.agent import PostDraft
from argybargy.relay.api.poll import PollRequest
from argybargy.web.codec.bodies import ClaimRequest, PostRequest
from argybargy.web.codec.type_problems import type_problem
from argybargy.web.request import Request

Body = TypeVar("Body", bound=msgspec.Struct)

Fields = Mapping[str, Sequence[str]]
"""The fields of a query, each with all its values."""

MAX_QUERY_FIELDS: Final = 32
_PLAIN_FIELDS: Final = frozenset({"to", "expects_reply", "reply_to"})
MAX_IGNORED_NAMES: Final = 16
RESUME: Final = "resume"
_INTEGER: Final = re.compile(r"\d{1,16}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,18}(\.\d{1,18})?", re.ASCII)
_PLAIN_QUERY: Final = re.compile(
    r"[a-z_]{1,16}=\w{0,24}(&[a-z_]{1,16}=\w{0,24}){0,4}", re.ASCII
)
_PLAIN_BYTES: Final = 40
"""Longer than the query of a poll, and shorter than a code: none is ever kept."""
_NEVER_ASKED: Final = frozenset({EVERYONE, "system", "admin"})
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]+")


@attrs.define
class Problems:
    """What is wrong with a request, collected."""

    found: list[tuple[str, str]] = attrs.field(factory=list)

    def add(self, field: str, problem: str) -> None:
        """Note a problem."""
        self.found.append((field, problem))

    def check(self, field: str, problem: str, *, is_wrong: bool) -> None:
        """Note a problem if there is one."""
        if is_wrong:
            self.add(field, problem)

    def raise_any(self) -> None:
        """Refuse the request if anything is wrong with it."""
        if self.found:
            raise RelayError.invalid_fields(self.found)


# -- bodies ---------------------------------------------------------------------


async def read_json(
    request: Request, into: type[Body], *, is_optional: bool = False
) -> tuple[Body, list[str]]:
    """Read a JSON object into a body type.

    Args:
        request: The request; its body has not been read yet.
        into: What it should be.
        is_optional: Whether no body at all means all defaults.

    Returns:
        The body, and the names of keys that mean nothing here.

    Raises:
        RelayError: ``unsupported_media_type``, ``body_too_large`` or
            ``invalid_request``.
    """
    raw = without_mark(await request.read_body())
    if is_optional and not raw:
        return into(), []
    if not request.is_json:
        raise RelayError(Problem.UNSUPPORTED_MEDIA_TYPE)
    return convert(_parse(raw), into)


def without_mark(raw: bytes) -> bytes:
    """Return UTF-8 without the byte order mark that some programs put before it."""
    return raw.removeprefix(BOM_UTF8)


def _parse(raw: bytes) -> Mapping[str, Any]:
    try:
        parsed = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        problem = "this is not a JSON object in UTF-8"
        raise RelayError.invalid("body", problem) from None
    return parsed


def convert(fields: Mapping[str, Any], into: type[Body]) -> tuple[Body, list[str]]:
    """Make a body of parsed fields, and name those that mean nothing."""
    try:
        body = msgspec.convert(fields, into)
    except msgspec.ValidationError as error:
        raise type_problem(str(error)) from None
    known = into.__struct_encode_fields__
    ignored = [key[:64] for key in fields if key not in known]
    return body, ignored[:MAX_IGNORED_NAMES]


# -- queries --------------------------------------------------------------------


def parse_query(request: Request) -> Fields:
    """Return the fields of the query, each with all its values.

    Raises:
        RelayError: ``invalid_request``, for more fields than make sense.
    """
    query = request.query
    plain = _parse_plain(query) if len(query) <= _PLAIN_BYTES else None
    return _gather(_pairs(query)) if plain is None else plain


@lru_cache(maxsize=512)
def _parse_plain(query: bytes) -> Fields | None:
    """Read a query in which nothing is escaped, or return ``None``.

    Kept: an agent asks the same until something happens.
    """
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
    """Read a seq or cursor.

    Raises:
        RelayError: ``invalid_request``.
    """
    number = int(text) if _INTEGER.fullmatch(text) else -1
    if not 0 <= number <= MAX_SEQ:
        raise RelayError.invalid(field, f"a whole number from 0 to {MAX_SEQ}")
    return number


def take_limit(fields: Fields, default: int, most: int) -> int:
    """Read how many are wanted: at least one, and no more than there may be."""
    if "limit" not in fields:
        return min(default, most)
    text = fields["limit"][-1]
    number = int(text) if _INTEGER.fullmatch(text) else 0
    if number < 1:
        raise RelayError.invalid("limit", "a whole number from 1 up")
    return min(number, most)


def take_before(fields: Fields) -> int | None:
    """Read from where to look back."""
    text = fields.get("before", [""])[-1]
    return parse_seq("before", text) if text else None


def decode_poll(request: Request, limits: Limits) -> PollRequest:
    """Read what a poll asks for.

    Raises:
        RelayError: ``invalid_request``.
    """
    fields = parse_query(request)
    since = fields.get("since", ["0"])[-1]
    wait = fields.get("wait", ["0"])[-1]
    if not _NUMBER.fullmatch(wait):
        problem = f"a number of seconds, at most {limits.wait_seconds:g}"
        raise RelayError.invalid("wait", problem)
    return PollRequest(
        since=None if since == RESUME else parse_seq("since", since),
        wait_seconds=min(float(wait), limits.wait_seconds),
        limit=take_limit(fields, limits.poll_messages, limits.poll_messages),
    )


# -- posts ----------------------------------------------------------------------


async def decode_post(request: Request, limits: Limits) -> tuple[PostDraft, list[str]]:
    """Read a message to send, as JSON or as plain text with a query.

    Raises:
        RelayError: As :func:`read_json`.
    """
    key = idempotency_key(request, limits)
    if request.media_type == "text/plain":
        body, ignored = await _plain_post(request)
    else:
        _check_no_query(request)
        body, ignored = await read_json(request, PostRequest)
    draft = draft_of(
        body.text, body.to, body.expects_reply, body.reply_to, limits, key=key
    )
    return draft, ignored


def _check_no_query(request: Request) -> None:
    """Refuse what would be passed over, and a private word said to all.

    Raises:
        RelayError: ``invalid_request``.
    """
    problems = Problems()
    for field in _PLAIN_FIELDS & parse_query(request).keys():
        problems.add(field, "in the body, beside the text, if that is JSON")
    problems.raise_any()


async def _plain_post(request: Request) -> tuple[PostRequest, list[str]]:
    fields = parse_query(request)
    raw = await request.read_body()
    try:
        text = without_mark(raw).decode()
    except UnicodeDecodeError:
        raise RelayError.invalid("text", "this is not UTF-8") from None
    reply_to = fields.get("reply_to", [""])[-1]
    body = PostRequest(
        text=text,
        to=[name for value in fields.get("to", ["all"]) for name in value.split(",")],
        expects_reply=fields.get("expects_reply", [None])[-1],
        reply_to=parse_seq("reply_to", reply_to) if reply_to else None,
    )
    return body, [key[:64] for key in fields if key not in _PLAIN_FIELDS]


def draft_of(
    text: str,
    to: str | list[str],
    expects: str | None,
    reply_to: int | None,
    limits: Limits,
    *,
    key: str | None = None,
) -> PostDraft:
    """Check what somebody wants to say, whoever it is.

    Raises:
        RelayError: ``invalid_request``, naming every field that does not fit.
    """
    problems = Problems()
    check_text(problems, text, limits)
    addressees = take_addressees(problems, to, limits)
    expects = (expects or "").strip() or None
    if expects is not None:
        check_expects(problems, expects)
    if reply_to is not None:
        is_wrong = not 1 <= reply_to <= MAX_SEQ
        problems.check("reply_to", "the number of a message", is_wrong=is_wrong)
    problems.raise_any()
    return PostDraft(text, addressees, expects, reply_to, key)


def check_text(problems: Problems, text: str, limits: Limits) -> None:
    """Note what is wrong with a text: its length, or what no text may hold."""
    is_wrong = not 1 <= len(text) <= limits.text_chars
    problems.check("text", f"1 to {limits.text_chars} characters", is_wrong=is_wrong)
    is_wrong = len(text.encode()) > limits.text_bytes
    problems.check("text", f"at most {limits.text_bytes} bytes", is_wrong=is_wrong)
    problems.check("text", "no NUL characters", is_wrong="\0" in text)


def check_expects(problems: Problems, expects: str) -> None:
    """Note it when nobody who goes by that could be asked for a reply."""
    is_wrong = not is_name(expects) or fold(expects) in _NEVER_ASKED
    problem = f"'{NOBODY}', '{ANYONE}' or the name of a peer; {NAME_RULE}"
    problems.check("expects_reply", problem, is_wrong=is_wrong)


def take_addressees(
    problems: Problems, to: str | list[str], limits: Limits
) -> tuple[str, ...]:
    """Return whom a message is for, and note what is wrong with that."""
    given = [name.strip() for name in ([to] if isinstance(to, str) else to)]
    if [fold(name) for name in given] == [EVERYONE]:
        return TO_ALL
    if not 1 <= len(given) <= limits.addressees:
        problems.add("to", f"1 to {limits.addressees} names, or '{EVERYONE}'")
    spelled: dict[str, str] = {}  # however often somebody is named
    for name in given[: limits.addressees]:
        spelled.setdefault(fold(name), name)
        if not is_name(name) or (
            fold(name) in RESERVED_PEER_NAMES and fold(name) != OPERATOR
        ):
            problem = f"'{EVERYONE}' alone, or names of peers; {NAME_RULE}"
            problems.add("to", problem)
            break
    return tuple(spelled.values())


def idempotency_key(request: Request, limits: Limits) -> str | None:
    """Return what makes a post repeatable, if it says so.

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
    """Return the lease asked for, if it is one that may be had.

    Raises:
        RelayError: ``invalid_request``.
    """
    seconds = body.lease_seconds
    if seconds is not None and not 1 <= seconds <= limits.lease_seconds_max:
        problem = f"1 to {limits.lease_seconds_max} seconds"
        raise RelayError.invalid("lease_seconds", problem)
    return seconds


def check_room_name(problems: Problems, room: str, field: str = "room") -> None:
    """Note it when a room cannot be called that."""
    problems.check(field, NAME_RULE, is_wrong=not is_name(room))


def check_peer_name(problems: Problems, name: str, field: str = "name") -> None:
    """Note it when an agent cannot be called that."""
    reserved = ", ".join(sorted(RESERVED_PEER_NAMES))
    problem = f"{NAME_RULE}; none of {reserved}"
    problems.check(field, problem, is_wrong=not is_peer_name(name))
