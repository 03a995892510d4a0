"""Operator's token, stored in a file that only its owner can read."""

import hmac
from codecs import BOM_UTF8
from pathlib import Path
from typing import Final, Self

import attrs
import trio

from argybargy.domain.access_codes import ADMIN_PREFIX, digest_code, is_well_formed
from argybargy.domain.sessions import mark_token
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.access.issued_secrets import IssuedSecrets
from argybargy.system.files import write_private_file
from argybargy.system.values import define

FILE_NAME: Final = "admin.token"
_PRIVATE: Final = 0o600


@define
class FileAdminToken:
    """Admin token in the data directory.

    The mutable state is the token, and digests of the tokens it replaced.

    Attributes:
        path: Path of the file.
        value: Current token; only ``argybargy token`` shows it.
    """

    path: Path
    value: str = attrs.field(repr=False)
    _rotating: trio.Lock = attrs.field(factory=trio.Lock)
    _former: IssuedSecrets = attrs.field(factory=IssuedSecrets)

    @classmethod
    async def open(cls, directory: Path) -> Self:
        """Read the token of a data directory, or create one.

        Raises:
            OSError: The file cannot be read or written, or contains no token.
        """
        path = directory / FILE_NAME
        return cls(path, await trio.to_thread.run_sync(_read_or_make, path))

    @property
    def mark(self) -> str:
        """Mark of the token; sessions opened under another one have ended."""
        return mark_token(self.value)

    def matches(self, presented: str) -> bool:
        """Compare a presented token in constant time."""
        return hmac.compare_digest(self.value.encode(), presented.encode())

    def is_guess(self, presented: str) -> bool:
        """Return whether a wrong token counts as an attempt to guess the right one.

        A generated token can only be guessed with well-formed tokens, a chosen one
        with any text. A token that this process has replaced is no guess: its holder
        may not know of the rotation.
        """
        if digest_code(presented) in self._former:
            return False
        is_ours = is_well_formed(self.value, ADMIN_PREFIX)
        return not is_ours or is_well_formed(presented, ADMIN_PREFIX)

    async def rotate(self) -> str:
        """Replace the token by a new one.

        Raises:
            OSError: The file could not be written; the old token stays valid.
        """
        return await self.replace(_new_token())

    async def replace(self, token: str) -> str:
        """Replace the token by a given one, and return it.

        Raises:
            OSError: The file could not be written; the old token stays valid.
        """
        async with self._rotating:
            # Not `abandon_on_cancel`: a cancelled caller waits for the thread, so that
            # the file and `value` never disagree.
            await trio.to_thread.run_sync(_write, self.path, token)
            self._former.add(digest_code(self.value))
            self.value = token
            return token


def _new_token() -> str:
    return new_code(ADMIN_PREFIX)


def read_token(directory: Path) -> str:
    """Return the token of a data directory; an empty string if it has none.

    Raises:
        OSError: The file cannot be read, or contains no token.
    """
    return _read(directory / FILE_NAME)


def _read(path: Path) -> str:
    if not path.exists():
        return ""
    path.chmod(_PRIVATE)
    raw = path.read_bytes().removeprefix(BOM_UTF8)
    token = raw.decode("ascii", "replace").strip()
    if not token.isprintable() or "\ufffd" in token:
        raise OSError(f"{path} does not hold a token; delete it to get a new one")
    return token


def _read_or_make(path: Path) -> str:
    if token := _read(path):
        return token
    token = _new_token()
    _write(path, token)
    return token


def _write(path: Path, token: str) -> None:
    write_private_file(path, f"{token}\n".encode())
