"""Endpoints of the page behind a link in a notification.

Whoever holds the link may answer its question, so it is handled like a code: a forged
one counts toward the throttle of guesses. Reading the page answers nothing: chat
services open links to show a preview. A link that is of no use shows nothing of the
question or its room.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from argybargy.domain.errors import Problem, RelayError
from argybargy.relay.api.answering import answer_notified, find_notified_question
from argybargy.web.access.answer_links import LinkState
from argybargy.web.access.auth import count_failure
from argybargy.web.access.services import Services
from argybargy.web.answer_page.page import Written, question_page, sentence_page
from argybargy.web.codec.bodies import PostRequest
from argybargy.web.codec.posts import draft_of
from argybargy.web.request import Request, Response

FORM_FIELDS: Final = 4
"""Maximum fields of the form."""
_FORM: Final = "application/x-www-form-urlencoded"


async def show_question(services: Services, request: Request) -> Response:
    """Show the question of a link, with a form to answer it."""
    try:
        notice_id = _read_link(services, request)
        if isinstance(notice_id, Response):
            return notice_id
        found = await find_notified_question(services.relay, notice_id)
    except RelayError as refusal:
        return _refused(services, refusal)
    if found is None:
        return _over(is_used=False)
    return question_page(found, services.limits.text_chars)


async def answer_question(services: Services, request: Request) -> Response:
    """Post the answer of the form as the operator, once."""
    try:
        notice_id = _read_link(services, request)
        if isinstance(notice_id, Response):
            return notice_id
        text, choice = await _read_form(request)
        async with services.links.answering:
            return await _answer(services, notice_id, text, choice)
    except RelayError as refusal:
        return _refused(services, refusal)


async def _answer(
    services: Services, notice_id: str, text: str, choice: str | None
) -> Response:
    """Post an answer, unless the link was used meanwhile.

    Raises:
        RelayError: The room could not be loaded.
    """
    answer = choice or text
    if services.links.is_used(notice_id):
        # A repeated form is answered as the first one was.
        is_same = services.links.has_sent(notice_id, answer)
        status = HTTPStatus.OK if is_same else HTTPStatus.GONE
        return _over(is_used=is_same, status=status)
    found = await find_notified_question(services.relay, notice_id)
    if found is None:
        return _over(is_used=False)
    body = PostRequest(text=text, to=found.message.sender, choice=choice)
    try:
        draft = draft_of(body, services.limits)
        await answer_notified(services.relay, notice_id, draft)
    except RelayError as refusal:
        if refusal.problem is Problem.NOT_FOUND:  # somebody was faster
            return _over(is_used=False)
        if refusal.problem is Problem.IDEMPOTENCY_CONFLICT:  # used in an earlier run
            return _over(is_used=True)
        services.metrics.note_refusal(refusal.problem)
        written = Written(text, _in_words(refusal))
        status = refusal.problem.value.status
        return question_page(found, services.limits.text_chars, written, status)
    services.links.note_used(notice_id, answer)
    return _over(is_used=True, status=HTTPStatus.OK)


def _read_link(services: Services, request: Request) -> str | Response:
    """Return the notice of the link, or the page that says why it is of no use.

    Raises:
        RelayError: ``auth_throttled``; ``storage_unavailable``, if the link may have
            ended with the admin token.
    """
    services.relay.check_current()
    now_ms = services.relay.clock.now().wall_ms
    link = services.links.read(request.params["token"], now_ms)
    if link.state in {LinkState.FORGED, LinkState.MALFORMED}:
        is_guess = link.state is LinkState.FORGED
        count_failure(services, request, "answer_link_failed", is_guess=is_guess)
        text = "It is incomplete, or was revoked. Answer in the dashboard instead."
        return sentence_page("This link is not valid", text, HTTPStatus.NOT_FOUND)
    is_late = link.state is LinkState.LATE
    if services.links.is_used(link.notice_id) and (is_late or request.method == "GET"):
        return _over(is_used=True)
    if is_late:
        text = "A link can be used for an hour. Answer in the dashboard instead."
        return sentence_page("This link is too old", text, HTTPStatus.GONE)
    return link.notice_id


def _over(*, is_used: bool, status: int = HTTPStatus.GONE) -> Response:
    if is_used:
        return sentence_page("Sent", "Your answer is in the room.", status)
    text = "It was answered or withdrawn, or its room is closed."
    return sentence_page("This question needs no answer any more", text, status)


async def _read_form(request: Request) -> tuple[str, str | None]:
    """Return text and choice of the form.

    Raises:
        RelayError: ``unsupported_media_type``, ``invalid_request`` or
            ``body_too_large``.
    """
    if request.media_type != _FORM:
        raise RelayError(Problem.UNSUPPORTED_MEDIA_TYPE)
    raw = await request.read_body()
    try:
        fields = parse_qs(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FORM_FIELDS,
        )
    except ValueError:
        raise RelayError.invalid("form", "not as the page sends it") from None
    # Browsers send line ends as CR LF.
    text = fields.get("text", [""])[-1].replace("\r\n", "\n").strip()
    choice = fields.get("choice", [""])[-1]
    return text, choice or None


def _in_words(refusal: RelayError) -> str:
    fields = refusal.facts.get("errors")
    if isinstance(fields, list) and fields:
        if any(each["field"] == "text" for each in fields):
            return "Write an answer, or take one of the choices: " + "; ".join(
                str(each["problem"]) for each in fields
            )
        return "; ".join(str(each["problem"]) for each in fields)
    return refusal.text


def _refused(services: Services, refusal: RelayError) -> Response:
    """Return a refusal as a page."""
    services.metrics.note_refusal(refusal.problem)
    seconds = refusal.facts.get("retry_after")
    headers = [] if seconds is None else [(b"retry-after", str(seconds).encode())]
    status = refusal.problem.value.status
    return sentence_page("Not now", refusal.text, status, *headers)
