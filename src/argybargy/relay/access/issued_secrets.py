"""Digests of ended secrets, to tell a client with an old one from an attacker.

A client that presents a revoked code is told so each time, so that it can stop. A
guess counts as a failed sign-in and is slowed down.
"""

from collections import OrderedDict
from typing import Final

import attrs

from argybargy.system.values import define

REMEMBERED_SECRETS: Final = 10_000
"""Ended secrets of one kind that are remembered; older ones are taken for guesses."""


@define
class IssuedSecrets:
    """The digests of ended secrets, the newest `most` of them.

    Attributes:
        most: The bound; one more digest drops the oldest.
    """

    most: int = REMEMBERED_SECRETS
    _digests: OrderedDict[bytes, None] = attrs.field(factory=OrderedDict, repr=False)

    def add(self, digest: bytes) -> None:
        """Add a digest as the newest."""
        self._digests[digest] = None
        self._digests.move_to_end(digest)
        if len(self._digests) > self.most:
            self._digests.popitem(last=False)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._digests

    def __len__(self) -> int:
        return len(self._digests)
