"""Types of bodies of sign-in and sessions; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class SignInBody(Struct, frozen=True):
    """A new one-time sign-in code, which no other response shows, and its link."""

    code: str
    url: str
    expires: str


class SessionRequest(Struct, frozen=True):
    """A sign-in code, in place of the admin token; `cookie` asks for a cookie."""

    code: str | None = None
    cookie: bool = False


class SessionBody(Struct, frozen=True):
    """A new session, for `X-Admin-Session`; if `cookie` is true, with the cookie."""

    session: str
    id: str
    created: str
    expires: str
    cookie: bool
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class IdentityBody(Struct, frozen=True):
    """Credential of the caller: the admin token, or a session with its times."""

    kind: Literal["token", "session"]
    id: str | UnsetType = UNSET
    created: str | UnsetType = UNSET
    expires: str | UnsetType = UNSET


class EndedBody(Struct, frozen=True):
    """Id of the session that was ended; null for the admin token, which stays valid."""

    ended: str | None


class SessionRow(Struct, frozen=True):
    """An open session; `address` and `device` are where it was opened from."""

    id: str
    address: str
    device: str
    created: str
    expires: str
    seconds_since_used: float
    streams: int
    current: bool


class SessionsBody(Struct, frozen=True):
    """Open sessions, oldest first, and the number of open sign-in codes."""

    sessions: list[SessionRow]
    sign_in_codes: int


class RevokedSessionBody(Struct, frozen=True):
    """Id of the session that was ended."""

    revoked: str


class RevokedSessionsBody(Struct, frozen=True):
    """Number of sessions that were ended."""

    revoked: int
