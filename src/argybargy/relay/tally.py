"""What rooms and polls count as they go: plain numbers, read when somebody asks."""

import attrs

from argybargy.domain.histogram import SECONDS, Histogram


def _seconds() -> Histogram:
    return Histogram(SECONDS)


@attrs.define
class Tally:
    """What has happened in all rooms since the relay was started.

    Attributes:
        messages: Messages that were stored, those of the system included.
        claims_won: Questions that somebody got hold of.
        wake_seconds: How long after a message was published the polls that it woke
            had their answers made.
    """

    messages: int = 0
    claims_won: int = 0
    wake_seconds: Histogram = attrs.field(factory=_seconds)
