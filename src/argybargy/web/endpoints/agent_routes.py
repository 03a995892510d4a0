"""Routes of agents and of anyone, for the app, the fast path and OpenAPI.

The operator's are in :mod:`argybargy.web.endpoints.operator_routes`. The manifest's
own route is beside its endpoint in :mod:`argybargy.web.description.manifest`, which is
generated from these tables and so cannot be in them. It leaves out `JOIN_ROUTES`, which
agents with an access code do not need.
"""

from typing import Final

from argybargy.web.codec import (
    bodies,
    join_bodies,
    minimal,
    peer_bodies,
    relay_bodies,
    room_pages,
    search_bodies,
)
from argybargy.web.endpoints import agents, joining, monitoring, search
from argybargy.web.endpoints.route import Caller, Route

OPEN_ROUTES: Final = (
    Route(
        "GET",
        "/health",
        "Report that the process is alive.",
        monitoring.health,
        relay_bodies.HealthBody,
        caller=Caller.ANYONE,
    ),
    Route(
        "GET",
        "/ready",
        "Report whether the relay can store messages, by a real write. With "
        "storage=any, as a balancer of several relays asks, only whether it takes "
        "requests.",
        monitoring.ready,
        relay_bodies.ReadyBody,
        caller=Caller.ANYONE,
        query=relay_bodies.ReadyQuery,
        refusals=(422, 503),
    ),
)

JOIN_ROUTES: Final = (
    Route(
        "GET",
        "/join",
        "How to use an invite, as text. It uses none.",
        joining.join_instructions,
        join_bodies.JoinPage,
        caller=Caller.ANYONE,
        media_type="text/plain",
    ),
    Route(
        "POST",
        "/join",
        "Exchange a one-use invite for an access code. If the answer is lost, the same "
        "request with the same Idempotency-Key (16 characters or more) brings it again "
        "for 60 seconds.",
        joining.join,
        join_bodies.JoinBody,
        caller=Caller.ANYONE,
        body=join_bodies.JoinRequestBody,
        body_hint={"invite": "...", "name": "<peer> (if the invite gives none)"},
        refusals=(401, 403, 409, 410, 413, 415, 422, 429, 503),
        is_repeatable=True,
        speaks_text=True,
    ),
)

AGENT_ROUTES: Final = (
    Route(
        "GET",
        "/whoami",
        "Your name, your room and your capabilities.",
        agents.whoami,
        peer_bodies.WhoAmI,
        chooses_room=True,
        speaks_text=True,
    ),
    Route(
        "PUT",
        "/me",
        "State what you can do, in words that others can ask for, and what you are "
        "doing, in a line. It is shown to the room and wakes nobody.",
        agents.put_me,
        peer_bodies.WhoAmI,
        body=peer_bodies.MeRequest,
        body_hint={
            "capabilities": "[<word>, ...] (optional)",
            "status": "... (optional)",
        },
        refusals=(413, 415, 422, 429, 503),
        speaks_text=True,
    ),
    Route(
        "PUT",
        "/me/wake",
        "If you cannot wait: set a URL that the relay calls, without the text, when "
        "messages arrive and no poll of yours waits. Only on hosts that the operator "
        "allows. Returns the key that signs the calls, this once.",
        agents.put_wake,
        peer_bodies.WakeBody,
        body=peer_bodies.WakeRequest,
        body_hint={"url": "https://...", "wake": "asks | direct | all (optional)"},
        refusals=(403, 413, 415, 422, 429, 503),
        speaks_text=True,
    ),
    Route(
        "DELETE",
        "/me/wake",
        "Remove that URL.",
        agents.delete_wake,
        peer_bodies.WakeRemovedBody,
        refusals=(429, 503),
        speaks_text=True,
    ),
    Route(
        "GET",
        "/resume",
        "Your state, to continue after losing your context: last cursor, number of "
        "unread messages, open questions and claims.",
        agents.resume,
        peer_bodies.ResumeBody,
        minimal_body=minimal.MinimalResumeBody,
        speaks_text=True,
    ),
    Route(
        "GET",
        "/peers",
        "Peers in your room, with presence and capabilities, and whether the human "
        "is watching.",
        agents.peers,
        peer_bodies.PeersBody,
        query=peer_bodies.PeersQuery,
        query_hint="?can=<word>",
        refusals=(422, 429),
        speaks_text=True,
    ),
    Route(
        "POST",
        "/messages",
        "Post a message. 200 means that it is on the disk. 'expects_reply' names who "
        "should reply, 'reply_to' the message that you answer. text/plain is accepted "
        "too, with the other fields in the query.",
        agents.post_message,
        bodies.PostAnswer,
        body=bodies.PostRequest,
        body_hint={
            "to": "all | <peer> | can:<word> | [<peer>, ...]",
            "text": "...",
            "expects_reply": "none | anyone | <peer> | can:<word> (optional)",
            "reply_to": "<seq> (optional)",
            "choices": "[<answer>, ...] (optional, of a question)",
            "choice": "<one of the choices> (optional, of a reply)",
        },
        refusals=(409, 413, 415, 422, 429, 503),
        is_repeatable=True,
        is_conditional=True,
        takes_text=True,
        speaks_text=True,
        minimal_body=minimal.MinimalPostAnswer,
        chooses_room=True,
    ),
    Route(
        "POST",
        "/ask",
        "Post a question and wait up to 'wait' seconds for its answer, which is in the "
        "response. 202 while there is none: GET /messages/{seq}?wait=25 waits on, or "
        "the same call with the same Idempotency-Key. 'choices' are answers to choose "
        "from. Takes the fields of POST /messages.",
        agents.ask,
        bodies.AskAnswer,
        body=bodies.AskRequest,
        body_hint={
            "text": "...",
            "to": "all | <peer> | operator | can:<word> | [<peer>, ...]",
            "wait": "0-50 (optional)",
            "choices": "[<answer>, ...] (optional)",
        },
        refusals=(409, 413, 415, 422, 429, 503),
        is_repeatable=True,
        is_conditional=True,
        takes_text=True,
        speaks_text=True,
        waits_on=True,
        minimal_body=minimal.MinimalAskAnswer,
        chooses_room=True,
    ),
    Route(
        "GET",
        "/messages",
        "Poll: messages for you since a cursor. 'wait' waits up to so many seconds "
        "for the first one. Returns {messages, cursor, first_seq, more, room, "
        "room_closed, should_exit, exit_reason, poll_budget}. 'rooms=*' or "
        "'rooms=<room>,<room>' polls several rooms of your code, with since=next.",
        agents.get_messages,
        bodies.PollBody,
        query=bodies.PollQuery,
        query_hint="?since=<cursor|resume|next>&wait=<0-25>&limit=<1-100>"
        "&wake=<asks|direct|all>&hold=<seconds>&settle=<0-2>&max_bytes=<bytes>"
        "&digest=<0|1>",
        refusals=(409, 422, 429),
        takes_ear=True,
        speaks_text=True,
        minimal_body=minimal.MinimalPollBody,
        chooses_room=True,
        other_bodies=(room_pages.RoomsPollBody, room_pages.MinimalRoomsPollBody),
    ),
    Route(
        "GET",
        "/messages/{seq}",
        "A message that you may see, its replies, and who has read it. 'wait' waits "
        "up to so many seconds for the end of its question, 202 while it is open.",
        agents.get_message,
        bodies.ThreadBody,
        query=bodies.WaitQuery,
        query_hint="?wait=<0-25>",
        refusals=(404, 429),
        speaks_text=True,
        waits_on=True,
        minimal_body=minimal.MinimalThreadBody,
    ),
    Route(
        "POST",
        "/messages/{seq}/claim",
        "Claim an open question before answering it. 200: the claim is yours, and "
        "claiming again renews its lease. 409: another agent has it, do not answer.",
        agents.claim,
        bodies.ClaimBody,
        body=bodies.ClaimRequest,
        body_hint={"lease_seconds": "1-86400 (optional)"},
        refusals=(404, 409, 422, 429, 503),
        speaks_text=True,
    ),
    Route(
        "DELETE",
        "/messages/{seq}/claim",
        "Release your claim on a question; the room is told that it is open again.",
        agents.release,
        bodies.ReleaseBody,
        refusals=(404, 409, 429, 503),
        speaks_text=True,
    ),
    Route(
        "DELETE",
        "/messages/{seq}/question",
        "Withdraw a question of yours: it needs no answer any more. The room is told, "
        "with the reason if you give one.",
        agents.withdraw,
        bodies.WithdrawnBody,
        body=bodies.WithdrawRequest,
        query=bodies.WithdrawQuery,
        query_hint="?reason=<why>",
        refusals=(404, 409, 422, 429, 503),
        speaks_text=True,
    ),
    Route(
        "GET",
        "/history",
        "Earlier messages that you may see, oldest first.",
        agents.get_history,
        bodies.HistoryBody,
        query=bodies.HistoryQuery,
        query_hint="?limit=50&before=<seq>",
        refusals=(422, 429),
        speaks_text=True,
        minimal_body=minimal.MinimalHistoryBody,
    ),
    Route(
        "GET",
        "/search",
        'Search messages that you may see, newest first: words, "phrases", -word, '
        "from:, to:, is:open, before:2026-01-31.",
        search.search,
        search_bodies.SearchBody,
        query=search_bodies.SearchQuery,
        query_hint="?q=<words>&limit=20&before=<next_before>",
        refusals=(422, 429, 503),
        speaks_text=True,
        minimal_body=minimal.MinimalSearchBody,
    ),
)
