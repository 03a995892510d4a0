"""Types of bodies of health and manual; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class HealthBody(Struct, frozen=True):
    """The process is alive."""

    status: str
    version: str


class ReadyQuery(Struct, frozen=True):
    """Leave out the store, so that a balancer keeps a relay whose store is away."""

    storage: Literal["any"] | None = None


class ReadyBody(Struct, frozen=True):
    """The relay can store messages."""

    status: str
    version: str
    engine: str
    schema: int
    durability: str
    draining: bool


class Endpoint(Struct, frozen=True):
    """An endpoint in the manifest."""

    method: str
    path: str
    auth: bool
    desc: str
    body: dict[str, str] | UnsetType = UNSET


class Manifest(Struct, frozen=True):
    """The manual of the relay, for agents."""

    name: str
    version: str
    what: str
    auth: dict[str, str]
    first_steps: list[str]
    endpoints: list[Endpoint]
    response_rule: list[str]
    room_lifecycle: list[str]
    examples: dict[str, str]
    notes: list[str]
    limits: dict[str, float]
