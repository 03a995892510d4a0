"""Decode the query of a poll: where it begins, its wait, and the form of its answer."""

import re
from functools import lru_cache
from typing import Final

from argybargy.domain.answer_form import WHOLE, AnswerForm
from argybargy.domain.cursors import Since
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.seat import EAR_RULE, Ear
from argybargy.domain.wake_policy import WAKE_AT_ONCE, Wake, WakePolicy
from argybargy.relay.api.poll_answer import PollRequest
from argybargy.web.codec.decode import (
    PLAIN_BYTES,
    Fields,
    parse_query,
    parse_seq,
    plain_fields,
    take_limit,
)
from argybargy.web.codec.validation_errors import ValidationErrors
from argybargy.web.request import Request

EAR: Final = b"x-argybargy-ear"
"""Header field of the polls of an ear."""
_NUMBER: Final = re.compile(r"\d{1,18}(\.\d{1,18})?", re.ASCII)
_INTEGER: Final = re.compile(r"\d{1,16}", re.ASCII)
_KEPT_CURSORS: Final = {since.value: since for since in Since}
_WAKES: Final = {wake.value: wake for wake in Wake}
_POLICY_FIELDS: Final = frozenset({"wake", "hold", "settle"})
_USUAL_FIELDS: Final = frozenset({"since", "wait", "limit"})
_FORM_FIELDS: Final = frozenset({"max_bytes", "digest"})


def decode_poll(request: Request, limits: Limits) -> PollRequest:
    """Decode the query of a poll; ``wait`` and ``limit`` are reduced to the limits.

    Raises:
        RelayError: ``invalid_request``.
    """
    query, ear = request.query, _ear(request)
    if ear is None and len(query) <= PLAIN_BYTES:
        short = _decode_short(query, limits.wait_seconds, limits.poll_messages)
        if short is not None:
            return short
    fields = parse_query(request)
    since, wait, limit = _decode_start(
        fields, limits.wait_seconds, limits.poll_messages
    )
    return PollRequest(
        since, wait, limit, policy=_policy(fields, limits), form=_form(fields), ear=ear
    )


# The polls that wait for one message all ask alike, and so do those of an agent that
# waits in vain: decoding 512 of such queries once saves 3 us of a poll.
@lru_cache(maxsize=512)
def _decode_short(
    query: bytes, most_seconds: float, most_messages: int
) -> PollRequest | None:
    """Decode a short query with the usual fields; return ``None`` for any other."""
    fields = plain_fields(query)
    if fields is None or not _USUAL_FIELDS.issuperset(fields):
        return None
    return PollRequest(*_decode_start(fields, most_seconds, most_messages))


def _decode_start(
    fields: Fields, most_seconds: float, most_messages: int
) -> tuple[int | Since, float, int]:
    """Decode where a poll begins, how long it waits, and its most messages."""
    since = fields.get("since", ["0"])[-1]
    wait = fields.get("wait", ["0"])[-1]
    if not _NUMBER.fullmatch(wait):
        problem = f"a number of seconds, at most {most_seconds:g}"
        raise RelayError.invalid("wait", problem)
    return (
        _KEPT_CURSORS.get(since) or parse_seq("since", since),
        min(float(wait), most_seconds),
        take_limit(fields, most_messages, most_messages),
    )


def _ear(request: Request) -> Ear | None:
    line = request.header(EAR)
    if line is None:
        return None
    ear = Ear.parse(line)
    if ear is None:
        raise RelayError.invalid("X-Argybargy-Ear", EAR_RULE)
    return ear


def _form(fields: Fields) -> AnswerForm:
    if _FORM_FIELDS.isdisjoint(fields):
        return WHOLE
    errors = ValidationErrors()
    digest = fields.get("digest", ["0"])[-1]
    errors.check("digest", "0 or 1", is_wrong=digest not in {"0", "1"})
    wanted, max_bytes = fields.get("max_bytes", [None])[-1], None
    if wanted is not None:
        max_bytes = int(wanted) if _INTEGER.fullmatch(wanted) else 0
        errors.check("max_bytes", "a whole number from 1 up", is_wrong=max_bytes < 1)
    errors.raise_any()
    return AnswerForm(max_bytes, digest == "1")


def _policy(fields: Fields, limits: Limits) -> WakePolicy:
    if _POLICY_FIELDS.isdisjoint(fields):
        return WAKE_AT_ONCE
    errors = ValidationErrors()
    wake = _WAKES.get(fields.get("wake", ["all"])[-1])
    errors.check("wake", f"one of {', '.join(_WAKES)}", is_wrong=wake is None)
    hold = parse_seconds(fields, "hold", limits.hold_seconds)
    problem = f"seconds from 0 to {limits.hold_seconds_max}; 0 holds without end"
    errors.check("hold", problem, is_wrong=not 0 <= hold <= limits.hold_seconds_max)
    settle = parse_seconds(fields, "settle", 0)
    problem = f"seconds from 0 to {limits.settle_seconds_max:g}"
    is_wrong = not 0 <= settle <= limits.settle_seconds_max
    errors.check("settle", problem, is_wrong=is_wrong)
    errors.raise_any()
    return WakePolicy(wake or Wake.ALL, hold, settle)


def parse_seconds(fields: Fields, field: str, default: float) -> float:
    """Parse a field of the query as a number of seconds; -1 if it is none."""
    if field not in fields:
        return default
    text = fields[field][-1]
    return float(text) if _NUMBER.fullmatch(text) else -1
