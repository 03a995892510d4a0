"""The interface of the admin token."""

from typing import Protocol


class AdminToken(Protocol):
    """The admin token, in a file or in memory."""

    @property
    def mark(self) -> str:
        """Mark of the current token, see `argybargy.domain.sessions.mark_token`."""
        ...

    @property
    def value(self) -> str:
        """The current token."""
        ...

    def matches(self, presented: str) -> bool:
        """Compare a token in constant time."""
        ...

    def is_guess(self, presented: str) -> bool:
        """Tell whether a wrong token is a guess, not an earlier token."""
        ...

    async def rotate(self) -> str:
        """Replace the token durably, and return the new one.

        Raises:
            OSError: It could not be stored; the old token stays valid.
        """
        ...
