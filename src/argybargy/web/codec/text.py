"""Convert values to the text form, the responses for language models.

Messages are the lines of :mod:`argybargy.domain.text_form`. Of all else only what must
change the behaviour of the reader is printed, in lines that no text can forge. A poll
without news has an empty body; its cursor is in a header.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from argybargy.domain.access_codes import CodeRecord, Role
from argybargy.domain.answer_form import Digest
from argybargy.domain.instant import Instant
from argybargy.domain.message import TO_ALL, Lease, Message
from argybargy.domain.names import peer_key
from argybargy.domain.room.commands import ClaimGranted
from argybargy.domain.room.questions import (
    QuestionState,
    QuestionStatus,
    question_state,
)
from argybargy.domain.roster import LastSeen
from argybargy.domain.text_form import (
    TextMessage,
    escape_text,
    render_age,
    render_message,
)
from argybargy.relay.api.agent import History, Thread
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.api.posting import PostOutcome
from argybargy.relay.api.search import SearchPage
from argybargy.relay.room.delivery_report import OperatorPresence
from argybargy.relay.room.receipts import Receipt, ReceiptKind
from argybargy.system.values import frozen
from argybargy.web.ignored import Ignored
from argybargy.web.request import Response, text_response

CURSOR: Final = b"x-argybargy-cursor"
_MEMO: Final = " text"
"""Key in a message's memo. It begins with a space, so that it is no name."""
_DAY_SECONDS: Final = 86_400
ENDED: Final = frozenset({QuestionStatus.ANSWERED, QuestionStatus.WITHDRAWN})
"""States of a question that needs no answer any more."""


@frozen
class Reader:
    """The reader of a response, and the time.

    Attributes:
        name: The reader's name, which is shown as ``you``.
        now: The current time, for ages.
    """

    name: str
    now: Instant

    @classmethod
    def of(cls, code: CodeRecord, now: Instant) -> "Reader":
        """Return the reader that holds a code."""
        return cls(code.name, now)

    def line(self, message: Message, text: str | None = None) -> str:
        """Render a message, or another text in its place.

        The line is kept in the message's memo while it is the same for all readers:
        without an age, and addressed to all without asking this reader by name.
        """
        age = render_age(self.now.age_seconds(message.at_ms, message.heard_ms))
        names_reader = peer_key(message.expects) == peer_key(self.name)
        is_shared = message.is_broadcast and not (names_reader or age or text)
        if not is_shared:
            return render_message(text_message(message, age, text), self.name)
        encoded = message.memo.get(_MEMO)
        if encoded is None:
            encoded = render_message(text_message(message)).encode()
            message.memo[_MEMO] = encoded
        return encoded.decode()

    def lines(self, messages: Iterable[Message]) -> list[str]:
        """Render messages."""
        return [self.line(message) for message in messages]


def text_message(
    message: Message, age: str = "", text: str | None = None
) -> TextMessage:
    """Convert a message.

    Args:
        message: The message.
        age: Its age, if shown.
        text: The text to show. Default: that of the message.
    """
    state = question_state(message)
    status = None if state is None else state.status
    return TextMessage(
        seq=message.seq,
        sender=message.sender,
        text=message.text if text is None else text,
        to=() if message.to == TO_ALL else message.to,
        kind=message.kind,
        asks=message.expects,
        holder=message.claimed_by if status is QuestionStatus.CLAIMED else None,
        is_answered=status is QuestionStatus.ANSWERED,
        answered_by=None if state is None else state.seq,
        is_withdrawn=status is QuestionStatus.WITHDRAWN,
        reply_to=message.reply_to,
        # An ended question takes no answer, so it offers none.
        choices=() if status in ENDED else message.choices,
        choice=None if message.choice == message.text else message.choice,
        age=age,
    )


def poll_text(reader: Reader, answer: PollAnswer) -> Response:
    """Return the response to a poll, with the cursor in its header."""
    page, status = answer.page, answer.status
    lines = ["reset"] if answer.is_reset else []
    if answer.gap:
        lines.append("gap {}-{}".format(*answer.gap))
    lines += reader.lines(page.messages)
    if answer.digest is not None:
        lines.append(_digest_line(answer.digest))
    if page.has_more:
        left = "" if answer.left is None else f" ({answer.left} left)"
        lines.append(f"more: since={page.cursor}{left}")
    if status.is_closed:
        lines.append(escape_text(f"leave: room closed by {status.closed_by}"))
    elif answer.budget.should_exit:
        lines.append(f"leave: silent for {answer.budget.idle_seconds:.0f} seconds")
    headers = [(CURSOR, str(page.cursor).encode())]
    if answer.retry_seconds:
        headers.append((b"retry-after", str(answer.retry_seconds).encode()))
    return text_response("\n".join(lines)).with_headers(*headers)


def _digest_line(digest: Digest) -> str:
    """Count the messages of a digest by sender."""
    total = sum(count for _, count in digest.counts)
    senders = ", ".join(f"{name} {count}" for name, count in digest.counts)
    return f"and {total} more ({senders}): {digest.first}-{digest.last}"


def history_text(reader: Reader, history: History) -> Response:
    """Return a page of earlier messages."""
    found = history.lookback
    lines = reader.lines(found.messages)
    if found.has_more and found.messages:
        lines.append(f"more: before={found.messages[0].seq}")
    return text_response("\n".join(lines))


def thread_text(reader: Reader, thread: Thread) -> Response:
    """Return a message with its readers and its replies."""
    return text_response("\n".join(thread_lines(reader, thread)))


def thread_lines(reader: Reader, thread: Thread) -> list[str]:
    """Return the lines of a message: why it was withdrawn, its readers, its replies."""
    lines = [reader.line(thread.message)]
    state = question_state(thread.message)
    if state is not None and state.status is QuestionStatus.WITHDRAWN and state.reason:
        lines.append(ending_line(state))
    if thread.read_by:
        lines.append(f"read by {', '.join(thread.read_by)}")
    return [*lines, *reader.lines(thread.replies)]


def ending_line(state: QuestionState) -> str:
    """Return the line that says how a question ended, by whom and why."""
    by = f" by {state.by}" if state.by else ""
    reason = f": {state.reason}" if state.reason else ""
    return escape_text(f"{state.status.value}{by}{reason}").replace("\n", " ")


def search_text(reader: Reader, page: SearchPage) -> Response:
    """Return found messages, each with an excerpt in place of its text."""
    lines = [reader.line(found.row.message, found.excerpt.text) for found in page.found]
    if page.next_before is not None:
        lines.append(f"more: before={page.next_before}")
    return text_response("\n".join(lines))


def peers_text(
    peers: Iterable[tuple[LastSeen, CodeRecord]], operator: OperatorPresence
) -> Response:
    """Return the peers, one a line, and whether the operator is watching.

    A line has the name, the presence, the capabilities, and after a dot the status.
    """
    lines = []
    for seen, held in peers:
        state = seen.listening.value
        age = "" if seen.is_online else render_age(seen.seconds)
        role = "" if held.role is Role.AGENT else f" ({held.role.value})"
        line = f"{seen.name}{role} {state}{age and f' ({age})'}"
        if held.capabilities:
            line = f"{line}: {escape_text(held.capabilities)}"
        lines.append(f"{line} · {escape_text(seen.status)}" if seen.status else line)
    lines.append(f"operator {operator}")
    return text_response("\n".join(lines))


def post_text(outcome: PostOutcome, ignored: Ignored) -> Response:
    """Return the number of a stored message, its receipts, and what was wrong."""
    head = f"ok {outcome.message.seq}{receipts_part(outcome)}"
    return text_response("\n".join([head, *post_lines(outcome, ignored)]))


def receipts_part(outcome: PostOutcome) -> str:
    """Return the receipts of a post as the end of its line; empty without any."""
    receipts = [
        f"{name} {_short_receipt(receipt)}"
        for name, receipt in outcome.delivery.receipts
        if receipt.kind is not ReceiptKind.UNKNOWN  # a warning of its own
    ]
    return " · " + ", ".join(receipts) if receipts else ""


def post_lines(outcome: PostOutcome, ignored: Ignored) -> list[str]:
    """Return the lines that say what was wrong with a post."""
    lines = [f"hint: {outcome.hint}"] if outcome.hint else []
    report = outcome.delivery
    if outcome.message.calls:
        names = ", ".join(name for name, _ in report.to)
        lines += [f"reaches {names}"] if names else []
    lines += [f"warning: {each}" for each in report.warnings]
    return [*lines, *ignored_lines(ignored)]


def _short_receipt(receipt: Receipt) -> str:
    at_ms = receipt.at_ms
    return receipt.kind.value if at_ms is None else f"{receipt.kind} {_clock(at_ms)}"


def _clock(wall_ms: int) -> str:
    """Return the time of a receipt; it belongs to this day, or the age of presence."""
    return datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%H:%M UTC")


def claim_text(granted: ClaimGranted, ignored: Ignored) -> Response:
    """Return a granted claim with the end of its lease.

    Of a question that the claimer has answered, it returns the number of the answer:
    there is nothing left to do.
    """
    head = _answered(granted) or claimed_line(granted.lease)
    return text_response("\n".join([head, *ignored_lines(ignored)]))


def _answered(granted: ClaimGranted) -> str | None:
    state = question_state(granted.message)
    if state is None or state.status is not QuestionStatus.ANSWERED:
        return None
    by = "" if state.seq is None else f" by your message {state.seq}"
    return f"answered {granted.lease.seq}{by}"


def claimed_line(lease: Lease) -> str:
    """Return a claim with the end of its lease."""
    until = ""
    if lease.expires_ms is not None and lease.seconds is not None:
        form = "%H:%M" if lease.seconds < _DAY_SECONDS else "%Y-%m-%d %H:%M"
        end = datetime.fromtimestamp(lease.expires_ms / 1000, UTC)
        until = f" until {end.strftime(form)} UTC"
    return f"claimed {lease.seq}{until}"


def ignored_lines(ignored: Ignored) -> list[str]:
    """Return the line that names the unknown fields of a request, if there are any."""
    if not ignored:
        return []
    return [escape_text(f"ignored: {ignored.shown()}").replace("\n", " ")]


def released_text(seq: int) -> Response:
    """Return a released claim."""
    return text_response(f"released {seq}")


def withdrawn_text(seq: int, ignored: Ignored) -> Response:
    """Return a withdrawn question."""
    return text_response("\n".join([f"withdrawn {seq}", *ignored_lines(ignored)]))
