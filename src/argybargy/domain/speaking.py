"""What it means for a room that somebody has spoken, here or on another relay."""

from argybargy.domain.addressing import speaks_as
from argybargy.domain.draft import Draft
from argybargy.domain.message import Member, Message, Question
from argybargy.domain.names import fold


def close_answered(draft: Draft, message: Message) -> None:
    """Close what is answered: its addressee replies to it, or speaks to the asker.

    A claim alone answers nothing; the asker's own words neither.
    """
    names = speaks_as(message.sender, message.kind)
    answered = [
        question.seq
        for question in draft.room.questions.values()
        if question.is_put_to(names)
        and (question.seq == message.reply_to or message.is_visible_to(question.asker))
    ]
    for seq in sorted(answered):
        draft.close_question(seq)


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
    member = Member(name, message.kind, message.seq, message.at_ms)
    draft.change(
        spoken_ms=message.at_ms,
        quiet_since=quiet_since,
        members=members.insert(message.sent_by, member),
    )


def open_question(draft: Draft, message: Message) -> None:
    """Note that whoever has said this waits for an answer."""
    audience = None if message.is_broadcast else message.audience
    draft.open_question(
        Question(message.seq, message.sent_by, fold(message.expects), audience)
    )
