"""Every endpoint, once: the table behind app, lane, manifest and OpenAPI.

The manifest itself is the one endpoint that is not here, since it is made from this
table: see :mod:`argybargy.web.manifest`.
"""

import enum
from collections.abc import Awaitable, Callable
from typing import Final

import attrs

from argybargy.domain.codes import CodeRecord
from argybargy.web import (
    agents,
    health,
    operator,
    operator_wire,
    session_wire,
    sign_in,
    stream,
    stream_wire,
    wire,
)
from argybargy.web.auth import Services
from argybargy.web.request import Answer, Request

Handler = (
    Callable[[Services, Request], Awaitable[Answer]]
    | Callable[[Services, CodeRecord, Request], Awaitable[Answer]]
)
"""An agent's endpoint is given the code as well."""


class Who(enum.Enum):
    """Who may use an endpoint."""

    ANYONE = "anyone"
    AGENT = "agent"
    OPERATOR = "operator"


@attrs.frozen
class Route:
    """One endpoint, and what there is to say about it.

    Attributes:
        method: In upper case.
        path: With ``{placeholders}``.
        summary: What it is for, in a sentence.
        handler: What answers it.
        answer: The body of a 200.
        who: Who may use it.
        body: The body that it takes, if any.
        query: The query that it takes, if any.
        query_hint: The query as the manifest shows it.
        body_hint: The body as the manifest shows it.
        refusals: The statuses of the errors of its own.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    answer: type
    who: Who = Who.AGENT
    body: type | None = None
    query: type | None = None
    query_hint: str = ""
    body_hint: dict[str, str] | None = None
    refusals: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What the endpoint is called in the OpenAPI document."""
        return self.handler.__name__


OPEN_ROUTES: Final = (
    Route(
        "GET",
        "/health",
        "Is the process alive?",
        health.health,
        wire.HealthBody,
        who=Who.ANYONE,
    ),
    Route(
        "GET",
        "/ready",
        "Can the relay store what it is sent? A real write answers.",
        health.ready,
        wire.ReadyBody,
        who=Who.ANYONE,
        refusals=(503,),
    ),
)

AGENT_ROUTES: Final = (
    Route(
        "GET",
        "/whoami",
        "Your name, your room and your capabilities.",
        agents.whoami,
        wire.WhoAmI,
    ),
    Route(
        "GET",
        "/resume",
        "What you need to carry on after losing your context: your last cursor, how "
        "much is unread, your open questions and your claims.",
        agents.resume,
        wire.ResumeBody,
    ),
    Route(
        "GET",
        "/peers",
        "Who is live in your room, with presence and capabilities.",
        agents.peers,
        wire.PeersBody,
    ),
    Route(
        "POST",
        "/messages",
        "Send a message. 200 means that it is on the disk. 'expects_reply' says who "
        "should respond, 'reply_to' what you answer. text/plain is taken too, with "
        "to, expects_reply and reply_to in the query.",
        agents.post_message,
        wire.PostAnswer,
        body=wire.PostRequest,
        body_hint={
            "to": "all | <peer> | [<peer>, ...]",
            "text": "...",
            "expects_reply": "none | anyone | <peer> (optional)",
            "reply_to": "<seq> (optional)",
        },
        refusals=(409, 413, 415, 422, 429, 503),
    ),
    Route(
        "GET",
        "/messages",
        "Listen: what is new for you since a cursor. With 'wait' it parks until "
        "there is something. Returns {messages, cursor, first_seq, more, room, "
        "room_closed, should_exit, exit_reason, poll_budget}.",
        agents.get_messages,
        wire.PollBody,
        query=wire.PollQuery,
        query_hint="?since=<cursor|resume>&wait=<0-25>&limit=<1-100>",
        refusals=(422, 429),
    ),
    Route(
        "GET",
        "/messages/{seq}",
        "One message that you may see, with its replies.",
        agents.get_message,
        wire.ThreadBody,
        refusals=(404, 429),
    ),
    Route(
        "POST",
        "/messages/{seq}/claim",
        "Claim an open question before answering it. 200: it is yours, and saying it "
        "again renews the lease. 409: somebody else has it, stay quiet.",
        agents.claim,
        wire.ClaimBody,
        body=wire.ClaimRequest,
        body_hint={"lease_seconds": "1-86400 (optional)"},
        refusals=(404, 409, 422, 429, 503),
    ),
    Route(
        "DELETE",
        "/messages/{seq}/claim",
        "Give a claimed question back; the room says that it is open again.",
        agents.release,
        wire.ReleaseBody,
        refusals=(404, 409, 429, 503),
    ),
    Route(
        "GET",
        "/history",
        "Recent messages that you may see, oldest first.",
        agents.get_history,
        wire.HistoryBody,
        query=wire.HistoryQuery,
        query_hint="?limit=50&before=<seq>",
        refusals=(422, 429),
    ),
)

ADMIN_ROUTES: Final = (
    Route(
        "GET",
        "/admin/state",
        "Everything at a glance: rooms, rosters, codes, who waits, recent messages.",
        operator.state,
        operator_wire.StateBody,
        who=Who.OPERATOR,
        query=operator_wire.StateQuery,
    ),
    Route(
        "GET",
        "/admin/stats",
        "The relay in numbers.",
        operator.stats,
        operator_wire.StatsBody,
        who=Who.OPERATOR,
    ),
    Route(
        "GET",
        "/admin/audit",
        "Who did what, newest last.",
        operator.audit,
        operator_wire.AuditBody,
        who=Who.OPERATOR,
        query=operator_wire.AuditQuery,
        refusals=(422,),
    ),
    Route(
        "POST",
        "/admin/invite",
        "Make a code for an agent. It is shown this once.",
        operator.invite,
        operator_wire.InviteBody,
        who=Who.OPERATOR,
        body=operator_wire.InviteRequest,
        refusals=(400, 403, 422, 503),
    ),
    Route(
        "POST",
        "/admin/revoke",
        "Take codes back, by key id, by code or by name.",
        operator.revoke,
        operator_wire.RevokeBody,
        who=Who.OPERATOR,
        body=operator_wire.RevokeRequest,
        refusals=(409, 422, 503),
    ),
    Route(
        "POST",
        "/admin/say",
        "Speak in a room as the human, also in a closed one.",
        operator.say,
        wire.PostAnswer,
        who=Who.OPERATOR,
        body=operator_wire.SayRequest,
        refusals=(403, 409, 422, 503),
    ),
    Route(
        "POST",
        "/admin/rooms/{room}/open",
        "Make a room before anybody speaks in it.",
        operator.open_room,
        operator_wire.RoomActionBody,
        who=Who.OPERATOR,
        body=operator_wire.RoomActionRequest,
        refusals=(422, 503),
    ),
    Route(
        "POST",
        "/admin/rooms/{room}/close",
        "Close a room and dismiss the agents in it.",
        operator.close_room,
        operator_wire.RoomActionBody,
        who=Who.OPERATOR,
        body=operator_wire.RoomActionRequest,
        refusals=(404, 422, 503),
    ),
    Route(
        "POST",
        "/admin/rooms/{room}/reopen",
        "Let agents back into a room.",
        operator.reopen_room,
        operator_wire.RoomActionBody,
        who=Who.OPERATOR,
        body=operator_wire.RoomActionRequest,
        refusals=(404, 422, 503),
    ),
    Route(
        "POST",
        "/admin/regenerate-token",
        "Replace the admin token. Every session and sign-in code ends; a session "
        "may not do it.",
        operator.regenerate_token,
        operator_wire.TokenBody,
        who=Who.OPERATOR,
        refusals=(403, 503),
    ),
    Route(
        "POST",
        "/admin/sign-in",
        "Make a one-time sign-in code, and a link that has it. It is shown this once.",
        sign_in.make_sign_in,
        session_wire.SignInBody,
        who=Who.OPERATOR,
    ),
    Route(
        "POST",
        "/admin/session",
        "Trade the admin token, or a one-time sign-in code, for a session. With "
        "'cookie': true and TLS it comes as a cookie.",
        sign_in.open_session,
        session_wire.SessionBody,
        who=Who.ANYONE,
        body=session_wire.SessionRequest,
        refusals=(401, 403, 413, 415, 422, 429),
    ),
    Route(
        "GET",
        "/admin/session",
        "What you came in by: the token, or which session.",
        sign_in.get_session,
        session_wire.IdentityBody,
        who=Who.OPERATOR,
    ),
    Route(
        "DELETE",
        "/admin/session",
        "Sign out: end the session that the request carries.",
        sign_in.end_session,
        session_wire.EndedBody,
        who=Who.OPERATOR,
    ),
    Route(
        "GET",
        "/admin/sessions",
        "The sessions there are, oldest first.",
        sign_in.list_sessions,
        session_wire.SessionsBody,
        who=Who.OPERATOR,
    ),
    Route(
        "DELETE",
        "/admin/sessions",
        "End every session, and make every open sign-in code worthless.",
        sign_in.revoke_sessions,
        session_wire.RevokedSessionsBody,
        who=Who.OPERATOR,
    ),
    Route(
        "DELETE",
        "/admin/sessions/{id}",
        "End one session, by its id.",
        sign_in.revoke_session,
        session_wire.RevokedSessionBody,
        who=Who.OPERATOR,
        refusals=(404,),
    ),
    Route(
        "POST",
        "/admin/stream",
        "What changes, pushed as JSON, a line each: hello, snapshot, delta, keepalive, "
        "bye.",
        stream.stream,
        stream_wire.HelloFrame,
        who=Who.OPERATOR,
        body=stream_wire.StreamRequest,
        refusals=(413, 415, 422, 503),
    ),
    Route(
        "GET",
        "/admin/rooms/{room}/history",
        "All that was said in a room, oldest first.",
        operator.history,
        wire.HistoryBody,
        who=Who.OPERATOR,
        query=wire.HistoryQuery,
        refusals=(404, 422, 503),
    ),
)
