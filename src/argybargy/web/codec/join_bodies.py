"""Types of bodies of one-use invites; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class MakeInviteRequest(Struct, frozen=True):
    """A one-use invite to create: to which room, under which name.

    Without `name`, the joiner chooses one. `expires` is the lifetime of the code that
    it gives, such as `7d`, or a number of hours; `ttl_minutes` is how long the invite
    itself can be used, 15 by default.
    """

    room: str = "default"
    name: str | None = None
    capabilities: str | None = None
    client: str | None = None
    expires: str | int | float | None = None
    ttl_minutes: int | float | None = None


class MadeInviteBody(Struct, frozen=True):
    """A new invite, which no other response shows, with its link and a line to paste.

    `name` is null if the joiner chooses one.
    """

    invite: str
    link: str
    id: str
    room: str
    name: str | None
    expires_at: str
    instruction: str
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class InviteRow(Struct, frozen=True, gc=False):
    """An invite, without its secret half.

    `ended_at` is when it was used or revoked; `code_key_id` is the key id of the code
    that it was exchanged for.
    """

    id: str
    invite: str
    room: str
    name: str | None
    capabilities: str
    client: str
    created: str
    expires_at: str
    state: Literal["open", "used", "revoked", "expired"]
    ended_at: str | None
    code_key_id: str | None


class InvitesBody(Struct, frozen=True):
    """Invites that are open, or that ended within the last day, oldest first."""

    invites: list[InviteRow]


class RevokedInviteBody(Struct, frozen=True):
    """Id of the revoked invite."""

    revoked: str


class JoinRequestBody(Struct, frozen=True):
    """An invite, or its link, with the name to join under, if the invite gives none."""

    invite: str
    name: str | None = None
    client: str | None = None


class JoinBody(Struct, frozen=True):
    """A new access code, which no other response shows, and how to go on.

    `manual` is the address of the manual; `expires_at` is null if the code does not
    expire.
    """

    code: str
    key_id: str
    room: str
    name: str
    relay: str
    expires_at: str | None
    capabilities: str
    manual: str
    instruction: str
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class JoinPage(Struct, frozen=True):
    """Not JSON: how to join, as plain text."""
