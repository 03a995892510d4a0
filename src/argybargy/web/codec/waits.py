"""Decode and encode requests that wait for the end of a question."""

import math
from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.room.questions import question_state
from argybargy.domain.text_form import escape_text
from argybargy.relay.api.asking import Asked, AwaitedThread, Waited
from argybargy.relay.api.posting import PostDraft
from argybargy.web.codec import encode
from argybargy.web.codec.bodies import (
    AskAnswer,
    AskRequest,
    PostRequest,
    ReadMessage,
    ThreadBody,
)
from argybargy.web.codec.decode import Fields, idempotency_key, parse_query, read_json
from argybargy.web.codec.poll_query import parse_seconds
from argybargy.web.codec.posts import check_no_query, draft_of, read_plain_post
from argybargy.web.codec.text import (
    ENDED,
    Reader,
    ending_line,
    post_lines,
    receipts_part,
    thread_lines,
)
from argybargy.web.ignored import Ignored
from argybargy.web.request import Request, Response, text_response

_WAIT: Final = "wait"


async def decode_ask(
    request: Request, limits: Limits
) -> tuple[PostDraft, float, Ignored]:
    """Decode a question, from JSON or from plain text with a query.

    The query may have `wait` beside a JSON body too; the one of the body counts first.

    Returns:
        The question, the seconds to wait for its answer, and unknown fields.

    Raises:
        RelayError: As :func:`argybargy.web.codec.decode.read_json`.
    """
    key, fields = idempotency_key(request, limits), parse_query(request)
    body: PostRequest
    if request.media_type == "text/plain":
        body, ignored = await read_plain_post(request, _WAIT)
        wait = _wait(fields, limits.wait_seconds)
    else:
        check_no_query(request)
        ask, ignored = await read_json(request, AskRequest)
        body = ask
        default = limits.wait_seconds
        wait = _wait(fields, default) if ask.wait is None else ask.wait
    most = limits.ask_wait_seconds
    if not 0 <= wait < math.inf:
        raise RelayError.invalid(_WAIT, f"a number of seconds, at most {most:g}")
    return draft_of(body, limits, key=key, ignored=ignored), min(wait, most), ignored


def decode_wait(request: Request, limits: Limits) -> float:
    """Decode the query of a read that may wait: seconds, reduced to the limit.

    Raises:
        RelayError: ``invalid_request``.
    """
    wait = _wait(parse_query(request), 0)
    if wait < 0:
        problem = f"a number of seconds, at most {limits.wait_seconds:g}"
        raise RelayError.invalid(_WAIT, problem)
    return min(wait, limits.wait_seconds)


def _wait(fields: Fields, default: float) -> float:
    """Parse a number of seconds; -1 if it is none."""
    return parse_seconds(fields, _WAIT, default)


def status_of(waited: Waited, wait_seconds: float = math.inf) -> HTTPStatus:
    """Return 202 if a request that was to wait should wait on, else 200."""
    is_done = waited.is_over or not wait_seconds
    return HTTPStatus.OK if is_done else HTTPStatus.ACCEPTED


# -- JSON -----------------------------------------------------------------------


def ask_answer(asked: Asked) -> AskAnswer:
    """Return the body of a question that was posted."""
    posted = msgspec.structs.asdict(encode.post_answer(asked.posted))
    posted["message"] = encode.posted_message(asked.message)
    return AskAnswer(
        **posted,
        seq=asked.message.seq,
        question=encode.question_body(asked.message),
        answer=_message(asked.answer, asked.members),
        asked_back=_message(asked.asked_back, asked.members),
        room_closed=asked.waited.status.is_closed or UNSET,
        retry_after=asked.waited.retry_seconds or UNSET,
    )


def awaited_body(found: AwaitedThread) -> ThreadBody:
    """Return the body of a message with its replies, after a wait."""
    thread, waited = found.thread, found.waited
    return msgspec.structs.replace(
        encode.thread_body(thread),
        answer=_message(found.answer, thread.members),
        asked_back=_message(found.asked_back, thread.members),
        room_closed=waited.status.is_closed or UNSET,
        retry_after=waited.retry_seconds or UNSET,
    )


def _message(
    message: Message | None, members: tuple[str, ...]
) -> ReadMessage | UnsetType:
    return UNSET if message is None else encode.read_message(message, members)


# -- text form ------------------------------------------------------------------


def ask_text(reader: Reader, asked: Asked, ignored: Ignored) -> Response:
    """Return the number of a question, and its answer or how else it ended."""
    seq, waited = asked.message.seq, asked.waited
    # Who has answered needs no receipt; who has not, may not even listen.
    is_over = waited.is_over
    head = f"ok {seq}" if is_over else f"waiting {seq}{receipts_part(asked.posted)}"
    ending = _ending(reader, asked.message, asked.answer, waited)
    ending += reader.lines([] if asked.asked_back is None else [asked.asked_back])
    return _response([head, *ending, *post_lines(asked.posted, ignored)], waited)


def awaited_text(reader: Reader, found: AwaitedThread) -> Response:
    """Return a message with its replies; only its number while it waits."""
    thread, waited = found.thread, found.waited
    message, replies = thread.message, thread.replies
    if not waited.is_over:
        back = [] if found.asked_back is None else [found.asked_back]
        return _response([f"waiting {message.seq}", *reader.lines(back)], waited)
    answer = None if found.answer in replies else found.answer
    lines = thread_lines(reader, thread)
    lines += [] if answer is None else [reader.line(answer)]
    if waited.status.is_closed:
        lines.append(leave_line(waited))
    return _response(lines, waited)


def leave_line(waited: Waited) -> str:
    """Return the line that tells a reader to leave a closed room."""
    return escape_text(f"leave: room closed by {waited.status.closed_by}")


def _ending(
    reader: Reader, message: Message, answer: Message | None, waited: Waited
) -> list[str]:
    """Return the lines that say how a question ended, if it has."""
    lines = [] if answer is None else [reader.line(answer)]
    state = question_state(message)
    if answer is None and state is not None and state.status in ENDED:
        lines.append(ending_line(state))
    if waited.status.is_closed:
        lines.append(leave_line(waited))
    return lines


def _response(lines: list[str], waited: Waited) -> Response:
    response = text_response("\n".join(lines), status=status_of(waited))
    if waited.retry_seconds is None:
        return response
    return response.with_headers((b"retry-after", str(waited.retry_seconds).encode()))
