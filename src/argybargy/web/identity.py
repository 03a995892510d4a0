"""The identity of an operator who makes a request."""

import enum

from argybargy.system.values import frozen


class IdentityKind(enum.Enum):
    """Credential that the operator presented."""

    TOKEN = "token"  # noqa: S105 - a word, no secret
    SESSION = "session"


@frozen
class OperatorIdentity:
    """An authenticated operator; :meth:`Sessions.is_live` checks that it still is.

    Attributes:
        kind: Credential that was presented.
        era: Number of token rotations before this sign-in; a rotation ends it.
        id: Public id of the session; None for the token.
    """

    kind: IdentityKind
    era: int
    id: str | None = None
