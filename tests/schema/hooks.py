"""What each request of Schemathesis is given on its way."""

import itertools

import schemathesis

from argybargy.domain.limits import MAX_SEQ

_numbers = itertools.count(1)
_KEY = "Idempotency-Key"
_LONG_KEY = 100


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(context: object, case: schemathesis.Case, kwargs: object) -> None:
    """Keep requests from getting into each other's way.

    Each comes from another address, as a trusted proxy would say: whoever fails to
    sign in is told 401 then, and not that it has failed too often. And each has an
    idempotency key of its own: one that is used twice is a conflict.
    """
    number = next(_numbers)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    headers = {**(case.headers or {}), "X-Forwarded-For": address}
    if 0 < len(headers.get(_KEY, "")) < _LONG_KEY:
        headers[_KEY] += f"-{number}"
    case.headers = headers
    if isinstance(case.body, dict):
        case.body = _sayable(case.body)


def _sayable(value: object) -> object:
    """Take out of a body what no schema can tell from right.

    To JSON Schema 3.0 is a whole number, and so it is written as one. And a message
    that is answered must be there: what could be its number is left out.
    """
    if isinstance(value, dict):
        fields = {key: _sayable(each) for key, each in value.items()}
        answered = fields.get("reply_to")
        if type(answered) is int and 1 <= answered <= MAX_SEQ:
            fields["reply_to"] = None
        return fields
    if isinstance(value, list):
        return [_sayable(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
