"""Types of bodies of guests; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class GuestRequestBody(Struct, frozen=True):
    """A guest to let into a room: whether it speaks, under which name, for how long.

    A guest that `speaks` needs a name; a reader without one gets one. `ttl` is a
    lifetime, such as `8h`, or a number of hours; 24 hours by default.
    """

    name: str | None = None
    speaks: bool = False
    ttl: str | int | float | None = None


class GuestBody(Struct, frozen=True):
    """A new guest with its link and code, which no other response shows."""

    link: str
    code: str
    key_id: str
    room: str
    name: str
    role: Literal["person", "reader"]
    speaks: bool
    expires_at: str
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET
