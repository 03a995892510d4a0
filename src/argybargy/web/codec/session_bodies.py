"""The bodies of sign-in on the wire; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class SignInBody(Struct, frozen=True):
    """A one-time sign-in code, shown this once, and the link that has it."""

    code: str
    url: str
    expires: str


class SessionRequest(Struct, frozen=True):
    """A sign-in code, if there is no token; and whether a cookie would be kept."""

    code: str | None = None
    cookie: bool = False


class SessionBody(Struct, frozen=True):
    """A session; ``session`` is null when it is in the cookie that comes along."""

    session: str | None
    id: str
    created: str
    expires: str
    idle_seconds: int
    cookie: bool
    ignored: list[str] | UnsetType = UNSET


class IdentityBody(Struct, frozen=True):
    """Who the operator is to the relay."""

    kind: Literal["token", "session"]
    id: str | UnsetType = UNSET
    created: str | UnsetType = UNSET
    expires: str | UnsetType = UNSET
    idle_seconds: int | UnsetType = UNSET


class EndedBody(Struct, frozen=True):
    """The session that was ended; null for the token, which stays what it is."""

    ended: str | None


class SessionRow(Struct, frozen=True):
    """A session, by its public half."""

    id: str
    address: str
    created: str
    expires: str
    seconds_since_used: float
    streams: int
    current: bool


class SessionsBody(Struct, frozen=True):
    """The sessions there are, oldest first."""

    sessions: list[SessionRow]
    idle_seconds: int
    sign_in_codes: int


class RevokedSessionBody(Struct, frozen=True):
    """The session that is gone."""

    revoked: str


class RevokedSessionsBody(Struct, frozen=True):
    """How many sessions are gone."""

    revoked: int
