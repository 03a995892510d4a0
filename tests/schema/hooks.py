"""Hooks that change each request of Schemathesis before it is sent."""

import itertools

import schemathesis

from argybargy.domain.limits import MAX_SEQ

_numbers = itertools.count(1)
_KEY = "Idempotency-Key"
_LONG_KEY = 100
_CURSOR = "If-Match"


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(context: object, case: schemathesis.Case, kwargs: object) -> None:
    """Make requests independent of each other.

    Each gets another client address, as from a trusted proxy, so that failed sign-ins
    are answered with 401 and never throttled with 429. Each gets a unique idempotency
    key, since a reused key is a conflict. A cursor in ``If-Match`` is raised above all
    messages, since unread ones refuse the post, and a reason that the body has is not
    repeated in the query.
    """
    number = next(_numbers)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    headers = {**(case.headers or {}), "X-Forwarded-For": address}
    if 0 < len(headers.get(_KEY, "")) < _LONG_KEY:
        headers[_KEY] += f"-{number}"
    if headers.get(_CURSOR, "").strip('"').isdigit():
        headers[_CURSOR] = f'"{MAX_SEQ}"'
    case.headers = headers
    if isinstance(case.body, dict):
        case.body = _postable(case.body)
        if case.path == "/ask":
            case.body["wait"] = 0  # there is nobody who would answer
        if case.body.get("reason") and case.query:
            case.query.pop("reason", None)


def _postable(value: object) -> object:
    """Remove values from a body that a schema cannot exclude.

    JSON Schema accepts 3.0 as an integer, so whole floats are sent as integers. A
    ``reply_to`` must name an existing message, so valid seqs are removed. A choice
    must be one of that message, and choices belong to questions. A capability in
    ``expects_reply`` must be in ``to`` as well, so it is removed.
    """
    if isinstance(value, dict):
        fields = {key: _postable(each) for key, each in value.items()}
        answered = fields.get("reply_to")
        if type(answered) is int and 1 <= answered <= MAX_SEQ:
            fields["reply_to"] = None
        if fields.get("choice") and "text" in fields:
            del fields["choice"]
        elif fields.get("choice"):
            fields = {"text": fields["choice"]}
        if fields.get("choices"):
            fields["expects_reply"] = "anyone"
        if "can:" in str(fields.get("expects_reply")):
            fields["expects_reply"] = None
        return fields
    if isinstance(value, list):
        return [_postable(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
