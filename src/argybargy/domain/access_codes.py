"""Access codes: format, checksum, digest and stored record.

A code is a prefix, 32 random base62 characters and a checksum, so that secret scanners,
and the relay itself, can detect it in text without false positives. Only its SHA-256 is
stored; 190 random bits need no slow hash. Sessions, sign-in codes, the admin token and
invites have the same format with other prefixes.
"""

import enum
import hashlib
import hmac
import re
import zlib
from functools import cached_property
from typing import Final

import attrs

from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key
from argybargy.system.values import frozen

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
AGENT_PREFIX: Final = "argy_a1_"
SESSION_PREFIX: Final = "argy_s1_"
SIGN_IN_PREFIX: Final = "argy_o1_"
ADMIN_PREFIX: Final = "argy_t1_"
INVITE_PREFIX: Final = "argy_i1_"
RANDOM_CHARS: Final = 32
_CHECKSUM_CHARS: Final = 6
CODE_PATTERN: Final = re.compile(
    rf"argy_[aiost]1_[0-9A-Za-z]{{{RANDOM_CHARS + _CHECKSUM_CHARS}}}"
)
"""Matches codes of every kind in text. Published for secret scanners."""

_KEY_ID: Final = re.compile(r"[0-9a-f]{12}")
_ORIGINAL_PATTERN: Final = re.compile(r"[0-9A-Za-z_-]{32}")
"""Matches imported codes of the original relay. Not used to search text, because many
other words match it."""


def format_code(random: str, prefix: str = AGENT_PREFIX) -> str:
    """Make a code from 32 random base62 characters."""
    body = prefix + random
    return body + _checksum(body)


def is_well_formed(code: str, prefix: str = "") -> bool:
    """Tell whether `code` has the format of a code, with a valid checksum.

    Args:
        code: The presented or detected string.
        prefix: The required prefix; empty accepts every kind.
    """
    if not code.startswith(prefix) or CODE_PATTERN.fullmatch(code) is None:
        return False
    return _checksum(code[:-_CHECKSUM_CHARS]) == code[-_CHECKSUM_CHARS:]


def is_key_id(text: str) -> bool:
    """Tell whether `text` has the format of a key id."""
    return _KEY_ID.fullmatch(text) is not None


def may_be_agents(code: str) -> bool:
    """Tell whether `code` has the format of an agent's code, native or imported."""
    is_original = _ORIGINAL_PATTERN.fullmatch(code) is not None
    return is_original or is_well_formed(code, AGENT_PREFIX)


def is_operator_secret(code: str) -> bool:
    """Tell whether a well-formed code is a secret of the operator alone.

    Agents' codes and invites are not: both are handed out.
    """
    return not code.startswith((AGENT_PREFIX, INVITE_PREFIX))


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECKSUM_CHARS):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def digest_code(code: str) -> bytes:
    """Return the SHA-256 of a code, which is stored in its place."""
    return hashlib.sha256(code.encode()).digest()


def key_id_of(digest: bytes) -> str:
    """Return the public key id of a code: the first 12 hex digits of its digest.

    Derived from the digest, so that showing it reveals no part of the code.
    """
    return digest[:6].hex()


@frozen
class Peer:
    """The identity of a participant: one name in one room.

    Several codes may speak for one peer; presence, rate limits and claims belong
    to the peer.
    """

    room: RoomKey
    name: PeerKey


class Role(enum.Enum):
    """The kind of holder of a code, which decides what it may do.

    A person speaks as an agent does, and is shown as a person. A reader sees what is
    said to everybody, and may change nothing.
    """

    AGENT = "agent"
    PERSON = "person"
    READER = "reader"


@frozen
class CodeRecord:
    """The stored record of one code.

    Attributes:
        digest: SHA-256 of the code; of further rooms, see
            :mod:`argybargy.domain.many_rooms`.
        room: The room it opens.
        name: The peer it speaks for.
        capabilities: A description of the peer's skills, for other members.
        created_ms: Time of issue, in milliseconds since 1970 UTC.
        expires_ms: Time of expiry; ``None`` means never.
        client: The agent's program, if the operator gave it; else empty.
        model: The agent's language model, if the operator gave it; else empty.
        role: The kind of holder.
        presented: SHA-256 of a code of several rooms, in the records of all rooms but
            the first; ``None`` in all other records.
    """

    digest: bytes = attrs.field(repr=False)
    room: str
    name: str
    capabilities: str
    created_ms: int
    expires_ms: int | None = None
    client: str = ""
    model: str = ""
    role: Role = Role.AGENT
    presented: bytes | None = attrs.field(default=None, repr=False)

    @property
    def code_digest(self) -> bytes:
        """SHA-256 of the code that is presented; the same in the records of a code."""
        return self.digest if self.presented is None else self.presented

    @cached_property
    def key_id(self) -> str:
        """The public key id, see :func:`key_id_of`."""
        return key_id_of(self.digest)

    @cached_property
    def peer(self) -> Peer:
        """The peer that the code authenticates."""
        return Peer(room_key(self.room), peer_key(self.name))

    @cached_property
    def reads_as(self) -> PeerKey:
        """The peer whose messages it may read.

        Nobody can be called by that of a reader, since no name begins with a dash: no
        direct message is for it.
        """
        name = self.peer.name
        return PeerKey(f"-{name}") if self.role is Role.READER else name

    @property
    def display(self) -> str:
        """A mask of the code for display, which identifies it but reveals no part."""
        return f"{AGENT_PREFIX}…{self.key_id}"

    def is_live_at(self, wall_ms: int) -> bool:
        """Tell whether the code is unexpired at that time."""
        return self.expires_ms is None or wall_ms < self.expires_ms

    def shifted(self, by_ms: int) -> "CodeRecord":
        """Return the record with its times moved."""
        ends = self.expires_ms
        return attrs.evolve(
            self,
            created_ms=self.created_ms + by_ms,
            expires_ms=None if ends is None else ends + by_ms,
        )

    def is_code(self, digest: bytes) -> bool:
        """Compare the digest of a presented code in constant time."""
        return hmac.compare_digest(self.code_digest, digest)
