"""Rules of choices: which messages may offer some, and which may take one."""

import attrs

from argybargy.domain.choices import find_choice
from argybargy.domain.errors import RelayError
from argybargy.domain.message import Message


def as_offered(message: Message, subject: Message | None) -> Message:
    """Return a message with its choice in the spelling of the question.

    A message without a text has its choice as text.

    Args:
        message: The message.
        subject: The message that it replies to; ``None`` if that is not at hand, and
            the choice keeps its own spelling.
    """
    if message.choice is None:
        return message
    offered = () if subject is None else subject.choices
    choice = find_choice(offered, message.choice) or message.choice
    return attrs.evolve(message, text=message.text or choice, choice=choice)


def check_choices(message: Message, subject: Message | None) -> None:
    """Reject choices of a message that asks nobody, and a choice that is not offered.

    Args:
        message: The message.
        subject: The message that it replies to, if any.

    Raises:
        RelayError: ``invalid_request``; for a choice it says what is offered.
    """
    if message.choices and not message.is_question:
        raise RelayError.invalid(
            "choices", "only a question offers choices: say who answers: expects_reply"
        )
    if message.choice is None:
        return
    if subject is None:
        raise RelayError.invalid(
            "choice", "only a reply takes a choice: name the question with reply_to"
        )
    if not subject.choices:
        raise RelayError.invalid(
            "choice", f"message {subject.seq} offers no choices: answer it with text"
        )
    if find_choice(subject.choices, message.choice) is None:
        offered = ", ".join(f"'{each}'" for each in subject.choices)
        raise RelayError.invalid("choice", f"message {subject.seq} offers {offered}")
