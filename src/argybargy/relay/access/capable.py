"""Peers by capability, from the texts of their access codes."""

from collections.abc import Iterable

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.capabilities import addresses_of
from argybargy.domain.instant import Instant
from argybargy.domain.names import PeerKey, RoomKey, peer_key
from argybargy.domain.room.commands import Call, Claim, Command, Post
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.system.values import frozen


@frozen
class Capable:
    """The peers of one room by capability, at one time.

    Attributes:
        codes: The access codes.
        room: The room.
        now: The time.
    """

    codes: CodeRegistry
    room: RoomKey
    now: Instant

    def addresses(self, peer: PeerKey) -> frozenset[PeerKey]:
        """Return the addresses ``can:WORD`` of a peer's capabilities."""
        text = self.codes.capabilities_of(Peer(self.room, peer), self.now)
        return addresses_of(text)

    def names(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the peers that some addresses ``can:WORD`` stand for.

        At most one more than a message may call: more are refused in any case.
        """
        most, found = self.codes.limits.called_peers + 1, dict[PeerKey, str]()
        for address in dict.fromkeys(map(peer_key, wanted)):
            for code in self.codes.capable(self.room, address, self.now):
                if len(found) == most:
                    return tuple(found.values())
                found[code.peer.name] = code.name
        return tuple(found.values())

    def has_other(self, wanted: str, peer: PeerKey) -> bool:
        """Tell whether an address ``can:WORD`` stands for anybody but a peer."""
        found = self.codes.capable(self.room, peer_key(wanted), self.now)
        return any(code.peer.name != peer for code in found)

    def complete(self, command: Command) -> Command:
        """Return a command with the capabilities that its rules need.

        Called at the time of the decision. A peer that gains a capability later is
        called by a command of its own, so no peer is missed in between.
        """
        match command:
            case Post():
                wanted = [name for name in command.to if ":" in name]
                called = self.names(wanted) if wanted else ()
                if not called and command.reply_to is None:
                    return command
                return attrs.evolve(
                    command, addresses=self._of(command.sender), called=called
                )
            case Claim():
                return attrs.evolve(command, addresses=self._of(command.peer))
            case Call():
                return attrs.evolve(command, addresses=self._of(command.peer))
            case _:
                return command

    def _of(self, name: str) -> frozenset[PeerKey]:
        return self.addresses(peer_key(name))
