"""Convert conditional posts: the field If-Match, and the answer with unread messages.

The cursor of a poll is the entity tag of the room as its reader knows it. It is taken
with and without quotation marks, since a shell eats them.
"""

import re
from typing import Final

import attrs
import msgspec
from msgspec import UNSET

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import MAX_SEQ
from argybargy.relay.api.conditional_post import Unread
from argybargy.web.codec import encode
from argybargy.web.codec.minimal import MinimalPollBody, without_defaults
from argybargy.web.codec.text import CURSOR, Reader, poll_text
from argybargy.web.errors import error_response
from argybargy.web.request import MINIMAL_APPLIED, Request, Response, ResponseForm

_TAG: Final = re.compile(r'(?P<quote>"?)(?P<cursor>[0-9]{1,16})(?P=quote)')


def take_read_cursor(request: Request) -> int | None:
    """Parse the cursor in ``If-Match``, up to which the sender has read.

    Raises:
        RelayError: ``invalid_request``, also for ``*`` and for a list.
    """
    field = request.header(b"if-match")
    if field is None:
        return None
    match = _TAG.fullmatch(field.strip())
    if match is None or int(match["cursor"]) > MAX_SEQ:
        problem = 'the cursor up to which you have read, such as "12"'
        raise RelayError.invalid("If-Match", problem)
    return int(match["cursor"])


def unread_response(request: Request, reader: Reader, unread: Unread) -> Response:
    """Return the error of a refused post, with the fields of a poll beside it."""
    if request.wants_text:
        line = error_response(unread.refusal, as_text=True)
        page = poll_text(reader, unread.answer)
        cursor = (CURSOR, str(unread.answer.page.cursor).encode())
        return attrs.evolve(line, body=line.body + page.body).with_headers(cursor)
    body = encode.poll_body(unread.answer)
    if request.form is ResponseForm.MINIMAL_JSON:
        kept = msgspec.json.decode(msgspec.json.encode(body), type=MinimalPollBody)
        fields = without_defaults(kept)
        response = error_response(unread.refusal, **fields)
        return response.with_headers(MINIMAL_APPLIED)
    known = msgspec.structs.asdict(body).items()
    fields = {name: value for name, value in known if value is not UNSET}
    return error_response(unread.refusal, **fields)
