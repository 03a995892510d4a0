"""The operator's token, in a file of its own that nobody else can read."""

import hmac
from codecs import BOM_UTF8
from pathlib import Path
from typing import Final, Self

import attrs
import trio

from argybargy.domain.access_codes import ADMIN_PREFIX, digest_code, is_well_formed
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.access.issued_secrets import IssuedSecrets
from argybargy.system.files import write_private_file

FILE_NAME: Final = "admin.token"
_PRIVATE: Final = 0o600


@attrs.define
class FileAdminToken:
    """The token as it is in the data directory.

    Attributes:
        path: The file.
        value: The token; shown only by the command whose purpose that is.
    """

    path: Path
    value: str = attrs.field(repr=False)
    _rotating: trio.Lock = attrs.field(factory=trio.Lock)
    _former: IssuedSecrets = attrs.field(factory=IssuedSecrets)

    @classmethod
    async def open(cls, directory: Path) -> Self:
        """Read the token of a data directory, or make one where there is none.

        Raises:
            OSError: The file can be neither read nor written.
        """
        path = directory / FILE_NAME
        return cls(path, await trio.to_thread.run_sync(_read_or_make, path))

    def matches(self, presented: str) -> bool:
        """Compare in constant time; anything that is not the token is not."""
        return hmac.compare_digest(self.value.encode(), presented.encode())

    def is_guess(self, presented: str) -> bool:
        """Tell whether a wrong token may have been meant to find this one.

        A token that somebody has chosen may be found by anything; one that the relay
        has made, by what has its form alone. One that this process replaced is known.
        """
        if digest_code(presented) in self._former:
            return False
        is_ours = is_well_formed(self.value, ADMIN_PREFIX)
        return not is_ours or is_well_formed(presented, ADMIN_PREFIX)

    async def rotate(self) -> str:
        """Write a new token, and use it from then on.

        Raises:
            OSError: It could not be written; the old one stays.
        """
        async with self._rotating:
            token = _new_token()
            # Not given up half-way: the file and this value are one.
            await trio.to_thread.run_sync(_write, self.path, token)
            self._former.add(digest_code(self.value))
            self.value = token
            return token


def _new_token() -> str:
    return new_code(ADMIN_PREFIX)


def _read_or_make(path: Path) -> str:
    if path.exists():
        path.chmod(_PRIVATE)
        raw = path.read_bytes().removeprefix(BOM_UTF8)
        token = raw.decode("ascii", "replace").strip()
        if not token.isprintable() or "\ufffd" in token:
            raise OSError(f"{path} does not hold a token; delete it to get a new one")
        if token:
            return token
    token = _new_token()
    _write(path, token)
    return token


def _write(path: Path, token: str) -> None:
    write_private_file(path, f"{token}\n".encode())
