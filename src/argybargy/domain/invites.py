"""One-use invites: the stored record, and the rules of its end.

An invite may be in a prompt or a chat, since it opens no room by itself: it is
exchanged once for an access code, within minutes.
"""

import enum
import hmac
from functools import cached_property

import attrs

from argybargy.domain.access_codes import INVITE_PREFIX, key_id_of
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import fold
from argybargy.system.values import frozen


class InviteEnd(enum.Enum):
    """The way an invite ended before its time."""

    USED = "used"
    REVOKED = "revoked"


@frozen
class InviteRecord:
    """The stored record of one invite.

    Attributes:
        digest: SHA-256 of the invite.
        room: The room that the code opens.
        name: The name of the peer; empty if the joiner chooses it.
        capabilities: A description of the peer's skills.
        client: The program of the peer, if the operator gave it; else empty.
        created_ms: Time of creation, in milliseconds since 1970 UTC.
        expires_ms: Time from which it is too late to join.
        code_seconds: Lifetime of the code; ``None`` without an expiry.
        end: How it ended; ``None`` if it was neither used nor revoked.
        ended_ms: Time of that end; ``None`` without one.
        code_key_id: Key id of the code that it was exchanged for; empty if none.
    """

    digest: bytes = attrs.field(repr=False)
    room: str
    name: str
    capabilities: str
    client: str
    created_ms: int
    expires_ms: int
    code_seconds: float | None = None
    end: InviteEnd | None = None
    ended_ms: int | None = None
    code_key_id: str = ""

    @cached_property
    def key_id(self) -> str:
        """The public id, see :func:`~argybargy.domain.access_codes.key_id_of`."""
        return key_id_of(self.digest)

    @property
    def display(self) -> str:
        """A mask of the invite for display, which reveals no part of it."""
        return f"{INVITE_PREFIX}…{self.key_id}"

    def is_invite(self, digest: bytes) -> bool:
        """Compare the digest of a presented invite in constant time."""
        return hmac.compare_digest(self.digest, digest)

    def shifted(self, by_ms: int) -> "InviteRecord":
        """Return the record with its times moved."""
        return attrs.evolve(
            self,
            created_ms=self.created_ms + by_ms,
            expires_ms=self.expires_ms + by_ms,
        )

    def used(self, at_ms: int, code_key_id: str) -> "InviteRecord":
        """Return the record after the exchange for a code."""
        return attrs.evolve(
            self, end=InviteEnd.USED, ended_ms=at_ms, code_key_id=code_key_id
        )

    def revoked(self, at_ms: int) -> "InviteRecord":
        """Return the record after the operator has revoked the invite."""
        return attrs.evolve(self, end=InviteEnd.REVOKED, ended_ms=at_ms)


class InviteState(enum.Enum):
    """The state of an invite at one moment."""

    OPEN = "open"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


_PROBLEMS = {
    InviteState.USED: Problem.INVITE_USED,
    InviteState.REVOKED: Problem.INVITE_REVOKED,
    InviteState.EXPIRED: Problem.INVITE_EXPIRED,
}


def invite_state(record: InviteRecord, seconds_left: float) -> InviteState:
    """Return the state of an invite.

    Args:
        record: The invite.
        seconds_left: Seconds until its expiry; zero or less after it.
    """
    if record.end is not None:
        return InviteState(record.end.value)
    return InviteState.OPEN if seconds_left > 0 else InviteState.EXPIRED


def check_open(state: InviteState) -> None:
    """Refuse an invite that cannot be used any more.

    Raises:
        RelayError: ``invite_used``, ``invite_revoked`` or ``invite_expired``.
    """
    problem = _PROBLEMS.get(state)
    if problem is not None:
        raise RelayError(problem)


def joining_name(invite: InviteRecord, wanted: str | None) -> str:
    """Return the name under which an invite is used: the operator's, or the joiner's.

    Raises:
        RelayError: ``invalid_request``: no name was given, or another than the
            operator's.
    """
    wanted = wanted or ""
    if not invite.name:
        if not wanted:
            raise RelayError.invalid("name", "choose a name: this invite gives none")
        return wanted
    if wanted and fold(wanted) != fold(invite.name):
        raise RelayError.invalid("name", f"leave it out: you are {invite.name}")
    return invite.name
