"""Nodes: the relays that share a store, as they tell each other about themselves."""

from collections.abc import Mapping

import attrs

from argybargy.system.values import frozen


@frozen
class NodeRecord:
    """One node, as it describes itself.

    Attributes:
        id: A random name, new in each run of it.
        name: Host and port, for people.
        version: The version of the program.
        started_ms: Its start, on the wall clock.
        parked: The number of polls parked there.
        is_leading: Whether it does what one node does for all.
        clock_ms: How far the clock of the store is ahead of its own; ``None`` if that
            is not known.
        limits: Its limits, by name.
    """

    id: str
    name: str = ""
    version: str = ""
    started_ms: int = 0
    parked: int = 0
    is_leading: bool = False
    clock_ms: int | None = None
    limits: Mapping[str, float] = attrs.field(factory=dict)


def different_limits(ours: NodeRecord, other: NodeRecord) -> tuple[str, ...]:
    """Return what differs between the limits of two nodes, one text for each.

    A limit that only one of them knows, since its version is another, is left out.
    """
    return tuple(
        f"{name} is {value:g} at {ours.name} and {other.limits[name]:g} at {other.name}"
        for name, value in sorted(ours.limits.items())
        if name in other.limits and other.limits[name] != value
    )
