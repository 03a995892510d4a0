"""Decode statements of an agent about itself: capabilities, status, wake hook."""

from collections.abc import Sequence

from msgspec import UNSET

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.capabilities import MAX_WORDS, WORD_RULE, is_word
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.wake_hooks import URL_RULE, WakeHook, parse_wake_url
from argybargy.domain.wake_policy import Wake
from argybargy.relay.api.me import Myself, Statement
from argybargy.web.codec.decode import parse_query
from argybargy.web.codec.encode import guest_role
from argybargy.web.codec.peer_bodies import MeRequest, WakeBody, WakeRequest, WhoAmI
from argybargy.web.codec.validation_errors import ValidationErrors
from argybargy.web.request import Request


def statement(body: MeRequest, limits: Limits) -> Statement:
    """Validate a statement.

    Raises:
        RelayError: ``invalid_request``, naming every invalid field.
    """
    errors = ValidationErrors()
    words = body.capabilities
    if words is not None:
        words = list(dict.fromkeys(word.strip().lower() for word in words))
        is_wrong = len(words) > MAX_WORDS or not all(map(is_word, words))
        problem = f"at most {MAX_WORDS} words; {WORD_RULE}"
        errors.check("capabilities", problem, is_wrong=is_wrong)
    status, most = body.status, limits.status_chars
    if status is not None:
        status = status.strip()
        is_wrong = len(status) > most or not status.isprintable()
        problem = f"one line of at most {most} printable characters"
        errors.check("status", problem, is_wrong=is_wrong)
    errors.raise_any()
    return Statement(None if words is None else tuple(words), status)


def hook_of(body: WakeRequest) -> tuple[str, Wake]:
    """Return the URL of a hook, and the messages that are worth a call.

    Raises:
        RelayError: ``invalid_request``.
    """
    url = body.url.strip()
    if parse_wake_url(url) is None:
        raise RelayError.invalid("url", URL_RULE)
    return url, Wake(body.wake)


def wake_body(hook: WakeHook) -> WakeBody:
    """Convert a hook for its agent, with the key."""
    return WakeBody(hook.url, hook.wake.value, hook.key)


def capability_in_query(request: Request) -> str | None:
    """Return the capability in a query; ``None`` without one.

    Raises:
        RelayError: ``invalid_request``.
    """
    text = parse_query(request).get("can", [""])[-1].strip().lower()
    if text and not is_word(text):
        raise RelayError.invalid("can", WORD_RULE)
    return text or None


def me_body(me: Myself, records: Sequence[CodeRecord] = ()) -> WhoAmI:
    """Convert an agent as the room sees it, for the agent itself.

    Args:
        me: The agent.
        records: The records of its code, to name the rooms if there are several.
    """
    code = me.code
    status, role = me.status or UNSET, guest_role(code)
    is_of_many = len(records) > 1 or any(each.presented for each in records)
    rooms = [each.room for each in records] if is_of_many else UNSET
    return WhoAmI(code.name, code.room, me.capabilities, role, status, rooms=rooms)
