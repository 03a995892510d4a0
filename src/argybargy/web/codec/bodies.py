"""Types of request and response bodies: messages, polls, questions and errors.

Their docstrings are the descriptions in the OpenAPI document and the HTTP reference. A
field that is ``UNSET`` is left out of the JSON. Bodies hold JSON values only; `decode`
and `encode` convert from and to the domain's values.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

# -- requests -----------------------------------------------------------


class PostRequest(Struct, frozen=True):
    """A message to send.

    `choices` are the answers that a question offers. A reply may carry `choice`, one of
    them, and then needs no `text`. `room` chooses one of the rooms of a code that opens
    several.
    """

    text: str | UnsetType = UNSET
    to: str | list[str] = "all"
    expects_reply: str | None = None
    reply_to: int | None = None
    choices: list[str] = []
    choice: str | None = None
    room: str | None = None


class AskRequest(PostRequest, frozen=True):
    """A question to send, and the seconds to wait for its answer.

    Without `expects_reply`, a question to one peer asks that peer, and any other
    question asks `anyone`.
    """

    wait: float | None = None


class WaitQuery(Struct, frozen=True):
    """Seconds to wait for the end of the question; 202 if it is still open then."""

    wait: float = 0


class ClaimRequest(Struct, frozen=True):
    """Requested lease of a claim, in seconds. Default: the relay's usual lease."""

    lease_seconds: int | None = None


class WithdrawRequest(Struct, frozen=True):
    """The reason for withdrawing a question; may be left out."""

    reason: str = ""


class WithdrawQuery(Struct, frozen=True):
    """The reason, for clients that send no body with DELETE."""

    reason: str | None = None


class PollQuery(Struct, frozen=True):
    """Cursor to read from, longest wait in seconds, and most messages to return.

    `wake` says what ends the wait; other messages are held back for `hold` seconds.
    `settle` gathers more for so many seconds after the message that ends the wait.
    `max_bytes` limits the text of the answer, and `digest=1` counts messages that are
    for information only. `rooms` polls several rooms of a code, `*` all of them, with
    `since=next` or `since=resume`; then without `room` and `digest`.
    """

    since: int | str = 0
    wait: float = 0
    limit: int = 100
    wake: Literal["asks", "direct", "all"] = "all"
    hold: float = 600
    settle: float = 0
    max_bytes: int | None = None
    digest: Literal["0", "1"] = "0"
    rooms: str | None = None


class HistoryQuery(Struct, frozen=True):
    """Maximum messages to return, and the seq below which the page ends."""

    limit: int = 50
    before: int | None = None


# -- responses -----------------------------------------------------------------


class QuestionBody(Struct, frozen=True, omit_defaults=True):
    """The state of a question.

    `by` is the claimer, the peer that answered, or the one that withdrew it; `seq` the
    answering message. Both are absent where unknown. `until` is the end of the claim
    without renewal. Pages of messages leave it out, since each message is encoded once
    for all readers: polls, history, replies and search.
    """

    state: Literal["open", "claimed", "answered", "withdrawn"]
    by: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    until: str | UnsetType = UNSET


class PostedMessage(Struct, frozen=True, rename={"from_": "from"}):
    """A message, as its sender receives it.

    `question` is given with questions, `choices` with those that offer some, and
    `choice` with replies that take one.
    """

    seq: int
    ts: str
    from_: str
    to: str | list[str]
    text: str
    expects_reply: str
    claimed_by: str | None
    reply_to: int | None
    from_kind: Literal["agent", "operator", "system", "person"]
    event: str | UnsetType = UNSET
    question: QuestionBody | UnsetType = UNSET
    choices: list[str] | UnsetType = UNSET
    choice: str | UnsetType = UNSET


class ReadMessage(PostedMessage, frozen=True, rename={"from_": "from"}):
    """A message, as a reader receives it.

    `expects_reply_resolved` is a hint: the only other member, in place of `anyone`.
    """

    expects_reply_resolved: str = "none"


class RoomMessageBody(ReadMessage, frozen=True, rename={"from_": "from"}):
    """A message with its room, as the operator receives it.

    `claimed_until` is given while a claim on the message can expire, except in search.
    """

    room: str = ""
    claimed_until: str | UnsetType = UNSET


class PostAnswer(Struct, frozen=True):
    """A stored message, and its delivery to each addressee.

    `duplicate` is true when the `Idempotency-Key` was used before: the message is
    then the earlier one. `hint` says which questions the message has not answered,
    because it asks, or because it could answer several; `warning` names addressees that
    are not in the room. `receipts` says how soon each addressee, or a peer asked by
    name, hears of it: `wakes now`, `next turn`, `parked`, `held`, `damped until TIME`,
    `online`, `not listening since TIME`, `not listening`, `read` or `unknown`; for the
    operator `watching`, `notified TIME`
    or `away`.
    """

    ok: bool
    message: PostedMessage
    delivery: dict[str, str | dict[str, int]]
    duplicate: bool | UnsetType = UNSET
    hint: str | UnsetType = UNSET
    warning: str | UnsetType = UNSET
    receipts: dict[str, str] | UnsetType = UNSET
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class AskAnswer(PostAnswer, frozen=True, kw_only=True):
    """A question, its state, and the message that answered it.

    The status is 202 while it waits for its answer: ask again with the same
    `Idempotency-Key`, or `GET /messages/{seq}?wait=25`. Polls deliver the answer, too.
    `asked_back` is a question about the question: answer it, then wait on.
    """

    seq: int
    question: QuestionBody | UnsetType = UNSET
    answer: ReadMessage | UnsetType = UNSET
    asked_back: ReadMessage | UnsetType = UNSET
    room_closed: bool | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class RoomStatusBody(Struct, frozen=True):
    """Name and status of a room."""

    name: str
    status: Literal["open", "closed"]
    closed_at: str | None
    closed_by: str | None


class PollBudgetBody(Struct, frozen=True):
    """Advice on how long to continue polling; `reason` is given with `should_exit`."""

    waited_seconds: float
    room_quiet_seconds: float
    idle_seconds: float
    max_idle_seconds: int
    seconds_left: float | None
    should_exit: bool
    reason: str | None


class Gap(Struct, frozen=True, rename={"from_": "from"}):
    """Seqs, first and last included, that retention deleted before they were read."""

    from_: int
    to: int


class DigestBody(Struct, frozen=True, rename={"from_": "from"}):
    """Messages for information: the first and last seq, and how many by sender."""

    from_: int
    to: int
    counts: dict[str, int]


class PollBody(Struct, frozen=True):
    """Messages after `since`, up to and including `cursor`: the next poll's `since`.

    `gap` reports messages that retention deleted before they were read; `reset` means
    that `since` was beyond the newest message and reading starts over. `left` is the
    number of messages that `max_bytes` cut off, `digest` counts those not returned.
    """

    messages: list[ReadMessage]
    cursor: int
    first_seq: int
    more: bool
    room: RoomStatusBody
    room_closed: bool
    should_exit: bool
    exit_reason: str | None
    poll_budget: PollBudgetBody
    gap: Gap | UnsetType = UNSET
    reset: bool | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET
    left: int | UnsetType = UNSET
    digest: DigestBody | UnsetType = UNSET


class HistoryBody(Struct, frozen=True):
    """A page of earlier messages, oldest first; `more` means that there are older."""

    room: str
    messages: list[ReadMessage]
    room_status: RoomStatusBody
    first_seq: int
    more: bool


class ThreadBody(Struct, frozen=True):
    """A message with its replies, oldest first.

    `read_by` names the members that have read it: they have sent back a cursor that
    covers it. With `wait` in the query, `answer` is the message that answered the
    question, and `asked_back` one that asks its asker back.
    """

    message: ReadMessage
    replies: list[ReadMessage]
    read_by: list[str]
    answer: ReadMessage | UnsetType = UNSET
    asked_back: ReadMessage | UnsetType = UNSET
    room_closed: bool | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class ClaimBody(Struct, frozen=True):
    """A granted claim; `fence` is larger than in every earlier claim of the room.

    If the claimer has answered already, `question` says so, with the answer's number.
    """

    won: bool
    claimed_by: str
    seq: int
    fence: int
    lease_seconds: int | None
    expires_at: str | None
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET
    question: QuestionBody | UnsetType = UNSET


class ReleaseBody(Struct, frozen=True):
    """A released claim: the question is open again."""

    released: bool
    seq: int


class WithdrawnBody(Struct, frozen=True):
    """A withdrawn question, which needs no answer."""

    withdrawn: bool
    seq: int
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class FieldProblem(Struct, frozen=True):
    """An invalid field, and the values that it takes."""

    field: str
    problem: str


class ErrorDetail(Struct, frozen=True):
    """Code and explanation of an error. Some errors have further fields."""

    error: str
    detail: str
    request_id: str
    retry_after: int | UnsetType = UNSET
    errors: list[FieldProblem] | UnsetType = UNSET


class ErrorBody(Struct, frozen=True):
    """The body of every error."""

    detail: ErrorDetail


class UnreadBody(PollBody, kw_only=True, frozen=True):
    """Error of a post with ``If-Match``, and what a poll from that cursor returns."""

    detail: ErrorDetail
