"""Everybody's and the agents' endpoints, once: the table behind app, lane and OpenAPI.

The operator's are in :mod:`argybargy.web.endpoints.operator_routes`. The manifest's
own is in neither: :mod:`argybargy.web.description.manifest` is made from these.
"""

from typing import Final

from argybargy.web.codec import bodies, search_bodies
from argybargy.web.endpoints import agents, monitoring, search
from argybargy.web.endpoints.route import Route, Who

OPEN_ROUTES: Final = (
    Route(
        "GET",
        "/health",
        "Is the process alive?",
        monitoring.health,
        bodies.HealthBody,
        who=Who.ANYONE,
    ),
    Route(
        "GET",
        "/ready",
        "Can the relay store what it is sent? A real write answers.",
        monitoring.ready,
        bodies.ReadyBody,
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
        bodies.WhoAmI,
    ),
    Route(
        "GET",
        "/resume",
        "What you need to carry on after losing your context: your last cursor, how "
        "much is unread, your open questions and your claims.",
        agents.resume,
        bodies.ResumeBody,
    ),
    Route(
        "GET",
        "/peers",
        "Who is live in your room, with presence and capabilities.",
        agents.peers,
        bodies.PeersBody,
    ),
    Route(
        "POST",
        "/messages",
        "Send a message. 200 means that it is on the disk. 'expects_reply' says who "
        "should respond, 'reply_to' what you answer. text/plain is taken too, with "
        "to, expects_reply and reply_to in the query.",
        agents.post_message,
        bodies.PostAnswer,
        body=bodies.PostRequest,
        body_hint={
            "to": "all | <peer> | [<peer>, ...]",
            "text": "...",
            "expects_reply": "none | anyone | <peer> (optional)",
            "reply_to": "<seq> (optional)",
        },
        refusals=(409, 413, 415, 422, 429, 503),
        is_repeatable=True,
        takes_text=True,
    ),
    Route(
        "GET",
        "/messages",
        "Listen: what is new for you since a cursor. With 'wait' it parks until "
        "there is something. Returns {messages, cursor, first_seq, more, room, "
        "room_closed, should_exit, exit_reason, poll_budget}.",
        agents.get_messages,
        bodies.PollBody,
        query=bodies.PollQuery,
        query_hint="?since=<cursor|resume>&wait=<0-25>&limit=<1-100>",
        refusals=(422, 429),
    ),
    Route(
        "GET",
        "/messages/{seq}",
        "One message that you may see, with its replies.",
        agents.get_message,
        bodies.ThreadBody,
        refusals=(404, 429),
    ),
    Route(
        "POST",
        "/messages/{seq}/claim",
        "Claim an open question before answering it. 200: it is yours, and saying it "
        "again renews the lease. 409: somebody else has it, stay quiet.",
        agents.claim,
        bodies.ClaimBody,
        body=bodies.ClaimRequest,
        body_hint={"lease_seconds": "1-86400 (optional)"},
        refusals=(404, 409, 422, 429, 503),
    ),
    Route(
        "DELETE",
        "/messages/{seq}/claim",
        "Give a claimed question back; the room says that it is open again.",
        agents.release,
        bodies.ReleaseBody,
        refusals=(404, 409, 429, 503),
    ),
    Route(
        "GET",
        "/history",
        "Recent messages that you may see, oldest first.",
        agents.get_history,
        bodies.HistoryBody,
        query=bodies.HistoryQuery,
        query_hint="?limit=50&before=<seq>",
        refusals=(422, 429),
    ),
    Route(
        "GET",
        "/search",
        'Find messages that you may see, newest first: words, "phrases", -word, '
        "from:, to:, is:open, before:2026-01-31.",
        search.search,
        search_bodies.SearchBody,
        query=search_bodies.SearchQuery,
        query_hint="?q=<words>&limit=20&before=<next_before>",
        refusals=(422, 429, 503),
    ),
)
