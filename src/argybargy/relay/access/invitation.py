"""Whom a code is made for."""

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import Instant


@attrs.frozen
class Invitation:
    """Whom a code is made for.

    Attributes:
        room: The room, as it is called.
        name: The peer, as it is called.
        capabilities: What it can do.
        lifetime_seconds: How long the code lives; ``None`` is for ever.
        client: The program it is for.
        model: The model behind it.
    """

    room: str
    name: str
    capabilities: str = ""
    lifetime_seconds: float | None = None
    client: str = ""
    model: str = ""

    def record(self, digest: bytes, now: Instant) -> CodeRecord:
        """Return what is kept of a code that is made now."""
        seconds = self.lifetime_seconds
        return CodeRecord(
            digest=digest,
            room=self.room,
            name=self.name,
            capabilities=self.capabilities,
            created_ms=now.wall_ms,
            expires_ms=None if seconds is None else now.wall_ms + int(seconds * 1000),
            client=self.client,
            model=self.model,
        )
