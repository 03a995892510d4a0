"""Endpoints of agents: polls, posts, claims, and reads of their room."""

import attrs
from msgspec import UNSET

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import room_key
from argybargy.relay.api import agent, me, wake
from argybargy.relay.api.asking import ask_as, await_thread
from argybargy.relay.api.conditional_post import Unread, post_if_read
from argybargy.relay.api.poll import poll
from argybargy.relay.api.poll_rooms import poll_rooms
from argybargy.relay.room.delivery_report import OperatorPresence
from argybargy.web.access.room_choice import room_of_request, several_rooms
from argybargy.web.access.services import Services
from argybargy.web.codec import encode, text, waits
from argybargy.web.codec.bodies import ClaimRequest, ReleaseBody, WithdrawnBody
from argybargy.web.codec.conditional import take_read_cursor, unread_response
from argybargy.web.codec.decode import (
    check_lease,
    decode_reason,
    parse_query,
    read_json,
    seq_in_path,
    take_before,
    take_limit,
)
from argybargy.web.codec.minimal import (
    MinimalAskAnswer,
    MinimalHistoryBody,
    MinimalPollBody,
    MinimalPostAnswer,
    MinimalResumeBody,
    MinimalThreadBody,
    body_response,
)
from argybargy.web.codec.peer_bodies import (
    MeRequest,
    PeerBody,
    PeersBody,
    WakeRemovedBody,
    WakeRequest,
)
from argybargy.web.codec.poll_query import decode_poll
from argybargy.web.codec.posts import decode_post
from argybargy.web.codec.room_pages import (
    MinimalRoomsPollBody,
    check_kept_cursor,
    rooms_in_query,
    rooms_poll_body,
    rooms_poll_text,
)
from argybargy.web.codec.state_text import (
    hook_removed_text,
    hook_text,
    resume_text,
    whoami_text,
)
from argybargy.web.codec.statements import (
    capability_in_query,
    hook_of,
    me_body,
    statement,
    wake_body,
)
from argybargy.web.errors import error_response
from argybargy.web.ignored import NONE_IGNORED
from argybargy.web.request import Request, Response, ResponseForm, json_response

_LOST = frozenset({Problem.CLAIMED_BY_OTHER, Problem.NOT_CLAIMABLE})
DEFAULT_HISTORY = 50


async def whoami(services: Services, code: CodeRecord, request: Request) -> Response:
    """Return the caller's name, room, capabilities and status."""
    relay = services.relay
    rooms = relay.codes.rooms_of(code, relay.clock.now())
    body = me_body(me.myself(relay, code), rooms)
    return whoami_text(body) if request.wants_text else json_response(body)


async def put_me(services: Services, code: CodeRecord, request: Request) -> Response:
    """Change the caller's capabilities and status."""
    body, ignored = await read_json(request, MeRequest)
    said = statement(body, services.limits)
    stated = me_body(await me.state(services.relay, code, said))
    if request.wants_text:
        return whoami_text(stated, ignored)
    return json_response(stated, ignored)


async def put_wake(services: Services, code: CodeRecord, request: Request) -> Response:
    """Set the caller's wake hook; this response is the only one with its key."""
    body, ignored = await read_json(request, WakeRequest)
    hook = await wake.set_hook(services.relay, code, *hook_of(body))
    if request.wants_text:
        return hook_text(wake_body(hook), ignored)
    return json_response(wake_body(hook), ignored)


async def delete_wake(
    services: Services, code: CodeRecord, request: Request
) -> Response:
    """Remove the caller's wake hook."""
    removed = await wake.remove_hook(services.relay, code)
    if request.wants_text:
        return hook_removed_text(removed=removed)
    return json_response(WakeRemovedBody(removed=removed))


async def peers(services: Services, code: CodeRecord, request: Request) -> Response:
    """List the peers in the caller's room, or those with a capability."""
    can = capability_in_query(request)
    found = await agent.peers(services.relay, code, can)
    relay = services.relay
    told_ms = relay.notifications.last_told_ms(room_key(code.room))
    operator = OperatorPresence.of(relay.watchers, told_ms)
    if request.wants_text:
        return text.peers_text(found, operator)
    rows = [
        PeerBody(
            seen.name,
            seen.is_online,
            seen.seconds,
            held.capabilities,
            seen.listening.value,
            encode.guest_role(held),
            seen.status or UNSET,
        )
        for seen, held in found
    ]
    return json_response(PeersBody(code.room, rows, encode.operator_body(operator)))


async def resume(services: Services, code: CodeRecord, request: Request) -> Response:
    """Return the state that an agent needs after it has lost its context."""
    found = await agent.resume(services.relay, code)
    capabilities = me.myself(services.relay, code).capabilities
    if request.wants_text:
        return resume_text(_reader(services, code), found, capabilities)
    body = encode.resume_body(found, capabilities)
    return body_response(request, body, MinimalResumeBody)


async def post_message(
    services: Services, code: CodeRecord, request: Request
) -> Response:
    """Post a message to the caller's room."""
    read_to = take_read_cursor(request)
    draft, ignored = await decode_post(request, services.limits)
    code = room_of_request(services, code, request, draft.room)
    draft = attrs.evolve(draft, read_to=read_to)
    outcome = await post_if_read(services.relay, code, draft)
    if isinstance(outcome, Unread):
        services.metrics.note_refusal(outcome.refusal.problem)
        return unread_response(request, _reader(services, code), outcome)
    if request.wants_text:
        return text.post_text(outcome, ignored)
    body = encode.post_answer(outcome)
    return body_response(request, body, MinimalPostAnswer, ignored)


async def ask(services: Services, code: CodeRecord, request: Request) -> Response:
    """Post a question, and wait up to ``wait`` seconds for its answer."""
    read_to = take_read_cursor(request)
    draft, wait, ignored = await waits.decode_ask(request, services.limits)
    code = room_of_request(services, code, request, draft.room)
    draft = attrs.evolve(draft, read_to=read_to)
    asked = await ask_as(services.relay, code, draft, wait)
    if isinstance(asked, Unread):
        services.metrics.note_refusal(asked.refusal.problem)
        return unread_response(request, _reader(services, code), asked)
    if request.wants_text:
        return waits.ask_text(_reader(services, code), asked, ignored)
    status = waits.status_of(asked.waited)
    body = waits.ask_answer(asked)
    return body_response(request, body, MinimalAskAnswer, ignored, status=status)


async def get_messages(
    services: Services, code: CodeRecord, request: Request
) -> Response:
    """Poll: return new messages, waiting up to ``wait`` seconds for the first."""
    rooms = rooms_in_query(request)
    if rooms is not None:
        return await _get_rooms(services, code, request, rooms)
    code = room_of_request(services, code, request)
    answer = await poll(services.relay, code, decode_poll(request, services.limits))
    if request.wants_text:
        return text.poll_text(_reader(services, code), answer)
    if request.form is ResponseForm.JSON:
        return encode.poll_response(answer)
    return body_response(request, encode.poll_body(answer), MinimalPollBody)


async def _get_rooms(
    services: Services, code: CodeRecord, request: Request, rooms: list[str]
) -> Response:
    wanted = decode_poll(request, services.limits)
    check_kept_cursor(wanted)
    codes = several_rooms(services, code, rooms)
    answer = await poll_rooms(services.relay, codes, wanted)
    if request.wants_text:
        return rooms_poll_text(_reader(services, code), answer)
    return body_response(request, rooms_poll_body(answer), MinimalRoomsPollBody)


async def get_message(
    services: Services, code: CodeRecord, request: Request
) -> Response:
    """Return one message with its replies, waiting for the end of its question."""
    seq, wait = seq_in_path(request), waits.decode_wait(request, services.limits)
    if wait:
        return await _await_message(services, code, request, seq, wait)
    thread = await agent.thread(services.relay, code, seq)
    if request.wants_text:
        return text.thread_text(_reader(services, code), thread)
    return body_response(request, encode.thread_body(thread), MinimalThreadBody)


async def _await_message(
    services: Services, code: CodeRecord, request: Request, seq: int, wait: float
) -> Response:
    found = await await_thread(services.relay, code, seq, wait)
    if request.wants_text:
        return waits.awaited_text(_reader(services, code), found)
    status, body = waits.status_of(found.waited), waits.awaited_body(found)
    return body_response(request, body, MinimalThreadBody, status=status)


async def get_history(
    services: Services, code: CodeRecord, request: Request
) -> Response:
    """Return earlier messages that the caller may see."""
    fields = parse_query(request)
    limit = take_limit(fields, DEFAULT_HISTORY, services.limits.history_messages)
    before = take_before(fields, default=MAX_SEQ + 1)
    found = await agent.history(services.relay, code, before, limit)
    if request.wants_text:
        return text.history_text(_reader(services, code), found)
    body = encode.history_body(code.room, found)
    return body_response(request, body, MinimalHistoryBody)


async def claim(services: Services, code: CodeRecord, request: Request) -> Response:
    """Claim an open question, or renew the caller's claim on it."""
    seq = seq_in_path(request)
    body, ignored = ClaimRequest(), NONE_IGNORED
    # Clients of the original Argybargy may send any body along; only JSON is read.
    if request.is_json:
        body, ignored = await read_json(request, ClaimRequest, is_optional=True)
    seconds = check_lease(body, services.limits)
    try:
        granted = await agent.claim(services.relay, code, seq, seconds)
    except RelayError as refusal:
        if refusal.problem not in _LOST:
            raise
        services.metrics.note_refusal(refusal.problem)
        return _lost_response(refusal, seq, as_text=request.wants_text)
    if request.wants_text:
        return text.claim_text(granted, ignored)
    return json_response(encode.claim_body(granted), ignored)


def _lost_response(refusal: RelayError, seq: int, *, as_text: bool) -> Response:
    """Return the error of a lost claim, with the fields of a claim beside it.

    Clients of the original Argybargy read ``won`` and ``claimed_by`` at the top level.
    """
    return error_response(
        refusal,
        as_text=as_text,
        won=False,
        claimed_by=refusal.facts.get("claimed_by"),
        seq=seq,
        expires_at=refusal.facts.get("expires_at"),
    )


async def release(services: Services, code: CodeRecord, request: Request) -> Response:
    """Release the caller's claim on a question."""
    seq = seq_in_path(request)
    await agent.release(services.relay, code, seq)
    if request.wants_text:
        return text.released_text(seq)
    return json_response(ReleaseBody(released=True, seq=seq))


async def withdraw(services: Services, code: CodeRecord, request: Request) -> Response:
    """Withdraw a question that the caller has asked."""
    seq = seq_in_path(request)
    reason, ignored = await decode_reason(request, services.limits)
    await agent.withdraw(services.relay, code, seq, reason)
    if request.wants_text:
        return text.withdrawn_text(seq, ignored)
    return json_response(WithdrawnBody(withdrawn=True, seq=seq), ignored)


def _reader(services: Services, code: CodeRecord) -> text.Reader:
    return text.Reader.of(code, services.relay.clock.now())
