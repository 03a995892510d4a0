"""The errors of the relay, as a table of codes, HTTP statuses and texts.

A problem's code never changes once it is released: agents branch on it. Its text
is a template filled with facts, without content of the request, and tells the reader
how to proceed. Only ``web/errors`` renders it.
"""

import enum
from typing import Self

from argybargy.system.values import frozen


@frozen
class ProblemKind:
    """The constant part of a problem.

    Attributes:
        code: The stable name that clients branch on.
        status: The HTTP status that carries it.
        text: A sentence with ``{facts}`` to fill in.
    """

    code: str
    status: int
    text: str


class Problem(enum.Enum):
    """All problems, in the order of their status."""

    BAD_REQUEST = ProblemKind("bad_request", 400, "{problem}")
    MALFORMED = ProblemKind(
        "malformed",
        400,
        "This is not an HTTP/1.1 request that the relay can read. Use an HTTP library.",
    )
    UNAUTHORIZED = ProblemKind(
        "unauthorized",
        401,
        "Missing, invalid, revoked or expired access code. Send the header "
        "'Authorization: Bearer <code>'. If the code was valid before, it has ended: "
        "stop, and ask the operator of the relay for a new one.",
    )
    ADMIN_UNAUTHORIZED = ProblemKind(
        "admin_unauthorized",
        401,
        "Missing or invalid admin token, or a session that has ended. Send the token "
        "as X-Admin-Token ('argybargy token' prints it on the relay's own machine), "
        "or a session as X-Admin-Session.",
    )
    SIGN_IN_REFUSED = ProblemKind(
        "sign_in_refused",
        401,
        "This sign-in link has been used, has expired, or is not valid. "
        "'argybargy open' makes a new one on the relay's own machine.",
    )
    INVITE_UNKNOWN = ProblemKind(
        "invite_unknown",
        401,
        "This is not an invite of this relay, or it ended long ago. Ask the operator "
        "for a new one.",
    )
    ROOM_QUOTA = ProblemKind(
        "room_quota",
        403,
        "The relay holds its {limit} rooms. Ask the operator to raise the limit.",
    )
    CODE_QUOTA = ProblemKind(
        "code_quota",
        403,
        "The relay has issued its {limit} codes. Revoke one, or raise the limit.",
    )
    INVITE_QUOTA = ProblemKind(
        "invite_quota",
        403,
        "{limit} invites are open. Revoke one, or wait until one is used or expires.",
    )
    READ_ONLY = ProblemKind(
        "read_only",
        403,
        "This code may only read. Ask the operator for a code that may write.",
    )
    WAKE_HOST_REFUSED = ProblemKind(
        "wake_host_refused",
        403,
        "The relay calls only hosts that its operator allows. Ask the operator to add "
        "the host of this URL to ARGYBARGY_WAKE_HOSTS, or wait with GET /messages.",
    )
    WAKE_QUOTA = ProblemKind(
        "wake_quota",
        403,
        "The relay calls {limit} agents already. Wait with GET /messages.",
    )
    ORIGIN_REFUSED = ProblemKind(
        "origin_refused",
        403,
        "A page of another origin may not make this request. If it is yours, add its "
        "host to ARGYBARGY_ALLOWED_HOSTS; if agents run in it, its origin to "
        "ARGYBARGY_CORS_ORIGINS.",
    )
    TOKEN_REQUIRED = ProblemKind(
        "token_required",
        403,
        "A session may not do this. Send the admin token itself, as X-Admin-Token.",
    )
    NOT_FOUND = ProblemKind(
        "not_found",
        404,
        "There is no such message for you in this room. "
        "GET /history lists those that you can read.",
    )
    ROOM_NOT_FOUND = ProblemKind(
        "room_not_found",
        404,
        "There is no such room, or your code does not open it. GET /whoami lists the "
        "rooms of an agent's code; GET /admin/state all rooms, for the operator.",
    )
    SESSION_NOT_FOUND = ProblemKind(
        "session_not_found",
        404,
        "There is no such session, or it has ended. GET /admin/sessions lists them.",
    )
    INVITE_NOT_FOUND = ProblemKind(
        "invite_not_found",
        404,
        "There is no open invite with that id. GET /admin/invites lists them.",
    )
    NO_SUCH_ROUTE = ProblemKind(
        "no_such_route", 404, "There is nothing here. GET / lists every endpoint."
    )
    METHOD_NOT_ALLOWED = ProblemKind(
        "method_not_allowed",
        405,
        "This path does not answer that method. GET / lists every endpoint.",
    )
    REQUEST_TIMEOUT = ProblemKind(
        "request_timeout",
        408,
        "The request did not arrive in time. Send all of it without pauses.",
    )
    ROOM_CLOSED = ProblemKind(
        "room_closed",
        409,
        "Room {room} was closed by {closed_by} at {closed_at}. Nobody is reading "
        "it. Stop polling and finish up.",
    )
    ROOM_OPEN = ProblemKind(
        "room_open",
        409,
        "Room {room} is open. Close it first, so that its agents leave; "
        "then delete it.",
    )
    CLAIMED_BY_OTHER = ProblemKind(
        "claimed_by_other",
        409,
        "{claimed_by} holds the claim on message {seq}. Stay quiet and keep polling; "
        "if the claim lapses, the room says so.",
    )
    NOT_CLAIMABLE = ProblemKind(
        "not_claimable",
        409,
        "Message {seq} cannot be claimed ({reason}). Claim only open questions of "
        "others: expects_reply is 'anyone', your own name, or 'can:' and a capability "
        "of yours.",
    )
    NOT_WITHDRAWABLE = ProblemKind(
        "not_withdrawable",
        409,
        "Message {seq} cannot be withdrawn ({reason}). Only an open question can be, "
        "by its asker or by the operator.",
    )
    AMBIGUOUS = ProblemKind(
        "ambiguous",
        409,
        "That name has codes in several rooms. Say which with 'room', "
        "or revoke them all with 'all': true.",
    )
    NAME_TAKEN = ProblemKind(
        "name_taken",
        409,
        "Somebody else has that name in this room. Choose another one.",
    )
    SENDER_TAKEN = ProblemKind(
        "sender_taken",
        409,
        "An agent of this room has that name. Speak under another one.",
    )
    SEAT_TAKEN = ProblemKind(
        "seat_taken",
        409,
        "{held_by} already listens under this name, in another session, until "
        "{held_until} or longer. End it, or join under another name.",
    )
    IMPORT_CONFLICT = ProblemKind(
        "import_conflict",
        409,
        "Message {seq} of room {room} is a different one here. Nothing in that room "
        "was changed. Import into a data directory without that room.",
    )
    INVITE_USED = ProblemKind(
        "invite_used",
        410,
        "This invite has been used: it gives one code, once. Nothing was changed. Ask "
        "the operator for a new one.",
    )
    INVITE_EXPIRED = ProblemKind(
        "invite_expired",
        410,
        "This invite has expired. Nothing was changed. Ask the operator for a new one.",
    )
    INVITE_REVOKED = ProblemKind(
        "invite_revoked",
        410,
        "The operator has revoked this invite. Nothing was changed. Ask the operator "
        "for a new one.",
    )
    UNREAD_MESSAGES = ProblemKind(
        "unread_messages",
        412,
        "The room has messages after {read_to} that you have not read; this answer has "
        "them. Nothing was posted. Read them, then post with its cursor in If-Match.",
    )
    BODY_TOO_LARGE = ProblemKind(
        "body_too_large",
        413,
        "The request body is larger than {limit_bytes} bytes. Send less.",
    )
    URL_TOO_LONG = ProblemKind(
        "url_too_long",
        414,
        "The URL is longer than {limit_bytes} bytes. Shorten the query.",
    )
    UNSUPPORTED_MEDIA_TYPE = ProblemKind(
        "unsupported_media_type",
        415,
        "Send the body as 'Content-Type: application/json'; "
        "POST /messages also takes text/plain.",
    )
    EXPECTATION_FAILED = ProblemKind(
        "expectation_failed",
        417,
        "The only expectation that is met is 100-continue. "
        "Leave out the header Expect.",
    )
    MISDIRECTED = ProblemKind(
        "misdirected",
        421,
        "The relay does not answer to this Host. Use the address that 'argybargy up' "
        "prints, or add the host to ARGYBARGY_ALLOWED_HOSTS if it is yours.",
    )
    INVALID_REQUEST = ProblemKind(
        "invalid_request",
        422,
        "The request does not fit this endpoint. Correct the fields that 'errors' "
        "names.",
    )
    IDEMPOTENCY_CONFLICT = ProblemKind(
        "idempotency_conflict",
        422,
        "This Idempotency-Key was used for another message ({seq}). "
        "Use a new key for a new message.",
    )
    CONTAINS_SECRET = ProblemKind(
        "contains_secret",
        422,
        "The text contains a valid access code, session or sign-in code. Nothing was "
        "posted. Remove it, and never send a code to anyone.",
    )
    RATE_LIMITED = ProblemKind(
        "rate_limited",
        429,
        "At most {limit} {what} per {window_seconds:g} s. Wait {retry_after} s.",
    )
    AUTH_THROTTLED = ProblemKind(
        "auth_throttled",
        429,
        "Too many failed sign-ins from this address. Wait {retry_after} s.",
    )
    HEADERS_TOO_LARGE = ProblemKind(
        "headers_too_large",
        431,
        "The request head is larger than {limit_bytes} bytes or has more than "
        "{limit_fields} fields. Send fewer or shorter header fields.",
    )
    INTERNAL = ProblemKind(
        "internal_error",
        500,
        "The relay failed to answer, and what you asked for may have been done. Send a "
        "post again with the same Idempotency-Key; all else can be repeated.",
    )
    NOT_IMPLEMENTED = ProblemKind(
        "not_implemented",
        501,
        "The relay speaks HTTP/1.1 without upgrades, and knows no transfer coding but "
        "chunked. Send the request without these.",
    )
    MCP_NOT_INSTALLED = ProblemKind(
        "mcp_not_installed",
        501,
        "MCP is not installed on this relay. The operator installs it with the extra "
        "argybargy[mcp] ('uv sync --extra mcp'). Plain HTTP needs none: see GET /.",
    )
    STORAGE_UNAVAILABLE = ProblemKind(
        "storage_unavailable",
        503,
        "The relay cannot store anything right now. Nothing was changed; "
        "try again in {retry_after} s.",
    )
    STORAGE_UNKNOWN = ProblemKind(
        "storage_unknown",
        503,
        "The relay cannot tell whether this was stored. Repeat it in {retry_after} s "
        "with the same Idempotency-Key, or read first whether it is there.",
    )
    STORAGE_FULL = ProblemKind(
        "storage_full",
        503,
        "The relay's disk is full. Nothing was changed; reading still works. "
        "Try again in {retry_after} s.",
    )
    BUSY = ProblemKind(
        "busy", 503, "The relay is overloaded. Retry in {retry_after} s."
    )
    ROOM_UNAVAILABLE = ProblemKind(
        "room_unavailable",
        503,
        "This room keeps failing, and stays closed off until the relay is restarted. "
        "Ask the operator, who finds the reason in the log, to restart it.",
    )
    DRAINING = ProblemKind(
        "draining", 503, "The relay is shutting down. Try again in {retry_after} s."
    )
    VERSION_NOT_SUPPORTED = ProblemKind(
        "version_not_supported", 505, "The relay speaks HTTP/1.1. Send that version."
    )


class RelayError(Exception):
    """An expected error, which becomes an error response.

    Attributes:
        problem: The kind of error.
        facts: Values that fill the text and are fields of the response; never secrets
            or texts of a request.
    """

    def __init__(self, problem: Problem, /, **facts: object) -> None:
        super().__init__(problem.value.code)
        self.problem = problem
        self.facts = facts

    @property
    def text(self) -> str:
        """The text with the facts filled in."""
        return self.problem.value.text.format_map(self.facts)

    def __str__(self) -> str:
        return f"{self.problem.value.code}: {self.text}"

    @classmethod
    def invalid(cls, field: str, problem: str) -> Self:
        """Make the error for one field: 422 with ``errors: [{field, problem}]``."""
        return cls.invalid_fields([(field, problem)])

    @classmethod
    def invalid_fields(cls, problems: list[tuple[str, str]]) -> Self:
        """Make the error for several invalid fields."""
        errors = [{"field": field, "problem": text} for field, text in problems]
        return cls(Problem.INVALID_REQUEST, errors=errors)
