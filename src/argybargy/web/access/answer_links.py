"""Links in notifications: each lets its holder answer one question, for an hour.

A link holds the id of a notice, its end and a signature, so nothing is stored about it.
The key that signs is derived from a file of the data directory and the admin token: it
survives a restart, and replacing the token revokes every link.
"""

import base64
import binascii
import enum
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import attrs
import trio

from argybargy.system.values import define, frozen
from argybargy.web.access.public_address import PublicAddress

PATH: Final = "/q"
"""Path below which the links are."""
LINK_SECONDS: Final = 3_600
"""Lifetime of a link."""
LINKS_REMEMBERED: Final = 1_000
"""Maximum used links that are remembered, to say that an answer was sent."""
_ID_BYTES: Final = 16
_END_BYTES: Final = 4
_SIGNATURE_BYTES: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{48}")
_LAST_END: Final = 2**32 - 1


class LinkState(enum.Enum):
    """The states of a presented link."""

    VALID = "valid"
    LATE = "late"
    FORGED = "forged"
    MALFORMED = "malformed"


@frozen
class AnswerLink:
    """A link as presented.

    Attributes:
        state: What it is worth.
        notice_id: The id of the notice; empty unless it is valid or late.
    """

    state: LinkState
    notice_id: str = ""


@define(eq=False)
class AnswerLinks:
    """Makes links and reads them.

    Mutable state: the latest links that were used, oldest first, and the lock.

    Attributes:
        key: The secret of the data directory.
        admin_token: Returns the current admin token.
        address: The public address of the relay.
        answering: Lets one answer in at a time, so that the second tap of a double tap
            finds the link used.
    """

    key: bytes = attrs.field(repr=False)
    admin_token: Callable[[], str] = attrs.field(repr=False)
    address: PublicAddress
    answering: trio.Lock = attrs.field(factory=trio.Lock, repr=False)
    _used: OrderedDict[str, bytes] = attrs.field(factory=OrderedDict, repr=False)

    def make(self, notice_id: str, now_ms: int) -> str | None:
        """Return a link for the question of a notice.

        Args:
            notice_id: The id of the notice, 32 hex digits.
            now_ms: The time, in milliseconds since 1970 UTC.

        Returns:
            The link; ``None`` if the relay has no public address.
        """
        if not self.address.is_public:
            return None
        end = min(_LAST_END, now_ms // 1000 + LINK_SECONDS)
        signed = bytes.fromhex(notice_id) + end.to_bytes(_END_BYTES, "big")
        token = base64.urlsafe_b64encode(signed + self._sign(signed)).decode()
        return f"{self.address.url}{PATH}/{token}"

    def read(self, token: str, now_ms: int) -> AnswerLink:
        """Check the last part of a link's path; the comparison takes constant time.

        Args:
            token: The part of the path.
            now_ms: The time, in milliseconds since 1970 UTC.
        """
        if _TOKEN.fullmatch(token) is None:
            return AnswerLink(LinkState.MALFORMED)
        try:
            raw = base64.urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            return AnswerLink(LinkState.MALFORMED)
        signed, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(signed)):
            return AnswerLink(LinkState.FORGED)
        end = int.from_bytes(signed[_ID_BYTES:], "big")
        state = LinkState.VALID if now_ms < end * 1000 else LinkState.LATE
        return AnswerLink(state, signed[:_ID_BYTES].hex())

    def is_used(self, notice_id: str) -> bool:
        """Tell whether an answer was sent with a link to a question."""
        return notice_id in self._used

    def has_sent(self, notice_id: str, answer: str) -> bool:
        """Tell whether this answer was sent with a link to a question."""
        return self._used.get(notice_id) == _digest(answer)

    def note_used(self, notice_id: str, answer: str) -> None:
        """Note that an answer was sent with a link to a question."""
        self._used[notice_id] = _digest(answer)
        while len(self._used) > LINKS_REMEMBERED:
            self._used.popitem(last=False)

    def _sign(self, signed: bytes) -> bytes:
        token = self.admin_token().encode()
        key = hmac.digest(self.key, b"answer-link." + token, hashlib.sha256)
        return hmac.digest(key, signed, hashlib.sha256)[:_SIGNATURE_BYTES]


def _digest(answer: str) -> bytes:
    return hashlib.sha256(answer.encode()).digest()
