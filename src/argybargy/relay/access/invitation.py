"""Invitations: requests for an access code."""

from argybargy.domain.access_codes import CodeRecord, Role
from argybargy.domain.instant import Instant
from argybargy.system.values import frozen


@frozen
class Invitation:
    """A request for an access code.

    Attributes:
        room: The name of the room.
        name: The name of the peer.
        capabilities: The peer's abilities, in its own words; for other peers.
        lifetime_seconds: The lifetime of the code; ``None`` without an expiry.
        client: The program that the agent runs in.
        model: The language model behind it.
        role: The kind of holder.
    """

    room: str
    name: str
    capabilities: str = ""
    lifetime_seconds: float | None = None
    client: str = ""
    model: str = ""
    role: Role = Role.AGENT

    def record(self, digest: bytes, now: Instant) -> CodeRecord:
        """Return the record of a code with this digest, created now."""
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
            role=self.role,
        )
