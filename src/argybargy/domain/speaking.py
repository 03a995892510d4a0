"""What it means for a room that somebody has spoken, here or on another relay."""

from argybargy.domain.addressing import answered, speaks_as
from argybargy.domain.draft import Draft
from argybargy.domain.message import Member, Message, Question
from argybargy.domain.names import fold


def close_answered(draft: Draft, message: Message) -> None:
    """Close the questions that a message answers."""
    names = speaks_as(message.sender, message.kind)
    questions = draft.room.questions
    draft.close_questions(answered(questions, names, message.hearers, message.reply_to))


def remember_speaker(draft: Draft, message: Message, quiet_since: float) -> None:
    """Note who has spoken, and when.

    Args:
        draft: The room.
        message: What was said.
        quiet_since: When that was on the steady clock, in seconds.
    """
    members = draft.room.members
    known = members.get(message.sent_by)
    name = known.name if known else message.sender
    heard_ms = draft.now.heard_at(message.at_ms, message.heard_ms)
    member = Member(name, message.kind, message.seq, message.at_ms, heard_ms)
    draft.change(
        # A timestamp may be ahead of the clock, and the silence since would be none.
        spoken_ms=min(message.at_ms, draft.now.wall_ms),
        quiet_since=quiet_since,
        members=members.insert(message.sent_by, member),
    )


def open_question(draft: Draft, message: Message) -> None:
    """Note that whoever has said this waits for an answer."""
    expects = fold(message.expects)
    draft.open_question(
        Question(message.seq, message.sent_by, expects, message.hearers)
    )
