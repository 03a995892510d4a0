"""Secrets that were handed out, to tell one that has ended from a guess.

Whoever shows what once opened something is told so, however often: it stops only
when it hears that. A guess is slowed down.
"""

from collections import OrderedDict
from typing import Final

import attrs

REMEMBERED_SECRETS: Final = 10_000
"""Ended secrets of one kind that are known again; of more, the oldest are forgotten,
and taken for guesses."""


@attrs.define
class IssuedSecrets:
    """The digests of secrets, the newest `most` of them.

    Attributes:
        most: How many.
    """

    most: int = REMEMBERED_SECRETS
    _digests: OrderedDict[bytes, None] = attrs.field(factory=OrderedDict, repr=False)

    def add(self, digest: bytes) -> None:
        """Remember a secret as the newest; the oldest one too many goes."""
        self._digests[digest] = None
        self._digests.move_to_end(digest)
        if len(self._digests) > self.most:
            self._digests.popitem(last=False)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._digests

    def __len__(self) -> int:
        return len(self._digests)
