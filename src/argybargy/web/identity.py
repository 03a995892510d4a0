"""The identity of an operator who makes a request."""

import enum

import attrs


class IdentityKind(enum.Enum):
    """What an operator has shown."""

    TOKEN = "token"  # noqa: S105 - a word, no secret
    SESSION = "session"


@attrs.frozen
class OperatorIdentity:
    """An operator who was let in; :meth:`Sessions.is_live` tells whether still.

    Attributes:
        kind: What was shown.
        era: How often everything had been ended by then.
        id: The public handle of the session, if it is one.
    """

    kind: IdentityKind
    era: int
    id: str | None = None
