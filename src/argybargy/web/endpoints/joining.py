"""Endpoints of one-use invites: the operator's, and the exchange for a code."""

from typing import Final

from argybargy.domain.access_codes import INVITE_PREFIX, is_well_formed
from argybargy.domain.durations import parse_lifetime
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import format_timestamp
from argybargy.domain.invites import InviteRecord, InviteState
from argybargy.onboarding.instructions import connect_instruction
from argybargy.onboarding.joining import invite_instruction, invite_link, join_page
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import joining
from argybargy.relay.api.joining import JoinRequest
from argybargy.web.access.auth import count_failure
from argybargy.web.access.services import Services
from argybargy.web.codec import encode
from argybargy.web.codec.decode import (
    check_peer_name,
    check_room_name,
    idempotency_key,
    read_json,
)
from argybargy.web.codec.join_bodies import (
    InviteRow,
    InvitesBody,
    JoinBody,
    JoinRequestBody,
    MadeInviteBody,
    MakeInviteRequest,
    RevokedInviteBody,
)
from argybargy.web.codec.state_text import identity_line
from argybargy.web.codec.text import ignored_lines
from argybargy.web.codec.validation_errors import ValidationErrors
from argybargy.web.request import Request, Response, json_response, text_response

KEY_CHARS = 16
"""Shortest idempotency key of a join: a guessed one would reveal the code."""

_LEAST_SECONDS: Final = 60
"""Shortest time for which an invite can be used."""


async def make_invite(services: Services, request: Request) -> Response:
    """Create a one-use invite; this response is the only one that shows it."""
    body, ignored = await read_json(request, MakeInviteRequest, is_optional=True)
    invitation, seconds = _invitation(services, body)
    made = await joining.create_invite(services.relay, invitation, seconds)
    record, base = made.record, services.public_url
    answer = MadeInviteBody(
        invite=made.invite,
        link=invite_link(base, made.invite),
        id=record.key_id,
        room=record.room,
        name=record.name or None,
        expires_at=format_timestamp(record.expires_ms),
        instruction=invite_instruction(base, made.invite, record.name or None),
    )
    return json_response(answer, ignored)


def _invitation(
    services: Services, body: MakeInviteRequest
) -> tuple[Invitation, float]:
    errors, limits = ValidationErrors(), services.limits
    check_room_name(errors, body.room)
    if body.name is not None:
        check_peer_name(errors, body.name)
    said = {"capabilities": body.capabilities or "", "client": body.client or ""}
    for field, text in said.items():
        _check_line(services, errors, field, text)
    seconds: float = limits.invite_seconds
    if body.ttl_minutes is not None:
        seconds = body.ttl_minutes * 60
    most = limits.invite_seconds_max
    is_wrong = not _LEAST_SECONDS <= seconds <= most
    errors.check("ttl_minutes", f"1 to {most / 60:g} minutes", is_wrong=is_wrong)
    errors.raise_any()
    expires = None if body.expires is None else str(body.expires)
    invitation = Invitation(
        room=body.room,
        name=body.name or "",
        capabilities=said["capabilities"],
        lifetime_seconds=parse_lifetime(expires),
        client=said["client"],
    )
    return invitation, seconds


def _check_line(
    services: Services, errors: ValidationErrors, field: str, text: str
) -> None:
    most = services.limits.capabilities_chars
    is_wrong = len(text) > most or not text.isprintable()
    errors.check(field, f"at most {most} printable characters", is_wrong=is_wrong)


async def list_invites(services: Services, request: Request) -> Response:
    """List the invites that are open or ended lately."""
    rows = [_row(*each) for each in joining.list_invites(services.relay)]
    return json_response(InvitesBody(rows))


def _row(record: InviteRecord, state: InviteState) -> InviteRow:
    return InviteRow(
        id=record.key_id,
        invite=record.display,
        room=record.room,
        name=record.name or None,
        capabilities=record.capabilities,
        client=record.client,
        created=format_timestamp(record.created_ms),
        expires_at=format_timestamp(record.expires_ms),
        state=state.value,
        ended_at=encode.timestamp(record.ended_ms),
        code_key_id=record.code_key_id or None,
    )


async def revoke_invite(services: Services, request: Request) -> Response:
    """Revoke an open invite, by its id."""
    record = await joining.revoke_invite(services.relay, request.params["id"])
    return json_response(RevokedInviteBody(record.key_id))


async def join_instructions(services: Services, request: Request) -> Response:
    """Return how to join, as text; chats open links to make previews of them."""
    return text_response(join_page(services.public_url).rstrip("\n"))


async def join(services: Services, request: Request) -> Response:
    """Exchange an invite for an access code, once.

    The caller has no other credential, so the body is read before it is known.
    """
    body, ignored = await read_json(request, JoinRequestBody)
    presented = body.invite.rpartition("#")[2].strip()
    invite = services.relay.invites.find(presented)
    if invite is None:
        is_guess = is_well_formed(presented, INVITE_PREFIX)
        count_failure(services, request, "join_failed", is_guess=is_guess)
        raise RelayError(Problem.INVITE_UNKNOWN)
    wanted = JoinRequest(presented, body.name, body.client, _key(services, request))
    _check_wanted(services, body)
    joined = await joining.join(services.relay, wanted, invite)
    record, base = joined.record, services.public_url
    answer = JoinBody(
        code=joined.code,
        key_id=record.key_id,
        room=record.room,
        name=record.name,
        relay=base,
        expires_at=encode.timestamp(record.expires_ms),
        capabilities=record.capabilities,
        manual=f"{base}/?format=text",
        instruction=connect_instruction(base, joined.code),
    )
    if request.wants_text:
        lines = [identity_line(record.name, record.room), answer.instruction]
        return text_response("\n".join([*lines, *ignored_lines(ignored)]))
    return json_response(answer, ignored)


def _key(services: Services, request: Request) -> str | None:
    key = idempotency_key(request, services.limits)
    if key is not None and len(key) < KEY_CHARS:
        problem = f"at least {KEY_CHARS} characters that nobody can guess"
        raise RelayError.invalid("Idempotency-Key", problem)
    return key


def _check_wanted(services: Services, body: JoinRequestBody) -> None:
    errors = ValidationErrors()
    if body.name is not None:
        check_peer_name(errors, body.name)
    _check_line(services, errors, "client", body.client or "")
    errors.raise_any()
