"""Access codes: what they look like, and what is kept of them.

A code is a prefix, 32 random base62 characters and a checksum, so that secret
scanners, and the relay itself, find it in a text without taking other things for one.
What is kept is its SHA-256: 190 random bits need no slow hash. What signs the operator
in has the same form under prefixes of its own.
"""

import hashlib
import hmac
import re
import zlib
from functools import cached_property
from typing import Final

import attrs

from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
AGENT_PREFIX: Final = "argy_a1_"
SESSION_PREFIX: Final = "argy_s1_"
SIGN_IN_PREFIX: Final = "argy_o1_"
ADMIN_PREFIX: Final = "argy_t1_"
RANDOM_CHARS: Final = 32
_CHECKSUM_CHARS: Final = 6
CODE_PATTERN: Final = re.compile(
    rf"argy_[aost]1_[0-9A-Za-z]{{{RANDOM_CHARS + _CHECKSUM_CHARS}}}"
)
"""Finds codes of every kind in text. Published, so that secret scanners can use it."""

_KEY_ID: Final = re.compile(r"[0-9a-f]{12}")
_ORIGINAL_PATTERN: Final = re.compile(r"[0-9A-Za-z_-]{32}")
"""Finds nothing in text: the first relay's codes, which imports take over as they
are, look like many other words."""


def format_code(random: str, prefix: str = AGENT_PREFIX) -> str:
    """Make a code of 32 random base62 characters."""
    body = prefix + random
    return body + _checksum(body)


def is_well_formed(code: str, prefix: str = "") -> bool:
    """Tell whether `code` looks like one of ours, checksum included.

    Args:
        code: What was presented or found.
        prefix: The kind that it must be of; empty is any.
    """
    if not code.startswith(prefix) or CODE_PATTERN.fullmatch(code) is None:
        return False
    return _checksum(code[:-_CHECKSUM_CHARS]) == code[-_CHECKSUM_CHARS:]


def is_key_id(text: str) -> bool:
    """Tell whether `text` looks like the public handle of a code."""
    return _KEY_ID.fullmatch(text) is not None


def may_be_agents(code: str) -> bool:
    """Tell whether `code` has the form of one that opens a room, here or imported."""
    is_original = _ORIGINAL_PATTERN.fullmatch(code) is not None
    return is_original or is_well_formed(code, AGENT_PREFIX)


def is_operator_secret(code: str) -> bool:
    """Tell whether a well-formed code is the operator's and not an agent's."""
    return not code.startswith(AGENT_PREFIX)


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECKSUM_CHARS):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def digest_code(code: str) -> bytes:
    """Return what is stored of a code."""
    return hashlib.sha256(code.encode()).digest()


def key_id_of(digest: bytes) -> str:
    """Return the public handle of a code: 12 hex digits of its digest.

    Made from the digest and not from the code, so that showing it gives nothing of
    the secret away.
    """
    return digest[:6].hex()


@attrs.frozen
class Peer:
    """A participant: one name in one room, both folded.

    Several codes may speak for one peer; presence, rate limits and claims belong
    to the peer.
    """

    room: RoomKey
    name: PeerKey


@attrs.frozen
class CodeRecord:
    """What the relay keeps of one code.

    Attributes:
        digest: SHA-256 of the code.
        room: The room it opens.
        name: The peer it speaks for.
        capabilities: What that peer says it can do.
        created_ms: When it was issued, in milliseconds since 1970 UTC.
        expires_ms: When it ends; ``None`` is never.
        client: The program it was made for, if the operator said.
        model: The model behind it, if the operator said.
    """

    digest: bytes = attrs.field(repr=False)
    room: str
    name: str
    capabilities: str
    created_ms: int
    expires_ms: int | None = None
    client: str = ""
    model: str = ""

    @cached_property
    def key_id(self) -> str:
        """The public handle."""
        return key_id_of(self.digest)

    @cached_property
    def peer(self) -> Peer:
        """Whom it speaks for."""
        return Peer(room_key(self.room), peer_key(self.name))

    @property
    def display(self) -> str:
        """How the code is shown to people: enough to tell it apart, no part of it."""
        return f"{AGENT_PREFIX}…{self.key_id}"

    def is_live_at(self, wall_ms: int) -> bool:
        """Tell whether the code has not run out at that time."""
        return self.expires_ms is None or wall_ms < self.expires_ms

    def is_code(self, digest: bytes) -> bool:
        """Compare with the digest of a presented code, in constant time."""
        return hmac.compare_digest(self.digest, digest)
